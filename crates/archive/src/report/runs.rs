//! What the runs prove: read from their logs, certificates first.

use std::collections::BTreeMap;
use std::num::NonZeroU32;

use frontdesk_domain::coverage::{Coverage, Proof};
use frontdesk_domain::{Certificate, RunId, RunState, TimeRange, Timestamp, WindowEnd};
use frontdesk_durable::{Dir, ReadAt, from_hex, sha256};
use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::error::{Action, During, Error};
use crate::runs;

/// What runs prove of each moment: those that asked for everything, and those that asked for what a filter lets through.
#[derive(Debug, Default)]
pub(super) struct Proofs {
    pub(super) all: Coverage,
    pub(super) filtered: BTreeMap<String, Coverage>,
    /// Runs whose logs could not be read in part or as a whole: they prove nothing.
    pub(super) unreadable: Vec<RunId>,
}

/// A line of a pull's log (docs/archive-format.md), as far as it matters here.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Line {
    Run {
        request: Request,
    },
    Page {
        window: usize,
        #[serde(default)]
        next: Option<IgnoredAny>,
        at: Timestamp,
        #[serde(default)]
        late: u64,
    },
    Restarted {
        window: usize,
    },
    Certificate {
        certificate: Box<Certificate>,
    },
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
struct Request {
    from: Timestamp,
    to: Timestamp,
    #[serde(default)]
    filter: Option<String>,
    #[serde(default)]
    look_back_seconds: u64,
    windows: NonZeroU32,
}

/// A window of a run that has no certificate yet.
#[derive(Clone, Default)]
struct Window {
    done: bool,
    first_at: Option<Timestamp>,
    late: u64,
}

/// Reads what every run proves. A log that cannot be read proves nothing and is named.
///
/// # Errors
/// What the file system says.
pub(super) fn proofs(dir: &dyn Dir) -> Result<Proofs, Error> {
    let mut proofs = Proofs::default();
    for run in runs::list(dir)? {
        let path = runs::path(&run);
        let file = dir.open_read(&path).during(Action::Read, &path)?;
        let log = log(&*file).during(Action::Read, &path)?;
        if matches!(log, Log::Damaged) {
            proofs.unreadable.push(run);
        }
        log.raise(&mut proofs.all, &mut proofs.filtered);
    }
    Ok(proofs)
}

/// What one run proves.
#[derive(Debug)]
pub(super) struct Proven {
    filter: Option<String>,
    windows: Vec<(TimeRange, Proof)>,
    /// Whether it took all that it was asked for, so that nobody goes on with it.
    is_over: bool,
}

/// What a log says.
#[derive(Debug)]
pub(super) enum Log {
    Proves(Proven),
    /// It is no pull's.
    Nothing,
    Damaged,
}

impl Log {
    /// Whether it says the same for good.
    pub(super) fn is_over(&self) -> bool {
        matches!(self, Self::Proves(proven) if proven.is_over)
    }

    /// Adds what it proves: to what is known of everything, or of what its filter lets through.
    pub(super) fn raise(&self, all: &mut Coverage, filtered: &mut BTreeMap<String, Coverage>) {
        let Self::Proves(proven) = self else { return };
        let coverage = match &proven.filter {
            None => all,
            Some(filter) => filtered.entry(filter.clone()).or_default(),
        };
        proven.windows.iter().for_each(|(range, proof)| coverage.raise(*range, *proof));
    }
}

/// Reads a log.
///
/// # Errors
/// What the file system says.
pub(super) fn log(file: &dyn ReadAt) -> std::io::Result<Log> {
    let mut last = None;
    let mut whole = true;
    // Pages say what happened on the way; a certificate says it all, and is mostly the last line.
    lines(file, &mut |line| {
        last = None;
        if !is_page(line) {
            whole &= is_whole(line) || !line.ends_with(b"}");
            last = serde_json::from_slice(line).ok();
        }
        true
    })?;
    if let Some(Line::Certificate { certificate }) = last {
        return Ok(if whole { Log::Proves(certified(&certificate)) } else { Log::Damaged });
    }
    replay(file)
}

fn certified(certificate: &Certificate) -> Proven {
    let mut windows = Vec::new();
    for window in &certificate.windows {
        let Ok(range) = TimeRange::new(window.from, window.to) else { continue };
        let lacking = window.ended != WindowEnd::Complete
            || certificate
                .missing
                .iter()
                .any(|missing| missing.window_from < window.to && window.from < missing.window_to);
        let proof = match window.state {
            _ if lacking => Proof::Missing,
            RunState::Incomplete => Proof::Missing,
            RunState::Provisional => Proof::Provisional,
            RunState::Complete => Proof::Complete,
        };
        windows.push((range, proof));
    }
    let is_over = certificate.state != RunState::Incomplete;
    Proven { filter: certificate.filter.clone(), windows, is_over }
}

/// A run that did not end by itself: its pages say which windows were taken to their end.
fn replay(file: &dyn ReadAt) -> std::io::Result<Log> {
    let mut request: Option<Request> = None;
    let mut windows: Vec<Window> = Vec::new();
    let mut understood = true;
    lines(file, &mut |line| {
        if !is_whole(line) {
            // A torn last line was never acknowledged; anything else is damage.
            understood = !line.ends_with(b"}");
            return understood;
        }
        match serde_json::from_slice::<Line>(line).ok() {
            Some(Line::Run { request: asked }) => {
                windows = vec![Window::default(); asked.windows.get().min(10_000) as usize];
                request = Some(asked);
            }
            Some(Line::Page { window, next, at, late }) => {
                let Some(state) = windows.get_mut(window) else { return false };
                state.done = next.is_none();
                state.first_at = Some(state.first_at.map_or(at, |first| first.min(at)));
                state.late += late;
            }
            Some(Line::Restarted { window }) => match windows.get_mut(window) {
                Some(state) => *state = Window::default(),
                None => return false,
            },
            Some(Line::Certificate { .. } | Line::Other) | None => {}
        }
        true
    })?;
    if !understood {
        return Ok(Log::Damaged);
    }
    let Some(asked) = request else { return Ok(Log::Nothing) };
    let Ok(range) = TimeRange::new(asked.from, asked.to) else { return Ok(Log::Nothing) };
    let look_back = std::time::Duration::from_secs(asked.look_back_seconds);
    let proven = range.split(asked.windows).into_iter().zip(windows).map(|(range, window)| {
        let border = window.first_at.and_then(|at| at.checked_sub(look_back));
        let closed = border.is_some_and(|border| range.to() <= border) && window.late == 0;
        let proof = match (window.done, closed) {
            (false, _) => Proof::Missing,
            (true, false) => Proof::Provisional,
            (true, true) => Proof::Complete,
        };
        (range, proof)
    });
    Ok(Log::Proves(Proven { windows: proven.collect(), filter: asked.filter, is_over: false }))
}

/// Whether a line is that of a page, told by how it begins: `{"prev":"<64 digits>","type":"page"`.
fn is_page(line: &[u8]) -> bool {
    line.get(br#"{"prev":""#.len() + 64..).is_some_and(|rest| rest.starts_with(br#"","type":"page""#))
}

/// Whether a line's own check matches. The chain from line to line is verify's to follow.
fn is_whole(line: &[u8]) -> bool {
    const OPEN: &[u8] = br#","self":""#;
    let Some(at) = line.len().checked_sub(OPEN.len() + 64 + 2) else { return false };
    let (body, rest) = line.split_at(at);
    let digits = rest.strip_prefix(OPEN).and_then(|rest| rest.strip_suffix(br#""}"#));
    digits.and_then(from_hex) == Some(sha256(body))
}

/// Calls `each` with every line, the last also when its end is missing, until it returns `false`.
fn lines(file: &dyn ReadAt, each: &mut dyn FnMut(&[u8]) -> bool) -> std::io::Result<()> {
    let mut held = Vec::new();
    let mut buffer = vec![0; 256 * 1024];
    let mut offset = 0;
    loop {
        let read = file.read_at(offset, &mut buffer)?;
        if read == 0 {
            if !held.is_empty() {
                each(&held);
            }
            return Ok(());
        }
        offset += read as u64;
        let mut rest = &buffer[..read];
        while let Some(end) = memchr::memchr(b'\n', rest) {
            let go_on = if held.is_empty() {
                each(&rest[..end])
            } else {
                held.extend_from_slice(&rest[..end]);
                let go_on = each(&held);
                held.clear();
                go_on
            };
            if !go_on {
                return Ok(());
            }
            rest = &rest[end + 1..];
        }
        // A line is at most what one append may write.
        if held.len() as u64 > frontdesk_durable::MAX_APPEND_BYTES {
            return Ok(());
        }
        held.extend_from_slice(rest);
    }
}
