//! Opening a guest's session (contract §3): the attempt, and the receipt of the consent.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::Timestamp;

/// One attempt to open a guest's session, also one that was not sent: exactly the contract's object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SessionRecord {
    /// When it ended, well or not.
    pub timestamp: Timestamp,
    /// The session, where the guest has the one that was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_id: Option<String>,
    /// Milliseconds; covers check, retries and waits.
    pub latency_ms: u64,
    /// Whether a queue position came back.
    pub routing_success: bool,
    /// Whether it broke no rule.
    pub validation_passed: bool,
    /// Whether the guest consented to data processing.
    pub consent_granted: bool,
    /// Whether a key or a value was blocked as personal data.
    pub pii_blocked: bool,
    /// Validation passed and consent granted.
    pub privacy_compliant: bool,
}

/// The receipt of a consent, bound to the session it was given for.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConsentRecord {
    /// When it was written: the session is open.
    pub timestamp: Timestamp,
    /// The guest. Personal.
    pub guest_id: String,
    /// The session.
    pub session_id: String,
    /// When the guest consented, as it was sent to the platform.
    pub consented_at: Timestamp,
    /// To data processing: always, or there would be no session.
    pub data_processing: bool,
    /// To marketing.
    pub marketing: bool,
    /// Which version of the text the guest saw, where it was said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text_version: Option<String>,
    /// In which language the guest saw it, where it was said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub locale: Option<String>,
}

impl fmt::Debug for ConsentRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConsentRecord")
            .field("timestamp", &self.timestamp)
            .field("session_id", &self.session_id)
            .field("marketing", &self.marketing)
            .finish_non_exhaustive()
    }
}
