//! How many messages arrived in time: all together, by channel, by the hour.

use std::time::Duration;

use frontdesk_domain::Timestamp;
use frontdesk_journal::{Error, Reader};
use frontdesk_messages::sla::ElapsedPercentiles;
use frontdesk_messages::{SlaReport, SlaSummary};
use serde::Serialize;
use utoipa::ToSchema;

/// The report.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct SlaView {
    /// In which time a message is to arrive, in seconds.
    pub threshold_sec: f64,
    /// All messages.
    pub all: SlaGroupView,
    /// By the channel of their conversation.
    pub channels: Vec<SlaGroupView>,
    /// By the hour, UTC, they were made in.
    pub hours: Vec<SlaGroupView>,
}

/// Messages that are counted together.
#[derive(Debug, Clone, Default, PartialEq, Serialize, ToSchema)]
pub struct SlaGroupView {
    /// The channel, or the hour's beginning; empty for all.
    pub name: String,
    /// How many there are.
    pub messages: u64,
    /// Within the threshold.
    pub met: u64,
    /// Not within it.
    pub missed: u64,
    /// Under way, and within it so far.
    pub pending: u64,
    /// Nobody says when they were made, or when they arrived.
    pub unknown: u64,
    /// Share of those that met it among those that met or missed it.
    pub met_share: Option<f64>,
    /// From making to arrival of those that arrived; absent where none did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub elapsed_sec: Option<ElapsedView>,
}

/// The time that a share of the messages that arrived did not exceed, in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, ToSchema)]
pub struct ElapsedView {
    /// Messages that arrived.
    pub count: u64,
    /// Half of them.
    pub p50: f64,
    /// 95 of 100.
    pub p95: f64,
    /// 99 of 100.
    pub p99: f64,
    /// All.
    pub max: f64,
}

/// Reads the report of the messages that were made in `[from, to)`. Blocks.
///
/// # Errors
/// What is wrong with the journal.
pub fn report(
    reader: Option<&Reader>,
    now: Timestamp,
    threshold: Duration,
    range: (Option<Timestamp>, Option<Timestamp>),
) -> Result<SlaView, Error> {
    let report = match reader {
        Some(reader) => SlaReport::read(reader, now, threshold, range, &mut |_, _| {})?,
        None => SlaReport::default(),
    };
    let mut view = SlaView {
        threshold_sec: threshold.as_secs_f64(),
        all: SlaGroupView::default(),
        channels: Vec::new(),
        hours: Vec::new(),
    };
    for summary in report.summaries() {
        match summary.group {
            "channel" => view.channels.push(summary.into()),
            "hour" => view.hours.push(summary.into()),
            _ => view.all = summary.into(),
        }
    }
    Ok(view)
}

impl From<SlaSummary> for SlaGroupView {
    fn from(summary: SlaSummary) -> Self {
        let SlaSummary { group: _, name, messages, met, missed, pending, unknown, met_share, elapsed_sec } =
            summary;
        let elapsed_sec = elapsed_sec.map(|ElapsedPercentiles { count, p50, p95, p99, max }| ElapsedView {
            count,
            p50,
            p95,
            p99,
            max,
        });
        Self { name, messages, met, missed, pending, unknown, met_share, elapsed_sec }
    }
}
