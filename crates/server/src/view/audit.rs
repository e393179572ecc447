//! The audit log: its entries, the newest first, and whether the chain holds.

use std::ops::ControlFlow;

use frontdesk_domain::audit::AuditKind;
use frontdesk_domain::hex;
use frontdesk_journal::{Entry, Error, ErrorKind, KeyRing, Reader, Signatures, VerifyOptions};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

/// A page of entries, the newest first.
#[derive(Debug, Clone, Default, PartialEq, Serialize, ToSchema)]
pub struct AuditView {
    /// How many entries there are in all.
    pub entries_total: u64,
    /// SHA-256 that the chain ends with, in hex.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub head: Option<String>,
    /// Those of this page, as `audit tail --json` writes them: `number`, `at`, `kind`, `actor`, `command`, `record` and more.
    #[schema(value_type = Vec<Object>)]
    pub entries: Vec<Value>,
    /// Where the next page begins, when there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

/// What a check of the journal found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct AuditVerifiedView {
    /// Whether nothing is wrong.
    pub sound: bool,
    /// The journal's id.
    pub journal: String,
    /// Entries that were read.
    pub entries: u64,
    /// The first entry that is wrong or missing.
    pub first_bad: Option<u64>,
    /// What is wrong, the first 100.
    pub findings: Vec<FindingView>,
    /// Findings that are not listed.
    pub more_findings: u64,
    /// Heads that were compared.
    pub heads: u64,
    /// Personal values that were destroyed, as entries say.
    pub shredded: u64,
    /// `checked` or `not_checked`: not without keys.
    pub signatures: &'static str,
}

/// Something that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct FindingView {
    /// The entry, where it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entry: Option<u64>,
    /// What is wrong with it.
    pub what: String,
}

/// Which entries are shown.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Choice {
    /// Of this kind; of all without it.
    pub kind: Option<AuditKind>,
    /// Only looks at this: a conversation, a delivery, a list by its name. They are of kind `access`.
    pub subject: Option<String>,
}

const MOST_FINDINGS: usize = 100;

/// The entries before the one of a number, as they are chosen. Blocks.
///
/// # Errors
/// What is wrong with the journal.
pub fn page(reader: &Reader, before: Option<u64>, choice: &Choice, limit: usize) -> Result<AuditView, Error> {
    let head = reader.head()?;
    // One more than is shown says whether there are others.
    let mut found = match &choice.subject {
        Some(subject) => reader.accesses_of(subject, before, limit + 1)?,
        None => reader.newest_entries(before, choice.kind, limit + 1)?,
    };
    let more = found.len() > limit;
    found.truncate(limit);
    let next_cursor = found.last().filter(|_| more).map(|entry| entry.number.to_string());
    let entries = found.iter().map(whole).collect::<Result<_, _>>()?;
    Ok(AuditView { entries_total: head.count, head: Some(hex(&head.hash)), entries, next_cursor })
}

fn whole(entry: &Entry) -> Result<Value, Error> {
    // Written as JSON a moment ago.
    Ok(serde_json::from_str(&entry.whole()?).unwrap_or_default())
}

/// Checks every entry; `key_file` has the keys, by default the file beside the journal. Blocks, long for a long journal.
///
/// # Errors
/// What keeps the journal from being read. What is wrong with it is in the answer.
pub fn verify(reader: &Reader, key_file: &std::path::Path) -> Result<AuditVerifiedView, Error> {
    let keys = match KeyRing::read(key_file) {
        Ok(ring) => Some(ring),
        Err(error) if matches!(error.kind(), ErrorKind::KeyMissing { .. }) => None,
        Err(error) => return Err(error),
    };
    let (beside, bad_beside) = match reader.head_beside() {
        Ok(head) => (head, false),
        Err(error) if matches!(error.kind(), ErrorKind::Damage { .. }) => (None, true),
        Err(error) => return Err(error),
    };
    let options = VerifyOptions { keys, trusted: None, beside, bad_beside };
    let verified = reader.verify(&options, &mut |_| ControlFlow::Continue(()))?;
    let first_bad = verified.first_bad();
    let beyond = verified.findings.len().saturating_sub(MOST_FINDINGS) as u64;
    Ok(AuditVerifiedView {
        sound: verified.is_sound(),
        entries: verified.entries,
        first_bad,
        more_findings: verified.more_findings + beyond,
        heads: verified.heads,
        shredded: verified.shredded,
        signatures: match verified.signatures {
            Signatures::Checked => "checked",
            Signatures::NotChecked => "not_checked",
        },
        findings: verified
            .findings
            .into_iter()
            .take(MOST_FINDINGS)
            .map(|finding| FindingView { entry: finding.entry, what: finding.what })
            .collect(),
        journal: verified.journal,
    })
}
