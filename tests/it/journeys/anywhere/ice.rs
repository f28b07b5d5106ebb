//! The servers that help a connection come about.

use http::Method;
use testkit::World;

const PATH: &str = "/api/webrtc/ice-servers";

#[tokio::test]
async fn everybody_gets_the_servers_with_a_credential_of_their_own() {
    let world = World::anywhere().await;
    let [ada, bo] = world.people(["Ada", "Bo"]).await;
    assert_eq!(world.anonymous(Method::GET, PATH, None).await.summary(), "401 token_missing");
    let mut names = Vec::new();
    for person in [&ada, &bo] {
        let reply = person.get(PATH).await.expect(200);
        assert_eq!(reply.header("cache-control"), "no-store");
        assert_eq!(reply.body["ttl"], 3600);
        let ends: jiff::Timestamp = reply.text("/expires_at").parse().expect("a time");
        for server in reply.body["ice_servers"].as_array().expect("a list") {
            let urls = server["urls"].as_array().expect("addresses");
            let relays = urls.iter().filter(|url| url.as_str().is_some_and(|url| url.starts_with("turn"))).count();
            if relays == 0 {
                assert!(server.get("username").is_none() && server.get("credential").is_none(), "{urls:?}");
                continue;
            }
            assert_eq!(relays, urls.len(), "a credential is for relays alone: {urls:?}");
            assert_eq!(server["username"], format!("{}:{}", ends.as_second(), person.id));
            assert_eq!(server["credential"].as_str().map(str::len), Some(28), "20 bytes, base64");
            names.push(server["username"].clone());
        }
    }
    names.dedup();
    assert!(names.len() != 1, "two people had one name");
}
