//! What the handlers need.

use std::sync::Arc;

use api::ice::Turn;
use api::layers::Origins;
use api::system::SystemClock;
use api::token::PublicKeys;
use api::{Env, Verifier};
use domain::clock::Clock;
use domain::sdp::Addresses;
use jiff::Timestamp;
use partners::ApiGateway;
use socket::Courier;
use store::db::TableNames;
use store::keys::Table;
use store::{Calls, Connections, Db, Limits, Revocations, Switchboard};

/// Everything that is configured.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `TOKEN_ISSUER`: the `iss` of our tokens.
    pub issuer: String,
    /// `TOKEN_KEYS`: the published keys, JWKS.
    pub public_keys: PublicKeys,
    /// `STUN_URLS`, `TURN_URLS`, `TURN_SECRET`.
    pub turn: Turn,
    /// Which addresses peers are pointed at: public ones, but on a laptop.
    pub addresses: Addresses,
    /// `ALLOWED_ORIGINS`.
    pub origins: Origins,
    /// Whether the rates of `domain::limit` hold. Everywhere but under a load test.
    pub limited: bool,
}

/// What the handlers need.
#[derive(Clone, Debug)]
pub struct State {
    /// Gives whoever goes on with a call the next credential.
    pub turn: Turn,
    pub(crate) addresses: Addresses,
    pub(crate) origins: Origins,
    pub(crate) verifier: Verifier,
    pub(crate) switchboard: Switchboard,
    pub(crate) limits: Limits,
    pub(crate) sessions: Revocations,
    pub(crate) clock: Arc<dyn Clock>,
}

impl State {
    /// The state of these settings.
    pub fn new(settings: Settings, db: Db, courier: Arc<dyn Courier>, clock: Arc<dyn Clock>) -> Self {
        Self {
            turn: settings.turn,
            addresses: settings.addresses,
            origins: settings.origins,
            verifier: Verifier::new(settings.issuer, settings.public_keys),
            limits: Limits::new(db.clone(), settings.limited),
            sessions: Revocations::new(db.clone()),
            switchboard: Switchboard { calls: Calls::new(db.clone()), connections: Connections::new(db), courier },
            clock,
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
        let public_keys = env.parse("TOKEN_KEYS");
        let origins = Origins::exactly(env.list("ALLOWED_ORIGINS"));
        let turn = Turn::from_env(&mut env, ["STUN_URLS", "TURN_URLS", "TURN_SECRET"]);
        let settings = public_keys.zip(turn);
        let settings = settings.map(|(public_keys, turn)| Settings {
            issuer,
            public_keys,
            turn,
            addresses: Addresses::Public,
            origins,
            limited: true,
        });
        let settings = env.finish(settings)?;
        let db = Db::from_env(names).await;
        db.warm_up(Table::Realtime).await;
        let courier = Arc::new(ApiGateway::from_env(&endpoint).await);
        Ok(Self::new(settings, db, courier, Arc::new(SystemClock)))
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }
}
