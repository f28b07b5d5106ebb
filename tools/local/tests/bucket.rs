//! The bucket as browsers use it, against the embedded S3: what a grant says is what can be uploaded.

#![expect(clippy::unwrap_used, reason = "a test says enough by panicking here")]

use std::path::PathBuf;

use api::layers::Origins;
use api::secret::digest;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use blobs::upload::Grant;
use blobs::{Blobs, Key};
use domain::id::RecordingId;
use domain::limit;
use domain::recording::{MediaType, Part};
use http::{Method, Request, Response};
use jiff::SignedDuration;
use partners::http::Http;

const LIFE: SignedDuration = SignedDuration::from_secs(60);
const MEDIA: MediaType = MediaType::VideoWebm;

struct Scene {
    folder: PathBuf,
    blobs: Blobs,
    key: Key,
    http: Http,
}

impl Drop for Scene {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

impl Scene {
    async fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("dchat-bucket-{name}-{}", std::process::id()));
        let endpoint = local::bucket::listen(folder.clone(), Origins::loopback()).await.unwrap();
        let blobs = Blobs::local(&endpoint, "recordings");
        blobs.create().await.unwrap();
        blobs.create().await.expect("made twice it is there");
        Self { folder, blobs, key: Key::Recording(RecordingId::derived([7; 16])), http: Http::default() }
    }

    async fn put(&self, grant: &Grant, bytes: &[u8]) -> Response<Vec<u8>> {
        let mut request = Request::builder().method(Method::PUT).uri(&grant.url).header("origin", "http://localhost:1");
        for (name, value) in &grant.headers {
            request = request.header(name, value);
        }
        self.http.send(request.body(bytes.to_vec()).unwrap()).await.unwrap()
    }

    /// Whether it is there now.
    async fn complete(&self, upload: &str, parts: &[Part]) -> bool {
        let arrived = self.blobs.arrived(self.key, upload, parts).await.unwrap();
        self.blobs.complete(self.key, upload, arrived, parts).await.unwrap()
    }

    async fn upload(&self, upload: &str, number: usize, bytes: &[u8]) -> Part {
        let grant = self.blobs.grant(self.key, upload, number, &part(bytes), LIFE).await.unwrap();
        assert_eq!(self.put(&grant, bytes).await.status(), 200);
        part(bytes)
    }
}

fn part(bytes: &[u8]) -> Part {
    let sum = BASE64_STANDARD.encode(digest(bytes));
    Part { size: bytes.len() as u64, sha256: sum.try_into().unwrap() }
}

#[tokio::test]
async fn a_grant_is_for_exactly_these_bytes_and_this_time() {
    let scene = Scene::new("grant").await;
    let upload = scene.blobs.begin(scene.key, MEDIA.as_str()).await.unwrap();
    let bytes = b"what was recorded";
    let grant = scene.blobs.grant(scene.key, &upload, 1, &part(bytes), LIFE).await.unwrap();
    assert_eq!(format!("{grant:?}"), "Grant");
    let signed = grant.url.split("X-Amz-SignedHeaders=").nth(1).unwrap().split('&').next().unwrap();
    assert_eq!(signed, "content-length%3Bhost%3Bx-amz-checksum-sha256", "size and sum are signed");
    for others in [&b"what was RECORDED"[..], b"what was recorded and more"] {
        assert_eq!(scene.put(&grant, others).await.status(), 400, "other bytes");
    }
    let other = part(b"what was RECORDED").sha256.as_str().to_owned();
    let headers = grant.headers.iter().map(|(name, value)| match name.as_str() {
        "x-amz-checksum-sha256" => (name.clone(), other.clone()),
        _ => (name.clone(), value.clone()),
    });
    let forged = Grant { headers: headers.collect(), ..grant.clone() };
    assert_eq!(scene.put(&forged, b"what was RECORDED").await.status(), 403, "another sum");
    let unsaid = Grant { headers: Vec::new(), ..grant.clone() };
    assert_eq!(scene.put(&unsaid, bytes).await.status(), 403, "no sum");
    let elsewhere = Grant { url: grant.url.replace("partNumber=1", "partNumber=2"), ..grant.clone() };
    assert_eq!(scene.put(&elsewhere, bytes).await.status(), 403, "another place");

    let answer = scene.put(&grant, bytes).await;
    assert_eq!(
        (answer.status().as_u16(), answer.headers()["access-control-allow-origin"].as_bytes()),
        (200, &b"http://localhost:1"[..])
    );
    let short = SignedDuration::from_secs(1);
    let grant = scene.blobs.grant(scene.key, &upload, 1, &part(bytes), short).await.unwrap();
    tokio::time::sleep(std::time::Duration::from_millis(2_100)).await;
    assert_eq!(scene.put(&grant, bytes).await.status(), 403, "too late");
}

#[tokio::test]
async fn an_upload_is_completed_once_however_often() {
    let scene = Scene::new("complete").await;
    let (key, blobs) = (scene.key, &scene.blobs);
    let upload = blobs.begin(key, MEDIA.as_str()).await.unwrap();
    let first = vec![7; usize::try_from(*limit::PART.start()).unwrap()];
    let parts = [part(&first), part(b"the end")];
    assert!(!scene.complete(&upload, &parts).await, "nothing is there");
    scene.upload(&upload, 2, b"the end").await;
    assert!(!scene.complete(&upload, &parts).await, "half is there");
    scene.upload(&upload, 1, &first).await;
    let others = [part(&first), part(b"the end, and more")];
    assert!(!scene.complete(&upload, &others).await, "something else is there");
    assert_eq!(blobs.size(key).await.unwrap(), None);
    for (granted, there) in [(&parts[..], 2), (&parts[..1], 1), (&others[..], 1), (&others[1..], 0)] {
        assert_eq!(blobs.arrived(key, &upload, granted).await.unwrap().count(), there);
    }
    for _ in 0..2 {
        assert!(scene.complete(&upload, &parts).await);
        assert_eq!(blobs.size(key).await.unwrap(), Some(parts[0].size + parts[1].size));
    }
    blobs.abort(key, &upload).await.expect("what is complete cannot be aborted, and that is fine");
    assert!(blobs.size(key).await.unwrap().is_some());
    for _ in 0..2 {
        blobs.delete(key).await.unwrap();
        assert_eq!(blobs.size(key).await.unwrap(), None);
    }
}

#[tokio::test]
async fn an_upload_is_completed_with_the_parts_that_arrived_without_a_gap() {
    let scene = Scene::new("prefix").await;
    let upload = scene.blobs.begin(scene.key, MEDIA.as_str()).await.unwrap();
    let first = vec![7; usize::try_from(*limit::PART.start()).unwrap()];
    let parts = [scene.upload(&upload, 1, &first).await, part(b"lost"), scene.upload(&upload, 3, b"the end").await];
    assert_eq!(scene.blobs.arrived(scene.key, &upload, &parts).await.unwrap().count(), 1);
    assert!(scene.complete(&upload, &parts[..1]).await);
    assert_eq!(scene.blobs.size(scene.key).await.unwrap(), Some(parts[0].size));
}

#[tokio::test]
async fn what_was_aborted_cannot_be_completed() {
    let scene = Scene::new("abort").await;
    let upload = scene.blobs.begin(scene.key, MEDIA.as_str()).await.unwrap();
    let parts = [scene.upload(&upload, 1, b"never mind").await];
    for _ in 0..2 {
        scene.blobs.abort(scene.key, &upload).await.unwrap();
        assert!(!scene.complete(&upload, &parts).await);
    }
}

#[tokio::test]
async fn a_link_brings_the_bytes_under_our_name_and_type() {
    let scene = Scene::new("link").await;
    let upload = scene.blobs.begin(scene.key, "text/html").await.unwrap();
    let parts = [scene.upload(&upload, 1, b"<script>").await];
    assert!(scene.complete(&upload, &parts).await);
    let get = async |url: &str| scene.http.send(Request::get(url).body(Vec::new()).unwrap()).await.unwrap();
    let url = scene.blobs.link(scene.key, "call.webm", MEDIA.as_str(), LIFE).await.unwrap();
    let answer = get(&url).await;
    assert_eq!((answer.status().as_u16(), &answer.body()[..]), (200, &b"<script>"[..]));
    assert_eq!(answer.headers()["content-type"], MEDIA.as_str());
    assert_eq!(answer.headers()["content-disposition"], "attachment; filename=\"call.webm\"");
    assert_eq!(get(&url.replace("call.webm", "call.html")).await.status(), 403, "the name is signed");
    assert_eq!(get(url.split('?').next().unwrap()).await.status(), 403, "nobody gets it without");
}
