//! Prices, and the page that they make of what was counted.

use std::fmt::Write as _;

use store::Spent;

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
const PUT: Price = Price { what: "S3, PUT, POST or LIST request", usd: 5.00, per: "million" };
const STORED: Price = Price { what: "S3 Standard, kept for a month", usd: 0.023, per: "GB" };
const OUT: Price = Price { what: "Data out to the internet", usd: 0.09, per: "GB" };
const TRACE: Price = Price { what: "X-Ray, trace recorded", usd: 5.00, per: "million" };

/// Where the prices are published.
const PAGES: &str = "aws.amazon.com/api-gateway/pricing, …/lambda/pricing, …/dynamodb/pricing/on-demand, …/eventbridge/pricing, …/cloudwatch/pricing, …/xray/pricing, …/s3/pricing, …/ec2/pricing/on-demand";

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
pub(super) struct Bill {
    pub(super) http: f64,
    pub(super) frames: f64,
    pub(super) minutes: f64,
    pub(super) invocations: f64,
    /// Of those, the schedule's, which are not traced.
    pub(super) scheduled: f64,
    pub(super) spent: Spent,
    pub(super) lines: f64,
    /// Requests of the bucket that write or list; reading is a tenth of that and left out.
    pub(super) puts: f64,
    /// GB that are kept for a month.
    pub(super) stored: f64,
    /// GB that leave.
    pub(super) out: f64,
}

impl Bill {
    pub(super) fn times(self, n: f64) -> Self {
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
            puts: self.puts * n,
            stored: self.stored * n,
            out: self.out * n,
        }
    }

    pub(super) fn and(self, other: Self) -> Self {
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
            puts: self.puts + other.puts,
            stored: self.stored + other.stored,
            out: self.out + other.out,
        }
    }

    /// Each quantity with its price.
    fn positions(&self) -> [(f64, &'static Price); 13] {
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
            (self.puts, &PUT),
            (self.stored, &STORED),
            (self.out, &OUT),
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
pub(super) const LINE: u16 = 650;

/// The page: what each use costs, and why.
pub(super) fn page(uses: &[(&str, &str, Bill)]) -> String {
    let mut page = String::from(HEAD);
    for (name, what, bill) in uses {
        let each = if bill.usd() < 1.0 { format!("{:.3}", bill.usd()) } else { format!("{:.2}", bill.usd()) };
        writeln!(page, "| **{name}**: {what} | **{each}** |").expect("text");
    }
    page.push_str("\n## What is in it\n\nPer unit of the table above: per call, per minute, per message, per hour, per month.\n\n| |");
    for (name, ..) in uses {
        write!(page, " {name} | USD |").expect("text");
    }
    write!(page, "\n|{}\n", "---|".repeat(1 + uses.len() * 2)).expect("text");
    for position in 0..13 {
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
- **Data out**: 0.09 USD per GB after the first 100 GB. Pictures and sound go between the callers, not through here; what is watched
  of a recording goes out.
- **Sign-in**: a password hash is about 60 ms at 512 MB, 0.40 USD per million.

## To make it cheaper

- `LogLevel=INFO`, and 7 days of logs instead of 30: `RetentionInDays` in template.yaml.
- Let a page that nobody looks at close its socket: an open one is most of what an idle person costs.
- More candidates in fewer frames: the client already sends two batches a side at most.
";
