//! The closure-reason matrix, and what becomes of the messages.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::Violation;
use crate::suggest::{nearest, shortened};

/// Why a session is ended. The platform refuses any other word (contract §6, the closure-reason matrix).
///
/// ```
/// use frontdesk_domain::ClosureReason;
///
/// assert_eq!("timeout".parse::<ClosureReason>()?.to_string(), "timeout");
/// assert!("Timeout".parse::<ClosureReason>().is_err());
/// # Ok::<(), frontdesk_domain::closure::UnknownReason>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum ClosureReason {
    /// The guest wanted it.
    CustomerInitiated,
    /// An agent ended it.
    AgentInitiated,
    /// Nobody wrote for too long.
    Timeout,
    /// A system took the case over.
    SystemEscalation,
    /// A bot handed the case on.
    BotHandoff,
}

/// The matrix, in the documents' order.
const NAMES: [&str; 5] =
    ["customer_initiated", "agent_initiated", "timeout", "system_escalation", "bot_handoff"];

impl ClosureReason {
    /// Every reason, in the documents' order.
    pub const ALL: [Self; 5] = [
        Self::CustomerInitiated,
        Self::AgentInitiated,
        Self::Timeout,
        Self::SystemEscalation,
        Self::BotHandoff,
    ];

    /// The word that is sent.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::CustomerInitiated => NAMES[0],
            Self::AgentInitiated => NAMES[1],
            Self::Timeout => NAMES[2],
            Self::SystemEscalation => NAMES[3],
            Self::BotHandoff => NAMES[4],
        }
    }
}

impl fmt::Display for ClosureReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for ClosureReason {
    type Err = UnknownReason;

    fn from_str(word: &str) -> Result<Self, UnknownReason> {
        let known = Self::ALL.into_iter().find(|reason| reason.as_str() == word);
        known.ok_or_else(|| UnknownReason { word: shortened(word), meant: nearest(word, &NAMES) })
    }
}

impl TryFrom<String> for ClosureReason {
    type Error = UnknownReason;

    fn try_from(word: String) -> Result<Self, UnknownReason> {
        word.parse()
    }
}

impl From<ClosureReason> for String {
    fn from(reason: ClosureReason) -> Self {
        reason.as_str().to_owned()
    }
}

/// A word that is no closure reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownReason {
    word: String,
    meant: Option<&'static str>,
}

impl fmt::Display for UnknownReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is no closure reason", self.word)?;
        match self.meant {
            Some(meant) => write!(f, "; did you mean `{meant}`?"),
            None => write!(f, ": there are {}", NAMES.join(", ")),
        }
    }
}

impl std::error::Error for UnknownReason {}

impl From<UnknownReason> for Violation {
    fn from(error: UnknownReason) -> Self {
        Self::new("", "closure.reason", error.to_string())
    }
}

/// What becomes of the messages of an ended session (contract §6): an explicit choice, so there is no `Default`.
///
/// Copies in our own archive are not touched by either: that is retention's job.
///
/// ```
/// use frontdesk_domain::RetainData;
///
/// assert_eq!(RetainData::from(false), RetainData::Forget);
/// assert_eq!(RetainData::Retain.to_string(), "true");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(from = "bool", into = "bool")]
pub enum RetainData {
    /// The platform keeps them.
    Retain,
    /// The platform forgets them for good: their history answers 404, and their conversation has no transcript.
    Forget,
}

impl From<bool> for RetainData {
    fn from(retain: bool) -> Self {
        if retain { Self::Retain } else { Self::Forget }
    }
}

impl From<RetainData> for bool {
    fn from(choice: RetainData) -> Self {
        choice == RetainData::Retain
    }
}

impl fmt::Display for RetainData {
    /// As it is sent: `true` or `false`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if *self == Self::Retain { "true" } else { "false" })
    }
}
