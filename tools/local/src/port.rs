//! Who holds a port that we wanted.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use tokio::net::TcpListener;

/// Listens on both of this machine's loopback addresses, so that `localhost` works whichever a program tries first.
pub async fn listen(port: u16) -> Result<Vec<TcpListener>, String> {
    let taken = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::AddrInUse => {
            let holder =
                holder(port).map_or_else(|| "another program".to_owned(), |(name, pid)| format!("{name} (pid {pid})"));
            format!("port {port} is held by {holder}. Run: dchat --port {}", port.checked_add(1).unwrap_or(3000))
        }
        std::io::ErrorKind::PermissionDenied => {
            format!("port {port} needs more rights than this program has. Run: dchat --port 3000")
        }
        _ => format!("cannot listen on port {port}: {error}"),
    };
    let first = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.map_err(taken)?;
    let port = first.local_addr().map_err(|error| error.to_string())?.port();
    let second = TcpListener::bind(SocketAddr::from((Ipv6Addr::LOCALHOST, port))).await;
    Ok(std::iter::once(first).chain(second.ok()).collect())
}

/// The program that listens on a port, as far as Linux lets us see.
fn holder(port: u16) -> Option<(String, u32)> {
    let tables = ["/proc/net/tcp", "/proc/net/tcp6"].map(|file| std::fs::read_to_string(file).unwrap_or_default());
    let listening = |line: &&str| {
        let mut words = line.split_whitespace().skip(1);
        let here = words
            .next()
            .and_then(|address| address.rsplit_once(':'))
            .and_then(|(_, p)| u16::from_str_radix(p, 16).ok());
        here == Some(port) && words.nth(1) == Some("0A")
    };
    let inode = tables.iter().flat_map(|table| table.lines()).find(listening)?.split_whitespace().nth(9)?.to_owned();
    let link = format!("socket:[{inode}]");
    let processes = std::fs::read_dir("/proc").ok()?.flatten();
    let mut ids = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let pid = ids.find(|pid| {
        let files = std::fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
        files.filter_map(|fd| std::fs::read_link(fd.path()).ok()).any(|target| target.as_os_str() == link.as_str())
    })?;
    let name = std::fs::read_to_string(format!("/proc/{pid}/comm")).ok()?;
    Some((name.trim().to_owned(), pid))
}
