//! Steps of calls: begin, signal, look.

use http::Method;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use std::sync::Arc;
use testkit::storm::{Act, CallModel, What};
use testkit::{World, sdp};

use super::{Checked, Crowd, Luck, Planted, answered, ensure, possible, said};

impl Crowd {
    /// Calls some of the others, and repeats it until there is an answer.
    /// Its place; none if the two have a call already.
    pub(super) async fn call(
        &mut self,
        device: usize,
        whom: usize,
        most: usize,
        luck: &mut Luck,
    ) -> Result<Option<usize>, String> {
        self.ready(device).await?;
        let me = self.devices[device].owner;
        let others: Vec<usize> = (0..self.people.len()).filter(|person| *person != me).collect();
        let called: Vec<usize> = (0..most.min(others.len())).map(|n| others[(whom + n) % others.len()]).collect();
        let ids: Vec<String> = called.iter().map(|person| self.people[*person].to_string()).collect();
        let mut key = self.fresh_key();
        let mut tries = 0;
        let reply = loop {
            let caller = &self.devices[device].person;
            let send = async |world: &Arc<World>| {
                let (key, body) = ([("idempotency-key", key.as_str())], json!({ "participants": ids }));
                caller.at(world).send(Method::POST, "/api/webrtc/call/initiate", &key, Some(body)).await
            };
            tries += 1;
            let reply = if tries < 6 { self.attempt(luck, send).await } else { Some(Box::pin(send(&self.home)).await) };
            match reply {
                Some(reply) if reply.status == 429 => {
                    self.saw("a call that waited for its rate");
                    let wait = reply.body["retry_after"].as_i64().unwrap_or(1);
                    self.home.clock.advance(SignedDuration::from_secs(wait));
                    self.ready(device).await?;
                    continue;
                }
                Some(reply) => break reply,
                None => self.saw("a call begun without an answer"),
            }
            self.home.clock.advance(SignedDuration::from_secs(i64::from(luck.percent(50))));
            if self.planted == Planted::CallsAgainWithoutAKey {
                key = self.fresh_key();
            }
        };
        let now = self.now();
        let known = self.calls.iter().rev().find(|(_, model)| model.is_of_two(me, &called));
        if reply.summary() == "409 superseded" {
            let of_them = known.filter(|(id, _)| *id == reply.text("/superseded_by"));
            let live = of_them.is_some_and(|(_, model)| model.is_over(now) != Some(true));
            ensure(live, || format!("superseded by what is over: {}", reply.body))?;
            self.saw("two who have a call already");
            return Ok(None);
        }
        ensure(reply.status == 201, || format!("a call is refused: {}", reply.summary()))?;
        if let Some((id, model)) = known {
            ensure(model.is_over(now) != Some(false), || format!("two have {id}, and one more: {}", reply.body))?;
        }
        let call = reply.text("/call_id");
        let at: Timestamp = reply.text("/created_at").parse().expect("a time");
        let people = [vec![me], called.clone()].concat();
        let place = self.calls.len();
        self.calls.push((call.clone(), CallModel::begun(people, &self.devices[device].session, at)));
        for person in &called {
            self.inbox[*person].push(call.clone());
        }
        self.view(place, &reply.body)?;
        Ok(Some(place))
    }

    pub(super) fn ids(&self, call: usize) -> Vec<String> {
        self.calls[call].1.people.iter().map(|person| self.people[*person].to_string()).collect()
    }

    /// Somebody was shown this call.
    pub(super) fn view(&mut self, call: usize, view: &Value) -> Checked {
        let (ids, now) = (self.ids(call), self.now());
        let (id, model) = &mut self.calls[call];
        possible(model.shown(view, &ids, now), id)
    }

    /// One of the newest calls that this device's owner is in, and their place in it.
    pub(super) fn some_call(&self, device: usize, which: usize, what: What) -> Option<(usize, usize)> {
        let owner = self.devices[device].owner;
        let theirs = self.calls.iter().enumerate().rev();
        let theirs = theirs.filter_map(|(n, (_, model))| Some((n, model.place(owner)?)));
        // Whoever was called answers, mostly.
        let called = |place: usize| what != What::Answer || place > 0 || which.is_multiple_of(7);
        let theirs: Vec<_> = theirs.filter(|(_, place)| called(*place)).take(3).collect();
        (!theirs.is_empty()).then(|| theirs[which % theirs.len()])
    }

    /// Acts in a call; when no answer comes, perhaps once more.
    pub(super) async fn signal(&mut self, device: usize, call: usize, act: Act, luck: &mut Luck) -> Checked {
        self.ready(device).await?;
        let owner = self.devices[device].owner;
        let place = self.calls[call].1.place(owner).expect("in the call");
        let (id, ids) = (self.calls[call].0.clone(), self.ids(call));
        let over_socket = match act {
            Act::Rings | Act::Tells => true,
            Act::Sends(_) => luck.percent(50),
            _ => false,
        };
        if over_socket && self.devices[device].socket.is_none() {
            return Ok(());
        }
        let candidate = json!([{ "candidate": format!("candidate:{}", luck.below(40)) }]);
        for _ in 0..2 {
            let session = self.devices[device].session.clone();
            let person = self.devices[device].person.clone();
            let post = async |world: &Arc<World>, what: &str, body: Value| {
                said(&person.at(world).in_call(&id, what, body).await)
            };
            let answer = if over_socket {
                let (action, data) = match act {
                    Act::Rings => ("call.ringing", json!({ "call_id": id })),
                    Act::Sends(to) => {
                        ("call.candidates", json!({ "call_id": id, "candidates": candidate, "to": ids[to] }))
                    }
                    _ => ("call.media", json!({ "call_id": id, "audio": true, "video": false, "screen": false })),
                };
                self.say(device, luck, action, &data).await.map(|frame| answered(&frame))
            } else {
                let send = async |world: &Arc<World>| match act {
                    Act::Answers(to) => post(world, "answer", json!({ "sdp": sdp(&session), "to": ids[to] })).await,
                    Act::Offers(to) => post(world, "offer", json!({ "sdp": sdp(&session), "to": ids[to] })).await,
                    Act::Sends(to) => {
                        post(world, "ice-candidate", json!({ "candidates": candidate, "to": ids[to] })).await
                    }
                    Act::Beats => post(world, "heartbeat", json!({ "generation": 1 })).await,
                    _ => post(world, "end", json!({})).await,
                };
                self.attempt(luck, send).await
            };
            let now = self.now();
            let (id, model) = &mut self.calls[call];
            match answer.as_deref() {
                Some("connection_unknown") => {
                    self.devices[device].socket = None;
                    return Ok(());
                }
                Some(said) if said != "busy" => return possible(model.know(act, place, &session, now, said), id),
                _ => model.maybe(act, place, &session, now),
            }
            self.saw("a signal without an answer");
            if luck.percent(40) {
                break;
            }
        }
        Ok(())
    }

    /// Looks at a call. To a callee's device that is an invitation.
    pub(super) async fn look(&mut self, device: usize, call: usize, luck: &mut Luck) -> Checked {
        self.ready(device).await?;
        let id = self.calls[call].0.clone();
        let person = &self.devices[device].person;
        let path = format!("/api/webrtc/call/{id}");
        let reply = self.attempt(luck, async |world| person.at(world).get(&path).await).await;
        let (owner, now) = (self.devices[device].owner, self.now());
        let model = &mut self.calls[call].1;
        let place = model.place(owner).expect("in the call");
        // Looking never fails for being too late, so the model need not know.
        model.maybe(Act::Rings, place, "", now);
        match reply {
            Some(reply) if reply.status == 200 => {
                let rings = reply.body["participants"][place]["standing"] == "invited";
                ensure(!rings || !reply.body["reason"].is_null(), || {
                    format!("looked at and not ringing: {}", reply.body)
                })?;
                self.view(call, &reply.body)
            }
            Some(reply) => Err(format!("a call of one's own: {}", reply.summary())),
            None => Ok(()),
        }
    }

    /// Looks at the calls that are not over: those and no others are there.
    pub(super) async fn active(&mut self, device: usize, luck: &mut Luck) -> Checked {
        self.ready(device).await?;
        let person = &self.devices[device].person;
        let reply = self.attempt(luck, async |world| person.at(world).get("/api/webrtc/calls/active").await).await;
        let Some(reply) = reply else { return Ok(()) };
        ensure(reply.status == 200, || format!("active calls: {}", reply.summary()))?;
        let owner = self.devices[device].owner;
        let items = reply.body["items"].as_array().expect("items").clone();
        for call in 0..self.calls.len() {
            let now = self.now();
            let (id, model) = &mut self.calls[call];
            let shown = items.iter().find(|item| item["call_id"] == json!(id));
            if let Some(place) = model.place(owner) {
                possible(model.listed(shown.is_some(), place, now), id)?;
            }
            if let Some(shown) = shown {
                self.view(call, shown)?;
            }
        }
        let known = items.iter().all(|item| {
            let found = self.calls.iter().find(|(id, _)| item["call_id"] == json!(id));
            found.is_some_and(|(_, model)| model.place(owner).is_some())
        });
        ensure(known, || format!("an active call that nobody knows of: {}", reply.body))
    }
}
