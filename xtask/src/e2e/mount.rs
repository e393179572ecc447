//! File systems of one scenario's own, in a mount namespace that ends with the process that holds it: nothing stays
//! mounted, whatever happens to the task.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use super::desk::Desk;

/// A namespace with something mounted in it.
pub(super) struct Mounts {
    holder: Child,
    /// Whether it took a user namespace: no root then.
    as_user: bool,
}

impl Mounts {
    /// Runs a script of mounts in a namespace of its own and keeps that.
    ///
    /// An error says why this machine does not allow it.
    pub(super) fn make(script: &str) -> Result<Self, String> {
        let mut reasons = Vec::new();
        for as_user in [false, true] {
            match Self::try_make(script, as_user) {
                Ok(mounts) => return Ok(mounts),
                Err(reason) => reasons.push(reason),
            }
        }
        Err(reasons.join("; "))
    }

    fn try_make(script: &str, as_user: bool) -> Result<Self, String> {
        let flags = if as_user { "-rm" } else { "-m" };
        let mut holder = Command::new("unshare")
            .args([flags, "sh", "-euc", &format!("{script}\necho ready\nexec cat")])
            // Ends with this process: cat reads until its input closes.
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| format!("unshare: {error}"))?;
        let mut line = String::new();
        if let Some(stdout) = holder.stdout.take() {
            // No line is the answer of a script that failed.
            let _ = BufReader::new(stdout).read_line(&mut line);
        }
        let mounts = Self { holder, as_user };
        if line.trim() == "ready" { Ok(mounts) } else { Err(format!("unshare {flags} may not mount here")) }
    }

    /// Runs a command in the namespace.
    pub(super) fn enter<'s>(&self, desk: Desk<'s>) -> Desk<'s> {
        desk.under(self.words())
    }

    /// Runs a script in the namespace.
    pub(super) fn run(&self, script: &str) -> Result<(), String> {
        let words = self.words();
        let output = Command::new(&words[0])
            .args(&words[1..])
            .args(["sh", "-euc", script])
            .output()
            .map_err(|error| format!("nsenter: {error}"))?;
        ensure!(output.status.success(), "{script}: {}", String::from_utf8_lossy(&output.stderr));
        Ok(())
    }

    /// A path as it is inside, seen from here.
    pub(super) fn seen(&self, path: &Path) -> PathBuf {
        let root = format!("/proc/{}/root", self.holder.id());
        Path::new(&root).join(path.strip_prefix("/").unwrap_or(path))
    }

    fn words(&self) -> Vec<String> {
        let mut words = vec!["nsenter".to_owned(), "-t".into(), self.holder.id().to_string()];
        if self.as_user {
            words.extend(["-U".into(), "--preserve-credentials".into()]);
        }
        words.extend(["-m".into(), "--".into()]);
        words
    }
}

impl Drop for Mounts {
    fn drop(&mut self) {
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
}
