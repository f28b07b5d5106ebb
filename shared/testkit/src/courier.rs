//! Where pushes end up in a test.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Mutex;

use domain::lease::ConnectionId;
use serde_json::Value;
use socket::courier::{Courier, Delivery, Undelivered};

/// What becomes of one post.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It arrives.
    Arrives,
    /// It seems to arrive, and does not.
    Swallowed,
    /// It arrives twice.
    Twice,
    /// It seems to arrive, and does so when [`Mailbox::deliver`] says.
    Held,
    /// API Gateway has just cut the connection (410).
    Gone,
}

/// Keeps every frame by its connection.
#[derive(Debug, Default)]
pub struct Mailbox {
    frames: Mutex<HashMap<ConnectionId, Vec<Value>>>,
    gone: Mutex<HashSet<ConnectionId>>,
    posts: Mutex<usize>,
    swallowing: Mutex<bool>,
    fates: Mutex<VecDeque<Fate>>,
    held: Mutex<Vec<(ConnectionId, Value)>>,
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

    /// What becomes of the next posts; those after them arrive.
    pub fn foretell(&self, fates: impl IntoIterator<Item = Fate>) {
        *self.fates.lock().expect("no panic inside") = fates.into_iter().collect();
    }

    /// How many posts are held.
    pub fn held(&self) -> usize {
        self.held.lock().expect("no panic inside").len()
    }

    /// Lets a held post arrive, by its place among them. One to a connection that is gone is lost.
    pub fn deliver(&self, place: usize) {
        let (connection, frame) = self.held.lock().expect("no panic inside").remove(place);
        if !self.is_gone(&connection) {
            self.keep(&connection, frame);
        }
    }

    /// Whether the connection was cut.
    pub fn is_gone(&self, connection: &ConnectionId) -> bool {
        self.gone.lock().expect("no panic inside").contains(connection)
    }

    fn keep(&self, connection: &ConnectionId, frame: Value) {
        self.frames.lock().expect("no panic inside").entry(connection.clone()).or_default().push(frame);
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
            let fate = self.fates.lock().expect("no panic inside").pop_front().unwrap_or(Fate::Arrives);
            if fate == Fate::Gone {
                self.cut(connection);
            }
            if self.is_gone(connection) {
                return Err(Undelivered::Gone);
            }
            if *self.swallowing.lock().expect("no panic inside") {
                return Ok(());
            }
            let frame: Value = serde_json::from_str(frame).map_err(|error| Undelivered::Failed(error.into()))?;
            match fate {
                Fate::Swallowed | Fate::Gone => {}
                Fate::Held => self.held.lock().expect("no panic inside").push((connection.clone(), frame)),
                Fate::Arrives => self.keep(connection, frame),
                Fate::Twice => {
                    self.keep(connection, frame.clone());
                    self.keep(connection, frame);
                }
            }
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
