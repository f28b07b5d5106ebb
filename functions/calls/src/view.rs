//! Shapes and steps that several endpoints share.

use api::token::Access;
use domain::id::{CallId, OfferId};
use domain::negotiation::Place;
use domain::text::DeviceId;
use serde::Serialize;
use socket::view::StateName;
use utoipa::ToSchema;

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
    named.unwrap_or_else(|| caller.sid.to_string().parse().expect("a session's id has letters, digits and _"))
}
