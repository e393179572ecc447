//! The attributes of a session: names and texts, at most 100 as they are sent.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::pii::PiiPolicy;
use crate::suggest::shortened;
use crate::{Collector, Violation, Violations};

/// How keys begin that are ours: the three of the consent are added to every session.
pub const CONSENT_PREFIX: &str = "consent.";

/// The attributes of a session that are not about consent: names and texts, sorted by name.
///
/// ```
/// use frontdesk_domain::pii::PiiPolicy;
/// use frontdesk_domain::session::Attributes;
///
/// let attributes = Attributes::try_from([("source".to_owned(), "web_portal".to_owned())].into_iter().collect::<std::collections::BTreeMap<_, _>>())?;
/// assert_eq!(attributes.iter().next(), Some(("source", "web_portal")));
/// # Ok::<(), frontdesk_domain::Violations>(())
/// ```
#[derive(Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(try_from = "BTreeMap<String, String>", into = "BTreeMap<String, String>")]
pub struct Attributes(BTreeMap<String, String>);

impl Attributes {
    /// The most attributes a session has as it is sent.
    pub const MOST_SENT: usize = 100;

    /// The most of one's own: three are added, about consent.
    pub const MOST: usize = Self::MOST_SENT - 3;

    /// Names and texts, in the order of the names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(key, value)| (key.as_str(), value.as_str()))
    }

    /// The text of a name.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(String::as_str)
    }

    /// How many.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Takes what has been checked key by key, and as a whole.
    pub(super) fn checked(entries: BTreeMap<String, String>) -> Self {
        Self(entries)
    }
}

impl fmt::Debug for Attributes {
    /// The number only: names and texts say something about people.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Attributes").field("len", &self.0.len()).finish_non_exhaustive()
    }
}

impl TryFrom<BTreeMap<String, String>> for Attributes {
    type Error = Violations;

    /// What may be an attribute at all; what may be in it by the policy is asked when a draft is checked.
    fn try_from(entries: BTreeMap<String, String>) -> Result<Self, Violations> {
        let mut found = Collector::new();
        check_count(&mut found, entries.len());
        for key in entries.keys() {
            check_key(&mut found, "", key);
        }
        found.finish()?;
        Ok(Self(entries))
    }
}

impl From<Attributes> for BTreeMap<String, String> {
    fn from(attributes: Attributes) -> Self {
        attributes.0
    }
}

/// Notes that there are too many.
pub(super) fn check_count(found: &mut Collector, count: usize) {
    if count > Attributes::MOST {
        let message = format!(
            "there are {count}, and with the three about consent no more than {} may be sent",
            Attributes::MOST_SENT
        );
        found.push("attributes", "attributes.count", message);
    }
}

/// Notes what is wrong with a key, whatever it stands for.
pub(super) fn check_key(found: &mut Collector, path: &str, key: &str) {
    if key.is_empty() {
        found.push(path, "attributes.key", "a name is empty");
    } else if key.starts_with(CONSENT_PREFIX) {
        let message = format!("names that start with `{CONSENT_PREFIX}` are reserved for the consent itself");
        found.push(path, "attributes.reserved", message);
    }
}

/// What the policy says about an attribute: what blocks goes to `blocked`, what warns to `warnings`. Never repeats a
/// value.
pub(super) fn check_pii(
    policy: &PiiPolicy,
    key: &str,
    value: Option<&str>,
    blocked: &mut Vec<Violation>,
    warnings: &mut Vec<Violation>,
) {
    use crate::pii::Action;
    let path = path_of(key);
    if let Some(pattern) = policy.blocked_key(key) {
        let message = format!("the name says that it holds personal data (`{pattern}`)");
        blocked.push(Violation::new(&path, "pii.key", message));
    }
    for finding in value.map(|value| policy.findings(value)).unwrap_or_default() {
        let told = |what| Violation::new(&path, "pii.value", format!("{what} {}", finding.kind.described()));
        match finding.action {
            Action::Block => blocked.push(told("the value holds")),
            Action::Warn => warnings.push(told("the value seems to hold")),
            Action::Allow => {}
        }
    }
}

/// The path of an attribute in violations.
pub(super) fn path_of(key: &str) -> String {
    format!("attributes.{}", shortened(key))
}
