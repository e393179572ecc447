//! Which guests there are, and which do something by themselves.

use serde::{Deserialize, Serialize};

use crate::error::Error;

/// Shares of the guests, each `0.0..=1.0`. By default eight of ten are active, and nothing changes by
/// itself.
///
/// ```
/// use frontdesk_sandbox::GuestPlan;
/// let plan: GuestPlan = serde_json::from_str(r#"{"closing": 0.02}"#)?;
/// assert_eq!(plan.active, 0.8);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GuestPlan {
    /// Begin as `active`. Of the others a third each are `inactive`, `closed` and in a state that
    /// the contract does not know (`transferring`).
    pub active: f64,
    /// Of the active ones, this share closes by itself right after its state was told for the first,
    /// second or third time.
    pub closing: f64,
    /// Of the active ones, this share falls `inactive` in the same way.
    pub idling: f64,
}

impl Default for GuestPlan {
    fn default() -> Self {
        Self { active: 0.8, closing: 0.0, idling: 0.0 }
    }
}

impl GuestPlan {
    /// Checks what the type does not.
    pub(crate) fn check(&self) -> Result<(), Error> {
        let fit = |share: f64| (0.0..=1.0).contains(&share);
        if fit(self.active) && fit(self.closing) && fit(self.idling) && fit(self.closing + self.idling) {
            Ok(())
        } else {
            Err(Error::setting(
                "guest_plan",
                "a share, or closing and idling together, is not within 0 and 1",
            ))
        }
    }
}
