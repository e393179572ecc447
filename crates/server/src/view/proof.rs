//! Whether a conversation's records are what was stored: every version of every kind, read and compared.

use frontdesk_archive::{Error, Reader};
use frontdesk_domain::{RecordId, RecordKey, RecordKind, hex};
use serde::Serialize;
use utoipa::ToSchema;

/// What the check found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct ProofView {
    /// The conversation.
    pub id: String,
    /// Whether all of it is what was stored.
    pub sound: bool,
    /// Every record, by kind and version.
    pub records: Vec<ProvenView>,
}

/// A record that was compared with its hash.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct ProvenView {
    /// `details`, `history`, `transcript` or `media`.
    pub kind: &'static str,
    /// Its version, from 1.
    pub version: u32,
    /// SHA-256 of its bytes, computed now; absent where they could not be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// The segment it lies in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub segment: Option<String>,
    /// What is wrong with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fault: Option<String>,
}

/// Reads every version of every kind; `None` where there is nothing of that id. Blocks.
///
/// # Errors
/// What keeps the archive from being read at all. Damage is in the answer.
pub fn prove(reader: &Reader, id: &RecordId) -> Result<Option<ProofView>, Error> {
    let mut records = Vec::new();
    for kind in RecordKind::ALL {
        let key = RecordKey { kind, id: id.clone() };
        // The newest says how many there are; where it is damaged, its number is found from below.
        let newest = match reader.show(&key, None) {
            Ok(None) => continue,
            Ok(Some(record)) => Some(record.version),
            Err(error) if error.is_integrity_failure() => None,
            Err(error) => return Err(error),
        };
        for version in 1.. {
            if newest.is_some_and(|newest| version > newest) {
                break;
            }
            match reader.show(&key, Some(version)) {
                Ok(Some(record)) => records.push(ProvenView {
                    kind: kind.as_str(),
                    version,
                    sha256: Some(hex(&record.sha256)),
                    segment: Some(record.segment),
                    fault: None,
                }),
                // A version that a repair could not save has a gap in its place.
                Ok(None) if newest.is_some() => {}
                Ok(None) => break,
                Err(error) if error.is_integrity_failure() => records.push(fault(kind, version, &error)),
                Err(error) => return Err(error),
            }
        }
    }
    let sound = records.iter().all(|record| record.fault.is_none());
    let id = id.as_str().to_owned();
    Ok((!records.is_empty()).then_some(ProofView { id, sound, records }))
}

fn fault(kind: RecordKind, version: u32, error: &Error) -> ProvenView {
    let fault = Some(error.to_string());
    ProvenView { kind: kind.as_str(), version, sha256: None, segment: None, fault }
}
