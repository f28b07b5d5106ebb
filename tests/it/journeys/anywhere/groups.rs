//! Groups: people who are asked, come, go, come back and are sent away while others talk.

use http::Method;
use serde_json::{Value, json};
use testkit::{World, sdp};

use crate::journeys::steps::{offer, show};

fn standings(call: &Value) -> Vec<&str> {
    let people = call["participants"].as_array().expect("people").iter();
    people.map(|person| person["standing"].as_str().expect("a standing")).collect()
}

#[tokio::test]
async fn somebody_is_asked_into_a_call_comes_and_sees_everybody_in_one_frame() {
    let world = World::anywhere().await;
    let [alice, bob, carol] = world.people(["Alice", "Bob", "Carol"]).await;
    let (at_alice, at_carol) = (alice.connect().await, carol.connect().await);
    let call = alice.call(&[&bob]).await;
    let _ = bob.in_call(&call, "join", json!({})).await.expect(200);
    at_alice.say("call.media", json!({ "call_id": call, "audio": false, "video": true, "screen": false })).await;
    at_alice.pushes().await;

    let asked = bob.in_call(&call, "invite", json!({ "participants": [carol.id.to_string()] })).await.expect(200);
    assert_eq!(standings(&asked.body), ["joined", "joined", "invited"]);
    let invited = at_carol.pushes().await;
    assert_eq!((invited.len(), &invited[0]["event"]), (1, &json!("call.invited")));
    assert_eq!(invited[0]["data"]["call"]["participants"][0]["media"]["audio"], false, "Alice is muted");
    assert_eq!(at_alice.events().await, ["call.changed"]);
    at_carol.say("call.ringing", json!({ "call_id": call })).await;
    at_alice.pushes().await;
    let joined = carol.in_call(&call, "join", json!({ "generation": 0 })).await.expect(200);
    assert_eq!(standings(&joined.body), ["joined"; 3]);
    assert_eq!(joined.body["participants"][2]["generation"], 1);
    let told = at_alice.pushes().await;
    assert_eq!(told[0]["data"]["call"], joined.body, "everybody's roster in one frame");

    // Whoever comes offers to those who are there; of a group one says to whom.
    let nobody = carol.in_call(&call, "offer", json!({ "sdp": sdp("x") })).await;
    assert_eq!(nobody.summary(), "422 addressee_missing");
    let to_alice = json!({ "sdp": sdp("x"), "to": alice.id.to_string(), "epoch": 0 });
    let offered = carol.in_call(&call, "offer", to_alice).await.expect(200);
    assert_eq!((&offered.body["epoch"], &offered.body["generation"]), (&json!(0), &json!(1)));
    assert_eq!(at_alice.events().await, ["call.offer"]);
}

#[tokio::test]
async fn somebody_leaves_comes_back_and_nothing_of_before_counts() {
    let world = World::anywhere().await;
    let [alice, bob, carol] = world.people(["Alice", "Bob", "Carol"]).await;
    let call = alice.call(&[&bob, &carol]).await;
    for person in [&bob, &carol] {
        let _ = person.in_call(&call, "join", json!({})).await.expect(200);
    }
    let to_bob = json!({ "sdp": sdp("first"), "to": bob.id.to_string() });
    let first = alice.in_call(&call, "offer", to_bob).await.expect(200).text("/offer_id");
    let left = bob.in_call(&call, "end", json!({ "generation": 1 })).await.expect(200);
    assert_eq!((standings(&left.body), left.text("/state")), (vec!["joined", "left", "joined"], "connected".into()));
    for late in ["heartbeat", "join"] {
        let reply = bob.in_call(&call, late, json!({ "generation": 1 })).await;
        assert_eq!(
            (reply.summary().as_str(), &reply.body["generation"]),
            ("409 stale_generation", &json!(2)),
            "{late}"
        );
    }
    let back = bob.in_call(&call, "join", json!({ "generation": 2 })).await.expect(200);
    assert_eq!(back.body["participants"][1]["generation"], 3);
    let late = bob.in_call(&call, "end", json!({ "generation": 1 })).await;
    assert_eq!(late.summary(), "409 stale_generation", "the hang-up of the stay that is over");
    let alices = json!({ "sdp": sdp("x"), "to": alice.id.to_string(), "offer_id": first });
    let answer = bob.in_call(&call, "answer", alices).await;
    assert_eq!(answer.summary(), "409 stale_offer", "made for a connection that is gone");
    assert_eq!((&answer.body["epoch"], &answer.body["generation"]), (&json!(1), &json!(1)));
    assert_eq!(show(&bob, &call).await["signals"]["descriptions"], json!([]));
    let again = json!({ "sdp": sdp("again"), "to": bob.id.to_string(), "epoch": 0 });
    assert_eq!(alice.in_call(&call, "offer", again.clone()).await.summary(), "409 stale_offer");
    let again = json!({ "sdp": sdp("again"), "to": bob.id.to_string(), "epoch": 1, "generation": 1 });
    let offered = alice.in_call(&call, "offer", again).await.expect(200);
    assert_eq!((&offered.body["epoch"], &offered.body["generation"]), (&json!(1), &json!(2)));
}

#[tokio::test]
async fn the_host_sends_somebody_away_who_comes_back_only_when_the_host_asks() {
    let world = World::anywhere().await;
    let [alice, bob, carol] = world.people(["Alice", "Bob", "Carol"]).await;
    let at_carol = carol.connect().await;
    let call = alice.call(&[&bob, &carol]).await;
    for person in [&bob, &carol] {
        let _ = person.in_call(&call, "join", json!({})).await.expect(200);
    }
    at_carol.pushes().await;
    let carols = json!({ "user_id": carol.id.to_string() });
    let not_the_host = bob.in_call(&call, "remove", carols.clone()).await;
    assert_eq!(not_the_host.summary(), "403 not_host");
    let removed = alice.in_call(&call, "remove", carols.clone()).await.expect(200);
    assert_eq!(standings(&removed.body), ["joined", "joined", "removed"]);
    assert_eq!(at_carol.pushes().await[0]["data"]["call"]["participants"][2]["standing"], "removed", "Carol is told");
    assert_eq!(carol.in_call(&call, "join", json!({ "generation": 2 })).await.summary(), "409 left_call");
    let asked = json!({ "participants": [carol.id.to_string()] });
    assert_eq!(bob.in_call(&call, "invite", asked.clone()).await.summary(), "403 not_host");
    assert_eq!(at_carol.events().await.len(), 0, "what goes on is none of hers any more");
    let _ = alice.in_call(&call, "invite", asked).await.expect(200);
    assert_eq!(at_carol.events().await, ["call.invited"]);
    let _ = carol.in_call(&call, "join", json!({})).await.expect(200);
    alice.leave(&call).await;
    assert_eq!(show(&bob, &call).await["host_id"], json!(bob.id.to_string()), "the next one is the host");
    let _ = bob.in_call(&call, "remove", carols).await.expect(200);
    let over = show(&bob, &call).await;
    assert_eq!((&over["reason"], &over["ended_by"]), (&json!("hung_up"), &json!(bob.id.to_string())));
}

#[tokio::test]
async fn a_ninth_person_is_refused_and_who_left_makes_room() {
    let world = World::anywhere().await;
    let names = ["A", "B", "C", "D", "E", "F", "G", "H", "I"];
    let [host, everybody @ ..] = world.people(names).await;
    let seven: Vec<_> = everybody[..7].iter().collect();
    let call = host.call(&seven).await;
    let ninth = json!({ "participants": [everybody[7].id.to_string()] });
    assert_eq!(host.in_call(&call, "invite", ninth.clone()).await.summary(), "422 too_many_people");
    everybody[0].leave(&call).await;
    let asked = host.in_call(&call, "invite", ninth).await.expect(200);
    assert_eq!(asked.body["participants"].as_array().map(Vec::len), Some(9), "everybody who was ever asked");
}

#[tokio::test]
async fn two_who_call_each_other_have_one_call() {
    let world = World::anywhere().await;
    let [alice, bob, carol] = world.people(["Alice", "Bob", "Carol"]).await;
    let call = alice.call(&[&bob]).await;
    let back = json!({ "participants": [alice.id.to_string()] });
    let superseded = bob.post("/api/webrtc/call/initiate", back.clone()).await;
    assert_eq!((superseded.summary().as_str(), superseded.text("/superseded_by")), ("409 superseded", call.clone()));
    offer(&alice, &call).await;
    let joined = bob.in_call(&call, "join", json!({})).await.expect(200);
    assert_eq!(joined.text("/state"), "connected");
    bob.leave(&call).await;
    let next = bob.post("/api/webrtc/call/initiate", back).await.expect(201).text("/call_id");
    assert_ne!(next, call, "once it is over they call again");

    // It becomes a call of three, which one of the two leaves.
    for person in [&alice, &carol] {
        if person.id == carol.id {
            let _ = bob.in_call(&next, "invite", json!({ "participants": [carol.id.to_string()] })).await.expect(200);
        }
        let _ = person.in_call(&next, "join", json!({})).await.expect(200);
    }
    alice.leave(&next).await;
    let bobs = json!({ "participants": [bob.id.to_string()] });
    let _ = alice.post("/api/webrtc/call/initiate", bobs).await.expect(201);
}

#[tokio::test]
async fn in_a_relay_only_call_nobody_learns_anybodys_address() {
    let world = World::anywhere().await;
    let [alice, bob] = world.people(["Alice", "Bob"]).await;
    let at_bob = bob.connect().await;
    let whom = json!({ "participants": [bob.id.to_string()], "relay_only": true });
    let call = alice.post("/api/webrtc/call/initiate", whom).await.expect(201).text("/call_id");
    at_bob.pushes().await;
    let host = "candidate:1 1 udp 2113937151 203.0.113.9 50001 typ host";
    let relay = "candidate:2 1 udp 2113937151 198.51.100.7 50002 typ relay raddr 203.0.113.9 rport 50001";
    let described = format!("{}a={host}\r\na={relay}\r\n", sdp("offer"));
    let _ = alice.in_call(&call, "offer", json!({ "sdp": described })).await.expect(200);
    let both = json!({ "candidates": [{ "candidate": host }, { "candidate": relay }] });
    let _ = alice.in_call(&call, "ice-candidate", both).await.expect(200);
    let hosts_alone = json!({ "candidates": [{ "candidate": host }] });
    let _ = alice.in_call(&call, "ice-candidate", hosts_alone).await.expect(200);
    let told = at_bob.pushes().await;
    assert_eq!(told.len(), 2, "of hosts alone nothing is left");
    let text = json!(told).to_string() + &show(&bob, &call).await.to_string();
    assert!(text.contains("198.51.100.7") && !text.contains("203.0.113.9"), "{text}");
}

#[tokio::test]
async fn somebody_who_is_busy_says_so() {
    let world = World::anywhere().await;
    let [alice, bob] = world.people(["Alice", "Bob"]).await;
    let call = alice.call(&[&bob]).await;
    let busy = bob.in_call(&call, "end", json!({ "reason": "busy" })).await.expect(200);
    assert_eq!((busy.text("/state"), busy.text("/reason")), ("failed".into(), "busy".into()));
    assert_eq!(standings(&busy.body), ["left", "busy"]);
    let without_a_body = alice.send(Method::POST, &format!("/api/webrtc/call/{call}/end"), &[], None).await;
    assert_eq!(without_a_body.summary(), "200");
}

#[tokio::test]
async fn a_sign_of_life_renews_a_stay_over_http_and_with_a_ping() {
    let world = World::anywhere().await;
    let [alice, bob, mallory] = world.people(["Alice", "Bob", "Mallory"]).await;
    let call = alice.call(&[&bob]).await;
    let beat = alice.in_call(&call, "heartbeat", json!({ "generation": 1 })).await.expect(200);
    assert_eq!((&beat.body["seq"], &beat.body["ends_at"]), (&json!(2), &Value::Null));
    let servers = alice.get("/api/webrtc/ice-servers").await.expect(200).body;
    let stay = json!({ "call": { "call_id": call, "generation": 1 } });
    let pong = alice.connect().await.say("ping", stay.clone()).await;
    assert_eq!(pong["data"]["call"]["renewed"]["generation"], 1);
    for ice in [&beat.body["ice"], &pong["data"]["call"]["renewed"]["ice"]] {
        assert_eq!(
            (&ice["ttl"], ice["ice_servers"].as_array().map(Vec::len)),
            (&servers["ttl"], servers["ice_servers"].as_array().map(Vec::len))
        );
    }
    let (at_bob, at_mallory) = (bob.connect().await, mallory.connect().await);
    let refused = at_bob.say("ping", stay.clone()).await["data"]["call"]["refused"].clone();
    assert_eq!((&refused["code"], &refused["generation"]), (&json!("stale_generation"), &json!(0)), "Bob has not come");
    let foreign = at_mallory.say("ping", stay).await["data"]["call"]["refused"].clone();
    let nobodys = json!({ "call": { "call_id": "call_00000000000070008000000000000bad", "generation": 1 } });
    let absent = at_mallory.say("ping", nobodys).await["data"]["call"]["refused"].clone();
    assert_eq!((&foreign["code"], &foreign), (&json!("call_unknown"), &absent));
}

#[tokio::test]
async fn a_history_is_searched_for_what_was_missed_of_a_type_or_with_somebody() {
    let world = World::anywhere().await;
    let [alice, bob, carol] = world.people(["Alice", "Bob", "Carol"]).await;
    let missed = bob.call_in_vain(&alice).await;
    let declined = alice.call(&[&bob]).await;
    bob.leave(&declined).await;
    let audio = json!({ "participants": [carol.id.to_string(), bob.id.to_string()], "type": "audio" });
    let audio = alice.post("/api/webrtc/call/initiate", audio).await.expect(201).text("/call_id");
    alice.leave(&audio).await;
    let found = async |query: &str| {
        let page = alice.get(&format!("/api/webrtc/calls/history?{query}")).await.expect(200).body;
        let items = page["items"].as_array().expect("items").iter();
        items.map(|call| call["call_id"].as_str().expect("an id").to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(found("missed=true").await, std::slice::from_ref(&missed));
    assert_eq!(found("type=audio").await, std::slice::from_ref(&audio));
    assert_eq!(found(&format!("with={}", carol.id)).await, [audio]);
    assert_eq!(found(&format!("with={}&type=video", bob.id)).await, [declined, missed]);
    let cursor = alice.get("/api/webrtc/calls/history?type=video&limit=1").await.text("/next_cursor");
    assert_eq!(alice.get(&format!("/api/webrtc/calls/history?cursor={cursor}")).await.summary(), "422 cursor_invalid");
    assert_eq!(found(&format!("type=video&limit=1&cursor={cursor}")).await.len(), 1);
    let row = alice.get(&format!("/api/webrtc/calls/history?with={}", carol.id)).await.expect(200);
    let person = &row.body["items"][0]["participants"][0];
    assert!(
        person["joined_at"].is_string() && person["left_at"].is_string() && person["duration"].is_u64(),
        "{person}"
    );
}
