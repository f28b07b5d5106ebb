//! Who somebody is: accounts, their ways in, their sessions.
//!
//! | route | file |
//! |---|---|
//! | `POST /auth/register` | `register.rs` |
//! | `POST /auth/login` | `login.rs` |
//! | `POST /auth/token` | `exchange_code.rs` |
//! | `POST /auth/refresh` | `refresh.rs` |
//! | `POST /auth/logout` | `logout.rs` |
//! | `GET /auth/me` | `me.rs` |
//! | `GET /auth/sessions` | `list_sessions.rs` |
//! | `DELETE /auth/sessions/{id}` | `revoke_session.rs` |
//! | `POST /auth/ws-ticket` | `ws_ticket.rs` |
//! | `GET /auth/linkedin/auth-url` | `linkedin_auth_url.rs` |
//! | `GET /auth/linkedin/callback` | `linkedin_callback.rs` |
//! | `GET /auth/linkedin/profile` | `linkedin_profile.rs` |
//! | `POST /auth/linkedin/sync` | `linkedin_sync.rs` |
//! | `POST /auth/linkedin/unlink` | `linkedin_unlink.rs` |
//! | `GET /api/limits` | `limits.rs` |
//! | `GET /.well-known/jwks.json` | `jwks.rs` |
//! | `GET /openapi.json`, `/asyncapi.json`, `/docs`, `/docs/problems` | `contracts.rs` |

use axum::Router;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

mod contracts;
mod device;
mod exchange_code;
mod jwks;
mod limits;
mod linkedin_auth_url;
mod linkedin_callback;
mod linkedin_profile;
mod linkedin_sync;
mod linkedin_unlink;
mod list_sessions;
mod login;
mod logout;
mod me;
mod password;
mod refresh;
mod register;
mod revoke_session;
mod state;
mod view;
mod ws_ticket;

pub use state::{Settings, State};

/// Every route of the group.
pub fn router(state: State) -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(register::register))
        .routes(routes!(login::login))
        .routes(routes!(exchange_code::exchange_code))
        .routes(routes!(refresh::refresh))
        .routes(routes!(logout::logout))
        .routes(routes!(me::me))
        .routes(routes!(list_sessions::list_sessions))
        .routes(routes!(revoke_session::revoke_session))
        .routes(routes!(ws_ticket::ws_ticket))
        .routes(routes!(linkedin_auth_url::linkedin_auth_url))
        .routes(routes!(linkedin_callback::linkedin_callback))
        .routes(routes!(linkedin_profile::linkedin_profile))
        .routes(routes!(linkedin_sync::linkedin_sync))
        .routes(routes!(linkedin_unlink::linkedin_unlink))
        .routes(routes!(limits::limits))
        .routes(routes!(jwks::jwks))
        .with_state(state)
}

/// The group as Lambda and the laptop run it.
pub fn service(state: State) -> Router {
    let edge = state.edge.clone();
    let (routes, contract) = router(state).split_for_parts();
    let paths = contract.paths.paths.into_keys();
    api::layers::wrap("auth", routes.merge(contracts::router()), paths, &edge)
}
