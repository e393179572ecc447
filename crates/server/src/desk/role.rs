//! What somebody may do, and who it is.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::response::{IntoResponse, Response};
use http::request::Parts;
use serde::{Deserialize, Serialize};

use crate::problem::Problem;

/// What somebody may do. Each may what those before it may.
///
/// ```
/// use frontdesk_server::Role;
///
/// assert!(Role::Viewer < Role::Auditor && Role::Operator < Role::Admin);
/// assert_eq!("auditor".parse(), Ok(Role::Auditor));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Search and read, with what recognisers find masked.
    Viewer,
    /// Also what is masked, exact bytes, the audit log.
    Auditor,
    /// Also what changes something outside: replays of deliveries.
    Operator,
    /// Everything there is.
    Admin,
}

impl Role {
    /// Every role, from the one that may least.
    pub const ALL: [Self; 4] = [Self::Viewer, Self::Auditor, Self::Operator, Self::Admin];

    /// Its name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Auditor => "auditor",
            Self::Operator => "operator",
            Self::Admin => "admin",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A text that names no role.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no such role: they are viewer, auditor, operator and admin")]
pub struct UnknownRole;

impl FromStr for Role {
    type Err = UnknownRole;

    fn from_str(text: &str) -> Result<Self, UnknownRole> {
        Self::ALL.into_iter().find(|role| role.as_str() == text).ok_or(UnknownRole)
    }
}

/// The name of whoever asks a server that wants no tokens.
pub(crate) const LOCAL: &str = "local";

/// Who asks: found out before any handler runs ([`access`](super::access)).
#[derive(Clone)]
pub(crate) struct Viewer {
    /// The name of the token; `local` where none is asked for.
    pub(crate) name: Arc<str>,
    pub(crate) role: Role,
    /// What a form must send back, so that no other page's form counts. Empty where a request carries its token itself:
    /// no page can make a browser do that.
    pub(crate) csrf: Arc<str>,
}

impl fmt::Debug for Viewer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Viewer").field("name", &self.name).field("role", &self.role).finish_non_exhaustive()
    }
}

impl<S: Sync> FromRequestParts<S> for Viewer {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Response> {
        // Every route of the desk is behind the layer that puts it there.
        parts.extensions.get::<Self>().cloned().ok_or_else(|| Problem::unexpected().into_response())
    }
}

/// Lets through who may at least this; for others there is nothing here.
pub(crate) fn at_least(
    role: Role,
) -> impl Fn(axum::extract::Request) -> std::future::Ready<Result<axum::extract::Request, Response>> + Clone {
    move |request| {
        let allowed = request.extensions().get::<Viewer>().is_some_and(|viewer| viewer.role >= role);
        std::future::ready(if allowed { Ok(request) } else { Err(Problem::not_found().into_response()) })
    }
}
