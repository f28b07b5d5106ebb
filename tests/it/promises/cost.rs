//! What using Dchat costs at list prices, from what is counted: `docs/cost.md` is written by this test
//! (`UPDATE_COST=1 cargo test -p tests cost`) and compared by every other run.

use std::fmt::Write as _;
use std::sync::Arc;

use jiff::SignedDuration;
use serde_json::json;
use store::Spent;
use testkit::{Log, Person, Socket, World, sdp};
use tracing::Level;

use super::root;

/// A list price of us-east-1.
struct Price {
    what: &'static str,
    usd: f64,
    per: &'static str,
}

const HTTP: Price = Price { what: "API Gateway, HTTP request", usd: 1.00, per: "million" };
const FRAME: Price = Price { what: "API Gateway, socket message of up to 32 KB, in or out", usd: 1.00, per: "million" };
const MINUTE: Price = Price { what: "API Gateway, minute of an open socket", usd: 0.25, per: "million" };
const INVOCATION: Price = Price { what: "Lambda, invocation", usd: 0.20, per: "million" };
const GB_SECOND: Price = Price { what: "Lambda on arm64, GB-second", usd: 13.3334, per: "million" };
const READ: Price = Price { what: "DynamoDB on demand, read unit", usd: 0.125, per: "million" };
const WRITE: Price = Price { what: "DynamoDB on demand, write unit", usd: 0.625, per: "million" };
const SCHEDULE: Price = Price { what: "EventBridge Scheduler, invocation", usd: 1.00, per: "million" };
const LOG: Price = Price { what: "CloudWatch Logs, taken in", usd: 0.50, per: "GB" };
const TRACE: Price = Price { what: "X-Ray, trace recorded", usd: 5.00, per: "million" };

/// Where the prices are published.
const PAGES: &str = "aws.amazon.com/api-gateway/pricing, …/lambda/pricing, …/dynamodb/pricing/on-demand, …/eventbridge/pricing, …/cloudwatch/pricing, …/xray/pricing";

/// Assumed: milliseconds of Lambda that an invocation is billed for, and its memory in GB. Most of it is waiting for the
/// store; docs/performance.md has what was measured beside it.
const BILLED_MS: f64 = 12.0;
const MEMORY: f64 = 0.25;
/// Assumed: bytes of log per invocation that Lambda writes by itself (start, report).
const PLATFORM_LOG: f64 = 700.0;
/// X-Ray keeps the first request of each second and one in twenty of the others; a stack in use has many a second.
const TRACED: f64 = 0.05;

/// What some use of Dchat asks of AWS.
#[derive(Clone, Copy, Debug, Default)]
struct Bill {
    http: f64,
    frames: f64,
    minutes: f64,
    invocations: f64,
    /// Of those, the schedule's, which are not traced.
    scheduled: f64,
    spent: Spent,
    lines: f64,
}

impl Bill {
    fn times(self, n: f64) -> Self {
        Self {
            http: self.http * n,
            frames: self.frames * n,
            minutes: self.minutes * n,
            invocations: self.invocations * n,
            scheduled: self.scheduled * n,
            spent: Spent {
                requests: 0,
                read_units: self.spent.read_units * n,
                write_units: self.spent.write_units * n,
            },
            lines: self.lines * n,
        }
    }

    fn and(self, other: Self) -> Self {
        Self {
            http: self.http + other.http,
            frames: self.frames + other.frames,
            minutes: self.minutes + other.minutes,
            invocations: self.invocations + other.invocations,
            scheduled: self.scheduled + other.scheduled,
            spent: Spent {
                requests: 0,
                read_units: self.spent.read_units + other.spent.read_units,
                write_units: self.spent.write_units + other.spent.write_units,
            },
            lines: self.lines + other.lines,
        }
    }

    /// Each quantity with its price.
    fn positions(&self) -> [(f64, &'static Price); 10] {
        let gigabytes = (self.lines * f64::from(LINE) + self.invocations * PLATFORM_LOG) / 1e9;
        [
            (self.http, &HTTP),
            (self.frames, &FRAME),
            (self.minutes, &MINUTE),
            (self.invocations, &INVOCATION),
            (self.invocations * BILLED_MS / 1000.0 * MEMORY, &GB_SECOND),
            (self.spent.read_units, &READ),
            (self.spent.write_units, &WRITE),
            (self.scheduled, &SCHEDULE),
            (gigabytes, &LOG),
            ((self.invocations - self.scheduled) * TRACED, &TRACE),
        ]
    }

    fn usd(&self) -> f64 {
        self.positions()
            .iter()
            .map(|(quantity, price)| quantity * price.usd / if price.per == "GB" { 1.0 } else { 1e6 })
            .sum()
    }
}

/// Bytes of one line of the log, at most; the test holds it.
const LINE: u16 = 650;

/// Counts what one step asks for.
struct Counter {
    world: Arc<World>,
    log: Log,
    posts: usize,
}

impl Counter {
    fn new(world: &Arc<World>, log: Log) -> Self {
        world.meter().take();
        log.metrics();
        Self { world: Arc::clone(world), log, posts: world.mailbox.posts() }
    }

    /// The bill since the last time, which was so many HTTP requests, frames and other occasions. A frame's reply is a
    /// message too.
    fn bill(&mut self, http: u32, frames: u32, occasions: u32) -> Bill {
        let (spent, posts) = (self.world.meter().take(), self.world.mailbox.posts());
        let lines = self.log.metrics();
        let longest = lines.iter().map(|line| line.to_string().len()).max().unwrap_or(0);
        let lines = u32::try_from(lines.len()).expect("few");
        let pushed = posts - std::mem::replace(&mut self.posts, posts);
        let invocations = f64::from(http + frames + occasions);
        assert!(lines == http + frames + occasions, "{lines} lines of log for {invocations} invocations");
        assert!(longest <= usize::from(LINE), "a line of {longest} bytes");
        let pushed = f64::from(u32::try_from(pushed).expect("few"));
        Bill {
            http: http.into(),
            frames: f64::from(frames) * 2.0 + pushed,
            minutes: 0.0,
            invocations,
            scheduled: 0.0,
            spent,
            lines: lines.into(),
        }
    }
}

fn browser_sdp() -> String {
    let head = sdp("x");
    format!("{head}a={}\r\n", "x".repeat(2_900 - head.len()))
}

async fn candidates(from: &Socket, call: &str) {
    let one = |n: u32| json!({ "candidate": format!("candidate:{n} 1 udp 2113937151 4a1f0c6e-0000-4000-8000-000000000000.local 50000 typ host"), "sdpMid": "0", "sdpMLineIndex": 0 });
    let said = json!({ "call_id": call, "candidates": (0..8).map(one).collect::<Vec<_>>() });
    assert_eq!(from.say("call.candidates", said).await["data"]["delivered"], true);
}

/// A call between two people who are connected: two batches of candidates from each side, a ring, an end, its timer.
async fn a_call(counter: &mut Counter, alice: (&Person, &Socket), bob: (&Person, &Socket)) -> Bill {
    let world = Arc::clone(&counter.world);
    let call = alice.0.call(&[bob.0]).await;
    let rung = counter.bill(1, 0, 0);
    timers::serve(&world.timers, world.calls_begun().await).await.expect("a batch");
    let armed = counter.bill(0, 0, 1);
    bob.1.say("call.ringing", json!({ "call_id": call })).await;
    let _ = alice.0.in_call(&call, "offer", json!({ "sdp": browser_sdp() })).await.expect(200);
    let _ = bob.0.in_call(&call, "answer", json!({ "sdp": browser_sdp() })).await.expect(200);
    for socket in [alice.1, bob.1, alice.1, bob.1] {
        candidates(socket, &call).await;
    }
    let _ = alice.0.in_call(&call, "end", json!({})).await.expect(200);
    let talked = counter.bill(3, 5, 0);
    world.clock.advance(SignedDuration::from_secs(90));
    timers::serve(&world.timers, json!({ "timers": "due" })).await.expect("a minute");
    rung.and(armed).and(talked).and(counter.bill(0, 0, 1)).and(PREFLIGHT.times(4.0))
}

/// A page asks first whether it may, once for each address: the call's id is in most of them. It is answered without a
/// line in the log and without the store.
const PREFLIGHT: Bill = Bill {
    http: 1.0,
    frames: 0.0,
    minutes: 0.0,
    invocations: 1.0,
    scheduled: 0.0,
    spent: Spent { requests: 0, read_units: 0.0, write_units: 0.0 },
    lines: 0.0,
};

#[tokio::test]
async fn the_cost_page_is_what_is_counted() {
    let world = World::new().await;
    let (alice, bob) = (Person::arrive(&world, "Alice Liddell").await, Person::arrive(&world, "Bob Dylan").await);
    let (at_alice, at_bob) = (alice.connect().await, bob.connect().await);
    let _ = (alice.get("/auth/me").await.expect(200), bob.get("/auth/me").await.expect(200));
    let (log, _guard) = Log::catch(Level::INFO);
    let mut counter = Counter::new(&world, log);

    let call = a_call(&mut counter, (&alice, &at_alice), (&bob, &at_bob)).await;
    let again = alice.call(&[&bob]).await;
    counter.bill(1, 0, 0);
    at_bob.pushes();
    candidates(&at_alice, &again).await;
    let delivered = counter.bill(0, 1, 0);
    at_alice.say("ping", json!({})).await;
    let ping = counter.bill(0, 1, 0);
    let socket = alice.connect().await;
    socket.say("resume", json!({})).await;
    let opened = counter.bill(1, 1, 1);
    socket.close().await;
    let rollover = opened.and(counter.bill(0, 0, 1)).and(PREFLIGHT);

    timers::serve(&world.timers, json!({ "timers": "due" })).await.expect("a minute");
    let minute = Bill { scheduled: 1.0, invocations: 1.0, ..counter.bill(0, 0, 0) };
    let month = 30.0 * 24.0 * 60.0;
    let open = Bill { minutes: month, ..Bill::default() };
    let idle = open.and(ping.times(month / PING)).and(rollover.times(month / ROLLOVER));
    let page = page(&[
        (
            "A million calls set up",
            "two people who are connected; ring, offer, answer, two batches of candidates each, end, the timer",
            call.times(1e6),
        ),
        (
            "A million messages delivered",
            "a frame over the socket to one connected device, answered and pushed",
            delivered.times(1e6),
        ),
        ("A stack that nobody uses, for a month", "the schedule's one invocation a minute", minute.times(month)),
        (
            "A person connected for a month",
            "a socket that is always open: a ping every 4 minutes, a new socket every 110",
            idle,
        ),
    ]);
    let path = root().join("docs/cost.md");
    if std::env::var_os("UPDATE_COST").is_some() {
        std::fs::write(&path, &page).expect("written");
    }
    let there = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(there, page, "docs/cost.md is not what is counted: UPDATE_COST=1 cargo test -p tests cost");
}

/// Minutes between two pings of the client, and between two sockets.
const PING: f64 = 4.0;
const ROLLOVER: f64 = 110.0;

/// The client's word for how often it pings is what the page counts with.
#[test]
fn the_client_pings_as_often_as_the_cost_page_says() {
    let client = std::fs::read_to_string(root().join("clients/js/socket.js")).expect("readable");
    assert!(
        client.contains("PING_EVERY = 4 * 60_000") || client.contains("PING_EVERY = 240_000"),
        "the client pings otherwise"
    );
    let (earliest, latest) = domain::limit::ROLLOVER;
    assert_eq!((earliest + latest) / 2, SignedDuration::from_mins(110));
}

fn page(uses: &[(&str, &str, Bill)]) -> String {
    let mut page = String::from(HEAD);
    for (name, what, bill) in uses {
        let each = if bill.usd() < 1.0 { format!("{:.3}", bill.usd()) } else { format!("{:.2}", bill.usd()) };
        writeln!(page, "| **{name}**: {what} | **{each}** |").expect("text");
    }
    page.push_str("\n## What is in it\n\nPer unit of the table above: per call, per message, per month.\n\n| |");
    for (name, ..) in uses {
        write!(page, " {name} | USD |").expect("text");
    }
    write!(page, "\n|{}\n", "---|".repeat(1 + uses.len() * 2)).expect("text");
    for position in 0..10 {
        let price = uses[0].2.positions()[position].1;
        write!(page, "| {} |", price.what).expect("text");
        for (name, _, bill) in uses {
            let (quantity, price) = bill.positions()[position];
            let usd = quantity * price.usd / if price.per == "GB" { 1.0 } else { 1e6 };
            let one = if name.contains("million") { quantity / 1e6 } else { quantity };
            let unit = if price.per == "GB" { format!("{} KB", number(one * 1e6)) } else { number(one) };
            write!(page, " {unit} | {usd:.3} |").expect("text");
        }
        page.push('\n');
    }
    page.push_str("\n## Prices\n\n| | USD |\n|---|---|\n");
    for (_, price) in uses[0].2.positions() {
        writeln!(page, "| {} | {} per {} |", price.what, price.usd, price.per).expect("text");
    }
    write!(page, "\nus-east-1, list prices of November 2026, without any free tier: {PAGES}.\n").expect("text");
    page.push_str(TAIL);
    page
}

/// A quantity without noughts behind the point; large ones are rounded.
fn number(quantity: f64) -> String {
    if quantity >= 100.0 {
        return format!("{quantity:.0}");
    }
    let text = format!("{quantity:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

const HEAD: &str = "# What it costs

Next to nothing while nobody uses it: no server runs, and tables, queues, logs and gateways cost by use; only the clock
ticks. At list prices, in USD:

| | USD |
|---|---|
";

const TAIL: &str = "
Units of the store, requests, frames, pushes and lines of log are counted in the code by the test that writes this page
(`cargo test -p tests cost`); it fails when the code costs otherwise. The page is of another site than the API, so browsers ask
first (CORS preflights). Assumed are 12 ms of billed time per invocation at 256 MB, 700 bytes of log per invocation that Lambda
writes itself, and that X-Ray samples one in twenty, as it does where there are many requests a second; below one a second it keeps
all of them, at 5 USD per million after the first 100,000 of a month.

## What comes on top

- **Stored**: DynamoDB 0.25 USD per GB and month (a call with both histories is 3 KB: 4 million calls are 12 GB), backups to any second
  0.20, logs 0.03 for the 30 days they are kept.
- **Metrics**: 0.30 USD per metric and month, counted by the hours in which it has data: one for each route in use, one for
  each code that refused. All routes and ten codes around the clock are about 13 USD a month, fifty busy hours a month 0.90.
- **Alarms and dashboard**, only with `AlarmEmail`: twelve metrics in alarms at 0.10 USD (ten are free) and a dashboard at 3 USD
  (three are free).
- **Keys**: AWS's own KMS key encrypts the tables; DynamoDB asks it about once in five minutes for each table and caller, 0.03 USD per
  10,000.
- **Data out**: 0.09 USD per GB after the first 100 GB. Pictures and sound go between the callers, not through here.
- **Sign-in**: a password hash is about 60 ms at 512 MB, 0.40 USD per million.

## To make it cheaper

- `LogLevel=INFO`, and 7 days of logs instead of 30: `RetentionInDays` in template.yaml.
- Let a page that nobody looks at close its socket: an open one is most of what an idle person costs.
- More candidates in fewer frames: the client already sends two batches a side at most.
";
