//! Two parties who do not know each other, and everybody a request can come from.

use std::collections::HashMap;
use std::sync::Arc;

use api::token::{Access, Ticket};
use domain::account::{Account, LinkedIn, Profile, Subject};
use domain::clock::Clock as _;
use domain::id::{CallId, EpochId, OfferId, RecordingId, SessionId, TicketId, UserId};
use domain::inbox::Inbox;
use domain::limit;
use domain::session::Session;
use http::Method;
use jiff::SignedDuration;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};
use store::Accounts;
use store::accounts::LoginCode;
use testkit::{Person, Snapshot, World, sdp};

use super::requests::Credentials;

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Role {
    Anonymous,
    Stranger,
    Caller,
    Callee,
    Pending,
    Left,
    SecondDevice,
    Revoked,
    Expired,
    OtherKind,
    OtherAudience,
    OtherIssuer,
}

impl Role {
    pub(crate) const ALL: [Self; 12] = [
        Self::Anonymous,
        Self::Stranger,
        Self::Caller,
        Self::Callee,
        Self::Pending,
        Self::Left,
        Self::SecondDevice,
        Self::Revoked,
        Self::Expired,
        Self::OtherKind,
        Self::OtherAudience,
        Self::OtherIssuer,
    ];

    /// What docs/access.md calls it. Who began a call and who answered it may do the same.
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::Anonymous => "anonymous",
            Self::Stranger | Self::Caller | Self::Callee => "joined",
            Self::Pending => "pending callee",
            Self::Left => "left",
            Self::SecondDevice => "second device",
            Self::Revoked => "revoked session",
            Self::Expired => "expired token",
            Self::OtherKind => "token of another kind",
            Self::OtherAudience => "other audience",
            Self::OtherIssuer => "other issuer",
        }
    }

    /// Whether it began its call.
    pub(crate) fn is_host(self) -> bool {
        matches!(self, Self::Stranger | Self::Caller)
    }

    /// Whether it proves to be somebody.
    pub(crate) fn is_somebody(self) -> bool {
        matches!(self, Self::Stranger | Self::Caller | Self::Callee | Self::Pending | Self::Left | Self::SecondDevice)
    }

    /// The party whose things are not its own.
    pub(crate) fn foreign(self) -> Party {
        if self == Self::Stranger { Party::Group } else { Party::Pair }
    }
}

/// Ada called Bo, Chidi and Dara: Bo answered on one of two devices, Chidi has not, Dara has left. Eve talks to Fay.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Party {
    Group,
    Pair,
}

impl Party {
    /// In everything that its people call themselves and send.
    pub(crate) fn canary(self) -> &'static str {
        match self {
            Self::Group => "canary-of-the-group",
            Self::Pair => "canary-of-the-pair",
        }
    }

    fn password(self) -> String {
        format!("the {} sings", self.canary())
    }
}

/// One who asks.
pub(crate) struct Actor {
    pub(crate) role: Role,
    pub(crate) credentials: Credentials,
    /// Who prepares things for them: the other side of what they do.
    pub(crate) peer: Person,
    pub(crate) person: Person,
    own: HashMap<String, String>,
}

impl Actor {
    /// What is theirs, of this kind.
    pub(crate) fn own(&self, kind: &str) -> String {
        self.own.get(kind).unwrap_or_else(|| panic!("{:?} has no {kind}", self.role)).clone()
    }
}

/// Everybody, and everything as it was when they were ready.
pub(crate) struct Scene {
    pub(crate) world: Arc<World>,
    pub(crate) actors: Vec<Actor>,
    pub(crate) ready: Snapshot,
    /// One of the pair's friends, whom nobody has called.
    pub(crate) spare: UserId,
    /// What must not get from one party to the other.
    marks: HashMap<Party, Vec<String>>,
}

/// The hash of a party's password, made once: it is the only slow thing here.
async fn hash(party: Party) -> String {
    static HASHES: tokio::sync::OnceCell<[String; 2]> = tokio::sync::OnceCell::const_new();
    let made = async || {
        let world = World::new().await;
        let mut hashes = Vec::new();
        for party in [Party::Group, Party::Pair] {
            let email = format!("{}@example.com", party.canary());
            let body = json!({ "email": email, "password": party.password(), "name": "Gil" });
            let _ = world.anonymous(Method::POST, "/auth/register", Some(body)).await.expect(201);
            let stored = world.snapshot().await;
            let login = stored.items().find(|item| item["pk"]["S"] == format!("password#{email}")).expect("a login");
            hashes.push(login["hash"]["S"].as_str().expect("with a hash").to_owned());
        }
        hashes.try_into().expect("two parties")
    };
    let [group, pair] = HASHES.get_or_init(made).await;
    if party == Party::Group { group.clone() } else { pair.clone() }
}

/// Somebody with a password and a linked LinkedIn account, without the work of hashing. Leaves a session to spare.
async fn settle(world: &Arc<World>, name: &str, party: Party) -> (Person, SessionId, String) {
    let now = world.clock.now();
    let id = UserId::new(now, world.entropy());
    let email = format!("{name}.{}@example.com", party.canary());
    let name = format!("{name} {}", party.canary());
    let email_of = email.parse().expect("an address");
    let subject = Subject { issuer: "https://issuer.example".into(), sub: id.to_string() };
    let profile = Profile { name: name.parse().ok(), ..Profile::default() };
    let linkedin = LinkedIn { subject: subject.clone(), profile, linked_at: now, token: None };
    let account = Account::register(id, name.parse().expect("a name"), email.parse().expect("an address"), now);
    let spare = Session::begin(SessionId::new(now, world.entropy()), id, account.name.clone(), party.canary(), now);
    let accounts = Accounts::new(world.db.clone());
    let inbox = Inbox::new(EpochId::new(now, world.entropy()));
    accounts
        .register(&account, (&email_of, &hash(party).await), inbox, &spare, None)
        .await
        .expect("nobody has this id");
    let linked = account.clone().link(linkedin, now).expect("nothing is linked");
    accounts.link(&linked, 1, &subject, &account.name).await.expect("nobody has this account there");
    (enter(world, id, None).await, spare.id, email)
}

/// Signs somebody in on a new device.
async fn enter(world: &Arc<World>, id: UserId, agent: Option<&str>) -> Person {
    let body = json!({ "code": code(world, id, None).await });
    let headers = [("user-agent", agent.unwrap_or("a device"))];
    let tokens = world.send(testkit::world::request(Method::POST, "/auth/token", &headers, Some(body))).await;
    Person::of(world, &tokens.expect(200))
}

/// A one-time code, perhaps one that needs a secret.
pub(crate) async fn code(world: &World, user: UserId, verifier: Option<&str>) -> String {
    let code = api::secret::random(world.entropy());
    let challenge = verifier.map(|verifier| api::secret::hash(verifier).parse().expect("a challenge"));
    let login = LoginCode { user, challenge, expires_at: world.clock.now() + limit::LOGIN_CODE };
    let kept = Accounts::new(world.db.clone()).keep_code(&api::secret::hash(&code), &login).await;
    kept.expect("a fresh code");
    code
}

/// The secret that a party's codes were begun with.
fn verifier(party: Party) -> String {
    format!("the app of {}", party.canary())
}

fn description(party: Party) -> Value {
    json!({ "sdp": sdp(party.canary()) })
}

fn to(person: &Person, party: Party) -> Value {
    json!({ "sdp": sdp(party.canary()), "to": person.id.to_string() })
}

/// Offers to one of a group and perhaps answers; the offer.
pub(crate) async fn offer(from: &Person, call: &str, whom: &Person, party: Party) -> String {
    from.in_call(call, "offer", to(whom, party)).await.expect(200).text("/offer_id")
}

/// Records a call for a moment, and uploads it.
async fn tape(recorder: &Person, other: &Person, call: &str) -> String {
    let recording = recorder.ask_to_record(call).await;
    let _ = other.consent(call, true).await.expect(200);
    assert_eq!(recorder.upload(&recording, 1, b"x").await, "200");
    let _ = recorder.of_recording(&recording, "stop", json!({})).await.expect(200);
    recording
}

fn signer(world: &World, issuer: &str) -> api::Signer {
    let keys = &world.keys;
    api::Signer::new(issuer.into(), &keys.token_signing_key, &keys.token_keys).expect("its own key")
}

/// What one of ours says, signed by us for somebody else.
fn for_elsewhere(world: &World, ours: &str) -> String {
    let parts: Vec<&str> = ours.split('.').collect();
    let read = |part: &str| -> Value {
        serde_json::from_slice(&api::secret::from_base64url(part).expect("base64url")).expect("JSON")
    };
    let (said, mut claims) = (read(parts[0]), read(parts[1]));
    claims["aud"] = json!("elsewhere");
    let mut header = Header::new(Algorithm::EdDSA);
    header.typ = said["typ"].as_str().map(str::to_owned);
    header.kid = said["kid"].as_str().map(str::to_owned);
    let key = world.keys.token_signing_key.replace('+', "-").replace('/', "_");
    let der = api::secret::from_base64url(key.trim_end_matches('=')).expect("base64");
    jsonwebtoken::encode(&header, &claims, &EncodingKey::from_ed_der(&der)).expect("signs")
}

struct Ready {
    person: Person,
    spare: SessionId,
    email: String,
}

impl Scene {
    /// A world of its own.
    pub(crate) async fn new() -> Self {
        let world = World::new().await.without_limits();
        let mut everybody = Vec::new();
        for (name, party) in [
            ("ada", Party::Group),
            ("bo", Party::Group),
            ("chidi", Party::Group),
            ("dara", Party::Group),
            ("eve", Party::Pair),
            ("fay", Party::Pair),
            ("gus", Party::Pair),
        ] {
            let (person, spare, email) = settle(&world, name, party).await;
            everybody.push(Ready { person, spare, email });
        }
        let people: Vec<Person> = everybody.iter().map(|ready| ready.person.clone()).collect();
        let [ada, bo, chidi, dara, eve, fay, gus] = &people[..] else { unreachable!("seven people") };
        let second_device = enter(&world, bo.id, None).await;
        let revoked = enter(&world, bo.id, None).await;
        let ticket_of_revoked = revoked.ticket().await;
        let socket_of_revoked = revoked.connect().await;
        let _ = revoked.post("/auth/logout", json!({})).await.expect(204);
        world.clock.advance(SignedDuration::from_secs(61));

        let past = ada.call(&[bo, chidi, dara]).await;
        for person in [ada, bo, chidi, dara] {
            let _ = person.in_call(&past, "end", json!({})).await.expect(200);
        }
        let past = eve.call(&[fay]).await;
        let _ = eve.in_call(&past, "end", json!({})).await.expect(200);
        let mut calls = HashMap::new();
        let call = ada.call(&[bo, chidi, dara]).await;
        for person in [bo, dara] {
            offer(ada, &call, person, Party::Group).await;
            let _ = person.in_call(&call, "answer", to(ada, Party::Group)).await.expect(200);
        }
        let _ = dara.in_call(&call, "end", json!({})).await.expect(200);
        let offered = offer(ada, &call, chidi, Party::Group).await;
        let candidate = json!({ "candidates": [{ "candidate": format!("candidate:1 1 udp 1 {}.local 50000 typ host", Party::Group.canary()) }], "to": chidi.id.to_string() });
        let _ = ada.in_call(&call, "ice-candidate", candidate).await.expect(200);
        calls.insert(Party::Group, (call, offered));
        let call = eve.call(&[fay]).await;
        let offered = eve.in_call(&call, "offer", description(Party::Pair)).await.expect(200).text("/offer_id");
        let _ = fay.in_call(&call, "answer", description(Party::Pair)).await.expect(200);
        let candidate = json!({ "candidates": [{ "candidate": format!("candidate:1 1 udp 1 {}.local 50000 typ host", Party::Pair.canary()) }] });
        let _ = fay.in_call(&call, "ice-candidate", candidate).await.expect(200);
        calls.insert(Party::Pair, (call, offered));

        let group = calls[&Party::Group].0.clone();
        let tapes = HashMap::from([
            (ada.id, tape(ada, bo, &group).await),
            (bo.id, tape(bo, ada, &group).await),
            (eve.id, tape(eve, fay, &calls[&Party::Pair].0).await),
        ]);

        let (mut actors, mut things) = (Vec::new(), HashMap::new());
        let mut marks: HashMap<Party, Vec<String>> = HashMap::new();
        for role in Role::ALL {
            let (person, peer, ready) = match role {
                Role::Stranger => (eve, fay, &everybody[4]),
                Role::Caller => (ada, bo, &everybody[0]),
                Role::Pending => (chidi, ada, &everybody[2]),
                Role::Left => (dara, ada, &everybody[3]),
                Role::SecondDevice => (&second_device, ada, &everybody[1]),
                Role::Revoked => (&revoked, ada, &everybody[1]),
                _ => (bo, ada, &everybody[1]),
            };
            let party = if role == Role::Stranger { Party::Pair } else { Party::Group };
            let (call, offered) = &calls[&party];
            let mut own = match things.get(&person.id) {
                Some(own) => HashMap::clone(own),
                None => belongings(&world, party, ready, (person, peer)).await,
            };
            things.insert(person.id, own.clone());
            own.insert("refresh_token".into(), person.refresh_token.clone());
            own.insert("device".into(), session_of(person));
            own.insert("call".into(), call.clone());
            own.insert("off".into(), offered.clone());
            own.insert("rec".into(), tapes.get(&person.id).unwrap_or(&tapes[&ada.id]).clone());
            let cookie = own.remove("cookie");
            let mut credentials = credentials(&world, role, person).await;
            if role == Role::Revoked {
                credentials.ticket = Some(ticket_of_revoked.clone());
                credentials.connection = socket_of_revoked.connection.clone();
            }
            credentials.cookie = cookie;
            let marks = marks.entry(party).or_insert_with(|| vec![party.canary().to_owned()]);
            marks.extend(own.iter().filter(|(kind, _)| *kind != "device").map(|(_, value)| value.clone()));
            marks.extend(own.get("device").cloned());
            marks.push(person.id.to_string());
            actors.push(Actor { role, credentials, peer: peer.clone(), person: person.clone(), own });
        }
        for marks in marks.values_mut() {
            marks.sort();
            marks.dedup();
        }
        let ready = world.snapshot().await;
        Self { world, actors, ready, spare: gus.id, marks }
    }

    /// Who has this role.
    pub(crate) fn actor(&self, role: Role) -> &Actor {
        self.actors.iter().find(|actor| actor.role == role).expect("every role has somebody")
    }

    /// The first thing of this party that a text gives away, apart from what was sent.
    pub(crate) fn given_away(&self, party: Party, text: &str, sent: Option<&str>) -> Option<&str> {
        let text = sent.map_or_else(|| text.to_owned(), |sent| text.replace(sent, "…"));
        self.marks[&party].iter().map(String::as_str).find(|mark| text.contains(mark))
    }

    /// Somebody else's thing of this kind, as this role sees it.
    pub(crate) fn foreign(&self, role: Role, kind: &str) -> String {
        let owner = self.actor(if role == Role::Stranger { Role::Caller } else { Role::Stranger });
        match kind {
            "usr" => owner.person.id.to_string(),
            // Whoever has somebody's token is somebody: what can be tried is a token of one's own making.
            "refresh_token" => {
                let (said, _) = owner.person.refresh_token.rsplit_once('.').expect("a token has a tag");
                let (_, tag) = self.actor(role).person.refresh_token.rsplit_once('.').expect("a token has a tag");
                format!("{said}.{tag}")
            }
            _ => owner.own(kind),
        }
    }

    /// A thing of this kind that nobody has.
    pub(crate) fn absent(kind: &str) -> String {
        let bytes = [0xEE; 16];
        match kind {
            "usr" => UserId::derived(bytes).to_string(),
            "call" => CallId::derived(bytes).to_string(),
            "ses" | "device" => SessionId::derived(bytes).to_string(),
            "off" => OfferId::derived(bytes).to_string(),
            "rec" => RecordingId::derived(bytes).to_string(),
            "epo" => EpochId::derived(bytes).to_string(),
            "email" => "nobody@example.com".into(),
            _ => api::secret::hash("nobody's"),
        }
    }
}

async fn belongings(
    world: &Arc<World>,
    party: Party,
    ready: &Ready,
    (person, peer): (&Person, &Person),
) -> HashMap<String, String> {
    let mut own = HashMap::new();
    let mut has = |kind: &str, value: String| own.insert(kind.to_owned(), value);
    has("usr", peer.id.to_string());
    has("ses", ready.spare.to_string());
    has("password", party.password());
    has("email", ready.email.clone());
    has("code", code(world, person.id, Some(&verifier(party))).await);
    has("code_verifier", verifier(party));
    has("device_token", format!("device-of-{}", person.id));
    has("Idempotency-Key", format!("key-of-{}", person.id));
    let page = ready.person.get("/api/webrtc/calls/history?limit=1").await.expect(200);
    has("cursor", page.text("/next_cursor"));
    let head = ready.person.connect().await.say("ping", json!({})).await;
    has("epo", head["data"]["heads"]["inbox"]["epoch"].as_str().expect("an epoch").to_owned());
    let begun = world.anonymous(Method::GET, "/auth/linkedin/auth-url", None).await.expect(200);
    has("state", begun.text("/state"));
    has("cookie", begun.header("set-cookie").split(';').next().unwrap_or_default().to_owned());
    // A ticket that was used.
    let used = ready.person.ticket().await;
    assert_eq!(testkit::Socket::open(world, Some(used.clone()), None).await.0, 200);
    has("ticket", used);
    own
}

/// The session of a device, which names the device when nothing else does.
fn session_of(person: &Person) -> String {
    let claims = person.access_token.split('.').nth(1).and_then(api::secret::from_base64url).expect("a JWT");
    let claims: Value = serde_json::from_slice(&claims).expect("JSON");
    claims["sid"].as_str().expect("a session").to_owned()
}

async fn credentials(world: &Arc<World>, role: Role, person: &Person) -> Credentials {
    let now = world.clock.now();
    let sid = SessionId::derived([7; 16]);
    let access = Access { sub: person.id, name: person.name.parse().expect("a name"), sid, ver: 1 };
    let ticket = Ticket { sub: person.id, sid, jti: TicketId::new(now, world.entropy()) };
    let nobody = domain::lease::ConnectionId("never opened".into());
    let (bearer, ticket, connection) = match role {
        Role::Anonymous => (None, None, nobody),
        Role::Expired => {
            let then = |lifetime| now - lifetime;
            let ours = signer(world, "test");
            let (access, ticket) =
                (ours.access(&access, then(limit::ACCESS_TOKEN)), ours.ticket(&ticket, then(limit::TICKET)));
            (Some(access), Some(ticket), nobody)
        }
        Role::OtherKind => (Some(person.ticket().await), Some(person.access_token.clone()), nobody),
        Role::OtherIssuer => {
            let other = signer(world, "dchat-elsewhere");
            (Some(other.access(&access, now)), Some(other.ticket(&ticket, now)), nobody)
        }
        Role::OtherAudience => {
            let ticket = person.ticket().await;
            let [access, ticket] = [&person.access_token, &ticket].map(|ours| for_elsewhere(world, ours));
            (Some(access), Some(ticket), nobody)
        }
        Role::Revoked => (Some(person.access_token.clone()), None, nobody),
        _ => {
            let socket = person.connect().await;
            (Some(person.access_token.clone()), Some(person.ticket().await), socket.connection.clone())
        }
    };
    Credentials { bearer, connection, ticket, cookie: None }
}
