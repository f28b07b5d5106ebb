//! `POST /auth/ws-ticket`

use api::token::Ticket;
use api::{Caller, Refusal};
use axum::Json;
use axum::extract::State as Extract;
use domain::id::TicketId;
use domain::limit::{self, Rate};
use domain::session::SessionRefused;
use jiff::Timestamp;
use serde::Serialize;
use socket::Problem;
use utoipa::ToSchema;

use crate::state::State;

/// A ticket for one socket.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TicketView {
    /// For the query parameter `ticket`.
    ticket: String,
    /// Where to connect, with the ticket in it.
    url: String,
    /// It is refused from then on.
    #[schema(value_type = String, format = DateTime)]
    expires_at: Timestamp,
}

/// Gives out a ticket that opens one socket within 30 seconds. A socket cannot send headers, and a token in
/// its URL would end up in logs; a ticket in a log is worth nothing.
#[utoipa::path(
    post, path = "/auth/ws-ticket", operation_id = "wsTicket", tag = "auth", security(("bearer" = [])),
    responses((status = 200, body = TicketView), (status = "default", body = Problem, content_type = "application/problem+json"))
)]
pub(crate) async fn ws_ticket(
    Extract(state): Extract<State>,
    Caller(caller): Caller,
) -> Result<Json<TicketView>, Refusal> {
    state.limit(Rate::Ticket, &caller.sub.to_string()).await?;
    let now = state.now();
    let session = state.accounts.session(caller.sub, caller.sid, true).await?;
    session.ok_or(SessionRefused::Revoked)?.value.alive(now)?;
    let ticket = Ticket { sub: caller.sub, sid: caller.sid, jti: TicketId::new(now, state.entropy()) };
    let ticket = state.signer.ticket(&ticket, now);
    let url = format!("{}?ticket={ticket}", state.socket_url);
    Ok(Json(TicketView { ticket, url, expires_at: now + limit::TICKET }))
}
