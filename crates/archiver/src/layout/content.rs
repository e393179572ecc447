//! What is in a file: inflated within bounds, compared with its name, and made a record.

use std::fs::{self, File};
use std::io::{self, Read};
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use flate2::read::MultiGzDecoder;
use frontdesk_archive::{Prepared, check_export_name, kind_of_export_name};
use frontdesk_domain::{Facts, RawRecord, RecordId, RecordKey, RecordKind, hex, payload};
use sha2::{Digest, Sha256};

use super::{Stated, Wanted};

/// The longest record after decompression: the bound that response bodies have, too (contract §7).
const LONGEST: u64 = 64 << 20;

/// Bytes of a chunk, packed and as its files say they inflate to.
const CHUNK_BYTES: u64 = 16 << 20;

/// Files of a chunk.
const CHUNK_FILES: usize = 1_000;

/// Files that are read and checked together.
#[derive(Default)]
pub(super) struct Chunk {
    files: Vec<(PathBuf, Wanted, u64)>,
    bytes: u64,
}

impl Chunk {
    /// Adds a file; `true` when the chunk should be read before the next.
    pub(super) fn add(&mut self, folder: &Path, wanted: Wanted) -> bool {
        let path = folder.join(&wanted.name);
        let stated = inflates_to(&path).unwrap_or(0);
        self.bytes += stated;
        self.files.push((path, wanted, stated));
        self.bytes >= CHUNK_BYTES || self.files.len() >= CHUNK_FILES
    }

    /// Reads every file, in the order in which they were added.
    pub(super) fn read(self, workers: NonZero<usize>) -> Vec<(String, Result<Prepared, String>)> {
        let next = AtomicUsize::new(0);
        let results: Vec<Mutex<Option<Result<Prepared, String>>>> =
            self.files.iter().map(|_| Mutex::new(None)).collect();
        let run = || {
            loop {
                let at = next.fetch_add(1, Ordering::Relaxed);
                let Some((path, wanted, stated)) = self.files.get(at) else { return };
                // What inflates to more than it states is read alone, below.
                let read = match inflate(path, *stated) {
                    Err(Trouble::More) => continue,
                    other => other.map_err(Trouble::into_text).and_then(|bytes| record(wanted, bytes)),
                };
                if let Ok(mut place) = results[at].lock() {
                    *place = Some(read);
                }
            }
        };
        std::thread::scope(|scope| {
            for _ in 0..workers.get().min(self.files.len()) {
                scope.spawn(run);
            }
        });
        let taken = self.files.iter().zip(results).map(|((path, wanted, _), result)| {
            let read = result.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
            let read = read.unwrap_or_else(|| {
                inflate(path, LONGEST).map_err(Trouble::into_text).and_then(|bytes| record(wanted, bytes))
            });
            (wanted.name.clone(), read)
        });
        taken.collect()
    }
}

/// Why there are no bytes.
enum Trouble {
    /// It inflates to more than was allowed for.
    More,
    Unreadable(io::Error),
    Empty,
}

impl Trouble {
    fn into_text(self) -> String {
        match self {
            Self::More => format!("it inflates to more than {} MiB", LONGEST >> 20),
            Self::Unreadable(error) => format!("it cannot be inflated: {error}"),
            Self::Empty => "it is empty".to_owned(),
        }
    }
}

/// What a gzip file says it inflates to, at its end; a file of several members says less, and one that means ill
/// anything.
fn inflates_to(path: &Path) -> io::Result<u64> {
    use io::{Seek, SeekFrom};
    let mut file = File::open(path)?;
    file.seek(SeekFrom::End(-4))?;
    let mut length = [0; 4];
    file.read_exact(&mut length)?;
    Ok(u64::from(u32::from_le_bytes(length)).min(LONGEST))
}

fn inflate(path: &Path, most: u64) -> Result<Vec<u8>, Trouble> {
    let unreadable = Trouble::Unreadable;
    // It was a file when the folder was listed; it still must be.
    if !fs::symlink_metadata(path).map_err(unreadable)?.is_file() {
        return Err(Trouble::Unreadable(io::Error::other("it is no file any more")));
    }
    let file = File::open(path).map_err(Trouble::Unreadable)?;
    let mut bytes = Vec::new();
    MultiGzDecoder::new(io::BufReader::new(file))
        .take(most + 1)
        .read_to_end(&mut bytes)
        .map_err(Trouble::Unreadable)?;
    if bytes.len() as u64 > most {
        return Err(Trouble::More);
    }
    if bytes.is_empty() { Err(Trouble::Empty) } else { Ok(bytes) }
}

/// Compares a file's content with its name and with the manifest, and makes a record of it.
fn record(wanted: &Wanted, bytes: Vec<u8>) -> Result<Prepared, String> {
    let sha256: [u8; 32] = Sha256::digest(&bytes).into();
    let kind = kind_of_export_name(&wanted.name);
    let prepared = if kind == RecordKind::Details {
        Prepared::from_details(bytes).map_err(|error| error.to_string())?
    } else {
        other_kind(kind, wanted.stated.as_ref(), bytes)?
    };
    check_export_name(&wanted.name, prepared.key(), &sha256)?;
    if let Some(stated) = &wanted.stated {
        let agrees = stated.sha256 == hex(&sha256)
            && stated.kind == kind.as_str()
            && stated.id == prepared.key().id.as_str();
        if !agrees {
            return Err("the manifest says something else of it".to_owned());
        }
    }
    Ok(prepared)
}

/// A record of another kind than a conversation does not say whose it is: the manifest does.
fn other_kind(kind: RecordKind, stated: Option<&Stated>, bytes: Vec<u8>) -> Result<Prepared, String> {
    let stated = stated.ok_or_else(|| format!("nothing says whose {kind} it is: there is no manifest"))?;
    let id = RecordId::new(&stated.id).map_err(|error| error.to_string())?;
    let facts: Facts = payload::facts(kind, &bytes);
    let record = RawRecord::from_parts(RecordKey { kind, id }, bytes).map_err(|error| error.to_string())?;
    Ok(Prepared::new(record, facts))
}
