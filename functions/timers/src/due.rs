//! A minute went by: every call whose time has come is settled.

use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use store::StoreError;
use store::timers::Timer;

use crate::state::State;
use crate::{Answer, Error};

/// Timers of one page, and how many of them are seen to at once.
const PAGE: usize = 100;
const AT_ONCE: usize = 16;
/// Another page is begun within this time; the next minute goes on with what is left.
const PATIENCE: Duration = Duration::from_secs(15);

/// Settles the calls that are due, the oldest first. A timer is taken away after its call was settled, so a death in
/// between settles it again, which changes nothing.
pub(crate) async fn fire(state: &State) -> Result<Answer, Error> {
    let begun = state.now();
    let mut fired = 0;
    loop {
        let due = state.timers.due(begun, PAGE).await?;
        let settled: Vec<_> = due.iter().map(|timer| settle(state, *timer)).collect();
        let seen: Vec<_> = stream::iter(settled).buffer_unordered(AT_ONCE).collect().await;
        let (done, failed): (Vec<_>, Vec<_>) = seen.into_iter().partition(Result::is_ok);
        let done: Vec<Timer> = done.into_iter().flatten().collect();
        state.timers.disarm(&done).await?;
        fired += done.len();
        if let Some(Err(error)) = failed.into_iter().next() {
            return Err(error.into());
        }
        // A full page may hide more.
        let late = state.now().duration_since(begun) > PATIENCE.try_into()?;
        if due.len() < PAGE || late {
            return Ok(Answer::Minute { fired });
        }
    }
}

/// Ends the call if its time has come, tells everybody in it, and arms the next timer if it goes on.
async fn settle(state: &State, timer: Timer) -> Result<Timer, StoreError> {
    let Some(read) = state.switchboard.calls.find(timer.call, false).await? else { return Ok(timer) };
    let call = state.switchboard.settle(read, state.now()).await?;
    if let Some(at) = call.due() {
        state.timers.arm(Timer { at, call: call.id }).await?;
    }
    Ok(timer)
}
