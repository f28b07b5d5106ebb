//! A minute went by: every call whose time has come is settled.

use futures_util::{StreamExt as _, stream};
use jiff::{SignedDuration, Timestamp};
use socket::problem::causes;
use store::StoreError;
use store::timers::{Timer, Timers};

use crate::state::State;
use crate::{Answer, Error};

/// Timers of one page, and how many of them are seen to at once.
const PAGE: usize = 100;
const AT_ONCE: usize = 16;
/// Another page is begun within this time; the next minute goes on with what is left.
const PATIENCE: SignedDuration = SignedDuration::from_secs(15);

/// Settles the calls that are due, the oldest first. A timer is taken away after its call was settled, so a death in
/// between settles it again, which changes nothing. One that fails stays, and holds up no other.
pub(crate) async fn fire(state: &State) -> Result<Answer, Error> {
    let now = state.now();
    let (mut fired, mut failed) = (0, 0);
    'days: for day in Timers::days(now) {
        let mut after = None;
        loop {
            let page = state.timers.due(day, now, after, PAGE).await?;
            let settled: Vec<_> = page.timers.into_iter().map(|timer| settle(state, timer, now)).collect();
            let seen: Vec<Option<Timer>> = stream::iter(settled).buffer_unordered(AT_ONCE).collect().await;
            let done: Vec<Timer> = seen.iter().copied().flatten().collect();
            state.timers.disarm(&done).await?;
            fired += done.len();
            failed += seen.len() - done.len();
            if state.now().duration_since(now) > PATIENCE {
                break 'days;
            }
            after = page.next;
            if after.is_none() {
                break;
            }
        }
    }
    if failed > 0 { Err(format!("{failed} timers could not be seen to").into()) } else { Ok(Answer::Minute { fired }) }
}

/// A timer that was seen to; none if that failed, which the log tells.
async fn settle(state: &State, timer: Timer, now: Timestamp) -> Option<Timer> {
    match end(state, timer, now).await {
        Ok(()) => Some(timer),
        Err(error) => {
            tracing::error!(call.id = %timer.call, error = causes(&error), "a call was not settled");
            None
        }
    }
}

/// Ends the call if its time has come, tells everybody in it, and arms the next timer if it goes on.
async fn end(state: &State, timer: Timer, now: Timestamp) -> Result<(), StoreError> {
    let Some(read) = state.switchboard.calls.find(timer.call, false).await? else { return Ok(()) };
    let call = state.switchboard.settle(read, now).await?;
    match call.due() {
        Some(at) => state.timers.arm(Timer { at, call: call.id }).await,
        None => Ok(()),
    }
}
