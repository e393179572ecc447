//! What the published contract does of its own: what a client may, what comes late, what is odd.

use serde::{Deserialize, Serialize};

use crate::error::Error;

/// How the vendor's published contract is served. Shares are `0.0..=1.0`; times are seconds of the
/// sandbox's clock.
///
/// ```
/// use frontdesk_sandbox::PlatformPlan;
/// let plan: PlatformPlan = serde_json::from_str(
///     r#"{"missing_permissions": ["conversation:message:create"], "late": 0.05}"#,
/// )?;
/// assert_eq!(plan.late_seconds, 86_400);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PlatformPlan {
    /// Permissions that the client does not have; it has all others.
    pub missing_permissions: Vec<String>,
    /// This share of all messages cannot be read at first: a bulk read leaves them out, a single one is
    /// 404.
    pub late: f64,
    /// For so long after this plan was made they cannot.
    pub late_seconds: u64,
    /// This share of all messages can never be read.
    pub absent: f64,
    /// How far `totalHits` of a details query is from the truth at most; it differs from page to page.
    pub hits_off: u64,
    /// For so long after its end the details of a conversation cannot be read by its id.
    pub details_lag_seconds: u64,
    /// What is newer than this cannot be found by a job (`dataAvailabilityDate`); with 0 all of it can.
    pub jobs_lag_seconds: u64,
    /// How often a job's state is told before it is `FULFILLED`.
    pub job_polls: u32,
    /// How long after that it is `EXPIRED`.
    pub job_lifetime_seconds: u64,
    /// So many jobs, the first ones, end as `FAILED`.
    pub failing_jobs: u64,
    /// How often a list of recordings is answered with 202 before it is there.
    pub recording_polls: u32,
    /// This share of what is sent is answered with 202 and nothing: its id is not told.
    pub silent_sends: f64,
    /// Every payload has a field, and some a value, that no client has ever seen.
    pub strange: bool,
}

impl Default for PlatformPlan {
    fn default() -> Self {
        Self {
            missing_permissions: Vec::new(),
            late: 0.0,
            late_seconds: 86_400,
            absent: 0.0,
            hits_off: 2,
            details_lag_seconds: 0,
            jobs_lag_seconds: 0,
            job_polls: 2,
            job_lifetime_seconds: 86_400,
            failing_jobs: 0,
            recording_polls: 1,
            silent_sends: 0.0,
            strange: false,
        }
    }
}

impl PlatformPlan {
    /// Checks what the types do not.
    pub(crate) fn check(&self) -> Result<(), Error> {
        let fit = |share: f64| (0.0..=1.0).contains(&share);
        if fit(self.silent_sends) && fit(self.late) && fit(self.absent) && fit(self.late + self.absent) {
            Ok(())
        } else {
            Err(Error::setting("platform", "late or absent, or both together, is not within 0 and 1"))
        }
    }
}
