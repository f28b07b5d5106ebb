//! What `cargo run` prints.

use std::path::Path;
use std::time::Duration;

/// What is worth knowing in the first minute, at most sixteen lines.
#[derive(Debug)]
pub struct Banner<'a> {
    /// The port that it listens on.
    pub port: u16,
    /// The data folder.
    pub data: Option<&'a Path>,
    /// A link that signs in once; none without demo people.
    pub enter: Option<&'a str>,
    /// An access token for the curl line.
    pub token: Option<&'a str>,
    /// Whether the stand-in plays LinkedIn.
    pub stand_in: bool,
    /// From the start of the process.
    pub took: Duration,
}

impl std::fmt::Display for Banner<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (version, base) = (env!("CARGO_PKG_VERSION"), format!("http://localhost:{}", self.port));
        match self.data {
            Some(data) => writeln!(f, "dchat {version}, stage local, data in {}\n", data.display())?,
            None => writeln!(f, "dchat {version}, stage local, data in memory\n")?,
        }
        match self.enter {
            Some(link) => writeln!(f, "  Console   {link}\n            opens signed in as Ada, works once")?,
            None => writeln!(f, "  Console   {base}/")?,
        }
        writeln!(f, "  API       {base}   contract  /docs  /openapi.json  /asyncapi.json")?;
        writeln!(f, "  Socket    ws://localhost:{}/socket   with a ticket of POST /auth/ws-ticket", self.port)?;
        let linkedin = if self.stand_in {
            "a stand-in on this machine; LINKEDIN_CLIENT_ID and _SECRET switch"
        } else {
            "as configured"
        };
        writeln!(f, "  LinkedIn  {linkedin}")?;
        if let Some(token) = self.token {
            writeln!(f, "\n  Try       curl {base}/auth/me -H 'Authorization: Bearer {token}'")?;
            writeln!(f, "  People    ada  bo  chidi  dara        made anew by: dchat reset")?;
        }
        write!(f, "\nready in {:.2} s. Ctrl-C stops, nothing is lost.", self.took.as_secs_f64())
    }
}
