//! The report: how many messages arrived in time, and how long they took; all together, by channel, by hour.
//!
//! It is read from the journal alone. Messages without a final receipt are judged at the time of the report, by the
//! platform's clock as it was last measured.

use std::collections::BTreeMap;
use std::time::Duration;

use frontdesk_domain::Timestamp;
use frontdesk_domain::conversation::ChannelType;
use frontdesk_domain::delivery::{MeasuredSkew, Sla, SlaState};
use frontdesk_journal::{Error, Reader};
use serde::Serialize;

use crate::outcome::OutcomeKind;
use crate::record::{CLOCKS, Entry, LEDGER};

/// Items read at once.
const PAGE: usize = 1_000;

/// A report over the messages of a journal.
#[derive(Debug, Clone, Default)]
pub struct SlaReport {
    /// All of them.
    pub all: SlaGroup,
    /// By the channel of their conversation; `unknown` where it was not said.
    pub channels: BTreeMap<String, SlaGroup>,
    /// By the hour (UTC) the platform made them in; those without such a time are in none.
    pub hours: BTreeMap<Timestamp, SlaGroup>,
}

/// Messages that are counted together.
#[derive(Debug, Clone, Default)]
pub struct SlaGroup {
    /// Within the threshold.
    pub met: u64,
    /// Not within it.
    pub missed: u64,
    /// Under way, and within it so far.
    pub pending: u64,
    /// Nobody says when they were made, or when they arrived.
    pub unknown: u64,
    /// From making to arrival, in microseconds, of those that arrived.
    elapsed: Vec<i64>,
}

/// A group of a report, as it is told.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SlaSummary {
    /// What its messages have in common: `all`, `channel`, `hour`.
    pub group: &'static str,
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
    /// The share that met the threshold, of those that met or missed it.
    pub met_share: Option<f64>,
    /// From making to arrival of those that arrived.
    pub elapsed_sec: Option<ElapsedPercentiles>,
}

/// How long messages took that arrived, in seconds: the time that this share of them did not exceed.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct ElapsedPercentiles {
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

impl SlaGroup {
    /// Counts one message.
    pub fn add(&mut self, sla: &Sla) {
        *match sla.state {
            SlaState::Met => &mut self.met,
            SlaState::Missed => &mut self.missed,
            SlaState::Pending => &mut self.pending,
            SlaState::Unknown => &mut self.unknown,
        } += 1;
        if let (Some(_), Some(elapsed)) = (sla.delivered_at, sla.elapsed_time_sec) {
            self.elapsed.push(elapsed.as_micros());
        }
    }

    /// All of them.
    #[must_use]
    pub fn messages(&self) -> u64 {
        self.met + self.missed + self.pending + self.unknown
    }

    /// The share that met the threshold, of those that met or missed it; none where there is no such.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "a share of counts")]
    pub fn met_share(&self) -> Option<f64> {
        let decided = self.met + self.missed;
        (decided > 0).then(|| self.met as f64 / decided as f64)
    }

    fn summary(&self, group: &'static str, name: String) -> SlaSummary {
        SlaSummary {
            group,
            name,
            messages: self.messages(),
            met: self.met,
            missed: self.missed,
            pending: self.pending,
            unknown: self.unknown,
            met_share: self.met_share(),
            elapsed_sec: self.percentiles(),
        }
    }

    /// The percentiles, by the nearest rank; none where nothing arrived.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "microseconds of a message's way")]
    pub fn percentiles(&self) -> Option<ElapsedPercentiles> {
        let mut sorted = self.elapsed.clone();
        sorted.sort_unstable();
        let max = *sorted.last()?;
        let seconds = |micros: i64| micros as f64 / 1e6;
        let at = |percent: usize| seconds(sorted[(sorted.len() * percent).div_ceil(100).saturating_sub(1)]);
        Some(ElapsedPercentiles {
            count: sorted.len() as u64,
            p50: at(50),
            p95: at(95),
            p99: at(99),
            max: seconds(max),
        })
    }
}

impl SlaReport {
    /// Reads the report of the messages that were made in `[from, to)` and judges them at `now`. Each message is handed to
    /// `each` as well, with its channel.
    ///
    /// # Errors
    /// When the journal cannot be read.
    pub fn read(
        reader: &Reader,
        now: Timestamp,
        threshold: Duration,
        (from, to): (Option<Timestamp>, Option<Timestamp>),
        each: &mut dyn FnMut(&Sla, Option<&ChannelType>),
    ) -> Result<Self, Error> {
        let clocks = clocks(reader)?;
        let mut report = Self::default();
        let mut after: Option<String> = None;
        loop {
            let items = reader.items(LEDGER, after.as_deref(), PAGE)?;
            for item in &items {
                let Some(entry) = Entry::read(item) else { continue };
                if entry.outcome.kind() != OutcomeKind::Sent {
                    continue;
                }
                let platform_now = clocks.get(&entry.host).map_or(now, |ahead| shifted(now, *ahead));
                let Some(sla) = entry.sla(platform_now, threshold) else { continue };
                let made = sla.created_at.unwrap_or(entry.begun);
                if from.is_some_and(|from| made < from) || to.is_some_and(|to| made >= to) {
                    continue;
                }
                each(&sla, entry.channel.as_ref());
                report.add(&sla, entry.channel.as_ref());
            }
            match items.last() {
                Some(last) if items.len() == PAGE => after = Some(last.key.clone()),
                _ => return Ok(report),
            }
        }
    }

    /// Its groups as they are told: all, then by channel, then by hour.
    #[must_use]
    pub fn summaries(&self) -> Vec<SlaSummary> {
        let channels = self.channels.iter().map(|(name, group)| group.summary("channel", name.clone()));
        let hours = self.hours.iter().map(|(hour, group)| group.summary("hour", hour.to_string()));
        std::iter::once(self.all.summary("all", String::new())).chain(channels).chain(hours).collect()
    }

    fn add(&mut self, sla: &Sla, channel: Option<&ChannelType>) {
        self.all.add(sla);
        let channel = channel.map_or("unknown", ChannelType::as_str);
        self.channels.entry(channel.to_owned()).or_default().add(sla);
        if let Some(created) = sla.created_at {
            self.hours.entry(hour(created)).or_default().add(sla);
        }
    }
}

/// How far the platforms' clocks were ahead when they were measured last, in milliseconds, by host. What lies within
/// the exactness of the measurement is no difference.
fn clocks(reader: &Reader) -> Result<BTreeMap<String, i64>, Error> {
    let items = reader.items(CLOCKS, None, PAGE)?;
    Ok(items
        .into_iter()
        .filter_map(|item| {
            let measured: MeasuredSkew = serde_json::from_str(item.detail.get()).ok()?;
            (measured.ahead_ms.abs() > measured.within_ms).then_some((item.key, measured.ahead_ms))
        })
        .collect())
}

fn shifted(time: Timestamp, ahead_ms: i64) -> Timestamp {
    Timestamp::from_nanos(time.as_nanos() + i128::from(ahead_ms) * 1_000_000).unwrap_or(time)
}

/// The start of the hour.
fn hour(time: Timestamp) -> Timestamp {
    const HOUR: i128 = 3_600_000_000_000;
    Timestamp::from_nanos(time.as_nanos().div_euclid(HOUR) * HOUR).unwrap_or(time)
}
