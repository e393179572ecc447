//! A value that must not be shown.

use std::fmt;

/// A secret: a client secret, a token. Neither printed nor compared nor written out by accident; read only through
/// [`Secret::reveal`].
///
/// ```
/// use frontdesk_domain::Secret;
///
/// let secret = Secret::new("correct horse");
/// assert_eq!(format!("{secret:?}"), "Secret(***)");
/// assert_eq!(secret.reveal(), "correct horse");
/// ```
///
/// There is no `Display`:
///
/// ```compile_fail
/// let secret = frontdesk_domain::Secret::new("correct horse");
/// println!("{secret}");
/// ```
#[derive(Clone)]
pub struct Secret(String);

impl Secret {
    /// Wraps a secret.
    #[must_use]
    pub fn new(value: impl Into<String>) -> Self {
        Self(value.into())
    }

    /// The secret itself. The name is meant to be seen in review.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// Whether there is nothing in it, which no service accepts.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<String> for Secret {
    fn from(value: String) -> Self {
        Self(value)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(***)")
    }
}
