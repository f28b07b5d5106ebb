//! How much a person keeps, and what is on its way. One row per person: two at once cannot overdraw it, and what was
//! reserved for an upload that nobody finished comes back once the bucket has none of it any more.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::id::RecordingId;
use crate::limit;

/// Room for an upload, until its bytes are gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reservation {
    /// For which recording.
    pub recording: RecordingId,
    /// Bytes granted so far.
    pub bytes: u64,
    /// The recording is abandoned from then on.
    pub until: Timestamp,
    /// The bucket has dropped its bytes by then, if nobody did before.
    pub dropped_by: Timestamp,
}

/// What a person's recordings take.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Storage {
    /// Bytes of the recordings that are kept.
    pub kept: u64,
    /// Room for those on their way.
    pub reserved: Vec<Reservation>,
}

/// Why there is no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StorageRefused {
    /// It would be more than the plan allows.
    #[error("{} MiB of {} MiB are taken", .0 >> 20, limit::STORAGE_FREE >> 20)]
    Full(u64),
    /// Too many recordings are under way.
    #[error("{} recordings are under way", limit::RECORDINGS_OPEN)]
    TooMany,
}

impl Storage {
    /// As the clock leaves it.
    #[must_use]
    pub fn settle(mut self, now: Timestamp) -> Self {
        self.reserved.retain(|reservation| now < reservation.dropped_by);
        self
    }

    /// Bytes that count.
    pub fn used(&self) -> u64 {
        self.kept + self.reserved.iter().map(|reservation| reservation.bytes).sum::<u64>()
    }

    /// Recordings that were abandoned some minutes ago, so that nobody is about to complete them, and whose bytes may be in
    /// the bucket.
    pub fn abandoned(&self, now: Timestamp) -> impl Iterator<Item = RecordingId> {
        self.reserved
            .iter()
            .filter(move |reservation| reservation.until + limit::RECORDING_LATE <= now)
            .map(|reservation| reservation.recording)
    }

    /// Room for an upload, in place of what was reserved for it.
    pub fn reserve(self, room: Reservation, now: Timestamp) -> Result<Self, StorageRefused> {
        let mut storage = self.settle(now).release(room.recording);
        let used = storage.used();
        if used + room.bytes > limit::STORAGE_FREE {
            return Err(StorageRefused::Full(used));
        }
        if storage.reserved.len() >= limit::RECORDINGS_OPEN {
            return Err(StorageRefused::TooMany);
        }
        storage.reserved.push(room);
        Ok(storage)
    }

    /// An upload was given up.
    #[must_use]
    pub fn release(mut self, recording: RecordingId) -> Self {
        self.reserved.retain(|reservation| reservation.recording != recording);
        self
    }

    /// An upload is complete: what was reserved for it is kept.
    #[must_use]
    pub fn keep(self, recording: RecordingId, bytes: u64) -> Self {
        let storage = self.release(recording);
        Self { kept: storage.kept + bytes, ..storage }
    }

    /// What was kept is gone.
    #[must_use]
    pub fn give_back(self, bytes: u64) -> Self {
        Self { kept: self.kept.saturating_sub(bytes), ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(n: u8) -> RecordingId {
        RecordingId::derived([n; 16])
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).expect("in range")
    }

    fn room(n: u8, bytes: u64, until: i64) -> Reservation {
        Reservation { recording: id(n), bytes, until: at(until), dropped_by: at(until + 100) }
    }

    #[test]
    fn nobody_gets_more_than_the_plan_and_everything_comes_back() {
        let full = Storage::default().reserve(room(1, limit::STORAGE_FREE, 10), at(0)).expect("it is empty");
        assert_eq!(full.abandoned(at(909)).collect::<Vec<_>>(), [], "somebody may be completing it");
        assert_eq!(full.abandoned(at(910)).collect::<Vec<_>>(), [id(1)]);
        for second in [9, 10, 109] {
            let refused = full.clone().reserve(room(2, 1, 200), at(second));
            assert_eq!(refused, Err(StorageRefused::Full(limit::STORAGE_FREE)), "the bucket may have it");
        }
        let later = full.clone().reserve(room(2, 1, 200), at(110)).expect("the bucket has dropped the first");
        assert_eq!(later.used(), 1);
        let kept = full.keep(id(1), limit::STORAGE_FREE).settle(at(999));
        assert_eq!((kept.used(), kept.give_back(limit::STORAGE_FREE)), (limit::STORAGE_FREE, Storage::default()));
    }

    #[test]
    fn an_upload_that_grows_is_counted_once() {
        let storage = (1..=9).try_fold(Storage::default(), |storage, n| storage.reserve(room(1, n, 10), at(0)));
        assert_eq!(storage.map(|storage| storage.used()), Ok(9));
    }

    #[test]
    fn uploads_under_way_are_bounded() {
        let most = u8::try_from(limit::RECORDINGS_OPEN).expect("few");
        let many = (0..most).try_fold(Storage::default(), |storage, n| storage.reserve(room(n, 1, 10), at(0)));
        let many = many.expect("so many may be");
        assert_eq!(many.clone().reserve(room(most, 1, 10), at(0)), Err(StorageRefused::TooMany));
        assert!(many.reserve(room(0, 2, 10), at(0)).is_ok(), "one of them may grow");
    }
}
