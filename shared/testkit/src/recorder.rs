//! What somebody who records does.

use api::secret::digest;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use domain::id::RecordingId;
use domain::limit;
use domain::recording::Recording;
use http::Request;
use partners::http::Http;
use serde_json::{Map, Value, json};
use store::{Recordings, Versioned};

use crate::person::Person;
use crate::place::Place;
use crate::reply::Reply;
use crate::sdp;
use crate::world::World;

/// What is asked of the server before these bytes can be uploaded.
pub fn part(number: usize, bytes: &[u8]) -> Value {
    json!({ "part": number, "size": bytes.len(), "checksum_sha256": BASE64_STANDARD.encode(digest(bytes)) })
}

/// Bytes enough for a part that is not the last one.
pub fn whole_part() -> Vec<u8> {
    vec![7; usize::try_from(*limit::PART.start()).expect("a part fits into memory")]
}

impl<P: Place> Person<P> {
    /// Calls somebody who picks up.
    pub async fn talk_to(&self, other: &Self) -> String {
        let call = self.call(&[other]).await;
        let _ = self.in_call(&call, "offer", json!({ "sdp": sdp("offer") })).await.expect(200);
        let _ = other.in_call(&call, "answer", json!({ "sdp": sdp("answer") })).await.expect(200);
        call
    }

    /// Asks to record a call; the recording's id.
    pub async fn ask_to_record(&self, call: &str) -> String {
        self.in_call(call, "recording", json!({})).await.expect(201).text("/recording_id")
    }

    /// A yes to being recorded, as the call is now: what it is about.
    pub async fn yes(&self, call: &str) -> Value {
        let call = self.get(&format!("/api/webrtc/call/{call}")).await.expect(200).body;
        let myself =
            call["participants"].as_array().expect("people").iter().find(|p| p["user_id"] == self.id.to_string());
        let recording = match &call["recording"]["recording_id"] {
            Value::Null => json!(RecordingId::derived([0; 16])),
            id => id.clone(),
        };
        json!({ "given": true, "recording_id": recording, "generation": myself.expect("one of them")["generation"], "seq": call["seq"] })
    }

    /// Says something to being recorded.
    pub async fn consent(&self, call: &str, given: bool) -> Reply {
        let says = if given { self.yes(call).await } else { json!({ "given": false }) };
        self.in_call(call, "recording/consent", says).await
    }

    /// POST to a part of a recording.
    pub async fn of_recording(&self, recording: &str, what: &str, body: Value) -> Reply {
        self.post(&format!("/api/v1/recordings/{recording}/{what}"), body).await
    }

    /// Uploads a part as a browser does; the status of whoever refused it, or 200.
    pub async fn upload(&self, recording: &str, number: usize, bytes: &[u8]) -> String {
        let granted = self.of_recording(recording, "parts", part(number, bytes)).await;
        if granted.status != 200 {
            return granted.summary();
        }
        put(&granted.body, bytes).await.to_string()
    }
}

/// Uploads the only part of a recording anew, past all that Dchat does: whoever completed or deleted it used the upload up,
/// and the bucket is not put back with the tables.
pub async fn upload_anew(world: &World, recording: &str, bytes: &[u8]) {
    let (key, recordings) =
        (blobs::Key::Recording(recording.parse().expect("an id")), Recordings::new(world.db.clone()));
    let found = recordings.find(recording.parse().expect("an id")).await.expect("the store answers");
    let Versioned { value, version } = found.expect("it is there");
    let upload = world.blobs.begin(key, "video/webm").await.expect("the bucket is there");
    let grant = world.blobs.grant(key, &upload, 1, &value.parts[0], limit::PART_LINK).await;
    let grant = grant.expect("the bucket is there");
    let headers: Map<String, Value> = grant.headers.into_iter().map(|(name, value)| (name, json!(value))).collect();
    assert_eq!(put(&json!({ "url": grant.url, "headers": headers }), bytes).await, 200);
    let anew = Recording { upload: Some(upload), ..value };
    recordings.save(&anew, version).await.expect("nobody else writes");
}

/// Sends bytes where a grant says; the status.
pub async fn put(granted: &Value, bytes: &[u8]) -> u16 {
    let mut request = Request::put(granted["url"].as_str().expect("an address"));
    for (name, value) in granted["headers"].as_object().expect("headers") {
        request = request.header(name, value.as_str().expect("text"));
    }
    let request = request.body(bytes.to_vec()).expect("a request");
    Http::default().send(request).await.expect("the bucket answers").status().as_u16()
}

/// Brings the file of a recording that is shown, as a browser does: its media type and the bytes.
pub async fn watch(shown: &Value) -> (String, Vec<u8>) {
    let url = shown["link"]["url"].as_str().expect("an address");
    let answer = Http::default().send(Request::get(url).body(Vec::new()).expect("a request")).await;
    let answer = answer.expect("the bucket answers");
    assert_eq!(answer.status(), 200, "{}", String::from_utf8_lossy(answer.body()));
    let media = answer.headers()["content-type"].to_str().expect("text").to_owned();
    (media, answer.into_body())
}
