//! The one place where the client is built and where requests are made, counted and retried.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};
use std::time::Duration;

use aws_sdk_dynamodb::config::{retry::RetryConfig, timeout::TimeoutConfig};
use aws_sdk_dynamodb::error::{BuildError, ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::types::{
    AttributeValue, Delete, DeleteRequest, KeysAndAttributes, Put, PutRequest, ReturnConsumedCapacity,
    ReturnValuesOnConditionCheckFailure, TransactWriteItem, Update, WriteRequest,
};
use aws_sdk_dynamodb::{Client, config};
use serde::{Serialize, de::DeserializeOwned};

use crate::error::StoreError;
use crate::keys::{Key, PK, SK, TTL, Table, VERSION};
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
    client: Client,
    names: TableNames,
    meter: Meter,
}

/// What a write demands of the item it meets.
#[derive(Clone, Debug)]
pub(crate) enum Expect {
    /// There is no such item.
    Absent,
    /// It was written this often; 0 means that it is not there.
    Version(u64),
    /// It is there.
    Present,
    /// Anything.
    Whatever,
}

/// One write.
#[derive(Clone, Debug)]
pub(crate) enum Write {
    Put {
        table: Table,
        item: Item,
        expect: Expect,
    },
    Delete {
        table: Table,
        key: Item,
        expect: Expect,
    },
    /// Sets single attributes of an item that exists.
    Set {
        table: Table,
        key: Item,
        values: Vec<(&'static str, AttributeValue)>,
    },
}

const ATTEMPTS: u32 = 4;

impl Db {
    /// The store that the environment points at, with the Lambda's own credentials.
    pub async fn from_env(names: TableNames) -> Self {
        let shared = aws_config::load_defaults(aws_config::BehaviorVersion::latest()).await;
        Self::from_config(config::Builder::from(&shared), names)
    }

    /// A store on this machine, which believes any signature. Each one has a retry budget of its own.
    pub fn local(endpoint: &str, names: TableNames) -> Self {
        let nobody = aws_credential_types::Credentials::from_keys("local", "local", None);
        let builder = config::Builder::new()
            .behavior_version(config::BehaviorVersion::latest())
            .region(config::Region::new("local"))
            .credentials_provider(nobody)
            .retry_partition(config::retry::RetryPartition::new(endpoint.to_owned()))
            .endpoint_url(endpoint);
        Self::from_config(builder, names)
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

    /// Items by their keys, in no order; those that are not there are left out. At most 100.
    pub(crate) async fn get_many(&self, keys: &[Key<'_>]) -> Result<Vec<Item>, StoreError> {
        let mut by_table: HashMap<String, Vec<Item>> = HashMap::new();
        for key in keys {
            by_table.entry(self.name(key.table()).to_owned()).or_default().push(key_of(key));
        }
        let mut wanted = HashMap::new();
        for (table, keys) in by_table {
            let keys = KeysAndAttributes::builder().set_keys(Some(keys)).build();
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

    /// One page of a partition, in one request.
    pub(crate) async fn query(&self, ask: Ask) -> Result<Vec<Item>, StoreError> {
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
        Ok(got.items.unwrap_or_default())
    }

    /// One write. When its reply is lost the SDK repeats it, and the repeat meets its own first
    /// effect: a condition that failed on exactly the item we put is a success.
    pub(crate) async fn write(&self, write: Write) -> Result<(), StoreError> {
        let capacity = ReturnConsumedCapacity::Total;
        let old = ReturnValuesOnConditionCheckFailure::AllOld;
        match write {
            Write::Put { table, item, expect } => {
                let (condition, names, values) = expect.expression();
                let sent = self
                    .client
                    .put_item()
                    .table_name(self.name(table))
                    .set_item(Some(item.clone()))
                    .set_condition_expression(condition)
                    .set_expression_attribute_names(names)
                    .set_expression_attribute_values(values)
                    .return_values_on_condition_check_failure(old)
                    .return_consumed_capacity(capacity)
                    .send()
                    .await;
                match sent {
                    Ok(done) => self.meter.wrote(&done.consumed_capacity),
                    Err(SdkError::ServiceError(refused)) if refused.err().is_conditional_check_failed_exception() => {
                        self.meter.wrote(&None);
                        let met = match refused.into_err() {
                            aws_sdk_dynamodb::operation::put_item::PutItemError::ConditionalCheckFailedException(e) => {
                                e.item
                            }
                            _ => None,
                        };
                        if met.as_ref() != Some(&item) {
                            return Err(StoreError::Stale(vec![0]));
                        }
                    }
                    Err(error) => return Err(classify(error)),
                }
                Ok(())
            }
            Write::Delete { table, key, expect: Expect::Whatever } => {
                let done = self
                    .client
                    .delete_item()
                    .table_name(self.name(table))
                    .set_key(Some(key))
                    .return_consumed_capacity(capacity)
                    .send()
                    .await
                    .map_err(classify)?;
                self.meter.wrote(&done.consumed_capacity);
                Ok(())
            }
            // Conditions whose repeat could not recognise itself go through a transaction, whose token does.
            conditional => self.transact(vec![conditional]).await,
        }
    }

    /// All of the writes or none. The SDK retries neither conflict, so this does, with full jitter; its own
    /// repeats carry one token for ten minutes, so a lost reply is no second effect.
    pub(crate) async fn transact(&self, writes: Vec<Write>) -> Result<(), StoreError> {
        let items = writes.into_iter().map(|write| self.transact_item(write)).collect::<Result<Vec<_>, _>>()?;
        let mut attempt = 0;
        loop {
            let sent = self
                .client
                .transact_write_items()
                .set_transact_items(Some(items.clone()))
                .return_consumed_capacity(ReturnConsumedCapacity::Total)
                .send()
                .await;
            let error = match sent {
                Ok(done) => {
                    self.meter.wrote(done.consumed_capacity());
                    return Ok(());
                }
                Err(error) => error,
            };
            self.meter.wrote(&None);
            let reasons: Vec<&str> = match error.as_service_error() {
                Some(refused) if refused.is_transaction_canceled_exception() => {
                    use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError as E;
                    match refused {
                        E::TransactionCanceledException(e) => {
                            e.cancellation_reasons().iter().map(|r| r.code().unwrap_or("None")).collect()
                        }
                        _ => Vec::new(),
                    }
                }
                _ => Vec::new(),
            };
            let lost: Vec<usize> =
                reasons.iter().enumerate().filter(|(_, r)| **r == "ConditionalCheckFailed").map(|(i, _)| i).collect();
            if !lost.is_empty() {
                return Err(StoreError::Stale(lost));
            }
            let conflict = reasons.iter().any(|r| matches!(*r, "TransactionConflict" | "ThrottlingError"))
                || error.code() == Some("TransactionConflictException");
            attempt += 1;
            if !conflict {
                return Err(classify(error));
            }
            if attempt == ATTEMPTS {
                return Err(StoreError::Busy(error.into()));
            }
            back_off(attempt).await;
        }
    }

    fn transact_item(&self, write: Write) -> Result<TransactWriteItem, StoreError> {
        let item = TransactWriteItem::builder();
        let item = match write {
            Write::Put { table, item: row, expect } => {
                let (condition, names, values) = expect.expression();
                let put = Put::builder()
                    .table_name(self.name(table))
                    .set_item(Some(row))
                    .set_condition_expression(condition)
                    .set_expression_attribute_names(names)
                    .set_expression_attribute_values(values);
                item.put(put.build().map_err(broken)?)
            }
            Write::Delete { table, key, expect } => {
                let (condition, names, values) = expect.expression();
                let delete = Delete::builder()
                    .table_name(self.name(table))
                    .set_key(Some(key))
                    .set_condition_expression(condition)
                    .set_expression_attribute_names(names)
                    .set_expression_attribute_values(values);
                item.delete(delete.build().map_err(broken)?)
            }
            Write::Set { table, key, values } => {
                let mut update = Update::builder()
                    .table_name(self.name(table))
                    .set_key(Some(key))
                    .condition_expression("attribute_exists(#pk)")
                    .expression_attribute_names("#pk", PK);
                let mut sets = Vec::new();
                for (place, (name, value)) in values.into_iter().enumerate() {
                    sets.push(format!("#n{place} = :v{place}"));
                    update = update
                        .expression_attribute_names(format!("#n{place}"), name)
                        .expression_attribute_values(format!(":v{place}"), value);
                }
                item.update(update.update_expression(format!("SET {}", sets.join(", "))).build().map_err(broken)?)
            }
        };
        Ok(item.build())
    }

    /// Writes without looking, 25 at most and in no order; some may be done when it fails.
    pub(crate) async fn write_all(&self, writes: Vec<Write>) -> Result<(), StoreError> {
        let mut wanted: HashMap<String, Vec<WriteRequest>> = HashMap::new();
        for write in writes {
            let (table, request) = match write {
                Write::Put { table, item, expect: Expect::Whatever } => {
                    let put = PutRequest::builder().set_item(Some(item)).build().map_err(broken)?;
                    (table, WriteRequest::builder().put_request(put))
                }
                Write::Delete { table, key, expect: Expect::Whatever } => {
                    let delete = DeleteRequest::builder().set_key(Some(key)).build().map_err(broken)?;
                    (table, WriteRequest::builder().delete_request(delete))
                }
                _ => return Err(StoreError::Broken("a batch knows no conditions".into())),
            };
            wanted.entry(self.name(table).to_owned()).or_default().push(request.build());
        }
        for attempt in 0..ATTEMPTS {
            if attempt > 0 {
                back_off(attempt).await;
            }
            let done = self
                .client
                .batch_write_item()
                .set_request_items(Some(wanted))
                .return_consumed_capacity(ReturnConsumedCapacity::Total)
                .send()
                .await
                .map_err(classify)?;
            self.meter.wrote(done.consumed_capacity());
            wanted = done.unprocessed_items.unwrap_or_default();
            if wanted.is_empty() {
                return Ok(());
            }
        }
        Err(StoreError::Busy("unprocessed items remain".into()))
    }
}

impl Expect {
    fn expression(&self) -> (Option<String>, Option<HashMap<String, String>>, Option<Item>) {
        let name = |placeholder: &str, name: &str| Some(HashMap::from([(placeholder.to_owned(), name.to_owned())]));
        match self {
            Self::Whatever => (None, None, None),
            Self::Absent | Self::Version(0) => (Some("attribute_not_exists(#pk)".into()), name("#pk", PK), None),
            Self::Present => (Some("attribute_exists(#pk)".into()), name("#pk", PK), None),
            Self::Version(read) => {
                let value = HashMap::from([(":read".to_owned(), AttributeValue::N(read.to_string()))]);
                (Some("#version = :read".into()), name("#version", VERSION), Some(value))
            }
        }
    }
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

pub(crate) fn ttl(at: jiff::Timestamp) -> (&'static str, AttributeValue) {
    (TTL, AttributeValue::N(at.as_second().to_string()))
}

pub(crate) fn read_item<T: DeserializeOwned>(item: Item) -> Result<T, StoreError> {
    serde_dynamo::from_item(item).map_err(|error| StoreError::Broken(error.into()))
}

pub(crate) fn sort_key(item: &Item) -> &str {
    item.get(SK).and_then(|value| value.as_s().ok()).map_or("", String::as_str)
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn broken(error: BuildError) -> StoreError {
    StoreError::Broken(error.to_string().into())
}

fn classify<E, R>(error: SdkError<E, R>) -> StoreError
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    R: std::fmt::Debug + Send + Sync + 'static,
{
    let busy = [
        "ThrottlingException",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "InternalServerError",
        "TransactionInProgressException",
        "TransactionConflictException",
        "TransactionCanceledException",
    ];
    match &error {
        SdkError::ServiceError(refused) => match refused.err().code() {
            Some(code) if busy.contains(&code) => StoreError::Busy(error.into()),
            _ => StoreError::Broken(error.into()),
        },
        SdkError::ConstructionFailure(_) => StoreError::Broken(error.into()),
        _ => StoreError::Unknown(error.into()),
    }
}

/// Full jitter between 0 and 25 ms, 50 ms, 100 ms … The randomness spreads load and decides nothing.
async fn back_off(attempt: u32) {
    let most = 25_u64 << attempt.min(3);
    let chance = RandomState::new().hash_one(attempt) % most;
    tokio::time::sleep(Duration::from_millis(chance)).await;
}
