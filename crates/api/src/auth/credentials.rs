//! Who we are.

use std::fmt;
use std::str::FromStr;

use frontdesk_domain::Secret;

/// How the token endpoint wants the client's credentials (contract §1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum ClientStyle {
    /// HTTP Basic; the body is a form.
    #[default]
    Basic,
    /// In the body, a form.
    Form,
    /// In the body, JSON.
    Json,
}

impl fmt::Display for ClientStyle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Basic => "basic",
            Self::Form => "form",
            Self::Json => "json",
        })
    }
}

impl FromStr for ClientStyle {
    type Err = CredentialsError;

    fn from_str(text: &str) -> Result<Self, CredentialsError> {
        match text {
            "basic" => Ok(Self::Basic),
            "form" => Ok(Self::Form),
            "json" => Ok(Self::Json),
            _ => Err(CredentialsError::Style),
        }
    }
}

/// Client id and secret, how they are sent, and the scopes asked for.
///
/// ```
/// use frontdesk_api::{ClientStyle, Credentials};
/// use frontdesk_domain::Secret;
///
/// let credentials = Credentials::new("my-client", Secret::new("s3cret"))?
///     .style(ClientStyle::Form)
///     .scopes(["analytics:query"])?;
/// assert!(!format!("{credentials:?}").contains("s3cret"));
/// # Ok::<(), frontdesk_api::CredentialsError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Credentials {
    pub(crate) id: String,
    pub(crate) secret: Secret,
    pub(crate) style: ClientStyle,
    pub(crate) scopes: Vec<String>,
}

impl Credentials {
    /// Credentials in the default style, [`Basic`](ClientStyle::Basic), asking for no particular scope.
    ///
    /// # Errors
    /// When one of the two is empty, or the id holds a colon, which HTTP Basic cannot carry.
    pub fn new(id: impl Into<String>, secret: Secret) -> Result<Self, CredentialsError> {
        let id = id.into();
        if id.is_empty() {
            return Err(CredentialsError::NoId);
        }
        if secret.is_empty() {
            return Err(CredentialsError::NoSecret);
        }
        if id.contains(':') || id.contains(char::is_control) {
            return Err(CredentialsError::Id);
        }
        Ok(Self { id, secret, style: ClientStyle::default(), scopes: Vec::new() })
    }

    /// None: for a client whose calls carry no token.
    pub(crate) fn absent() -> Self {
        Self { id: String::new(), secret: Secret::new(""), style: ClientStyle::default(), scopes: Vec::new() }
    }

    pub(crate) fn is_absent(&self) -> bool {
        self.id.is_empty()
    }

    /// Sets the style.
    #[must_use]
    pub fn style(mut self, style: ClientStyle) -> Self {
        self.style = style;
        self
    }

    /// Sets the scopes to ask for.
    ///
    /// # Errors
    /// When one of them is not a scope of RFC 6749: visible ASCII without quote, backslash and blank.
    pub fn scopes<S: Into<String>>(
        mut self,
        scopes: impl IntoIterator<Item = S>,
    ) -> Result<Self, CredentialsError> {
        self.scopes = scopes.into_iter().map(Into::into).collect();
        let is_scope = |scope: &String| {
            !scope.is_empty() && scope.bytes().all(|byte| byte.is_ascii_graphic() && !b"\"\\".contains(&byte))
        };
        if self.scopes.iter().all(is_scope) { Ok(self) } else { Err(CredentialsError::Scope) }
    }
}

/// Why credentials cannot be used. Their values are not repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CredentialsError {
    /// The client id is empty.
    #[error("the client id is empty")]
    NoId,
    /// The client secret is empty.
    #[error("the client secret is empty")]
    NoSecret,
    /// The client id cannot be sent.
    #[error("the client id holds a colon or a control character")]
    Id,
    /// A scope cannot be sent.
    #[error("a scope holds a blank, a quote, a backslash or something that is not ASCII")]
    Scope,
    /// There is no such style.
    #[error("the client style must be basic, form or json")]
    Style,
}
