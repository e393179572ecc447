//! What goes wrong, and when: a plan of rules and rates, as JSON or as a value.

mod decide;
mod effect;
mod shape;
mod substitute;

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::moment::Moment;

pub(crate) use decide::{Faults, Fired, Question};
pub use effect::{DateForm, Effect, Point, RetryAfter};
pub(crate) use shape::{Extra, Shape};
pub(crate) use substitute::{replacement, substitute};

/// A fault plan. The first rule that matches a request fires; when none does, the rates decide.
///
/// The same plan and seed do the same to the n-th request, always.
///
/// ```
/// use frontdesk_sandbox::FaultPlan;
/// let plan: FaultPlan = serde_json::from_str(
///     r#"{"rules": [{"when": {"path": "/oauth/token", "nth": 2}, "then": {"status": {"status": 503}}},
///                   {"when": {"page": 3, "times": 1}, "then": {"cut": {"byte": 100}}, "delay_ms": 20},
///                   {"when": {"page": 4}, "then": "repeat_token"}],
///         "rate": {"status_429": 0.02, "status_503": 0.02, "reset": 0.02, "cut": 0.02}}"#,
/// )?;
/// assert_eq!(plan.rules.len(), 3);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FaultPlan {
    /// The seed of everything here that is by chance; the sandbox's own when there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
    /// Asked in order.
    pub rules: Vec<Rule>,
    /// What happens to a share of the answers.
    pub rate: Rates,
}

/// One rule: when it fires and what it does. A rule that only delays has no `then`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rule {
    /// Which requests.
    pub when: When,
    /// What happens to them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub then: Option<Effect>,
    /// How long their answer is held back, in milliseconds.
    pub delay_ms: u64,
}

/// Which requests a rule is for. What is not said matches everything; an effect that only makes sense
/// for one endpoint matches only that one.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct When {
    /// The method, in capitals.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// The path template, as the statistics name it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// The page of a details query or a history; the first is 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub page: Option<u64>,
    /// A text that the path or the query string holds, as it is written there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target_contains: Option<String>,
    /// A text that the request body holds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body_contains: Option<String>,
    /// Only from this moment of the sandbox's clock on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<Moment>,
    /// Only before this moment of the sandbox's clock.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Moment>,
    /// Only the n-th request, 1-based, of those that match all of the above.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nth: Option<u64>,
    /// Only those after the first so many.
    pub after: u64,
    /// Only every n-th.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub every: Option<u64>,
    /// Only by this chance, `0.0..=1.0`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub probability: Option<f64>,
    /// At most so many times.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub times: Option<u64>,
}

/// Shares of all answers but those of media links, each `0.0..=1.0` and together at most 1.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rates {
    /// 429 with `retry_after`.
    pub status_429: f64,
    /// 500.
    pub status_500: f64,
    /// 503 without `Retry-After`.
    pub status_503: f64,
    /// A reset, half of them before the head, half anywhere in the body.
    pub reset: f64,
    /// A body cut anywhere.
    pub cut: f64,
    /// A page that begins one to five records early.
    pub drift: f64,
    /// The `Retry-After` of the 429s; one second unless said otherwise.
    pub retry_after: Vec<RetryAfter>,
}

impl Default for Rates {
    fn default() -> Self {
        Self {
            status_429: 0.0,
            status_500: 0.0,
            status_503: 0.0,
            reset: 0.0,
            cut: 0.0,
            drift: 0.0,
            retry_after: vec![RetryAfter::Text("1".to_owned())],
        }
    }
}

impl FaultPlan {
    /// Checks what the types do not.
    pub(crate) fn check(&self) -> Result<(), Error> {
        let rate = &self.rate;
        let rates = [rate.status_429, rate.status_500, rate.status_503, rate.reset, rate.cut, rate.drift];
        if rates.iter().any(|rate| !is_chance(*rate)) || !is_chance(rates.iter().sum()) {
            return Err(Error::setting("faults.rate", "a rate, or their sum, is not within 0 and 1"));
        }
        if rate.retry_after.iter().any(|value| !value.is_header_value()) {
            return Err(Error::setting("faults.rate.retry_after", "not fit for a header"));
        }
        self.rules.iter().enumerate().try_for_each(|(index, rule)| {
            rule.check()
                .map_err(|problem| Error::setting("faults.rules", format!("rule {}: {problem}", index + 1)))
        })
    }
}

impl Rule {
    fn check(&self) -> Result<(), String> {
        if self.when.nth == Some(0) || self.when.every == Some(0) || self.when.page == Some(0) {
            return Err("nth, every and page begin at 1".to_owned());
        }
        if self.when.probability.is_some_and(|chance| !is_chance(chance)) {
            return Err("the probability is not within 0 and 1".to_owned());
        }
        match &self.then {
            Some(effect) => effect.check(),
            None if self.delay_ms == 0 => Err("it does nothing".to_owned()),
            None => Ok(()),
        }
    }
}

fn is_chance(value: f64) -> bool {
    (0.0..=1.0).contains(&value)
}
