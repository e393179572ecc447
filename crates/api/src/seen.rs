//! The ids a listing has met, in little memory.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use sha2::{Digest, Sha256};

/// Hashes in one run of sorted ones before it is cut in two.
const RUN: usize = 512;
/// A run grows by this many at a time: doubling would leave a third of the memory empty.
const GROWTH: usize = 32;

/// The first 64 bits of an id's SHA-256: the same in every build, so that it may be written down. Two of ten million ids
/// share them once in 400,000 listings.
///
/// ```
/// // SHA-256("abc") begins with ba7816bf 8f01cfea.
/// assert_eq!(frontdesk_api::id_hash("abc"), 0xba78_16bf_8f01_cfea);
/// ```
#[must_use]
pub fn id_hash(id: &str) -> u64 {
    hash(id.as_bytes())
}

pub(crate) fn hash(bytes: &[u8]) -> u64 {
    Sha256::digest(bytes).iter().take(8).fold(0, |hash, byte| hash << 8 | u64::from(*byte))
}

/// What a listing has met so far, as [`id_hash`]es: about 9 bytes each. Clones share it: whoever takes a listing up again
/// hands it on, so that an id of an earlier session is still no news.
///
/// ```
/// use frontdesk_api::{SeenIds, id_hash};
///
/// let seen = SeenIds::default();
/// assert!(seen.insert(id_hash("c-1")));
/// assert!(!seen.clone().insert(id_hash("c-1")));
/// ```
#[derive(Clone, Default)]
pub struct SeenIds(Arc<Mutex<Hashes>>);

impl SeenIds {
    /// Whether it was not met before. Remembers it.
    #[must_use = "whether the id is new cannot be asked again"]
    pub fn insert(&self, id_hash: u64) -> bool {
        self.meet(id_hash) == Met::New
    }

    /// Remembers what an earlier session met.
    pub fn extend(&self, id_hashes: impl IntoIterator<Item = u64>) {
        let mut hashes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for id_hash in id_hashes {
            hashes.meet(id_hash, EARLIER);
        }
    }

    pub(crate) fn meet(&self, id_hash: u64) -> Met {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).meet(id_hash, NOW)
    }
}

/// What the set knew of an id that a page brings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Met {
    New,
    /// An earlier session met it, and this one does for the first time: no new id, and yet the listing gets on. A server
    /// that was mended may begin again before the place where the earlier session ended.
    Earlier,
    Again,
}

/// The lowest bit of a hash says which session met it last.
const SESSION: u64 = 1;
const EARLIER: u64 = 0;
const NOW: u64 = 1;

impl fmt::Debug for SeenIds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SeenIds")
    }
}

/// A set of hashes: sorted runs in order. A table with room to spare takes twice as much, and twice that while it grows.
#[derive(Default)]
struct Hashes {
    runs: Vec<Vec<u64>>,
}

impl Hashes {
    fn meet(&mut self, hash: u64, session: u64) -> Met {
        let hash = hash & !SESSION;
        // The last run that begins at or before the hash, else the first.
        let at = self.runs.partition_point(|run| run.first().is_some_and(|first| first & !SESSION <= hash));
        let at = at.saturating_sub(1);
        let Some(run) = self.runs.get_mut(at) else {
            self.runs.push(vec![hash | session]);
            return Met::New;
        };
        let place = match run.binary_search_by_key(&hash, |met| met & !SESSION) {
            Ok(place) => {
                let before = std::mem::replace(&mut run[place], hash | session);
                return if before & SESSION == NOW { Met::Again } else { Met::Earlier };
            }
            Err(place) => place,
        };
        if run.len() == run.capacity() {
            run.reserve_exact(GROWTH);
        }
        run.insert(place, hash | session);
        if run.len() >= RUN {
            let mut upper = Vec::with_capacity(RUN / 2 + GROWTH);
            upper.extend_from_slice(&run[RUN / 2..]);
            run.truncate(RUN / 2);
            run.shrink_to(RUN / 2 + GROWTH);
            self.runs.insert(at + 1, upper);
        }
        Met::New
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_is_a_set(values in proptest::collection::vec(prop_oneof![0..64_u64, any::<u64>()], 0..4_000)) {
            let (mut hashes, mut model) = (Hashes::default(), HashSet::new());
            for value in values {
                prop_assert_eq!(hashes.meet(value, NOW) == Met::New, model.insert(value & !SESSION));
            }
            let flat: Vec<u64> = hashes.runs.concat();
            prop_assert!(flat.is_sorted());
            prop_assert_eq!(flat.len(), model.len());
        }
    }

    #[test]
    fn it_takes_about_nine_bytes_a_hash() {
        let mut hashes = Hashes::default();
        let count = 200_000;
        for number in 0..count as u64 {
            assert_eq!(hashes.meet(hash(&number.to_le_bytes()), NOW), Met::New);
        }
        let taken: usize = hashes.runs.iter().map(|run| run.capacity() * 8 + 24).sum();
        assert!(taken < count * 10, "{} bytes each", taken as f64 / count as f64);
    }

    #[test]
    fn clones_share_it() {
        let seen = SeenIds::default();
        seen.clone().extend([10, 20]);
        assert!(!seen.insert(20));
        assert!(seen.insert(30));
        assert_eq!(
            [10, 10, 20, 30].map(|hash| seen.meet(hash)),
            [Met::Earlier, Met::Again, Met::Again, Met::Again]
        );
    }
}
