//! Our functions as they are shipped, beside what others would have written, on the Lambda Runtime API: one machine, one
//! run, in turns. `bench/run` builds everything and starts this.

#![expect(clippy::disallowed_methods, reason = "a measurement reads the clock and serves what it measures against")]

mod contender;
mod fan_out;
mod front;
mod measure;
mod process;
mod report;
mod scene;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use contender::{Built, Contender};
use measure::{Effort, Measured};
use scene::Scene;
use tokio::runtime::Builder;

const USAGE: &str = "start it with bench/run [--quick]";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let done = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["fan-out", store, connections, people, each, rounds] => {
            let numbers = [people, each, rounds].map(|number| number.parse().expect("our own numbers"));
            let told = fan_out::tell(store, connections, numbers[0], numbers[1], numbers[2]);
            // One thread, as our functions have.
            Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(told).map(|()| true)
        }
        [release, venv, cache] => measure_all(built(release, venv, cache), Effort::FULL, false),
        [release, venv, cache, "--quick"] => measure_all(built(release, venv, cache), Effort::QUICK, true),
        _ => Err(USAGE.into()),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => {
            eprintln!("bench: something that is counted is over its bound, see the table");
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("bench: {error}");
            ExitCode::FAILURE
        }
    }
}

fn built(release: &str, venv: &str, cache: &str) -> Built {
    let [release, venv, cache] = [release, venv, cache].map(PathBuf::from);
    Built { release, venv, cache }
}

fn measure_all(built: Built, effort: Effort, quick: bool) -> Result<bool, String> {
    Builder::new_multi_thread().enable_all().build().expect("a runtime").block_on(run(built, effort, quick))
}

/// Whether what was counted is within its bounds; what was timed decides nothing.
async fn run(built: Built, effort: Effort, quick: bool) -> Result<bool, String> {
    let began = Instant::now();
    let step = |what: &str| eprintln!("bench {:>4} s  {what}", began.elapsed().as_secs());
    step("a store behind TLS");
    let scene = Scene::new(&built.cache).await?;
    let contenders = Contender::all(&scene, &built)?;
    let mut measured = vec![Measured::default(); contenders.len()];
    step("the same answers?");
    measure::compare(&scene, &contenders).await?;
    step(&format!("{} cold starts of each of {}", effort.cold, contenders.len()));
    measure::cold(&scene, &contenders, effort, &mut measured).await?;
    step(&format!("{} warm invocations of each", effort.turns * effort.invocations));
    measure::warm(&scene, &contenders, effort, &mut measured).await?;
    step("one frame to many");
    let (connections, posts) = fan_out::connections().await?;
    let told = fan_out::measure(&scene.deployment.engine, &connections, &posts, quick)?;
    step("done");
    Ok(report::report(&contenders, &measured, &told))
}
