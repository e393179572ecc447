//! Checking some of the records: what an archive that is too large for a whole look every day gets instead.

use std::collections::{BTreeMap, BTreeSet};

use crate::error::Error;
use crate::reader::Reader;
use crate::verify::Damaged;

/// What a look at some records found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Sampled {
    /// Records whose bytes are what their hash says.
    pub records: u64,
    /// Bytes of those records.
    pub raw_bytes: u64,
    /// Records that are not what was stored.
    pub damaged: Vec<Damaged>,
    /// What was looked at, by sequence, with what is wrong.
    pub(crate) looked: BTreeMap<u64, Option<String>>,
}

impl Reader {
    /// Reads up to `records` of all records ever stored, one out of each of as many equal parts of them, and compares
    /// each with its hash, and those that an earlier check found to be damaged. `draw` gives a number below the one it is given, and so decides which. What was removed is
    /// left out; whatever is no record ([`Reader::verify`] looks at all of it) is not looked at.
    ///
    /// # Errors
    /// What keeps the archive from being read at all. Damage is in the answer.
    pub fn verify_sample(&self, records: u64, draw: &mut dyn FnMut(u64) -> u64) -> Result<Sampled, Error> {
        let mut sampled = Sampled::default();
        let highest = self.highest_sequence()?;
        let parts = records.min(highest);
        // Sequences begin with 1, and so do the parts.
        let border = |part: u64| (u128::from(highest) * u128::from(part) / u128::from(parts.max(1))) as u64;
        let mut chosen: BTreeSet<u64> = (0..parts)
            .map(|part| {
                let (begin, end) = (border(part), border(part + 1));
                begin + 1 + draw(end - begin).min(end - begin - 1)
            })
            .collect();
        // What was found must be found sound, or be mended, before it is forgotten.
        chosen.extend(self.found_damaged());
        for sequence in chosen {
            match self.show_sequence(sequence) {
                Ok(None) => {}
                Ok(Some(record)) => {
                    sampled.records += 1;
                    sampled.raw_bytes += record.bytes.len() as u64;
                    sampled.looked.insert(sequence, None);
                }
                Err(error) if error.is_integrity_failure() => {
                    sampled.looked.insert(sequence, Some(error.to_string()));
                    sampled.damaged.push(Damaged {
                        path: error.path().to_owned(),
                        id: None,
                        what: error.to_string(),
                    });
                }
                Err(error) => return Err(error),
            }
        }
        Ok(sampled)
    }
}
