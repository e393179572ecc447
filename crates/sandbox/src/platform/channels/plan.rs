//! How badly notifications are delivered.

use serde::{Deserialize, Serialize};

use crate::error::Error;

/// How events reach notification channels. Shares are `0.0..=1.0`.
///
/// ```
/// use frontdesk_sandbox::ChannelPlan;
/// let plan: ChannelPlan = serde_json::from_str(r#"{"lost": 0.1}"#)?;
/// assert_eq!(plan.heartbeat_seconds, 30);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ChannelPlan {
    /// How often a channel's heart beats, in seconds of the sandbox's clock.
    pub heartbeat_seconds: u64,
    /// This share of the events never arrives.
    pub lost: f64,
    /// This share arrives twice.
    pub doubled: f64,
}

impl Default for ChannelPlan {
    fn default() -> Self {
        Self { heartbeat_seconds: 30, lost: 0.0, doubled: 0.0 }
    }
}

impl ChannelPlan {
    /// Checks what the type does not.
    pub(crate) fn check(&self) -> Result<(), Error> {
        let fit = |share: f64| (0.0..=1.0).contains(&share);
        if fit(self.lost) && fit(self.doubled) {
            Ok(())
        } else {
            Err(Error::setting("channels", "lost or doubled is not within 0 and 1"))
        }
    }
}
