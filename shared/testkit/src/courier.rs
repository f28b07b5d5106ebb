//! Where pushes end up in a test.

use std::collections::{HashMap, HashSet};
use std::sync::Mutex;

use domain::lease::ConnectionId;
use serde_json::Value;
use socket::courier::{Courier, Delivery, Undelivered};

/// Keeps every frame by its connection.
#[derive(Debug, Default)]
pub struct Mailbox {
    frames: Mutex<HashMap<ConnectionId, Vec<Value>>>,
    gone: Mutex<HashSet<ConnectionId>>,
    posts: Mutex<usize>,
    swallowing: Mutex<bool>,
}

impl Mailbox {
    /// Takes the frames of a connection.
    pub fn take(&self, connection: &ConnectionId) -> Vec<Value> {
        self.frames.lock().expect("no panic inside").remove(connection).unwrap_or_default()
    }

    /// Whether the connection was closed, from either side.
    pub fn is_closed(&self, connection: &ConnectionId) -> bool {
        self.gone.lock().expect("no panic inside").contains(connection)
    }

    /// From now on the connection is gone (410).
    pub fn cut(&self, connection: &ConnectionId) {
        self.gone.lock().expect("no panic inside").insert(connection.clone());
    }

    /// Every connection is there again, and nothing waits in it.
    pub fn mend(&self) {
        self.gone.lock().expect("no panic inside").clear();
        self.frames.lock().expect("no panic inside").clear();
    }

    /// From now on every post seems to arrive, and none does.
    pub fn swallow(&self) {
        *self.swallowing.lock().expect("no panic inside") = true;
    }

    /// How many frames were posted, those to gone connections included.
    pub fn posts(&self) -> usize {
        *self.posts.lock().expect("no panic inside")
    }
}

impl Courier for Mailbox {
    fn post<'a>(&'a self, connection: &'a ConnectionId, frame: &'a str) -> Delivery<'a> {
        Box::pin(async move {
            *self.posts.lock().expect("no panic inside") += 1;
            if self.gone.lock().expect("no panic inside").contains(connection) {
                return Err(Undelivered::Gone);
            }
            if *self.swallowing.lock().expect("no panic inside") {
                return Ok(());
            }
            let frame = serde_json::from_str(frame).map_err(|error| Undelivered::Failed(error.into()))?;
            self.frames.lock().expect("no panic inside").entry(connection.clone()).or_default().push(frame);
            Ok(())
        })
    }

    fn close<'a>(&'a self, connection: &'a ConnectionId) -> Delivery<'a> {
        Box::pin(async move {
            let there = self.gone.lock().expect("no panic inside").insert(connection.clone());
            if there { Ok(()) } else { Err(Undelivered::Gone) }
        })
    }
}
