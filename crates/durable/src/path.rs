//! The one check every path passes before it reaches a file system.

use std::io;

/// Checks a path relative to the root of a [`Dir`](crate::Dir).
///
/// The components are separated by `/`; each is non-empty and neither `.` nor `..`; no byte is NUL, `\` or `:` (a
/// separator and a drive mark elsewhere: a tree written here must be movable there). So a path that passes
/// never leaves the root, whatever it was made from.
///
/// ```
/// use frontdesk_durable::check_path;
/// assert!(check_path("segments/2025-03/000001.ndjson.gz").is_ok());
/// assert!(check_path("../../etc/passwd").is_err());
/// ```
///
/// # Errors
///
/// [`io::ErrorKind::InvalidInput`] for any other path. The message does not repeat the path, since a path that
/// fails here may have been made from what a stranger sent.
pub fn check_path(path: &str) -> io::Result<()> {
    let refuse = |why| Err(io::Error::new(io::ErrorKind::InvalidInput, why));
    if path.is_empty() {
        return refuse("path refused: it is empty");
    }
    if path.contains(['\0', '\\', ':']) {
        return refuse("path refused: it contains NUL, a backslash or a colon");
    }
    for component in path.split('/') {
        match component {
            "" => return refuse("path refused: it has an empty component"),
            "." | ".." => return refuse("path refused: it has a `.` or `..` component"),
            _ => {}
        }
    }
    Ok(())
}

/// As [`check_path`], for the verbs that also take the root itself, written `""`.
pub(crate) fn check_dir_path(path: &str) -> io::Result<()> {
    if path.is_empty() { Ok(()) } else { check_path(path) }
}

/// The folder a path is in: `""` (the root) for a path of one component.
///
/// ```
/// use frontdesk_durable::parent;
/// assert_eq!(parent("segments/2025-03/000001.sha256"), "segments/2025-03");
/// assert_eq!(parent("FORMAT.json"), "");
/// ```
#[must_use]
pub fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(parent, _)| parent)
}

/// `parent/name`, or `name` when the parent is the root.
pub(crate) fn join(parent: &str, name: &str) -> String {
    if parent.is_empty() { name.to_owned() } else { format!("{parent}/{name}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_that_stay_inside_pass() {
        for path in ["a", "a/b/c", ".hidden", "..a", "a..", "...", "a b", "ünïcode/✓"] {
            assert!(check_path(path).is_ok(), "{path:?}");
        }
    }

    #[test]
    fn paths_that_could_leave_are_refused() {
        let bad = [
            "", "/", "/a", "a/", "a//b", ".", "..", "a/..", "a/./b", "../a", "a\0b", "a\\b", "..\\b", "C:",
            "C:/a",
        ];
        for path in bad {
            let error = check_path(path).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidInput, "{path:?}");
        }
        assert!(check_dir_path("").is_ok());
        assert!(check_dir_path("..").is_err());
    }
}
