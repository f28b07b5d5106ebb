//! What Lambda's event source and the schedule do for the function `timers`.

use std::time::Duration;

use serde_json::{Value, json};
use timers::Answer;
use tokio::sync::mpsc;

/// The template's schedule is a minute; a laptop's user should not wait so long.
const MINUTE: Duration = Duration::from_secs(5);
/// As the template's `MaximumRetryAttempts`; there is no queue here for what is given up.
const REPEATS: usize = 3;

/// Hands the stream's events and every minute to the function, until the engine stops.
pub(crate) fn pass(state: timers::State, mut stream: mpsc::Receiver<Value>) {
    tokio::spawn(async move {
        let mut clock = tokio::time::interval(MINUTE);
        clock.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                event = stream.recv() => match event {
                    Some(event) => hand_over(&state, &event).await,
                    None => return,
                },
                // The function says in the log what went wrong, and the next minute makes up for it.
                _ = clock.tick() => drop(timers::serve(&state, json!({ "timers": "due" })).await),
            }
        }
    });
}

/// A batch comes again while something in it fails.
async fn hand_over(state: &timers::State, batch: &Value) {
    for _ in 0..=REPEATS {
        match timers::serve(state, batch.clone()).await {
            Ok(Answer::Batch { batch_item_failures }) if batch_item_failures.is_empty() => return,
            _ => tokio::time::sleep(Duration::from_secs(1)).await,
        }
    }
}
