//! The measurements: everybody in turns, so that what the machine does meanwhile happens to all.

use std::time::{Duration, Instant};

use axum::body::Bytes;
use serde_json::Value;
use testkit::runtime_api::Sandbox;

use crate::contender::{Asked, Contender, Kind};
use crate::front::Bill;
use crate::process::{self, Memory};
use crate::scene::{Scene, Signed};

/// How often.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Effort {
    /// Cold starts of each.
    pub(crate) cold: usize,
    /// Invocations before the first that counts, so that what compiles while it runs has compiled.
    pub(crate) warm_up: usize,
    /// Turns of warm invocations.
    pub(crate) turns: usize,
    /// Warm invocations of one turn.
    pub(crate) invocations: usize,
}

impl Effort {
    /// What the numbers in docs/performance.md need.
    pub(crate) const FULL: Self = Self { cold: 15, warm_up: 500, turns: 20, invocations: 200 };
    /// What shows that all of it works, and counts what can be counted.
    pub(crate) const QUICK: Self = Self { cold: 3, warm_up: 50, turns: 2, invocations: 100 };
}

/// What was measured of one contender.
#[derive(Clone, Debug, Default)]
pub(crate) struct Measured {
    /// From the start of the process until it asks for an event.
    pub(crate) init: Vec<Duration>,
    /// The first invocation.
    pub(crate) first: Vec<Duration>,
    /// From the start of the process to the first answer.
    pub(crate) cold: Vec<Duration>,
    /// Asked of the store by one cold start.
    pub(crate) cold_bill: Bill,
    /// Warm invocations.
    pub(crate) warm: Vec<Duration>,
    /// CPU time of all warm invocations.
    pub(crate) cpu: Duration,
    /// Asked of the store by all warm invocations.
    pub(crate) bill: Bill,
    /// After the last one.
    pub(crate) memory: Memory,
}

fn status(contender: &Contender, answer: &Bytes) -> Result<Value, String> {
    let answer: Value = serde_json::from_slice(answer).map_err(|error| error.to_string())?;
    let failed = match contender.asked {
        Asked::Minute => answer["fired"] != 0,
        _ => answer["statusCode"] != 200 || answer["body"].as_str().is_some_and(|body| body.contains("problem")),
    };
    if failed { Err(format!("{}: {answer}", contender.name)) } else { Ok(answer) }
}

/// Whoever answers another thing than ours is not worth measuring: status, content type and every byte of the body must
/// be the same, for a good token, an expired one and none.
pub(crate) async fn compare(scene: &Scene, contenders: &[Contender]) -> Result<(), String> {
    let compared = contenders.iter().filter(|one| one.asked == Asked::Me && one.kind != Kind::Floor);
    let mut first: Option<Vec<Value>> = None;
    for contender in compared {
        let mut sandbox = Sandbox::start(&contender.function).await;
        let mut answers = Vec::new();
        for signed in [Signed::In, Signed::Expired, Signed::Not] {
            let answer = sandbox
                .invoke(scene.me(signed))
                .await
                .map_err(|failure| format!("{}: {failure}\n{}", contender.name, sandbox.output()))?;
            let answer: Value = serde_json::from_slice(&answer).map_err(|error| error.to_string())?;
            let headers = answer["headers"].as_object().cloned().unwrap_or_default();
            let kind = headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("content-type"));
            let kind = kind.map_or(Value::Null, |(_, value)| value.clone());
            answers.push(Value::Array(vec![answer["statusCode"].clone(), kind, answer["body"].clone()]));
        }
        let ours = first.get_or_insert_with(|| answers.clone());
        if let Some((ours, theirs)) = ours.iter().zip(&answers).find(|(ours, theirs)| ours != theirs) {
            return Err(format!("{} answers otherwise:\n  ours   {ours}\n  theirs {theirs}", contender.name));
        }
    }
    let statuses: Vec<_> = first.unwrap_or_default().iter().map(|answer| answer[0].clone()).collect();
    if statuses == [200, 401, 401] { Ok(()) } else { Err(format!("statuses are {statuses:?}, not 200, 401 and 401")) }
}

/// Cold starts, in turns. The first turn fills the page cache and is forgotten.
pub(crate) async fn cold(
    scene: &Scene,
    contenders: &[Contender],
    effort: Effort,
    measured: &mut [Measured],
) -> Result<(), String> {
    for turn in 0..=effort.cold {
        for (contender, measured) in contenders.iter().zip(&mut *measured) {
            let event = contender.asked.event(scene, turn);
            scene.front.take();
            let mut sandbox = Sandbox::start(&contender.function).await;
            let failed = |failure| format!("{}: {failure}", contender.name);
            let init = sandbox.ready().await.map_err(failed)?;
            let asked = Instant::now();
            let answer = sandbox.invoke(event).await.map_err(failed)?;
            let (first, cold) = (asked.elapsed(), sandbox.started().elapsed());
            status(contender, &answer)?;
            if turn > 0 {
                measured.init.push(init);
                measured.first.push(first);
                measured.cold.push(cold);
            }
            measured.cold_bill = scene.front.take();
        }
    }
    Ok(())
}

/// Warm invocations, in turns, all programs alive.
pub(crate) async fn warm(
    scene: &Scene,
    contenders: &[Contender],
    effort: Effort,
    measured: &mut [Measured],
) -> Result<(), String> {
    let mut sandboxes = Vec::new();
    for contender in contenders {
        let mut sandbox = Sandbox::start(&contender.function).await;
        turn(scene, contender, &mut sandbox, effort.warm_up).await?;
        sandboxes.push(sandbox);
    }
    for _ in 0..effort.turns {
        for ((contender, sandbox), measured) in contenders.iter().zip(&mut sandboxes).zip(&mut *measured) {
            // Once a minute each session is looked up: before what is counted.
            turn(scene, contender, sandbox, contender.asked.sessions()).await?;
            scene.front.take();
            let before = process::cpu(sandbox.pid())?;
            measured.warm.extend(turn(scene, contender, sandbox, effort.invocations).await?);
            measured.cpu += process::cpu(sandbox.pid())?.saturating_sub(before);
            let bill = scene.front.take();
            measured.bill.requests += bill.requests;
            measured.bill.units += bill.units;
        }
    }
    for (sandbox, measured) in sandboxes.iter().zip(measured) {
        measured.memory = process::memory(sandbox.pid());
    }
    Ok(())
}

async fn turn(
    scene: &Scene,
    contender: &Contender,
    sandbox: &mut Sandbox,
    invocations: usize,
) -> Result<Vec<Duration>, String> {
    let events: Vec<String> = match contender.asked {
        Asked::Ping => (0..invocations).map(|number| scene.ping(number)).collect(),
        asked => vec![asked.event(scene, 0)],
    };
    let mut times = Vec::with_capacity(invocations);
    for event in events.iter().cycle().take(invocations) {
        let failed = |failure| format!("{}: {failure}", contender.name);
        sandbox.ready().await.map_err(failed)?;
        let asked = Instant::now();
        let answer = sandbox.invoke(event.clone()).await.map_err(failed)?;
        times.push(asked.elapsed());
        status(contender, &answer)?;
    }
    Ok(times)
}
