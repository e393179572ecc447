//! The structured filters of a query (C.7.1): what they ask, and what they find.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::Value;

use super::dimensions::{is_metric, is_of_conversation, is_of_segment, key};
use crate::moment::Moment;
use crate::platform::refusal::Refusal;

/// One filter, as it is sent.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Filter {
    r#type: Junction,
    predicates: Option<Vec<Predicate>>,
    clauses: Option<Vec<Clause>>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Clause {
    r#type: Junction,
    predicates: Vec<Predicate>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Junction {
    And,
    Or,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Predicate {
    #[serde(rename = "type")]
    _kind: Option<String>,
    dimension: Option<String>,
    metric: Option<String>,
    property: Option<String>,
    property_type: Option<String>,
    operator: Option<Operator>,
    value: Option<String>,
    range: Option<Range>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Operator {
    Matches,
    Exists,
    NotExists,
}

#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Range {
    gt: Option<f64>,
    gte: Option<f64>,
    lt: Option<f64>,
    lte: Option<f64>,
}

/// On which level a filter looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Level {
    Conversation,
    Segment,
}

/// All filters of a query; they must all hold.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Filters {
    pub(super) conversation: Vec<Filter>,
    pub(super) segment: Vec<Filter>,
    /// It asks for evaluations, surveys or resolutions, of which there are none.
    pub(super) nothing: bool,
}

impl Filters {
    pub(super) fn is_empty(&self) -> bool {
        self.conversation.is_empty() && self.segment.is_empty() && !self.nothing
    }

    /// Checks what the types do not.
    pub(super) fn check(&self) -> Result<(), Refusal> {
        self.conversation.iter().try_for_each(|filter| filter.check(Level::Conversation))?;
        self.segment.iter().try_for_each(|filter| filter.check(Level::Segment))
    }

    /// Whether a record is one of those that are asked for.
    pub(super) fn hold(&self, record: &Value) -> bool {
        !self.nothing
            && self.conversation.iter().all(|filter| filter.holds(&[record], Level::Conversation))
            && self.segment.iter().all(|filter| holds_for_a_segment(filter, record))
    }
}

/// What stands in a list of an object.
fn children<'a>(object: &'a Value, list: &str) -> &'a [Value] {
    object.get(list).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

/// Predicates of one filter must hold for the same segment.
fn holds_for_a_segment(filter: &Filter, record: &Value) -> bool {
    children(record, "participants").iter().any(|participant| {
        children(participant, "sessions").iter().any(|session| {
            children(session, "segments")
                .iter()
                .any(|segment| filter.holds(&[segment, session, participant], Level::Segment))
        })
    })
}

impl Filter {
    fn check(&self, level: Level) -> Result<(), Refusal> {
        let own = self.predicates.iter().flatten();
        let nested = self.clauses.iter().flatten().flat_map(|clause| &clause.predicates);
        own.chain(nested).try_for_each(|predicate| predicate.check(level))
    }

    /// Whether it holds for the object at hand, and those it is part of.
    fn holds(&self, objects: &[&Value], level: Level) -> bool {
        let own = self.predicates.iter().flatten().map(|predicate| predicate.holds(objects, level));
        let nested = self.clauses.iter().flatten().map(|clause| {
            clause.r#type.join(clause.predicates.iter().map(|predicate| predicate.holds(objects, level)))
        });
        self.r#type.join(own.chain(nested))
    }
}

impl Junction {
    fn join(self, mut all: impl Iterator<Item = bool>) -> bool {
        match self {
            Junction::And => all.all(|holds| holds),
            Junction::Or => all.any(|holds| holds),
        }
    }
}

impl Predicate {
    fn check(&self, level: Level) -> Result<(), Refusal> {
        let invalid = |field: &str, message: String| Err(Refusal::invalid_value(field, message));
        match (&self.dimension, &self.metric, &self.property) {
            (Some(name), None, None) => {
                let known = match level {
                    Level::Conversation => is_of_conversation(name),
                    Level::Segment => is_of_segment(name),
                };
                if !known {
                    return invalid("dimension", format!("{name} is no dimension of this filter."));
                }
            }
            (None, Some(name), None) => {
                let known = match level {
                    Level::Conversation => is_metric(name),
                    Level::Segment => name == "tSegmentDuration",
                };
                if !known {
                    return invalid("metric", format!("{name} is no metric of this filter."));
                }
            }
            (None, None, Some(_)) if level == Level::Segment && self.property_type.is_some() => {}
            _ => return invalid("predicates", "A predicate has one left side.".to_owned()),
        }
        let compared = usize::from(self.value.is_some()) + usize::from(self.range.is_some());
        let wanted = usize::from(self.operator.unwrap_or(Operator::Matches) == Operator::Matches);
        if compared != wanted {
            return invalid("predicates", "matches has a value or a range, and nothing else has.".to_owned());
        }
        Ok(())
    }

    fn holds(&self, objects: &[&Value], level: Level) -> bool {
        let values = self.values(objects, level);
        match self.operator.unwrap_or(Operator::Matches) {
            Operator::Exists => !values.is_empty(),
            Operator::NotExists => values.is_empty(),
            Operator::Matches => values.iter().any(|value| match (&self.value, &self.range) {
                (Some(wanted), _) => is(value, wanted),
                (None, Some(range)) => number(value).is_some_and(|number| range.holds(number)),
                (None, None) => false,
            }),
        }
    }

    /// What stands on the left side.
    fn values<'a>(&self, objects: &[&'a Value], level: Level) -> Vec<Cow<'a, Value>> {
        if let Some(name) = &self.dimension {
            let found = objects.iter().find_map(|object| object.get(key(name)));
            return match found {
                Some(Value::Array(all)) => all.iter().map(Cow::Borrowed).collect(),
                Some(value) => vec![Cow::Borrowed(value)],
                None => Vec::new(),
            };
        }
        let (Some(name), [object, ..]) = (&self.metric, objects) else { return Vec::new() };
        match level {
            Level::Segment => duration(object).map(|one| Cow::Owned(Value::from(one))).into_iter().collect(),
            Level::Conversation => {
                metric(object, name).map(|one| Cow::Owned(Value::from(one))).into_iter().collect()
            }
        }
    }
}

impl Range {
    fn holds(self, number: f64) -> bool {
        self.gt.is_none_or(|bound| number > bound)
            && self.gte.is_none_or(|bound| number >= bound)
            && self.lt.is_none_or(|bound| number < bound)
            && self.lte.is_none_or(|bound| number <= bound)
    }
}

fn is(value: &Value, wanted: &str) -> bool {
    match value {
        Value::String(text) => text == wanted,
        other => {
            let written = other.to_string();
            written == wanted
        }
    }
}

/// A number, or a time in milliseconds since the epoch.
fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => {
            text.parse::<Moment>().ok().map(|moment| (moment.as_nanos() / 1_000_000) as f64)
        }
        _ => None,
    }
}

/// How long a segment took.
fn duration(segment: &Value) -> Option<f64> {
    Some(number(segment.get("segmentEnd")?)? - number(segment.get("segmentStart")?)?)
}

/// The sum of a metric over all sessions; a conversation that has none of it has no such value.
fn metric(record: &Value, name: &str) -> Option<u64> {
    if name == "tConversationDuration" {
        let duration = number(record.get("conversationEnd")?)? - number(record.get("conversationStart")?)?;
        return Some(duration as u64);
    }
    let sessions = children(record, "participants").iter().flat_map(|one| children(one, "sessions"));
    let metrics = sessions.flat_map(|session| children(session, "metrics"));
    let values = metrics.filter(|metric| metric["name"] == *name);
    values.filter_map(|metric| metric["value"].as_u64()).reduce(|sum, value| sum + value)
}
