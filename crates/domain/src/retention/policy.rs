//! Policies: which conversations, and for how many days.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Subject;
use crate::PolicyName;

/// The days that count when none are named (contract §5).
pub const DEFAULT_DAYS: u32 = 30;

/// The longest a policy can keep, in days: a hundred years and a little.
pub const MAX_DAYS: u32 = 36_600;

/// How long some conversations are kept.
///
/// ```
/// use frontdesk_domain::retention::Policy;
///
/// let policy = Policy { media_type: Some("voice".to_owned()), ..Policy::all("voice".parse()?, 90)? };
/// assert_eq!(policy.days, 90);
/// assert!(Policy::all("none".parse()?, 0).is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    /// What it is called; no two of a set share a name.
    pub name: PolicyName,
    /// For how many days it keeps, 1 to [`MAX_DAYS`]; [`Policies::new`] refuses others.
    pub days: u32,
    /// Only conversations of this `type`, letter by letter.
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    pub media_type: Option<String>,
    /// Only conversations of this `queue`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queue: Option<String>,
    /// Only conversations whose `metadata` has each of these values; of a list, one of it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub metadata: BTreeMap<String, String>,
}

/// Why a policy, or a set of them, cannot be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PolicyError {
    /// The days are out of range.
    #[error("a policy keeps for 1 to {MAX_DAYS} days, not for {days}")]
    Days {
        /// What was asked for.
        days: u32,
    },
    /// Two policies share a name.
    #[error("two policies are named {name:?}")]
    Twice {
        /// The name.
        name: String,
    },
}

impl Policy {
    /// A policy for all conversations.
    ///
    /// # Errors
    /// [`PolicyError::Days`] for 0 days or more than [`MAX_DAYS`].
    pub fn all(name: PolicyName, days: u32) -> Result<Self, PolicyError> {
        if !(1..=MAX_DAYS).contains(&days) {
            return Err(PolicyError::Days { days });
        }
        Ok(Self { name, days, media_type: None, queue: None, metadata: BTreeMap::new() })
    }

    pub(super) fn keeps_for(&self) -> Duration {
        Duration::from_hours(24 * u64::from(self.days))
    }

    /// Whether it says anything about a conversation.
    #[must_use]
    pub fn applies(&self, subject: &Subject) -> bool {
        let is = |wanted: &Option<String>, found: &Option<String>| wanted.is_none() || wanted == found;
        is(&self.media_type, &subject.media_type)
            && is(&self.queue, &subject.queue)
            && self
                .metadata
                .iter()
                .all(|(key, value)| subject.metadata.get(key).is_some_and(|values| values.contains(value)))
    }
}

/// The policies of a profile, in the order of their names.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[serde(transparent)]
pub struct Policies(Vec<Policy>);

impl Policies {
    /// Takes policies together.
    ///
    /// # Errors
    /// [`PolicyError::Twice`] when two share a name; [`PolicyError::Days`] for one that was read with wrong days.
    pub fn new(mut policies: Vec<Policy>) -> Result<Self, PolicyError> {
        policies.sort_by(|one, other| one.name.cmp(&other.name));
        for pair in policies.windows(2) {
            if pair[0].name == pair[1].name {
                return Err(PolicyError::Twice { name: pair[0].name.to_string() });
            }
        }
        match policies.iter().find(|policy| !(1..=MAX_DAYS).contains(&policy.days)) {
            Some(wrong) => Err(PolicyError::Days { days: wrong.days }),
            None => Ok(Self(policies)),
        }
    }

    /// Whether there are none, so that nothing is ever removed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The policies, by name.
    pub fn iter(&self) -> impl Iterator<Item = &Policy> {
        self.0.iter()
    }

    /// The one that decides about a conversation: of those that apply the longest, of equally long ones the first by
    /// name.
    #[must_use]
    pub fn deciding(&self, subject: &Subject) -> Option<&Policy> {
        let mut deciding: Option<&Policy> = None;
        for policy in self.0.iter().filter(|policy| policy.applies(subject)) {
            if deciding.is_none_or(|longest| policy.days > longest.days) {
                deciding = Some(policy);
            }
        }
        deciding
    }
}
