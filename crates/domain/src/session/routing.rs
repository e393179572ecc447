//! Where a session is routed.

use serde::{Deserialize, Serialize};

use super::LanguageTag;
use crate::ids::{IdFault, bounded, checked_text};

/// A skill that agents have: non-empty, at most 256 bytes, no control characters.
///
/// ```
/// use frontdesk_domain::session::Skill;
///
/// assert_eq!(Skill::new("web_support")?.as_str(), "web_support");
/// assert!(Skill::new("").is_err());
/// # Ok::<(), frontdesk_domain::IdError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Skill(String);

impl Skill {
    /// The longest skill, in bytes.
    pub const MAX_BYTES: usize = 256;

    fn check(text: &str) -> Result<(), IdFault> {
        bounded(text, Self::MAX_BYTES)?;
        if text.chars().any(char::is_control) { Err(IdFault::ControlCharacter) } else { Ok(()) }
    }
}

checked_text!(Skill, "skill", Skill::check);

/// The routing hints of a session: exactly these, others are refused (contract §3).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Routing {
    /// Higher goes first.
    pub priority: i32,
    /// What the agent has to be able to do.
    pub skills: Vec<Skill>,
    /// The guest's language, where it was said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<LanguageTag>,
}

impl Default for Routing {
    /// The document's: priority 1, skills `web_support` and `general`, no language.
    fn default() -> Self {
        let skills = ["web_support", "general"].map(|skill| Skill(skill.to_owned())).into();
        Self { priority: 1, skills, language: None }
    }
}
