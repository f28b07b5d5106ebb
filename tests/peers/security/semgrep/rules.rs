// What rules.yaml must find (`ruleid`) and must leave alone (`ok`). Part of no crate: it is only read by semgrep.

// ruleid: store-alone-names-dynamodb
use aws_sdk_dynamodb::Client;
// ok: store-alone-names-dynamodb
use store::Accounts;

async fn store(c: &Client) {
    // ruleid: no-add-outside-a-transaction
    c.update_item().table_name("t").update_expression("SET a = :a ADD seen :one").send().await;
    // ok: no-add-outside-a-transaction
    c.update_item().table_name("t").update_expression("SET seen = :two").send().await;
    // ok: no-add-outside-a-transaction
    let write = Update::builder().update_expression("ADD seen :one").build();
    // ruleid: no-scan
    c.scan().table_name("t").send().await;
    // ok: no-scan
    let sums = numbers.iter().scan(0, |sum, n| Some(*sum + n));
}

fn compare(kept: &str, said: &str) -> bool {
    // ruleid: secrets-in-constant-time
    if kept_secret == said { return true }
    // ruleid: secrets-in-constant-time
    if signature != hex(mac) { return false }
    // ruleid: secrets-in-constant-time
    if session.token_hash == said { return true }
    // ok: secrets-in-constant-time
    if hash(verifier) == challenge.as_str() { return true }
    // ok: secrets-in-constant-time
    if password.len() == 0 || state == CallState::Over { return false }
    // ok: secrets-in-constant-time
    key.is_tag(said, tag)
}

fn tokens() {
    // ruleid: jwt-checks-stay-on
    let mut all = Validation::default();
    // ruleid: jwt-checks-stay-on
    all.insecure_disable_signature_validation();
    // ruleid: jwt-checks-stay-on
    let claims = jsonwebtoken::dangerous::insecure_decode::<Claims>(text);
    // ruleid: jwt-checks-stay-on
    let weak = Validation::new(Algorithm::HS256);
    // ok: jwt-checks-stay-on
    let right = Validation::new(Algorithm::EdDSA);
}

async fn outside(url: &str) {
    // ruleid: outside-urls-through-partners
    let page = reqwest::get(url).await;
    // ruleid: outside-urls-through-partners
    let socket = tokio::net::TcpStream::connect(url).await;
    // ok: outside-urls-through-partners
    let page = partners::Http::default().send(request).await;
}

fn logs() {
    // ruleid: no-secrets-in-logs
    tracing::info!(%token, "signed in");
    // ruleid: no-secrets-in-logs
    tracing::warn!(user.id = %id, email = %account.email, "refused");
    // ruleid: no-secrets-in-logs
    error!("the password {password} is wrong");
    // ruleid: no-secrets-in-logs
    tracing::debug!(sdp = offer.sdp.as_str(), "an offer; it has a semicolon");
    // ok: no-secrets-in-logs
    tracing::warn!(security.event = "refresh_token_reused", user.id = %id, "a session was ended");
    // ok: no-secrets-in-logs
    tracing::info!(problem.code = problem.code.as_str(), "a token, a password and a code were refused");
}

async fn answers() {
    // ruleid: functions-never-spawn
    tokio::spawn(push(call));
    // ruleid: functions-never-spawn
    tokio::task::spawn(push(call));
    // ok: functions-never-spawn
    tokio::task::spawn_blocking(work).await;
}
