//! Every table and every key, on one page. Why each is there: `docs/tables.md`.

use domain::account::Subject;
use domain::id::{CallId, RecordingId, SessionId, TicketId, UserId};
use domain::lease::ConnectionId;
use domain::limit::Rate;
use domain::text::Email;
use jiff::Timestamp;

/// Partition key attribute, a string.
pub const PK: &str = "pk";
/// Sort key attribute, a string.
pub const SK: &str = "sk";
/// How often an item was written, a number; what conditions compare.
pub const VERSION: &str = "version";
/// Whose login it is, a string.
pub const USER: &str = "user";
/// Which call a pair has, a string.
pub const CALL: &str = "call";
/// When something is over, Unix milliseconds, a number; for what is overwritten once it is.
pub const UNTIL: &str = "until";
/// Unix seconds after which `DynamoDB` may delete the item, a number.
pub const TTL: &str = "ttl";

/// The three tables, one per domain: each has its own permissions, backup and lifetime.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Table {
    /// People, their ways in, their sessions. Must not be lost.
    Accounts,
    /// Who is connected, everybody's card and inbox. Leases heal by themselves; cards must not be lost.
    Realtime,
    /// Calls, their signals, the histories. Must not be lost.
    Calls,
}

/// Where one person finds a call that may be live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Line {
    /// The call with this person alone: two people have one at a time.
    With(UserId),
    /// A call of more.
    In(CallId),
}

/// One item.
#[derive(Clone, Debug)]
pub enum Key<'a> {
    /// `domain::account::Account`.
    Account(UserId),
    /// `domain::session::Session`, under its person.
    Session(UserId, SessionId),
    /// A person by e-mail address, with the password's hash.
    PasswordLogin(&'a Email),
    /// A person by the provider's word.
    LinkedInLogin(&'a Subject),
    /// `domain::sign_in::SignIn`, by the hash of its state.
    SignIn(&'a str),
    /// A one-time code, by its hash.
    LoginCode(&'a str),

    /// A person's name and inbox, as others need them.
    Card(UserId),
    /// `domain::lease::Lease`, under its person.
    Lease(UserId, TicketId),
    /// Whose connection it is.
    Connection(&'a ConnectionId),
    /// A session that was ended early, under its person.
    Ended(UserId, SessionId),
    /// A rate's bucket, by the hash of whom it counts.
    Bucket(Rate, &'a str),

    /// The first answer to a request that can come twice, by the hash of its scope; in its group's table.
    Answer(Table, &'a str),

    /// `domain::call::Call`.
    Call(CallId),
    /// The newest description between two people, under its call.
    Description(CallId, UserId, UserId),
    /// Candidates that wait: for whom, from whom, under its call.
    Waiting(CallId, UserId, UserId),
    /// A call that may be live, under each of its people.
    Live(UserId, Line),
    /// A call that is over in one person's history, by when it began.
    History(UserId, Timestamp, CallId),
    /// `domain::quality::track::Heard`: one person's account of a call. Apart from the call's own items, which are
    /// read together in a call of two.
    Quality(CallId, UserId),
    /// `domain::quality::tally::Tally`: what a person heard in the calls of one UTC day.
    QualityDay(UserId, Timestamp),
    /// `domain::recording::Recording`.
    Recording(RecordingId),
    /// A recording in the list of somebody who may see it, by when it began.
    Recorded(UserId, Timestamp, RecordingId),
    /// `domain::storage::Storage`, of a person.
    Storage(UserId),
    /// When the clock looks at a call; timers of one UTC day lie together.
    Timer(Timestamp, CallId),
}

/// Sort keys of a person's calls that may be live begin with this.
pub const LIVE: &str = "live#";
/// Sort keys of candidates that wait begin with this.
pub const WAITING: &str = "waiting#";
/// Sort keys of a person's history begin with this.
pub const HISTORY: &str = "call#";
/// Sort keys of a person's list of recordings begin with this.
pub const RECORDED: &str = "recording#";
/// Sort keys of a person's sessions begin with this.
pub const SESSIONS: &str = "session#";

/// Sort keys of a person's days of quality begin with this.
pub const QUALITY_DAYS: &str = "quality#";

/// Sort keys of a person's sessions that were ended early begin with this.
pub const ENDED: &str = "ended#";

/// Milliseconds in thirteen digits, which sort as text until the year 2286.
pub fn millis(at: Timestamp) -> String {
    format!("{:013}", at.as_millisecond().max(0))
}

impl Key<'_> {
    /// The table it lies in.
    pub fn table(&self) -> Table {
        match self {
            Self::Account(_)
            | Self::Session(..)
            | Self::PasswordLogin(_)
            | Self::LinkedInLogin(_)
            | Self::SignIn(_)
            | Self::LoginCode(_) => Table::Accounts,
            Self::Card(_) | Self::Lease(..) | Self::Connection(_) | Self::Ended(..) | Self::Bucket(..) => {
                Table::Realtime
            }
            Self::Answer(table, _) => *table,
            Self::Call(_)
            | Self::Description(..)
            | Self::Waiting(..)
            | Self::Live(..)
            | Self::History(..)
            | Self::Quality(..)
            | Self::QualityDay(..)
            | Self::Recording(_)
            | Self::Recorded(..)
            | Self::Storage(_)
            | Self::Timer(..) => Table::Calls,
        }
    }

    /// Its partition.
    pub fn pk(&self) -> String {
        match self {
            Self::Account(user)
            | Self::Session(user, _)
            | Self::Card(user)
            | Self::Lease(user, _)
            | Self::Ended(user, _)
            | Self::QualityDay(user, _)
            | Self::Live(user, _)
            | Self::History(user, ..)
            | Self::Recorded(user, ..)
            | Self::Storage(user) => user.to_string(),
            Self::Recording(recording) => recording.to_string(),
            Self::PasswordLogin(email) => format!("password#{email}"),
            Self::LinkedInLogin(subject) => format!("linkedin#{}#{}", subject.issuer, subject.sub),
            Self::SignIn(state) => format!("sign-in#{state}"),
            Self::LoginCode(code) => format!("code#{code}"),
            Self::Connection(connection) => format!("connection#{connection}"),
            Self::Bucket(rate, who) => format!("bucket#{}#{who}", rate.as_str()),
            Self::Answer(_, scope) => format!("answer#{scope}"),
            Self::Call(call) | Self::Description(call, ..) | Self::Waiting(call, ..) => call.to_string(),
            Self::Quality(call, _) => format!("quality#{call}"),
            Self::Timer(at, _) => format!("timers#{}", at.strftime("%F")),
        }
    }

    /// Its place in the partition.
    pub fn sk(&self) -> String {
        match self {
            Self::Account(_) => "account".into(),
            Self::Session(_, session) => format!("{SESSIONS}{session}"),
            Self::PasswordLogin(_) | Self::LinkedInLogin(_) => "login".into(),
            Self::SignIn(_) => "sign-in".into(),
            Self::LoginCode(_) => "code".into(),
            Self::Card(_) => "card".into(),
            Self::Lease(_, ticket) => format!("lease#{ticket}"),
            Self::Connection(_) => "connection".into(),
            Self::Ended(_, session) => format!("{ENDED}{session}"),
            Self::Bucket(..) => "bucket".into(),
            Self::Answer(..) => "answer".into(),
            Self::Call(_) => "call".into(),
            Self::Description(_, one, other) => format!("description#{}#{}", one.min(other), one.max(other)),
            Self::Waiting(_, to, from) => format!("{WAITING}{to}#{from}"),
            Self::Live(_, Line::With(peer)) => format!("{LIVE}{peer}"),
            Self::Live(_, Line::In(call)) => format!("{LIVE}{call}"),
            Self::History(_, at, call) => format!("{HISTORY}{}#{call}", millis(*at)),
            Self::Quality(_, by) => by.to_string(),
            Self::QualityDay(_, at) => format!("{QUALITY_DAYS}{}", at.strftime("%F")),
            Self::Recording(_) => "recording".into(),
            Self::Recorded(_, at, recording) => format!("{RECORDED}{}#{recording}", millis(*at)),
            Self::Storage(_) => "storage".into(),
            Self::Timer(at, call) => format!("{}#{call}", millis(*at)),
        }
    }
}
