//! Whether a conversation's records are what was stored: every version of every kind, read and compared.

use frontdesk_archive::{Damage, Error, Examined, Reader};
use frontdesk_domain::{RecordId, Timestamp, hex};
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

/// Reads every version of every kind; `None` where there is nothing of that id. What is found is written down beside the
/// archive, at the time `now`, so that searches say so from then on. Blocks.
///
/// # Errors
/// What keeps the archive from being read at all. Damage is in the answer.
pub fn prove(reader: &Reader, id: &RecordId, now: Timestamp) -> Result<Option<ProofView>, Error> {
    let examined = reader.examine(id)?;
    if let Err(error) = reader.note_examined(&examined, now) {
        tracing::warn!(%error, "what a check found could not be written down");
    }
    let mut records: Vec<ProvenView> = examined.iter().map(proven).collect();
    let known = reader.damage_of(id)?;
    let gone =
        |damage: &&Damage| !examined.iter().any(|one| one.key == damage.key && one.version == damage.version);
    records.extend(known.iter().filter(gone).map(lost));
    let sound = records.iter().all(|record| record.fault.is_none());
    let id = id.as_str().to_owned();
    Ok((!records.is_empty()).then_some(ProofView { id, sound, records }))
}

fn proven(one: &Examined) -> ProvenView {
    let (kind, version) = (one.key.kind.as_str(), one.version);
    match &one.outcome {
        Ok(record) => ProvenView {
            kind,
            version,
            sha256: Some(hex(&record.sha256)),
            segment: Some(record.segment.clone()),
            fault: None,
        },
        Err(error) => {
            ProvenView { kind, version, sha256: None, segment: None, fault: Some(error.to_string()) }
        }
    }
}

/// A record that is not there to be read any more.
fn lost(damage: &Damage) -> ProvenView {
    let fault = match &damage.what {
        None => format!("it was lost when the archive was repaired, {}", damage.since),
        Some(what) => what.clone(),
    };
    let (kind, version) = (damage.key.kind.as_str(), damage.version);
    ProvenView { kind, version, sha256: None, segment: None, fault: Some(fault) }
}
