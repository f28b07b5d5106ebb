//! Faults between the clients of the store and the bucket and these two: below the SDK's own retries, above the socket.
//!
//! A plan says for each call what becomes of it. Dying is a future that is dropped where it stands, as Lambda does
//! with a sandbox that ran out of time or memory.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use aws_smithy_http_client::Builder;
use aws_smithy_runtime_api::client::http::{
    HttpClient as _, HttpConnector, HttpConnectorFuture, SharedHttpClient, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use tokio::sync::Notify;

use crate::interleave::{Gate, Touch};

/// What becomes of one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nothing happened and the service says so, with this exception.
    Refused(&'static str),
    /// Nothing happened: the write met a transaction on the same item. No emulator does this by itself. Reads and
    /// batches pass: they never meet it.
    Conflict,
    /// Nothing happened, and the caller sees a timeout.
    RequestLost,
    /// It happened, and the caller sees a timeout.
    ReplyLost,
    /// The function dies before the call.
    DiesBefore,
    /// The function dies after the call took effect and before it hears so.
    DiesAfter,
}

impl Fault {
    /// Every fault that a write can meet.
    pub const ALL: [Self; 7] = [
        Self::Refused("ThrottlingException"),
        Self::Refused("InternalServerError"),
        Self::Conflict,
        Self::RequestLost,
        Self::ReplyLost,
        Self::DiesBefore,
        Self::DiesAfter,
    ];
}

type Plan = dyn Fn(usize, &str) -> Option<Fault> + Send + Sync;

struct Inner {
    plan: Box<Plan>,
    calls: AtomicUsize,
    operations: Mutex<Vec<String>>,
    died: Notify,
    gate: Option<Gate>,
}

/// A plan, and what has come of it.
#[derive(Clone)]
pub struct Faults(Arc<Inner>);

impl std::fmt::Debug for Faults {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Faults").field("operations", &self.operations()).finish()
    }
}

impl Faults {
    /// Asks the plan at every call, by its number from 0 and its operation (`PutItem`, `TransactWriteItems` …, and
    /// `PUT upload` … of the bucket).
    pub fn new(plan: impl Fn(usize, &str) -> Option<Fault> + Send + Sync + 'static) -> Self {
        Self::planned(plan, None)
    }

    /// Nothing goes wrong, but every call waits at this gate until it is let go.
    pub fn behind(gate: Gate) -> Self {
        Self::planned(|_, _| None, Some(gate))
    }

    fn planned(plan: impl Fn(usize, &str) -> Option<Fault> + Send + Sync + 'static, gate: Option<Gate>) -> Self {
        let (calls, operations, died) = (AtomicUsize::new(0), Mutex::default(), Notify::new());
        Self(Arc::new(Inner { plan: Box::new(plan), calls, operations, died, gate }))
    }

    /// Nothing goes wrong; the calls are counted.
    pub fn none() -> Self {
        Self::new(|_, _| None)
    }

    /// Faults, each at its call.
    pub fn at(faults: Vec<(usize, Fault)>) -> Self {
        Self::new(move |call, _| faults.iter().find(|(place, _)| *place == call).map(|(_, fault)| *fault))
    }

    /// The same fault at this call and at every later one.
    pub fn from(place: usize, fault: Fault) -> Self {
        Self::new(move |call, _| (call >= place).then_some(fault))
    }

    /// The operations so far, repeats by the SDK included.
    pub fn operations(&self) -> Vec<String> {
        self.0.operations.lock().expect("no panic inside").clone()
    }

    /// Runs one invocation. `None`: it died, and its future was dropped where it stood.
    pub async fn invoke<T>(&self, handler: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            biased;
            () = self.0.died.notified() => None,
            answer = handler => Some(answer),
        }
    }

    pub(crate) fn transport(&self) -> SharedHttpClient {
        let (faults, real) = (self.clone(), Builder::new().build_http());
        http_client_fn(move |settings, components| {
            let inner = real.http_connector(settings, components);
            SharedHttpConnector::new(Faulty { inner, faults: faults.clone() })
        })
    }

    async fn die(&self) -> ! {
        self.0.died.notify_one();
        std::future::pending().await
    }
}

#[derive(Debug)]
struct Faulty {
    inner: SharedHttpConnector,
    faults: Faults,
}

fn exception(name: &str, more: &str) -> HttpResponse {
    let status = if name.starts_with("Internal") { 500 } else { 400 };
    let body = format!(r#"{{"__type":"com.amazonaws.dynamodb.v20120810#{name}","message":"injected"{more}}}"#);
    let response = http::Response::builder().status(status).header("content-type", "application/x-amz-json-1.0");
    HttpResponse::try_from(response.body(SdkBody::from(body)).expect("valid parts")).expect("a valid response")
}

/// The bucket's words for what the store calls so.
fn bucket_exception(name: &str) -> HttpResponse {
    let (status, code) = if name.starts_with("Internal") { (500, "InternalError") } else { (503, "SlowDown") };
    let body = format!("<Error><Code>{code}</Code><Message>injected</Message></Error>");
    let response = http::Response::builder().status(status).header("content-type", "application/xml");
    HttpResponse::try_from(response.body(SdkBody::from(body)).expect("valid parts")).expect("a valid response")
}

/// What is asked of the bucket: the method, and whether it is about an upload or an object.
fn bucket_operation(request: &HttpRequest) -> String {
    let of_upload = request.uri().contains("uploadId=") || request.uri().ends_with("uploads");
    format!("{} {}", request.method(), if of_upload { "upload" } else { "object" })
}

impl HttpConnector for Faulty {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let target = request.headers().get("x-amz-target");
        let of_store = target.is_some();
        let operation = match target {
            Some(target) => target.rsplit('.').next().unwrap_or_default().to_owned(),
            None => bucket_operation(&request),
        };
        let (inner, faults) = (self.inner.clone(), self.faults.clone());
        HttpConnectorFuture::new(async move {
            let _passing = match &faults.0.gate {
                Some(gate) if !of_store => {
                    let path = request.uri().split('?').next().unwrap_or_default();
                    Some(gate.pass(Touch::blob(&operation, path)).await)
                }
                Some(gate) => {
                    let body = request.body().bytes().unwrap_or_default();
                    Some(gate.pass(Touch::of(&operation, body)).await)
                }
                None => None,
            };
            let number = faults.0.calls.fetch_add(1, Ordering::SeqCst);
            let fault = (faults.0.plan)(number, &operation);
            faults.0.operations.lock().expect("no panic inside").push(operation.clone());
            let timeout = || ConnectorError::timeout("injected".into());
            match fault {
                Some(Fault::Refused(name)) if !of_store => Ok(bucket_exception(name)),
                Some(Fault::Refused(name)) => Ok(exception(name, "")),
                Some(Fault::Conflict) if operation == "TransactWriteItems" => Ok(exception(
                    "TransactionCanceledException",
                    r#","CancellationReasons":[{"Code":"TransactionConflict"}]"#,
                )),
                Some(Fault::Conflict) if operation == "PutItem" => Ok(exception("TransactionConflictException", "")),
                None | Some(Fault::Conflict) => inner.call(request).await,
                Some(Fault::RequestLost) => Err(timeout()),
                Some(Fault::ReplyLost) => {
                    inner.call(request).await?;
                    Err(timeout())
                }
                Some(Fault::DiesBefore) => faults.die().await,
                Some(Fault::DiesAfter) => {
                    inner.call(request).await?;
                    faults.die().await
                }
            }
        })
    }
}
