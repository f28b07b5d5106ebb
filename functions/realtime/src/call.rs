//! `call.ringing`, `call.candidates`, `call.media`

use domain::call::Media;
use domain::id::{CallId, UserId};
use domain::text::DeviceId;
use serde::Serialize;
use socket::frame::{CallCandidates, CallMedia, CallRinging};
use socket::view::{MediaView, StateName};
use socket::{Problem, Push};
use store::switchboard::Batch;

use crate::state::State;

/// The reply to `call.ringing`.
#[derive(Debug, Serialize)]
pub(crate) struct Ringing {
    call_id: CallId,
    state: StateName,
}

/// The reply to `call.candidates`.
#[derive(Debug, Serialize)]
pub(crate) struct Relayed {
    call_id: CallId,
    delivered: bool,
}

/// The reply to `call.media`.
#[derive(Debug, Serialize)]
pub(crate) struct Told {
    call_id: CallId,
}

/// This device shows the invitation.
pub(crate) async fn ringing(state: &State, me: UserId, said: CallRinging) -> Result<Ringing, Problem> {
    let now = state.now();
    let call = state.switchboard.change(me, said.call_id, now, |call| call.ring(me, now)).await?;
    Ok(Ringing { call_id: call.id, state: call.state.into() })
}

/// Candidates for a peer.
pub(crate) async fn candidates(
    state: &State,
    me: UserId,
    device: DeviceId,
    said: CallCandidates,
) -> Result<Relayed, Problem> {
    let candidates = said.candidates.into_inner();
    let batch = Batch { call: said.call_id, from: me, device, to: said.to, offer_id: said.offer_id, candidates };
    let delivered = state.switchboard.relay(batch, state.now()).await?;
    Ok(Relayed { call_id: said.call_id, delivered })
}

/// What this device sends: told to the others, and kept for who comes later.
pub(crate) async fn media(state: &State, me: UserId, device: DeviceId, said: CallMedia) -> Result<Told, Problem> {
    let now = state.now();
    let CallMedia { call_id, audio, video, screen, hold, .. } = said;
    let media = Media { audio, video, screen, hold };
    let call = state.switchboard.change(me, call_id, now, |call| call.show(me, &device, media, now)).await?;
    let others: Vec<UserId> = call.present().filter(|user| *user != me).collect();
    let view = MediaView { call_id, from: me, device_id: device, media };
    state.switchboard.tell(&others, Push::CallMedia(view), now).await;
    Ok(Told { call_id })
}
