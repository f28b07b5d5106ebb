//! What Lambda's event source and the schedule do for the function `timers`.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::mpsc;

/// The template's schedule is a minute; a laptop's user should not wait so long.
const MINUTE: Duration = Duration::from_secs(5);

/// Hands the stream's events and every minute to the function, until the engine stops.
pub(crate) fn pass(state: timers::State, mut stream: mpsc::Receiver<Value>) {
    tokio::spawn(async move {
        let mut clock = tokio::time::interval(MINUTE);
        clock.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            let event = tokio::select! {
                event = stream.recv() => match event {
                    Some(event) => event,
                    None => return,
                },
                _ = clock.tick() => json!({ "timers": "due" }),
            };
            if let Err(error) = timers::serve(&state, event).await {
                tracing::warn!(error = &*error as &dyn std::error::Error, "timers failed");
            }
        }
    });
}
