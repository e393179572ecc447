//! Whose history: the three ids of the path.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Collector, PathSegment, RecordId, Violations};

/// A conversation as its history is asked for: organisation, domain and conversation, each one segment of a path and
/// none empty, `.` or `..` (contract §2 and its preamble).
///
/// ```
/// use frontdesk_domain::message::HistoryTarget;
///
/// let target = HistoryTarget::new("org-1", "dom-1", "c/1")?;
/// assert_eq!(target.path(), "org-1/dom-1/c%2F1");
/// let refused = HistoryTarget::new("", "..", "c-1").unwrap_err();
/// assert_eq!(refused.iter().count(), 2);
/// # Ok::<(), frontdesk_domain::Violations>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "Draft", into = "Draft")]
pub struct HistoryTarget {
    organization: PathSegment,
    domain: PathSegment,
    conversation: PathSegment,
    record: RecordId,
}

/// The line of an input file: the same members, unchecked.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Draft {
    organization_id: String,
    domain_id: String,
    conversation_id: String,
}

impl HistoryTarget {
    /// Checks the three ids.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with them, under `organization_id`, `domain_id` and `conversation_id`.
    pub fn new(
        organization: impl Into<String>,
        domain: impl Into<String>,
        conversation: impl Into<String>,
    ) -> Result<Self, Violations> {
        let mut found = Collector::new();
        let conversation = conversation.into();
        let organization = found.check("organization_id", PathSegment::new(organization));
        let domain = found.check("domain_id", PathSegment::new(domain));
        let segment = found.check("conversation_id", PathSegment::new(conversation.clone()));
        // An empty one was found already.
        let record = if segment.is_some() {
            found.check("conversation_id", RecordId::new(conversation))
        } else {
            None
        };
        found.finish()?;
        match (organization, domain, segment, record) {
            (Some(organization), Some(domain), Some(conversation), Some(record)) => {
                Ok(Self { organization, domain, conversation, record })
            }
            // Whatever is missing was noted.
            _ => unreachable!("a missing id is a violation"),
        }
    }

    /// The organisation's id.
    #[must_use]
    pub fn organization(&self) -> &PathSegment {
        &self.organization
    }

    /// The domain's id.
    #[must_use]
    pub fn domain(&self) -> &PathSegment {
        &self.domain
    }

    /// The conversation's id.
    #[must_use]
    pub fn conversation(&self) -> &RecordId {
        &self.record
    }

    /// The three ids as they stand in a URL's path, each percent-encoded as one segment.
    #[must_use]
    pub fn path(&self) -> String {
        format!("{}/{}/{}", self.organization, self.domain, self.conversation)
    }
}

impl fmt::Display for HistoryTarget {
    /// One line, whatever the ids hold.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.path())
    }
}

impl TryFrom<Draft> for HistoryTarget {
    type Error = Violations;

    fn try_from(draft: Draft) -> Result<Self, Violations> {
        Self::new(draft.organization_id, draft.domain_id, draft.conversation_id)
    }
}

impl From<HistoryTarget> for Draft {
    fn from(target: HistoryTarget) -> Self {
        Self {
            organization_id: target.organization.into(),
            domain_id: target.domain.into(),
            conversation_id: target.conversation.into(),
        }
    }
}
