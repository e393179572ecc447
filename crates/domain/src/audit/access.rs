//! What somebody looked at in the console or over the HTTP API: who, as what, what.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::Timestamp;

/// A read of what customers said, or of what says who they are. It is durable before the answer leaves.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AccessRecord {
    /// When it was asked for.
    pub timestamp: Timestamp,
    /// The name of the token it was asked with; `local` where none is asked for.
    pub who: String,
    /// The role of that token.
    pub role: String,
    /// What was done.
    pub step: AccessStep,
    /// What was looked at: a conversation, a delivery, a list by its name. Absent where it is many.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// How: what was searched for, the reason that was given. Personal: both may name people.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub details: BTreeMap<String, String>,
}

/// What somebody did who looked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AccessStep {
    /// Searched conversations.
    Searched,
    /// Opened a conversation, with what recognisers find masked.
    Opened,
    /// Saw what is masked otherwise.
    Revealed,
    /// Took a record's exact bytes.
    Exported,
    /// Had a conversation's records read and compared with their hashes.
    Verified,
    /// Read a list of guests' sessions, of their endings, of holds or of deliveries.
    Listed,
    /// Read the audit log, or had its chain checked.
    Audited,
    /// Asked for deliveries to be made again.
    Replayed,
    /// Logged in with a token.
    LoggedIn,
}

impl AccessStep {
    /// Every step.
    pub const ALL: [Self; 9] = [
        Self::Searched,
        Self::Opened,
        Self::Revealed,
        Self::Exported,
        Self::Verified,
        Self::Listed,
        Self::Audited,
        Self::Replayed,
        Self::LoggedIn,
    ];

    /// Its name, as it is stored.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Searched => "searched",
            Self::Opened => "opened",
            Self::Revealed => "revealed",
            Self::Exported => "exported",
            Self::Verified => "verified",
            Self::Listed => "listed",
            Self::Audited => "audited",
            Self::Replayed => "replayed",
            Self::LoggedIn => "logged_in",
        }
    }
}

impl fmt::Debug for AccessRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessRecord")
            .field("timestamp", &self.timestamp)
            .field("who", &self.who)
            .field("step", &self.step)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_step_is_what_is_stored() {
        for step in AccessStep::ALL {
            assert_eq!(serde_json::to_value(step).unwrap(), step.as_str());
        }
    }

    #[test]
    fn what_was_looked_for_is_not_shown() {
        let record = AccessRecord {
            timestamp: Timestamp::UNIX_EPOCH,
            who: "anna".into(),
            role: "viewer".into(),
            step: AccessStep::Searched,
            subject: None,
            details: [("query".into(), "canary".into())].into(),
        };
        assert!(!format!("{record:?}").contains("canary"));
        let text = serde_json::to_string(&record).unwrap();
        assert_eq!(serde_json::from_str::<AccessRecord>(&text).unwrap(), record);
    }
}
