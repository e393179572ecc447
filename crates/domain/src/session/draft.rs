//! What somebody wants opened, unchecked.

use std::fmt;

use serde::Deserialize;
use serde::de::Deserializer;

use crate::Violation;
use crate::closure::GuestId;
use crate::draft::{Entries, Field, Loose, fields};

/// The fields of a line, as they are written (design, "Names that scripts rely on").
const FIELDS: [&str; 6] = ["guest_id", "attributes", "consent", "language", "priority", "skills"];

/// The fields of the consent.
const CONSENT: [&str; 4] = ["data_processing", "marketing", "text_version", "locale"];

/// A session that somebody wants opened, unchecked: any field may be missing or wrong.
///
/// Reading one with serde fails only where there is no JSON object. What has the wrong type, is there twice or is not known
/// (a misspelt `data_processing`, a routing hint that does not exist) is kept for [`check`](SessionDraft::check), which
/// reports all of it together.
///
/// ```
/// use frontdesk_domain::SessionDraft;
/// use frontdesk_domain::pii::PiiPolicy;
///
/// let draft: SessionDraft = serde_json::from_str(
///     r#"{"guest_id": "g-1", "attributes": {"customerEmail": "-"}, "consent": {}, "language": "english"}"#)?;
/// let at = "2025-06-15T10:23:45Z".parse()?;
/// let refused = draft.check(&PiiPolicy::default(), at).unwrap_err();
/// let paths: Vec<_> = refused.violations.iter().map(|found| found.path.as_str()).collect();
/// assert_eq!(paths, ["attributes.customerEmail", "consent.data_processing", "language"]);
/// assert!(refused.pii_blocked && refused.consent_missing);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq, Eq, Default)]
pub struct SessionDraft {
    pub(super) guest_id: Field<String>,
    /// In the order of the line; a name that is there twice was noted.
    pub(super) attributes: Vec<(String, Field<String>)>,
    pub(super) data_processing: Field<bool>,
    pub(super) marketing: Field<bool>,
    pub(super) text_version: Field<String>,
    pub(super) locale: Field<String>,
    pub(super) language: Field<String>,
    pub(super) priority: Field<i64>,
    pub(super) skills: Field<Vec<Field<String>>>,
    /// What is wrong with the shape.
    pub(super) others: Vec<Violation>,
}

impl SessionDraft {
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

    /// Whether the draft says whose session it is, rightly or wrongly. A draft that does not is given a new guest.
    #[must_use]
    pub fn names_guest(&self) -> bool {
        self.guest_id != Field::Absent
    }

    /// Whose session, where the draft says it rightly.
    #[must_use]
    pub fn guest(&self) -> Option<GuestId> {
        match &self.guest_id {
            Field::Given(id) => GuestId::new(id.as_str()).ok(),
            Field::Absent | Field::Wrong(_) => None,
        }
    }

    /// Sets an attribute. A name that was set before is an error of the draft.
    #[must_use]
    pub fn attribute(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.put(key.into(), Field::Given(value.into()));
        self
    }

    /// Whether the guest consented to data processing.
    #[must_use]
    pub fn data_processing(mut self, granted: bool) -> Self {
        self.data_processing = Field::Given(granted);
        self
    }

    /// Whether the guest consented to marketing.
    #[must_use]
    pub fn marketing(mut self, granted: bool) -> Self {
        self.marketing = Field::Given(granted);
        self
    }

    /// Which version of the text the guest saw.
    #[must_use]
    pub fn text_version(mut self, version: impl Into<String>) -> Self {
        self.text_version = Field::Given(version.into());
        self
    }

    /// In which language the guest saw it.
    #[must_use]
    pub fn locale(mut self, tag: impl Into<String>) -> Self {
        self.locale = Field::Given(tag.into());
        self
    }

    /// The guest's language.
    #[must_use]
    pub fn language(mut self, tag: impl Into<String>) -> Self {
        self.language = Field::Given(tag.into());
        self
    }

    /// Higher goes first.
    #[must_use]
    pub fn priority(mut self, priority: i64) -> Self {
        self.priority = Field::Given(priority);
        self
    }

    /// What the agent has to be able to do.
    #[must_use]
    pub fn skills<S: Into<String>>(mut self, skills: impl IntoIterator<Item = S>) -> Self {
        self.skills = Field::Given(skills.into_iter().map(|skill| Field::Given(skill.into())).collect());
        self
    }

    /// Takes from `defaults` what this draft does not say, attribute by attribute. What it says wrongly stays wrong.
    #[must_use]
    pub fn or(mut self, defaults: &Self) -> Self {
        self.guest_id.fill(&defaults.guest_id);
        for (key, value) in &defaults.attributes {
            if !self.attributes.iter().any(|(own, _)| own == key) {
                self.attributes.push((key.clone(), value.clone()));
            }
        }
        self.data_processing.fill(&defaults.data_processing);
        self.marketing.fill(&defaults.marketing);
        self.text_version.fill(&defaults.text_version);
        self.locale.fill(&defaults.locale);
        self.language.fill(&defaults.language);
        self.priority.fill(&defaults.priority);
        self.skills.fill(&defaults.skills);
        self.others.extend(defaults.others.iter().cloned());
        self
    }

    fn put(&mut self, key: String, value: Field<String>) {
        if self.attributes.iter().any(|(own, _)| *own == key) {
            let path = super::attributes::path_of(&key);
            self.others.push(Violation::new(path, "field.twice", "it is there twice"));
        } else {
            self.attributes.push((key, value));
        }
    }

    fn wrong(&mut self, path: &str, what: &str) {
        self.others.push(Violation::new(path, "field.type", what));
    }

    fn read_attributes(&mut self, value: Loose) {
        match value.object() {
            Field::Absent => {}
            Field::Wrong(what) => self.wrong("attributes", what),
            Field::Given(entries) => {
                for (key, value) in entries {
                    // An attribute that is null is none, and says so: values are strings.
                    let value = match value {
                        Loose::Null => Field::Wrong("text is wanted, and this is null"),
                        other => other.text(),
                    };
                    self.put(key, value);
                }
            }
        }
    }

    fn read_consent(&mut self, value: Loose) {
        match value.object() {
            Field::Absent => {}
            Field::Wrong(what) => self.wrong("consent", what),
            Field::Given(entries) => {
                let mut others = Vec::new();
                fields(entries, "consent", &CONSENT, &mut others, |name, value| match name {
                    "data_processing" => self.data_processing = value.flag(),
                    "marketing" => self.marketing = value.flag(),
                    "text_version" => self.text_version = value.text(),
                    _ => self.locale = value.text(),
                });
                self.others.extend(others);
            }
        }
    }

    fn read_skills(&mut self, value: Loose) {
        self.skills = match value.list() {
            Field::Given(items) => Field::Given(
                items
                    .into_iter()
                    .map(|item| match item {
                        Loose::Null => Field::Wrong("text is wanted, and this is null"),
                        other => other.text(),
                    })
                    .collect(),
            ),
            Field::Wrong(what) => Field::Wrong(what),
            Field::Absent => Field::Absent,
        };
    }
}

impl fmt::Debug for SessionDraft {
    /// Counts only: a draft says something about people.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionDraft").field("attributes", &self.attributes.len()).finish_non_exhaustive()
    }
}

impl<'de> Deserialize<'de> for SessionDraft {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Entries(entries) = Entries::deserialize(deserializer)?;
        let (mut draft, mut others) = (Self::new(), Vec::new());
        fields(entries, "", &FIELDS, &mut others, |name, value| match name {
            "guest_id" => draft.guest_id = value.text(),
            "attributes" => draft.read_attributes(value),
            "consent" => draft.read_consent(value),
            "language" => draft.language = value.text(),
            "priority" => draft.priority = value.whole(),
            _ => draft.read_skills(value),
        });
        draft.others.extend(others);
        Ok(draft)
    }
}
