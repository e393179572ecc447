//! Why something that was asked of the platform is no success: a kind for programs, and words.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Why an outcome is no success.
///
/// ```
/// use frontdesk_domain::{Why, WhyKind};
///
/// let why = Why::new(WhyKind::Throttled, "too many requests");
/// let json = serde_json::to_string(&why)?;
/// assert_eq!(json, r#"{"kind":"throttled","why":"too many requests"}"#);
///
/// let why = Why::new(WhyKind::Refused, "refused with status 400").saying("bad.reason: no such reason");
/// assert_eq!(why.to_string(), "refused with status 400: bad.reason: no such reason");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Why {
    /// The kind, for programs.
    pub kind: WhyKind,
    /// In our words. Holds no secret and no customer text.
    #[serde(rename = "why")]
    pub text: String,
    /// What the platform wrote about it, its secrets taken out. It may name a customer: it is shown, and does not go into the
    /// audit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub said: Option<String>,
}

/// The kinds of [`Why`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WhyKind {
    /// The platform refused the call (400 and other statuses).
    Refused,
    /// The token was not accepted (401).
    Unauthorized,
    /// The client lacks a scope (403).
    Forbidden,
    /// Too many requests, to the end (429).
    Throttled,
    /// No answer, or one that says the platform has trouble.
    Unavailable,
    /// An answer that is not what the contract says.
    Malformed,
    /// The signal to stop came first.
    Interrupted,
    /// The call went well, and the session still goes on.
    StillActive,
    /// Something else is there already (409).
    Conflict,
}

impl Why {
    /// A reason of this kind, in words.
    #[must_use]
    pub fn new(kind: WhyKind, text: impl Into<String>) -> Self {
        Self { kind, text: text.into(), said: None }
    }

    /// With what the platform wrote about it.
    #[must_use]
    pub fn saying(self, said: impl Into<String>) -> Self {
        Self { said: Some(said.into()), ..self }
    }

    /// The signal to stop came before it could be known.
    #[must_use]
    pub fn interrupted() -> Self {
        Self::new(WhyKind::Interrupted, "the signal to stop came first")
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)?;
        match &self.said {
            Some(said) => write!(f, ": {said}"),
            None => Ok(()),
        }
    }
}
