//! The embedded DynamoDB (dynoxide on SQLite), on a thread of its own so that the disk never stalls a request.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use dynoxide::Database;
use serde_json::Value;
use store::db::TableNames;
use store::{Db, StoreError};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use crate::changes;

/// What the tables are called here.
pub fn table_names() -> TableNames {
    TableNames { accounts: "accounts".into(), realtime: "realtime".into(), calls: "calls".into() }
}

/// Starts the engine, on a file or in memory, and returns a store with its tables and the stream of the calls table.
pub async fn start(file: Option<PathBuf>) -> Result<(Db, mpsc::Receiver<Value>), String> {
    let (events, stream) = mpsc::channel(1);
    let db = Db::local(&run(file, Some(events)).await?, table_names());
    make_tables(&db).await.map_err(|error| error.to_string())?;
    Ok((db, stream))
}

/// Makes the tables that are not there yet, and opens the stream.
async fn make_tables(db: &Db) -> Result<(), StoreError> {
    store::schema::create_tables(db).await?;
    store::schema::open_stream(db).await
}

/// Empties every table.
pub(crate) async fn start_over(db: &Db) -> Result<(), StoreError> {
    store::schema::drop_tables(db).await?;
    make_tables(db).await
}

/// Starts the engine, on a file or in memory, and returns its endpoint. It has no tables yet, and nobody reads a stream.
pub async fn listen(file: Option<PathBuf>) -> Result<String, String> {
    run(file, None).await
}

async fn run(file: Option<PathBuf>, events: Option<mpsc::Sender<Value>>) -> Result<String, String> {
    let (ready, started) = tokio::sync::oneshot::channel::<Result<SocketAddr, String>>();
    let work = move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|e| e.to_string())?;
        runtime.block_on(serve(file, events, ready))
    };
    std::thread::Builder::new().name("dynamodb".into()).spawn(work).map_err(|error| error.to_string())?;
    let address = started.await.map_err(|_| "the embedded DynamoDB did not start".to_owned())??;
    Ok(format!("http://{address}"))
}

async fn serve(
    file: Option<PathBuf>,
    events: Option<mpsc::Sender<Value>>,
    ready: tokio::sync::oneshot::Sender<Result<SocketAddr, String>>,
) -> Result<(), String> {
    let opened = async {
        let database = match file {
            Some(file) => {
                let database = Database::new(&file.to_string_lossy()).map_err(|error| error.to_string())?;
                // No fsync per commit: a killed process loses nothing, its writes are with the operating system.
                // Only a power cut may lose the last moments; a laptop's store is worth that speed.
                database.enable_bulk_loading().map_err(|error| error.to_string())?;
                changes::tidy(&file).map_err(|error| error.to_string())?;
                database
            }
            None => Database::memory().map_err(|error| error.to_string())?,
        };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(|error| error.to_string())?;
        let address = listener.local_addr().map_err(|error| error.to_string())?;
        Ok::<_, String>((database, listener, address))
    };
    let (database, listener) = match opened.await {
        Ok((database, listener, address)) => {
            let _ = ready.send(Ok(address));
            (database, listener)
        }
        Err(error) => {
            let _ = ready.send(Err(error.clone()));
            return Err(error);
        }
    };
    // A test's clock stands still: what is old by the wall's is not old by that one.
    if let Some(events) = events {
        tokio::spawn(changes::watch(database.clone(), table_names().calls, events));
        let sweeper = database.clone();
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(Duration::from_mins(1)).await;
                let sweeper = sweeper.clone();
                let _ = tokio::task::spawn_blocking(move || sweeper.sweep_ttl()).await;
            }
        });
    }
    dynoxide::server::serve_with_shutdown(listener, database, std::future::pending()).await
}
