//! What the laptop's own routes need.

use std::path::PathBuf;
use std::sync::Arc;

use api::Signer;
use domain::clock::{Clock, Entropy};
use store::Db;
use tokio::sync::watch;

use crate::outbox::Outbox;
use crate::sockets::Hub;
use crate::trace::Trace;

/// What the routes of this crate need.
#[derive(Clone, Debug)]
pub struct Shared {
    pub(crate) db: Db,
    /// Where the bucket keeps its files.
    pub(crate) bucket: PathBuf,
    pub(crate) hub: Hub,
    pub(crate) realtime: realtime::State,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<dyn Entropy>,
    pub(crate) trace: Trace,
    pub(crate) outbox: Outbox,
    pub(crate) signer: Signer,
    /// Whether the demo people are here.
    pub(crate) demo: bool,
    pub(crate) stop: watch::Receiver<bool>,
}

impl Shared {
    pub(crate) async fn stopping(&self) {
        let _ = self.stop.clone().wait_for(|stop| *stop).await;
    }
}
