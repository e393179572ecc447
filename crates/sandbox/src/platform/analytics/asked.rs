//! What a query and a job have in common: interval, filters, order.

use jiff::SignedDuration;
use serde::Deserialize;

use super::filter::{Filter, Filters};
use crate::moment::Moment;
use crate::platform::refusal::Refusal;

const DAY_NANOS: i64 = 86_400_000_000_000;

/// The part of the body that both have.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Asked {
    pub(super) interval: Option<String>,
    conversation_filters: Option<Vec<Filter>>,
    segment_filters: Option<Vec<Filter>>,
    evaluation_filters: Option<Vec<serde_json::Value>>,
    survey_filters: Option<Vec<serde_json::Value>>,
    resolution_filters: Option<Vec<serde_json::Value>>,
    order: Option<Order>,
    order_by: Option<OrderBy>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Order {
    #[default]
    Asc,
    Desc,
    Unordered,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum OrderBy {
    #[default]
    ConversationStart,
    ConversationEnd,
    SegmentStart,
    SegmentEnd,
}

/// The same, checked.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Wanted {
    pub(super) from: Moment,
    pub(super) to: Moment,
    pub(super) filters: Filters,
    pub(super) order: Order,
    pub(super) order_by: OrderBy,
}

impl Asked {
    pub(super) fn check(self, longest: SignedDuration) -> Result<Wanted, Refusal> {
        let invalid = |message: String| Refusal::invalid_value("interval", message);
        let interval = self.interval.ok_or_else(|| invalid("An interval is required.".to_owned()))?;
        let ends = interval
            .split_once('/')
            .and_then(|(from, to)| Some((from.parse::<Moment>().ok()?, to.parse::<Moment>().ok()?)));
        let (from, to) = ends.ok_or_else(|| {
            invalid("The interval cannot be read: it is two ISO-8601 times joined by a slash.".to_owned())
        })?;
        if from >= to {
            return Err(invalid("The interval ends before it begins.".to_owned()));
        }
        if to.since(from) > longest {
            return Err(invalid(format!("The interval is longer than {} days.", longest.as_hours() / 24)));
        }
        let some =
            |filters: &Option<Vec<serde_json::Value>>| filters.as_ref().is_some_and(|all| !all.is_empty());
        let filters = Filters {
            nothing: some(&self.evaluation_filters)
                || some(&self.survey_filters)
                || some(&self.resolution_filters),
            conversation: self.conversation_filters.unwrap_or_default(),
            segment: self.segment_filters.unwrap_or_default(),
        };
        filters.check()?;
        let (order, order_by) = (self.order.unwrap_or_default(), self.order_by.unwrap_or_default());
        Ok(Wanted { from, to, filters, order, order_by })
    }
}

/// Midnight UTC before a moment, or at it.
pub(super) fn day_of(moment: Moment) -> Moment {
    Moment::from_nanos(moment.as_nanos().div_euclid(DAY_NANOS).saturating_mul(DAY_NANOS))
}

/// Midnight UTC after a moment, or at it.
pub(super) fn day_after(moment: Moment) -> Moment {
    let midnight = day_of(moment);
    if midnight == moment { moment } else { midnight.shifted(SignedDuration::from_hours(24)) }
}
