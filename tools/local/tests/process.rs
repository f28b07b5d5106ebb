//! The real program, from its banner to `kill -9`.

#![expect(clippy::unwrap_used, reason = "a test says enough by panicking here")]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

fn dchat() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dchat"));
    command.stdin(Stdio::null()).env_remove("PORT").env_remove("LINKEDIN_CLIENT_ID");
    command
}

/// A folder of this test's own, removed at the end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("dchat-test-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A running program; killed when the test is over.
struct Running {
    child: Child,
    banner: Vec<String>,
    port: u16,
}

impl Running {
    fn start(arguments: &[&str]) -> Self {
        let mut child = dchat().args(arguments).args(["--port", "0"]).stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut banner = Vec::new();
        loop {
            let line = lines.next().expect("the program ends before it is ready").unwrap();
            let ready = line.starts_with("ready in");
            banner.push(line);
            if ready {
                break;
            }
        }
        let link = banner.iter().find(|line| line.contains("Console")).unwrap();
        let port = link.split("localhost:").nth(1).unwrap().split('/').next().unwrap().parse().unwrap();
        std::thread::spawn(move || lines.for_each(drop));
        Self { child, banner, port }
    }

    fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// One request over a connection of its own; `None` when the program died on the way.
fn http(port: u16, method: &str, path: &str, token: Option<&str>, body: Option<&Value>) -> Option<(u16, Value)> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(10))).ok()?;
    let body = body.map(Value::to_string).unwrap_or_default();
    let bearer = token.map(|token| format!("authorization: Bearer {token}\r\n")).unwrap_or_default();
    let length = body.len();
    let head = format!(
        "{method} {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-type: application/json\r\n{bearer}content-length: {length}\r\n\r\n{body}"
    );
    stream.write_all(head.as_bytes()).ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    Some((status, serde_json::from_str(body).unwrap_or(Value::Null)))
}

fn fails(arguments: &[&str]) -> Output {
    let output = dchat().args(arguments).output().unwrap();
    assert!(!output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    output
}

fn one_line(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stderr).trim_end().to_owned();
    assert_eq!(text.lines().count(), 1, "{text}");
    text
}

#[test]
fn the_banner_is_short_and_what_it_says_works() {
    let running = Running::start(&["--ephemeral"]);
    assert!(running.banner.len() <= 16, "{:#?}", running.banner);
    let text = running.banner.join("\n");
    let code = text.split("?enter=").nth(1).unwrap().split_whitespace().next().unwrap().to_owned();
    let exchange = || http(running.port, "POST", "/auth/token", None, Some(&json!({ "code": code }))).unwrap();
    let (status, tokens) = exchange();
    assert_eq!((status, &tokens["user"]["name"]), (200, &json!("Ada Lovelace")));
    assert_eq!(exchange().0, 400, "the link works once");

    // The line to paste, run by a real shell.
    let curl = text.lines().find_map(|line| line.trim().strip_prefix("Try")).unwrap().trim();
    let pasted = Command::new("sh").args(["-c", &format!("{curl} --silent --show-error")]).output();
    let pasted = pasted.unwrap();
    if pasted.status.code() == Some(127) {
        let token = curl.split("Bearer ").nth(1).unwrap().trim_end_matches('\'');
        assert_eq!(http(running.port, "GET", "/auth/me", Some(token), None).unwrap().0, 200);
    } else {
        let me: Value = serde_json::from_slice(&pasted.stdout).unwrap();
        assert_eq!(me["name"], "Ada Lovelace");
    }
    for path in ["/", "/console/console.css", "/client/client.js", "/openapi.json", "/asyncapi.json", "/docs/problems"]
    {
        assert_eq!(http(running.port, "GET", path, None, None).unwrap().0, 200, "{path}");
    }
    let ready: f64 = running.banner.last().unwrap().split(' ').nth(2).unwrap().parse().unwrap();
    assert!(ready < 1.0, "ready after {ready} s");
}

#[test]
fn a_taken_port_names_its_holder_and_the_way_out() {
    let holder = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = holder.local_addr().unwrap().port();
    let line = one_line(&fails(&["--ephemeral", "--port", &port.to_string()]));
    assert!(
        line.starts_with(&format!("port {port} is held by ")) && line.ends_with(&format!("dchat --port {}", port + 1)),
        "{line}"
    );
    if cfg!(target_os = "linux") {
        assert!(line.contains(&format!("(pid {})", std::process::id())), "{line}");
    }
}

#[test]
fn an_unusable_data_folder_is_one_line() {
    let folder = Folder::new("unusable");
    let file = folder.0.join("file");
    std::fs::write(&file, "not a folder").unwrap();
    let line = one_line(&fails(&["--port", "0", "--data", file.to_str().unwrap()]));
    assert!(line.starts_with("cannot use the data folder") && line.contains("dchat --data"), "{line}");

    std::fs::write(folder.0.join("dynamodb.sqlite"), "this is no database, and long enough to be read as one").unwrap();
    let line = one_line(&fails(&["--port", "0", "--data", folder.0.to_str().unwrap()]));
    assert!(line.starts_with("cannot use the data folder"), "{line}");

    // A device that is always full.
    if Path::new("/dev/full").exists() {
        let full = Folder::new("full");
        std::fs::create_dir_all(&full.0).unwrap();
        #[cfg(unix)]
        std::os::unix::fs::symlink("/dev/full", full.0.join("dynamodb.sqlite")).unwrap();
        let line = one_line(&fails(&["--port", "0", "--data", full.0.to_str().unwrap()]));
        assert!(line.starts_with("cannot use the data folder"), "{line}");
    }
}

#[test]
fn two_programs_do_not_share_a_data_folder() {
    let folder = Folder::new("shared");
    let data = folder.0.to_str().unwrap();
    let _first = Running::start(&["--data", data]);
    let line = one_line(&fails(&["--port", "0", "--data", data]));
    assert!(line.contains("another dchat uses it"), "{line}");
}

#[test]
fn wrong_arguments_are_one_line() {
    for arguments in [&["--fly"][..], &["--port", "many"], &["--port"], &["x"]] {
        assert!(one_line(&fails(arguments)).ends_with("Run: dchat --help"), "{arguments:?}");
    }
}

#[test]
fn a_page_of_another_name_that_points_here_gets_nothing() {
    let running = Running::start(&["--ephemeral"]);
    let mut stream = TcpStream::connect(("127.0.0.1", running.port)).unwrap();
    stream.write_all(b"GET /local/people HTTP/1.1\r\nhost: evil.example\r\nconnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 421"), "{answer}");
}

/// Writes that were acknowledged: somebody's registration with their tokens, and calls they began.
#[derive(Default)]
struct Acknowledged {
    accounts: Vec<String>,
    calls: Vec<(String, String)>,
    refreshes: Vec<String>,
}

#[test]
fn kill_9_loses_no_acknowledged_write() {
    let folder = Folder::new("kill");
    let data = folder.0.to_str().unwrap().to_owned();
    let password = "correct horse battery";
    let mut acknowledged_calls = 0;
    for round in 0..6_u64 {
        let mut running = Running::start(&["--data", &data]);
        let port = running.port;
        let (acknowledged, stop) = (Arc::new(Mutex::new(Acknowledged::default())), Arc::new(AtomicBool::new(false)));
        let writers: Vec<_> = (0..4)
            .map(|writer| {
                let (acknowledged, stop) = (Arc::clone(&acknowledged), Arc::clone(&stop));
                std::thread::spawn(move || {
                    let email = format!("w{writer}-{round}@example.com");
                    let new = json!({ "email": email, "password": password, "name": "Writer" });
                    let Some((201, tokens)) = http(port, "POST", "/auth/register", None, Some(&new)) else { return };
                    acknowledged.lock().unwrap().accounts.push(email);
                    let token = tokens["access_token"].as_str().unwrap();
                    let mut refresh = tokens["refresh_token"].as_str().unwrap().to_owned();
                    while !stop.load(Ordering::Relaxed) {
                        // Two others: of two people there is one call at a time.
                        let two = ["usr_00000000000080008000000000000002", "usr_00000000000080008000000000000003"];
                        let to = json!({ "participants": two });
                        let Some((201, call)) = http(port, "POST", "/api/webrtc/call/initiate", Some(token), Some(&to))
                        else {
                            return;
                        };
                        let id = call["call_id"].as_str().unwrap().to_owned();
                        acknowledged.lock().unwrap().calls.push((id, token.to_owned()));
                        let body = json!({ "refresh_token": refresh });
                        let Some((200, next)) = http(port, "POST", "/auth/refresh", None, Some(&body)) else { return };
                        next["refresh_token"].as_str().unwrap().clone_into(&mut refresh);
                        acknowledged.lock().unwrap().refreshes.push(refresh.clone());
                    }
                })
            })
            .collect();
        std::thread::sleep(Duration::from_millis(400 + 170 * round));
        running.kill();
        stop.store(true, Ordering::Relaxed);
        for writer in writers {
            writer.join().unwrap();
        }

        let again = Running::start(&["--data", &data]);
        let acknowledged = acknowledged.lock().unwrap();
        for email in &acknowledged.accounts {
            let login = json!({ "email": email, "password": password });
            assert_eq!(http(again.port, "POST", "/auth/login", None, Some(&login)).unwrap().0, 200, "{email} is lost");
        }
        for (call, token) in &acknowledged.calls {
            let shown = http(again.port, "GET", &format!("/api/webrtc/call/{call}"), Some(token), None).unwrap();
            assert_eq!(shown.0, 200, "{call} is lost");
        }
        acknowledged_calls += acknowledged.calls.len();
        if let Some(newest) = acknowledged.refreshes.last() {
            let body = json!({ "refresh_token": newest });
            assert_eq!(
                http(again.port, "POST", "/auth/refresh", None, Some(&body)).unwrap().0,
                200,
                "a session is lost"
            );
        }
    }
    assert!(acknowledged_calls > 20, "too few writes to mean something: {acknowledged_calls}");
}

#[cfg(unix)]
#[test]
fn ctrl_c_stops_at_once_and_everything_is_there_afterwards() {
    let folder = Folder::new("ctrl-c");
    let data = folder.0.to_str().unwrap();
    let mut running = Running::start(&["--data", data]);
    let new = json!({ "email": "ada@example.org", "password": "correct horse battery", "name": "Ada" });
    assert_eq!(http(running.port, "POST", "/auth/register", None, Some(&new)).unwrap().0, 201);
    let sent = Command::new("kill").args(["-INT", &running.child.id().to_string()]).status().unwrap();
    assert!(sent.success());
    let asked = Instant::now();
    assert!(running.child.wait().unwrap().success());
    assert!(asked.elapsed() < Duration::from_secs(5), "{:?}", asked.elapsed());
    let again = Running::start(&["--data", data]);
    assert_eq!(
        http(
            again.port,
            "POST",
            "/auth/login",
            None,
            Some(&json!({ "email": "ada@example.org", "password": "correct horse battery" }))
        )
        .unwrap()
        .0,
        200
    );
}
