//! Measures the real program from outside, in one bounded run:
//!
//! ```sh
//! cargo build --release -p local && cargo run --release -p local --example load
//! ```
//!
//! First answer, authenticated reads, call set-up, and a thousand sockets. Give the number of sockets as argument.

#![expect(clippy::unwrap_used, reason = "a measurement stops at the first surprise")]

use std::io::{BufRead as _, BufReader};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use futures_util::{SinkExt as _, StreamExt as _, stream};
use http::Request;
use partners::http::Http;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

type Socket = WebSocketStream<MaybeTlsStream<tokio::net::TcpStream>>;

struct Server {
    child: Child,
    base: String,
    first_answer: Duration,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Server {
    /// Starts the program that was built beside this one.
    fn start() -> Self {
        let beside: PathBuf = std::env::current_exe().unwrap().parent().unwrap().parent().unwrap().join("dchat");
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let started = Instant::now();
        let mut child = Command::new(&beside)
            .args(["--ephemeral", "--unlimited", "--port", &port.to_string()])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{}: {error}. Run: cargo build --release", beside.display()));
        while !healthy(port) {
            assert!(started.elapsed() < Duration::from_secs(10), "the program does not answer");
            std::thread::sleep(Duration::from_millis(1));
        }
        let first_answer = started.elapsed();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        std::thread::spawn(move || lines.for_each(drop));
        Self { child, base: format!("http://127.0.0.1:{port}"), first_answer }
    }

    fn memory_mb(&self) -> f64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default().to_owned();
        line.split_whitespace().next().and_then(|kb| kb.parse::<f64>().ok()).unwrap_or(f64::NAN) / 1024.0
    }
}

fn healthy(port: u16) -> bool {
    use std::io::{Read as _, Write as _};
    let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)) else { return false };
    let _ = stream.write_all(b"GET /api/webrtc/health HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).is_ok() && answer.starts_with("HTTP/1.1 200")
}

async fn send(http: &Http, method: &str, url: &str, token: &str, body: Option<Value>) -> Value {
    let request = Request::builder().method(method).uri(url).header("content-type", "application/json");
    let request = if token.is_empty() { request } else { request.header("authorization", format!("Bearer {token}")) };
    let body = body.map(|body| body.to_string().into_bytes()).unwrap_or_default();
    let answer = http.send(request.body(body).unwrap()).await.unwrap();
    assert!(answer.status().is_success(), "{url}: {} {}", answer.status(), String::from_utf8_lossy(answer.body()));
    serde_json::from_slice(answer.body()).unwrap_or(Value::Null)
}

async fn register(http: &Http, base: &str, number: usize) -> Value {
    let new = json!({ "email": format!("p{number}@example.com"), "password": "correct horse battery", "name": format!("Person {number}") });
    send(http, "POST", &format!("{base}/auth/register"), "", Some(new)).await
}

async fn connect(http: &Http, base: &str, token: &str) -> Socket {
    let ticket = send(http, "POST", &format!("{base}/auth/ws-ticket"), token, Some(json!({}))).await;
    connect_async(ticket["url"].as_str().unwrap()).await.unwrap().0
}

async fn ping(socket: &mut Socket) -> Duration {
    let asked = Instant::now();
    socket.send(Message::text(r#"{"action":"ping","id":"1"}"#)).await.unwrap();
    let answer = socket.next().await.unwrap().unwrap();
    assert!(answer.to_text().unwrap().contains("rollover_at"));
    asked.elapsed()
}

fn report(what: &str, mut times: Vec<Duration>) {
    times.sort();
    let at = |percent: usize| times[(times.len() - 1) * percent / 100].as_secs_f64() * 1e3;
    println!("{what:<56} p50 {:>7.2} ms   p99 {:>7.2} ms   ({} times)", at(50), at(99), times.len());
}

#[tokio::main]
async fn main() {
    let sockets = std::env::args().nth(1).map_or(1_000, |n| n.parse().unwrap());
    let server = Server::start();
    let (base, http) = (server.base.clone(), Http::default());
    println!(
        "{:<56} {:>11.0} ms",
        "first answer of GET /api/webrtc/health after the start",
        server.first_answer.as_secs_f64() * 1e3
    );
    println!("{:<56} {:>11.1} MB", "memory at rest", server.memory_mb());

    let (ada, bo) = (register(&http, &base, 0).await, register(&http, &base, 1).await);
    let (token, url) = (ada["access_token"].as_str().unwrap().to_owned(), format!("{base}/auth/me"));
    let read = async || {
        let asked = Instant::now();
        send(&http, "GET", &url, &token, None).await;
        asked.elapsed()
    };
    for _ in 0..200 {
        read().await;
    }
    let mut alone = Vec::new();
    for _ in 0..1_000 {
        alone.push(read().await);
    }
    report("authenticated read, one at a time", alone);
    let reads = stream::iter((0..6_400).map(|_| read())).buffer_unordered(32);
    let asked = Instant::now();
    let together = reads.collect::<Vec<_>>().await;
    let rate = together.len() as u128 * 1000 / asked.elapsed().as_millis();
    report(&format!("authenticated read, 32 at once ({rate}/s)"), together);

    let mut at_bo = connect(&http, &base, bo["access_token"].as_str().unwrap()).await;
    ping(&mut at_bo).await;
    let initiate = format!("{base}/api/webrtc/call/initiate");
    let mut set_up = Vec::new();
    for _ in 0..200 {
        let body = json!({ "participants": [bo["user"]["id"]], "type": "video" });
        let asked = Instant::now();
        let (call, rang) = tokio::join!(send(&http, "POST", &initiate, &token, Some(body)), at_bo.next());
        set_up.push(asked.elapsed());
        assert!(rang.unwrap().unwrap().to_text().unwrap().contains("call.invited"));
        let end = format!("{base}/api/webrtc/call/{}/end", call["call_id"].as_str().unwrap());
        send(&http, "POST", &end, &token, Some(json!({}))).await;
        assert!(at_bo.next().await.unwrap().unwrap().to_text().unwrap().contains("call.ended"));
    }
    report("call set-up: initiate to the callee's frame", set_up);

    let before = server.memory_mb();
    println!("registering {sockets} people, each with a socket …");
    let dial = async |number: usize| {
        let person = register(&http, &base, number + 10).await;
        connect(&http, &base, person["access_token"].as_str().unwrap()).await
    };
    let mut open = stream::iter((0..sockets).map(&dial)).buffer_unordered(16).collect::<Vec<_>>().await;
    let mut pings = Vec::new();
    for socket in &mut open {
        pings.push(ping(socket).await);
    }
    report(&format!("ping on each of {} open sockets", open.len()), pings);
    println!(
        "{:<56} {:>11.1} MB  ({:.1} MB before)",
        format!("memory with {} sockets", open.len()),
        server.memory_mb(),
        before
    );
}
