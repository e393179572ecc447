//! Journals in temporary folders, and records to put into them.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use frontdesk_domain::Timestamp;
use frontdesk_domain::audit::{HistoryRecord, HistoryStep, TerminationRecord};
use frontdesk_journal::{Change, Clock, Entry, Journal, Reader, Settings};

/// A folder that is gone with this value.
pub(crate) struct Folder {
    temp: tempfile::TempDir,
}

impl Folder {
    pub(crate) fn new() -> Self {
        Self { temp: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn root(&self) -> PathBuf {
        self.temp.path().join("journal")
    }

    /// A path outside of the journal's folder.
    pub(crate) fn beside(&self, name: &str) -> PathBuf {
        self.temp.path().join(name)
    }

    pub(crate) fn open(&self) -> Journal {
        Journal::open(&self.root(), &settings(), clock()).unwrap()
    }

    pub(crate) fn reader(&self) -> Reader {
        Reader::open(&self.root()).unwrap()
    }
}

pub(crate) fn settings() -> Settings {
    Settings { actor: "tester".into(), command: "test".into(), ..Settings::default() }
}

pub(crate) fn now() -> Timestamp {
    "2025-03-01T10:00:00.5Z".parse().unwrap()
}

pub(crate) fn clock() -> Clock {
    Arc::new(now)
}

pub(crate) fn page(count: u64) -> HistoryRecord {
    HistoryRecord {
        event: HistoryStep::PageProcessed,
        timestamp: now(),
        page_token: Some(format!("t-{count}")),
        message_count: count,
        latency_ms: 12,
        error: None,
    }
}

pub(crate) fn ended(guest: &str) -> TerminationRecord {
    TerminationRecord {
        timestamp: now(),
        guest_id: guest.to_owned(),
        reason: "timeout".into(),
        retain_data: true,
        success: true,
        latency_ms: 41,
        external_ref: Some(format!("ticket of {guest}")),
        error: None,
        duplicate_termination: None,
    }
}

/// Records `count` entries: pages, and every third a guest.
pub(crate) fn fill(journal: &Journal, count: u64) {
    let pending: Vec<_> = (0..count)
        .map(|index| {
            let change = match index % 3 {
                2 => Change::new().audit(ended(&format!("guest-{index}"))),
                _ => Change::new().audit(page(index)),
            };
            journal.submit(change).unwrap()
        })
        .collect();
    for pending in pending {
        pending.wait().unwrap();
    }
}

pub(crate) fn entries(reader: &Reader) -> Vec<Entry> {
    let mut entries = Vec::new();
    reader
        .entries(0, None, &mut |entry| {
            entries.push(entry);
            ControlFlow::Continue(())
        })
        .unwrap();
    entries
}

/// Copies the files of a folder into another.
#[expect(clippy::disallowed_methods, reason = "a test copies as people do")]
pub(crate) fn copy(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}
