//! People, their ways in and their sessions.

use domain::account::{Account, Subject};
use domain::id::{SessionId, UserId};
use domain::inbox::Inbox;
use domain::limit;
use domain::once::Kept;
use domain::session::Session;
use domain::sign_in::SignIn;
use domain::text::{Challenge, Email, Name};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::Versioned;
use crate::connections::Card;
use crate::db::{Ask, Db, Range, key_of, read_item, ttl, version, versioned};
use crate::error::StoreError;
use crate::keys::{Key, SESSIONS, Table};
use crate::revocations::ended_put;
use crate::write::{Expect, Write, put};

/// Days that an ended thing stays for the curious before it is cleaned up.
const LINGER: jiff::SignedDuration = jiff::SignedDuration::from_hours(24);

/// Who signs in with an e-mail address, and the hash to compare with (PHC string format).
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PasswordLogin {
    /// Who.
    pub user: UserId,
    /// `$argon2id$…`.
    pub hash: String,
}

/// Who may come in with a one-time code.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoginCode {
    /// Who.
    pub user: UserId,
    /// Hash of the secret that must come with the code, when the app gave one.
    #[serde(default)]
    pub challenge: Option<Challenge>,
    /// Not later than this.
    pub expires_at: Timestamp,
}

#[derive(Serialize, Deserialize)]
struct LinkedInLogin {
    user: UserId,
}

/// The accounts.
#[derive(Clone, Debug)]
pub struct Accounts {
    db: Db,
}

/// Which of an account's names is taken.
const ACCOUNT: usize = 0;
const LOGIN: usize = 1;

impl Accounts {
    /// The accounts of this store.
    pub fn new(db: Db) -> Self {
        Self { db }
    }

    /// A new account with a password, its card, and its first session. `Stale` at 1: the address is taken.
    pub async fn register(
        &self,
        account: &Account,
        login: (&Email, &str),
        inbox: Inbox,
        session: &Session,
        kept: Option<&Kept>,
    ) -> Result<(), StoreError> {
        let (email, hash) = login;
        let login = PasswordLogin { user: account.id, hash: hash.to_owned() };
        let login = put(&Key::PasswordLogin(email), &login, Expect::Absent, &[])?;
        let session = Some(session_put(session, 0)?);
        self.create(account, login, inbox, session, kept).await
    }

    /// A new account with a LinkedIn account. `Stale` at 1: it belongs to another account.
    pub async fn register_linkedin(
        &self,
        account: &Account,
        subject: &Subject,
        inbox: Inbox,
    ) -> Result<(), StoreError> {
        let login = LinkedInLogin { user: account.id };
        let login = put(&Key::LinkedInLogin(subject), &login, Expect::Absent, &[])?;
        self.create(account, login, inbox, None, None).await
    }

    async fn create(
        &self,
        account: &Account,
        login: Write,
        inbox: Inbox,
        session: Option<Write>,
        kept: Option<&Kept>,
    ) -> Result<(), StoreError> {
        let card = Card { user: account.id, name: account.name.clone(), inbox };
        let mut writes = vec![
            put(&Key::Account(account.id), account, Expect::Absent, &[version(1)])?,
            login,
            put(&Key::Card(account.id), &card, Expect::Absent, &[version(1)])?,
        ];
        writes.extend(session);
        self.once(writes, kept, account.created_at).await
    }

    /// Whether a write that got `Stale` lost its login name, not its account.
    pub fn login_taken(error: &StoreError) -> bool {
        error.lost(LOGIN) && !error.lost(ACCOUNT)
    }

    /// An account.
    pub async fn find(&self, user: UserId) -> Result<Option<Versioned<Account>>, StoreError> {
        self.versioned(&Key::Account(user), true).await
    }

    /// Who signs in with this address.
    pub async fn by_email(&self, email: &Email) -> Result<Option<PasswordLogin>, StoreError> {
        self.db.get(&Key::PasswordLogin(email), true).await?.map(read_item).transpose()
    }

    /// Who signs in with this LinkedIn account.
    pub async fn by_linkedin(&self, subject: &Subject) -> Result<Option<UserId>, StoreError> {
        let item = self.db.get(&Key::LinkedInLogin(subject), true).await?;
        Ok(item.map(read_item::<LinkedInLogin>).transpose()?.map(|login| login.user))
    }

    /// Saves an account; the name goes to its card when it changed.
    pub async fn save(&self, account: &Account, read: u64, old_name: &Name) -> Result<(), StoreError> {
        let mut writes = vec![put(&Key::Account(account.id), account, Expect::Version(read), &[version(read + 1)])?];
        writes.extend(renamed(account, old_name));
        self.db.transact(writes).await
    }

    /// Saves an account and its new LinkedIn login. `Stale` at 1: it belongs to another account.
    pub async fn link(
        &self,
        account: &Account,
        read: u64,
        subject: &Subject,
        old_name: &Name,
    ) -> Result<(), StoreError> {
        let login = LinkedInLogin { user: account.id };
        let mut writes = vec![
            put(&Key::Account(account.id), account, Expect::Version(read), &[version(read + 1)])?,
            put(&Key::LinkedInLogin(subject), &login, Expect::Absent, &[])?,
        ];
        writes.extend(renamed(account, old_name));
        self.db.transact(writes).await
    }

    /// Saves an account and removes its LinkedIn login, if that is still its own.
    pub async fn unlink(&self, account: &Account, read: u64, subject: &Subject) -> Result<(), StoreError> {
        let login = Key::LinkedInLogin(subject);
        self.db
            .transact(vec![
                put(&Key::Account(account.id), account, Expect::Version(read), &[version(read + 1)])?,
                Write::Delete { table: login.table(), key: key_of(&login), expect: Expect::Of(account.id) },
            ])
            .await
    }

    /// Keeps a sign-in under way, by the hash of its state.
    pub async fn begin_sign_in(&self, state: &str, sign_in: &SignIn) -> Result<(), StoreError> {
        let expiry = ttl(sign_in.expires_at + LINGER);
        self.db.write(put(&Key::SignIn(state), sign_in, Expect::Absent, &[expiry])?).await
    }

    /// Takes a sign-in out, once, and only for the browser that began it. `None`: unknown, used, or of another browser.
    pub async fn take_sign_in(&self, state: &str, browser: &str) -> Result<Option<SignIn>, StoreError> {
        let key = Key::SignIn(state);
        let found: Option<SignIn> = self.db.get(&key, true).await?.map(read_item).transpose()?;
        let Some(found) = found.filter(|found| found.is_of(browser)) else { return Ok(None) };
        let taken = Write::Delete { table: key.table(), key: key_of(&key), expect: Expect::Present };
        match self.db.write(taken).await {
            Ok(()) => Ok(Some(found)),
            Err(stale) if stale.is_stale() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Keeps a one-time code, by its hash.
    pub async fn keep_code(&self, code: &str, login: &LoginCode) -> Result<(), StoreError> {
        let expiry = ttl(login.expires_at + LINGER);
        self.db.write(put(&Key::LoginCode(code), login, Expect::Absent, &[expiry])?).await
    }

    /// Who may come in with this code, if nobody used it.
    pub async fn find_code(&self, code: &str) -> Result<Option<LoginCode>, StoreError> {
        self.db.get(&Key::LoginCode(code), true).await?.map(read_item).transpose()
    }

    /// Uses the code up and begins the session, both or neither. `Stale`: the code was used.
    pub async fn redeem(&self, code: &str, session: &Session, kept: Option<&Kept>) -> Result<(), StoreError> {
        let key = Key::LoginCode(code);
        let used = Write::Delete { table: key.table(), key: key_of(&key), expect: Expect::Present };
        self.once(vec![used, session_put(session, 0)?], kept, session.created_at).await
    }

    /// Begins a session.
    pub async fn begin_session(&self, session: &Session, kept: Option<&Kept>) -> Result<(), StoreError> {
        match kept {
            None => self.db.write(session_put(session, 0)?).await,
            kept => self.once(vec![session_put(session, 0)?], kept, session.created_at).await,
        }
    }

    async fn once(&self, writes: Vec<Write>, kept: Option<&Kept>, now: Timestamp) -> Result<(), StoreError> {
        self.db.transact_once(Table::Accounts, writes, kept.map(|kept| (kept, now))).await
    }

    /// Saves a session that was ended early, and says so where every group can see it.
    pub async fn end_session(&self, session: &Session, read: u64, now: Timestamp) -> Result<(), StoreError> {
        self.db.transact(vec![session_put(session, read)?, ended_put(session.user, session.id, now)]).await
    }

    /// A session. An eventually consistent read costs half and may be a moment old.
    pub async fn session(
        &self,
        user: UserId,
        id: SessionId,
        consistent: bool,
    ) -> Result<Option<Versioned<Session>>, StoreError> {
        self.versioned(&Key::Session(user, id), consistent).await
    }

    /// Saves a session.
    pub async fn save_session(&self, session: &Session, read: u64) -> Result<(), StoreError> {
        self.db.write(session_put(session, read)?).await
    }

    /// The person's newest sessions, newest first, ended ones among them.
    pub async fn sessions(&self, user: UserId) -> Result<Vec<Session>, StoreError> {
        let (range, limit) = (Range::Prefix(SESSIONS.into()), Some(limit::SESSIONS_LISTED));
        let ask = Ask { range, limit, consistent: true, newest_first: true, ..Ask::all_of(&Key::Account(user)) };
        self.db.query(ask).await?.items.into_iter().map(read_item).collect()
    }

    async fn versioned<T: serde::de::DeserializeOwned>(
        &self,
        key: &Key<'_>,
        consistent: bool,
    ) -> Result<Option<Versioned<T>>, StoreError> {
        self.db.get(key, consistent).await?.map(versioned).transpose()
    }
}

fn renamed(account: &Account, old_name: &Name) -> Option<Write> {
    let key = Key::Card(account.id);
    let value = aws_sdk_dynamodb::types::AttributeValue::S(account.name.to_string());
    (account.name != *old_name).then(|| Write::Set { table: key.table(), key: key_of(&key), name: "name", value })
}

fn session_put(session: &Session, read: u64) -> Result<Write, StoreError> {
    let extra = [version(read + 1), ttl(session.expires_at + LINGER)];
    put(&Key::Session(session.user, session.id), session, Expect::Version(read), &extra)
}
