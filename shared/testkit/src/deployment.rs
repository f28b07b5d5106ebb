//! What a deployment gives the functions' programs: a store, keys, variables; and one person, Ada, who is signed in.

use std::collections::BTreeMap;

use api::Signer;
use api::system::SystemEntropy;
use api::token::{Access, Ticket};
use domain::account::Account;
use domain::id::{EpochId, SessionId, UserId};
use domain::inbox::Inbox;
use domain::session::Session;
use jiff::Timestamp;
use local::keys::Keys;
use store::{Accounts, Db};

use crate::bucket::Bucket;
use crate::runtime_api::Function;
use crate::template;

pub use local::engine::table_names;

const ISSUER: &str = "dchat-test";
/// A port of this machine where nobody listens: whoever calls a partner in a test finds out at once.
const NOBODY: &str = "http://127.0.0.1:9";

/// A store with its tables, and what the functions are configured with.
#[derive(Debug)]
pub struct Deployment {
    /// Where the store listens.
    pub engine: String,
    /// The store.
    pub db: Db,
    bucket: Bucket,
    keys: Keys,
    signer: Signer,
}

/// Who the events are of.
#[derive(Clone, Copy, Debug)]
pub struct Ada {
    /// Her id.
    pub user: UserId,
    /// Her session.
    pub session: SessionId,
}

impl Deployment {
    /// A fresh one.
    pub async fn new() -> Self {
        let engine = local::engine::listen(None).await.expect("the engine starts");
        let db = Db::local(&engine, table_names());
        store::schema::create_tables(&db).await.expect("the engine makes tables");
        let keys = Keys::generate();
        let signer = Signer::new(ISSUER.into(), &keys.token_signing_key, &keys.token_keys).expect("its own key");
        Self { engine, db, bucket: Bucket::new().await, keys, signer }
    }

    /// Ada, with an account and a session, as somebody who registered.
    pub async fn register(&self, ada: Ada) {
        self.register_as(ada, "ada").await;
    }

    /// Somebody like her, with this name in front of the `@`.
    pub async fn register_as(&self, ada: Ada, mailbox: &str) {
        let now = Timestamp::now();
        let email = format!("{mailbox}@test.example").parse().expect("an address");
        let name = "Ada Lovelace".parse().expect("a name");
        let account = Account::register(ada.user, name, email, now);
        let session = Session::begin(ada.session, ada.user, account.name.clone(), "test", now);
        let email = account.password_email.as_ref().expect("she registered with one");
        let inbox = Inbox::new(EpochId::new(now, &SystemEntropy));
        let nobodys = "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
        let made = Accounts::new(self.db.clone()).register(&account, (email, nobodys), inbox, &session, None).await;
        made.expect("the store is empty");
    }

    /// An access token for her, given out at that time.
    pub fn access(&self, ada: Ada, now: Timestamp) -> String {
        let name = "Ada Lovelace".parse().expect("a name");
        self.signer.access(&Access { sub: ada.user, name, sid: ada.session, ver: 1 }, now)
    }

    /// A ticket, given out now.
    pub fn ticket(&self, ticket: &Ticket) -> String {
        self.signer.ticket(ticket, Timestamp::now())
    }

    /// The public half of what signs her tokens, JWKS.
    pub fn public_keys(&self) -> String {
        serde_json::to_string(&self.keys.token_keys).expect("keys are JSON")
    }

    /// A function of `template.yaml`: with the memory and exactly the variables that it sets there, and where the store
    /// is.
    pub fn function(&self, name: &str, program: &str) -> Function {
        let variables = template::variables(name).into_iter().map(|name| (self.value(&name), name));
        let mut environment: BTreeMap<String, String> = variables.map(|(value, name)| (name, value)).collect();
        environment.insert("AWS_ENDPOINT_URL_DYNAMODB".into(), self.engine.clone());
        environment.insert("AWS_ENDPOINT_URL".into(), self.bucket.endpoint.clone());
        Function {
            command: vec![program.to_owned()],
            name: name.to_owned(),
            memory: template::memory(name),
            environment,
        }
    }

    fn value(&self, variable: &str) -> String {
        let tables = table_names();
        match variable {
            "LOG_LEVEL" => "INFO".into(),
            "STACK" => "dchat-test".into(),
            "ALLOWED_ORIGINS" => "https://dev.dchat.example".into(),
            "TOKEN_KEYS" => self.public_keys(),
            "TOKEN_ISSUER" => ISSUER.into(),
            "ACCOUNTS_TABLE" => tables.accounts,
            "REALTIME_TABLE" => tables.realtime,
            "CALLS_TABLE" => tables.calls,
            "RECORDINGS_BUCKET" => self.bucket.name.clone(),
            "TOKEN_SIGNING_KEY" => self.keys.token_signing_key.clone(),
            "AUTH_SECRET" => self.keys.auth_secret.clone(),
            "CURSOR_SECRET" => self.keys.cursor_secret.clone(),
            "STUN_URLS" => "stun:stun.dchat.example".into(),
            "TURN_URLS" => "turn:turn.dchat.example?transport=udp,turns:turn.dchat.example?transport=tcp".into(),
            "TURN_SECRET" => crate::world::TURN_SECRET.into(),
            "PUBLIC_URL" => String::new(),
            "APP_URL" => "https://dev.dchat.example/welcome".into(),
            "SOCKET_URL" => "wss://vwxyz67890.execute-api.eu-central-1.amazonaws.com/dev".into(),
            "LINKEDIN_CLIENT_ID" | "LINKEDIN_CLIENT_SECRET" => "made-up".into(),
            "LINKEDIN_ISSUERS" => "https://www.linkedin.com".into(),
            "SOCKET_API"
            | "LINKEDIN_AUTH_URL"
            | "LINKEDIN_TOKEN_URL"
            | "LINKEDIN_USERINFO_URL"
            | "LINKEDIN_JWKS_URL" => NOBODY.into(),
            other => panic!("template.yaml sets {other}: say in {} what it is in a test", file!()),
        }
    }
}
