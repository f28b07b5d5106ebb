//! `$connect`

use domain::lease::{ConnectionId, Lease};
use domain::limit;
use socket::view::Closing;
use socket::{Code, Problem};

use crate::state::State;

/// Opens a connection for the holder of an unused ticket, from a page that may. What can be refused without the
/// store is refused first: anybody can dial.
pub(crate) async fn open(
    state: &State,
    connection: ConnectionId,
    ticket: Option<String>,
    origin: Option<String>,
) -> Result<(), Problem> {
    if origin.is_some_and(|origin| !state.origins.allow(&origin)) {
        return Err(Problem::new(Code::OriginRefused));
    }
    let refused = || Problem::new(Code::TicketRefused);
    let now = state.now();
    let ticket = ticket.and_then(|ticket| state.verifier.ticket(&ticket, now).ok()).ok_or_else(refused)?;
    let lease = Lease::open(ticket.jti, connection, ticket.sub, ticket.sid, now);
    let room = match state.switchboard.connections.open(&lease).await {
        Err(used) if used.is_stale() => return Err(refused()),
        opened => opened?.ok_or_else(refused)?,
    };
    for oldest in room.leases.iter().skip(limit::CONNECTIONS) {
        state.switchboard.connections.shut(&*state.switchboard.courier, oldest, Closing::TooManyConnections, now).await;
    }
    Ok(())
}
