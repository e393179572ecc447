//! Totals, and for each day what is stored, what may still change and what is missing.

use std::collections::BTreeMap;

use frontdesk_domain::coverage::{Coverage, Proof};
use frontdesk_domain::{RunId, TimeRange, Timestamp};

use super::runs::{self, Proofs};
use crate::catalog::{Catalog, DAY};
use crate::error::Error;
use crate::media::MediaStats;
use crate::reader::{Reader, Stats};

/// What the archive holds, in totals and by the day on which conversations started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// Totals.
    pub stats: Stats,
    /// The files of messages.
    pub media: MediaStats,
    /// Conversations that state no start, and so are of no day.
    pub undated: u64,
    /// From the first day with anything to say to the last, in order. A day that was asked for and had no conversation is
    /// there, too.
    pub days: Vec<Day>,
    /// Runs whose logs are damaged, so that they prove nothing here.
    pub unreadable_runs: Vec<RunId>,
}

/// One day, UTC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Day {
    /// Its midnight.
    pub day: Timestamp,
    /// What the runs prove of it.
    pub state: DayState,
    /// Conversations stored that started on it; the latest version of each counts.
    pub stored: u64,
    /// How many of them may still change: they started in a window that was open when it was taken.
    pub provisional: u64,
    /// How many of them a matter holds.
    pub held: u64,
    /// Conversations that retention removed, of which nothing is stored any more: those whose age was counted from
    /// this day (their end, else their start).
    pub expired: u64,
    /// Stretches of it that were asked for and not taken to the end by any run.
    pub missing: Vec<Gap>,
}

/// What the runs prove of a day, taken together: a moment is as good as the best run that asked for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DayState {
    /// Everything was taken and nothing can come any more.
    Complete,
    /// Everything was taken; more may still come.
    Provisional,
    /// A stretch was asked for and not taken to the end.
    Missing,
    /// A part of the day, or only what a filter lets through, was asked for; that was taken.
    Partial,
    /// No run asked for any of it: what is stored came from a file.
    Unproven,
}

impl DayState {
    /// Its name in lower case.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Provisional => "provisional",
            Self::Missing => "missing",
            Self::Partial => "partial",
            Self::Unproven => "unproven",
        }
    }
}

/// A stretch of time that is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gap {
    /// Where, within its day.
    pub range: TimeRange,
}

impl Reader {
    /// Totals and the calendar. Days after `now` are left out unless something is stored for them.
    ///
    /// # Errors
    /// `Catalog` and what the file system says. A run whose log is damaged is named and proves nothing.
    pub fn summary(&self, now: Timestamp) -> Result<Summary, Error> {
        let stats = self.stats()?;
        let media = self.media_stats()?;
        let stored = self.ask(Catalog::started_by_day)?;
        let expired_on: BTreeMap<i64, u64> = self.ask(Catalog::expired_by_day)?.into_iter().collect();
        let held_on = self.ask(Catalog::held_by_day)?;
        let Proofs { all, filtered, unreadable } = runs::proofs(&*self.dir)?;
        let dated: u64 = stored.iter().map(|(_, count)| count).sum();
        let mut stored_on: BTreeMap<i64, u64> = stored.into_iter().collect();
        let mut days = Vec::new();
        let mut held_back: Vec<Day> = Vec::new();
        for number in wanted(&all, &filtered, stored_on.keys().chain(expired_on.keys()), now) {
            let Some(range) = day_range(number) else { continue };
            let stored = stored_on.remove(&number).unwrap_or(0);
            let (state, open, missing) = judge(&all, &filtered, range);
            let mut provisional = 0;
            for open in open.iter().filter(|_| stored > 0) {
                let (from, to) = (open.from().as_micros(), open.to().as_micros());
                provisional += self.ask(|catalog| catalog.started_between(from, to))?;
            }
            let count = |days: &BTreeMap<i64, u64>| days.get(&number).copied().unwrap_or(0);
            let (held, expired) = (count(&held_on), count(&expired_on));
            let day = Day { day: range.from(), state, stored, provisional, held, expired, missing };
            // Complete and empty days count between others only: a pull may ask for a thousand years.
            if day.stored == 0 && day.expired == 0 && day.state == DayState::Complete {
                if !days.is_empty() {
                    held_back.push(day);
                }
            } else {
                days.append(&mut held_back);
                days.push(day);
            }
        }
        let undated = stats.conversations.saturating_sub(dated);
        Ok(Summary { stats, media, undated, days, unreadable_runs: unreadable })
    }
}

/// The days to look at, in order, counted from 1970.
fn wanted<'d>(
    all: &Coverage,
    filtered: &BTreeMap<String, Coverage>,
    counted: impl Iterator<Item = &'d i64>,
    now: Timestamp,
) -> Vec<i64> {
    let today = now.as_micros().div_euclid(DAY);
    let mut days: Vec<i64> = counted.copied().collect();
    for coverage in std::iter::once(all).chain(filtered.values()) {
        let everything = TimeRange::new(Timestamp::MIN, Timestamp::MAX);
        for (stretch, _) in everything.iter().flat_map(|range| coverage.within(*range)) {
            let first = stretch.from().as_micros().div_euclid(DAY);
            let last = (stretch.to().as_micros() - 1).div_euclid(DAY).min(today);
            days.extend(first..=last);
        }
    }
    days.sort_unstable();
    days.dedup();
    days
}

fn day_range(number: i64) -> Option<TimeRange> {
    let at = |day: i64| Timestamp::from_micros(day.checked_mul(DAY)?).ok();
    TimeRange::new(at(number)?, at(number + 1).unwrap_or(Timestamp::MAX)).ok()
}

/// What a day is, which of its stretches are open, and which are missing.
fn judge(
    all: &Coverage,
    filtered: &BTreeMap<String, Coverage>,
    day: TimeRange,
) -> (DayState, Vec<TimeRange>, Vec<Gap>) {
    let mut open = Vec::new();
    // Gaps of every run together: what one filter lacks is missing, unless a run that asked for everything has it.
    let mut gaps = Coverage::default();
    let mut taken = 0;
    for (stretch, proof) in all.within(day) {
        match proof {
            Proof::Missing => gaps.raise(stretch, Proof::Missing),
            Proof::Provisional => open.push(stretch),
            Proof::Complete => {}
        }
        if proof != Proof::Missing {
            taken += stretch.to().as_nanos() - stretch.from().as_nanos();
        }
    }
    let whole = taken == day.to().as_nanos() - day.from().as_nanos();
    let mut asked = taken > 0;
    for coverage in filtered.values() {
        for (stretch, proof) in coverage.within(day) {
            asked = true;
            for uncovered in untaken(all, stretch) {
                match proof {
                    Proof::Missing => gaps.raise(uncovered, Proof::Missing),
                    Proof::Provisional => open.push(uncovered),
                    Proof::Complete => {}
                }
            }
        }
    }
    let missing: Vec<Gap> = gaps.within(day).map(|(range, _)| Gap { range }).collect();
    let state = if !missing.is_empty() {
        DayState::Missing
    } else if !open.is_empty() {
        DayState::Provisional
    } else if whole {
        DayState::Complete
    } else if asked {
        DayState::Partial
    } else {
        DayState::Unproven
    };
    // Stretches of several filters may overlap; a conversation counts once.
    let mut once = Coverage::default();
    open.iter().for_each(|range| once.raise(*range, Proof::Provisional));
    (state, once.within(day).map(|(range, _)| range).collect(), missing)
}

/// The stretches of `range` that were open when they were taken, in order, without overlap.
pub(super) fn open(
    all: &Coverage,
    filtered: &BTreeMap<String, Coverage>,
    range: TimeRange,
) -> Vec<TimeRange> {
    judge(all, filtered, range).1
}

/// The parts of `range` that no run which asked for everything has taken.
fn untaken(all: &Coverage, range: TimeRange) -> Vec<TimeRange> {
    let mut parts = Vec::new();
    let mut from = range.from();
    for (stretch, _) in all.within(range).filter(|(_, proof)| *proof != Proof::Missing) {
        parts.extend(TimeRange::new(from, stretch.from()));
        from = stretch.to();
    }
    parts.extend(TimeRange::new(from, range.to()));
    parts
}
