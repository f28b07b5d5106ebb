//! The log of a Lambda function: one JSON object per line. The line that ends a request is also its metrics, in
//! CloudWatch's embedded metric format, which costs no call and no request more.

use std::fmt;
use std::time::Instant;

use domain::clock::Clock as _;
use serde_json::{Map, Value, json};
use socket::problem::Code;
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::format::{Format, Json, JsonFields, Writer};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields, MakeWriter};
use tracing_subscriber::registry::LookupSpan;

use crate::Env;
use crate::system::SystemClock;

/// The target of the event that ends a request, frame or batch. Its fields: `group`, `route`, `latency` (milliseconds),
/// `problem`, the code of what it was refused with, `replayed` when the answer was an earlier one, and [`Quality`]'s.
pub const DONE: &str = "done";

/// What a request said of a call's quality, for the line that ends it: the worst of what was new.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Quality {
    /// MOS of sound, 1 to 4.5.
    pub mos: f64,
    /// Milliseconds.
    pub round_trip: u64,
    /// Percent of the packets.
    pub lost: f64,
}

/// Starts the log, on standard output at the level of `LOG_LEVEL`, with metrics in the namespace of `STACK`.
pub fn start() {
    let level = Env::text("LOG_LEVEL").and_then(|level| level.parse().ok()).unwrap_or(tracing::Level::INFO);
    let namespace = Env::text("STACK").unwrap_or_else(|| "dchat".into());
    tracing::subscriber::set_global_default(to(level, namespace, std::io::stdout)).expect("the log starts once");
    std::panic::set_hook(Box::new(panicked));
}

/// A log to a writer. Never below `debug`: there the SDK writes whole items.
pub fn to<W>(level: tracing::Level, namespace: String, writer: W) -> impl Subscriber + Send + Sync
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let plain = Format::default().json().with_current_span(true).with_ansi(false);
    tracing_subscriber::fmt()
        .with_ansi(false)
        .fmt_fields(JsonFields::new())
        .event_format(Lines { plain, namespace })
        .with_max_level(level.min(tracing::Level::DEBUG))
        .with_writer(writer)
        .finish()
}

/// Milliseconds since then, to the microsecond.
pub(crate) fn millis_since(then: Instant) -> f64 {
    f64::from(u32::try_from(then.elapsed().as_micros()).unwrap_or(u32::MAX)) / 1000.0
}

/// Ends a frame, an occasion or a batch in the log.
pub fn done(group: &'static str, route: &'static str, begun: Instant, code: Option<Code>) {
    let (latency, named) = (millis_since(begun), code.map(Code::as_str));
    let refused = named.map(|_| 1_u64);
    tracing::info!(target: DONE, group, route, latency, problem = named, refused, "{}", if named.is_some() { "refused" } else { "answered" });
}

/// Logs a panic as one object, like everything else. A literal says what is wrong; words that were put together may
/// repeat what came in, so of those only the place is told.
pub fn panicked(panic: &std::panic::PanicHookInfo<'_>) {
    let place = panic.location().map(ToString::to_string).unwrap_or_default();
    let words = panic.payload().downcast_ref::<&'static str>().copied().unwrap_or("…");
    tracing::error!(panic.place = place, panic.words = words, "panicked");
}

struct Lines {
    plain: Format<Json>,
    namespace: String,
}

impl<S, N> FormatEvent<S, N> for Lines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, ctx: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        if event.metadata().target() != DONE {
            return self.plain.format_event(ctx, writer, event);
        }
        let mut fields = Fields::default();
        event.record(&mut fields);
        let now = SystemClock.now();
        let mut line = fields.0;
        line.insert("_aws".into(), metrics(&self.namespace, &line, now.as_millisecond()));
        line.insert("timestamp".into(), json!(now));
        line.insert("level".into(), json!(event.metadata().level().as_str()));
        writeln!(writer, "{}", Value::Object(line))
    }
}

/// What CloudWatch makes of a line: the latency of each route (its sample count is the number of requests), repeats
/// per route, refusals per problem, the quality that was reported. Ids are on the line and no dimension: a metric of its own for each would be billed.
fn metrics(namespace: &str, line: &Map<String, Value>, millis: i64) -> Value {
    let metric = |name: &str, unit: &str| json!({ "Name": name, "Unit": unit });
    let mut per_route = vec![metric("latency", "Milliseconds")];
    if line.contains_key("replayed") {
        per_route.push(metric("replayed", "Count"));
    }
    if line.contains_key("mos") {
        per_route.extend([metric("mos", "None"), metric("round_trip", "Milliseconds"), metric("lost", "Percent")]);
    }
    let mut directives = vec![("route", per_route)];
    if line.contains_key("refused") {
        directives.push(("problem", vec![metric("refused", "Count")]));
    }
    let directives: Vec<Value> = directives
        .into_iter()
        .map(|(by, metrics)| json!({ "Namespace": namespace, "Dimensions": [["group", by]], "Metrics": metrics }))
        .collect();
    json!({ "Timestamp": millis, "CloudWatchMetrics": directives })
}

#[derive(Default)]
struct Fields(Map<String, Value>);

impl Fields {
    fn put(&mut self, field: &Field, value: Value) {
        self.0.insert(field.name().to_owned(), value);
    }
}

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, json!(value));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, json!(value));
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, json!(value));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put(field, json!(format!("{value:?}")));
    }
}
