//! Somebody who uses Dchat.

use std::sync::Arc;

use domain::account::{Account, LinkedIn, Profile, Subject};
use domain::clock::Clock as _;
use domain::id::{EpochId, UserId};
use domain::inbox::Inbox;
use domain::lease::ConnectionId;
use domain::limit;
use http::Method;
use realtime::Occasion;
use serde_json::{Value, json};
use store::Accounts;
use store::accounts::LoginCode;

use crate::place::Place;
use crate::reply::Reply;
use crate::world::{World, request};

/// The password of everybody in tests.
pub const PASSWORD: &str = "correct horse battery";

/// A signed-in person on one device.
#[derive(Clone, Debug)]
pub struct Person<P = Arc<World>> {
    world: P,
    /// What they are called.
    pub name: String,
    /// Who.
    pub id: UserId,
    /// The newest access token.
    pub access_token: String,
    /// The newest refresh token.
    pub refresh_token: String,
}

impl Person {
    /// A new person who came in with a provider, which costs a test no password hash.
    pub async fn arrive(world: &Arc<World>, name: &str) -> Self {
        let now = world.clock.now();
        let id = UserId::new(now, world.entropy());
        let subject = Subject { issuer: "https://issuer.example".into(), sub: id.to_string() };
        let profile = Profile { name: name.parse().ok(), ..Profile::default() };
        let linkedin = LinkedIn { subject: subject.clone(), profile, linked_at: now, token: None };
        let account = Account::from_linkedin(id, linkedin, now);
        let accounts = Accounts::new(world.db.clone());
        let inbox = Inbox::new(EpochId::new(now, world.entropy()));
        accounts.register_linkedin(&account, &subject, inbox).await.expect("nobody has this id");
        let tokens = world.anonymous(Method::POST, "/auth/token", Some(json!({ "code": code(world, id).await }))).await;
        Self::of(world, &tokens.expect(200))
    }

    /// The world whose process serves this person.
    pub fn world(&self) -> Arc<World> {
        Arc::clone(&self.world)
    }

    /// The same person with the same device, served by another process.
    #[must_use]
    pub fn at(&self, world: &Arc<World>) -> Self {
        Self { world: Arc::clone(world), ..self.clone() }
    }
}

impl<P: Place> Person<P> {
    async fn register(world: &P, name: &str) -> Self {
        let body = json!({ "email": world.email(name), "password": PASSWORD, "name": name });
        let reply = world.send(request(Method::POST, "/auth/register", &[], Some(body))).await.expect(201);
        Self::of(world, &reply)
    }

    /// The person whose tokens these are.
    pub fn of(world: &P, tokens: &Reply) -> Self {
        Self {
            world: world.clone(),
            name: tokens.text("/user/name"),
            id: tokens.text("/user/id").parse().expect("an id"),
            access_token: tokens.text("/access_token"),
            refresh_token: tokens.text("/refresh_token"),
        }
    }

    /// The same person on another device.
    pub async fn another_device(&self) -> Self {
        let body = json!({ "email": self.world.email(&self.name), "password": PASSWORD });
        let reply = self.world.send(request(Method::POST, "/auth/login", &[], Some(body))).await.expect(200);
        Self::of(&self.world, &reply)
    }

    /// Any request.
    pub async fn send(&self, method: Method, path: &str, headers: &[(&str, &str)], body: Option<Value>) -> Reply {
        let bearer = format!("Bearer {}", self.access_token);
        let headers = [headers, &[("authorization", bearer.as_str())]].concat();
        self.world.send(request(method, path, &headers, body)).await
    }

    /// GET.
    pub async fn get(&self, path: &str) -> Reply {
        self.send(Method::GET, path, &[], None).await
    }

    /// POST with a body.
    pub async fn post(&self, path: &str, body: Value) -> Reply {
        self.send(Method::POST, path, &[], Some(body)).await
    }

    /// DELETE.
    pub async fn delete(&self, path: &str) -> Reply {
        self.send(Method::DELETE, path, &[], None).await
    }

    /// Calls people; the call's id.
    pub async fn call(&self, people: &[&Self]) -> String {
        let people: Vec<String> = people.iter().map(|person| person.id.to_string()).collect();
        let reply = self.post("/api/webrtc/call/initiate", json!({ "participants": people, "type": "video" })).await;
        reply.expect(201).text("/call_id")
    }

    /// POST to a part of a call.
    pub async fn in_call(&self, call: &str, what: &str, body: Value) -> Reply {
        self.post(&format!("/api/webrtc/call/{call}/{what}"), body).await
    }

    /// Leaves a call; what it is then.
    pub async fn leave(&self, call: &str) -> Value {
        self.in_call(call, "end", json!({})).await.expect(200).body
    }

    /// Calls somebody and gives up.
    pub async fn call_in_vain(&self, person: &Self) -> String {
        let call = self.call(&[person]).await;
        self.leave(&call).await;
        call
    }

    /// The generation of this person in a call.
    pub async fn generation(&self, call: &str) -> u64 {
        let call = self.get(&format!("/api/webrtc/call/{call}")).await.expect(200).body;
        let mut people = call["participants"].as_array().expect("people").iter();
        let me = people.find(|person| person["user_id"] == self.id.to_string()).expect("in the call");
        me["generation"].as_u64().expect("a number")
    }

    /// A ticket for a socket.
    pub async fn ticket(&self) -> String {
        self.post("/auth/ws-ticket", json!({})).await.expect(200).text("/ticket")
    }

    /// Opens a socket with a fresh ticket, at the address that comes with it.
    pub async fn connect(&self) -> P::Socket {
        let url = self.post("/auth/ws-ticket", json!({})).await.expect(200).text("/url");
        let dialled = self.world.dial(&url, Some(self.world.origin())).await;
        dialled.unwrap_or_else(|status| panic!("a fresh ticket opens a socket, not {status}"))
    }
}

/// People who have registered and signed in, by their names.
pub(crate) async fn people<P: Place, const N: usize>(world: &P, names: [&str; N]) -> [Person<P>; N] {
    let mut people = Vec::new();
    for name in names {
        people.push(Person::register(world, name).await);
    }
    people.try_into().unwrap_or_else(|_| unreachable!("one person per name"))
}

/// The same person, signed in again after time has passed.
pub async fn back(person: &Person) -> Person {
    let world = person.world();
    let body = json!({ "code": code(&world, person.id).await });
    Person::of(&world, &world.anonymous(Method::POST, "/auth/token", Some(body)).await.expect(200))
}

/// A one-time code for somebody.
pub async fn code(world: &World, user: UserId) -> String {
    let code = api::secret::random(world.entropy());
    let login = LoginCode { user, challenge: None, expires_at: world.clock.now() + limit::LOGIN_CODE };
    let kept = Accounts::new(world.db.clone()).keep_code(&api::secret::hash(&code), &login).await;
    kept.expect("a fresh code");
    code
}

/// An open socket.
#[derive(Debug)]
pub struct Socket {
    world: Arc<World>,
    /// API Gateway's name for it.
    pub connection: ConnectionId,
}

impl Socket {
    /// Dials with whatever ticket and origin; the status says whether it opened.
    pub async fn open(world: &Arc<World>, ticket: Option<String>, origin: Option<&str>) -> (u16, Self) {
        let connection = ConnectionId(format!("c{}", api::secret::base64url(world.entropy().bytes::<8>())));
        let origin = origin.map(str::to_owned);
        let occasion = Occasion::Opened { connection: connection.clone(), ticket, origin };
        let answer = realtime::handle(&world.realtime, occasion).await;
        (answer.status, Self { world: Arc::clone(world), connection })
    }

    /// An open socket by API Gateway's name for it, served by some process.
    pub fn named(world: &Arc<World>, connection: &str) -> Self {
        Self { world: Arc::clone(world), connection: ConnectionId(connection.to_owned()) }
    }

    /// Sends a frame and returns the answer.
    pub async fn say(&self, action: &str, data: Value) -> Value {
        self.say_text(&json!({ "action": action, "id": "1", "data": data }).to_string()).await
    }

    /// Sends any text.
    pub async fn say_text(&self, text: &str) -> Value {
        let occasion = Occasion::Said { connection: self.connection.clone(), text: text.to_owned() };
        let answer = realtime::handle(&self.world.realtime, occasion).await;
        serde_json::from_str(&answer.body.expect("every frame is answered")).expect("frames are JSON")
    }

    /// Takes what was pushed.
    pub fn pushes(&self) -> Vec<Value> {
        self.world.mailbox.take(&self.connection)
    }

    /// Takes what was pushed, by name.
    pub fn events(&self) -> Vec<String> {
        self.pushes().iter().map(|push| push["event"].as_str().unwrap_or("?").to_owned()).collect()
    }

    /// Whether it was closed, from either side.
    pub fn is_closed(&self) -> bool {
        self.world.mailbox.is_closed(&self.connection)
    }

    /// Closes it, and API Gateway says so.
    pub async fn close(&self) {
        self.vanish();
        realtime::handle(&self.world.realtime, Occasion::Closed { connection: self.connection.clone() }).await;
    }

    /// It is gone and nobody says so.
    pub fn vanish(&self) {
        self.world.mailbox.cut(&self.connection);
    }
}
