//! A browser that goes to the stand-in for LinkedIn and comes back.

use http::Request;
use partners::http::Http;

use crate::reply::Reply;
use crate::world::World;

/// Picks a person at the place that `GET /auth/linkedin/auth-url` named: the cookie of that answer, and the path that
/// the browser comes back to with it.
pub async fn consent(world: &World, begun: &Reply, whom: &str) -> (String, String) {
    let auth_url = begun.text("/auth_url");
    let query = auth_url.split_once('?').expect("a query").1;
    let choice = format!("{}/stand-in/choose?{query}&person={whom}", world.provider);
    let choice = Request::get(choice).body(Vec::new()).expect("a request");
    let picked = Http::default().send(choice).await.expect("the stand-in answers");
    let back = picked.headers()["location"].to_str().expect("text");
    let path = back.find("/auth/linkedin/").map(|place| back[place..].to_owned()).expect("our callback");
    let cookie = begun.header("set-cookie").split(';').next().unwrap_or_default().to_owned();
    (cookie, path)
}
