//! Exhaustive: every order of what people and the clock can do, messages that come late and twice included.

use super::*;

/// Caller 1; callees 2 (two devices) and, in a group, 3.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Ring(u8),
    Join(u8, &'static str),
    /// Joins again, as somebody who has read the call: the generation that he knows is the present one.
    Return(u8, &'static str),
    /// The first `Return` or `Join` of this person once more, word for word: it was under way for long.
    ReturnLate(u8),
    /// A sign of life of the newest stay.
    Renew(u8),
    /// A sign of life of the first stay: it was under way for long, or comes twice.
    RenewLate(u8),
    End(u8),
    /// The hang-up of the first stay comes late.
    EndLate(u8),
    Invite(u8, u8),
    Remove(u8, u8),
    /// Less than a lease goes by.
    Wait,
    /// A lease and the time to come back go by.
    Silence,
    /// The ring's time runs out, while everybody is there.
    RingOut,
}

#[derive(Clone)]
struct World {
    call: Call,
    now: Timestamp,
    /// Generation of everybody's first stay, and the device and generation of their first coming.
    first: Vec<(UserId, u32)>,
    first_return: Vec<(UserId, DeviceId, Option<u32>)>,
    facts: u64,
    ended: usize,
}

impl World {
    fn new(callees: &[u8]) -> Self {
        let call = start(callees);
        let facts = call.seq;
        Self { call, now: at(0), first: vec![(user(1), 1)], first_return: Vec::new(), facts, ended: 0 }
    }

    fn first_stay(&self, n: u8) -> u32 {
        self.first.iter().find(|(who, _)| *who == user(n)).map_or(77, |(_, generation)| *generation)
    }

    fn take(&mut self, step: Step) -> Moved {
        self.now += SignedDuration::from_secs(1);
        let (call, now) = (self.call.clone(), self.now);
        match step {
            Step::Ring(n) => call.ring(user(n), now),
            Step::Join(n, name) => self.join(n, device(name), None),
            Step::Return(n, name) => {
                let seen = call.settle(now).0.participant(user(n)).map(|person| person.generation).ok();
                self.join(n, device(name), seen)
            }
            Step::ReturnLate(n) => match self.first_return.iter().find(|(who, ..)| *who == user(n)).cloned() {
                Some((_, device, seen)) => self.join(n, device, seen),
                None => Ok((call, Vec::new())),
            },
            Step::Renew(n) => {
                let newest = call.participant(user(n)).map_or(0, |person| person.generation);
                call.renew(user(n), newest, now)
            }
            Step::RenewLate(n) => call.renew(user(n), self.first_stay(n), now),
            Step::End(n) => call.end(user(n), None, Goodbye::Declined, now),
            Step::EndLate(n) => call.end(user(n), Some(self.first_stay(n)), Goodbye::Declined, now),
            Step::Invite(by, n) => call.invite(user(by), vec![person(n)], now),
            Step::Remove(by, n) => call.remove(user(by), user(n), None, now),
            Step::Wait => {
                self.now += SignedDuration::from_secs(30);
                Ok(call.settle(self.now))
            }
            Step::Silence => {
                self.now += limit::CALL_LEASE + limit::CALL_RETURN;
                Ok(call.settle(self.now))
            }
            Step::RingOut => {
                let end = self.now + limit::RING;
                let mut moved = (call, Vec::new());
                while self.now < end {
                    self.now = end.min(self.now + limit::CALL_HEARTBEAT);
                    let (settled, facts) = moved.0.settle(self.now);
                    moved.1.extend(facts);
                    moved.0 = if settled.is_over() { settled } else { renew_all(settled, self.now.as_second()) };
                }
                Ok(moved)
            }
        }
    }

    fn join(&mut self, n: u8, device: DeviceId, seen: Option<u32>) -> Moved {
        let moved = self.call.clone().join(user(n), &device, seen, self.now)?;
        let generation = moved.0.participant(user(n)).expect("joined").generation;
        if !self.first.iter().any(|(who, _)| *who == user(n)) {
            self.first.push((user(n), generation));
            self.first_return.push((user(n), device, seen));
        }
        Ok(moved)
    }

    /// Applies a step and checks what must hold of every step.
    fn step(&mut self, step: Step, order: &dyn Fn() -> String) {
        let before = self.call.clone();
        let Ok((after, facts)) = self.take(step) else { return };
        let told = || format!("{}: {before:?} -> {after:?}", order());
        assert!(!before.is_over() || before == after, "{}: a call that was over changed", told());
        self.facts += facts.len() as u64;
        assert_eq!(after.seq, self.facts, "{}: the facts are numbered without a gap", told());
        self.ended += facts.iter().filter(|fact| **fact == CallEvent::Ended).count();
        assert_eq!(self.ended, usize::from(after.is_over()), "{}", told());
        for person in &after.people {
            let known = before.participant(person.user).ok();
            let generation = known.map_or(0, |known| known.generation);
            assert!(person.generation >= generation, "{}", told());
            assert_eq!(person.generation % 2 == 1, person.standing == Standing::Joined, "{}", told());
            if person.standing == Standing::Joined && known.is_none_or(|known| known.standing != Standing::Joined) {
                let comes = matches!(step, Step::Join(n, _) | Step::Return(n, _) | Step::ReturnLate(n) if user(n) == person.user);
                assert!(comes, "{}: somebody came who did not", told());
                // What comes late is a repeat of a first coming; it may be the first to arrive, never the second.
                let late = matches!(step, Step::ReturnLate(_));
                assert!(
                    !late || generation == 0 && !self.first.iter().any(|(who, _)| *who == person.user),
                    "{}",
                    told()
                );
            }
        }
        self.call = after;
        self.hold(order);
    }

    /// What must hold of every state.
    fn hold(&self, told: &dyn Fn() -> String) {
        let call = &self.call;
        let (joined, present) = (call.joined().count(), call.present().count());
        assert!(present <= limit::CALL_PEOPLE, "{}", told());
        match call.state {
            CallState::Initiated | CallState::Ringing => {
                assert!(joined == 1 && present >= 2, "{}: {call:?}", told());
                let rang = call.people.iter().any(|p| p.standing == Standing::Ringing);
                assert!(!rang || call.state == CallState::Ringing, "{}: {call:?}", told());
            }
            CallState::Connected { .. } => assert!(joined >= 1 && present >= 2, "{}: {call:?}", told()),
            CallState::Disconnected { since, at, .. } => assert!(since <= at && present == 0, "{}: {call:?}", told()),
            CallState::Failed { .. } => {
                assert!(present == 0 && call.duration(self.now) == SignedDuration::ZERO, "{}: {call:?}", told());
            }
        }
        assert_eq!(call.due().is_none(), call.is_over(), "{}: {call:?}", told());
    }

    /// Nobody can be stuck: left alone, every call is over, at the latest when its plan ends.
    fn is_over_in_the_end(self, told: &dyn Fn() -> String) {
        let last = self.now + limit::RING + limit::CALL_LEASE + limit::CALL_RETURN;
        assert!(self.call.settle(last).0.is_over(), "{}", told());
    }
}

fn every_order(callees: &[u8], begin: &[Step], steps: &[Step], length: u32) -> usize {
    let count = steps.len().pow(length);
    for number in 0..count {
        let step = |i: u32| steps[number / steps.len().pow(i) % steps.len()];
        let order = || format!("{begin:?} {:?}", (0..length).map(step).collect::<Vec<_>>());
        let mut world = World::new(callees);
        for step in begin.iter().copied().chain((0..length).map(step)) {
            world.step(step, &order);
        }
        world.is_over_in_the_end(&order);
    }
    count
}

#[test]
fn two_devices_answering_hang_ups_and_the_clock_in_every_order() {
    let steps = [
        Step::Ring(2),
        Step::Join(2, "phone"),
        Step::Join(2, "laptop"),
        Step::End(1),
        Step::End(2),
        Step::RingOut,
        Step::Silence,
    ];
    assert_eq!(every_order(&[2], &[], &steps, 6), 117_649);
}

#[test]
fn a_group_of_three_in_every_order() {
    let steps = [
        Step::Join(2, "phone"),
        Step::Join(3, "tablet"),
        Step::End(1),
        Step::End(2),
        Step::Remove(1, 3),
        Step::Invite(2, 3),
        Step::RingOut,
    ];
    assert_eq!(every_order(&[2, 3], &[], &steps, 6), 117_649);
}

/// Late and doubled signs of life, comings and goings of somebody in a call that goes on without him.
#[test]
fn joining_renewing_expiring_and_leaving_late_and_twice_revives_nobody() {
    let steps = [
        Step::Return(2, "phone"),
        Step::ReturnLate(2),
        Step::Renew(2),
        Step::RenewLate(2),
        Step::End(2),
        Step::EndLate(2),
        Step::Wait,
        Step::Remove(1, 2),
    ];
    let talking = [Step::Join(3, "tablet")];
    assert_eq!(every_order(&[2, 3], &talking, &steps, 6), 262_144);
}

/// The same between two, where the last one who goes ends the call.
#[test]
fn of_two_who_come_and_go_nobody_is_revived_either() {
    let steps = [
        Step::Join(2, "phone"),
        Step::Return(2, "phone"),
        Step::ReturnLate(2),
        Step::RenewLate(2),
        Step::RenewLate(1),
        Step::EndLate(1),
        Step::End(2),
        Step::Silence,
    ];
    assert_eq!(every_order(&[2], &[], &steps, 6), 262_144);
}
