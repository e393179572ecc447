//! One session to be ended: a draft from outside, and what has passed the check.

use std::fmt;

use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};

use super::{ClosureReason, ExternalRef, GuestId, RetainData};
use crate::suggest::{nearest, shortened};
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

/// What was found of a field.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
enum Field<T> {
    #[default]
    Absent,
    Given(T),
    /// It is there, and is something else: in words, what.
    Wrong(&'static str),
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
        fn fill<T: Clone>(field: &mut Field<T>, default: &Field<T>) {
            if let Field::Absent = field {
                field.clone_from(default);
            }
        }
        fill(&mut self.guest_id, &defaults.guest_id);
        fill(&mut self.reason, &defaults.reason);
        fill(&mut self.retain_data, &defaults.retain_data);
        fill(&mut self.external_ref, &defaults.external_ref);
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
        let guest_id = given(&mut found, "guest_id", &self.guest_id, "a guest id is needed")
            .and_then(|id| found.check("guest_id", GuestId::new(id)));
        let reason = given(&mut found, "reason", &self.reason, "a closure reason is needed")
            .and_then(|word| found.check("reason", word.parse::<ClosureReason>()));
        let needed = "whether the messages are retained has to be said: true or false";
        let retain_data = given(&mut found, "retain_data", &self.retain_data, needed).map(RetainData::from);
        let external_ref = match &self.external_ref {
            Field::Given(reference) if !reference.is_empty() => {
                found.check("external_ref", ExternalRef::new(reference.clone()))
            }
            Field::Given(_) | Field::Absent => None,
            Field::Wrong(what) => {
                found.push("external_ref", "field.type", *what);
                None
            }
        };
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

fn given<T: Clone>(found: &mut Collector, path: &str, field: &Field<T>, needed: &str) -> Option<T> {
    match field {
        Field::Given(value) => return Some(value.clone()),
        Field::Absent => found.push(path, "field.missing", needed),
        Field::Wrong(what) => found.push(path, "field.type", *what),
    }
    None
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
        deserializer.deserialize_map(DraftVisitor)
    }
}

struct DraftVisitor;

impl<'de> Visitor<'de> for DraftVisitor {
    type Value = EndingDraft;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<EndingDraft, A::Error> {
        let mut draft = EndingDraft::new();
        let mut met = Vec::new();
        while let Some(name) = map.next_key::<String>()? {
            let value: Loose = map.next_value()?;
            if met.contains(&name) {
                let message = "it is there twice";
                draft.others.push(Violation::new(shortened(&name), "field.twice", message));
                continue;
            }
            match name.as_str() {
                "guest_id" => draft.guest_id = value.text(),
                "reason" => draft.reason = value.text(),
                "retain_data" => draft.retain_data = value.flag(),
                "external_ref" => draft.external_ref = value.text(),
                other => {
                    let message = match nearest(other, &FIELDS) {
                        Some(meant) => format!("there is no such field; did you mean `{meant}`?"),
                        None => format!("there is no such field: there are {}", FIELDS.join(", ")),
                    };
                    draft.others.push(Violation::new(shortened(other), "field.unknown", message));
                }
            }
            met.push(name);
        }
        Ok(draft)
    }
}

/// Any JSON value, as far as a draft wants to know it.
enum Loose {
    Null,
    Text(String),
    Flag(bool),
    Number,
    /// An array or an object.
    Nested,
}

impl Loose {
    fn text(self) -> Field<String> {
        match self {
            Self::Null => Field::Absent,
            Self::Text(text) => Field::Given(text),
            Self::Flag(_) => Field::Wrong("text is wanted, and this is true or false"),
            Self::Number => Field::Wrong("text is wanted, and this is a number"),
            Self::Nested => Field::Wrong("text is wanted, and this is an array or an object"),
        }
    }

    fn flag(self) -> Field<bool> {
        match self {
            Self::Null => Field::Absent,
            Self::Flag(flag) => Field::Given(flag),
            Self::Text(_) => Field::Wrong("true or false is wanted, without quotes, and this is text"),
            Self::Number => Field::Wrong("true or false is wanted, and this is a number"),
            Self::Nested => Field::Wrong("true or false is wanted, and this is an array or an object"),
        }
    }
}

impl<'de> Deserialize<'de> for Loose {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(LooseVisitor)
    }
}

struct LooseVisitor;

impl<'de> Visitor<'de> for LooseVisitor {
    type Value = Loose;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Loose, E> {
        Ok(Loose::Null)
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Loose, E> {
        Ok(Loose::Flag(flag))
    }

    fn visit_i64<E>(self, _: i64) -> Result<Loose, E> {
        Ok(Loose::Number)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Loose, E> {
        Ok(Loose::Number)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Loose, E> {
        Ok(Loose::Number)
    }

    fn visit_str<E>(self, text: &str) -> Result<Loose, E> {
        Ok(Loose::Text(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Loose, A::Error> {
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Loose::Nested)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Loose, A::Error> {
        while entries.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Loose::Nested)
    }
}
