//! What the handlers need.

use std::sync::Arc;

use api::Env;
use api::system::SystemClock;
use domain::clock::Clock;
use jiff::Timestamp;
use partners::ApiGateway;
use socket::Courier;
use store::db::TableNames;
use store::keys::Table;
use store::{Calls, Connections, Db, Switchboard, Timers};

/// What the handlers need.
#[derive(Clone, Debug)]
pub struct State {
    pub(crate) switchboard: Switchboard,
    pub(crate) timers: Timers,
    clock: Arc<dyn Clock>,
}

impl State {
    /// The state of this store, courier and clock.
    pub fn new(db: Db, courier: Arc<dyn Courier>, clock: Arc<dyn Clock>) -> Self {
        let (calls, connections) = (Calls::new(db.clone()), Connections::new(db.clone()));
        Self { switchboard: Switchboard { calls, connections, courier }, timers: Timers::new(db), clock }
    }

    /// The state of a Lambda function.
    pub async fn from_env() -> Result<Self, String> {
        let mut env = Env::default();
        let names = TableNames {
            realtime: env.required("REALTIME_TABLE"),
            calls: env.required("CALLS_TABLE"),
            ..TableNames::default()
        };
        let endpoint = env.required("SOCKET_API");
        env.finish(Some(()))?;
        let db = Db::from_env(names).await;
        db.warm_up(Table::Calls).await;
        let courier = Arc::new(ApiGateway::from_env(&endpoint).await);
        Ok(Self::new(db, courier, Arc::new(SystemClock)))
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }
}
