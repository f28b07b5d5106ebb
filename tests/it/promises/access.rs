//! Everybody tries everything, as docs/access.md says, on what is theirs, somebody else's, nobody's and no id at all.

pub(super) mod requests;
mod rules;
pub(super) mod scene;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::{Value, json};
use testkit::World;
use testkit::snapshot::Change;

use super::root;
use requests::{Answer, Field, Operation, Place, Values, Way, operations};
use rules::{FRAMES, REQUESTS, Rule};
use scene::{Actor, Role, Scene};

const IDEMPOTENCY_KEY: &str = "Idempotency-Key";

/// Whose thing a request names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Target {
    Own,
    Foreign,
    Absent,
    Malformed,
}

/// What a broken server would do: the matrix must notice each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Leak {
    /// 403 instead of 404: it exists.
    Forbidden,
    /// The same status with another word.
    Word,
    /// A header that only an existing thing gets.
    Header,
    /// Refuses, after it has written.
    Writes,
    /// Allowed, and somebody else's name is in the answer.
    Name,
    /// Lets everybody in.
    Opens,
}

/// What came of a run.
#[derive(Debug, Default)]
struct Report {
    operations: BTreeSet<String>,
    roles: BTreeSet<&'static str>,
    sent: usize,
    allowed: usize,
    refused: usize,
    /// Things of nobody where somebody else's is fine: whatever is said of them.
    unjudged: usize,
    compared: usize,
    failures: Vec<String>,
    /// Requests to the store for somebody else's and for nobody's, where they differ.
    costs: BTreeSet<String>,
}

fn rules() -> BTreeMap<String, Rule> {
    let text = std::fs::read_to_string(root().join("docs/access.md")).expect("docs/access.md is there");
    rules::read(&text).expect("docs/access.md can be read")
}

/// What a role must get with things of its own. `None`: nothing is said.
fn expected(rule: &Rule, every: &Rule, role: Role) -> Option<Result<(), String>> {
    let refused = |rule: &Rule| rule.others.get(role.words()).map(|summary| Err(summary.clone()));
    if rule.names(role) {
        return Some(Ok(()));
    }
    if role.is_somebody() {
        return if rule.lets(role) { Some(Ok(())) } else { refused(rule) };
    }
    match refused(rule) {
        None if rule.is_public() => Some(Ok(())),
        None => refused(every),
        said => said,
    }
}

struct Run {
    scene: Scene,
    leak: Option<Leak>,
    report: Report,
}

impl Run {
    /// Sends one request and checks all that must be so whatever it is: the answer.
    async fn send(
        &mut self,
        operation: &Operation,
        rule: &Rule,
        role: Role,
        instead: Option<(&Field, &str)>,
        target: Target,
        may: Option<Result<(), String>>,
    ) -> (Answer, u32) {
        let key = instead.filter(|(field, _)| field.kind == IDEMPOTENCY_KEY);
        let by_design = key.is_none() && instead.is_some_and(|(field, _)| rule.any.contains(&field.name));
        let actor = self.scene.actor(role);
        let spare = self.scene.spare.to_string();
        let own = |kind: &str| match (operation.id.as_str(), kind) {
            ("register", "email") => "new@example.com".to_owned(),
            // Two people have one call at a time.
            ("initiateCall", "usr") if role == Role::Stranger => spare.clone(),
            _ => actor.own(kind),
        };
        let mut prepared = prepare(operation, actor, &self.scene.world).await;
        if let Some(key) = key {
            // Somebody else has used the key, for the same.
            let owner = self.scene.actor(if role == Role::Stranger { Role::Caller } else { Role::Stranger });
            let theirs = |kind: &str| match (operation.id.as_str(), kind) {
                ("register", "email") => "another@example.com".to_owned(),
                _ => owner.own(kind),
            };
            prepare(operation, owner, &self.scene.world).await;
            let theirs = operation.request(&Values { own: &theirs, instead: Some(key) }, &owner.credentials);
            theirs.through(&self.scene.world).await;
            prepared = true;
        }
        let sent = operation.request(&Values { own: &own, instead }, &actor.credentials);
        let world = self.scene.world.clone();
        world.mailbox.mend();
        let before = if prepared { world.snapshot().await } else { self.scene.ready.clone() };
        let (posts, _) = (world.mailbox.posts(), world.meter().take());
        let mut answer = sent.through(&world).await;
        let requests = world.meter().take().requests;
        self.report.sent += 1;
        self.report.operations.insert(operation.id.clone());
        self.report.roles.insert(role.words());
        if let Some(leak) = self.leak {
            plant(leak, target, role, &world, &mut answer).await;
        }
        let after = world.snapshot().await;
        let story = format!("{} by {role:?} with {instead:?}", operation.id);
        let mut fail = |what: String| self.report.failures.push(format!("{story}: {what}"));
        let value = instead.map(|(_, value)| value);

        match &may {
            None => self.report.unjudged += 1,
            Some(Ok(())) => {
                self.report.allowed += 1;
                if answer.status >= 400 {
                    fail(format!("may, and got {} {}", answer.summary(), answer.body));
                }
            }
            Some(Err(summary)) => {
                self.report.refused += 1;
                let malformed = target == Target::Malformed && answer.summary() == "422 invalid_fields";
                if answer.summary() != *summary && !malformed {
                    fail(format!("must get {summary}, and got {} {}", answer.summary(), answer.body));
                }
            }
        }
        if answer.status >= 400 {
            for change in before.changes(&after) {
                fail(format!("refused, and wrote {}: {:?}", change.key, change.after));
            }
            if world.mailbox.posts() != posts {
                fail("refused, and told somebody".into());
            }
        }
        if key.is_some() && answer.headers.contains_key("idempotency-replayed") {
            fail("somebody else's key brought an answer of before".into());
        }
        let foreign = role.foreign();
        if !by_design {
            let text = format!("{:?} {}", answer.headers, answer.body);
            if let Some(mark) = self.scene.given_away(foreign, &text, value) {
                fail(format!("the answer gives {mark} away: {text}"));
            }
            for change in before.changes(&after) {
                let text = format!("{} {:?} {:?}", change.key, change.before, change.after);
                if let Some(mark) = self.scene.given_away(foreign, &text, value) {
                    fail(format!("touched {mark} of somebody else: {text}"));
                }
            }
            for actor in self.scene.actors.iter().filter(|actor| actor.role.foreign() != foreign) {
                if !world.mailbox.take(&actor.credentials.connection).is_empty() {
                    fail(format!("told {:?}", actor.role));
                }
            }
        }
        if after != self.scene.ready {
            let ended = |change: &Change<'_>| change.after.is_some_and(|item| item["revoked"].is_object());
            if before.changes(&after).iter().any(ended) {
                // A process remembers that a session ended: another one goes on.
                self.scene.world = self.scene.world.without_limits();
            }
            self.scene.world.restore(&self.scene.ready).await;
        }
        (answer, requests)
    }

    async fn operation(&mut self, operation: &Operation, rule: &Rule, every: &Rule) {
        // The thing that the operation is about is named in the path, or by a frame's call_id.
        let is_object = |field: &&Field| field.place == Place::Path || field.name == "call_id";
        let object = operation.fields.iter().filter(|field| !rule.any.contains(&field.name)).find(is_object);
        for role in Role::ALL {
            let may = expected(rule, every, role);
            if may.is_none() {
                self.report.failures.push(format!(
                    "docs/access.md does not say what {} gets of {}",
                    role.words(),
                    operation.id
                ));
                continue;
            }
            self.send(operation, rule, role, None, Target::Own, may.clone()).await;
            let Some(object) = object else { continue };
            let may = if role.is_somebody() { self.refusal(operation, rule, object) } else { may };
            self.foreign_is_absent(operation, rule, role, object, may).await;
        }
        // Second order: things of others in the body, the query and the headers, by the first role that may.
        let first =
            Role::ALL.into_iter().find(|role| role.is_somebody() && *role != Role::Stranger && rule.lets(*role));
        let first = first.expect("somebody may");
        let second = operation.fields.iter().filter(|field| {
            Some(&field.pointer) != object.map(|o| &o.pointer)
                || field.place != Place::Path && object.is_none_or(|o| o.name != field.name)
        });
        for field in second {
            let may = match rule.others.get(&field.name) {
                None if rule.any.contains(&field.name) => Some(Ok(())),
                _ => self.refusal(operation, rule, field),
            };
            self.foreign_is_absent(operation, rule, first, field, may).await;
        }
    }

    fn refusal(&mut self, operation: &Operation, rule: &Rule, field: &Field) -> Option<Result<(), String>> {
        let said = rule.others.get(&field.name).cloned();
        if said.is_none() {
            let name = &field.name;
            self.report
                .failures
                .push(format!("docs/access.md does not say what somebody else's `{name}` gets of {}", operation.id));
        }
        said.map(Err)
    }

    /// Somebody else's thing answers exactly as nobody's.
    async fn foreign_is_absent(
        &mut self,
        operation: &Operation,
        rule: &Rule,
        role: Role,
        field: &Field,
        may: Option<Result<(), String>>,
    ) {
        let mut answers = Vec::new();
        for target in [Target::Foreign, Target::Absent, Target::Malformed] {
            let value = match target {
                Target::Foreign => self.scene.foreign(role, &field.kind),
                Target::Absent | Target::Own => Scene::absent(&field.kind),
                Target::Malformed => "no-id".into(),
            };
            // Nobody's address may register, nobody can be called, and no id is no id: only somebody else's is fine.
            let any = rule.any.contains(&field.name);
            let may = if any && target != Target::Foreign { None } else { may.clone() };
            let (answer, requests) = self.send(operation, rule, role, Some((field, &value)), target, may).await;
            answers.push((answer.compared(&value), answer.summary(), requests));
        }
        if rule.any.contains(&field.name) {
            return;
        }
        self.report.compared += 1;
        let [(foreign, _, one), (absent, _, other), _] = &answers[..] else { unreachable!("three targets") };
        if foreign != absent {
            let story = format!("{} by {role:?} with {}", operation.id, field.name);
            self.report.failures.push(format!("{story}: somebody else's says\n  {foreign}\nand nobody's\n  {absent}"));
        }
        if one != other && role.is_somebody() {
            self.report.costs.insert(format!("{} {}: {one} and {other}", operation.id, field.name));
        }
    }
}

/// What must be there before an operation can do its work: an offer, to answer it. Whether something was done.
async fn prepare(operation: &Operation, actor: &Actor, world: &Arc<World>) -> bool {
    if operation.id == "answer" {
        let to = json!({ "sdp": testkit::sdp("please answer"), "to": actor.person.id.to_string() });
        actor.peer.at(world).in_call(&actor.own("call"), "offer", to).await;
    }
    if operation.id == "consentToRecording" {
        actor.peer.at(world).in_call(&actor.own("call"), "recording", json!({})).await;
    }
    if operation.id == "completeRecording" {
        testkit::recorder::upload_anew(world, &actor.own("rec"), b"x").await;
    }
    ["answer", "consentToRecording", "completeRecording"].contains(&operation.id.as_str())
}

/// What a broken server does.
async fn plant(leak: Leak, target: Target, role: Role, world: &World, answer: &mut Answer) {
    let foreign = target == Target::Foreign && answer.status == 404;
    match leak {
        Leak::Forbidden if foreign => answer.status = 403,
        Leak::Word if foreign => answer.body["detail"] = json!("this call is not yours"),
        Leak::Header if foreign => {
            answer.headers.insert("etag".into(), "7".into());
        }
        Leak::Writes if foreign => {
            let code = api::secret::random(world.entropy());
            let login = store::accounts::LoginCode {
                user: domain::id::UserId::derived([1; 16]),
                challenge: None,
                expires_at: domain::clock::Clock::now(&*world.clock),
            };
            store::Accounts::new(world.db.clone()).keep_code(&code, &login).await.expect("a fresh code");
        }
        Leak::Name if target == Target::Own && answer.status == 200 => {
            answer.body["participants"] = json!([{ "name": role.foreign().canary() }]);
        }
        Leak::Opens if answer.status == 401 => {
            answer.status = 200;
            answer.body = Value::Null;
        }
        _ => {}
    }
}

impl Run {
    /// Runs these operations.
    async fn all(&mut self, leak: Option<Leak>, operations: &[Operation]) -> Report {
        self.leak = leak;
        let rules = rules();
        for operation in operations {
            let every = if matches!(operation.way, Way::Http(..)) { REQUESTS } else { FRAMES };
            self.operation(operation, &rules[&operation.id], &rules[every]).await;
        }
        std::mem::take(&mut self.report)
    }

    async fn new() -> Self {
        Self { scene: Scene::new().await, leak: None, report: Report::default() }
    }
}

#[test]
fn docs_access_has_one_line_per_operation() {
    let said: BTreeSet<String> = rules().into_keys().collect();
    let operations = operations().expect("every operation can be derived").into_iter().map(|operation| operation.id);
    let there: BTreeSet<String> = operations.chain([REQUESTS.to_owned(), FRAMES.to_owned()]).collect();
    let missing: Vec<_> = there.difference(&said).collect();
    let extra: Vec<_> = said.difference(&there).collect();
    assert!(
        missing.is_empty() && extra.is_empty(),
        "docs/access.md: add a line for {missing:?}, drop that of {extra:?}"
    );
}

#[tokio::test]
async fn nobody_gets_at_what_is_not_theirs() {
    let operations = operations().expect("every operation can be derived");
    let report = Run::new().await.all(None, &operations).await;
    println!(
        "access: {} operations, {} roles, {} requests: {} allowed, {} refused, {} not judged; {} times somebody else's = nobody's",
        report.operations.len(),
        Role::ALL.len(),
        report.sent,
        report.allowed,
        report.refused,
        report.unjudged,
        report.compared,
    );
    println!("requests to the store, somebody else's and nobody's, where they differ: {:?}", report.costs);
    assert!(report.failures.is_empty(), "{} failures:\n{}", report.failures.len(), report.failures.join("\n"));
    assert_eq!(report.operations.len(), operations.len(), "every operation was tried");
    assert!(
        operations.len() >= 31 && report.refused >= 480,
        "{} operations, {} refused",
        operations.len(),
        report.refused
    );
}

/// The alarm is tested too: whatever a broken server gives away must be noticed.
#[tokio::test]
async fn every_planted_leak_is_found() {
    let mut operations = operations().expect("every operation can be derived");
    operations.retain(|operation| operation.id == "showCall");
    let mut run = Run::new().await;
    assert!(run.all(None, &operations).await.failures.is_empty());
    for leak in [Leak::Forbidden, Leak::Word, Leak::Header, Leak::Writes, Leak::Name, Leak::Opens] {
        let report = run.all(Some(leak), &operations).await;
        assert!(!report.failures.is_empty(), "{leak:?} was not found");
    }
}
