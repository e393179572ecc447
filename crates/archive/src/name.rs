//! Names of exported records: the documents' `{interactionId}_{first 8 hex of sha256}.json.gz` (contract §5).
//!
//! An id is text that somebody else chose, so it is never a name as it is. Letters, digits, `.`, `_` and `-` stay; every
//! other byte is `%` and two hex digits, and so is a `.` or `-` in front and the first letter of a name that Windows
//! keeps for a device. An id whose escaped form is longer than 200 bytes is cut, with `~` and 16 digits of the SHA-256
//! of the whole id behind it. Kinds other than `details` follow the id as `~kind`. `~` stands in no escaped id.

use frontdesk_domain::{RecordKey, RecordKind};
use frontdesk_durable::{Sha256Hash, sha256, to_hex};

/// How every name ends.
pub(crate) const SUFFIX: &str = ".json.gz";

/// Bytes of an escaped id that are kept whole. File systems take names of 255 bytes.
const LONGEST: usize = 200;

/// Bytes that a longer one is cut to, at most.
const CUT: usize = 160;

/// Digits of the hash in a name.
const DIGITS: usize = 8;

const HEX: &[u8; 16] = b"0123456789abcdef";

/// The name a record is exported and reported under: a function of its id, its kind and its bytes.
///
/// ```
/// use frontdesk_archive::export_name;
/// use frontdesk_domain::{RecordKey, RecordKind};
///
/// let name = |id: &str| {
///     Ok::<_, frontdesk_domain::IdError>(export_name(&RecordKey { kind: RecordKind::Details, id: id.parse()? }, &[0xab; 32]))
/// };
/// assert_eq!(name("c-1")?, "c-1_abababab.json.gz");
/// assert_eq!(name("../c")?, "%2e.%2fc_abababab.json.gz");
/// # Ok::<(), frontdesk_domain::IdError>(())
/// ```
#[must_use]
pub fn export_name(key: &RecordKey, sha256: &Sha256Hash) -> String {
    let mut name = String::new();
    push_export_name(&mut name, key.kind, key.id.as_str().as_bytes(), sha256);
    name
}

/// An id as a file's or folder's name: escaped as in [`export_name`], so that it leaves no folder and is no device. Two
/// ids have two names.
///
/// ```
/// use frontdesk_archive::safe_name;
///
/// assert_eq!(safe_name("c-1"), "c-1");
/// assert_eq!(safe_name("../c"), "%2e.%2fc");
/// ```
#[must_use]
pub fn safe_name(id: &str) -> String {
    let mut name = String::new();
    push_id(&mut name, id.as_bytes());
    name
}

/// What of a name comes before the hash.
pub(crate) fn stem(key: &RecordKey) -> String {
    let mut stem = String::new();
    push_stem(&mut stem, key.kind, key.id.as_str().as_bytes());
    stem
}

fn push_stem(name: &mut String, kind: RecordKind, id: &[u8]) {
    push_id(name, id);
    if kind != RecordKind::Details {
        name.push('~');
        name.push_str(kind.as_str());
    }
}

/// Appends the name of a record to `name`.
pub(crate) fn push_export_name(name: &mut String, kind: RecordKind, id: &[u8], sha256: &Sha256Hash) {
    push_stem(name, kind, id);
    name.push('_');
    for byte in sha256.iter().take(DIGITS / 2) {
        push_hex(name, *byte);
    }
    name.push_str(SUFFIX);
}

fn push_hex(name: &mut String, byte: u8) {
    name.push(char::from(HEX[usize::from(byte >> 4)]));
    name.push(char::from(HEX[usize::from(byte & 15)]));
}

fn push_id(name: &mut String, id: &[u8]) {
    let start = name.len();
    let device = is_device(id);
    for (at, &byte) in id.iter().enumerate() {
        let plain = byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
        if plain && !(at == 0 && (device || matches!(byte, b'.' | b'-'))) {
            name.push(char::from(byte));
        } else {
            name.push('%');
            push_hex(name, byte);
        }
    }
    if name.len() - start > LONGEST {
        let mut end = start + CUT;
        // Never within an escape.
        while name.as_bytes()[end - 2..end].contains(&b'%') {
            end -= 1;
        }
        name.truncate(end);
        name.push('~');
        name.push_str(&to_hex(&sha256(id))[..16]);
    }
}

/// Whether Windows keeps the name for a device, whatever follows its first dot.
fn is_device(id: &[u8]) -> bool {
    let stem = id.split(|byte| *byte == b'.').next().unwrap_or(id);
    let numbered =
        |name: &[u8]| stem.len() == 4 && stem[..3].eq_ignore_ascii_case(name) && stem[3].is_ascii_digit();
    [&b"con"[..], b"prn", b"aux", b"nul"].iter().any(|name| stem.eq_ignore_ascii_case(name))
        || numbered(b"com")
        || numbered(b"lpt")
}

/// Whether a file of this name may hold a record of this key and hash: the hash's digits agree, and the id is there as
/// it is, as this archive escapes it, or as whoever wrote it cut it off.
///
/// # Errors
/// Says what does not agree.
pub fn check_export_name(name: &str, key: &RecordKey, sha256: &Sha256Hash) -> Result<(), &'static str> {
    let shown = name.strip_suffix(SUFFIX).ok_or("its name does not end in .json.gz")?;
    let (id, digits) = shown.rsplit_once('_').ok_or("its name states no hash")?;
    if digits.len() < DIGITS || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err("its name states no hash");
    }
    if !to_hex(sha256).starts_with(&digits.to_ascii_lowercase()) {
        return Err("the hash in its name is not its content's");
    }
    if id == stem(key) || (key.kind == RecordKind::Details && id == key.id.as_str()) {
        Ok(())
    } else {
        Err("the id in its name is not its content's")
    }
}

/// Which kind of record a name says it holds.
pub fn kind_of_export_name(name: &str) -> RecordKind {
    let stem = name.strip_suffix(SUFFIX).unwrap_or(name);
    let id = stem.rsplit_once('_').map_or(stem, |(id, _)| id);
    let kinds = [RecordKind::History, RecordKind::Transcript, RecordKind::Media];
    kinds
        .into_iter()
        .find(|kind| id.strip_suffix(kind.as_str()).is_some_and(|rest| rest.ends_with('~')))
        .unwrap_or(RecordKind::Details)
}

#[cfg(test)]
mod tests {
    use frontdesk_domain::RecordId;

    use super::*;

    fn key(id: &str) -> RecordKey {
        RecordKey { kind: RecordKind::Details, id: RecordId::new(id).unwrap() }
    }

    #[test]
    fn no_id_leaves_its_folder_or_becomes_a_device() {
        let cases = [
            ("c-1", "c-1"),
            ("-rf", "%2drf"),
            ("..", "%2e."),
            ("a/b\\c", "a%2fb%5cc"),
            ("CON", "%43ON"),
            ("com1.x", "%63om1.x"),
            ("company", "company"),
            ("100%", "100%25"),
            ("a~b", "a%7eb"),
            ("line\nbreak", "line%0abreak"),
            ("Grüße", "Gr%c3%bc%c3%9fe"),
            ("a b", "a%20b"),
        ];
        for (id, expected) in cases {
            let name = export_name(&key(id), &[1; 32]);
            assert_eq!(name, format!("{expected}_01010101.json.gz"));
            assert_eq!(check_export_name(&name, &key(id), &[1; 32]), Ok(()));
        }
    }

    #[test]
    fn long_ids_are_cut_between_escapes_and_stay_apart() {
        for unit in ["ü", "a", "%"] {
            let ids = ["x", "y"].map(|last| format!("{}{last}", unit.repeat(400 / unit.len())));
            let names = ids.clone().map(|id| export_name(&key(&id), &[1; 32]));
            assert_ne!(names[0], names[1]);
            for (name, id) in names.iter().zip(&ids) {
                assert!(name.len() <= 255, "{name}");
                let cut = name.split('~').next().unwrap();
                assert!(!cut[cut.len() - 2..].contains('%'), "{name}");
                assert_eq!(check_export_name(name, &key(id), &[1; 32]), Ok(()));
            }
        }
    }

    #[test]
    fn a_name_agrees_with_its_content_or_says_what_does_not() {
        let hash = [0xab; 32];
        assert_eq!(
            check_export_name("c d_ABABABAB.json.gz", &key("c d"), &hash),
            Ok(()),
            "as the documents write it"
        );
        for (name, says) in [
            ("c-1.json.gz", "its name states no hash"),
            ("c-1_abab.json.gz", "its name states no hash"),
            ("c-1_abababag.json.gz", "its name states no hash"),
            ("c-1_abababac.json.gz", "the hash in its name is not its content's"),
            ("c-2_abababab.json.gz", "the id in its name is not its content's"),
            ("c-1_abababab.json", "its name does not end in .json.gz"),
        ] {
            assert_eq!(check_export_name(name, &key("c-1"), &hash), Err(says), "{name}");
        }
        let other = RecordKey { kind: RecordKind::Transcript, ..key("c-1") };
        let name = export_name(&other, &hash);
        assert_eq!(name, "c-1~transcript_abababab.json.gz");
        assert_eq!(kind_of_export_name(&name), RecordKind::Transcript);
        assert_eq!(check_export_name(&name, &other, &hash), Ok(()));
        assert_eq!(kind_of_export_name("transcript_abababab.json.gz"), RecordKind::Details);
    }
}
