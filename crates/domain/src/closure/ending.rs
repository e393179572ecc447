//! One session to be ended: a draft from outside, and what has passed the check.

use serde::de::Deserializer;
use serde::{Deserialize, Serialize};

use super::{ClosureReason, ExternalRef, GuestId, RetainData};
use crate::draft::{Entries, Field, fields};
use crate::{Collector, Violation, Violations};

/// The fields of a draft, as they are written.
const FIELDS: [&str; 4] = ["guest_id", "reason", "retain_data", "external_ref"];

/// One session to be ended, and how. It has passed every check there is before the call.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ending {
    /// Whose session.
    pub guest_id: GuestId,
    /// Why.
    pub reason: ClosureReason,
    /// What becomes of the messages.
    pub retain_data: RetainData,
    /// The caller's own reference.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_ref: Option<ExternalRef>,
}

/// What somebody wants ended, unchecked: any field may be missing or wrong.
///
/// Reading one with serde fails only where there is no JSON object. A value of the wrong type, a field that is there
/// twice, or one that is not known (a misspelt `retain_data` must not pass for an absent one) is kept for
/// [`check`](EndingDraft::check), which reports all of it together.
///
/// ```
/// use frontdesk_domain::EndingDraft;
///
/// let draft: EndingDraft = serde_json::from_str(r#"{"guest_id": "", "reason": "tired", "retain_data": "yes"}"#)?;
/// let refused = draft.check().unwrap_err();
/// let paths: Vec<_> = refused.iter().map(|violation| violation.path.as_str()).collect();
/// assert_eq!(paths, ["guest_id", "reason", "retain_data"]);
///
/// let ending = EndingDraft::new().guest_id("g-1").reason("timeout").retain_data(true).check().unwrap();
/// assert_eq!(ending.guest_id.as_str(), "g-1");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EndingDraft {
    guest_id: Field<String>,
    reason: Field<String>,
    retain_data: Field<bool>,
    external_ref: Field<String>,
    others: Vec<Violation>,
}

impl EndingDraft {
    /// A draft that says nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Whose session.
    #[must_use]
    pub fn guest_id(mut self, id: impl Into<String>) -> Self {
        self.guest_id = Field::Given(id.into());
        self
    }

    /// Why.
    #[must_use]
    pub fn reason(mut self, reason: impl Into<String>) -> Self {
        self.reason = Field::Given(reason.into());
        self
    }

    /// Whether the platform keeps the messages.
    #[must_use]
    pub fn retain_data(mut self, retain: bool) -> Self {
        self.retain_data = Field::Given(retain);
        self
    }

    /// The caller's own reference. An empty one is none, as in document 004.
    #[must_use]
    pub fn external_ref(mut self, reference: impl Into<String>) -> Self {
        self.external_ref = Field::Given(reference.into());
        self
    }

    /// Takes from `defaults` what this draft does not say. What it says wrongly stays wrong.
    #[must_use]
    pub fn or(mut self, defaults: &Self) -> Self {
        self.guest_id.fill(&defaults.guest_id);
        self.reason.fill(&defaults.reason);
        self.retain_data.fill(&defaults.retain_data);
        self.external_ref.fill(&defaults.external_ref);
        self
    }

    /// Checks everything.
    ///
    /// # Errors
    /// All broken rules at once.
    pub fn check(&self) -> Result<Ending, Violations> {
        let mut found = Collector::new();
        for other in &self.others {
            found.push(&other.path, other.rule, &other.message);
        }
        let guest_id = self
            .guest_id
            .needed(&mut found, "guest_id", "a guest id is needed")
            .and_then(|id| found.check("guest_id", GuestId::new(id)));
        let reason = self
            .reason
            .needed(&mut found, "reason", "a closure reason is needed")
            .and_then(|word| found.check("reason", word.parse::<ClosureReason>()));
        let needed = "whether the messages are retained has to be said: true or false";
        let retain_data = self.retain_data.needed(&mut found, "retain_data", needed).map(RetainData::from);
        let external_ref = self
            .external_ref
            .optional(&mut found, "external_ref")
            .filter(|reference| !reference.is_empty())
            .and_then(|reference| found.check("external_ref", ExternalRef::new(reference)));
        found.finish()?;
        match (guest_id, reason, retain_data) {
            (Some(guest_id), Some(reason), Some(retain_data)) => {
                Ok(Ending { guest_id, reason, retain_data, external_ref })
            }
            // Each of them is there, or was noted above.
            _ => Err(Violation::new("", "closure.incomplete", "the draft is not complete").into()),
        }
    }
}

impl From<&Ending> for EndingDraft {
    fn from(ending: &Ending) -> Self {
        let draft = Self::new()
            .guest_id(ending.guest_id.as_str())
            .reason(ending.reason.as_str())
            .retain_data(ending.retain_data.into());
        match &ending.external_ref {
            Some(reference) => draft.external_ref(reference.as_str()),
            None => draft,
        }
    }
}

impl<'de> Deserialize<'de> for EndingDraft {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Entries(entries) = Entries::deserialize(deserializer)?;
        let (mut draft, mut others) = (Self::new(), Vec::new());
        fields(entries, "", &FIELDS, &mut others, |name, value| match name {
            "guest_id" => draft.guest_id = value.text(),
            "reason" => draft.reason = value.text(),
            "retain_data" => draft.retain_data = value.flag(),
            _ => draft.external_ref = value.text(),
        });
        draft.others = others;
        Ok(draft)
    }
}
