//! `$disconnect`

use domain::lease::ConnectionId;

use crate::state::State;

/// Forgets a connection. A failure is only logged: the lease ends by itself.
pub(crate) async fn close(state: &State, connection: &ConnectionId) {
    if let Err(error) = state.switchboard.connections.close(connection, state.now()).await {
        tracing::warn!(error = socket::problem::causes(&error), "a closed connection was not forgotten");
    }
}
