//! Steps of sockets: open, listen, resume, fall silent.

use domain::lease::ConnectionId;
use domain::limit;
use realtime::Occasion;
use serde_json::{Value, json};
use std::sync::Arc;
use testkit::storm::SocketModel;
use testkit::{Socket, World};

use super::{Checked, Crowd, Luck, Planted, answered, ensure};

impl Crowd {
    /// Opens a socket, with as many tickets as it takes, and resumes.
    pub(super) async fn open(&mut self, device: usize, luck: &mut Luck) -> Checked {
        for _ in 0..4 {
            self.ready(device).await?;
            let asked = &self.devices[device];
            let ask = async |world: &Arc<World>| asked.person.at(world).post("/auth/ws-ticket", json!({})).await;
            let Some(reply) = self.attempt(luck, ask).await else { continue };
            ensure(reply.status == 200, || format!("device {device} gets no ticket: {}", reply.summary()))?;
            let ticket = reply.text("/ticket");
            let connection = ConnectionId(format!("c{}", api::secret::base64url(self.home.entropy().bytes::<8>())));
            let dial = async |world: &Arc<World>| {
                let (connection, ticket) = (connection.clone(), Some(ticket.clone()));
                realtime::handle(&world.realtime, Occasion::Opened { connection, ticket, origin: None }).await.status
            };
            let opened = self.attempt(luck, dial).await;
            let (owner, now) = (self.devices[device].owner, self.now());
            let surely = opened == Some(200);
            self.sockets.push(SocketModel::opened(owner, &connection.0, now, surely));
            if surely {
                self.devices[device].socket = Some(connection);
                return self.resume(device, luck).await;
            }
            ensure(opened.is_none() || opened == Some(503), || format!("a fresh ticket is refused: {opened:?}"))?;
            self.home.mailbox.cut(&connection);
            self.saw("a socket that only half opened");
        }
        Ok(())
    }

    /// Says something on the device's socket. `None`: it has none, or no answer came.
    pub(super) async fn say(&mut self, device: usize, luck: &mut Luck, action: &str, data: &Value) -> Option<Value> {
        let connection = self.devices[device].socket.clone()?;
        let say = async |world: &Arc<World>| Socket::named(world, &connection.0).say(action, data.clone()).await;
        self.attempt(luck, say).await
    }

    /// Asks what was missed, believes the answer, and compares it with the model.
    pub(super) async fn resume(&mut self, device: usize, luck: &mut Luck) -> Checked {
        let Some(connection) = self.devices[device].socket.clone() else { return Ok(()) };
        let cursor = self.devices[device].cursor.clone();
        let cursors = match &cursor {
            Some((epoch, seq)) => json!({ "inbox": { "epoch": epoch, "seq": seq } }),
            None => json!({}),
        };
        let reply = self.say(device, luck, "resume", &json!({ "cursors": cursors })).await;
        if !self.alive(device, &connection, reply.as_ref())? {
            return Ok(());
        }
        let data = reply.expect("it is alive")["data"].clone();
        let invitations = self.inbox[self.devices[device].owner].clone();
        let head = u64::try_from(invitations.len()).expect("a few");
        ensure(data["heads"]["inbox"]["seq"] == head, || format!("{head} invitations, and the head is {data}"))?;
        let epoch = data["heads"]["inbox"]["epoch"].as_str().expect("an epoch").to_owned();
        let (from, word) = match &cursor {
            None => (head, "lost"),
            Some((_, seq)) if head - seq > limit::INBOX_MEMORY as u64 => (head - limit::INBOX_MEMORY as u64, "partial"),
            Some((_, seq)) => (*seq, "full"),
        };
        let told = &data["channels"]["inbox"];
        let number = |place: u64| usize::try_from(place).expect("a few");
        let expected: Vec<(u64, &str)> =
            (from + 1..=head).map(|seq| (seq, invitations[number(seq - 1)].as_str())).collect();
        let items = told["items"].as_array().map(Vec::as_slice).unwrap_or_default();
        let found: Vec<(u64, &str)> =
            items.iter().map(|i| (i["seq"].as_u64().unwrap_or(0), i["call_id"].as_str().unwrap_or("?"))).collect();
        ensure(told["result"] == word && found == expected, || {
            format!("device {device} with {cursor:?} should get {word} {expected:?}, and gets {told}")
        })?;
        let kept = &mut self.devices[device];
        kept.missing.extend(cursor.map_or(0, |(_, seq)| seq) + 1..=from);
        if self.planted != Planted::IgnoresWhatItMissed {
            kept.heard.extend(found.into_iter().map(|(seq, call)| (seq, call.to_owned())));
        }
        kept.cursor = Some((epoch, head));
        self.saw(match word {
            "full" if !items.is_empty() => "a resume that brought something",
            "full" => "a resume that brought nothing",
            "partial" => "a resume that brought a part",
            _ => "a resume without a cursor",
        });
        if word != "full" {
            self.active(device, luck).await?;
        }
        Ok(())
    }

    /// What an answer to a ping or a resume says about the lease.
    pub(super) fn alive(
        &mut self,
        device: usize,
        connection: &ConnectionId,
        reply: Option<&Value>,
    ) -> Result<bool, String> {
        let now = self.now();
        let Some(reply) = reply else {
            self.socket_model(connection).renewed(now, false);
            return Ok(false);
        };
        let model = self.socket_model(connection);
        match answered(reply).as_str() {
            "ok" => {
                ensure(model.may_live(now), || format!("a lease that ended was renewed: {model:?} at {now}"))?;
                model.renewed(now, true);
                Ok(true)
            }
            "connection_unknown" => {
                ensure(!model.must_live(now), || format!("a live connection is unknown: {model:?} at {now}"))?;
                model.ended(now, false);
                self.saw("a lease that had ended");
                self.home.mailbox.cut(connection);
                self.devices[device].socket = None;
                Ok(false)
            }
            other => Err(format!("a sign of life was answered {other}")),
        }
    }

    pub(super) async fn ping(&mut self, device: usize, luck: &mut Luck) -> Checked {
        let Some(connection) = self.devices[device].socket.clone() else { return Ok(()) };
        let reply = self.say(device, luck, "ping", &json!({})).await;
        if !self.alive(device, &connection, reply.as_ref())? {
            return Ok(());
        }
        let head = reply.expect("it is alive")["data"]["heads"]["inbox"]["seq"].as_u64();
        let behind = self.devices[device].cursor.as_ref().is_none_or(|(_, seq)| Some(*seq) != head);
        if behind { self.resume(device, luck).await } else { Ok(()) }
    }

    /// Says goodbye, if it can.
    pub(super) async fn close(&mut self, connection: &ConnectionId, luck: &mut Luck) {
        self.home.mailbox.cut(connection);
        let goodbye = async |world: &Arc<World>| {
            realtime::handle(&world.realtime, Occasion::Closed { connection: connection.clone() }).await
        };
        let heard = self.attempt(luck, goodbye).await.is_some();
        let now = self.now();
        self.socket_model(connection).ended(now, heard);
    }

    pub(super) async fn presence(&mut self, device: usize, luck: &mut Luck) -> Checked {
        let people: Vec<String> = self.people.iter().map(ToString::to_string).collect();
        let Some(reply) = self.say(device, luck, "presence.get", &json!({ "people": people })).await else {
            return Ok(());
        };
        if answered(&reply) == "ok" { self.check_presence(&reply) } else { Ok(()) }
    }

    pub(super) fn check_presence(&self, reply: &Value) -> Checked {
        let now = self.now();
        for person in 0..self.people.len() {
            let online = reply["data"]["people"][person]["online"] == true;
            let mut theirs = self.sockets.iter().filter(|socket| socket.person == person);
            let must = theirs.clone().any(|socket| socket.must_live(now));
            let may = theirs.any(|socket| socket.may_live(now));
            ensure(if online { may } else { !must }, || {
                format!("person {person} is shown {}", if online { "online without a lease" } else { "offline" })
            })?;
        }
        Ok(())
    }

    /// What the device was pushed: believed by the rules of the client, and nothing of it is anybody else's.
    pub(super) async fn listen(&mut self, device: usize, connection: &ConnectionId, luck: &mut Luck) -> Checked {
        let mut behind = false;
        for push in self.home.mailbox.take(connection) {
            let (data, owner) = (&push["data"], self.devices[device].owner);
            let id = data["call_id"].as_str().or(data["call"]["call_id"].as_str()).unwrap_or("?");
            let known = self.calls.iter().find(|(call, _)| call == id);
            let mine = known.is_some_and(|(_, model)| model.place(owner).is_some());
            let to = data["to"].as_str().is_none_or(|to| to == self.people[owner].to_string());
            ensure(mine && to, || format!("device {device} of {owner} was pushed what is not its own: {push}"))?;
            let (Some(seq), kept) = (push["seq"].as_u64(), &mut self.devices[device]) else { continue };
            match &mut kept.cursor {
                Some((_, cursor)) if seq == *cursor + 1 => {
                    *cursor = seq;
                    kept.heard.insert(seq, id.to_owned());
                }
                Some((_, cursor)) if seq > *cursor => behind = true,
                Some(_) => {
                    let before = kept.heard.get(&seq);
                    ensure(before.is_none_or(|call| call == id), || format!("number {seq} is {before:?} and {id}"))?;
                }
                None => {}
            }
        }
        if behind {
            self.saw("a gap in what was pushed");
            self.resume(device, luck).await
        } else {
            Ok(())
        }
    }

    pub(super) async fn listen_all(&mut self, luck: &mut Luck) -> Checked {
        for device in 0..self.devices.len() {
            if let Some(connection) = self.devices[device].socket.clone() {
                self.listen(device, &connection, luck).await?;
            }
        }
        Ok(())
    }
}
