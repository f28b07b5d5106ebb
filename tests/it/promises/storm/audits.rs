//! What must be whole once the weather is fine again.

use domain::id::UserId;
use jiff::SignedDuration;
use serde_json::{Value, json};
use store::{Calls, Connections};
use testkit::sdp;

use super::{Checked, Crowd, Luck, ensure};

impl Crowd {
    /// The storm is over: everybody comes back and reads, and what they read is true.
    pub(super) async fn calm(&mut self, luck: &mut Luck) -> Checked {
        self.home.mailbox.foretell([]);
        while self.home.mailbox.held() > 0 {
            self.home.mailbox.deliver(luck.below(self.home.mailbox.held()));
        }
        self.notice_cuts();
        let mut fair = Luck::fair();
        self.listen_all(&mut fair).await?;
        for device in 0..self.devices.len() {
            self.ready(device).await?;
            let reply = self.use_refresh_token(device, &self.home).await;
            self.keep_tokens(device, &reply)?;
            if self.devices[device].socket.is_some() {
                self.resume(device, &mut fair).await?;
            }
            if self.devices[device].socket.is_none() {
                self.open(device, &mut fair).await?;
            }
            self.found_every_invitation(device)?;
        }
        self.presence_follows_the_leases(luck).await?;
        let shown = self.calls_are_possible().await?;
        self.histories_are_whole(&shown).await?;
        self.strangers_see_nothing().await?;
        self.nothing_is_left_over().await
    }

    pub(super) fn found_every_invitation(&self, device: usize) -> Checked {
        let device = &self.devices[device];
        for (seq, call) in (1..).zip(&self.inbox[device.owner]) {
            let found = device.heard.get(&seq);
            let honest = found.is_none() && device.missing.contains(&seq);
            ensure(found == Some(call) || honest, || {
                format!("invitation {seq} of person {} was not found: {found:?} instead of {call}", device.owner)
            })?;
        }
        Ok(())
    }

    /// One person falls silent, and is offline when the last lease ends; the others are not.
    pub(super) async fn presence_follows_the_leases(&mut self, luck: &mut Luck) -> Checked {
        let mut fair = Luck::fair();
        let silent = luck.below(self.people.len());
        let others: Vec<usize> = (0..self.people.len()).filter(|person| *person != silent).collect();
        let place = |person: &usize| self.devices.iter().position(|device| device.owner == *person);
        let awake: Vec<usize> = others.iter().filter_map(place).collect();
        for _ in 0..2 {
            self.home.clock.advance(SignedDuration::from_secs(320));
            for device in awake.clone() {
                self.ping(device, &mut fair).await?;
                if self.devices[device].socket.is_none() {
                    self.open(device, &mut fair).await?;
                }
            }
        }
        let people: Vec<String> = self.people.iter().map(ToString::to_string).collect();
        let reply = self.say(awake[0], &mut fair, "presence.get", &json!({ "people": people })).await;
        let reply = reply.expect("a fair day");
        self.check_presence(&reply)?;
        for person in 0..people.len() {
            let online = reply["data"]["people"][person]["online"] == true;
            ensure(online == (person != silent), || {
                format!("person {person} is shown online: {online}; silent: {silent}")
            })?;
        }
        Ok(())
    }

    /// Every call is what it can be. By now every ring has run out.
    pub(super) async fn calls_are_possible(&mut self) -> Result<Vec<Value>, String> {
        let mut shown = Vec::new();
        for call in 0..self.calls.len() {
            let device = self.first_device(self.calls[call].1.people[0]).await?;
            let path = format!("/api/webrtc/call/{}", self.calls[call].0);
            let mut view = self.devices[device].person.get(&path).await.expect(200).body;
            view.as_object_mut().expect("a call").remove("signals");
            self.view(call, &view)?;
            let waits = ["initiated", "ringing"].contains(&view["state"].as_str().unwrap_or_default());
            ensure(!waits, || format!("it still rings: {view}"))?;
            self.saw(match view["reason"].as_str() {
                Some("hung_up") => "a call that was hung up",
                Some("declined") => "a call that was declined",
                Some("cancelled") => "a call that was cancelled",
                Some("no_answer") => "a call without an answer",
                Some("unreachable") => "a call that reached nobody",
                Some("lost") => "a call whose people were lost",
                Some("time_limit") => "a call that lasted too long",
                _ => "a call that goes on",
            });
            shown.push(view);
        }
        Ok(shown)
    }

    pub(super) async fn first_device(&mut self, person: usize) -> Result<usize, String> {
        let device = self.devices.iter().position(|device| device.owner == person).expect("one at least");
        self.ready(device).await?;
        Ok(device)
    }

    /// To everybody each of their calls is one thing: their history has it once, as it is shown, and nothing else.
    pub(super) async fn histories_are_whole(&mut self, shown: &[Value]) -> Checked {
        for person in 0..self.people.len() {
            let device = self.first_device(person).await?;
            let page = self.devices[device].person.get("/api/webrtc/calls/history?limit=100").await.expect(200).body;
            let items = page["items"].as_array().expect("items");
            let theirs: Vec<usize> =
                (0..self.calls.len()).filter(|call| self.calls[*call].1.place(person).is_some()).collect();
            ensure(items.len() == theirs.len(), || {
                format!("person {person} was in {} calls, and the history has {}", theirs.len(), items.len())
            })?;
            for call in theirs {
                let rows = items.iter().filter(|row| **row == shown[call]).count();
                ensure(rows == 1, || format!("the history of {person} has {rows} times {}", shown[call]))?;
            }
            if let Some(call) = (0..self.calls.len()).rfind(|call| self.calls[*call].1.place(person).is_some()) {
                let path = format!("/api/webrtc/call/{}", self.calls[call].0);
                let view = self.devices[device].person.get(&path).await.expect(200).body;
                self.view(call, &view)?;
            }
            self.active(device, &mut Luck::fair()).await?;
        }
        Ok(())
    }

    /// To everybody else there is no such call.
    pub(super) async fn strangers_see_nothing(&mut self) -> Checked {
        for call in 0..self.calls.len().min(4) {
            let strangers = (0..self.people.len()).filter(|person| self.calls[call].1.place(*person).is_none());
            for person in strangers.collect::<Vec<_>>() {
                let device = self.first_device(person).await?;
                let (id, person) = (&self.calls[call].0, &self.devices[device].person);
                let summary = match call % 3 {
                    0 => person.get(&format!("/api/webrtc/call/{id}")).await.summary(),
                    1 => person.in_call(id, "end", json!({})).await.summary(),
                    _ => person.in_call(id, "offer", json!({ "sdp": sdp("x") })).await.summary(),
                };
                ensure(summary == "404 call_unknown", || format!("a stranger in {id}: {summary}"))?;
            }
        }
        Ok(())
    }

    /// No lease and no waiting candidates without somebody whose they are.
    pub(super) async fn nothing_is_left_over(&self) -> Checked {
        let (connections, calls) = (Connections::new(self.home.db.clone()), Calls::new(self.home.db.clone()));
        let now = self.now();
        for (person, user) in self.people.iter().enumerate() {
            let room = connections.room(*user, true, now).await.expect("answers");
            for lease in room.leases {
                let known = self.sockets.iter().find(|socket| socket.connection == lease.connection.0);
                let theirs = known.is_some_and(|socket| socket.person == person && socket.may_live(now));
                ensure(theirs && lease.user == *user, || format!("a lease of nobody's: {lease:?}"))?;
            }
            let head = room.card.expect("a card").value.inbox.head;
            ensure(head == self.inbox[person].len() as u64, || format!("person {person} has {head} invitations"))?;
        }
        for (call, model) in &self.calls {
            let known =
                calls.signalled(call.parse().expect("an id"), None, true).await.expect("answers").expect("a call");
            let people: Vec<UserId> = model.people.iter().map(|person| self.people[*person]).collect();
            for user in &people {
                let stray = known.waiting_for(*user).any(|waiting| !people.contains(&waiting.value.from));
                ensure(!stray, || format!("candidates from nobody wait in {call}"))?;
            }
            let waiting: usize = self.people.iter().map(|user| known.waiting_for(*user).count()).sum();
            let theirs: usize = people.iter().map(|user| known.waiting_for(*user).count()).sum();
            ensure(waiting == theirs, || format!("candidates for nobody wait in {call}"))?;
        }
        Ok(())
    }
}
