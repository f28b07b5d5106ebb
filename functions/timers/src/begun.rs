//! A call began: its ring will end.

use serde_json::Value;
use socket::problem::causes;
use store::stream;
use store::timers::Timer;

use crate::state::State;
use crate::{Answer, Error, Failure};

/// Arms a timer for each call that began. A record that cannot be handled is reported and holds up no other; Lambda
/// hands it over again, and in the end names it in the dead letter queue.
pub(crate) async fn arm(state: &State, records: &[Value]) -> Result<Answer, Error> {
    let mut failures = Vec::new();
    for record in records {
        let place = stream::sequence_number(record).ok_or("a record has no sequence number")?;
        let armed = match stream::call(record) {
            Ok((call, _)) => match call.due() {
                Some(at) => state.timers.arm(Timer { at, call: call.id }).await,
                None => Ok(()),
            },
            Err(error) => Err(error),
        };
        if let Err(error) = armed {
            tracing::error!(record = place, error = causes(&error), "a record was not handled");
            failures.push(Failure { item_identifier: place.to_owned() });
        }
    }
    Ok(Answer::Batch { batch_item_failures: failures })
}
