//! How the platform calls back.

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::webhooks::signature;

/// How calls to those who registered are made. By default they are not signed, and a call that fails
/// is made five times, at first after half a second, then after twice as long each time.
///
/// ```
/// use frontdesk_sandbox::CallbackPlan;
/// let plan: CallbackPlan =
///     serde_json::from_str(r#"{"secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "repeat": 2}"#)?;
/// assert_eq!(plan.attempts, 5);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CallbackPlan {
    /// Signs each call as Standard Webhooks says (`whsec_…`); without one a call has no `webhook-…`
    /// headers at all.
    pub secret: Option<String>,
    /// How often a call is made at most until it is answered 2xx.
    pub attempts: u32,
    /// How long after the first failure it is made again, in milliseconds.
    pub retry_ms: u64,
    /// How often each call is made although it was answered 2xx, the first time included.
    pub repeat: u32,
}

impl Default for CallbackPlan {
    fn default() -> Self {
        Self { secret: None, attempts: 5, retry_ms: 500, repeat: 1 }
    }
}

impl std::fmt::Debug for CallbackPlan {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CallbackPlan")
            .field("signed", &self.secret.is_some())
            .field("attempts", &self.attempts)
            .field("retry_ms", &self.retry_ms)
            .field("repeat", &self.repeat)
            .finish()
    }
}

impl CallbackPlan {
    /// Checks what the types do not.
    pub(crate) fn check(&self) -> Result<(), Error> {
        if self.secret.as_deref().is_some_and(|secret| signature::key(secret).is_none()) {
            return Err(Error::setting("secret", "is not whsec_ and base64"));
        }
        if self.attempts == 0 || self.repeat == 0 {
            return Err(Error::setting("callbacks", "attempts and repeat begin at 1"));
        }
        Ok(())
    }
}
