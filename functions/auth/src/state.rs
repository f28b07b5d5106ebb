//! What the handlers need.

use std::sync::Arc;

use api::caller::Trust;
use api::layers::{Edge, Origins};
use api::once::{Repeatable, respond};
use api::system::{SystemClock, SystemEntropy};
use api::token::PublicKeys;
use api::{Answer, Env, Refusal, Secret, Signer, Verifier};
use axum::extract::FromRef;
use axum::response::Response;
use domain::clock::{Clock, Entropy};
use domain::limit::Rate;
use jiff::Timestamp;
use partners::ApiGateway;
use partners::linkedin::{self, LinkedIn};
use socket::{Courier, Problem};
use store::db::TableNames;
use store::keys::Table;
use store::{Accounts, Answers, Connections, Db, Limits, Revocations};

use crate::password::Passwords;

/// Everything that is configured.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `TOKEN_ISSUER`: the `iss` of our tokens.
    pub issuer: String,
    /// `TOKEN_SIGNING_KEY`: an Ed25519 key, PKCS#8 in base64.
    pub signing_key: String,
    /// `TOKEN_KEYS`: the published keys, JWKS.
    pub public_keys: PublicKeys,
    /// `AUTH_SECRET`: refresh tokens and sealed provider tokens depend on it.
    pub secret: Secret,
    /// `PUBLIC_URL`: where browsers reach this API; without one it is what the request says.
    pub public_url: Option<String>,
    /// `APP_URL`: where the callback returns to.
    pub app_url: url::Url,
    /// `SOCKET_URL`: where sockets are opened.
    pub socket_url: String,
    /// `ALLOWED_ORIGINS`.
    pub origins: Origins,
    /// Whether the rates of `domain::limit` hold. Everywhere but under a load test.
    pub limited: bool,
    /// `LINKEDIN_…`.
    pub linkedin: linkedin::Settings,
}

/// What the handlers need.
#[derive(Clone, Debug)]
pub struct State {
    pub(crate) edge: Edge,
    pub(crate) accounts: Accounts,
    answers: Answers,
    pub(crate) sessions: Revocations,
    pub(crate) connections: Connections,
    pub(crate) courier: Arc<dyn Courier>,
    limits: Limits,
    pub(crate) linkedin: Arc<LinkedIn>,
    pub(crate) passwords: Passwords,
    pub(crate) signer: Signer,
    pub(crate) verifier: Verifier,
    pub(crate) refresh_key: Secret,
    pub(crate) sealing_key: Secret,
    pub(crate) device_key: Secret,
    pub(crate) answer_key: Secret,
    pub(crate) public_url: Option<String>,
    pub(crate) app_url: url::Url,
    pub(crate) socket_url: String,
}

impl State {
    /// The state of these settings.
    pub fn new(
        settings: Settings,
        db: Db,
        courier: Arc<dyn Courier>,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> Result<Self, String> {
        let signer = Signer::new(settings.issuer.clone(), &settings.signing_key, &settings.public_keys)
            .map_err(|fault| format!("TOKEN_SIGNING_KEY: {fault}"))?;
        Ok(Self {
            edge: Edge { origins: settings.origins, clock, entropy },
            accounts: Accounts::new(db.clone()),
            answers: Answers::new(db.clone(), Table::Accounts),
            sessions: Revocations::new(db.clone()),
            connections: Connections::new(db.clone()),
            courier,
            limits: Limits::new(db, settings.limited),
            linkedin: Arc::new(LinkedIn::new(settings.linkedin)?),
            passwords: Passwords::default(),
            signer,
            verifier: Verifier::new(settings.issuer, settings.public_keys),
            refresh_key: settings.secret.derive("refresh token"),
            sealing_key: settings.secret.derive("provider token"),
            device_key: settings.secret.derive("device"),
            answer_key: settings.secret.derive("answer"),
            public_url: settings.public_url.map(|url| url.trim_end_matches('/').to_owned()),
            app_url: settings.app_url,
            socket_url: settings.socket_url,
        })
    }

    /// The state of a Lambda function.
    pub async fn from_env() -> Result<Self, String> {
        let mut env = Env::default();
        let names = TableNames {
            accounts: env.required("ACCOUNTS_TABLE"),
            realtime: env.required("REALTIME_TABLE"),
            ..TableNames::default()
        };
        let linkedin = linkedin::Settings {
            client_id: env.required("LINKEDIN_CLIENT_ID"),
            client_secret: env.required("LINKEDIN_CLIENT_SECRET"),
            issuers: env.list("LINKEDIN_ISSUERS"),
            auth_url: env.required("LINKEDIN_AUTH_URL"),
            token_url: env.required("LINKEDIN_TOKEN_URL"),
            userinfo_url: env.required("LINKEDIN_USERINFO_URL"),
            jwks_url: env.required("LINKEDIN_JWKS_URL"),
        };
        let issuer = env.required("TOKEN_ISSUER");
        let signing_key = env.required("TOKEN_SIGNING_KEY");
        let (public_keys, secret) = (env.parse("TOKEN_KEYS"), env.parse("AUTH_SECRET"));
        let (app_url, socket_url) = (env.parse("APP_URL"), env.required("SOCKET_URL"));
        let origins = Origins::exactly(env.list("ALLOWED_ORIGINS"));
        let public_url = Env::text("PUBLIC_URL");
        let endpoint = env.required("SOCKET_API");
        let settings = public_keys.zip(secret).zip(app_url).map(|((public_keys, secret), app_url)| Settings {
            issuer,
            signing_key,
            public_keys,
            secret,
            public_url,
            app_url,
            socket_url,
            origins,
            limited: true,
            linkedin,
        });
        let settings = env.finish(settings)?;
        let db = Db::from_env(names).await;
        db.warm_up(Table::Accounts).await;
        let courier = Arc::new(ApiGateway::from_env(&endpoint).await);
        Self::new(settings, db, courier, Arc::new(SystemClock), Arc::new(SystemEntropy))
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.edge.clock.now()
    }

    /// Takes one of `who`'s, and notes what is left for the answer's headers.
    pub(crate) async fn limit(&self, rate: Rate, who: &str) -> Result<(), Problem> {
        api::quota::check(self.limits.take(rate, who, self.now()).await?)
    }

    /// The answer to a request that may come twice: this one, or the first.
    pub(crate) async fn settle(&self, once: Repeatable, done: Result<Answer, Problem>) -> Result<Response, Refusal> {
        let settled = once.settle(done, async |scope| self.answers.find(&scope, self.now()).await).await?;
        Ok(respond(settled))
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
