//! One run of the binary: started, watched, and held to what is true of every run.

use std::io::Read;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde_json::Value;
use serde_json::value::RawValue;

use super::house::House;
use crate::Outcome;

/// After so long a run hangs. Far beyond what any run takes: this ends a hang, it does not measure.
const HANGS_AFTER: Duration = Duration::from_secs(600);
const GLANCE_EVERY: Duration = Duration::from_millis(3);

/// A process that was started.
pub(super) struct Running<'h> {
    house: &'h House,
    child: Child,
    command: String,
    /// What is expected on stdout.
    stdout_is: Stdout,
    stdout: Option<Collected>,
    stderr: Option<Collected>,
    peak_kib: u64,
}

/// What comes out of a stream, as it comes.
struct Collected {
    bytes: Arc<Mutex<Vec<u8>>>,
    ended: JoinHandle<()>,
}

/// What a run prints on stdout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stdout {
    /// One JSON object a line.
    JsonLines,
    /// Anything.
    Free,
}

/// How a run ended.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) command: String,
    /// `None` when a signal ended it.
    pub(super) exit: Option<i32>,
    pub(super) stdout: Vec<u8>,
    pub(super) stderr: String,
    /// Most memory that was resident at once.
    pub(super) peak_kib: u64,
}

impl<'h> Running<'h> {
    pub(super) fn start(house: &'h House, mut command: Command, stdout_is: Stdout) -> Result<Self, String> {
        let text = shown(&command);
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| format!("cannot run {text}: {error}"))?;
        let stdout = child.stdout.take().map(collect);
        let stderr = child.stderr.take().map(collect);
        let running = Self { house, child, command: text, stdout_is, stdout, stderr, peak_kib: 0 };
        if let Ok(arguments) = std::fs::read(format!("/proc/{}/cmdline", running.id())) {
            house.canary.check_command_line(&arguments)?;
        }
        Ok(running)
    }

    pub(super) fn id(&self) -> u32 {
        self.child.id()
    }

    /// The first line on stdout, once it is there.
    pub(super) fn first_line(&mut self) -> Result<String, String> {
        self.line(|_| true)
    }

    /// The first line on stdout that is wanted, as soon as it is there.
    pub(super) fn line(&mut self, wanted: impl Fn(&str) -> bool) -> Result<String, String> {
        let started = Instant::now();
        loop {
            // Looked at first: what it printed before its end is then there.
            let ended = self.has_ended();
            let bytes = self.stdout.as_ref().map(|stdout| stdout.so_far()).unwrap_or_default();
            let whole = bytes.iter().rposition(|byte| *byte == b'\n').unwrap_or_default();
            let text = String::from_utf8_lossy(&bytes[..whole]);
            if let Some(line) = text.lines().find(|line| wanted(line)) {
                return Ok(line.to_owned());
            }
            let stderr = self.stderr.as_ref().map(|stderr| stderr.so_far()).unwrap_or_default();
            ensure!(
                !ended && started.elapsed() < HANGS_AFTER,
                "{} did not print the line\nstderr: {}",
                self.command,
                String::from_utf8_lossy(&stderr)
            );
            std::thread::sleep(GLANCE_EVERY);
        }
    }

    /// Whether it has ended by itself.
    pub(super) fn has_ended(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(Some(_)))
    }

    /// Sends a signal by its name, such as `INT`. `false` when the process has ended before.
    pub(super) fn signal(&mut self, name: &str) -> Result<bool, String> {
        if self.has_ended() {
            return Ok(false);
        }
        // std sends no signal but KILL, and calling the system ourselves would be unsafe code.
        let sent = Command::new("sh").arg("-c").arg(format!("kill -s {name} {}", self.id())).output();
        sent.map(|sent| sent.status.success()).map_err(|error| format!("cannot send {name}: {error}"))
    }

    /// Ends it now, with no warning: `kill -9`. `false` when it has ended before.
    pub(super) fn kill(mut self) -> Result<(bool, Run), String> {
        let alive = !self.has_ended();
        self.child.kill().map_err(|error| format!("cannot kill {}: {error}", self.command))?;
        let run = self.wait()?;
        Ok((alive && run.exit.is_none(), run))
    }

    /// Waits for its end.
    pub(super) fn wait(mut self) -> Result<Run, String> {
        let started = Instant::now();
        let status: ExitStatus = loop {
            self.peak_kib = self.peak_kib.max(peak_kib(self.child.id()).unwrap_or(0));
            match self.child.try_wait() {
                Ok(Some(status)) => break status,
                Ok(None) if started.elapsed() > HANGS_AFTER => {
                    let _ = self.child.kill();
                    return Err(format!("{} hangs", self.command));
                }
                Ok(None) => std::thread::sleep(GLANCE_EVERY),
                Err(error) => return Err(format!("cannot wait for {}: {error}", self.command)),
            }
        };
        let read = |stream: &mut Option<Collected>| stream.take().map(Collected::whole).unwrap_or_default();
        let run = Run {
            exit: status.code(),
            stdout: read(&mut self.stdout),
            stderr: String::from_utf8_lossy(&read(&mut self.stderr)).into_owned(),
            peak_kib: self.peak_kib,
            command: std::mem::take(&mut self.command),
        };
        run.keeps_the_house_rules(self.house, self.stdout_is)?;
        Ok(run)
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        // A scenario that failed leaves nothing running.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Run {
    /// Fails unless the exit code is this one.
    pub(super) fn exits(self, wanted: i32) -> Result<Self, String> {
        if self.exit == Some(wanted) {
            Ok(self)
        } else {
            Err(self.wrong(&format!("exit {wanted} was expected")))
        }
    }

    /// A message about this run: what is wrong, and all one needs to see why.
    pub(super) fn wrong(&self, what: &str) -> String {
        let exit = self.exit.map_or_else(|| "a signal".into(), |code| code.to_string());
        format!(
            "{what}\n$ {}\nexit: {exit}\nstdout: {}\nstderr: {}",
            self.command,
            tail(&String::from_utf8_lossy(&self.stdout)),
            tail(&self.stderr)
        )
    }

    /// Fails unless stderr holds every one of these texts, ignoring case.
    pub(super) fn says(self, texts: &[&str]) -> Result<Self, String> {
        let stderr = self.stderr.to_lowercase();
        match texts.iter().find(|text| !stderr.contains(&text.to_lowercase())) {
            None => Ok(self),
            Some(missing) => Err(self.wrong(&format!("stderr does not say {missing:?}"))),
        }
    }

    /// The objects on stdout.
    pub(super) fn lines(&self) -> Result<Vec<Value>, String> {
        let text = std::str::from_utf8(&self.stdout).map_err(|_| self.wrong("stdout is no UTF-8"))?;
        let lines: Result<Vec<Value>, _> = text.lines().map(serde_json::from_str).collect();
        lines.map_err(|error| self.wrong(&format!("a line on stdout is no JSON: {error}")))
    }

    /// The last object on stdout: a command's result.
    pub(super) fn last(&self) -> Result<Value, String> {
        self.lines()?.pop().ok_or_else(|| self.wrong("there is nothing on stdout"))
    }

    /// The error object on stderr, where there is one.
    pub(super) fn error(&self) -> Option<Value> {
        let errors = self.stderr.lines().rev().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        errors.map(|line| line["error"].clone()).find(Value::is_object)
    }

    /// What is true of every run of the binary, whatever was asked of it.
    fn keeps_the_house_rules(&self, house: &House, stdout_is: Stdout) -> Outcome {
        house.canary.check_output(&format!("stdout of {}", self.command), &self.stdout)?;
        house.canary.check_output(&format!("stderr of {}", self.command), self.stderr.as_bytes())?;
        for panic in ["panicked at", "stack overflow", "RUST_BACKTRACE"] {
            ensure!(!self.stderr.contains(panic), "{}", self.wrong("it panicked"));
        }
        ensure!(
            self.exit.is_none_or(|code| matches!(code, 0..=9 | 130)),
            "{}",
            self.wrong("the exit code is none of the published ones")
        );
        // The second signal ends a process at once, without a word.
        if self.exit.is_none_or(|code| code == 130) {
            return Ok(());
        }
        if stdout_is == Stdout::JsonLines {
            for line in self.stdout.split_inclusive(|byte| *byte == b'\n') {
                // Not as values: a record may hold numbers that no float holds.
                let is_object =
                    serde_json::from_slice::<&RawValue>(line).is_ok_and(|line| line.get().starts_with('{'));
                ensure!(is_object, "{}", self.wrong("a line on stdout is no JSON object"));
            }
            let code = self.exit.unwrap_or_default();
            if let Some(error) = self.error() {
                ensure!(
                    error["code"] == code,
                    "{}",
                    self.wrong("the error on stderr has another code than the exit")
                );
                for name in ["kind", "message"] {
                    let text = error[name].as_str().unwrap_or_default();
                    ensure!(
                        !text.is_empty(),
                        "{}",
                        self.wrong(&format!("the error on stderr has no {name}"))
                    );
                }
            }
            ensure!(
                code == 0 || self.error().is_some() || !self.stdout.is_empty(),
                "{}",
                self.wrong("it failed and says nothing about it")
            );
        } else {
            ensure!(
                self.exit == Some(0) || !self.stderr.trim().is_empty() || !self.stdout.is_empty(),
                "{}",
                self.wrong("it failed and says nothing about it")
            );
        }
        Ok(())
    }
}

fn collect(mut stream: impl Read + Send + 'static) -> Collected {
    let bytes = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&bytes);
    let ended = std::thread::spawn(move || {
        let mut piece = [0; 8 << 10];
        // What was read before a broken pipe is what there is.
        while let Ok(read @ 1..) = stream.read(&mut piece) {
            kept.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(&piece[..read]);
        }
    });
    Collected { bytes, ended }
}

impl Collected {
    fn so_far(&self) -> Vec<u8> {
        self.bytes.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn whole(self) -> Vec<u8> {
        let Self { bytes, ended } = self;
        // A thread that panicked keeps what it read.
        let _ = ended.join();
        std::mem::take(&mut *bytes.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The most memory that was resident at once, as Linux counts it. Nothing once the process has ended.
pub(super) fn peak_kib(id: u32) -> Option<u64> {
    let status = std::fs::read_to_string(Path::new("/proc").join(id.to_string()).join("status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().trim_end_matches("kB").trim().parse().ok()
}

/// A command as one would type it; the environment is left out, since it holds the secret.
fn shown(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let words: Vec<String> = words
        .map(|word| {
            let word = word.to_string_lossy();
            let plain = |c: char| c.is_alphanumeric() || "-_./=:,+".contains(c);
            let word: String = if word.chars().count() > 200 {
                word.chars().take(200).chain("…".chars()).collect()
            } else {
                word.into()
            };
            if !word.is_empty() && word.chars().all(plain) {
                word
            } else {
                format!("'{}'", word.escape_debug())
            }
        })
        .collect();
    words.join(" ")
}

/// The end of a long text: what went wrong is said last.
fn tail(text: &str) -> String {
    const MOST: usize = 1_500;
    let text = text.trim_end();
    match text.char_indices().rev().nth(MOST) {
        Some((at, _)) => format!("… {}", &text[at..]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(exit: i32, stdout: &str, stderr: &str) -> Run {
        Run {
            command: "frontdesk x".into(),
            exit: Some(exit),
            stdout: stdout.into(),
            stderr: stderr.into(),
            peak_kib: 0,
        }
    }

    #[test]
    fn results_and_errors_are_found_in_what_was_printed() {
        let good = run(0, "{\"a\":1}\n{\"a\":2}\n", "");
        assert_eq!(good.last().unwrap()["a"], 2);
        assert!(good.error().is_none());
        let bad = run(5, "", "talk\n{\"error\":{\"code\":5,\"kind\":\"k\",\"message\":\"m\"}}\n");
        assert_eq!(bad.error().unwrap()["code"], 5);
        assert!(bad.exits(5).unwrap().says(&["TALK"]).unwrap().says(&["nothing"]).is_err());
        assert!(run(0, "no json", "").last().is_err());
    }

    #[test]
    fn an_unexpected_exit_shows_all_one_needs() {
        let message = run(1, "out", "err").exits(0).unwrap_err();
        for part in ["$ frontdesk x", "exit: 1", "out", "err", "exit 0"] {
            assert!(message.contains(part), "{message}");
        }
    }
}
