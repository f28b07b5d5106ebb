//! Every order in which requests at the same time can reach the store.
//!
//! Each request runs in a process of its own whose calls to the store wait at a [`Gate`]. One call is let go, the
//! request goes on until it waits again or is finished, and the next one is chosen: between two calls a request does
//! nothing that another one can see. Orders are walked depth first, each on a fresh scene.
//!
//! A request that makes several calls at once has them let go one by one, in the order in which they came. What it
//! does besides, such as asking the provider or waiting before it tries again, belongs to the call before.
//!
//! Of orders that differ only in calls that do not touch each other (two reads, or different items) one is enough, so
//! the others are left out: dynamic partial-order reduction (Flanagan and Godefroid, 2005) with sleep sets. A choice is
//! made differently only where two calls that touch each other could have come the other way round. [`Orders::all`]
//! walks every order.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::Poll;
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::sync::oneshot;

use crate::dice::Dice;
use crate::faults::Faults;
use crate::world::World;

/// Schedules of one scene; beyond it a sample is taken.
const MOST: usize = 2_000;

/// What a call touches at the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Touch {
    name: String,
    writes: bool,
    /// Table, partition key and sort key; without a sort key the whole partition. `None`: anything.
    items: Option<Vec<(String, String, Option<String>)>>,
}

impl Touch {
    /// Something besides the store that everybody notices, such as time.
    pub fn everything(name: &str) -> Self {
        Self { name: name.to_owned(), writes: true, items: None }
    }

    pub(crate) fn of(operation: &str, body: &[u8]) -> Self {
        let body = serde_json::from_slice(body).unwrap_or(Value::Null);
        let writes = !matches!(operation, "GetItem" | "BatchGetItem" | "Query");
        Self { name: operation.to_owned(), writes, items: items(operation, &body) }
    }

    /// A call to the bucket, about one object or its upload.
    pub(crate) fn blob(operation: &str, path: &str) -> Self {
        let writes = !operation.starts_with("GET") && !operation.starts_with("HEAD");
        let items = Some(vec![("bucket".to_owned(), path.to_owned(), None)]);
        Self { name: operation.to_owned(), writes, items }
    }

    /// Whether the order of the two makes no difference to anybody.
    fn commutes(&self, other: &Self) -> bool {
        if !self.writes && !other.writes {
            return true;
        }
        let (Some(mine), Some(theirs)) = (&self.items, &other.items) else { return false };
        let meet = |(table, pk, sk): &(String, String, Option<String>)| {
            theirs.iter().any(|(t, p, s)| t == table && p == pk && (s.is_none() || sk.is_none() || s == sk))
        };
        !mine.iter().any(meet)
    }
}

fn items(operation: &str, body: &Value) -> Option<Vec<(String, String, Option<String>)>> {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let keyed = |table: &Value, key: &Value| Some((text(table)?, text(&key["pk"]["S"])?, text(&key["sk"]["S"])));
    match operation {
        "GetItem" | "UpdateItem" | "DeleteItem" => Some(vec![keyed(&body["TableName"], &body["Key"])?]),
        "PutItem" => Some(vec![keyed(&body["TableName"], &body["Item"])?]),
        "Query" => {
            let pk = text(&body["ExpressionAttributeValues"][":pk"]["S"])?;
            Some(vec![(text(&body["TableName"])?, pk, None)])
        }
        "TransactWriteItems" => {
            let write = |item: &Value| {
                let write = item.as_object()?.values().next()?;
                keyed(&write["TableName"], if write["Item"].is_null() { &write["Key"] } else { &write["Item"] })
            };
            body["TransactItems"].as_array()?.iter().map(write).collect()
        }
        "BatchGetItem" => {
            let tables = body["RequestItems"].as_object()?;
            let keys = tables.iter().flat_map(|(table, ask)| {
                let keys = ask["Keys"].as_array().map(Vec::as_slice).unwrap_or_default();
                keys.iter().map(|key| keyed(&Value::from(table.as_str()), key))
            });
            keys.collect()
        }
        _ => None,
    }
}

/// Where the calls of one process wait.
#[derive(Clone, Debug, Default)]
pub struct Gate(Arc<Mutex<Held>>);

#[derive(Debug, Default)]
struct Held {
    waiting: VecDeque<(Touch, oneshot::Sender<()>)>,
    under_way: usize,
}

/// A call that was let go and is not answered yet.
#[derive(Debug)]
pub struct Passing(Gate);

impl Drop for Passing {
    fn drop(&mut self) {
        self.0.held().under_way -= 1;
    }
}

impl Gate {
    fn held(&self) -> MutexGuard<'_, Held> {
        self.0.lock().expect("no panic inside")
    }

    /// Waits until it is let go, as a call does; for a test's own steps.
    pub async fn pass(&self, touch: Touch) -> Passing {
        let (go, gone) = oneshot::channel();
        self.held().waiting.push_back((touch, go));
        gone.await.expect("a gate outlives the calls that wait at it");
        Passing(self.clone())
    }

    /// Lets the first call go.
    fn let_go(&self) -> Option<Touch> {
        let mut held = self.held();
        // Whoever stopped waiting, because the client gave up, is passed over.
        while let Some((touch, go)) = held.waiting.pop_front() {
            if go.send(()).is_ok() {
                held.under_way += 1;
                return Some(touch);
            }
        }
        None
    }

    fn next(&self) -> Option<Touch> {
        let held = self.held();
        held.waiting.iter().find(|(_, go)| !go.is_closed()).map(|(touch, _)| touch.clone())
    }

    fn is_waiting(&self) -> bool {
        let held = self.held();
        held.under_way == 0 && held.waiting.iter().any(|(_, go)| !go.is_closed())
    }

    fn clear(&self) {
        *self.held() = Held::default();
    }
}

/// One request's place in a schedule.
#[derive(Clone, Debug)]
pub struct Turn {
    /// Which of the requests it is, from 0.
    pub task: usize,
    /// Its own process.
    pub world: Arc<World>,
    /// Where that process waits.
    pub gate: Gate,
}

impl Turn {
    /// A step of the test's own, in an order with all the calls, such as the passing of time.
    pub async fn step(&self, name: &str, does: impl FnOnce()) {
        let _passing = self.gate.pass(Touch::everything(name)).await;
        does();
    }
}

/// How many orders there were.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Walked {
    /// Orders that were run and audited.
    pub orders: usize,
    /// Orders that were begun and turned out to be the same as another.
    pub same: usize,
    /// Whether that is every order; else a seeded sample followed the first ones.
    pub every: bool,
    /// How long it took, by the wall clock.
    pub took: Duration,
}

impl std::fmt::Display for Walked {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let what = if self.every { "every order" } else { "a sample of the orders" };
        write!(f, "{what}: {} schedules in {:.1} s", self.orders, self.took.as_secs_f64())?;
        if self.same > 0 { write!(f, ", and {} that were the same as one of these", self.same) } else { Ok(()) }
    }
}

/// Processes of one world whose calls to the store come in every order.
#[derive(Debug)]
pub struct Orders {
    turns: Vec<Turn>,
    skip: bool,
    most: usize,
}

type Running<T> = (Pin<Box<dyn Future<Output = T>>>, Option<T>);

/// A choice of who goes next.
struct Choice {
    /// Not finished.
    awake: Vec<usize>,
    /// Whose going now would repeat an order that was walked.
    asleep: Vec<usize>,
    /// Who has to go here in some order, beside those that have.
    wanted: Vec<usize>,
    /// Who went here in the orders before.
    tried: Vec<usize>,
    /// Who goes.
    goes: usize,
}

impl Choice {
    fn want(&mut self, task: usize) {
        let known = [&self.asleep, &self.wanted, &self.tried].iter().any(|tasks| tasks.contains(&task));
        if !known && task != self.goes {
            self.wanted.push(task);
        }
    }

    /// Another one goes, if one has to.
    fn change(&mut self) -> bool {
        self.tried.push(self.goes);
        self.goes = self.wanted.pop().unwrap_or(self.goes);
        !self.tried.contains(&self.goes)
    }
}

/// Wherever two calls that touch each other could have come the other way round, the later one's task has to be let go
/// first in some order. `waiting` are the calls that tasks were about to make when the order was given up.
fn find_races(path: &mut [Choice], steps: &[(usize, Touch)], waiting: &[(usize, Touch)]) {
    // What each step came after for a reason: through its own task, or through calls that touch each other.
    let mut before: Vec<Vec<bool>> = Vec::new();
    for (place, (task, touch)) in steps.iter().chain(waiting).enumerate() {
        let place = place.min(steps.len());
        let own = (0..place).rfind(|earlier| steps[*earlier].0 == *task);
        let inherited = |earlier: usize| own.is_some_and(|own| own == earlier || before[own][earlier]);
        let race = (0..place).rfind(|e| steps[*e].0 != *task && !steps[*e].1.commutes(touch) && !inherited(*e));
        if let Some(choice) = race.and_then(|race| path.get_mut(race)) {
            choice.want(*task);
        }
        let mut mine = vec![false; steps.len()];
        for earlier in 0..place {
            if steps[earlier].0 == *task || !steps[earlier].1.commutes(touch) {
                mine[earlier] = true;
                for (mine, theirs) in mine.iter_mut().zip(&before[earlier]) {
                    *mine |= theirs;
                }
            }
        }
        before.push(mine);
    }
}

/// Shows the order when an audit fails.
struct Telling(Vec<(usize, Touch)>);

impl Drop for Telling {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let steps: Vec<String> = self.0.iter().map(|(task, touch)| format!("{task} {}", touch.name)).collect();
            eprintln!("in this order of calls: {}", steps.join(", "));
        }
    }
}

impl Orders {
    /// This many requests at once.
    pub fn of(home: &World, tasks: usize) -> Self {
        let turn = |task| {
            let gate = Gate::default();
            Turn { task, world: home.another_process(&Faults::behind(gate.clone())), gate }
        };
        Self { turns: (0..tasks).map(turn).collect(), skip: true, most: MOST }
    }

    /// Also those that differ only in calls that do not touch each other.
    #[must_use]
    pub fn all(self) -> Self {
        Self { skip: false, ..self }
    }

    /// No more than this many, the second half of them by chance.
    #[must_use]
    pub fn at_most(self, most: usize) -> Self {
        Self { most, ..self }
    }

    /// Runs `act` for every request in every order, each on a scene of its own, and then audits what they said and
    /// left behind.
    pub async fn each<S, P, A, T, U>(
        &self,
        prepare: impl Fn() -> P,
        act: impl Fn(Arc<S>, Turn) -> A,
        audit: impl Fn(Arc<S>, Vec<T>) -> U,
    ) -> Walked
    where
        P: Future<Output = S>,
        A: Future<Output = T> + 'static,
        T: 'static,
        U: Future<Output = ()>,
    {
        let begun = Instant::now();
        let mut walked = Walked { orders: 0, same: 0, every: true, took: Duration::ZERO };
        let mut path: Vec<Choice> = Vec::new();
        let mut dice = Dice::new(1);
        let mut again = 0;
        loop {
            let scene = Arc::new(prepare().await);
            let mut told = Telling(Vec::new());
            let walk = if walked.every { Walk::Along(&mut path) } else { Walk::ByChance(&mut dice) };
            match self.run(&scene, &act, walk, &mut told).await {
                Ran::To(said) => {
                    again = 0;
                    walked.orders += 1;
                    audit(scene, said).await;
                }
                Ran::AsBefore => walked.same += 1,
                // A client gave up on a call that was held for too long: this machine was busy.
                Ran::Astray => {
                    again += 1;
                    assert!(again < 5, "the same choices do not lead to the same calls");
                    continue;
                }
            }
            walked.took = begun.elapsed();
            if walked.orders + walked.same >= self.most {
                walked.every = false;
                return walked;
            }
            if walked.every {
                while path.last_mut().is_some_and(|choice| !choice.change()) {
                    path.pop();
                }
                if path.is_empty() {
                    return walked;
                }
                walked.every = walked.orders + walked.same < self.most / 2;
            }
        }
    }

    async fn run<S, A, T>(
        &self,
        scene: &Arc<S>,
        act: &impl Fn(Arc<S>, Turn) -> A,
        mut walk: Walk<'_>,
        told: &mut Telling,
    ) -> Ran<T>
    where
        A: Future<Output = T> + 'static,
        T: 'static,
    {
        let mut tasks: Vec<Running<T>> = Vec::new();
        for turn in &self.turns {
            turn.gate.clear();
            let mut task: Running<T> = (Box::pin(act(Arc::clone(scene), turn.clone())), None);
            until_it_waits(&mut task, &turn.gate).await;
            tasks.push(task);
        }
        let mut asleep: Vec<usize> = Vec::new();
        for place in 0.. {
            let awake: Vec<usize> = (0..tasks.len()).filter(|task| tasks[*task].1.is_none()).collect();
            let Some(first) = awake.iter().copied().find(|task| !asleep.contains(task)) else {
                if let Walk::Along(path) = &mut walk {
                    let next = |task: usize| Some((task, self.turns[task].gate.next()?));
                    find_races(path, &told.0, &awake.iter().filter_map(|task| next(*task)).collect::<Vec<_>>());
                }
                if awake.is_empty() {
                    break;
                }
                return Ran::AsBefore;
            };
            let (task, tried) = match &mut walk {
                Walk::ByChance(dice) => (awake[dice.below(awake.len())], Vec::new()),
                Walk::Along(path) => {
                    if path.len() == place {
                        let others = awake.iter().copied().filter(|task| *task != first);
                        let wanted = if self.skip { Vec::new() } else { others.collect() };
                        let (awake, asleep) = (awake.clone(), asleep.clone());
                        path.push(Choice { awake, asleep, wanted, tried: Vec::new(), goes: first });
                    }
                    if path[place].awake != awake {
                        return Ran::Astray;
                    }
                    (path[place].goes, path[place].tried.clone())
                }
            };
            let gate = &self.turns[task].gate;
            let Some(touch) = gate.let_go() else { return Ran::Astray };
            until_it_waits(&mut tasks[task], gate).await;
            if self.skip && matches!(walk, Walk::Along(_)) {
                asleep.extend(tried);
                asleep.retain(|other| {
                    self.turns[*other].gate.next().is_some_and(|next| *other != task && next.commutes(&touch))
                });
            }
            told.0.push((task, touch));
        }
        Ran::To(tasks.into_iter().filter_map(|(_, said)| said).collect())
    }
}

enum Walk<'a> {
    Along(&'a mut Vec<Choice>),
    ByChance(&'a mut Dice),
}

enum Ran<T> {
    To(Vec<T>),
    AsBefore,
    Astray,
}

/// Runs a request until its next call waits or it is finished.
async fn until_it_waits<T>(task: &mut Running<T>, gate: &Gate) {
    poll_fn(|context| match task.0.as_mut().poll(context) {
        Poll::Ready(said) => {
            task.1 = Some(said);
            Poll::Ready(())
        }
        Poll::Pending if gate.is_waiting() => Poll::Ready(()),
        Poll::Pending => Poll::Pending,
    })
    .await;
}
