//! The stream of the calls table, as Lambda's event source reads it: records in their order, in batches.

use std::path::Path;
use std::time::Duration;

use dynoxide::Database;
use dynoxide::actions::describe_stream::DescribeStreamRequest;
use dynoxide::actions::get_records::GetRecordsRequest;
use dynoxide::actions::get_shard_iterator::GetShardIteratorRequest;
use dynoxide::actions::list_streams::ListStreamsRequest;
use serde_json::{Value, json};
use tokio::sync::mpsc;

const EVERY: Duration = Duration::from_millis(250);
const BATCH: usize = 100;

/// Where reading goes on.
struct Place {
    stream: String,
    iterator: String,
}

/// Hands over what changes in a table from now on, as events, until nobody listens. A stream that was opened anew is read
/// from its beginning.
pub(crate) async fn watch(database: Database, table: String, events: mpsc::Sender<Value>) {
    let mut place = None;
    let mut from = "LATEST";
    loop {
        match next(&database, &table, from, place.as_ref()) {
            Ok(Some((records, then))) => {
                from = "TRIM_HORIZON";
                place = Some(then);
                if !records.is_empty() && events.send(json!({ "Records": records })).await.is_err() {
                    return;
                }
            }
            Ok(None) => {}
            Err(error) => {
                tracing::warn!(error = &*error as &dyn std::error::Error, "the stream of {table} was not read");
            }
        }
        tokio::time::sleep(EVERY).await;
    }
}

type Failure = Box<dyn std::error::Error + Send + Sync>;

fn next(
    database: &Database,
    table: &str,
    from: &str,
    place: Option<&Place>,
) -> Result<Option<(Vec<Value>, Place)>, Failure> {
    let ask = ListStreamsRequest { table_name: Some(table.to_owned()), ..ListStreamsRequest::default() };
    let Some(stream) = database.list_streams(ask)?.streams.pop().map(|stream| stream.stream_arn) else {
        return Ok(None);
    };
    let iterator = match place {
        Some(place) if place.stream == stream => place.iterator.clone(),
        _ => begin(database, &stream, from)?,
    };
    let got = database.get_records(GetRecordsRequest { shard_iterator: iterator.clone(), limit: Some(BATCH) })?;
    let records = got.records.iter().map(serde_json::to_value).collect::<Result<Vec<_>, _>>()?;
    let wanted = records.into_iter().filter(is_call_that_began).collect();
    Ok(Some((wanted, Place { stream, iterator: got.next_shard_iterator.unwrap_or(iterator) })))
}

fn begin(database: &Database, stream: &str, from: &str) -> Result<String, Failure> {
    let ask = DescribeStreamRequest { stream_arn: stream.to_owned(), ..DescribeStreamRequest::default() };
    let shard = database.describe_stream(ask)?.stream_description.shards.pop().ok_or("a stream without a shard")?;
    let ask = GetShardIteratorRequest {
        stream_arn: stream.to_owned(),
        shard_id: shard.shard_id,
        shard_iterator_type: from.to_owned(),
        sequence_number: None,
    };
    Ok(database.get_shard_iterator(ask)?.shard_iterator.ok_or("a shard without an iterator")?)
}

/// The filter of the event source in `template.yaml`.
fn is_call_that_began(record: &Value) -> bool {
    record["eventName"] == "INSERT" && record["dynamodb"]["Keys"]["sk"]["S"] == "call"
}

/// Throws records away that are older than a day, as `DynamoDB` does, and gives the engine the index that it lacks: it
/// looks at every record for each write.
pub(crate) fn tidy(file: &Path) -> Result<(), rusqlite::Error> {
    rusqlite::Connection::open(file)?.execute_batch(
        "CREATE INDEX IF NOT EXISTS stream_sequence ON _stream_records (table_name, CAST(sequence_number AS INTEGER));
         DELETE FROM _stream_records WHERE created_at < unixepoch() - 86400;",
    )
}
