//! The one place where the client is built and where requests are made, counted and retried.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use aws_sdk_dynamodb::config::retry::{RetryConfig, RetryPartition};
use aws_sdk_dynamodb::config::{SharedHttpClient, timeout::TimeoutConfig};
use aws_sdk_dynamodb::types::{AttributeValue, KeysAndAttributes, ReturnConsumedCapacity};
use aws_sdk_dynamodb::{Client, config};
use serde::{Serialize, de::DeserializeOwned};

use crate::Versioned;
use crate::error::{StoreError, broken, classify};
use crate::keys::{Key, PK, SK, TTL, Table, UNTIL, VERSION};
use crate::meter::Meter;

pub(crate) type Item = HashMap<String, AttributeValue>;

/// The names of the tables this function may use; the others stay empty and are refused by the service.
#[derive(Clone, Debug, Default)]
pub struct TableNames {
    /// `ACCOUNTS_TABLE`.
    pub accounts: String,
    /// `REALTIME_TABLE`.
    pub realtime: String,
    /// `CALLS_TABLE`.
    pub calls: String,
}

/// A connection to the store.
#[derive(Clone, Debug)]
pub struct Db {
    pub(crate) client: Client,
    names: TableNames,
    pub(crate) meter: Meter,
}

pub(crate) const ATTEMPTS: u32 = 4;

impl Db {
    /// The store that the environment points at, with the Lambda's own credentials.
    pub async fn from_env(names: TableNames) -> Self {
        let shared = aws_config::load_defaults(aws_config::BehaviorVersion::latest()).await;
        Self::from_config(config::Builder::from(&shared), names)
    }

    /// A store on this machine, which believes any signature. Each one has a retry budget of its own.
    pub fn local(endpoint: &str, names: TableNames) -> Self {
        Self::from_config(local(endpoint), names)
    }

    /// The same through somebody's own transport: where a test loses requests and replies.
    pub fn local_through(transport: SharedHttpClient, endpoint: &str, names: TableNames) -> Self {
        Self::from_config(local(endpoint).http_client(transport), names)
    }

    /// A store with a given client configuration; retries and time limits are ours.
    ///
    /// The SDK's own back-off is made for batch jobs (1.5 s on average, 2.9 s at worst).
    pub fn from_config(builder: config::Builder, names: TableNames) -> Self {
        let retry = RetryConfig::standard().with_max_attempts(ATTEMPTS).with_initial_backoff(Duration::from_millis(25));
        let limits = TimeoutConfig::builder()
            .connect_timeout(Duration::from_secs(2))
            .operation_attempt_timeout(Duration::from_secs(3))
            .operation_timeout(Duration::from_secs(10))
            .build();
        let client = Client::from_conf(builder.retry_config(retry).timeout_config(limits).build());
        Self { client, names, meter: Meter::default() }
    }

    /// Counts what is spent.
    pub fn meter(&self) -> &Meter {
        &self.meter
    }

    /// Opens the connection before the first request needs it, while Lambda still gives the whole CPU.
    pub async fn warm_up(&self, table: Table) {
        let key = self.client.get_item().table_name(self.name(table));
        let probe = key.key(PK, AttributeValue::S("warm-up".into())).key(SK, AttributeValue::S("warm-up".into()));
        if let Err(error) = probe.send().await {
            tracing::warn!(error = &error as &dyn std::error::Error, "could not reach the store while starting");
        }
    }

    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    pub(crate) fn name(&self, table: Table) -> &str {
        match table {
            Table::Accounts => &self.names.accounts,
            Table::Realtime => &self.names.realtime,
            Table::Calls => &self.names.calls,
        }
    }

    /// One item. An eventually consistent read costs half and may be a moment old.
    pub(crate) async fn get(&self, key: &Key<'_>, consistent: bool) -> Result<Option<Item>, StoreError> {
        let got = self
            .client
            .get_item()
            .table_name(self.name(key.table()))
            .set_key(Some(key_of(key)))
            .consistent_read(consistent)
            .return_consumed_capacity(ReturnConsumedCapacity::Total)
            .send()
            .await
            .map_err(classify)?;
        self.meter.read(&got.consumed_capacity);
        Ok(got.item)
    }

    /// Items by their keys, in no order; those that are not there are left out. At most 100. Consistent as for
    /// [`Self::get`].
    pub(crate) async fn get_many(&self, keys: &[Key<'_>], consistent: bool) -> Result<Vec<Item>, StoreError> {
        let mut by_table: HashMap<String, Vec<Item>> = HashMap::new();
        for key in keys {
            by_table.entry(self.name(key.table()).to_owned()).or_default().push(key_of(key));
        }
        let mut wanted = HashMap::new();
        for (table, keys) in by_table {
            let keys = KeysAndAttributes::builder().set_keys(Some(keys)).consistent_read(consistent).build();
            wanted.insert(table, keys.map_err(broken)?);
        }
        let mut items = Vec::new();
        for attempt in 0.. {
            if wanted.is_empty() {
                break;
            }
            if attempt == ATTEMPTS {
                return Err(StoreError::Busy("unprocessed keys remain".into()));
            }
            if attempt > 0 {
                back_off(attempt).await;
            }
            let got = self
                .client
                .batch_get_item()
                .set_request_items(Some(wanted))
                .return_consumed_capacity(ReturnConsumedCapacity::Total)
                .send()
                .await
                .map_err(classify)?;
            self.meter.read(got.consumed_capacity());
            items.extend(got.responses.unwrap_or_default().into_values().flatten());
            wanted = got.unprocessed_keys.unwrap_or_default();
        }
        Ok(items)
    }

    /// A part of a partition to its end, in as many requests as its size needs (one per megabyte).
    pub(crate) async fn query_all(&self, mut ask: Ask) -> Result<Vec<Item>, StoreError> {
        let mut items = Vec::new();
        loop {
            let page = self.query(ask.clone()).await?;
            items.extend(page.items);
            ask.after = page.next;
            if ask.after.is_none() {
                return Ok(items);
            }
        }
    }

    /// One page of a partition, in one request: `limit` items, or fewer when they fill a megabyte.
    pub(crate) async fn query(&self, ask: Ask) -> Result<Page, StoreError> {
        let (condition, value) = match &ask.range {
            Range::All => ("#pk = :pk", vec![]),
            Range::Prefix(prefix) => ("#pk = :pk AND begins_with(#sk, :a)", vec![prefix.clone()]),
            Range::Between(from, to) => ("#pk = :pk AND #sk BETWEEN :a AND :b", vec![from.clone(), to.clone()]),
        };
        let mut query = self
            .client
            .query()
            .table_name(self.name(ask.table))
            .key_condition_expression(condition)
            .expression_attribute_names("#pk", PK)
            .expression_attribute_values(":pk", AttributeValue::S(ask.pk.clone()))
            .scan_index_forward(!ask.newest_first)
            .consistent_read(ask.consistent)
            .set_limit(ask.limit)
            .return_consumed_capacity(ReturnConsumedCapacity::Total);
        if !value.is_empty() {
            query = query.expression_attribute_names("#sk", SK);
        }
        for (name, value) in [":a", ":b"].into_iter().zip(value) {
            query = query.expression_attribute_values(name, AttributeValue::S(value));
        }
        if let Some(after) = ask.after {
            query = query
                .exclusive_start_key(PK, AttributeValue::S(ask.pk))
                .exclusive_start_key(SK, AttributeValue::S(after));
        }
        let got = query.send().await.map_err(classify)?;
        self.meter.read(&got.consumed_capacity);
        let next = got.last_evaluated_key.as_ref().map(|key| sort_key(key).to_owned());
        Ok(Page { items: got.items.unwrap_or_default(), next })
    }
}

fn local(endpoint: &str) -> config::Builder {
    static CLIENTS: AtomicUsize = AtomicUsize::new(0);
    let number = CLIENTS.fetch_add(1, Ordering::Relaxed);
    let nobody = aws_credential_types::Credentials::from_keys("local", "local", None);
    config::Builder::new()
        .behavior_version(config::BehaviorVersion::latest())
        .region(config::Region::new("local"))
        .credentials_provider(nobody)
        .retry_partition(RetryPartition::new(format!("local {number}")))
        .endpoint_url(endpoint)
}

/// What a query brings.
pub(crate) struct Page {
    pub(crate) items: Vec<Item>,
    /// The sort key after which it goes on, when it may.
    pub(crate) next: Option<String>,
}

/// Which part of a partition.
#[derive(Clone, Debug)]
pub(crate) enum Range {
    All,
    Prefix(String),
    Between(String, String),
}

/// A query: one partition, one page.
#[derive(Clone, Debug)]
pub(crate) struct Ask {
    pub(crate) table: Table,
    pub(crate) pk: String,
    pub(crate) range: Range,
    pub(crate) newest_first: bool,
    pub(crate) consistent: bool,
    pub(crate) limit: Option<i32>,
    pub(crate) after: Option<String>,
}

impl Ask {
    pub(crate) fn all_of(key: &Key<'_>) -> Self {
        let (table, pk) = (key.table(), key.pk());
        Self { table, pk, range: Range::All, newest_first: false, consistent: false, limit: None, after: None }
    }
}

pub(crate) fn key_of(key: &Key<'_>) -> Item {
    HashMap::from([(PK.to_owned(), AttributeValue::S(key.pk())), (SK.to_owned(), AttributeValue::S(key.sk()))])
}

/// The item of an entity: its fields, its key, and what `extra` names.
pub(crate) fn item_of<T: Serialize>(
    key: &Key<'_>,
    value: &T,
    extra: &[(&str, AttributeValue)],
) -> Result<Item, StoreError> {
    let mut item: Item = serde_dynamo::to_item(value).map_err(|error| StoreError::Broken(error.into()))?;
    item.extend(key_of(key));
    item.extend(extra.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
    // Nothing known and nothing stored are the same: absent attributes cost nothing.
    item.retain(|_, value| !matches!(value, AttributeValue::Null(_)));
    Ok(item)
}

pub(crate) fn version(n: u64) -> (&'static str, AttributeValue) {
    (VERSION, AttributeValue::N(n.to_string()))
}

pub(crate) fn until(at: jiff::Timestamp) -> (&'static str, AttributeValue) {
    (UNTIL, AttributeValue::N(at.as_millisecond().to_string()))
}

pub(crate) fn ttl(at: jiff::Timestamp) -> (&'static str, AttributeValue) {
    (TTL, AttributeValue::N(at.as_second().to_string()))
}

pub(crate) fn read_item<T: DeserializeOwned>(item: Item) -> Result<T, StoreError> {
    serde_dynamo::from_item(item).map_err(|error| StoreError::Broken(error.into()))
}

/// An entity and its version, from its item.
pub(crate) fn versioned<T: serde::de::DeserializeOwned>(item: Item) -> Result<Versioned<T>, StoreError> {
    let number = item.get(VERSION).and_then(|value| value.as_n().ok()).and_then(|n| n.parse().ok());
    let version = number.ok_or_else(|| StoreError::Broken("an item without a version".into()))?;
    Ok(Versioned { value: read_item(item)?, version })
}

pub(crate) fn sort_key(item: &Item) -> &str {
    item.get(SK).and_then(|value| value.as_s().ok()).map_or("", String::as_str)
}

/// Full jitter between 0 and 25 ms, 50 ms, 100 ms … The randomness spreads load and decides nothing.
pub(crate) async fn back_off(attempt: u32) {
    let most = 25_u64 << attempt.min(3);
    let chance = RandomState::new().hash_one(attempt) % most;
    tokio::time::sleep(Duration::from_millis(chance)).await;
}
