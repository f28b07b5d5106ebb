//! A storm: many people do what a seed decides, in bad weather. Here are its steps, and a small model of what must
//! come of them that knows nothing of the code it is compared with.
//!
//! An answer that was lost leaves open whether something happened. So the model of a call holds every state it can be
//! in; each answer that arrives leaves fewer, and none left means that somebody was told something impossible.

use std::collections::BTreeSet;

use domain::limit;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::courier::Fate;
use crate::dice::Dice;

/// What somebody does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// Signs in on one more device.
    SignIn,
    /// Refreshes a device's tokens.
    Refresh,
    /// Opens a socket and resumes.
    Open,
    /// Goes offline without a goodbye; API Gateway notices.
    Vanish,
    /// Goes offline without a goodbye; nobody notices.
    Freeze,
    /// Closes the socket.
    Close,
    /// Opens the next socket before closing this one.
    RollOver,
    /// Asks what was missed.
    Resume,
    /// Gives a sign of life.
    Ping,
    /// Asks who is online.
    Presence,
    /// Calls some of the others.
    Call,
    /// Calls somebody more often than an inbox remembers, and gives up each time.
    Pester,
    /// Says that a call rings.
    Ring,
    /// Makes an offer.
    Offer,
    /// Answers.
    Answer,
    /// Sends candidates, over the socket or HTTP.
    Candidates,
    /// Says what it sends.
    Media,
    /// Says that it is still in a call.
    Beat,
    /// Hangs up, declines or gives up.
    End,
    /// Looks at a call.
    Look,
    /// Looks at the calls that are not over.
    Active,
    /// Time passes.
    Wait,
    /// A push that was held arrives.
    Deliver,
    /// A thief uses a copy of a refresh token.
    Steal,
}

/// One step. Its numbers are taken modulo what there is, so any list of steps can be run, and what is left of it after
/// some were taken out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// What is done.
    pub what: What,
    /// By which device.
    pub who: usize,
    /// With which call, or whom.
    pub which: usize,
    /// The chance inside the step: the weather, which request is lost.
    pub luck: u64,
}

impl std::fmt::Display for Step {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?} {} {} {:#x}", self.what, self.who, self.which, self.luck)
    }
}

const OFTEN: [(What, usize); 24] = [
    (What::SignIn, 2),
    (What::Refresh, 7),
    (What::Open, 10),
    (What::Vanish, 4),
    (What::Freeze, 3),
    (What::Close, 2),
    (What::RollOver, 4),
    (What::Resume, 4),
    (What::Ping, 5),
    (What::Presence, 4),
    (What::Call, 10),
    (What::Pester, 1),
    (What::Ring, 8),
    (What::Offer, 6),
    (What::Answer, 18),
    (What::Candidates, 5),
    (What::Media, 3),
    (What::Beat, 14),
    (What::End, 8),
    (What::Look, 6),
    (What::Active, 3),
    (What::Wait, 12),
    (What::Deliver, 7),
    (What::Steal, 1),
];

/// The steps of a seed.
pub fn steps(seed: u64, count: usize) -> Vec<Step> {
    let mut dice = Dice::new(seed);
    let all: usize = OFTEN.iter().map(|(_, often)| often).sum();
    let mut step = || {
        let mut place = dice.below(all);
        let found = OFTEN.iter().find(|(_, often)| {
            let here = place < *often;
            place = place.wrapping_sub(*often);
            here
        });
        let what = found.map_or(What::Wait, |(what, _)| *what);
        Step { what, who: dice.below(64), which: dice.below(64), luck: dice.throw() }
    };
    (0..count).map(|_| step()).collect()
}

/// Leaves out whatever is not needed for the failure, with no more than this many tries.
pub fn shorten(mut steps: Vec<Step>, mut tries: usize, mut fails: impl FnMut(&[Step]) -> bool) -> Vec<Step> {
    let mut size = steps.len() / 2;
    while size > 0 {
        let mut from = 0;
        while from < steps.len() && tries > 0 {
            let to = (from + size).min(steps.len());
            let fewer = [&steps[..from], &steps[to..]].concat();
            tries -= 1;
            if fails(&fewer) {
                steps = fewer;
            } else {
                from = to;
            }
        }
        size /= 2;
    }
    steps
}

/// The weather for the pushes of one step.
pub fn weather(dice: &mut Dice) -> Vec<Fate> {
    let fate = |dice: &mut Dice| match dice.below(100) {
        0..12 => Fate::Swallowed,
        12..20 => Fate::Twice,
        20..32 => Fate::Held,
        32..35 => Fate::Gone,
        _ => Fate::Arrives,
    };
    (0..12).map(|_| fate(dice)).collect()
}

/// How long a wait is: mostly moments, now and then past a ring, a lease, a socket, a call, a session.
pub fn wait(dice: &mut Dice) -> SignedDuration {
    let seconds = match dice.below(200) {
        0..90 => 1 + dice.below(5),
        90..130 => 11 + dice.below(10),
        130..175 => 40 + dice.below(60),
        175..192 => 300 + dice.below(400),
        192..196 => 7_200,
        196..199 => 13 * 3_600,
        _ => 61 * 24 * 3_600,
    };
    SignedDuration::from_secs(i64::try_from(seconds).expect("less than a year"))
}

/// Somebody's part in a call, by its word on the wire.
type Standing = &'static str;

/// One state that a call can be in.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Shape {
    standings: Vec<Standing>,
    devices: Vec<Option<String>>,
    /// How often they came, less the first time.
    returns: Vec<u32>,
    /// The end of each one's lease, while joined.
    leases: Vec<Timestamp>,
    rang: bool,
    since: Option<Timestamp>,
    over: Option<Over>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Over {
    at: Timestamp,
    reason: &'static str,
    by: Option<usize>,
}

/// What somebody does in a call, by their place in it; the caller's is 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// Says that it rings, or looks at it.
    Rings,
    /// Answers somebody.
    Answers(usize),
    /// Ends it.
    Ends,
    /// Makes somebody an offer.
    Offers(usize),
    /// Sends somebody candidates.
    Sends(usize),
    /// Tells everybody what it sends.
    Tells,
    /// Says that it is still there, as who has come once.
    Beats,
}

/// A call as the model knows it.
#[derive(Clone, Debug)]
pub struct CallModel {
    /// Who is in it, by number; the caller first.
    pub people: Vec<usize>,
    ring_until: Timestamp,
    shapes: BTreeSet<Shape>,
}

/// Nothing that the call can be like agrees with what somebody was told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Impossible(pub String);

impl CallModel {
    /// A call that these people were in from this moment on, begun with this device of the first.
    pub fn begun(people: Vec<usize>, device: &str, at: Timestamp) -> Self {
        let standings = (0..people.len()).map(|place| if place == 0 { "joined" } else { "invited" }).collect();
        let mut devices = vec![None; people.len()];
        devices[0] = Some(device.to_owned());
        let (returns, leases) = (vec![0; people.len()], vec![at + limit::CALL_LEASE; people.len()]);
        let shape = Shape { standings, devices, returns, leases, rang: false, since: None, over: None };
        Self { people, ring_until: at + limit::RING, shapes: BTreeSet::from([shape]) }
    }

    /// This person's place in it.
    pub fn place(&self, person: usize) -> Option<usize> {
        self.people.iter().position(|known| *known == person)
    }

    /// Whether it is a call of these two alone.
    pub fn is_of_two(&self, one: usize, called: &[usize]) -> bool {
        let [other] = called else { return false };
        self.people.len() == 2 && self.people.contains(&one) && self.people.contains(other)
    }

    /// Whether it is over by now; `None` when that is not known.
    pub fn is_over(&self, now: Timestamp) -> Option<bool> {
        let mut over = self.shapes.iter().map(|shape| self.settled(shape, now).over.is_some());
        let first = over.next()?;
        over.all(|other| other == first).then_some(first)
    }

    /// Whoever acted does not know whether it happened.
    pub fn maybe(&mut self, act: Act, place: usize, device: &str, now: Timestamp) {
        let done: Vec<Shape> =
            self.shapes.iter().filter_map(|shape| self.after(shape, act, place, device, now).ok()).collect();
        self.shapes.extend(done);
    }

    /// Whoever acted was answered with `ok` or a problem's code.
    pub fn know(&mut self, act: Act, place: usize, device: &str, now: Timestamp, said: &str) -> Result<(), Impossible> {
        // What the two sides negotiated is not modelled: these change nothing, and the call allowed the try.
        let negotiated = ["offer_pending", "no_offer", "stale_offer", "offer_answered", "too_many_candidates"];
        let follow = |shape: &Shape| match self.after(shape, act, place, device, now) {
            Ok(after) if said == "ok" => Some(after),
            Ok(_) if negotiated.contains(&said) => Some(shape.clone()),
            Err(code) if code == said => Some(shape.clone()),
            _ => None,
        };
        let left = self.shapes.iter().filter_map(follow).collect();
        self.leave(left, || format!("{act:?} of {place} on {device} at {now} was answered {said}"))
    }

    /// Somebody was shown the call; `ids` are its people's.
    pub fn shown(&mut self, view: &Value, ids: &[String], now: Timestamp) -> Result<(), Impossible> {
        let left = self.shapes.iter().filter(|shape| self.settled(shape, now).looks_like(view, ids)).cloned().collect();
        self.leave(left, || format!("at {now} it was shown as {view}"))
    }

    /// Somebody was told which calls they are in or asked into.
    pub fn listed(&mut self, live: bool, place: usize, now: Timestamp) -> Result<(), Impossible> {
        let is_in = |shape: &Shape| {
            let standing = self.settled(shape, now).standings[place];
            standing == "joined" || is_pending(standing)
        };
        let left = self.shapes.iter().filter(|shape| is_in(shape) == live).cloned().collect();
        self.leave(left, || format!("at {now} the active calls {} it", if live { "had" } else { "did not have" }))
    }

    fn leave(&mut self, left: BTreeSet<Shape>, told: impl Fn() -> String) -> Result<(), Impossible> {
        if left.is_empty() {
            return Err(Impossible(format!("{}, but it can only be {:?}", told(), self.shapes)));
        }
        self.shapes = left;
        Ok(())
    }

    /// What the clock did, one thing after the other: rings and leases run out, and the plan's hour.
    fn settled(&self, shape: &Shape, now: Timestamp) -> Shape {
        let mut shape = shape.clone();
        while shape.over.is_none() {
            let plan = shape.since.map(|since| (since + limit::CALL_FREE, None));
            let people = (0..self.people.len()).filter_map(|place| match shape.standings[place] {
                "joined" => Some((shape.leases[place] + limit::CALL_RETURN, Some(place))),
                pending if is_pending(pending) => Some((self.ring_until, Some(place))),
                _ => None,
            });
            let Some((at, what)) = plan.into_iter().chain(people).min_by_key(|(at, _)| *at) else { break };
            if at > now {
                break;
            }
            let Some(place) = what else {
                shape.finish(Over { at, reason: "time_limit", by: None });
                break;
            };
            let lost = shape.standings[place] == "joined";
            shape.standings[place] = if lost { "left" } else { "missed" };
            if shape.is_lonely() {
                let reason = match (lost, shape.since, shape.rang) {
                    (true, ..) => "lost",
                    (false, Some(_), _) => "hung_up",
                    (false, None, true) => "no_answer",
                    (false, None, false) => "unreachable",
                };
                shape.finish(Over { at, reason, by: None });
            }
        }
        shape
    }

    fn after(&self, shape: &Shape, act: Act, me: usize, device: &str, now: Timestamp) -> Result<Shape, &'static str> {
        let mut shape = self.settled(shape, now);
        if shape.over.is_some() {
            return if act == Act::Ends { Ok(shape) } else { Err("call_over") };
        }
        let mine = shape.devices[me].as_deref() == Some(device);
        let joined = match shape.standings[me] {
            "joined" if mine => Ok(true),
            "joined" => Err("answered_elsewhere"),
            pending if is_pending(pending) => Ok(false),
            _ => Err("left_call"),
        };
        let present = |to: usize| match shape.standings[to] {
            here if here == "joined" || is_pending(here) => Ok(()),
            _ => Err("left_call"),
        };
        match act {
            Act::Rings => {
                if shape.standings[me] == "invited" {
                    shape.standings[me] = "ringing";
                    shape.rang = true;
                }
            }
            Act::Answers(to) => {
                let comes = match joined {
                    Ok(joined) => !joined,
                    // A device that is silent yields.
                    Err("answered_elsewhere") if shape.leases[me] <= now => {
                        shape.returns[me] += 1;
                        true
                    }
                    Err(code) => return Err(code),
                };
                present(to)?;
                if comes {
                    shape.leases[me] = now + limit::CALL_LEASE;
                }
                shape.standings[me] = "joined";
                shape.devices[me] = Some(device.to_owned());
                shape.since = shape.since.or(Some(now));
            }
            Act::Offers(to) => {
                if !joined? {
                    return Err("not_joined");
                }
                present(to)?;
            }
            Act::Sends(to) => {
                joined?;
                present(to)?;
            }
            Act::Tells => {
                if !joined? {
                    return Err("not_joined");
                }
            }
            Act::Beats if shape.standings[me] == "joined" && shape.returns[me] == 0 => {
                shape.leases[me] = now + limit::CALL_LEASE;
            }
            Act::Beats => return Err("stale_generation"),
            Act::Ends => shape.leave(me, now),
        }
        Ok(shape)
    }
}

fn is_pending(standing: &str) -> bool {
    standing == "invited" || standing == "ringing"
}

impl Shape {
    fn leave(&mut self, me: usize, now: Timestamp) {
        self.standings[me] = match self.standings[me] {
            "joined" => "left",
            pending if is_pending(pending) => "declined",
            _ => return,
        };
        if self.is_lonely() {
            let reason = match (self.since, me) {
                (Some(_), _) => "hung_up",
                (None, 0) => "cancelled",
                (None, _) => "declined",
            };
            self.finish(Over { at: now, reason, by: Some(me) });
        }
    }

    /// Nobody is left to talk to.
    fn is_lonely(&self) -> bool {
        let joined = self.standings.iter().filter(|standing| **standing == "joined").count();
        let pending = self.standings.iter().filter(|standing| is_pending(standing)).count();
        joined == 0 || joined + pending < 2
    }

    fn finish(&mut self, over: Over) {
        for standing in &mut self.standings {
            *standing = match *standing {
                "joined" => "left",
                pending if is_pending(pending) => "missed",
                settled => settled,
            };
        }
        self.over = Some(over);
    }

    fn looks_like(&self, view: &Value, ids: &[String]) -> bool {
        let state = match (&self.over, self.since) {
            (Some(_), Some(_)) => "disconnected",
            (Some(_), None) => "failed",
            (None, Some(_)) => "connected",
            (None, None) if self.rang => "ringing",
            (None, None) => "initiated",
        };
        let over = self.over.as_ref();
        let expected = [
            ("state", json!(state)),
            ("reason", json!(over.map(|over| over.reason))),
            ("start_time", json!(self.since)),
            ("end_time", json!(over.map(|over| over.at))),
            ("ended_by", json!(over.and_then(|over| over.by).map(|by| &ids[by]))),
        ];
        let people = view["participants"].as_array().map(Vec::as_slice).unwrap_or_default();
        let same = |(place, person): (usize, &Value)| {
            person["user_id"] == json!(ids[place])
                && person["standing"] == self.standings[place]
                && person["device_id"] == json!(self.devices[place])
        };
        expected.iter().all(|(name, value)| view[name] == *value)
            && people.len() == self.standings.len()
            && people.iter().enumerate().all(same)
    }
}

/// A socket as the model knows it: how long presence must and may believe in it.
#[derive(Clone, Debug)]
pub struct SocketModel {
    /// Whose it is, by number.
    pub person: usize,
    /// API Gateway's name for it.
    pub connection: String,
    opened_at: Timestamp,
    /// Believed at least until then.
    at_least: Timestamp,
    /// And not longer than until then.
    at_most: Timestamp,
}

impl SocketModel {
    /// It opened, or perhaps its lease was only written.
    pub fn opened(person: usize, connection: &str, at: Timestamp, surely: bool) -> Self {
        let until = at + limit::SOCKET_LEASE;
        let at_least = if surely { until } else { at };
        Self { person, connection: connection.to_owned(), opened_at: at, at_least, at_most: until }
    }

    /// A sign of life, whose answer came or did not.
    pub fn renewed(&mut self, now: Timestamp, surely: bool) {
        let until = (now + limit::SOCKET_LEASE).min(self.opened_at + limit::SOCKET_LIFE);
        self.at_most = self.at_most.max(until);
        if surely {
            self.at_least = self.at_least.max(until);
        }
    }

    /// It said goodbye, or API Gateway may say that it is gone.
    pub fn ended(&mut self, now: Timestamp, surely: bool) {
        self.at_least = self.at_least.min(now);
        if surely {
            self.at_most = self.at_most.min(now);
        }
    }

    /// Whether it must be believed.
    pub fn must_live(&self, now: Timestamp) -> bool {
        now < self.at_least
    }

    /// Whether it may be believed.
    pub fn may_live(&self, now: Timestamp) -> bool {
        now < self.at_most
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_needed_for_a_failure_is_left_out() {
        let long = steps(7, 60);
        assert_eq!(long, steps(7, 60), "a seed is a storm");
        let (one, other) = (long[11], long[48]);
        let fails = |steps: &[Step]| steps.contains(&one) && steps.contains(&other);
        assert_eq!(shorten(long, 150, fails), [one, other]);
    }

    #[test]
    fn a_call_whose_end_was_not_answered_can_be_over_or_not_until_somebody_looks() {
        let at = |seconds| Timestamp::UNIX_EPOCH + SignedDuration::from_secs(seconds);
        let mut call = CallModel::begun(vec![4, 2], "d", at(0));
        assert_eq!(call.know(Act::Tells, 1, "e", at(1), "not_joined"), Ok(()));
        call.maybe(Act::Ends, 1, "e", at(2));
        assert_eq!(call.is_over(at(3)), None);
        let mut declined = call.clone();
        assert_eq!(declined.know(Act::Answers(0), 1, "e", at(3), "call_over"), Ok(()));
        assert_eq!(declined.is_over(at(3)), Some(true));
        assert_eq!(call.know(Act::Answers(0), 1, "e", at(3), "ok"), Ok(()));
        assert_eq!(call.is_over(at(3)), Some(false));
        assert!(call.know(Act::Answers(0), 1, "f", at(4), "ok").is_err(), "one device takes the call");
        assert_eq!(call.know(Act::Answers(0), 1, "f", at(4), "answered_elsewhere"), Ok(()));
        assert_eq!(call.is_over(at(3) + limit::CALL_LONGEST), Some(true));
    }

    #[test]
    fn presence_may_and_must_be_believed_while_a_lease_lasts() {
        let at = |seconds| Timestamp::UNIX_EPOCH + SignedDuration::from_secs(seconds);
        let mut socket = SocketModel::opened(0, "c", at(0), true);
        socket.renewed(at(600), false);
        assert!(socket.must_live(at(629)) && !socket.must_live(at(630)) && socket.may_live(at(1_229)));
        socket.renewed(at(7_100), true);
        assert!(!socket.may_live(at(7_200)), "API Gateway's two hours end it");
        socket.ended(at(700), false);
        assert!(!socket.must_live(at(700)) && socket.may_live(at(700)));
    }
}
