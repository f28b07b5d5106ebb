//! What is told at the end: a table, and what became of the budgets.

use std::time::Duration;

use crate::contender::{Asked, Contender, Kind};
use crate::fan_out::Told;
use crate::measure::Measured;

const MB: f64 = 1024.0 * 1024.0;
/// Megabytes that one of our functions should have in memory and on disk, and those that it must not exceed: what is
/// between is told in docs/performance.md.
const MEMORY: Bound = Bound { goal: 16.0, most: 18.0 };
const PROGRAM: Bound = Bound { goal: 11.0, most: 17.0 };

#[derive(Clone, Copy)]
struct Bound {
    goal: f64,
    most: f64,
}

fn at(times: &[Duration], percent: usize) -> f64 {
    let mut times = times.to_vec();
    times.sort_unstable();
    times.get((times.len().saturating_sub(1)) * percent / 100).map_or(f64::NAN, |time| time.as_secs_f64() * 1e3)
}

fn count(number: usize) -> f64 {
    f64::from(u32::try_from(number).expect("few"))
}

/// A row of the table.
struct Row<'a> {
    contender: &'a Contender,
    measured: &'a Measured,
}

impl Row<'_> {
    fn cold(&self) -> f64 {
        at(&self.measured.cold, 50)
    }

    fn cpu(&self) -> f64 {
        self.measured.cpu.as_secs_f64() * 1e3 / count(self.measured.warm.len())
    }

    fn memory(&self) -> f64 {
        count(usize::try_from(self.measured.memory.resident).expect("it fits in memory")) / 1024.0
    }

    fn size(&self) -> f64 {
        count(usize::try_from(self.contender.size).expect("it fits on disk")) / MB
    }

    fn requests(&self) -> f64 {
        f64::from(self.measured.bill.requests) / count(self.measured.warm.len())
    }

    fn print(&self) {
        let (contender, measured) = (self.contender, self.measured);
        let asked = if contender.kind == Kind::Floor { "nothing" } else { contender.asked.name() };
        let units = measured.bill.units / count(measured.warm.len());
        let shared = count(usize::try_from(measured.memory.proportional).expect("it fits in memory")) / 1024.0;
        println!(
            "| {}: {asked} | {:.1} + {:.1} = **{:.1}** | {:.2} / {:.2} | **{:.3}** | **{:.1}** ({shared:.1}) | {:.1} | {:.0} ({units:.1}) | {} |",
            contender.name,
            at(&measured.init, 50),
            at(&measured.first, 50),
            self.cold(),
            at(&measured.warm, 50),
            at(&measured.warm, 99),
            self.cpu(),
            self.memory(),
            self.size(),
            self.requests(),
            measured.cold_bill.requests,
        );
    }
}

/// Prints everything. Whether what was counted is within its budgets.
pub(crate) fn report(contenders: &[Contender], measured: &[Measured], told: &[Told]) -> bool {
    let rows: Vec<Row> =
        contenders.iter().zip(measured).map(|(contender, measured)| Row { contender, measured }).collect();
    println!(
        "| | cold start: init + first = all, ms | warm p50 / p99, ms | CPU per invocation, ms | RSS (PSS), MB | size, MB | requests (units) per invocation | requests of a cold start |"
    );
    println!("|---|---|---|---|---|---|---|---|");
    rows.iter().for_each(Row::print);
    println!("\n| budget | measured | |\n|---|---|---|");
    let of = |kind: Kind| rows.iter().filter(move |row| row.contender.kind == kind && row.contender.asked == Asked::Me);
    let ours = &rows[0];
    for (kind, name, cold, cpu) in
        [(Kind::FastApi, "FastAPI + Mangum", 10.0, 6.0), (Kind::Node, "the better Node", 5.0, 4.0)]
    {
        let least = |values: &mut dyn Iterator<Item = f64>| values.fold(f64::INFINITY, f64::min);
        ratio(&format!("cold start, beside {name}"), least(&mut of(kind).map(Row::cold)) / ours.cold(), cold);
        ratio(
            &format!("CPU of a warm authenticated read, beside {name}"),
            least(&mut of(kind).map(Row::cpu)) / ours.cpu(),
            cpu,
        );
    }
    let mut kept = true;
    for row in rows.iter().filter(|row| row.contender.kind == Kind::Ours) {
        let name = &row.contender.name;
        kept &= most(&format!("{name}: RSS, MB"), row.memory(), MEMORY);
        kept &= most(&format!("{name}: program, MB"), row.size(), PROGRAM);
        kept &= most(
            &format!("{name}: requests to the store, warm"),
            row.requests(),
            Bound::of(row.contender.asked.requests()),
        );
    }
    println!(
        "\n| one frame to | requests (units) | posts | wall, ms | CPU, ms | per recipient: wall, µs | CPU, µs |\n|---|---|---|---|---|---|---|"
    );
    for told in told {
        let (wall, cpu) = (told.wall.as_secs_f64() * 1e3, told.cpu.as_secs_f64() * 1e3);
        let each = 1e3 / count(told.recipients);
        println!(
            "| {} | {} ({:.1}) | {} | {wall:.2} | {cpu:.2} | {:.0} | {:.0} |",
            told.recipients,
            told.requests,
            told.read_units,
            told.posts,
            wall * each,
            cpu * each
        );
        let exactly = usize::try_from(told.posts).expect("few") == told.recipients;
        if !exactly {
            println!("\n{} posts for {} connections", told.posts, told.recipients);
        }
        kept &= exactly;
    }
    kept
}

fn ratio(what: &str, measured: f64, wanted: f64) {
    let met = if measured >= wanted { "met" } else { "NOT met" };
    println!("| {what}: at most 1/{wanted:.0} | 1/{measured:.1} | {met} |");
}

impl Bound {
    /// A goal that must be met.
    fn of(goal: f64) -> Self {
        Self { goal, most: goal }
    }
}

fn most(what: &str, measured: f64, bound: Bound) -> bool {
    let Bound { goal, most } = bound;
    let (met, kept) = (measured <= goal, measured <= most);
    let said = if met { "met" } else { "NOT met" };
    let over = if kept { String::new() } else { format!(", and over the bound of {most:.0}") };
    println!("| {what}: at most {goal:.0} | {measured:.1} | {said}{over} |");
    kept
}
