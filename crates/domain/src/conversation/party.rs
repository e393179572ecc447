//! The channel a conversation runs over, and who takes part in it.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What messages travel over, as the platform names it. A name we do not know is kept, and takes what every channel but
/// SMS takes (contract §4).
///
/// ```
/// use frontdesk_domain::conversation::ChannelType;
///
/// assert_eq!(ChannelType::from("sms".to_owned()), ChannelType::Sms);
/// assert_eq!(ChannelType::from("whatsapp".to_owned()).as_str(), "whatsapp");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
#[non_exhaustive]
pub enum ChannelType {
    /// Web messaging.
    Webchat,
    /// Short messages of a telephone: no HTML, attachments of at most 1 MiB.
    Sms,
    /// Electronic mail.
    Email,
    /// A channel the contract does not list, as it came.
    Other(Box<str>),
}

impl ChannelType {
    /// The platform's name of it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Webchat => "webchat",
            Self::Sms => "sms",
            Self::Email => "email",
            Self::Other(name) => name,
        }
    }
}

impl From<String> for ChannelType {
    fn from(name: String) -> Self {
        match name.as_str() {
            "webchat" => Self::Webchat,
            "sms" => Self::Sms,
            "email" => Self::Email,
            _ => Self::Other(name.into_boxed_str()),
        }
    }
}

impl From<ChannelType> for String {
    fn from(channel: ChannelType) -> Self {
        channel.as_str().to_owned()
    }
}

/// What a participant is in a conversation. A name we do not know is kept.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Role {
    /// Who answers for the organisation, and may send.
    Agent,
    /// Who wrote to the organisation.
    Customer,
    /// A role the contract does not list, as it came.
    Other(Box<str>),
}

impl From<&str> for Role {
    fn from(name: &str) -> Self {
        match name {
            "agent" => Self::Agent,
            "customer" => Self::Customer,
            other => Self::Other(other.into()),
        }
    }
}

/// Somebody who takes part in a conversation.
#[derive(Clone, PartialEq, Eq)]
pub struct Participant {
    /// The participant's id; none where it was not said.
    pub id: Option<String>,
    /// What they are.
    pub role: Role,
    /// Whom they send as: `from.id`; none where it was not said.
    pub from_id: Option<String>,
}

impl fmt::Debug for Participant {
    /// The role only: the ids name people.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Participant").field("role", &self.role).finish_non_exhaustive()
    }
}
