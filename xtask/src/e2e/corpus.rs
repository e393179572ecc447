//! The dialogues that a sandbox serves: the support corpus where it is beside the project, else our own few and copies of
//! them.

use std::path::PathBuf;

use crate::cargo;

/// Beside the project's folder; not part of it, since it is large and has a licence of its own.
const BESIDE: &str = "../shared/corpus/support-dialogues.ndjson.gz";
const OURS: &str = "fixtures/data/dialogues/corpus.ndjson";
/// So many copies of our few make something to pull.
const COPIES: u64 = 3_000;

/// A file of dialogues.
pub(super) struct Corpus {
    pub(super) path: PathBuf,
    /// More than the file holds: copies are made.
    pub(super) conversations: Option<u64>,
    pub(super) is_real: bool,
    pub(super) dates: Dates,
}

/// Around the end of a corpus. Times of one form, which compare as texts.
pub(super) struct Dates {
    /// It is over by then.
    pub(super) over: &'static str,
    /// Three days before that, as long as the threading window: some of it ended later.
    pub(super) window_began: &'static str,
}

impl Corpus {
    pub(super) fn find() -> Result<Self, String> {
        let beside = cargo::root().join(BESIDE);
        if beside.is_file() {
            let dates = Dates { over: "2026-01-01T06:00:00Z", window_began: "2025-12-29T06:00:00Z" };
            return Ok(Self { path: beside, conversations: None, is_real: true, dates });
        }
        let path = cargo::root().join(OURS);
        ensure!(path.is_file(), "{} is not there", path.display());
        let dates = Dates { over: "2025-11-01T06:00:00Z", window_began: "2025-10-29T06:00:00Z" };
        Ok(Self { path, conversations: Some(COPIES), is_real: false, dates })
    }
}
