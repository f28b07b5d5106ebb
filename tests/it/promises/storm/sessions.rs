//! Steps that sign in, refresh and steal.

use domain::lease::ConnectionId;
use domain::limit;
use http::Method;
use jiff::SignedDuration;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use testkit::person::code;
use testkit::storm::SocketModel;
use testkit::world::request;
use testkit::{Fault, Person, Reply, World};

use super::{Checked, Crowd, Device, Luck, Planted, ensure, said};

impl Crowd {
    /// Signs in, on a new device or on one whose session is over.
    pub(super) async fn sign_in(&mut self, owner: usize, again: Option<usize>) {
        let code = code(&self.home, self.people[owner]).await;
        let reply = self.home.anonymous(Method::POST, "/auth/token", Some(json!({ "code": code }))).await.expect(200);
        let (person, session, key) = (Person::of(&self.home, &reply), reply.text("/session_id"), self.fresh_key());
        let until = self.now() + limit::ACCESS_TOKEN;
        match again {
            Some(device) => {
                let device = &mut self.devices[device];
                (device.person, device.session, device.key, device.until) = (person, session, key, until);
                (device.lapsed, device.socket) = (false, None);
            }
            None => self.devices.push(Device {
                owner,
                person,
                session,
                key,
                until,
                lapsed: false,
                socket: None,
                cursor: None,
                heard: BTreeMap::new(),
                missing: BTreeSet::new(),
            }),
        }
    }

    /// Sends a request in whatever weather. `None`: no answer came, and nobody knows whether it happened.
    pub(super) async fn attempt<T>(&self, luck: &mut Luck, send: impl AsyncFn(&Arc<World>) -> T) -> Option<T> {
        match luck.below(100) {
            _ if luck.fair => Some(Box::pin(send(&self.home)).await),
            0..72 => Some(Box::pin(send(&self.home)).await),
            72..82 => {
                let _lost = Box::pin(send(&self.home)).await;
                None
            }
            82..92 => {
                let death = if luck.percent(50) { Fault::DiesBefore } else { Fault::DiesAfter };
                self.shaky.strike(Some((luck.below(6), death)));
                let answer = self.shaky.faults.invoke(Box::pin(send(&self.shaky.world))).await;
                self.shaky.strike(None);
                answer
            }
            _ => {
                let heals =
                    [Fault::RequestLost, Fault::ReplyLost, Fault::Conflict, Fault::Refused("ThrottlingException")];
                self.shaky.strike(Some((luck.below(6), heals[luck.below(heals.len())])));
                let answer = Box::pin(send(&self.shaky.world)).await;
                self.shaky.strike(None);
                Some(answer)
            }
        }
    }

    /// The device has an access token that works, refreshed or after a new sign-in.
    pub(super) async fn ready(&mut self, device: usize) -> Checked {
        if self.devices[device].lapsed {
            let reply = self.use_refresh_token(device, &self.home).await;
            ensure(said(&reply) == "session_expired", || format!("a session idle for 61 days: {}", said(&reply)))?;
            self.sign_in(self.devices[device].owner, Some(device)).await;
            self.saw("a session too old");
        }
        if self.now() + SignedDuration::from_secs(5) < self.devices[device].until {
            return Ok(());
        }
        let reply = self.use_refresh_token(device, &self.home).await;
        self.keep_tokens(device, &reply)
    }

    pub(super) async fn use_refresh_token(&self, device: usize, world: &Arc<World>) -> Reply {
        let device = &self.devices[device];
        let key = [("idempotency-key", device.key.as_str())];
        let key: &[_] = if self.planted == Planted::RefreshesWithoutAKey { &[] } else { &key };
        let body = json!({ "refresh_token": device.person.refresh_token });
        world.send(request(Method::POST, "/auth/refresh", key, Some(body))).await
    }

    pub(super) fn keep_tokens(&mut self, device: usize, reply: &Reply) -> Checked {
        ensure(reply.status == 200, || format!("device {device} was logged out for nothing: {}", reply.summary()))?;
        let (key, until) = (self.fresh_key(), self.now() + limit::ACCESS_TOKEN);
        let kept = &mut self.devices[device];
        (kept.person, kept.key, kept.until) = (Person::of(&self.home, reply), key, until);
        Ok(())
    }

    pub(super) async fn refresh(&mut self, device: usize, luck: &mut Luck) -> Checked {
        if self.devices[device].lapsed {
            return self.ready(device).await;
        }
        let crowd = &*self;
        let reply = crowd.attempt(luck, async |world| crowd.use_refresh_token(device, world).await).await;
        if let Some(reply) = reply {
            return self.keep_tokens(device, &reply);
        }
        // The old token and its key are kept, for the repeat.
        self.saw("a refresh without an answer");
        Ok(())
    }

    /// A thief uses a copy of a token, before or after its owner; the second use ends the session for both.
    pub(super) async fn steal(&mut self, device: usize, luck: &mut Luck) -> Checked {
        self.ready(device).await?;
        let reply = self.use_refresh_token(device, &self.home).await;
        self.keep_tokens(device, &reply)?;
        let stolen = json!({ "refresh_token": self.devices[device].person.refresh_token });
        let home = Arc::clone(&self.home);
        let thief = async |body: Value| home.send(request(Method::POST, "/auth/refresh", &[], Some(body))).await;
        if luck.percent(50) {
            let first = thief(stolen).await;
            ensure(first.status == 200, || format!("a stolen newest token works once: {}", first.summary()))?;
            self.home.clock.advance(SignedDuration::from_secs(11));
            let owner = self.use_refresh_token(device, &self.home).await;
            ensure(said(&owner) == "refresh_reused", || format!("after a thief: {}", owner.summary()))?;
            let thief = thief(json!({ "refresh_token": first.text("/refresh_token") })).await;
            ensure(said(&thief) == "refresh_reused", || format!("the thief goes on: {}", thief.summary()))?;
        } else {
            let owner = self.use_refresh_token(device, &self.home).await;
            ensure(owner.status == 200, || format!("before a thief: {}", owner.summary()))?;
            self.home.clock.advance(SignedDuration::from_secs(11));
            let thief = thief(stolen).await;
            ensure(said(&thief) == "refresh_reused", || format!("a thief: {}", thief.summary()))?;
            self.keep_tokens(device, &owner)?;
            let owner = self.use_refresh_token(device, &self.home).await;
            ensure(said(&owner) == "refresh_reused", || format!("the owner goes on: {}", owner.summary()))?;
        }
        self.sign_in(self.devices[device].owner, Some(device)).await;
        self.saw("a thief");
        Ok(())
    }

    /// Sockets that API Gateway has cut are known to be gone by whoever posts next.
    pub(super) fn notice_cuts(&mut self) {
        let now = self.now();
        for socket in &mut self.sockets {
            if self.home.mailbox.is_gone(&ConnectionId(socket.connection.clone())) {
                socket.ended(now, false);
            }
        }
        for device in &mut self.devices {
            device.socket = device.socket.take().filter(|socket| !self.home.mailbox.is_gone(socket));
        }
    }

    pub(super) fn socket_model(&mut self, connection: &ConnectionId) -> &mut SocketModel {
        let found = self.sockets.iter_mut().find(|socket| socket.connection == connection.0);
        found.expect("every socket is in the model")
    }
}
