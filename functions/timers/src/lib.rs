//! What time does to calls that nobody asks about: a ring that nobody answered ends, and so does a call that was
//! forgotten.
//!
//! | event | from | file |
//! |---|---|---|
//! | a call began | the stream of the calls table | `begun.rs` |
//! | a minute went by | a schedule | `due.rs` |
//!
//! Nothing depends on it for being right: whoever reads a call settles it first. It makes the history complete and tells
//! those who wait, within a minute.

mod begun;
mod due;
mod state;

use std::time::Instant;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use socket::problem::causes;

pub use state::State;

/// What Lambda hands over.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Event {
    /// Records of the stream, in their order.
    Stream {
        #[serde(rename = "Records")]
        records: Vec<Value>,
    },
    /// The schedule's input.
    Clock { timers: Due },
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Due {
    Due,
}

/// What Lambda gets back: for a stream the records to hand over again (`ReportBatchItemFailures`), for the clock how
/// many timers were seen to.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Answer {
    /// Of a stream's batch.
    #[serde(rename_all = "camelCase")]
    Batch {
        /// Records that could not be handled.
        batch_item_failures: Vec<Failure>,
    },
    /// Of a minute.
    Minute {
        /// Timers that were seen to.
        fired: usize,
    },
}

/// A record that could not be handled.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Failure {
    /// Its sequence number.
    pub item_identifier: String,
}

/// An event that is not ours, a record without a place, or a minute that could not be seen to: Lambda counts an error, and
/// hands a stream's batch over again.
pub type Error = Box<dyn std::error::Error + Send + Sync>;

/// Answers Lambda, and ends the batch or the minute in the log.
pub async fn serve(state: &State, event: Value) -> Result<Answer, Error> {
    let begun = Instant::now();
    let event = serde_json::from_value(event).map_err(|_| "the event is neither of a stream nor of the schedule")?;
    let (route, answer) = match event {
        Event::Stream { records } => ("stream", begun::arm(state, &records).await),
        Event::Clock { timers: Due::Due } => ("minute", due::fire(state).await),
    };
    match &answer {
        // Nobody needs to hear, and pay for, every minute in which nothing happened.
        Ok(Answer::Minute { fired: 0 }) => {}
        Ok(_) => api::log::done("timers", route, begun, None),
        Err(error) => tracing::error!(error = causes(&**error), route, "timers failed"),
    }
    answer
}
