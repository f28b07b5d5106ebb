//! Writes: conditional, atomic where it matters, and recognisable when they come twice.

use std::collections::HashMap;

use aws_sdk_dynamodb::error::ProvideErrorMetadata as _;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{
    AttributeValue, Delete, DeleteRequest, Put, PutRequest, ReturnConsumedCapacity,
    ReturnValuesOnConditionCheckFailure, TransactWriteItem, Update, WriteRequest,
};

use domain::id::{CallId, UserId};
use domain::once::Kept;
use jiff::Timestamp;
use serde::Serialize;

use crate::answers::answer_put;
use crate::db::{ATTEMPTS, Db, Item, back_off, item_of};
use crate::error::{StoreError, broken, classify};
use crate::keys::{CALL, Key, PK, Table, UNTIL, USER, VERSION};

/// What a write demands of the item it meets.
#[derive(Clone, Debug)]
pub(crate) enum Expect {
    /// There is no such item.
    Absent,
    /// It was written this often; 0 means that it is not there.
    Version(u64),
    /// It is there.
    Present,
    /// It is there, and of this person.
    Of(UserId),
    /// There is no such item, or one that was over by then.
    OverBy(Timestamp),
    /// It still names this call.
    Names(CallId),
    /// It is over exactly then.
    Until(Timestamp),
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
    /// Sets one attribute of a versioned item that exists, as a write like any other: its version goes up.
    Set {
        table: Table,
        key: Item,
        name: &'static str,
        value: AttributeValue,
    },
}

impl Db {
    /// One write. Conditions whose repeat could not recognise itself go through a transaction, whose token does.
    pub(crate) async fn write(&self, write: Write) -> Result<(), StoreError> {
        match write {
            Write::Put { table, item, expect } => self.put(table, item, &expect).await,
            other => self.transact(vec![other]).await,
        }
    }

    /// When its reply is lost the SDK repeats a put, and the repeat meets its own first effect: a condition that
    /// failed on exactly the item we put is a success.
    async fn put(&self, table: Table, item: Item, expect: &Expect) -> Result<(), StoreError> {
        match self.put_or_see(table, &item, expect).await? {
            Some(there) if there != item => Err(StoreError::Stale(vec![0])),
            _ => Ok(()),
        }
    }

    /// Puts an item, or brings what stood in the way. A transaction on the same item is waited for.
    pub(crate) async fn put_or_see(
        &self,
        table: Table,
        item: &Item,
        expect: &Expect,
    ) -> Result<Option<Item>, StoreError> {
        let mut attempt = 0;
        loop {
            let (condition, names, values) = expect.expression();
            let sent = self
                .client
                .put_item()
                .table_name(self.name(table))
                .set_item(Some(item.clone()))
                .set_condition_expression(condition)
                .set_expression_attribute_names(names)
                .set_expression_attribute_values(values)
                .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
                .return_consumed_capacity(ReturnConsumedCapacity::Total)
                .send()
                .await;
            let error = match sent {
                Ok(done) => {
                    self.meter.wrote(&done.consumed_capacity);
                    return Ok(None);
                }
                Err(error) => error,
            };
            self.meter.wrote(&None);
            match error.as_service_error() {
                Some(PutItemError::ConditionalCheckFailedException(failed)) => {
                    return Ok(Some(failed.item().cloned().unwrap_or_default()));
                }
                Some(PutItemError::TransactionConflictException(_)) if attempt + 1 < ATTEMPTS => {
                    attempt += 1;
                    back_off(attempt).await;
                }
                _ => return Err(classify(error)),
            }
        }
    }

    /// All of the writes, with the answer to the request that asked for them, or none.
    pub(crate) async fn transact_once(
        &self,
        table: Table,
        mut writes: Vec<Write>,
        keep: Option<(&Kept, Timestamp)>,
    ) -> Result<(), StoreError> {
        let place = writes.len();
        if let Some((kept, now)) = keep {
            writes.push(answer_put(table, kept, now)?);
        }
        match self.transact(writes).await {
            Err(stale) if stale.lost(place) => Err(StoreError::Repeated),
            done => done,
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
                Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) => {
                    cancelled.cancellation_reasons().iter().map(|reason| reason.code().unwrap_or("None")).collect()
                }
                _ => Vec::new(),
            };
            let lost: Vec<usize> =
                reasons.iter().enumerate().filter(|(_, r)| **r == "ConditionalCheckFailed").map(|(i, _)| i).collect();
            if !lost.is_empty() {
                return Err(StoreError::Stale(lost));
            }
            let passing = ["TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"];
            let conflict = reasons.iter().any(|reason| passing.contains(reason))
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
            // In a transaction its own repeat is recognised, so counting up is safe here.
            Write::Set { table, key, name, value } => {
                let update = Update::builder()
                    .table_name(self.name(table))
                    .set_key(Some(key))
                    .update_expression("SET #name = :value, #version = #version + :one")
                    .condition_expression("attribute_exists(#version)")
                    .expression_attribute_names("#name", name)
                    .expression_attribute_names("#version", VERSION)
                    .expression_attribute_values(":value", value)
                    .expression_attribute_values(":one", AttributeValue::N("1".into()));
                item.update(update.build().map_err(broken)?)
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
            Self::Of(user) => {
                let value = HashMap::from([(":user".to_owned(), AttributeValue::S(user.to_string()))]);
                (Some("#user = :user".into()), name("#user", USER), Some(value))
            }
            Self::OverBy(now) => {
                let names = HashMap::from([("#pk".to_owned(), PK.to_owned()), ("#until".to_owned(), UNTIL.to_owned())]);
                let value = HashMap::from([(":now".to_owned(), AttributeValue::N(now.as_millisecond().to_string()))]);
                (Some("attribute_not_exists(#pk) OR #until <= :now".into()), Some(names), Some(value))
            }
            Self::Names(call) => {
                let value = HashMap::from([(":call".to_owned(), AttributeValue::S(call.to_string()))]);
                (Some("#call = :call".into()), name("#call", CALL), Some(value))
            }
            Self::Until(at) => {
                let value = HashMap::from([(":at".to_owned(), AttributeValue::N(at.as_millisecond().to_string()))]);
                (Some("#until = :at".into()), name("#until", UNTIL), Some(value))
            }
            Self::Version(read) => {
                let value = HashMap::from([(":read".to_owned(), AttributeValue::N(read.to_string()))]);
                (Some("#version = :read".into()), name("#version", VERSION), Some(value))
            }
        }
    }
}

/// The write that puts an entity under its key.
pub(crate) fn put<T: Serialize>(
    key: &Key<'_>,
    value: &T,
    expect: Expect,
    extra: &[(&str, AttributeValue)],
) -> Result<Write, StoreError> {
    Ok(Write::Put { table: key.table(), item: item_of(key, value, extra)?, expect })
}
