//! A filter on the platform: what of it the details query can be asked for, and what is left to be looked at here.
//!
//! The published query knows no text grammar, no `neq`, `gt`, `lt` or `contains`: it compares whole values of dimensions
//! (platform contract C.7.1, D.6). So a filter is taken apart at its topmost `and`:
//!
//! | part | becomes |
//! |---|---|
//! | `direction eq`, `metadata.externalTag eq` | a conversation filter: `originatingDirection`, `externalTag` |
//! | `type`, `queue`, `agent`, `language`, `metadata.messageType`, all `eq` | a segment filter: `mediaType`, `queueId`, `userId`, `requestedLanguageId`, `messageType` |
//! | several of one level, joined by `or` | one filter of the sort `or` |
//! | `startTime gt`, `startTime lt` | a narrower interval; whole days are matched, so they are looked at here too |
//! | everything else | looked at here, in what the query gave |
//!
//! Each part of a segment level is a filter of its own: two predicates inside one filter would have to hold for the same
//! segment, and a filter here asks about the conversation.
//!
//! What a filter means on the platform is [`matches()`]. Its fields have several values there (every queue a conversation came
//! through), and a comparison holds when it holds for one of them; `neq` when no value is equal.

use std::fmt;

use serde::Serialize;

use super::{Comparison, Expr, Field, Op};
use crate::{TimeRange, Timestamp};

mod meaning;

pub use meaning::matches;

/// A filter, taken apart for the details query and for jobs.
///
/// ```
/// use frontdesk_domain::Filter;
/// use frontdesk_domain::filter::platform::Parts;
///
/// let filter: Filter = "type eq 'message' and (queue eq 'q-1' or queue eq 'q-2') and agent neq 'u-9'".parse()?;
/// let parts = Parts::of(filter.expr());
/// assert_eq!(parts.segment.len(), 2);
/// assert_eq!(
///     serde_json::to_string(&parts.segment[0])?,
///     r#"{"type":"and","predicates":[{"dimension":"mediaType","value":"message"}]}"#
/// );
/// assert_eq!(parts.rest.unwrap().to_string(), "agent neq 'u-9'");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Parts {
    /// Filters of the conversation level; all of them must hold.
    pub conversation: Vec<DimensionFilter>,
    /// Filters of the participant, session and segment level; all of them must hold, each for any segment.
    pub segment: Vec<DimensionFilter>,
    /// Only conversations that began after this.
    pub after: Option<Timestamp>,
    /// Only conversations that began before this.
    pub before: Option<Timestamp>,
    /// What is to be looked at in what the query gave; none where it gives exactly what was meant.
    pub rest: Option<Expr>,
}

/// One filter of the query: a list of predicates, of which one must hold.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct DimensionFilter {
    /// How the predicates are joined: with one of them it is all the same.
    #[serde(rename = "type")]
    join: &'static str,
    predicates: Vec<Predicate>,
}

impl DimensionFilter {
    /// A filter of which one predicate must hold.
    #[must_use]
    pub fn any(predicates: Vec<Predicate>) -> Self {
        Self { join: if predicates.len() == 1 { "and" } else { "or" }, predicates }
    }

    /// The predicates, of which one must hold.
    #[must_use]
    pub fn predicates(&self) -> &[Predicate] {
        &self.predicates
    }
}

impl fmt::Debug for DimensionFilter {
    /// Without the values, which may say something about people.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.predicates.iter().map(|predicate| predicate.dimension)).finish()
    }
}

/// A dimension and the value it must have, whole and in its case.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct Predicate {
    /// The platform's name of what is compared (C.7.2).
    pub dimension: &'static str,
    /// What it is compared with.
    pub value: String,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Level {
    Conversation,
    Segment,
}

impl Parts {
    /// Takes a filter apart.
    #[must_use]
    pub fn of(expr: &Expr) -> Self {
        let mut parts = Self::default();
        let mut rest = Vec::new();
        parts.take(expr, &mut rest);
        parts.rest = match rest.len() {
            0 | 1 => rest.pop(),
            _ => Some(Expr::All(rest)),
        };
        parts
    }

    /// The part of `range` in which conversations can begin that are meant; none where there is none.
    #[must_use]
    pub fn narrowed(&self, range: TimeRange) -> Option<TimeRange> {
        let from = self.after.map_or(range.from(), |after| range.from().max(after));
        let to = self.before.map_or(range.to(), |before| range.to().min(before));
        TimeRange::new(from, to).ok()
    }

    fn take(&mut self, expr: &Expr, rest: &mut Vec<Expr>) {
        match expr {
            Expr::All(list) => list.iter().for_each(|part| self.take(part, rest)),
            Expr::Any(list) => match any(list) {
                Some((level, predicates)) => self.push(level, predicates),
                None => rest.push(expr.clone()),
            },
            Expr::Comparison(comparison) => match predicate(comparison) {
                Some((level, predicate)) => self.push(level, vec![predicate]),
                None => {
                    self.narrow(comparison);
                    rest.push(expr.clone());
                }
            },
        }
    }

    fn push(&mut self, level: Level, predicates: Vec<Predicate>) {
        let filter = DimensionFilter::any(predicates);
        match level {
            Level::Conversation => self.conversation.push(filter),
            Level::Segment => self.segment.push(filter),
        }
    }

    fn narrow(&mut self, comparison: &Comparison) {
        if comparison.field != Field::StartTime {
            return;
        }
        let Ok(time) = comparison.value.parse::<Timestamp>() else { return };
        match comparison.op {
            Op::Gt => self.after = Some(self.after.map_or(time, |after| after.max(time))),
            Op::Lt => self.before = Some(self.before.map_or(time, |before| before.min(time))),
            Op::Eq | Op::Neq | Op::Contains => {}
        }
    }
}

/// A list of which one must hold, where each has a predicate of the same level.
fn any(list: &[Expr]) -> Option<(Level, Vec<Predicate>)> {
    let mut common = None;
    let mut predicates = Vec::new();
    for part in list {
        let (level, more) = match part {
            Expr::Comparison(comparison) => {
                let (level, predicate) = predicate(comparison)?;
                (level, vec![predicate])
            }
            Expr::Any(list) => any(list)?,
            Expr::All(list) => match list.as_slice() {
                [one] => any(std::slice::from_ref(one))?,
                _ => return None,
            },
        };
        if *common.get_or_insert(level) != level {
            return None;
        }
        predicates.extend(more);
    }
    Some((common?, predicates))
}

/// The predicate that holds where the comparison does, where there is one.
fn predicate(comparison: &Comparison) -> Option<(Level, Predicate)> {
    // A value that is not there and an empty one cannot be told apart on the platform.
    if comparison.op != Op::Eq || comparison.value.is_empty() {
        return None;
    }
    let (level, dimension) = match &comparison.field {
        Field::Type => (Level::Segment, "mediaType"),
        Field::Direction => (Level::Conversation, "originatingDirection"),
        Field::Queue => (Level::Segment, "queueId"),
        Field::Agent => (Level::Segment, "userId"),
        Field::Language => (Level::Segment, "requestedLanguageId"),
        Field::Metadata(key) => match key.as_str() {
            EXTERNAL_TAG => (Level::Conversation, "externalTag"),
            MESSAGE_TYPE => (Level::Segment, "messageType"),
            _ => return None,
        },
        Field::StartTime | Field::EndTime => return None,
    };
    Some((level, Predicate { dimension, value: comparison.value.clone() }))
}

/// The metadata that is no attribute of a participant.
const EXTERNAL_TAG: &str = "externalTag";
const MESSAGE_TYPE: &str = "messageType";

/// Whether a filter asks about attributes of participants, which only the results of jobs bring (platform contract C.7.3, C.8).
#[must_use]
pub fn needs_attributes(expr: &Expr) -> bool {
    match expr {
        Expr::All(list) | Expr::Any(list) => list.iter().any(needs_attributes),
        Expr::Comparison(comparison) => match &comparison.field {
            Field::Metadata(key) => !matches!(key.as_str(), EXTERNAL_TAG | MESSAGE_TYPE),
            _ => false,
        },
    }
}
