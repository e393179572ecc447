//! Where things are in the archive's folder. No record id ever becomes part of a path.

use std::fmt;

use frontdesk_domain::media::MediaHash;
use frontdesk_domain::{Timestamp, YearMonth};

pub(crate) const FORMAT: &str = "FORMAT.json";
pub(crate) const LEDGER: &str = "ledger.ndjson";
pub(crate) const LOCK: &str = "lock";
pub(crate) const SEGMENTS: &str = "segments";
pub(crate) const QUARANTINE: &str = "quarantine";
/// What checks found damaged, and who writes it down.
pub(crate) const FINDINGS: &str = "quarantine/findings.json";
pub(crate) const FINDINGS_LOCK: &str = "quarantine/findings.lock";
pub(crate) const RUNS: &str = "runs";
pub(crate) const RESERVE: &str = "reserve";
pub(crate) const SEARCH: &str = "search";
pub(crate) const SEARCH_MANIFEST: &str = "search/MANIFEST";
/// The files of messages, by the SHA-256 of their bytes.
pub(crate) const MEDIA: &str = "media";
/// Files on their way there, and the marks of those that nothing may refer to.
pub(crate) const INCOMING: &str = "incoming";
pub(crate) const CATALOG: &str = "catalog.sqlite";
pub(crate) const CATALOG_WAL: &str = "catalog.sqlite-wal";
pub(crate) const CATALOG_SHM: &str = "catalog.sqlite-shm";
pub(crate) const CATALOG_SUM: &str = "catalog.sha256";

const SEGMENT_SUFFIX: &str = ".ndjson.gz";
const INDEX_SUFFIX: &str = ".fdx";
const SUM_SUFFIX: &str = ".sha256";
const UNDATED: &str = "undated";

/// The folder a segment lies in: the month its conversations started in, or `undated`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Folder {
    Month(YearMonth),
    Undated,
}

impl Folder {
    /// The folder for a conversation that started then. Years a folder name cannot hold are `undated`.
    pub(crate) fn of(started_at: Option<Timestamp>) -> Self {
        match started_at.map(Timestamp::year_month) {
            Some(month) if (0..=9_999).contains(&month.year()) => Self::Month(month),
            _ => Self::Undated,
        }
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        if text == UNDATED {
            return Some(Self::Undated);
        }
        let month: YearMonth = text.parse().ok()?;
        (month.to_string() == text).then_some(Self::Month(month))
    }

    /// Its path below the archive's folder.
    pub(crate) fn path(self) -> String {
        format!("{SEGMENTS}/{self}")
    }
}

impl fmt::Display for Folder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Month(month) => month.fmt(f),
            Self::Undated => f.write_str(UNDATED),
        }
    }
}

/// The path of a segment.
pub(crate) fn segment(folder: Folder, number: u32) -> String {
    format!("{SEGMENTS}/{folder}/{number:06}{SEGMENT_SUFFIX}")
}

/// The path of a sealed segment's checksum file. Its one line names the segment without a folder:
/// `sha256sum -c` is run in the folder the two lie in.
pub(crate) fn segment_sum(folder: Folder, number: u32) -> String {
    format!("{SEGMENTS}/{folder}/{number:06}{SUM_SUFFIX}")
}

/// The path of a message's file.
pub(crate) fn media(hash: &MediaHash) -> String {
    format!("{MEDIA}/{hash}")
}

/// The path of the mark of a file that nothing may refer to.
pub(crate) fn mark(hash: &MediaHash) -> String {
    format!("{INCOMING}/{hash}")
}

/// The path of a file of the search index.
pub(crate) fn index_file(number: u32) -> String {
    format!("{SEARCH}/{number:06}{INDEX_SUFFIX}")
}

/// The number of a file of the search index; `None` when the name is not one of ours.
pub(crate) fn index_number(name: &str) -> Option<u32> {
    let digits = name.strip_suffix(INDEX_SUFFIX)?;
    let number: u32 = digits.parse().ok()?;
    (format!("{number:06}") == digits).then_some(number)
}

/// The one line of a checksum file, in the form `sha256sum -c` reads.
pub(crate) fn sum_line(sha256: &frontdesk_durable::Sha256Hash, path: &str) -> String {
    let name = path.rsplit('/').next().unwrap_or(path);
    format!("{}  {name}\n", frontdesk_durable::to_hex(sha256))
}

/// What a name in a segment folder stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Name {
    Segment(u32),
    Sum(u32),
}

impl Name {
    /// Reads a file name; `None` when it is not one of ours, exactly as we would write it.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        let number = |suffix| {
            let digits: &str = name.strip_suffix(suffix)?;
            let number: u32 = digits.parse().ok()?;
            (format!("{number:06}") == digits).then_some(number)
        };
        number(SEGMENT_SUFFIX).map(Self::Segment).or_else(|| number(SUM_SUFFIX).map(Self::Sum))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back_only_as_they_are_written() {
        assert_eq!(Name::parse("000001.ndjson.gz"), Some(Name::Segment(1)));
        assert_eq!(Name::parse("1234567.sha256"), Some(Name::Sum(1_234_567)));
        for other in ["1.ndjson.gz", "0000001.ndjson.gz", "+00001.ndjson.gz", "000001.gz", "", ".ndjson.gz"] {
            assert_eq!(Name::parse(other), None, "{other}");
        }
        assert_eq!(segment(Folder::Undated, 7), "segments/undated/000007.ndjson.gz");
        assert_eq!(Folder::parse("2025-03").map(|folder| folder.to_string()).as_deref(), Some("2025-03"));
        for other in ["2025-3", "2025-13", "..", "", "2025-03 "] {
            assert_eq!(Folder::parse(other), None, "{other}");
        }
    }
}
