//! What becomes of each record of a group: compared with the latest version of its key, and numbered.

use std::collections::HashMap;

use super::queue::Request;
use super::{Prepared, PutOutcome};
use crate::catalog::{Catalog, Latest, Lookup};
use crate::error::Error;

/// A record that will be written.
pub(super) struct Accepted {
    pub(super) prepared: Prepared,
    pub(super) sequence: u64,
    pub(super) version: u32,
    /// The version it replaces as the latest.
    pub(super) replaces: Option<u64>,
    /// The record of this group before it whose key has the same hash.
    same_hash: Option<usize>,
}

/// A group after its comparison.
pub(super) struct Decided {
    /// For each request, for each of its records.
    pub(super) outcomes: Vec<Vec<PutOutcome>>,
    /// What is written, in the order it arrived.
    pub(super) accepted: Vec<Accepted>,
}

/// Compares every record with the latest version of its key, those of this group included.
/// `sequence` is the number of the first that is accepted.
pub(super) fn decide(
    catalog: &Catalog,
    requests: &mut [Request],
    mut sequence: u64,
) -> Result<Decided, Error> {
    // One transaction: each look-up by itself would lock and unlock the WAL.
    let reading = catalog.reading()?;
    let mut lookup = Lookup::prepare(&reading)?;
    let mut accepted: Vec<Accepted> = Vec::new();
    let mut newest: HashMap<i64, usize> = HashMap::new();
    let mut outcomes = Vec::with_capacity(requests.len());
    for request in requests {
        let mut decided = Vec::with_capacity(request.batch.len());
        for prepared in std::mem::take(&mut request.batch) {
            let same_hash = newest.get(&prepared.key_hash).copied();
            let latest = match within(&accepted, same_hash, &prepared) {
                None => lookup.latest(prepared.key_hash, prepared.key())?,
                found => found,
            };
            let version = match latest {
                Some(latest) if latest.sha256 == prepared.sha256 => {
                    decided.push(PutOutcome::Unchanged { version: latest.version });
                    continue;
                }
                Some(latest) => latest.version.saturating_add(1),
                None => 1,
            };
            decided.push(if version == 1 {
                PutOutcome::Stored
            } else {
                PutOutcome::VersionAdded { version }
            });
            newest.insert(prepared.key_hash, accepted.len());
            let replaces = latest.map(|latest| latest.sequence);
            accepted.push(Accepted { prepared, sequence, version, replaces, same_hash });
            sequence += 1;
        }
        outcomes.push(decided);
    }
    Ok(Decided { outcomes, accepted })
}

/// The latest version of a key among the records already accepted.
fn within(accepted: &[Accepted], mut index: Option<usize>, prepared: &Prepared) -> Option<Latest> {
    while let Some(earlier) = index.and_then(|index| accepted.get(index)) {
        if earlier.prepared.key() == prepared.key() {
            return Some(Latest {
                sequence: earlier.sequence,
                version: earlier.version,
                sha256: earlier.prepared.sha256,
            });
        }
        index = earlier.same_hash;
    }
    None
}
