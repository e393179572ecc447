//! System calls that fail when they are told to: `strace -e inject`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::desk::Desk;
use super::files;

/// Whether strace may trace here; a reason when not.
pub(super) fn is_usable() -> Result<(), String> {
    let tried = Command::new("strace").args(["-f", "-o", "/dev/null", "true"]).output();
    match tried {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => {
            Err(format!("strace cannot trace here: {}", String::from_utf8_lossy(&output.stderr).trim()))
        }
        Err(error) => Err(format!("strace cannot be run ({error}); install it")),
    }
}

/// Some calls of a program, traced into a file.
pub(super) struct Trace {
    file: PathBuf,
}

/// A call in a trace.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) thread: String,
    pub(super) name: String,
    /// The file of the first descriptor, where strace knows it.
    pub(super) path: String,
    pub(super) injected: bool,
}

impl<'s> Desk<'s> {
    /// Runs under strace, where the calls of `inject` fail.
    pub(super) fn injecting(self, calls: &str, inject: &str) -> (Self, Trace) {
        let file = self.scene.hidden("trace");
        let desk = self.under([
            "strace".to_owned(),
            // -y shows the path of a descriptor.
            "-fqqy".into(),
            "-o".into(),
            file.display().to_string(),
            "-e".into(),
            format!("trace={calls}"),
            "-e".into(),
            "signal=none".into(),
            "-e".into(),
            format!("inject={inject}"),
        ]);
        (desk, Trace { file })
    }
}

impl Trace {
    /// Every call, in the order in which they began.
    pub(super) fn calls(&self) -> Result<Vec<Call>, String> {
        let text = files::read(&self.file)?;
        Ok(parse(&String::from_utf8_lossy(&text)))
    }

    /// How many calls failed because they were told to.
    pub(super) fn injected(&self) -> Result<usize, String> {
        Ok(self.calls()?.iter().filter(|call| call.injected).count())
    }
}

/// Reads `PID call(3<path>, …) = … (INJECTED)`; a call that another thread interrupted is two lines, the second of which
/// begins `<... call resumed>`.
fn parse(text: &str) -> Vec<Call> {
    let mut calls: Vec<Call> = Vec::new();
    let mut open: BTreeMap<&str, usize> = BTreeMap::new();
    for line in text.lines() {
        let Some((pid, rest)) = line.split_once(' ') else { continue };
        let rest = rest.trim_start();
        let injected = rest.contains("(INJECTED)");
        if rest.starts_with("<...") {
            if let Some(call) = open.remove(pid).and_then(|index| calls.get_mut(index)) {
                call.injected |= injected;
            }
            continue;
        }
        let Some((name, arguments)) = rest.split_once('(') else { continue };
        let path = arguments.split_once('<').and_then(|(_, path)| path.split_once('>')).map(|(path, _)| path);
        if rest.contains("<unfinished") {
            open.insert(pid, calls.len());
        }
        calls.push(Call {
            thread: pid.to_owned(),
            name: name.to_owned(),
            path: path.unwrap_or_default().to_owned(),
            injected,
        });
    }
    calls
}

/// The path of a call relative to a folder.
pub(super) fn below<'c>(call: &'c Call, folder: &Path) -> Option<&'c str> {
    call.path.strip_prefix(folder.to_str()?).map(|path| path.trim_start_matches('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_read_with_their_files_also_when_interrupted() {
        let text = "\
71 fdatasync(9</a/b.gz>) = -1 EIO (Input/output error) (INJECTED)
72 fsync(5</a> <unfinished ...>
71 pwrite64(9</a/b.gz>, \"x\"..., 1, 0) = 1
72 <... fsync resumed>)               = -1 EIO (Input/output error) (INJECTED)
73 +++ exited with 0 +++
";
        let calls = parse(text);
        let seen: Vec<_> =
            calls.iter().map(|call| (call.name.as_str(), call.path.as_str(), call.injected)).collect();
        assert_eq!(
            seen,
            [("fdatasync", "/a/b.gz", true), ("fsync", "/a", true), ("pwrite64", "/a/b.gz", false)]
        );
        assert_eq!(below(&calls[0], Path::new("/a")), Some("b.gz"));
    }
}
