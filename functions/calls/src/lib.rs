//! Calls: inviting, signalling, ending, remembering.
//!
//! | route | file |
//! |---|---|
//! | `GET /api/webrtc/health` | `health.rs` |
//! | `POST /api/webrtc/call/initiate` | `initiate.rs` |
//! | `POST /api/webrtc/call/{id}/offer` | `offer.rs` |
//! | `POST /api/webrtc/call/{id}/answer` | `answer.rs` |
//! | `POST /api/webrtc/call/{id}/ice-candidate` | `ice_candidate.rs` |
//! | `GET /api/webrtc/call/{id}` | `show.rs` |
//! | `POST /api/webrtc/call/{id}/join` | `join.rs` |
//! | `POST /api/webrtc/call/{id}/invite` | `invite.rs` |
//! | `POST /api/webrtc/call/{id}/remove` | `remove.rs` |
//! | `POST /api/webrtc/call/{id}/heartbeat` | `heartbeat.rs` |
//! | `POST /api/webrtc/call/{id}/end` | `end.rs` |
//! | `GET /api/webrtc/calls/active` | `active.rs` |
//! | `GET /api/webrtc/calls/history` | `history.rs` |

use axum::Router;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

mod active;
mod answer;
mod end;
mod health;
mod heartbeat;
mod history;
mod ice_candidate;
mod initiate;
mod invite;
mod join;
mod offer;
mod remove;
mod ringing;
mod show;
mod state;
mod view;

pub use state::{Settings, State};

/// Every route of the group.
pub fn router(state: State) -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(health::health))
        .routes(routes!(initiate::initiate))
        .routes(routes!(offer::offer))
        .routes(routes!(answer::answer))
        .routes(routes!(ice_candidate::ice_candidate))
        .routes(routes!(show::show))
        .routes(routes!(join::join))
        .routes(routes!(invite::invite))
        .routes(routes!(remove::remove))
        .routes(routes!(heartbeat::heartbeat))
        .routes(routes!(end::end))
        .routes(routes!(active::active))
        .routes(routes!(history::history))
        .with_state(state)
}

/// The group as Lambda and the laptop run it.
pub fn service(state: State) -> Router {
    let edge = state.edge.clone();
    let (routes, contract) = router(state).split_for_parts();
    api::layers::wrap("calls", routes, contract.paths.paths.into_keys(), &edge)
}
