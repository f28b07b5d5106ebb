//! The tables as they are made on a laptop and in tests. A test compares them with `template.yaml`.

use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType, StreamSpecification,
    StreamViewType, TimeToLiveSpecification,
};

use crate::db::Db;
use crate::error::StoreError;
use crate::keys::{PK, SK, TTL, Table};

/// Every table.
pub const TABLES: [Table; 3] = [Table::Accounts, Table::Realtime, Table::Calls];

/// Drops every table of a store on this machine.
pub async fn drop_tables(db: &Db) -> Result<(), StoreError> {
    for table in TABLES {
        let dropped = db.client().delete_table().table_name(db.name(table)).send().await;
        dropped.map_err(|error| StoreError::Broken(error.into()))?;
    }
    Ok(())
}

/// Makes every table that is not there yet.
pub async fn create_tables(db: &Db) -> Result<(), StoreError> {
    let broken = |error: aws_sdk_dynamodb::error::BuildError| StoreError::Broken(error.into());
    for table in TABLES {
        let name = db.name(table);
        let key =
            |name: &str, kind| KeySchemaElement::builder().attribute_name(name).key_type(kind).build().map_err(broken);
        let string = |name: &str| {
            AttributeDefinition::builder()
                .attribute_name(name)
                .attribute_type(ScalarAttributeType::S)
                .build()
                .map_err(broken)
        };
        let made = db
            .client()
            .create_table()
            .table_name(name)
            .billing_mode(BillingMode::PayPerRequest)
            .key_schema(key(PK, KeyType::Hash)?)
            .key_schema(key(SK, KeyType::Range)?)
            .attribute_definitions(string(PK)?)
            .attribute_definitions(string(SK)?)
            .send()
            .await;
        match made.map_err(aws_sdk_dynamodb::error::SdkError::into_service_error) {
            Ok(_) => {
                let ttl =
                    TimeToLiveSpecification::builder().attribute_name(TTL).enabled(true).build().map_err(broken)?;
                let set = db.client().update_time_to_live().table_name(name).time_to_live_specification(ttl);
                set.send().await.map_err(|error| StoreError::Broken(error.into()))?;
            }
            Err(error) if error.is_resource_in_use_exception() => {}
            Err(error) => return Err(StoreError::Broken(error.into())),
        }
    }
    Ok(())
}

/// Opens the stream of the calls table, unless it is open.
pub async fn open_stream(db: &Db) -> Result<(), StoreError> {
    let name = db.name(Table::Calls);
    let table = db.client().describe_table().table_name(name).send().await;
    let table = table.map_err(|error| StoreError::Broken(error.into()))?.table;
    if table.and_then(|table| table.stream_specification).is_some_and(|stream| stream.stream_enabled) {
        return Ok(());
    }
    let stream = StreamSpecification::builder().stream_enabled(true).stream_view_type(StreamViewType::NewImage);
    let stream = stream.build().map_err(|error| StoreError::Broken(error.into()))?;
    let opened = db.client().update_table().table_name(name).stream_specification(stream).send().await;
    opened.map(drop).map_err(|error| StoreError::Broken(error.into()))
}
