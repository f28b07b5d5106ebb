//! What a table's stream tells: the facts that ride in the items that changed.

use domain::call::{Call, CallEvent};
use serde::Deserialize;
use serde_json::Value;

use crate::calls::CallItem;
use crate::error::StoreError;

/// A change, as the stream's event has it.
#[derive(Debug, Deserialize)]
struct Change {
    #[serde(rename = "NewImage")]
    new: serde_dynamo::Item,
}

/// Where a record is in its shard: what a consumer reports when it could not handle it.
pub fn sequence_number(record: &Value) -> Option<&str> {
    record.pointer("/dynamodb/SequenceNumber")?.as_str()
}

/// The call of a record of the calls table, and what this write made happen to it, oldest first: the last fact has the
/// number `seq` of the call, so a consumer that remembers the last number it saw knows what is new and what it missed.
/// The record must have the new image.
pub fn call(record: &Value) -> Result<(Call, Vec<CallEvent>), StoreError> {
    let unreadable = |error: &dyn std::fmt::Display| StoreError::Broken(error.to_string().into());
    let change: Change = serde_json::from_value(record["dynamodb"].clone()).map_err(|error| unreadable(&error))?;
    let item: CallItem = serde_dynamo::from_item(change.new).map_err(|error| unreadable(&error))?;
    Ok((item.call, item.facts))
}
