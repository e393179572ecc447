//! Keys and values together, as a profile sets them.

use std::collections::BTreeSet;

use super::{Action, KeyMode, KeyPattern, Matches, PiiFinding, PiiKind, Region};

/// What is looked for, and what is done about it. The default is the documents': keys by containment, every kind of
/// value blocked, phone numbers only with their `+` (contract §3).
///
/// ```
/// use frontdesk_domain::pii::{Action, PiiKind, PiiPolicy};
///
/// let policy = PiiPolicy::default().with_action(PiiKind::Email, Action::Warn).allowing_key("phone_model");
/// let found = policy.findings("ana@example.org paid with 4111 1111 1111 1111");
/// let actions: Vec<_> = found.iter().map(|finding| finding.action).collect();
/// assert_eq!(actions, [Action::Warn, Action::Block]);
/// assert_eq!(policy.blocked_key("Phone_Model"), None);
/// assert_eq!(policy.blocked_key("phone").unwrap().as_str(), "phone");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PiiPolicy {
    key_mode: KeyMode,
    /// In lower case.
    allow_keys: BTreeSet<String>,
    actions: [Action; PiiKind::ALL.len()],
    default_region: Option<Region>,
}

impl PiiPolicy {
    /// The policy with another way to compare keys.
    #[must_use]
    pub fn with_key_mode(mut self, mode: KeyMode) -> Self {
        self.key_mode = mode;
        self
    }

    /// The policy with one more key that is free, in either mode and whatever its case.
    #[must_use]
    pub fn allowing_key(mut self, key: &str) -> Self {
        self.allow_keys.insert(key.to_lowercase());
        self
    }

    /// The policy with another action on values of a kind.
    #[must_use]
    pub fn with_action(mut self, kind: PiiKind, action: Action) -> Self {
        self.actions[kind as usize] = action;
        self
    }

    /// The policy with the region whose phone numbers need no `+`.
    #[must_use]
    pub fn with_default_region(mut self, region: Option<Region>) -> Self {
        self.default_region = region;
        self
    }

    /// What is done about values of a kind.
    #[must_use]
    pub fn action(&self, kind: PiiKind) -> Action {
        self.actions[kind as usize]
    }

    /// The region whose phone numbers need no `+`.
    #[must_use]
    pub fn default_region(&self) -> Option<Region> {
        self.default_region
    }

    /// The first pattern a key matches, unless the key is allowed. Keys are blocked or free; they have no action.
    #[must_use]
    pub fn blocked_key(&self, key: &str) -> Option<KeyPattern> {
        let pattern = KeyPattern::of_key(key, self.key_mode)?;
        (!self.allow_keys.contains(&key.to_lowercase())).then_some(pattern)
    }

    /// What stands in a text, in its order and without overlaps. A kind that is allowed is not looked for, and so does
    /// not hide another one.
    #[must_use]
    pub fn findings(&self, text: &str) -> Vec<PiiFinding> {
        let wanted = |kind: PiiKind| self.action(kind) != Action::Allow;
        Matches::new(text, self.default_region, wanted)
            .map(|found| PiiFinding { kind: found.kind, range: found.range, action: self.action(found.kind) })
            .collect()
    }
}
