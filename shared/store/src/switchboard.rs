//! Calls, connections and the courier together: what is decided is saved first, then told to whoever is connected.
//!
//! Used by every group that moves a call, so that a candidate sent over HTTP and one sent over the
//! socket go the same way. Nothing depends on a push: what is missed is found by reading.

use std::collections::BTreeSet;
use std::sync::Arc;

use domain::call::{Call, CallEvent, CallRefused, Moved};
use domain::id::{CallId, OfferId, UserId};
use domain::negotiation::Waiting;
use domain::sdp::IceCandidate;
use domain::text::DeviceId;
use jiff::Timestamp;
use socket::view::{CallView, CandidatesView};
use socket::{Code, Courier, Problem, Push, ServerFrame};

use crate::error::StoreError;
use crate::{Calls, Connections, Versioned};

/// How often a lost race is run again.
pub const TRIES: usize = 4;

/// Calls, connections and the courier.
#[derive(Clone, Debug)]
pub struct Switchboard {
    /// The calls.
    pub calls: Calls,
    /// The connections.
    pub connections: Connections,
    /// Posts to connections.
    pub courier: Arc<dyn Courier>,
}

/// A batch of candidates on its way.
#[derive(Clone, Debug)]
pub struct Batch {
    /// Within which call.
    pub call: CallId,
    /// Who gathered them.
    pub from: UserId,
    /// On which device.
    pub device: DeviceId,
    /// For whom; a call of two needs none.
    pub to: Option<UserId>,
    /// The offer they belong to.
    pub offer_id: Option<OfferId>,
    /// The candidates.
    pub candidates: Vec<IceCandidate>,
}

impl Switchboard {
    /// A call that this person takes part in. To anybody else there is no such call.
    pub async fn call_of(&self, user: UserId, id: CallId, fresh: bool) -> Result<Versioned<Call>, Problem> {
        let call = self.calls.find(id, fresh).await?.ok_or(CallRefused::Stranger)?;
        call.value.participant(user)?;
        Ok(call)
    }

    /// Decides on the newest state of a call, saves, and tells everybody. A lost race is decided again.
    pub async fn change<F>(&self, user: UserId, id: CallId, now: Timestamp, decide: F) -> Result<Call, Problem>
    where
        F: Fn(Call) -> Moved,
    {
        for attempt in 0..TRIES {
            let read = self.call_of(user, id, attempt > 0).await?;
            let (call, facts) = match decide(read.value.clone()) {
                // The first read may be a moment old, and a refusal must not be.
                Err(_) if attempt == 0 => continue,
                decided => decided?,
            };
            if call == read.value {
                // Nor must "there is nothing to do".
                if attempt == 0 {
                    continue;
                }
                return Ok(call);
            }
            match self.calls.save(&call, &facts, read.version).await {
                Err(stale) if stale.is_stale() => {}
                saved => {
                    saved?;
                    self.tell_people(&read.value, &call, &facts, now).await;
                    return Ok(call);
                }
            }
        }
        Err(Problem::new(Code::Conflict))
    }

    /// A sign of life of this person's stay in a call.
    pub async fn renew(&self, user: UserId, id: CallId, generation: u32, now: Timestamp) -> Result<Call, Problem> {
        self.change(user, id, now, |call| call.renew(user, generation, now)).await
    }

    /// Shows a call to everybody who is in it or was in it before this happened, on all their devices.
    pub async fn tell_people(&self, before: &Call, call: &Call, facts: &[CallEvent], now: Timestamp) {
        if facts.is_empty() {
            return;
        }
        let people: BTreeSet<UserId> = before.present().chain(call.present()).collect();
        let people: Vec<UserId> = people.into_iter().collect();
        self.tell(&people, Push::call(CallView::of(call, now), facts), now).await;
    }

    /// Posts something to every live connection of these people. How many took it.
    pub async fn tell(&self, people: &[UserId], push: Push, now: Timestamp) -> usize {
        self.connections.tell(&*self.courier, people, &ServerFrame::push(push, now), now).await
    }

    /// Does to a call what the clock did, for whoever reads it. After a lost race it is read again: somebody else may
    /// have ended it, or answered in the last moment.
    pub async fn settle(&self, mut read: Versioned<Call>, now: Timestamp) -> Result<Call, StoreError> {
        for _ in 0..TRIES {
            let (call, facts) = read.value.clone().settle(now);
            if facts.is_empty() {
                return Ok(call);
            }
            match self.calls.save(&call, &facts, read.version).await {
                Err(stale) if stale.is_stale() => match self.calls.find(call.id, true).await? {
                    Some(newest) => read = newest,
                    None => return Ok(call),
                },
                saved => {
                    saved?;
                    self.tell_people(&read.value, &call, &facts, now).await;
                    return Ok(call);
                }
            }
        }
        Err(StoreError::Stale(vec![0]))
    }

    /// Hands candidates to the peer's devices; keeps them when no device took them. Whether one did.
    pub async fn relay(&self, batch: Batch, now: Timestamp) -> Result<bool, Problem> {
        let mut call = self.call_of(batch.from, batch.call, false).await?.value;
        let mut to = call.may_signal(batch.from, &batch.device, batch.to, now);
        if to.is_err() {
            call = self.call_of(batch.from, batch.call, true).await?.value;
            to = call.may_signal(batch.from, &batch.device, batch.to, now);
        }
        let to = to?;
        let Batch { from, device, offer_id, mut candidates, .. } = batch;
        if call.relay_only {
            candidates = candidates.into_iter().filter_map(IceCandidate::relay_only).collect();
        }
        if candidates.is_empty() {
            return Ok(true); // none of them may be handed on, so none waits
        }
        let view = CandidatesView {
            call_id: call.id,
            from,
            to,
            device_id: Some(device),
            offer_id,
            candidates: candidates.clone(),
        };
        if self.tell(&[to], Push::CallCandidates(view), now).await > 0 {
            return Ok(true);
        }
        for _ in 0..TRIES {
            let (kept, newest) = self.calls.waiting(call.id, to, from).await?;
            let read = kept.as_ref().map_or(0, |kept| kept.version);
            let batch = Waiting { from, to, offer_id, candidates: candidates.clone() };
            if newest.is_some_and(|newest| batch.is_stale(&newest)) {
                return Ok(false);
            }
            let waiting = Waiting::with(kept.map(|kept| kept.value), batch)?;
            match self.calls.keep_waiting(&call, &waiting, read).await {
                Err(stale) if stale.is_stale() => {}
                saved => {
                    saved?;
                    return Ok(false);
                }
            }
        }
        Err(Problem::new(Code::Conflict))
    }
}
