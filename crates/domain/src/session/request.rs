//! A draft, checked whole.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::attributes::{check_count, check_key, check_pii, path_of};
use super::{Attributes, Consent, ConsentText, LanguageTag, Routing, SessionDraft, Skill};
use crate::closure::GuestId;
use crate::draft::Field;
use crate::pii::PiiPolicy;
use crate::{Collector, Timestamp, Violation, Violations};

/// A session to be opened. It has passed every check there is before the call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SessionRequest {
    /// Whose session.
    pub guest_id: GuestId,
    /// What is sent along, without what is about consent.
    pub attributes: Attributes,
    /// What the guest consented to.
    pub consent: Consent,
    /// Where it is routed.
    pub routing: Routing,
}

/// A draft that passed its check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckedSession {
    /// What is to be sent.
    pub request: SessionRequest,
    /// What the policy only warns of.
    pub warnings: Vec<Violation>,
}

/// Why a draft is not sent.
#[derive(Clone, PartialEq, Eq)]
pub struct SessionRefusal {
    /// Everything that is wrong with it.
    pub violations: Violations,
    /// A key or a value is blocked as personal data.
    pub pii_blocked: bool,
    /// Whether the guest consented to data processing, as far as the draft says.
    pub consent_granted: bool,
    /// Consent to data processing is missing or refused: policy blocks it. False for what is not even a draft.
    pub consent_missing: bool,
    /// What the policy only warns of.
    pub warnings: Vec<Violation>,
}

impl SessionRefusal {
    /// A refusal of what is not even a draft.
    #[must_use]
    pub fn of_shape(violations: Violations) -> Self {
        Self {
            violations,
            pii_blocked: false,
            consent_granted: false,
            consent_missing: false,
            warnings: Vec::new(),
        }
    }

    /// Whether policy blocks it: personal data, or no consent. That wins over what is only wrong.
    #[must_use]
    pub fn is_policy(&self) -> bool {
        self.pii_blocked || self.consent_missing
    }
}

impl fmt::Debug for SessionRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionRefusal")
            .field("violations", &self.violations.as_slice().len())
            .field("pii_blocked", &self.pii_blocked)
            .field("consent_missing", &self.consent_missing)
            .finish_non_exhaustive()
    }
}

impl fmt::Display for SessionRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.violations.fmt(f)
    }
}

impl std::error::Error for SessionRefusal {}

impl SessionDraft {
    /// Checks everything (contract §3). `at` is when the guest consented: it is fixed here, and sent with every retry.
    ///
    /// ```
    /// use frontdesk_domain::SessionDraft;
    /// use frontdesk_domain::pii::PiiPolicy;
    ///
    /// let at = "2025-06-15T10:23:45Z".parse()?;
    /// let draft = SessionDraft::new().guest_id("g-1").attribute("source", "web_portal").data_processing(true);
    /// let checked = draft.check(&PiiPolicy::default(), at)?;
    /// assert_eq!(checked.request.routing.priority, 1);
    /// assert!(!checked.request.consent.marketing);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// All broken rules at once.
    pub fn check(&self, policy: &PiiPolicy, at: Timestamp) -> Result<CheckedSession, SessionRefusal> {
        let mut found = Collector::new();
        for other in &self.others {
            found.push(&other.path, other.rule, &other.message);
        }
        let guest_id = self
            .guest_id
            .needed(&mut found, "guest_id", "a guest id is needed")
            .and_then(|id| found.check("guest_id", GuestId::new(id)));
        let (mut blocked, mut warnings) = (Vec::new(), Vec::new());
        let attributes = self.check_attributes(policy, &mut found, &mut blocked, &mut warnings);
        let granted = self.check_consent(&mut found);
        let marketing = self.marketing.optional(&mut found, "consent.marketing").unwrap_or(false);
        let text_version = self
            .text_version
            .optional(&mut found, "consent.text_version")
            .and_then(|name| found.check("consent.text_version", ConsentText::new(name)));
        let locale = tag(&mut found, "consent.locale", &self.locale);
        let routing = self.check_routing(&mut found);

        warnings.sort();
        warnings.dedup();
        let pii_blocked = !blocked.is_empty();
        for violation in blocked {
            found.push(violation.path, violation.rule, violation.message);
        }
        let refusal = |violations, warnings| SessionRefusal {
            violations,
            pii_blocked,
            consent_granted: granted,
            consent_missing: !granted,
            warnings,
        };
        match (found.finish(), guest_id) {
            (Ok(()), Some(guest_id)) => {
                let consent = Consent { marketing, timestamp: at, text_version, locale };
                let attributes = Attributes::checked(attributes);
                Ok(CheckedSession {
                    request: SessionRequest { guest_id, attributes, consent, routing },
                    warnings,
                })
            }
            (Err(violations), _) => Err(refusal(violations, warnings)),
            // It is there, or was noted above.
            (Ok(()), None) => {
                let violation = Violation::new("", "session.incomplete", "the draft is not complete");
                Err(refusal(violation.into(), warnings))
            }
        }
    }

    fn check_attributes(
        &self,
        policy: &PiiPolicy,
        found: &mut Collector,
        blocked: &mut Vec<Violation>,
        warnings: &mut Vec<Violation>,
    ) -> BTreeMap<String, String> {
        check_count(found, self.attributes.len());
        let mut entries = BTreeMap::new();
        for (key, value) in &self.attributes {
            let path = path_of(key);
            check_key(found, &path, key);
            let value = value.optional(found, &path);
            check_pii(policy, key, value.as_deref(), blocked, warnings);
            entries.extend(value.map(|value| (key.clone(), value)));
        }
        entries
    }

    /// Whether consent to data processing was granted; notes why not.
    fn check_consent(&self, found: &mut Collector) -> bool {
        let path = "consent.data_processing";
        match self.data_processing {
            Field::Given(true) => return true,
            Field::Given(false) => {
                found.push(path, "consent.refused", "the guest did not consent to data processing");
            }
            Field::Absent => {
                found.push(path, "consent.missing", "consent to data processing is needed: true");
            }
            Field::Wrong(what) => found.push(path, "field.type", what),
        }
        false
    }

    fn check_routing(&self, found: &mut Collector) -> Routing {
        let defaults = Routing::default();
        let priority = self.priority.optional(found, "priority").and_then(|priority| {
            let checked = i32::try_from(priority).map_err(|_| {
                let message = format!("it is not between {} and {}", i32::MIN, i32::MAX);
                Violation::new("", "priority.range", message)
            });
            found.check("priority", checked)
        });
        let skills = self.skills.optional(found, "skills").map(|skills| {
            let mut checked = Vec::new();
            for (index, skill) in skills.iter().enumerate() {
                let path = format!("skills.{index}");
                let skill =
                    skill.optional(found, &path).and_then(|text| found.check(&path, Skill::new(text)));
                checked.extend(skill);
            }
            checked
        });
        Routing {
            priority: priority.unwrap_or(defaults.priority),
            skills: skills.unwrap_or(defaults.skills),
            language: tag(found, "language", &self.language),
        }
    }
}

fn tag(found: &mut Collector, path: &str, field: &Field<String>) -> Option<LanguageTag> {
    field.optional(found, path).and_then(|text| found.check(path, LanguageTag::new(text)))
}
