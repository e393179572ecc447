//! How the queues of guest sessions move.

use serde::{Deserialize, Serialize};

use crate::error::Error;

/// How quickly guests are taken from their queue, and what is said about it. By default one every
/// fifteen seconds a queue, and the agent is a participant at once.
///
/// ```
/// use frontdesk_sandbox::SessionPlan;
/// let plan: SessionPlan = serde_json::from_str(r#"{"pace_ms": 0}"#)?;
/// assert!(!plan.agents_in_turn);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SessionPlan {
    /// How long one place in a queue takes, in milliseconds of the sandbox's clock.
    pub pace_ms: u64,
    /// The agent becomes a participant when it is the guest's turn, not before.
    pub agents_in_turn: bool,
    /// This share of the sessions, `0.0..=1.0`, is opened without a word about a queue.
    pub without_queue: f64,
}

impl Default for SessionPlan {
    fn default() -> Self {
        Self { pace_ms: 15_000, agents_in_turn: false, without_queue: 0.0 }
    }
}

impl SessionPlan {
    /// Checks what the type does not.
    pub(crate) fn check(&self) -> Result<(), Error> {
        if (0.0..=1.0).contains(&self.without_queue) {
            Ok(())
        } else {
            Err(Error::setting("session_plan", "without_queue is not within 0 and 1"))
        }
    }
}
