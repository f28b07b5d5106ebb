//! What a function would have logged.

use std::io::{Result as Written, Write};
use std::sync::{Arc, Mutex, OnceLock};

use serde_json::Value;
use tracing::subscriber::DefaultGuard;
use tracing::{Dispatch, Level};

/// A log that is kept instead of written.
#[derive(Clone, Debug, Default)]
pub struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> Written<usize> {
        self.0.lock().expect("no panic inside").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> Written<()> {
        Ok(())
    }
}

impl Log {
    /// Keeps what this thread logs from now on, as a function writes it, with metrics in the namespace `dchat-test`.
    pub fn catch(level: Level) -> (Self, DefaultGuard) {
        // With a single subscriber in the process, `tracing` asks the thread that first comes by a line whether anybody
        // listens, and a thread without a log of its own would say no for all. So there is always a second one.
        static SECOND: OnceLock<Dispatch> = OnceLock::new();
        SECOND.get_or_init(|| Dispatch::new(api::log::to(Level::DEBUG, String::new(), std::io::sink)));
        let log = Self::default();
        let writer = log.clone();
        let guard = tracing::subscriber::set_default(api::log::to(level, "dchat-test".into(), move || writer.clone()));
        (log, guard)
    }

    /// Everything.
    pub fn text(&self) -> String {
        String::from_utf8(self.0.lock().expect("no panic inside").clone()).expect("UTF-8")
    }

    /// Takes the lines that are also metrics.
    pub fn metrics(&self) -> Vec<Value> {
        let text = self.text();
        self.0.lock().expect("no panic inside").clear();
        let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
        lines.filter(|line| line["_aws"].is_object()).collect()
    }
}
