//! What the archive holds, and for each day what is stored, may still change, is missing: `archive report --summary`.

use frontdesk_archive::{Day, Error, Reader, Summary};
use frontdesk_domain::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

/// Totals and the calendar.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CoverageView {
    /// When this was read, RFC 3339.
    pub generated_at: String,
    /// Records, every version counted.
    pub total_files: u64,
    /// Totals.
    pub totals: TotalsView,
    /// The days, from the first with anything to say to the last, in order.
    pub calendar: Vec<DayView>,
    /// Runs whose logs are damaged, so that they prove nothing here.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unreadable_runs: Vec<String>,
}

/// How much there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TotalsView {
    /// Conversations.
    pub conversations: u64,
    /// Those that state no start, and so are of no day.
    pub undated: u64,
    /// Bytes of all records.
    pub raw_bytes: u64,
    /// Bytes of all segments.
    pub packed_bytes: u64,
    /// Segments.
    pub segments: u64,
    /// Files of messages.
    pub media: u64,
    /// Their bytes.
    pub media_bytes: u64,
}

/// One day, UTC.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct DayView {
    /// Which: `2025-03-01`.
    pub day: String,
    /// `complete`, `provisional`, `missing`, `partial` or `unproven`: what the runs prove of it.
    pub state: &'static str,
    /// Conversations that are stored.
    pub stored: u64,
    /// Those of them that may still change.
    pub provisional: u64,
    /// Those of them that a matter holds.
    pub held: u64,
    /// Those that retention removed.
    pub expired: u64,
    /// How many stretches of the day are missing; which, is in `gaps`.
    pub missing: u64,
    /// The stretches that are missing.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub gaps: Vec<GapView>,
}

/// A stretch of time that was asked for and not taken to the end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct GapView {
    /// Its first moment, RFC 3339.
    pub from: String,
    /// The first moment behind it.
    pub to: String,
}

/// Reads it. Blocks.
///
/// # Errors
/// What is wrong with the archive.
pub fn coverage(reader: &Reader, now: Timestamp) -> Result<CoverageView, Error> {
    Ok(CoverageView::new(&reader.summary(now)?, now))
}

impl CoverageView {
    /// What a summary says that was read at a time.
    #[must_use]
    pub fn new(summary: &Summary, generated_at: Timestamp) -> Self {
        let stats = &summary.stats;
        Self {
            generated_at: generated_at.to_string(),
            total_files: stats.records,
            totals: TotalsView {
                conversations: stats.conversations,
                undated: summary.undated,
                raw_bytes: stats.raw_bytes,
                packed_bytes: stats.packed_bytes,
                segments: stats.segments,
                media: summary.media.files,
                media_bytes: summary.media.bytes,
            },
            calendar: summary.days.iter().map(DayView::new).collect(),
            unreadable_runs: summary.unreadable_runs.iter().map(ToString::to_string).collect(),
        }
    }
}

impl DayView {
    fn new(day: &Day) -> Self {
        let gap = |gap: &frontdesk_archive::Gap| GapView {
            from: gap.range.from().to_string(),
            to: gap.range.to().to_string(),
        };
        Self {
            day: date(day.day),
            state: day.state.as_str(),
            stored: day.stored,
            provisional: day.provisional,
            held: day.held,
            expired: day.expired,
            missing: day.missing.len() as u64,
            gaps: day.missing.iter().map(gap).collect(),
        }
    }
}

/// A day as people write it.
fn date(midnight: Timestamp) -> String {
    let text = midnight.to_string();
    text.split('T').next().unwrap_or(&text).to_owned()
}
