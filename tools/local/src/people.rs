//! The demo world: four people with fixed ids, a finished and a missed call.

use api::token::Access;
use axum::Json;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse as _, Response};
use domain::account::{Account, LinkedIn, Profile, Subject};
use domain::call::{Call, CallEvent, CallKind, Goodbye, Person, Terms};
use domain::id::{CallId, EpochId, SessionId, UserId};
use domain::inbox::{Inbox, InboxFact};
use domain::limit;
use domain::session::Session;
use domain::text::{DeviceId, Name};
use http::StatusCode;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use store::accounts::LoginCode;
use store::{Accounts, Calls, Connections, Db, StoreError, Versioned};

use crate::outbox::Message;
use crate::shared::Shared;

/// One of the demo people.
#[derive(Clone, Copy, Debug)]
pub struct Demo {
    /// What the console and the stand-in provider call them.
    pub handle: &'static str,
    /// Full name.
    pub name: &'static str,
    number: u8,
}

/// Everybody.
pub const PEOPLE: [Demo; 4] = [
    Demo { handle: "ada", name: "Ada Lovelace", number: 1 },
    Demo { handle: "bo", name: "Bo Diddley", number: 2 },
    Demo { handle: "chidi", name: "Chidi Anagonye", number: 3 },
    Demo { handle: "dara", name: "Dara Ó Briain", number: 4 },
];

impl Demo {
    /// The person with this handle.
    pub fn find(handle: &str) -> Option<Self> {
        PEOPLE.into_iter().find(|person| person.handle == handle)
    }

    /// Their id, the same on every laptop.
    pub fn id(self) -> UserId {
        UserId::derived(fixed(self.number))
    }

    /// What the stand-in provider says of them.
    pub fn profile(self) -> Profile {
        let (given, family) = self.name.split_once(' ').unwrap_or((self.name, ""));
        let name = |text: &str| text.parse().ok();
        Profile {
            name: name(self.name),
            given_name: name(given),
            family_name: name(family),
            email: format!("{}@example.com", self.handle).parse().ok(),
            email_verified: Some(true),
            picture: None,
        }
    }

    pub(crate) fn name(self) -> Name {
        self.name.parse().expect("demo names are names")
    }

    fn as_person(self) -> Person {
        Person { user: self.id(), name: self.name() }
    }
}

fn fixed(number: u8) -> [u8; 16] {
    let mut bytes = [0; 16];
    bytes[15] = number;
    bytes
}

/// Makes the demo world, unless it is there. `issuer` is the stand-in provider's.
pub async fn settle_in(db: &Db, issuer: &str, now: Timestamp) -> Result<(), StoreError> {
    let accounts = Accounts::new(db.clone());
    if accounts.find(PEOPLE[0].id()).await?.is_some() {
        return Ok(());
    }
    for person in PEOPLE {
        let subject = Subject { issuer: issuer.to_owned(), sub: person.handle.to_owned() };
        let linkedin = LinkedIn { subject: subject.clone(), profile: person.profile(), linked_at: now, token: None };
        let account = Account::from_linkedin(person.id(), linkedin, now);
        let inbox = Inbox::new(EpochId::derived(fixed(person.number)));
        match accounts.register_linkedin(&account, &subject, inbox).await {
            Err(there) if there.is_stale() => {}
            made => made?,
        }
    }
    let [ada, bo, chidi, _] = PEOPLE;
    let yesterday = now - SignedDuration::from_hours(22);
    let device: DeviceId = "demo".parse().expect("a device");
    let talked = begin(db, 1, CallKind::Video, bo, ada, yesterday).await?;
    let (picked_up, hung_up) = (yesterday + SignedDuration::from_secs(7), SignedDuration::from_secs(7 + 252));
    let answered = talked.join(ada.id(), &device, None, picked_up).map(|(call, _)| alive(call, yesterday + hung_up));
    let ended = answered.and_then(|call| call.end(bo.id(), None, Goodbye::Declined, yesterday + hung_up));
    finish(db, ended.ok()).await?;
    let this_morning = now - SignedDuration::from_hours(2);
    let rang = begin(db, 2, CallKind::Audio, chidi, ada, this_morning).await?;
    let missed = rang.ring(ada.id(), this_morning).map(|(call, _)| alive(call, this_morning + limit::RING).settle(now));
    finish(db, missed.ok()).await
}

/// The call as if everybody in it had given signs of life until then.
fn alive(mut call: Call, until: Timestamp) -> Call {
    let mut at = call.created_at;
    while at + limit::CALL_HEARTBEAT < until {
        at += limit::CALL_HEARTBEAT;
        for person in call.people.clone() {
            if let Ok((renewed, _)) = call.clone().renew(person.user, person.generation, at) {
                call = renewed;
            }
        }
    }
    call
}

async fn begin(db: &Db, number: u8, kind: CallKind, from: Demo, to: Demo, at: Timestamp) -> Result<Call, StoreError> {
    let id = CallId::derived(fixed(number));
    let device = "demo".parse().expect("a device");
    let started = Call::start(id, Terms::free(kind), from.as_person(), &device, vec![to.as_person()], at);
    let (call, facts) = started.map_err(|error| StoreError::Broken(error.into()))?;
    let room = Connections::new(db.clone()).room(to.id(), true, at).await?;
    let card = room.card.ok_or_else(|| StoreError::Broken("a demo person without a card".into()))?;
    let Versioned { value: mut card, version } = card;
    card.inbox = card.inbox.with(InboxFact::CallInvited { call: id }, at);
    Calls::new(db.clone()).begin(&call, &facts, &[Versioned { value: card, version }], None, None).await?;
    Ok(call)
}

async fn finish(db: &Db, ended: Option<(Call, Vec<CallEvent>)>) -> Result<(), StoreError> {
    match ended {
        Some((call, facts)) if call.is_over() => Calls::new(db.clone()).save(&call, &facts, 1).await,
        _ => Err(StoreError::Broken("the demo world's calls do not end".into())),
    }
}

/// A link to the console that signs in as a demo person, once.
pub(crate) async fn link(shared: &Shared, person: Demo, life: SignedDuration) -> Result<String, StoreError> {
    let (code, at) = (api::secret::random(&*shared.entropy), shared.clock.now());
    let login = LoginCode { user: person.id(), challenge: None, expires_at: at + life };
    Accounts::new(shared.db.clone()).keep_code(&api::secret::hash(&code), &login).await?;
    let url = format!("/?enter={code}");
    shared.outbox.put(Message {
        at,
        to: format!("{}@example.com", person.handle),
        kind: "link",
        text: "A link that signs in, once.",
        url: Some(url.clone()),
        code: Some(code),
    });
    Ok(url)
}

/// An access token of a session that begins now.
pub(crate) async fn token(shared: &Shared, user: UserId, name: Name, label: &str) -> Result<String, StoreError> {
    let now = shared.clock.now();
    let id = SessionId::new(now, &*shared.entropy);
    let session = Session::begin(id, user, name.clone(), label, now);
    Accounts::new(shared.db.clone()).begin_session(&session, None).await?;
    Ok(shared.signer.access(&Access { sub: user, name, sid: id, ver: session.generation }, now))
}

/// `POST /local/reset`: the demo world as on the first start, everybody signed out.
pub(crate) async fn reset(State(shared): State<Shared>) -> Response {
    let start_over = async {
        shared.hub.clear();
        shared.outbox.empty();
        crate::engine::start_over(&shared.db).await?;
        if let Err(error) = crate::bucket::start_over(&shared.bucket) {
            tracing::warn!(error = &error as &dyn std::error::Error, "what was recorded is still there");
        }
        if shared.demo { settle_in(&shared.db, crate::provider::ISSUER, shared.clock.now()).await } else { Ok(()) }
    };
    match start_over.await {
        Ok(()) => StatusCode::NO_CONTENT.into_response(),
        Err(error) => api::Refusal::from(error).into_response(),
    }
}

#[derive(Deserialize)]
pub(crate) struct Crowd {
    people: u32,
}

/// `POST /local/crowd?people=N`: that many people more, at most a thousand, signed in; for load tests.
pub(crate) async fn crowd(State(shared): State<Shared>, Query(Crowd { people }): Query<Crowd>) -> Response {
    let mut items = Vec::new();
    for number in 0..people.min(1_000) {
        match somebody(&shared, number).await {
            Ok(item) => items.push(item),
            Err(error) => return api::Refusal::from(error).into_response(),
        }
    }
    Json(serde_json::json!({ "items": items })).into_response()
}

async fn somebody(shared: &Shared, number: u32) -> Result<serde_json::Value, StoreError> {
    let now = shared.clock.now();
    let id = UserId::new(now, &*shared.entropy);
    let name: Name = format!("Person {number}").parse().expect("a name");
    let subject = Subject { issuer: crate::provider::ISSUER.to_owned(), sub: id.to_string() };
    let profile = Profile { name: Some(name.clone()), ..Profile::default() };
    let linkedin = LinkedIn { subject: subject.clone(), profile, linked_at: now, token: None };
    let account = Account::from_linkedin(id, linkedin, now);
    let inbox = Inbox::new(EpochId::new(now, &*shared.entropy));
    Accounts::new(shared.db.clone()).register_linkedin(&account, &subject, inbox).await?;
    let access_token = token(shared, id, name, "crowd").await?;
    Ok(serde_json::json!({ "user_id": id, "access_token": access_token }))
}

#[derive(Serialize)]
struct PersonView {
    user_id: UserId,
    handle: &'static str,
    name: &'static str,
}

/// `GET /local/people`
pub(crate) async fn list(State(shared): State<Shared>) -> Response {
    let people = if shared.demo { &PEOPLE[..] } else { &[] };
    let view = |person: &Demo| PersonView { user_id: person.id(), handle: person.handle, name: person.name };
    let items: Vec<_> = people.iter().map(view).collect();
    Json(serde_json::json!({ "items": items })).into_response()
}

/// `POST /local/people/{handle}/enter`: a console link that signs in as a demo person.
pub(crate) async fn enter(State(shared): State<Shared>, Path(handle): Path<String>) -> Response {
    let Some(person) = Demo::find(&handle).filter(|_| shared.demo) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    match link(&shared, person, limit::LOGIN_CODE).await {
        Ok(url) => Json(serde_json::json!({ "url": url })).into_response(),
        Err(error) => api::Refusal::from(error).into_response(),
    }
}
