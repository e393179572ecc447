//! What becomes of each record of a group: compared with the latest version of its key, and numbered.

use std::collections::{HashMap, VecDeque};

use frontdesk_domain::RecordKey;

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
}

/// The latest versions that a group makes, which the catalog is told of when the group is durable.
pub(super) type Recent = HashMap<RecordKey, Latest>;

/// A group after its comparison.
pub(super) struct Decided {
    /// For each request, for each of its records.
    pub(super) outcomes: Vec<Vec<PutOutcome>>,
    /// What is written, in the order it arrived.
    pub(super) accepted: Vec<Accepted>,
    pub(super) recent: Recent,
}

/// Compares every record with the latest version of its key: of this group, of the groups before it that are not in
/// the catalog yet (newest last), or in the catalog. `sequence` is the number of the first that is accepted; with `tombstones`, what was removed is refused.
pub(super) fn decide(
    catalog: &Catalog,
    tombstones: bool,
    before: &VecDeque<Recent>,
    requests: &mut [Request],
    mut sequence: u64,
) -> Result<Decided, Error> {
    // One transaction: each look-up by itself would lock and unlock the WAL.
    let reading = catalog.reading()?;
    let mut lookup = Lookup::prepare(&reading)?;
    let mut accepted: Vec<Accepted> = Vec::new();
    let mut recent = Recent::new();
    let mut outcomes = Vec::with_capacity(requests.len());
    for request in requests {
        let mut decided = Vec::with_capacity(request.batch.len());
        for prepared in std::mem::take(&mut request.batch) {
            let key = prepared.key();
            let pending = recent.get(key).or_else(|| before.iter().rev().find_map(|group| group.get(key)));
            let latest = match pending {
                Some(latest) => Some(*latest),
                None => lookup.latest(prepared.key_hash, key)?,
            };
            let version = match latest {
                Some(latest) if latest.stable.agrees_with(&prepared.stable) => {
                    decided.push(PutOutcome::Unchanged { version: latest.version });
                    continue;
                }
                Some(latest) => latest.version.saturating_add(1),
                // Of a conversation that was removed there is no version.
                None if tombstones && catalog.tombstone(&key.id)?.is_some() => {
                    decided.push(PutOutcome::Expired);
                    continue;
                }
                None => 1,
            };
            decided.push(if version == 1 {
                PutOutcome::Stored
            } else {
                PutOutcome::VersionAdded { version }
            });
            recent.insert(key.clone(), Latest { sequence, version, stable: prepared.stable });
            let replaces = latest.map(|latest| latest.sequence);
            accepted.push(Accepted { prepared, sequence, version, replaces });
            sequence += 1;
        }
        outcomes.push(decided);
    }
    Ok(Decided { outcomes, accepted, recent })
}
