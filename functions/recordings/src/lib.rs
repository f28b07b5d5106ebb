//! Recordings: asking everybody, uploading, watching, deleting. The bytes go between browsers and the bucket.
//!
//! | route | file |
//! |---|---|
//! | `POST /api/webrtc/call/{id}/recording` | `ask.rs` |
//! | `POST /api/webrtc/call/{id}/recording/consent` | `consent.rs` |
//! | `POST /api/recordings/{id}/parts` | `part.rs` |
//! | `POST /api/recordings/{id}/stop` | `stop.rs` |
//! | `POST /api/recordings/{id}/complete` | `complete.rs` |
//! | `GET /api/recordings` | `list.rs` |
//! | `GET /api/recordings/{id}` | `show.rs` |
//! | `DELETE /api/recordings/{id}` | `delete.rs` |

use axum::Router;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

mod ask;
mod complete;
mod consent;
mod delete;
mod list;
mod part;
mod show;
mod state;
mod stop;
mod view;

pub use state::{Settings, State};

/// Every route of the group.
pub fn router(state: State) -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(ask::ask))
        .routes(routes!(consent::consent))
        .routes(routes!(part::part))
        .routes(routes!(stop::stop))
        .routes(routes!(complete::complete))
        .routes(routes!(list::list))
        .routes(routes!(show::show))
        .routes(routes!(delete::delete))
        .with_state(state)
}

/// The group as Lambda and the laptop run it.
pub fn service(state: State) -> Router {
    let edge = state.edge.clone();
    let (routes, contract) = router(state).split_for_parts();
    api::layers::wrap("recordings", routes, contract.paths.paths.into_keys(), &edge)
}

/// Whether a path, as people ask for it, is of this group and not of `calls`, whose paths are around it.
pub fn serves(path: &str) -> bool {
    let path = path.strip_prefix("/api/v1/").or_else(|| path.strip_prefix("/api/")).unwrap_or_default();
    let of_a_call = path.strip_prefix("webrtc/call/").and_then(|rest| rest.split_once('/')).map(|(_, rest)| rest);
    path.split('/').next() == Some("recordings") || matches!(of_a_call, Some("recording" | "recording/consent"))
}
