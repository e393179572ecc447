//! A command of the binary that listens: a sandbox, a console.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

/// A process that listens until this is dropped.
pub(crate) struct Listening {
    child: Child,
    /// The line that said so.
    pub(crate) line: String,
    ready: Value,
}

impl Listening {
    /// Starts it, and reads what it prints until a line of JSON has the member `named`, an address.
    pub(crate) fn start(command: &mut Command, named: &str) -> Result<Self, String> {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("cannot start {}: {error}", shown(command)))?;
        let stdout = child.stdout.take();
        let mut listening = Self { child, line: String::new(), ready: Value::Null };
        for line in stdout.into_iter().flat_map(|stdout| BufReader::new(stdout).lines()) {
            let line = line.map_err(|error| format!("{} prints no text: {error}", shown(command)))?;
            let said: Value = serde_json::from_str(&line).unwrap_or_default();
            if said[named].is_string() {
                (listening.line, listening.ready) = (line, said);
                return Ok(listening);
            }
        }
        Err(format!("{} ended before it was ready", shown(command)))
    }

    /// A member of that line.
    pub(crate) fn said(&self, name: &str) -> &str {
        self.ready[name].as_str().unwrap_or_default()
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        // What it serves is made anew each time: there is nothing to end in order.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn shown(command: &Command) -> String {
    let words: Vec<_> = command.get_args().map(|word| word.to_string_lossy().into_owned()).collect();
    words.join(" ")
}
