//! Shapes and steps that several endpoints share.

use api::token::Access;
use domain::call::Call;
use domain::id::{CallId, OfferId, UserId};
use domain::negotiation::Place;
use domain::text::DeviceId;
use futures_util::{StreamExt as _, stream};
use serde::Serialize;
use socket::Problem;
use socket::view::StateName;
use utoipa::ToSchema;

use crate::state::State;

/// A description was taken.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Described {
    /// Within which call.
    pub(crate) call_id: CallId,
    /// The offer, or the offer that was answered.
    pub(crate) offer_id: OfferId,
    /// Its place among the pair's descriptions.
    #[serde(flatten)]
    pub(crate) place: Place,
    /// Where the call stands now.
    pub(crate) state: StateName,
}

/// A device's name: what the caller says, or else its session.
pub(crate) fn device(named: Option<DeviceId>, caller: &Access) -> DeviceId {
    named.unwrap_or_else(|| caller.sid.into())
}

/// This person's calls that may be live but those that are known, as they stand: what the clock did to them meanwhile is
/// saved and told.
pub(crate) async fn live(state: &State, user: UserId, known: &[Call]) -> Result<Vec<Call>, Problem> {
    const SETTLED_AT_ONCE: usize = 4;
    let now = state.now();
    let calls = state.switchboard.calls.live(user, known, now).await?;
    // What is over in the store is in the histories.
    let live = calls.into_iter().filter(|read| !read.value.is_over());
    let settling: Vec<_> = live.map(|read| state.switchboard.settle(read, now)).collect();
    let settled = stream::iter(settling).buffered(SETTLED_AT_ONCE).collect::<Vec<_>>().await;
    Ok(settled.into_iter().collect::<Result<_, _>>()?)
}
