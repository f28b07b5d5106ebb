//! Counts what people do against the rates of `domain::limit`, one conditional write each time.
//!
//! A process remembers the buckets it has seen: whoever was refused a moment ago is refused again without asking the
//! store, and a bucket that nobody else takes from costs one request.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, BuildHasherDefault, DefaultHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use aws_sdk_dynamodb::types::AttributeValue;
use domain::limit::{Counted, Rate, WhenDown};
use domain::quota::{Quota, TooMany};
use jiff::Timestamp;
use socket::problem::causes;

use crate::db::{Db, Item, back_off, key_of, ttl, until};
use crate::error::StoreError;
use crate::keys::{Key, UNTIL};
use crate::write::Expect;

/// Buckets that a process remembers; beyond it those that are full again are forgotten, then all.
const REMEMBERED: usize = 10_000;
/// Other processes that may take from a bucket while we try to. Losing shows what they left: a crowd finds the bucket
/// empty long before it runs out of tries, unless it is one that may, like fifty tabs that refresh at once.
const TRIES: u32 = 64;
/// Requests of one process take turns at a bucket instead of racing; buckets share this many queues.
const TURNS: usize = 16;

type Bucket = (Rate, String);

/// The limits.
#[derive(Clone, Debug)]
pub struct Limits {
    db: Db,
    seen: Arc<Mutex<HashMap<Bucket, Timestamp>>>,
    turns: Arc<[tokio::sync::Mutex<()>; TURNS]>,
    enforced: bool,
}

impl Limits {
    /// The limits of this store. Only load tests and fuzzers, which come from one address, run where they are not
    /// enforced: then everything passes.
    pub fn new(db: Db, enforced: bool) -> Self {
        Self { db, seen: Arc::default(), turns: Arc::default(), enforced }
    }

    /// Takes one of `who`'s. An error of the store is the caller's only where the rate fails closed.
    pub async fn take(&self, rate: Rate, who: &str, now: Timestamp) -> Result<Result<Quota, TooMany>, StoreError> {
        if !self.enforced {
            return Ok(Ok(rate.full()));
        }
        let bucket = (rate, who.to_owned());
        match rate.counted() {
            Counted::Apart => Ok(self.take_here(bucket, now)),
            Counted::Together => match self.take_together(&bucket, now).await {
                Err(error) if rate.when_down() == WhenDown::Open => {
                    tracing::warn!(rate = rate.as_str(), error = causes(&error), "not counted");
                    Ok(Ok(rate.full()))
                }
                taken => taken,
            },
        }
    }

    fn take_here(&self, bucket: Bucket, now: Timestamp) -> Result<Quota, TooMany> {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let (full_at, quota) = bucket.0.take(seen.get(&bucket).copied(), now)?;
        remember(&mut seen, bucket, full_at, now);
        Ok(quota)
    }

    async fn take_together(&self, bucket: &Bucket, now: Timestamp) -> Result<Result<Quota, TooMany>, StoreError> {
        let (rate, who) = bucket;
        let key = Key::Bucket(*rate, who);
        let place = usize::try_from(BuildHasherDefault::<DefaultHasher>::default().hash_one(bucket)).unwrap_or(0);
        let _turn = self.turns[place % TURNS].lock().await;
        let mut known = self.seen.lock().unwrap_or_else(PoisonError::into_inner).get(bucket).copied();
        for attempt in 0..TRIES {
            if attempt > 1 {
                back_off(attempt).await;
            }
            let (full_at, quota) = match rate.take(known, now) {
                Ok(taken) => taken,
                Err(too_many) => {
                    self.remember(bucket, known.unwrap_or(now), now);
                    return Ok(Err(too_many));
                }
            };
            let item = item_of_bucket(&key, full_at);
            let expect = match known {
                Some(known) if known > now => Expect::Until(known),
                _ => Expect::OverBy(now),
            };
            match self.db.put_or_see(key.table(), &item, &expect).await? {
                Some(there) if there != item => known = full_at_of(&there),
                _ => {
                    self.remember(bucket, full_at, now);
                    return Ok(Ok(quota));
                }
            }
        }
        // Whoever comes in such a crowd is a flood, and not the store's fault.
        Ok(Err(TooMany { quota: Quota { left: 0, ..rate.full() }, wait: rate.refill() }))
    }

    fn remember(&self, bucket: &Bucket, full_at: Timestamp, now: Timestamp) {
        remember(&mut self.seen.lock().unwrap_or_else(PoisonError::into_inner), bucket.clone(), full_at, now);
    }
}

fn remember(seen: &mut HashMap<Bucket, Timestamp>, bucket: Bucket, full_at: Timestamp, now: Timestamp) {
    if seen.len() >= REMEMBERED {
        seen.retain(|_, full_at| *full_at > now);
    }
    if seen.len() >= REMEMBERED {
        seen.clear();
    }
    seen.insert(bucket, full_at);
}

/// Two that take from the same bucket in the same millisecond write different items, so that a repeat after a lost
/// reply recognises its own, and only its own.
fn item_of_bucket(key: &Key<'_>, full_at: Timestamp) -> Item {
    static WRITES: AtomicU64 = AtomicU64::new(0);
    let nonce = RandomState::new().hash_one(WRITES.fetch_add(1, Ordering::Relaxed));
    let mut item = key_of(key);
    let nonce = ("nonce", AttributeValue::N(nonce.to_string()));
    item.extend([until(full_at), ttl(full_at), nonce].map(|(name, value)| (name.to_owned(), value)));
    item
}

fn full_at_of(item: &Item) -> Option<Timestamp> {
    let millis = item.get(UNTIL)?.as_n().ok()?.parse().ok()?;
    Timestamp::from_millisecond(millis).ok()
}
