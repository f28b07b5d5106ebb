//! `GET /api/webrtc/call/{id}`

use api::{Caller, Path, Refusal};
use axum::Json;
use axum::extract::State as Extract;
use domain::call::{Call, CallRefused, Standing};
use domain::id::CallId;
use serde::Serialize;
use socket::Problem;
use socket::view::{CallView, CandidatesView, DescriptionView, Signals};
use utoipa::ToSchema;

use crate::state::State;

/// A call with what waits for the one who asks.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CallWithSignals {
    #[serde(flatten)]
    call: CallView,
    /// Nothing once the call is over.
    signals: Signals,
}

/// Shows a call, with the descriptions and candidates that wait for the caller. When a callee asks for a call that
/// no device knew of, it rings from then on.
#[utoipa::path(
    get, path = "/api/webrtc/call/{id}", operation_id = "showCall", tag = "calls", security(("bearer" = [])),
    params(("id" = CallId, Path)),
    responses((status = 200, body = CallWithSignals), (status = "default", body = Problem, content_type = "application/problem+json"))
)]
pub(crate) async fn show(
    Extract(state): Extract<State>,
    Caller(caller): Caller,
    Path(id): Path<CallId>,
) -> Result<Json<CallWithSignals>, Refusal> {
    let (me, now) = (caller.sub, state.now());
    let known = state.switchboard.calls.signalled_for(id, me).await?.ok_or(CallRefused::Stranger)?;
    let standing = known.call.value.participant(me)?.standing;
    let mut call = state.switchboard.settle(known.call.clone(), now).await?;
    if standing == Standing::Invited && !call.is_over() {
        // Somebody may have ended it meanwhile: then that is what is shown.
        let ring = |call: Call| match call.clone().ring(me, now) {
            Err(CallRefused::Over) => Ok(call.settle(now)),
            rung => rung,
        };
        call = state.switchboard.change(me, id, now, ring).await?;
    }
    let mut signals = Signals::default();
    if !call.is_over() {
        // What was made for a connection that one of the two has made anew since means nothing.
        let newest = known.descriptions_for(me).filter(|d| d.place.epoch == call.epoch(me, d.from));
        signals.descriptions = newest.map(|d| DescriptionView::of(id, d)).collect();
        let usable = known
            .waiting_for(me)
            .filter(|w| known.description(me, w.value.from).is_none_or(|newest| !w.value.is_stale(&newest.value)));
        signals.candidates = usable.map(|w| CandidatesView::waited(id, w.value.clone())).collect();
    }
    Ok(Json(CallWithSignals { call: CallView::of(&call, now), signals }))
}
