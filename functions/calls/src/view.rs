//! Shapes and steps that several endpoints share.

use api::token::Access;
use domain::call::Call;
use domain::id::{CallId, OfferId};
use domain::text::DeviceId;
use futures_util::{StreamExt as _, stream};
use serde::Serialize;
use socket::Problem;
use socket::view::{CallView, StateName};
use utoipa::ToSchema;

use crate::state::State;

/// A description was taken.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Described {
    /// Within which call.
    pub(crate) call_id: CallId,
    /// The offer, or the offer that was answered.
    pub(crate) offer_id: OfferId,
    /// Where the call stands now.
    pub(crate) state: StateName,
}

/// A device's name: what the caller says, or else its session.
pub(crate) fn device(named: Option<DeviceId>, caller: &Access) -> DeviceId {
    named.unwrap_or_else(|| caller.sid.to_string().parse().expect("a session's id has letters, digits and _"))
}

/// A history's row says what the call was like at its begin or its end. A row of a live call is looked up, in
/// one request for all of them; a few that the clock has ended meanwhile are ended for good.
pub(crate) async fn as_they_stand(state: &State, rows: Vec<Call>) -> Result<Vec<CallView>, Problem> {
    const ENDED_FOR_GOOD: usize = 10;
    let now = state.now();
    let live: Vec<CallId> = rows.iter().filter(|call| !call.is_over()).map(|call| call.id).collect();
    let found = state.switchboard.calls.find_many(&live).await?;
    let late = found.iter().filter(|read| read.value.clone().settle(now).1.is_some()).take(ENDED_FOR_GOOD).cloned();
    let settling: Vec<_> = late.map(|read| state.switchboard.settle(read, now)).collect();
    let settled = stream::iter(settling).buffer_unordered(4).collect::<Vec<_>>().await;
    settled.into_iter().collect::<Result<Vec<_>, _>>()?;
    let newest = |row: Call| found.iter().find(|read| read.value.id == row.id).map_or(row, |read| read.value.clone());
    Ok(rows.into_iter().map(|row| CallView::of(&newest(row).settle(now).0, now)).collect())
}
