//! Who looked at a conversation: its newest entries in the audit log.

use frontdesk_domain::audit::{AccessRecord, AccessStep};
use frontdesk_journal::{Error, Reader};

/// One look at a conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ViewingView {
    /// The number of its entry in the audit log.
    pub number: u64,
    /// When, RFC 3339.
    pub at: String,
    /// The name of the token it was asked with; `local` where none is asked for.
    pub who: String,
    /// The role of that token.
    pub role: String,
    /// `opened`, `revealed`, `exported` or `verified`.
    pub step: &'static str,
    /// Why, where what is masked was shown.
    pub reason: Option<String>,
}

/// The newest looks at a conversation among the newest `limit` entries about it, the newest first. Blocks.
///
/// # Errors
/// What is wrong with the journal.
pub fn viewings(reader: &Reader, id: &str, limit: usize) -> Result<Vec<ViewingView>, Error> {
    let mut found = Vec::new();
    for entry in reader.accesses_of(id, None, limit)? {
        // What another version wrote in another way is in the audit log all the same.
        let Ok(record) = serde_json::from_str::<AccessRecord>(&entry.record()?) else { continue };
        // A list, or a delivery, may be called what a conversation is.
        if !matches!(
            record.step,
            AccessStep::Opened | AccessStep::Revealed | AccessStep::Exported | AccessStep::Verified
        ) {
            continue;
        }
        found.push(ViewingView {
            number: entry.number,
            at: entry.at.to_string(),
            who: record.who,
            role: record.role,
            step: record.step.as_str(),
            reason: record.details.get("reason").cloned(),
        });
    }
    Ok(found)
}
