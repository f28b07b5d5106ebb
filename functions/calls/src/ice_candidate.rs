//! `POST /api/webrtc/call/{id}/ice-candidate`

use api::{Body, Caller, Path, Refusal, refusal::invalid};
use axum::Json;
use axum::extract::State as Extract;
use domain::id::{CallId, OfferId, UserId};
use domain::limit::Rate;
use domain::sdp::{CandidateBatch, CandidateLine, IceCandidate, ShortText};
use domain::text::DeviceId;
use serde::Serialize;
use socket::Problem;
use store::switchboard::Batch;
use utoipa::ToSchema;

use crate::state::State;
use crate::view::device;

api::body! {
    /// Candidates for the peer: a batch, or the fields of a single one with the browser's names for them.
    pub(crate) struct Candidates {
        /// Up to 32 candidates.
        candidates: Option<CandidateBatch>,
        /// A single one: its line.
        candidate: Option<CandidateLine>,
        /// A single one: its media section's tag.
        #[schema(max_length = 256)]
        sdp_mid as "sdpMid": Option<ShortText>,
        /// A single one: its media section's place.
        sdp_m_line_index as "sdpMLineIndex": Option<u16>,
        /// A single one: its ICE generation.
        #[schema(max_length = 256)]
        username_fragment as "usernameFragment": Option<ShortText>,
        /// The offer they belong to.
        offer_id: Option<OfferId>,
        /// For whom; a call of two needs none.
        to: Option<UserId>,
        /// The caller's own name for this device; the session when not said.
        device_id: Option<DeviceId>,
    }
}

/// The candidates were taken.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Relayed {
    /// Within which call.
    call_id: CallId,
    /// Whether a device of the peer took them; otherwise they wait for the peer, unless a newer offer has made them useless.
    delivered: bool,
}

/// Hands ICE candidates to the peer's devices. When none is connected they wait for the
/// peer, at most 128 and 32 KB; those of an offer that is not the newest are dropped.
#[utoipa::path(
    post, path = "/api/webrtc/call/{id}/ice-candidate", operation_id = "iceCandidate", tag = "calls", security(("bearer" = [])),
    params(("id" = CallId, Path)), request_body = Candidates,
    responses((status = 200, body = Relayed), (status = "default", body = Problem, content_type = "application/problem+json"))
)]
pub(crate) async fn ice_candidate(
    Extract(state): Extract<State>,
    Caller(caller): Caller,
    Path(id): Path<CallId>,
    Body(ask): Body<Candidates>,
) -> Result<Json<Relayed>, Refusal> {
    let candidates = match (ask.candidates, ask.candidate) {
        (Some(batch), None) => batch,
        (None, Some(candidate)) => CandidateBatch::from(IceCandidate {
            candidate,
            sdp_mid: ask.sdp_mid,
            sdp_m_line_index: ask.sdp_m_line_index,
            username_fragment: ask.username_fragment,
        }),
        (None, None) => return Err(invalid("/candidates", "is missing").into()),
        (Some(_), Some(_)) => return Err(invalid("/candidate", "send either candidates or candidate").into()),
    };
    state.limit(Rate::Signal, caller.sub).await?;
    let device = device(ask.device_id, &caller);
    let candidates = candidates.relayed(state.addresses);
    let batch = Batch { call: id, from: caller.sub, device, to: ask.to, offer_id: ask.offer_id, candidates };
    let delivered = state.switchboard.relay(batch, state.now()).await?;
    Ok(Json(Relayed { call_id: id, delivered }))
}
