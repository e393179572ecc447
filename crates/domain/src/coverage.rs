//! Which stretches of time were taken completely, put together from the certificates of many runs.
//!
//! Runs overlap: tonight's takes the last days again, and one that failed is repeated. What a moment amounts to is
//! the best that any run proves of it, in whatever order they ran.

use crate::{TimeRange, Timestamp};

/// What runs prove of a moment, from least to most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Proof {
    /// It was asked for and not taken to the end.
    Missing,
    /// Everything there was then was taken; more may still come.
    Provisional,
    /// Everything was taken, and nothing can come any more.
    Complete,
}

/// The best proof for every moment; none where nobody asked.
///
/// ```
/// use frontdesk_domain::coverage::{Coverage, Proof};
/// use frontdesk_domain::{TimeRange, Timestamp};
///
/// let day = |day: &str| Timestamp::from_date_or_time(day);
/// let week = TimeRange::new(day("2025-03-01")?, day("2025-03-08")?)?;
/// let mut coverage = Coverage::default();
/// coverage.raise(week, Proof::Missing);
/// coverage.raise(TimeRange::new(day("2025-03-01")?, day("2025-03-05")?)?, Proof::Complete);
/// let proofs: Vec<_> = coverage.within(week).map(|(_, proof)| proof).collect();
/// assert_eq!(proofs, [Proof::Complete, Proof::Missing]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Coverage {
    /// In order, without overlap; neighbours that touch differ.
    stretches: Vec<(TimeRange, Proof)>,
}

impl Coverage {
    /// Takes into account that a run proves this much of `range`.
    pub fn raise(&mut self, range: TimeRange, proof: Proof) {
        let first = self.stretches.partition_point(|(known, _)| known.to() < range.from());
        let last = self.stretches.partition_point(|(known, _)| known.from() <= range.to());
        let touched: Vec<(TimeRange, Proof)> = self.stretches[first..last].to_vec();
        let mut made = Vec::with_capacity(touched.len() + 2);
        let mut at = range.from();
        for (known, its) in touched {
            push(&mut made, known.from(), range.from().min(known.to()), its);
            push(&mut made, at, known.from().min(range.to()), proof);
            let (from, to) = (known.from().max(range.from()), known.to().min(range.to()));
            push(&mut made, from, to, its.max(proof));
            push(&mut made, known.from().max(range.to()), known.to(), its);
            at = at.max(known.to());
        }
        push(&mut made, at, range.to(), proof);
        self.stretches.splice(first..last, made);
    }

    /// The stretches that lie in `range`, cut to it, in order. What nobody asked for is left out.
    pub fn within(&self, range: TimeRange) -> impl Iterator<Item = (TimeRange, Proof)> + '_ {
        let first = self.stretches.partition_point(|(known, _)| known.to() <= range.from());
        self.stretches[first..].iter().take_while(move |(known, _)| known.from() < range.to()).filter_map(
            move |(known, proof)| {
                let cut = TimeRange::new(known.from().max(range.from()), known.to().min(range.to())).ok()?;
                Some((cut, *proof))
            },
        )
    }

    /// From the first moment that anybody asked for to the last; `None` when nobody asked for any.
    #[must_use]
    pub fn span(&self) -> Option<TimeRange> {
        let (first, last) = (self.stretches.first()?, self.stretches.last()?);
        TimeRange::new(first.0.from(), last.0.to()).ok()
    }

    /// Whether nobody asked for anything.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.stretches.is_empty()
    }
}

/// Adds a stretch unless it is empty, and joins it to the one before where that is the same and touches it.
fn push(made: &mut Vec<(TimeRange, Proof)>, from: Timestamp, to: Timestamp, proof: Proof) {
    let Ok(stretch) = TimeRange::new(from, to) else { return };
    match made.last_mut() {
        Some((last, its)) if *its == proof && last.to() == stretch.from() => {
            if let Ok(joined) = TimeRange::new(last.from(), stretch.to()) {
                *last = joined;
            }
        }
        _ => made.push((stretch, proof)),
    }
}
