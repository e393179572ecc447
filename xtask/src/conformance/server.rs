//! `frontdesk sandbox serve --contract both`, the command.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// A tenant that many conversations of a month are found in, and that throttles nobody.
const TENANT: [&str; 8] =
    ["--contract", "both", "--conversations", "2000", "--rate-limit", "600000", "--seed", "6"];

/// A sandbox that listens until this is dropped.
pub(super) struct Server {
    child: Child,
    /// The ready line: addresses, credentials, ids.
    pub(super) ready: String,
}

impl Server {
    pub(super) fn start(binary: &Path) -> Result<Self, String> {
        let mut child = Command::new(binary)
            .args(["sandbox", "serve"])
            .args(TENANT)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("cannot start the sandbox: {error}"))?;
        let mut ready = String::new();
        let stdout = child.stdout.take();
        let server = |ready| Self { child, ready };
        if let Some(stdout) = stdout {
            BufReader::new(stdout)
                .read_line(&mut ready)
                .map_err(|error| format!("the sandbox printed no ready line: {error}"))?;
        }
        if ready.trim().is_empty() {
            return Err("the sandbox ended before it was ready".into());
        }
        Ok(server(ready))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It keeps nothing: there is nothing to end in order.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
