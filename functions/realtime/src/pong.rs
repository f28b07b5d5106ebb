//! `ping` and `resume`

use domain::inbox::Missed;
use domain::lease::Lease;
use socket::frame::{Beat, ChannelResumed, Channels, Cursors, Heads, Pong, ResumeResult, Stay};
use socket::{Code, Problem};

use crate::state::State;

/// Renews the lease, and the stay in a call if one is named, and tells the heads; to `resume` also what was missed, by a
/// read that misses nothing.
pub(crate) async fn pong(
    state: &State,
    opened: &Lease,
    stay: Option<Stay>,
    cursors: Option<Cursors>,
) -> Result<Pong, Problem> {
    let now = state.now();
    let closed = || Problem::new(Code::ConnectionUnknown);
    let (lease, room) =
        state.switchboard.connections.lease(opened, cursors.is_some(), now).await?.ok_or_else(closed)?;
    let inbox = room.card.ok_or_else(|| Problem::new(Code::AccountGone))?.value.inbox;
    let lease = lease.renew(now);
    match state.switchboard.connections.renew(&lease).await {
        Err(stale) if stale.is_stale() => return Err(closed()),
        renewed => renewed?,
    }
    let channels = cursors.map(|cursors| {
        let missed = cursors.inbox.map_or(Missed::Lost, |position| inbox.since(position));
        let (result, items) = match missed {
            Missed::Full(items) => (ResumeResult::Full, items),
            Missed::Partial(items) => (ResumeResult::Partial, items),
            Missed::Lost => (ResumeResult::Lost, Vec::new()),
        };
        Channels { inbox: ChannelResumed { result, items } }
    });
    let call = match stay {
        Some(Stay { call_id, generation }) => {
            Some(match state.switchboard.renew(opened.user, call_id, generation, now).await {
                Ok(stay) => Beat::Renewed(stay),
                Err(problem) => Beat::Refused(problem),
            })
        }
        None => None,
    };
    Ok(Pong { at: now, rollover_at: lease.rollover_at(), heads: Heads { inbox: inbox.position() }, call, channels })
}
