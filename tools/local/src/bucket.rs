//! The embedded S3 (s3s on a folder), on a thread of its own so that big files never stall a request.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use api::layers::Origins;
use api::secret::digest;
use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use blobs::Blobs;
use blobs::bucket::LOCAL_CREDENTIALS;
use domain::limit;
use http::{HeaderValue, Method, StatusCode, header, request};
use s3s::auth::SimpleAuth;
use s3s::service::{S3Service, S3ServiceBuilder};
use tokio::net::TcpListener;
use tower_http::cors::{AllowHeaders, AllowOrigin, CorsLayer};

/// What the bucket is called here.
pub const BUCKET: &str = "recordings";

/// A folder that is removed with whoever kept nothing in it.
#[derive(Debug)]
pub(crate) struct Folder {
    pub(crate) path: PathBuf,
    passing: bool,
}

impl Folder {
    /// A place in the data folder, or one of this process's own until it ends.
    pub(crate) fn of(data: Option<&Path>) -> Self {
        let own = || std::env::temp_dir().join(format!("dchat-s3-{}", std::process::id()));
        Self { path: data.map_or_else(own, |data| data.join("s3")), passing: data.is_none() }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if self.passing {
            let _ = std::fs::remove_dir_all(&self.path);
        }
    }
}

/// Starts the server on a folder, and returns the bucket in it.
pub(crate) async fn start(folder: &Path) -> Result<Blobs, String> {
    let blobs = Blobs::local(&listen(folder.to_owned(), Origins::loopback()).await?, BUCKET);
    blobs.create().await.map_err(|error| error.to_string())?;
    Ok(blobs)
}

/// Takes every object away.
pub(crate) fn start_over(folder: &Path) -> std::io::Result<()> {
    let bucket = folder.join(BUCKET);
    std::fs::remove_dir_all(&bucket)?;
    std::fs::create_dir(bucket)
}

/// Starts the server on a folder, which is made, and returns its endpoint. It has no bucket yet. Pages of these origins
/// may use it, as `template.yaml` has it.
pub async fn listen(folder: PathBuf, origins: Origins) -> Result<String, String> {
    let (ready, started) = tokio::sync::oneshot::channel::<Result<SocketAddr, String>>();
    let work = move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|e| e.to_string())?;
        runtime.block_on(serve(&folder, origins, ready))
    };
    std::thread::Builder::new().name("s3".into()).spawn(work).map_err(|error| error.to_string())?;
    let address = started.await.map_err(|_| "the embedded S3 did not start".to_owned())??;
    Ok(format!("http://{address}"))
}

async fn serve(
    folder: &Path,
    origins: Origins,
    ready: tokio::sync::oneshot::Sender<Result<SocketAddr, String>>,
) -> Result<(), String> {
    let opened = async {
        std::fs::create_dir_all(folder).map_err(|error| error.to_string())?;
        let files = s3s_fs::FileSystem::new(folder).map_err(|error| format!("{error:?}"))?;
        let mut builder = S3ServiceBuilder::new(files);
        let (user, word) = LOCAL_CREDENTIALS;
        builder.set_auth(SimpleAuth::from_single(user, word));
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(|error| error.to_string())?;
        let address = listener.local_addr().map_err(|error| error.to_string())?;
        Ok::<_, String>((builder.build(), listener, address))
    };
    match opened.await {
        Ok((service, listener, address)) => {
            let _ = ready.send(Ok(address));
            let app = app(service, Arc::from(folder), origins);
            axum::serve(listener, app).await.map_err(|error| error.to_string())
        }
        Err(error) => {
            let _ = ready.send(Err(error.clone()));
            Err(error)
        }
    }
}

fn app(service: S3Service, folder: Arc<Path>, origins: Origins) -> Router {
    let allowed = move |origin: &HeaderValue, _: &request::Parts| origin.to_str().is_ok_and(|o| origins.allow(o));
    let cors = CorsLayer::new()
        .allow_origin(AllowOrigin::predicate(allowed))
        .allow_methods([Method::GET, Method::PUT])
        .allow_headers(AllowHeaders::mirror_request())
        .expose_headers([header::ETAG]);
    let answer = move |request: Request| handle(service.clone(), Arc::clone(&folder), request);
    Router::new().fallback(answer).layer(cors)
}

/// Hands a request to s3s, after what AWS looks at and s3s does not: whether the upload is under way, and whether the
/// bytes are those that were promised.
async fn handle(service: S3Service, folder: Arc<Path>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let query = url::form_urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes());
    if let Some((_, upload)) = query.into_iter().find(|(name, _)| name == "uploadId") {
        let named = upload.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-');
        if !named || !folder.join(format!(".upload-{upload}.json")).exists() {
            return refused(StatusCode::NOT_FOUND, "NoSuchUpload");
        }
    }
    let most = usize::try_from(*limit::PART.end()).expect("a part fits into memory");
    let Ok(bytes) = axum::body::to_bytes(body, most).await else {
        return refused(StatusCode::BAD_REQUEST, "EntityTooLarge");
    };
    let promised = parts.headers.get("x-amz-checksum-sha256");
    if promised.is_some_and(|promised| promised != BASE64_STANDARD.encode(digest(&bytes)).as_str()) {
        return refused(StatusCode::BAD_REQUEST, "BadDigest");
    }
    match service.call(http::Request::from_parts(parts, s3s::Body::from(bytes))).await {
        Ok(answer) => answer.map(Body::new).into_response(),
        Err(_) => refused(StatusCode::INTERNAL_SERVER_ERROR, "InternalError"),
    }
}

fn refused(status: StatusCode, code: &str) -> Response {
    let body = format!("<Error><Code>{code}</Code><Message>{code}</Message></Error>");
    (status, [(header::CONTENT_TYPE, "application/xml")], body).into_response()
}
