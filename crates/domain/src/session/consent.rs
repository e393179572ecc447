//! What a guest consented to.

use serde::{Deserialize, Serialize};

use super::LanguageTag;
use crate::Timestamp;
use crate::ids::{IdFault, bounded, checked_text};

/// What a guest consented to, and when. Without consent to data processing there is no such value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Consent {
    /// Whether the guest consented to marketing as well.
    pub marketing: bool,
    /// When; fixed with the request, and equal on every retry.
    pub timestamp: Timestamp,
    /// Which version of the text the guest saw. Kept in the receipt, not sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text_version: Option<ConsentText>,
    /// In which language the guest saw it. Kept in the receipt, not sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub locale: Option<LanguageTag>,
}

/// The name of a version of the text of consent: non-empty, at most 256 bytes, no control characters.
///
/// ```
/// use frontdesk_domain::session::ConsentText;
///
/// assert_eq!(ConsentText::new("privacy-2025-03")?.as_str(), "privacy-2025-03");
/// assert!(ConsentText::new("a\nb").is_err());
/// # Ok::<(), frontdesk_domain::IdError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ConsentText(String);

impl ConsentText {
    /// The longest name, in bytes.
    pub const MAX_BYTES: usize = 256;

    fn check(text: &str) -> Result<(), IdFault> {
        bounded(text, Self::MAX_BYTES)?;
        if text.chars().any(char::is_control) { Err(IdFault::ControlCharacter) } else { Ok(()) }
    }
}

checked_text!(ConsentText, "version of the consent's text", ConsentText::check);
