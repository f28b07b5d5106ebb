//! The demo world: four people with fixed ids, a finished and a missed call.

use axum::Json;
use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Response};
use domain::account::{Account, LinkedIn, Profile, Subject};
use domain::call::{Call, CallKind, Person};
use domain::id::{CallId, EpochId, UserId};
use domain::inbox::{Inbox, InboxFact};
use domain::limit;
use domain::text::{DeviceId, Name};
use http::StatusCode;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use store::accounts::LoginCode;
use store::{Accounts, Calls, Connections, Db, StoreError, Versioned};

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

    fn name(self) -> Name {
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
    let answered = talked.answer(ada.id(), &device, yesterday + SignedDuration::from_secs(7));
    let ended = answered.and_then(|(call, _)| call.end(bo.id(), yesterday + SignedDuration::from_secs(7 + 252)));
    finish(db, ended.ok()).await?;
    let this_morning = now - SignedDuration::from_hours(2);
    let rang = begin(db, 2, CallKind::Audio, chidi, ada, this_morning).await?;
    let missed = rang.ring(ada.id(), this_morning).map(|(call, _)| call.settle(now));
    finish(db, missed.ok()).await
}

async fn begin(db: &Db, number: u8, kind: CallKind, from: Demo, to: Demo, at: Timestamp) -> Result<Call, StoreError> {
    let id = CallId::derived(fixed(number));
    let device = "demo".parse().expect("a device");
    let started = Call::start(id, kind, from.as_person(), device, vec![to.as_person()], at);
    let (call, event) = started.map_err(|error| StoreError::Broken(error.into()))?;
    let room = Connections::new(db.clone()).room(to.id(), true, at).await?;
    let card = room.card.ok_or_else(|| StoreError::Broken("a demo person without a card".into()))?;
    let Versioned { value: mut card, version } = card;
    card.inbox = card.inbox.with(InboxFact::CallInvited { call: id }, at);
    Calls::new(db.clone()).begin(&call, event, &[Versioned { value: card, version }], None).await?;
    Ok(call)
}

async fn finish(db: &Db, ended: Option<(Call, Option<domain::call::CallEvent>)>) -> Result<(), StoreError> {
    match ended {
        Some((call, Some(event))) => Calls::new(db.clone()).save(&call, event, 1).await,
        _ => Err(StoreError::Broken("the demo world's calls do not end".into())),
    }
}

/// A fresh one-time code for a demo person.
pub(crate) async fn code(shared: &Shared, person: Demo, life: SignedDuration) -> Result<String, StoreError> {
    let code = api::secret::random(&*shared.entropy);
    let login = LoginCode { user: person.id(), challenge: None, expires_at: shared.clock.now() + life };
    Accounts::new(shared.db.clone()).keep_code(&api::secret::hash(&code), &login).await?;
    Ok(code)
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
    match code(&shared, person, limit::LOGIN_CODE).await {
        Ok(code) => Json(serde_json::json!({ "url": format!("/?enter={code}") })).into_response(),
        Err(error) => api::Refusal::from(error).into_response(),
    }
}
