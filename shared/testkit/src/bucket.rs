//! One embedded S3 for all worlds of a process, each with a bucket of its own.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use api::layers::Origins;
use blobs::Blobs;
use tokio::sync::OnceCell;

const FOLDER: &str = "dchat-test-s3-";

/// Where a bucket is.
#[derive(Clone, Debug)]
pub struct Bucket {
    /// The server.
    pub endpoint: String,
    /// The bucket's name.
    pub name: String,
}

impl Bucket {
    /// An empty one.
    pub async fn new() -> Self {
        static SERVER: OnceCell<String> = OnceCell::const_new();
        static BUCKETS: AtomicUsize = AtomicUsize::new(0);
        let endpoint = SERVER.get_or_init(async || {
            let home = std::env::temp_dir();
            forget_the_dead(&home);
            let folder = home.join(format!("{FOLDER}{}", std::process::id()));
            local::bucket::listen(folder, Origins::loopback()).await.expect("the embedded S3 starts")
        });
        let name = format!("world-{}", BUCKETS.fetch_add(1, Ordering::Relaxed));
        let bucket = Self { endpoint: endpoint.await.clone(), name };
        bucket.open().create().await.expect("the embedded S3 makes buckets");
        bucket
    }

    /// The bucket as functions see it.
    pub fn open(&self) -> Blobs {
        Blobs::local(&self.endpoint, &self.name)
    }
}

/// A process cannot remove its folder after its last test, so the next one does.
fn forget_the_dead(home: &Path) {
    for entry in std::fs::read_dir(home).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let process = name.to_str().and_then(|name| name.strip_prefix(FOLDER));
        if process.is_some_and(|process| !Path::new("/proc").join(process).exists()) {
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}
