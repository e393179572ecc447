//! What a writer and a reader are told.

use std::num::NonZeroUsize;
use std::time::Duration;

use frontdesk_domain::OrganizationId;

/// How an archive is written.
///
/// ```
/// use frontdesk_archive::Settings;
///
/// let settings = Settings { segment_size: 256 * 1024, ..Settings::default() };
/// assert_eq!(settings.organization.as_str(), "default");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Whose records the archive keeps. An archive of another organisation is refused.
    pub organization: OrganizationId,
    /// Packed bytes at which a segment is sealed; at least one member goes into each. 64 MiB by default.
    pub segment_size: u64,
    /// Level of compression, 1 (fast) to 12 (small); what is out of range counts as the nearest. 1 by default:
    /// it packs half as fast again as 4 and 3 % larger.
    pub level: u8,
    /// How long to wait for another writer. 30 s by default.
    pub wait: Duration,
    /// What others are told about this process while it holds the archive, and the ledger as actor. One
    /// line; no secrets.
    pub holder: String,
    /// Bytes kept aside beside the length of the largest segment, so that removing works on a full disk; 0 for none.
    /// 8 MiB by default.
    pub reserve: u64,
    /// Threads that compress and check. By default as many as there are cores.
    pub workers: usize,
    /// Whether the search index is fed. Searches are exact without it, and slow. A writer that feeds it again first
    /// brings it up to date. Fed by default.
    pub search_index: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            organization: OrganizationId::default(),
            segment_size: 64 * 1024 * 1024,
            level: 1,
            wait: Duration::from_secs(30),
            holder: format!("frontdesk, process {}", std::process::id()),
            reserve: 8 * 1024 * 1024,
            workers: cores(),
            search_index: true,
        }
    }
}

/// How an archive is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadOptions {
    /// Threads that inflate and check. By default as many as there are cores.
    pub workers: usize,
    /// What others are told while the catalog is brought up to date, which needs the writer's lock for
    /// a moment.
    pub holder: String,
    /// Whether many searches will be answered. What they look at again and again is then held in memory: as it is
    /// needed, up to about 240 MiB. Not by default.
    pub many_searches: bool,
}

impl Default for ReadOptions {
    fn default() -> Self {
        Self {
            workers: cores(),
            holder: format!("frontdesk, process {}, reading", std::process::id()),
            many_searches: false,
        }
    }
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, NonZeroUsize::get)
}
