//! What it costs to tell many people one thing: `store::Connections::tell` with the real courier, against a store and an
//! `@connections` on loopback, in a process of its own, so that its CPU time is its own.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use api::system::SystemEntropy;
use axum::Router;
use axum::extract::State;
use axum::routing::post;
use axum::serve::ListenerExt as _;
use domain::id::{SessionId, TicketId, UserId};
use domain::lease::{ConnectionId, Lease};
use jiff::Timestamp;
use partners::ApiGateway;
use serde::{Deserialize, Serialize};
use socket::view::{Closing, ClosingView};
use socket::{Push, ServerFrame};
use store::{Connections, Db};

use crate::process;

/// People and connections of each: a push reaches ten of one person's connections at most.
pub(crate) const CROWDS: [(usize, usize); 4] = [(1, 1), (1, 10), (10, 10), (100, 10)];
/// Posts per crowd, so that CPU time is long against its grain of 10 ms.
const POSTS: usize = 4_000;

/// What telling one crowd cost, per time told.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Told {
    pub(crate) recipients: usize,
    pub(crate) requests: u32,
    pub(crate) read_units: f64,
    pub(crate) posts: u32,
    pub(crate) wall: Duration,
    pub(crate) cpu: Duration,
}

/// Starts an `@connections` that takes every post, and counts them.
pub(crate) async fn connections() -> Result<(String, Arc<AtomicU32>), String> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.map_err(|error| error.to_string())?;
    let url = format!("http://{}", listener.local_addr().map_err(|error| error.to_string())?);
    let listener = listener.tap_io(|stream| stream.set_nodelay(true).expect("TCP has this option"));
    let posts: Arc<AtomicU32> = Arc::default();
    let take = async |State(posts): State<Arc<AtomicU32>>| {
        posts.fetch_add(1, Ordering::Relaxed);
    };
    let router = Router::new().route("/@connections/{id}", post(take)).with_state(posts.clone());
    tokio::spawn(axum::serve(listener, router).into_future());
    Ok((url, posts))
}

/// Tells one crowd again and again, as a function would, and prints what it cost.
pub(crate) async fn tell(
    store: &str,
    connections: &str,
    people: usize,
    each: usize,
    rounds: usize,
) -> Result<(), String> {
    let db = Db::local(store, testkit::deployment::table_names());
    let (sockets, courier) = (Connections::new(db.clone()), ApiGateway::local(connections));
    let now = Timestamp::now();
    let mut crowd = Vec::new();
    for _ in 0..people {
        let (user, session) = (UserId::new(now, &SystemEntropy), SessionId::new(now, &SystemEntropy));
        crowd.push(user);
        for _ in 0..each {
            let ticket = TicketId::new(now, &SystemEntropy);
            let lease = Lease::open(ticket, ConnectionId(ticket.to_string()), user, session, now);
            sockets.open(&lease).await.map_err(|error| error.to_string())?;
        }
    }
    let frame = ServerFrame::push(Push::ConnectionClosing(ClosingView { reason: Closing::SessionEnded }), now);
    let recipients = people * each;
    let told = async || {
        let took = sockets.tell(&courier, &crowd, &frame, Timestamp::now()).await;
        if took == recipients { Ok(()) } else { Err(format!("{took} of {recipients} connections were told")) }
    };
    told().await?;
    db.meter().take();
    let (began, before) = (Instant::now(), process::cpu(std::process::id())?);
    for _ in 0..rounds {
        told().await?;
    }
    let (wall, cpu) = (began.elapsed(), process::cpu(std::process::id())?.saturating_sub(before));
    let spent = db.meter().take();
    let times = u32::try_from(rounds).expect("few");
    let per = f64::from(times);
    let told = Told {
        recipients,
        requests: spent.requests / times,
        read_units: spent.read_units / per,
        posts: 0,
        wall: wall / times,
        cpu: cpu / times,
    };
    println!("{}", serde_json::to_string(&told).expect("numbers are JSON"));
    Ok(())
}

/// Measures every crowd.
pub(crate) fn measure(store: &str, url: &str, posts: &AtomicU32, quick: bool) -> Result<Vec<Told>, String> {
    let program = std::env::current_exe().map_err(|error| error.to_string())?;
    let mut all = Vec::new();
    for (people, each) in CROWDS {
        let wanted = if quick { POSTS / 8 } else { POSTS };
        let rounds = (wanted / (people * each)).max(2);
        posts.store(0, Ordering::Relaxed);
        let numbers = [people, each, rounds].map(|number| number.to_string());
        let output = std::process::Command::new(&program).args(["fan-out", store, url]).args(numbers).output();
        let output = output.map_err(|error| error.to_string())?;
        let told: Told = serde_json::from_slice(&output.stdout)
            .map_err(|_| format!("fan-out: {}", String::from_utf8_lossy(&output.stderr)))?;
        // The first time, which is not measured, posts as much as the others.
        let posts = posts.load(Ordering::Relaxed) / u32::try_from(rounds + 1).expect("few");
        all.push(Told { posts, ..told });
    }
    Ok(all)
}
