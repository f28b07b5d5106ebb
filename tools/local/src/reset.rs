//! `dchat reset`: the demo world as on the first start, whether or not a program runs on it.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::path::Path;
use std::time::Duration;

/// Empties the data folder's store, or asks the program that uses it to. The line for the terminal.
pub fn reset(folder: &Path) -> Result<String, String> {
    let Ok(lock) = File::options().write(true).open(folder.join("lock")) else {
        return Ok(format!("there is nothing in {} yet. Run: dchat", folder.display()));
    };
    if lock.try_lock().is_err() {
        return ask(folder).map(|()| "done: the demo world is new, and everybody is signed out.".into());
    }
    for name in ["dynamodb.sqlite", "dynamodb.sqlite-wal", "dynamodb.sqlite-shm"] {
        match std::fs::remove_file(folder.join(name)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(format!("cannot remove {}: {error}", folder.join(name).display()));
            }
            _ => {}
        }
    }
    match std::fs::remove_dir_all(folder.join("s3")) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(format!("cannot remove {}: {error}", folder.join("s3").display()));
        }
        _ => {}
    }
    Ok("done: the next start makes the demo world anew.".into())
}

/// Asks the program that holds the folder, by the port that it left there.
fn ask(folder: &Path) -> Result<(), String> {
    let port = std::fs::read_to_string(folder.join("port")).ok().and_then(|port| port.trim().parse().ok());
    let port: u16 = port.ok_or("a dchat uses the folder and left no port. Stop it, then run: dchat reset")?;
    let failed = |error: std::io::Error| format!("the dchat on port {port} does not answer: {error}");
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).map_err(failed)?;
    stream.set_read_timeout(Some(Duration::from_secs(10))).map_err(failed)?;
    let request = "POST /local/reset HTTP/1.1\r\nhost: localhost\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
    stream.write_all(request.as_bytes()).map_err(failed)?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).map_err(failed)?;
    match answer.lines().next() {
        Some(line) if line.contains(" 204") => Ok(()),
        line => Err(format!("the dchat on port {port} refused: {}", line.unwrap_or("no answer"))),
    }
}
