//! The Lambda Runtime API on this machine (AWS, "Using the Lambda runtime API for custom runtimes", version 2018-06-01):
//! starts a function's program as Lambda does, and hands it one event after another.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::serve::ListenerExt as _;
use http::{HeaderName, StatusCode};
use tokio::net::TcpListener;
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tokio::task::JoinHandle;

/// Bytes of one answer, as Lambda has it for a synchronous invocation.
const ANSWER: usize = 6 * 1024 * 1024;
/// Bytes of a program's output that are kept to be shown.
const OUTPUT: usize = 16 * 1024;
/// Time for an initialisation, and for an invocation: a little more than the functions give themselves.
const PATIENCE: Duration = Duration::from_secs(30);
/// How often a silent program is looked at.
const LOOK: Duration = Duration::from_millis(50);

/// What a program is started with.
#[derive(Clone, Debug)]
pub struct Function {
    /// The program and its arguments.
    pub command: Vec<String>,
    /// `AWS_LAMBDA_FUNCTION_NAME`.
    pub name: String,
    /// `AWS_LAMBDA_FUNCTION_MEMORY_SIZE`, MB. Nothing holds the program to it.
    pub memory: u32,
    /// Its own variables. It gets these, Lambda's, and no other.
    pub environment: BTreeMap<String, String>,
}

/// Why an event has no answer.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The program reported that it cannot start (`init/error`).
    #[error("the initialisation failed: {0}")]
    Init(String),
    /// The program reported that it cannot answer (`invocation/{{id}}/error`).
    #[error("the invocation failed: {0}")]
    Invocation(String),
    /// The program ended.
    #[error("the program ended ({0}); its last words:\n{1}")]
    Ended(String, String),
    /// The program said nothing in time.
    #[error("the program said nothing in time; its last words:\n{0}")]
    Silent(String),
}

/// A running program. It is killed when this is dropped.
#[derive(Debug)]
pub struct Sandbox {
    child: Child,
    events: UnboundedSender<Event>,
    heard: UnboundedReceiver<Heard>,
    output: Arc<Mutex<Vec<u8>>>,
    server: JoinHandle<()>,
    started: Instant,
    invocations: u64,
    /// It waits for an event.
    idle: bool,
}

#[derive(Debug)]
struct Event {
    id: String,
    payload: String,
}

#[derive(Debug)]
enum Heard {
    Next,
    Answer(String, Bytes),
    Error(String, String),
    InitError(String),
}

impl Sandbox {
    /// Starts a program.
    pub async fn start(function: &Function) -> Self {
        let (events, queue) = mpsc::unbounded_channel();
        let (said, heard) = mpsc::unbounded_channel();
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("bound").to_string();
        let listener = listener.tap_io(|stream| stream.set_nodelay(true).expect("TCP has this option"));
        let served = axum::serve(listener, api(function, queue, said)).into_future();
        let server = tokio::spawn(async move { served.await.expect("axum serves until it is dropped") });
        let (mut reader, writer) = std::io::pipe().expect("a pipe");
        let mut command = Command::new(&function.command[0]);
        command.args(&function.command[1..]).env_clear().envs(lambda_variables(function, &address));
        command.envs(&function.environment).stdin(Stdio::null());
        command.stdout(writer.try_clone().expect("a second end")).stderr(writer);
        let started = Instant::now();
        let child = command.spawn().unwrap_or_else(|error| panic!("{}: {error}", function.command[0]));
        drop(command); // and with it our ends of the pipe, so that the reader ends with the program
        let output: Arc<Mutex<Vec<u8>>> = Arc::default();
        let kept = output.clone();
        std::thread::spawn(move || {
            let mut some = [0; 4096];
            while let Ok(n @ 1..) = reader.read(&mut some) {
                let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
                kept.extend_from_slice(&some[..n]);
                let too_many = kept.len().saturating_sub(OUTPUT);
                kept.drain(..too_many);
            }
        });
        Self { child, events, heard, output, server, started, invocations: 0, idle: false }
    }

    /// Waits until the program asks for an event, and says how long after its start that was seen.
    pub async fn ready(&mut self) -> Result<Duration, Failure> {
        while !self.idle {
            match self.hear().await? {
                Heard::Next => self.idle = true,
                Heard::InitError(error) => return Err(Failure::Init(error)),
                Heard::Answer(id, _) | Heard::Error(id, _) => panic!("an answer to {id}, which nobody asked for"),
            }
        }
        Ok(self.started.elapsed())
    }

    /// Hands an event over and waits for its answer.
    pub async fn invoke(&mut self, payload: String) -> Result<Bytes, Failure> {
        self.ready().await?;
        self.idle = false;
        self.invocations += 1;
        let asked = format!("{:08x}-0000-4000-8000-000000000000", self.invocations);
        self.events.send(Event { id: asked.clone(), payload }).expect("the server runs as long as this");
        match self.hear().await? {
            Heard::Answer(id, answer) if id == asked => Ok(answer),
            Heard::Error(id, error) if id == asked => Err(Failure::Invocation(error)),
            Heard::InitError(error) => Err(Failure::Init(error)),
            other => panic!("{other:?} instead of an answer to {asked}"),
        }
    }

    /// When the program was started.
    pub fn started(&self) -> Instant {
        self.started
    }

    /// The program's process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The newest part of what the program wrote.
    pub fn output(&self) -> String {
        String::from_utf8_lossy(&self.output.lock().unwrap_or_else(PoisonError::into_inner)).into_owned()
    }

    async fn hear(&mut self) -> Result<Heard, Failure> {
        let since = Instant::now();
        loop {
            if let Ok(Some(heard)) = tokio::time::timeout(LOOK, self.heard.recv()).await {
                return Ok(heard);
            }
            if let Ok(Some(status)) = self.child.try_wait() {
                // What it said before it ended comes first.
                return self.heard.try_recv().map_err(|_| Failure::Ended(status.to_string(), self.output()));
            }
            if since.elapsed() > PATIENCE {
                return Err(Failure::Silent(self.output()));
            }
        }
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        self.server.abort();
    }
}

fn lambda_variables(function: &Function, address: &str) -> BTreeMap<String, String> {
    let memory = function.memory.to_string();
    let group = format!("/dchat/test/{}", function.name);
    let variables = [
        ("AWS_LAMBDA_RUNTIME_API", address),
        ("AWS_LAMBDA_FUNCTION_NAME", &function.name),
        ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", &memory),
        ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand"),
        ("AWS_LAMBDA_LOG_GROUP_NAME", &group),
        ("AWS_LAMBDA_LOG_STREAM_NAME", "2026/11/20/[$LATEST]0"),
        ("AWS_REGION", "eu-central-1"),
        ("AWS_DEFAULT_REGION", "eu-central-1"),
        // Made up: whoever listens on this machine believes any signature.
        ("AWS_ACCESS_KEY_ID", "local"),
        ("AWS_SECRET_ACCESS_KEY", "local"),
        ("AWS_SESSION_TOKEN", "local"),
        ("LANG", "en_US.UTF-8"),
        ("PATH", "/usr/local/bin:/usr/bin:/bin"),
        ("TZ", ":UTC"),
    ];
    variables.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

struct Api {
    queue: tokio::sync::Mutex<UnboundedReceiver<Event>>,
    said: UnboundedSender<Heard>,
    arn: String,
    served: AtomicU64,
}

fn api(function: &Function, queue: UnboundedReceiver<Event>, said: UnboundedSender<Heard>) -> Router {
    let arn = format!("arn:aws:lambda:eu-central-1:123456789012:function:{}", function.name);
    let api = Api { queue: tokio::sync::Mutex::new(queue), said, arn, served: AtomicU64::new(0) };
    let routes = Router::new()
        .route("/runtime/init/error", post(init_error))
        .route("/runtime/invocation/next", get(next))
        .route("/runtime/invocation/{id}/response", post(response))
        .route("/runtime/invocation/{id}/error", post(error));
    let routes = routes.layer(DefaultBodyLimit::max(ANSWER)).with_state(Arc::new(api));
    Router::new().nest("/2018-06-01", routes)
}

/// Lambda lets the program wait here, and freezes it, until there is an event.
async fn next(State(api): State<Arc<Api>>) -> Response {
    let _ = api.said.send(Heard::Next);
    let Some(event) = api.queue.lock().await.recv().await else { return StatusCode::GONE.into_response() };
    let deadline = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default() + PATIENCE;
    let trace = format!("Root=1-00000000-{:024x};Sampled=0", api.served.fetch_add(1, Ordering::Relaxed));
    let header = HeaderName::from_static;
    let headers = [
        (header("content-type"), "application/json".to_owned()),
        (header("lambda-runtime-aws-request-id"), event.id),
        (header("lambda-runtime-deadline-ms"), deadline.as_millis().to_string()),
        (header("lambda-runtime-invoked-function-arn"), api.arn.clone()),
        (header("lambda-runtime-trace-id"), trace),
    ];
    (headers, event.payload).into_response()
}

async fn response(State(api): State<Arc<Api>>, Path(id): Path<String>, answer: Bytes) -> impl IntoResponse {
    let _ = api.said.send(Heard::Answer(id, answer));
    accepted()
}

async fn error(State(api): State<Arc<Api>>, Path(id): Path<String>, error: String) -> impl IntoResponse {
    let _ = api.said.send(Heard::Error(id, error));
    accepted()
}

async fn init_error(State(api): State<Arc<Api>>, error: String) -> impl IntoResponse {
    let _ = api.said.send(Heard::InitError(error));
    accepted()
}

fn accepted() -> impl IntoResponse {
    (StatusCode::ACCEPTED, [("content-type", "application/json")], r#"{"status":"OK"}"#)
}
