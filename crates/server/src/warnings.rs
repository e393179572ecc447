//! What is not as it should be and stops nothing: shown by `/readyz` until it is over.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The warnings of a server, by what they are about. Clones share them.
///
/// ```
/// let warnings = frontdesk_server::Warnings::default();
/// warnings.set("pull", "the remote does not answer; again in 15 minutes");
/// assert_eq!(warnings.all().len(), 1);
/// warnings.clear("pull");
/// assert!(warnings.all().is_empty());
/// ```
#[derive(Debug, Clone, Default)]
pub struct Warnings(Arc<Mutex<BTreeMap<&'static str, String>>>);

impl Warnings {
    /// Says what is wrong about `subject`. Neither secrets nor customers' words.
    pub fn set(&self, subject: &'static str, text: impl Into<String>) {
        self.lock().insert(subject, text.into());
    }

    /// Nothing is wrong about `subject` any more.
    pub fn clear(&self, subject: &'static str) {
        self.lock().remove(subject);
    }

    /// Everything that is wrong, as `subject: text`.
    pub fn all(&self) -> Vec<String> {
        self.lock().iter().map(|(subject, text)| format!("{subject}: {text}")).collect()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<&'static str, String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
