//! Two people call each other at once. The store decides by one conditional write on the pair; here that write is a
//! variable, and every order of two invitations, cancels, answers and hang-ups is tried against it.

use super::*;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// This one reads who the pair's call is.
    Look(u8),
    /// And begins a call, if what was read still stands; otherwise looks again.
    Begin(u8),
    Answer(u8),
    End(u8),
}

#[derive(Clone, Default)]
struct World {
    calls: Vec<Call>,
    /// The pair's newest call: its place above.
    pair: Option<usize>,
    read: [Option<Option<usize>>; 2],
    superseded: usize,
    tried: usize,
}

impl World {
    fn live(&self) -> Option<usize> {
        self.pair.filter(|place| !self.calls[*place].is_over())
    }

    fn step(&mut self, step: Step, now: Timestamp) {
        let me = match step {
            Step::Look(n) | Step::Begin(n) | Step::Answer(n) | Step::End(n) => n,
        };
        let slot = usize::from(me - 1);
        match step {
            Step::Look(_) => self.read[slot] = Some(self.pair),
            Step::Begin(_) => {
                let Some(read) = self.read[slot].take() else { return };
                // The conditional write: it fails if another call took the pair after the reading.
                let read = if read == self.pair { read } else { self.pair };
                self.tried += 1;
                if read.is_some_and(|place| !self.calls[place].is_over()) {
                    self.superseded += 1;
                    return;
                }
                let id = u8::try_from(self.calls.len() + 1).expect("few");
                self.calls.push(start_as(id, me, &[3 - me], now));
                self.pair = Some(self.calls.len() - 1);
            }
            Step::Answer(_) | Step::End(_) => {
                let Some(place) = self.live() else { return };
                let call = self.calls[place].clone();
                let moved = match step {
                    Step::Answer(_) => call.join(user(me), &device("d"), None, now),
                    _ => call.end(user(me), None, Goodbye::Declined, now),
                };
                if let Ok((call, _)) = moved {
                    self.calls[place] = call;
                }
            }
        }
    }
}

#[test]
fn two_invitations_cancels_answers_and_hang_ups_in_every_order_end_in_one_call_or_none() {
    let mut steps = Vec::new();
    for n in [1, 2] {
        steps.extend([Step::Look(n), Step::Begin(n), Step::Answer(n), Step::End(n)]);
    }
    let (mut superseded, mut both) = (0, 0);
    for number in 0..steps.len().pow(7) {
        let order: Vec<Step> = (0..7).map(|i| steps[number / steps.len().pow(i) % steps.len()]).collect();
        let mut world = World::default();
        for (second, step) in (1..).zip(&order) {
            world.step(*step, at(second));
            let live = world.calls.iter().filter(|call| !call.is_over()).count();
            assert!(live <= 1, "{order:?}: {live} calls of two people");
        }
        assert_eq!(world.calls.len() + world.superseded, world.tried, "{order:?}: nobody is left without an answer");
        superseded += world.superseded;
        both += usize::from(world.calls.len() > 1);
    }
    assert!(superseded > 10_000 && both > 1_000, "the orders met: {superseded}, {both}");
}
