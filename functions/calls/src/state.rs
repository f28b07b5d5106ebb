//! What the handlers need.

use std::sync::Arc;

use api::caller::Trust;
use api::layers::{Edge, Origins};
use api::page::Cursors;
use api::system::{SystemClock, SystemEntropy};
use api::token::PublicKeys;
use api::{Env, Secret, Verifier};
use axum::extract::FromRef;
use domain::clock::{Clock, Entropy};
use jiff::Timestamp;
use partners::ApiGateway;
use socket::Courier;
use store::db::TableNames;
use store::keys::Table;
use store::{Calls, Connections, Db, Switchboard};

/// Everything that is configured.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `TOKEN_ISSUER`: the `iss` of our tokens.
    pub issuer: String,
    /// `TOKEN_KEYS`: the published keys, JWKS.
    pub public_keys: PublicKeys,
    /// `CURSOR_SECRET`.
    pub secret: Secret,
    /// `ALLOWED_ORIGINS`.
    pub origins: Origins,
}

/// What the handlers need.
#[derive(Clone, Debug)]
pub struct State {
    pub(crate) edge: Edge,
    pub(crate) verifier: Verifier,
    pub(crate) switchboard: Switchboard,
    pub(crate) cursors: Cursors,
}

impl State {
    /// The state of these settings.
    pub fn new(
        settings: Settings,
        db: Db,
        courier: Arc<dyn Courier>,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> Self {
        Self {
            edge: Edge { origins: settings.origins, clock, entropy },
            verifier: Verifier::new(settings.issuer, settings.public_keys),
            switchboard: Switchboard { calls: Calls::new(db.clone()), connections: Connections::new(db), courier },
            cursors: Cursors::new(&settings.secret),
        }
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
        let issuer = env.required("TOKEN_ISSUER");
        let (public_keys, secret) = (env.parse("TOKEN_KEYS"), env.parse("CURSOR_SECRET"));
        let origins = Origins::exactly(env.list("ALLOWED_ORIGINS"));
        let settings = public_keys.zip(secret);
        let settings = settings.map(|(public_keys, secret)| Settings { issuer, public_keys, secret, origins });
        let settings = env.finish(settings)?;
        let db = Db::from_env(names).await;
        db.warm_up(Table::Calls).await;
        let courier = Arc::new(ApiGateway::from_env(&endpoint).await);
        Ok(Self::new(settings, db, courier, Arc::new(SystemClock), Arc::new(SystemEntropy)))
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.edge.clock.now()
    }

    pub(crate) fn entropy(&self) -> &dyn Entropy {
        &*self.edge.entropy
    }
}

impl FromRef<State> for Trust {
    fn from_ref(state: &State) -> Self {
        Self { verifier: state.verifier.clone(), clock: state.edge.clock.clone() }
    }
}
