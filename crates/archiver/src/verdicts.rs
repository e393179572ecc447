//! How many conversations came to which verdict: of a sweep, and of what the release of a matter would free.

use std::collections::BTreeMap;

use frontdesk_domain::PolicyName;
use frontdesk_domain::retention::Verdict;
use serde::Serialize;

/// Conversations by what was decided about them.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Verdicts {
    /// Due, by policy.
    pub due: BTreeMap<PolicyName, u64>,
    /// Held, and kept whatever their age.
    pub held: u64,
    /// Too young.
    pub kept: u64,
    /// Kept because they have no date.
    pub undated: u64,
    /// Kept because no policy applies.
    pub without_policy: u64,
    /// Kept because they cannot be read.
    pub unreadable: u64,
}

impl Verdicts {
    /// One more.
    pub fn count(&mut self, verdict: &Verdict) {
        match verdict {
            Verdict::Hold { .. } => self.held += 1,
            Verdict::NoDate { .. } => self.undated += 1,
            Verdict::NoPolicy => self.without_policy += 1,
            Verdict::Expire { policy, .. } => *self.due.entry(policy.clone()).or_default() += 1,
            _ => self.kept += 1,
        }
    }

    /// How many are due, by whichever policy.
    #[must_use]
    pub fn all_due(&self) -> u64 {
        self.due.values().sum()
    }

    /// How many are due, by the name of the policy.
    #[must_use]
    pub fn due_by_name(&self) -> BTreeMap<String, u64> {
        self.due.iter().map(|(policy, count)| (policy.as_str().to_owned(), *count)).collect()
    }
}
