//! `presence.get`

use domain::limit;
use socket::frame::{Presence, PresenceGet, PresenceReply};
use socket::{Code, Problem};

use crate::state::State;

/// Says who has a live connection. Somebody unknown is simply not online.
pub(crate) async fn presence(state: &State, ask: PresenceGet) -> Result<PresenceReply, Problem> {
    if ask.people.len() > limit::PRESENCE_PEOPLE {
        let detail = format!("must name at most {} people", limit::PRESENCE_PEOPLE);
        return Err(Problem::new(Code::InvalidFields).at("/data/people", detail));
    }
    let rooms = state.switchboard.connections.rooms(&ask.people, false, state.now()).await?;
    let people = ask.people.into_iter().zip(rooms);
    let people = people.map(|(user_id, room)| Presence { user_id, online: !room.leases.is_empty() });
    Ok(PresenceReply { people: people.collect() })
}
