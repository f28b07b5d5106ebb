//! Everything that is stored, to compare and to put back.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use http::Request;
use partners::http::Http;
use serde_json::{Value, json};

use crate::world::World;

/// A table's name and what a scan of it brought.
type Page = (&'static str, Vec<u8>);
type Items = BTreeMap<(String, String, String), Value>;

/// Every item of every table, as DynamoDB writes it, by table, partition and place.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Snapshot(Arc<Items>);

/// Reads tables past all that Dchat does. Pages that did not change are not read into items again.
#[derive(Debug, Default)]
pub(crate) struct Reader {
    http: Http,
    last: Mutex<(Vec<Page>, Snapshot)>,
}

/// One item that is otherwise than it was.
#[derive(Clone, Debug)]
pub struct Change<'a> {
    /// Table, partition and place.
    pub key: String,
    /// As it was.
    pub before: Option<&'a Value>,
    /// As it is.
    pub after: Option<&'a Value>,
}

impl Snapshot {
    /// The items.
    pub fn items(&self) -> impl Iterator<Item = &Value> {
        self.0.values()
    }

    /// What a later snapshot has otherwise: the key of each new, changed or missing item, with the item before and after.
    pub fn changes<'a>(&'a self, later: &'a Self) -> Vec<Change<'a>> {
        if Arc::ptr_eq(&self.0, &later.0) {
            return Vec::new();
        }
        let mut keys: Vec<_> = self.0.keys().chain(later.0.keys()).collect();
        keys.sort();
        keys.dedup();
        let all = keys.into_iter().map(|key| {
            let (table, pk, sk) = key;
            Change { key: format!("{table} {pk} {sk}"), before: self.0.get(key), after: later.0.get(key) }
        });
        all.filter(|change| change.before != change.after).collect()
    }
}

impl World {
    /// Reads every table to its end, past all that Dchat does.
    pub async fn snapshot(&self) -> Snapshot {
        let mut pages = Vec::new();
        for table in TABLES {
            let mut from = Value::Null;
            loop {
                let mut ask = json!({ "TableName": table, "ConsistentRead": true, "Limit": 100 });
                if !from.is_null() {
                    ask["ExclusiveStartKey"] = from;
                }
                let page = self.engine("Scan", &ask).await;
                let more = page.windows(16).any(|part| part == b"LastEvaluatedKey");
                from = if more { parsed(&page)["LastEvaluatedKey"].clone() } else { Value::Null };
                pages.push((table, page));
                if from.is_null() {
                    break;
                }
            }
        }
        let mut last = self.reader.last.lock().expect("no panic inside");
        if last.0 != pages {
            *last = (pages.clone(), Snapshot(Arc::new(items(&pages))));
        }
        last.1.clone()
    }

    /// The stream's event for the calls that are there, as if each had just begun.
    pub async fn calls_begun(&self) -> Value {
        let snapshot = self.snapshot().await;
        let calls = snapshot.items().filter(|item| item["sk"]["S"] == "call");
        let records = calls.zip(1..).map(|(item, place)| {
            let keys = json!({ "pk": item["pk"], "sk": item["sk"] });
            json!({ "eventName": "INSERT", "eventSource": "aws:dynamodb", "dynamodb": { "Keys": keys, "NewImage": item, "SequenceNumber": place.to_string() } })
        });
        json!({ "Records": records.collect::<Vec<_>>() })
    }

    /// Puts items into a table, past all that Dchat does.
    pub async fn put(&self, table: &str, items: &[Value]) {
        for item in items {
            self.engine("PutItem", &json!({ "TableName": table, "Item": item })).await;
        }
    }

    /// Puts everything back as it was.
    pub async fn restore(&self, then: &Snapshot) {
        let now = self.snapshot().await;
        for (key, _) in now.0.iter().filter(|(key, _)| !then.0.contains_key(key)) {
            let place = json!({ "pk": { "S": key.1 }, "sk": { "S": key.2 } });
            self.engine("DeleteItem", &json!({ "TableName": key.0, "Key": place })).await;
        }
        for (key, item) in then.0.iter().filter(|(key, item)| now.0.get(key) != Some(item)) {
            self.engine("PutItem", &json!({ "TableName": key.0, "Item": item })).await;
        }
    }

    async fn engine(&self, operation: &str, ask: &Value) -> Vec<u8> {
        let request = Request::post(self.engine_url())
            .header("content-type", "application/x-amz-json-1.0")
            .header("x-amz-target", format!("DynamoDB_20120810.{operation}"))
            .header("x-amz-date", "20261120T120000Z")
            .header("authorization", "AWS4-HMAC-SHA256 Credential=local/20261120/local/dynamodb/aws4_request, SignedHeaders=host;x-amz-date, Signature=0")
            .body(ask.to_string().into_bytes());
        let answer = self.reader.http.send(request.expect("a request")).await.expect("the engine answers");
        assert!(answer.status().is_success(), "{operation}: {}", String::from_utf8_lossy(answer.body()));
        answer.into_body()
    }
}

const TABLES: [&str; 3] = ["accounts", "realtime", "calls"];

fn parsed(page: &[u8]) -> Value {
    serde_json::from_slice(page).expect("the engine answers with JSON")
}

fn items(pages: &[Page]) -> Items {
    let mut all = BTreeMap::new();
    for (table, page) in pages {
        let mut page = parsed(page);
        for item in page["Items"].as_array_mut().expect("a scan brings items") {
            let key = |name: &str| item[name]["S"].as_str().expect("keys are strings").to_owned();
            let (pk, sk) = (key("pk"), key("sk"));
            all.insert(((*table).to_owned(), pk, sk), item.take());
        }
    }
    all
}
