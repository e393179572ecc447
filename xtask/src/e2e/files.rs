//! Files as the scenarios see and break them.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::Outcome;

/// Every file below `folder`, sorted; links are not followed, and stand for themselves.
pub(super) fn below(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_owned()];
    while let Some(folder) = open.pop() {
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            Err(error) => return Err(format!("{}: {error}", folder.display())),
        };
        for entry in entries {
            let entry = entry.map_err(|error| format!("{}: {error}", folder.display()))?;
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => open.push(entry.path()),
                _ => found.push(entry.path()),
            }
        }
    }
    found.sort();
    Ok(found)
}

/// The segments below an archive's folder.
pub(super) fn segments(archive: &Path) -> Result<Vec<PathBuf>, String> {
    let mut segments = below(&archive.join("segments"))?;
    segments.retain(|path| path.to_string_lossy().ends_with(".ndjson.gz"));
    Ok(segments)
}

/// The sealed ones: those with a checksum file beside them.
pub(super) fn sealed(archive: &Path) -> Result<Vec<PathBuf>, String> {
    let mut segments = segments(archive)?;
    segments.retain(|path| sum_of(path).exists());
    Ok(segments)
}

/// The checksum file of a segment.
pub(super) fn sum_of(segment: &Path) -> PathBuf {
    PathBuf::from(segment.to_string_lossy().replace(".ndjson.gz", ".sha256"))
}

/// What can be seen of a file from outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Print {
    sha256: String,
    /// Seconds and nanoseconds.
    modified: (i64, i64),
    inode: u64,
}

/// The prints of all files below `folder`, by path relative to it.
pub(super) fn prints(folder: &Path) -> Result<BTreeMap<PathBuf, Print>, String> {
    let mut prints = BTreeMap::new();
    for path in below(folder)? {
        let bytes = read(&path)?;
        let metadata = fs::metadata(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        let print = Print {
            sha256: sha256(&bytes),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            inode: metadata.ino(),
        };
        prints.insert(path.strip_prefix(folder).unwrap_or(&path).to_owned(), print);
    }
    Ok(prints)
}

/// The paths by which two sets of prints differ.
pub(super) fn differences(
    before: &BTreeMap<PathBuf, Print>,
    after: &BTreeMap<PathBuf, Print>,
) -> Vec<String> {
    let changed = before.iter().filter(|(path, print)| after.get(*path) != Some(print)).map(|(path, _)| path);
    let added = after.keys().filter(|path| !before.contains_key(*path));
    changed.chain(added).map(|path| path.display().to_string()).collect()
}

/// Lower-case hexadecimal SHA-256.
pub(super) fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What gunzip makes of a series of gzip members.
pub(super) fn gunzip(path: &Path) -> Result<Vec<u8>, String> {
    let file = File::open(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let mut bytes = Vec::new();
    flate2::read::MultiGzDecoder::new(file)
        .read_to_end(&mut bytes)
        .map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(bytes)
}

pub(super) fn read(path: &Path) -> Result<Vec<u8>, String> {
    fs::read(path).map_err(|error| format!("{}: {error}", path.display()))
}

pub(super) fn write(path: &Path, bytes: &[u8]) -> Outcome {
    fs::write(path, bytes).map_err(|error| format!("{}: {error}", path.display()))
}

/// Writes a file that nobody else may read.
pub(super) fn write_private(path: &Path, bytes: &[u8]) -> Outcome {
    if let Some(folder) = path.parent() {
        create_folder(folder)?;
    }
    let written = fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)
        .and_then(|mut file| file.write_all(bytes));
    written.map_err(|error| format!("{}: {error}", path.display()))
}

pub(super) fn create_folder(path: &Path) -> Outcome {
    fs::create_dir_all(path).map_err(|error| format!("{}: {error}", path.display()))
}

/// Copies a folder with everything in it.
pub(super) fn copy_folder(from: &Path, to: &Path) -> Outcome {
    let status = std::process::Command::new("cp").arg("-a").arg(from).arg(to).status();
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("cp -a {} {}: {status}", from.display(), to.display())),
        Err(error) => Err(format!("cp: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_tell_a_changed_a_new_and_a_missing_file() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        create_folder(&at("sub")).unwrap();
        for name in ["same", "changed", "missing", "sub/touched"] {
            write(&at(name), b"1").unwrap();
        }
        let before = prints(folder.path()).unwrap();
        assert!(differences(&before, &prints(folder.path()).unwrap()).is_empty());
        write(&at("changed"), b"2").unwrap();
        write(&at("new"), b"1").unwrap();
        fs::remove_file(at("missing")).unwrap();
        let epoch = std::time::SystemTime::UNIX_EPOCH;
        File::options().write(true).open(at("sub/touched")).unwrap().set_modified(epoch).unwrap();
        let after = prints(folder.path()).unwrap();
        assert_eq!(differences(&before, &after), ["changed", "missing", "sub/touched", "new"]);
    }
}
