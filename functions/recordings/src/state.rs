//! What the handlers need.

use std::sync::Arc;

use api::caller::Trust;
use api::layers::{Edge, Origins};
use api::page::Cursors;
use api::system::{SystemClock, SystemEntropy};
use api::token::PublicKeys;
use api::{Env, Secret, Verifier};
use axum::extract::FromRef;
use blobs::Blobs;
use domain::clock::{Clock, Entropy};
use domain::id::UserId;
use domain::limit::Rate;
use jiff::Timestamp;
use partners::ApiGateway;
use socket::{Courier, Problem};
use store::db::TableNames;
use store::keys::Table;
use store::{Answers, Calls, Connections, Db, Limits, Recordings, Revocations, Switchboard};

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
    /// Whether the rates of `domain::limit` hold. Everywhere but under a load test.
    pub limited: bool,
}

/// What the handlers need.
#[derive(Clone, Debug)]
pub struct State {
    pub(crate) edge: Edge,
    pub(crate) verifier: Verifier,
    pub(crate) switchboard: Switchboard,
    pub(crate) recordings: Recordings,
    pub(crate) blobs: Blobs,
    pub(crate) cursors: Cursors,
    pub(crate) answers: Answers,
    pub(crate) answer_key: Secret,
    sessions: Revocations,
    limits: Limits,
}

impl State {
    /// The state of these settings.
    pub fn new(
        settings: Settings,
        db: Db,
        blobs: Blobs,
        courier: Arc<dyn Courier>,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> Self {
        Self {
            edge: Edge { origins: settings.origins, clock, entropy },
            verifier: Verifier::new(settings.issuer, settings.public_keys),
            cursors: Cursors::new(&settings.secret),
            answers: Answers::new(db.clone(), Table::Calls),
            answer_key: settings.secret.derive("answer"),
            recordings: Recordings::new(db.clone()),
            blobs,
            sessions: Revocations::new(db.clone()),
            limits: Limits::new(db.clone(), settings.limited),
            switchboard: Switchboard { calls: Calls::new(db.clone()), connections: Connections::new(db), courier },
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
        let bucket = env.required("RECORDINGS_BUCKET");
        let issuer = env.required("TOKEN_ISSUER");
        let (public_keys, secret) = (env.parse("TOKEN_KEYS"), env.parse("CURSOR_SECRET"));
        let origins = Origins::exactly(env.list("ALLOWED_ORIGINS"));
        let settings = public_keys.zip(secret);
        let settings =
            settings.map(|(public_keys, secret)| Settings { issuer, public_keys, secret, origins, limited: true });
        let settings = env.finish(settings)?;
        let db = Db::from_env(names).await;
        db.warm_up(Table::Calls).await;
        let courier = Arc::new(ApiGateway::from_env(&endpoint).await);
        let blobs = Blobs::from_env(bucket).await;
        Ok(Self::new(settings, db, blobs, courier, Arc::new(SystemClock), Arc::new(SystemEntropy)))
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.edge.clock.now()
    }

    /// Takes one of this person's, and notes what is left for the answer's headers.
    pub(crate) async fn limit(&self, rate: Rate, who: UserId) -> Result<(), Problem> {
        api::quota::check(self.limits.take(rate, &who.to_string(), self.now()).await?)
    }

    pub(crate) fn entropy(&self) -> &dyn Entropy {
        &*self.edge.entropy
    }
}

impl FromRef<State> for Trust {
    fn from_ref(state: &State) -> Self {
        Self {
            verifier: state.verifier.clone(),
            sessions: Arc::new(state.sessions.clone()),
            clock: state.edge.clock.clone(),
        }
    }
}
