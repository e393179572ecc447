//! How many of what was found began when.

use std::collections::BTreeMap;

use frontdesk_domain::Timestamp;
use frontdesk_domain::time::{Period, Span};
use roaring::RoaringBitmap;

use super::facets::Facet;
use super::index::{Fault, IndexFile};

/// Days up to which they are told one by one, when they are of so few months.
const DAYS: usize = 62;
const MONTHS_OF_DAYS: usize = 3;
/// Months up to which they are told one by one; beyond them years are, the newest of them.
const MONTHS: usize = 36;

#[derive(Debug, Clone)]
pub(super) struct Dates {
    months: BTreeMap<Period, u64>,
    /// `None` once there were too many.
    days: Option<BTreeMap<Period, u64>>,
}

impl Default for Dates {
    fn default() -> Self {
        Self { months: BTreeMap::new(), days: Some(BTreeMap::new()) }
    }
}

impl Dates {
    /// One that began then, in microseconds.
    pub(super) fn add(&mut self, started_at: i64) {
        let Ok(time) = Timestamp::from_micros(started_at) else { return };
        self.add_to(Period::of(time, Span::Day), 1);
        *self.months.entry(Period::of(time, Span::Month)).or_default() += 1;
    }

    /// Documents of a file of the index that were found.
    ///
    /// # Errors
    /// What is wrong with the file.
    pub(super) fn add_in(&mut self, file: &IndexFile, found: &RoaringBitmap) -> Result<(), Fault> {
        if self.days.is_some() {
            // One more than may be told says that there are too many.
            for (day, count) in periods(file, found, Span::Day, DAYS + 1)? {
                self.add_to(day, count);
            }
        }
        for (month, count) in periods(file, found, Span::Month, usize::MAX)? {
            *self.months.entry(month).or_default() += count;
        }
        Ok(())
    }

    fn add_to(&mut self, day: Period, count: u64) {
        let Some(days) = &mut self.days else { return };
        *days.entry(day).or_default() += count;
        if days.len() > DAYS {
            self.days = None;
        }
    }

    /// In the order of time.
    pub(super) fn finish(self) -> Facet {
        let counts = match self.days {
            Some(days) if self.months.len() <= MONTHS_OF_DAYS => days,
            _ if self.months.len() <= MONTHS => self.months,
            _ => self.months.into_iter().fold(BTreeMap::new(), |mut years, (month, count)| {
                *years.entry(month.within(Span::Year)).or_default() += count;
                years
            }),
        };
        let others = counts.len().saturating_sub(DAYS);
        let told = counts.into_iter().skip(others);
        let values = told.map(|(period, count)| (period.to_string(), count)).collect();
        Facet { field: "date", values, others: others as u64 }
    }
}

/// The periods in which found documents began, newest first, up to `most` of them. Documents lie newest first, so where a period
/// ends is looked up, and nothing in it is.
fn periods(
    file: &IndexFile,
    found: &RoaringBitmap,
    span: Span,
    most: usize,
) -> Result<Vec<(Period, u64)>, Fault> {
    let mut periods = Vec::new();
    let mut next = found.min();
    while let Some(first) = next.filter(|_| periods.len() < most) {
        let rank = file.ranks([first]).next().transpose()?;
        // The undated are last.
        let Some(started_at) = rank.and_then(|rank| rank.started_at) else { break };
        let Ok(time) = Timestamp::from_micros(started_at) else { break };
        let period = Period::of(time, span);
        // A file that is damaged in a way nobody noticed may say anything; this must end.
        let behind = file.started_before(period.start())?.max(first + 1);
        let count = found.range_cardinality(first..behind);
        periods.push((period, count));
        next = found.range(behind..).next();
    }
    Ok(periods)
}
