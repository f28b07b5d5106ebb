//! Every order in which three tabs of one person, lost answers and a thief can meet.

use jiff::{SignedDuration, Timestamp};

use super::*;

fn begin() -> Session {
    let bytes = [7; 16];
    Session::begin(
        SessionId::derived(bytes),
        UserId::derived(bytes),
        "Ada".parse().expect("a name"),
        "test",
        Timestamp::UNIX_EPOCH,
    )
}

/// A refresh token and the key that its holder keeps for its one use.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Held {
    generation: u32,
    key: Option<u8>,
}

#[derive(Clone)]
struct World {
    session: Session,
    now: Timestamp,
    /// What the browser's tabs share.
    stored: Held,
    /// What a slow tab read some time ago and has not sent yet.
    in_flight: Option<(Held, Timestamp)>,
    thief: Option<Held>,
    thief_got_in: bool,
    keys: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// A tab refreshes and gets its answer.
    Tab,
    /// A tab refreshes and the answer is lost.
    TabLost,
    /// A second tab reads the store now and sends later.
    SlowTabReads,
    SlowTabSends,
    Wait9,
    Wait11,
    ThiefCopies,
    ThiefRefreshes,
}

impl World {
    fn new() -> Self {
        let stored = Held { generation: 1, key: Some(1) };
        Self {
            session: begin(),
            now: Timestamp::UNIX_EPOCH,
            stored,
            in_flight: None,
            thief: None,
            thief_got_in: false,
            keys: 1,
        }
    }

    fn send(&mut self, held: Held) -> Option<u32> {
        match self.session.clone().refresh(held.generation, held.key.map(|key| key.to_string()), self.now) {
            Refresh::Rotated(session) => {
                self.session = session;
                Some(self.session.generation)
            }
            Refresh::Again(session) => Some(session.generation),
            Refresh::Theft(session) => {
                self.session = session;
                None
            }
            Refresh::Refused(_) => None,
        }
    }

    fn keep(&mut self, generation: Option<u32>) {
        if let Some(generation) = generation.filter(|g| *g > self.stored.generation) {
            self.keys += 1;
            self.stored = Held { generation, key: Some(self.keys) };
        }
    }

    fn take(mut self, step: Step) -> Self {
        match step {
            Step::Tab => {
                let answer = self.send(self.stored);
                self.keep(answer);
            }
            Step::TabLost => {
                self.send(self.stored);
            }
            Step::SlowTabReads => self.in_flight = Some((self.stored, self.now)),
            // A request is not under way for longer than the grace: the client gives up before.
            Step::SlowTabSends => {
                if let Some((held, read_at)) = self.in_flight.take()
                    && self.now.duration_since(read_at) <= limit::REFRESH_GRACE
                {
                    let answer = self.send(held);
                    self.keep(answer);
                }
            }
            Step::Wait9 => self.now += SignedDuration::from_secs(9),
            Step::Wait11 => self.now += SignedDuration::from_secs(11),
            // The thief reads a token on its way, not the browser's store with its keys.
            Step::ThiefCopies => self.thief = Some(Held { key: None, ..self.stored }),
            Step::ThiefRefreshes => {
                if let Some(held) = self.thief
                    && let Some(generation) = self.send(held)
                {
                    self.thief_got_in = true;
                    self.thief = Some(Held { generation, key: None });
                }
            }
        }
        self
    }

    fn revoked(&self) -> bool {
        self.session.revoked.is_some()
    }
}

fn every_sequence(alphabet: &[Step], length: u32, mut check: impl FnMut(&[Step], World)) -> usize {
    let count = alphabet.len().pow(length);
    for number in 0..count {
        let steps: Vec<Step> = (0..length).map(|i| alphabet[number / alphabet.len().pow(i) % alphabet.len()]).collect();
        let world = steps.iter().fold(World::new(), |world, step| world.take(*step));
        check(&steps, world);
    }
    count
}

#[test]
fn nobody_is_logged_out_for_nothing() {
    let honest = [Step::Tab, Step::TabLost, Step::SlowTabReads, Step::SlowTabSends, Step::Wait9, Step::Wait11];
    let runs = every_sequence(&honest, 7, |steps, world| {
        assert!(!world.revoked(), "{steps:?}");
        assert!(!world.clone().take(Step::Tab).revoked(), "{steps:?}, then a refresh");
    });
    assert_eq!(runs, 279_936);
}

#[test]
fn a_thief_is_caught_at_the_next_use_of_either_copy() {
    let all = [Step::Tab, Step::TabLost, Step::Wait9, Step::Wait11, Step::ThiefCopies, Step::ThiefRefreshes];
    let mut got_in = 0;
    every_sequence(&all, 7, |steps, world| {
        if !world.thief_got_in {
            return;
        }
        got_in += 1;
        // Both go on using what they hold, out of each other's grace.
        for order in [[Step::Tab, Step::ThiefRefreshes], [Step::ThiefRefreshes, Step::Tab]] {
            let mut after = world.clone();
            for step in [order[0], order[1], order[0]] {
                after = after.take(Step::Wait11).take(step);
            }
            assert!(after.revoked(), "{steps:?}, then {order:?}: both hold a live token");
        }
    });
    assert!(got_in > 10_000, "the thief must get in often enough for this test to mean something: {got_in}");
}

#[test]
fn fifty_equal_refreshes_get_fifty_equal_successors() {
    let Refresh::Rotated(session) = begin().refresh(1, None, Timestamp::UNIX_EPOCH) else {
        panic!("the first one rotates")
    };
    for _ in 0..49 {
        let Refresh::Again(again) = session.clone().refresh(1, None, Timestamp::UNIX_EPOCH) else {
            panic!("the others repeat")
        };
        assert_eq!(again.generation, 2);
    }
}

#[test]
fn an_old_session_and_an_unknown_generation_are_refused() {
    let late = Timestamp::UNIX_EPOCH + limit::SESSION_IDLE;
    assert_eq!(begin().refresh(1, None, late), Refresh::Refused(SessionRefused::Expired));
    for unknown in [0, 2, u32::MAX] {
        assert_eq!(begin().refresh(unknown, None, Timestamp::UNIX_EPOCH), Refresh::Refused(SessionRefused::Unknown));
    }
    let ended = begin().revoke(Revoked::ByOwner, Timestamp::UNIX_EPOCH);
    assert_eq!(ended.clone().revoke(Revoked::Reuse, Timestamp::MAX), ended);
    assert_eq!(ended.refresh(1, None, Timestamp::UNIX_EPOCH), Refresh::Refused(SessionRefused::Revoked));
}
