//! Which files of a folder are records, and in which order they are taken.

use std::collections::HashSet;
use std::fs::{self, File};
use std::hash::{BuildHasher, RandomState};
use std::io::{self, BufRead, BufReader};
use std::path::Path;

use serde::Deserialize;

use super::{Stated, Wanted};

const SUFFIX: &str = ".json.gz";
const MANIFEST: &str = "manifest.ndjson";
const UNFINISHED: &str = "EXPORT-UNFINISHED.json";

/// What an export has beside its records.
const BESIDE: [&str; 4] = ["SHA256SUMS", "SHA256SUMS.sha256", "manifest.json", MANIFEST];

/// The longest line of a manifest that is read: an id has at most 1,024 bytes.
const LONGEST_LINE: u64 = 64 << 10;

/// A line of `manifest.ndjson`; what else it says does not matter here.
#[derive(Deserialize)]
struct Line {
    #[serde(default)]
    file: Option<String>,
    id: String,
    kind: String,
    sha256: String,
}

/// The files to take, one after the other.
pub(super) struct Names {
    /// The manifest's lines, while there are any.
    manifest: Option<BufReader<File>>,
    line: u64,
    /// Hashes of the names it stated; a name costs eight bytes so.
    stated: HashSet<u64>,
    hasher: RandomState,
    /// The folder's names, last first.
    rest: Vec<Box<str>>,
    has_manifest: bool,
    /// What is left alone, and why.
    pub(super) skipped: Vec<(String, &'static str)>,
}

/// A file to read, or one that cannot be taken and why.
pub(super) type Next = Option<Result<Wanted, (String, String)>>;

impl Names {
    /// # Errors
    /// When the folder cannot be read, or is an export that was not finished.
    pub(super) fn of(folder: &Path) -> io::Result<Self> {
        let mut rest: Vec<Box<str>> = Vec::new();
        let mut skipped = Vec::new();
        let mut has_manifest = false;
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            let name = entry.file_name();
            let kind = entry.file_type()?;
            let Some(name) = name.to_str() else {
                skipped.push((name.to_string_lossy().into_owned(), "its name is not UTF-8"));
                continue;
            };
            let what = match name {
                _ if kind.is_symlink() => Some("it is a symbolic link, and none is followed"),
                _ if kind.is_dir() => Some("it is a folder, and none is entered"),
                _ if !kind.is_file() => Some("it is no file"),
                UNFINISHED => {
                    let what = "the folder holds an export that was not finished";
                    return Err(io::Error::new(io::ErrorKind::InvalidData, what));
                }
                _ if BESIDE.contains(&name) => {
                    has_manifest |= name == MANIFEST;
                    continue;
                }
                _ if !name.ends_with(SUFFIX) => Some("it is no record: the name of one ends in .json.gz"),
                _ => None,
            };
            match what {
                Some(what) => skipped.push((name.to_owned(), what)),
                None => rest.push(name.into()),
            }
        }
        rest.sort_unstable_by(|a, b| b.cmp(a));
        skipped.sort();
        let manifest =
            if has_manifest { Some(BufReader::new(File::open(folder.join(MANIFEST))?)) } else { None };
        let (stated, hasher) = (HashSet::new(), RandomState::new());
        Ok(Self { manifest, line: 0, stated, hasher, rest, has_manifest, skipped })
    }

    /// # Errors
    /// When the manifest cannot be read or understood: the order of what follows is not known then.
    pub(super) fn next(&mut self) -> io::Result<Next> {
        while self.manifest.is_some() {
            let Some(line) = self.next_line()? else { break };
            let Some(name) = line.file else { continue }; // a record that could not be exported
            let plain = name.ends_with(SUFFIX) && !name.contains(['/', '\\', '\0']);
            if !plain || self.rest.binary_search_by(|there| name.as_str().cmp(there)).is_err() {
                return Ok(Some(Err((name, "the manifest names it, and it is not there".to_owned()))));
            }
            self.stated.insert(self.hasher.hash_one(&name));
            let stated = Some(Stated { id: line.id, kind: line.kind, sha256: line.sha256 });
            return Ok(Some(Ok(Wanted { name, stated })));
        }
        while let Some(name) = self.rest.pop() {
            let name = String::from(name);
            if !self.has_manifest {
                return Ok(Some(Ok(Wanted { name, stated: None })));
            }
            if !self.stated.contains(&self.hasher.hash_one(&name)) {
                return Ok(Some(Err((name, "the manifest does not name it".to_owned()))));
            }
        }
        Ok(None)
    }

    fn next_line(&mut self) -> io::Result<Option<Line>> {
        let Some(manifest) = &mut self.manifest else { return Ok(None) };
        let mut text = String::new();
        self.line += 1;
        let read = io::Read::take(&mut *manifest, LONGEST_LINE).read_line(&mut text)?;
        if read == 0 {
            self.manifest = None;
            return Ok(None);
        }
        let understood = serde_json::from_str(&text).map_err(|error| {
            io::Error::new(io::ErrorKind::InvalidData, format!("{MANIFEST}, line {}: {error}", self.line))
        })?;
        Ok(Some(understood))
    }
}
