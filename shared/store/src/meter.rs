//! Counts what was asked of the store, so that tests can hold a budget against it.

use std::sync::{Arc, Mutex};

use aws_sdk_dynamodb::types::ConsumedCapacity;

/// Requests and capacity units.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Spent {
    /// Requests, however many items each had.
    pub requests: u32,
    /// Read units of 4 KB (half for an eventually consistent read).
    pub read_units: f64,
    /// Write units of 1 KB (double in a transaction).
    pub write_units: f64,
}

tokio::task_local! {
    static HERE: Meter;
}

/// Does some work, and counts what it alone spends.
pub async fn metered<T>(work: impl Future<Output = T>) -> (T, Spent) {
    let meter = Meter::default();
    let done = HERE.scope(meter.clone(), work).await;
    (done, meter.take())
}

/// A running count, shared by the clones of one [`crate::Db`].
#[derive(Clone, Debug, Default)]
pub struct Meter(Arc<Mutex<Spent>>);

impl Meter {
    /// The count since the last call.
    pub fn take(&self) -> Spent {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner))
    }

    fn add(&self, requests: u32, capacity: &[ConsumedCapacity], reading: bool) {
        let units: f64 = capacity.iter().filter_map(|c| c.capacity_units).sum();
        let (read_units, write_units) = if reading { (units, 0.0) } else { (0.0, units) };
        self.note(Spent { requests, read_units, write_units });
        // Outside of `metered` nobody asked.
        let _ = HERE.try_with(|here| here.note(Spent { requests, read_units, write_units }));
    }

    fn note(&self, more: Spent) {
        let mut spent = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        spent.requests += more.requests;
        spent.read_units += more.read_units;
        spent.write_units += more.write_units;
    }

    pub(crate) fn read<'a>(&self, capacity: impl IntoIterator<Item = &'a ConsumedCapacity>) {
        self.add(1, &capacity.into_iter().cloned().collect::<Vec<_>>(), true);
    }

    pub(crate) fn wrote<'a>(&self, capacity: impl IntoIterator<Item = &'a ConsumedCapacity>) {
        self.add(1, &capacity.into_iter().cloned().collect::<Vec<_>>(), false);
    }
}
