//! E-mail addresses: what stands around an `@`.

use std::ops::Range;

use super::digits::character_at;

/// The address around the `@` at `at`, and how many bytes were looked at. Nothing before `floor` belongs to it.
///
/// Neither half holds an `@`, so the parts of two addresses never overlap and no byte is looked at more than twice.
pub(super) fn around(text: &str, at: usize, floor: usize) -> (Option<Range<usize>>, usize) {
    let start = local_start(text, at, floor);
    let Some(begin) = start.filter(|&begin| begin < at) else {
        return (None, at - start.unwrap_or(at) + 1);
    };
    let (end, seen) = domain(text, at + 1);
    let found = end.filter(|&end| !is_file_of_double_size(&text[at + 1..end])).map(|end| begin..end);
    (found, at - begin + 1 + seen)
}

/// Where the part before the `@` begins; not what is punctuation around an address as often as part of it.
fn local_start(text: &str, at: usize, floor: usize) -> Option<usize> {
    let before = &text[floor..at];
    if let Some(open) = quoted(before) {
        return Some(floor + open);
    }
    let run = before.char_indices().rev().take_while(|&(_, character)| is_local(character)).last();
    let begin = run.map_or(before.len(), |(place, _)| place);
    let run = &before[begin..];
    let skipped =
        run.len() - run.trim_start_matches(|c: char| !c.is_alphanumeric() && c != '_' && c != '+').len();
    Some(floor + begin + skipped)
}

/// Where a quoted part, `"ana maria"`, begins: within the 64 bytes such a part may have (RFC 5321).
fn quoted(before: &str) -> Option<usize> {
    const MOST: usize = 64;
    let inside = before.strip_suffix('"')?;
    let open = inside.bytes().rev().take(MOST).position(|byte| byte == b'"' || byte == b'\n')?;
    let open = inside.len() - open - 1;
    (inside.as_bytes()[open] == b'"' && open + 1 < inside.len()).then_some(open)
}

/// What may stand before the `@`. `=`, `/` and `?` may too by the letter of RFC 5322, and stand before an address far
/// more often: `mail=ana@example.org`.
fn is_local(character: char) -> bool {
    character.is_alphanumeric()
        || matches!(character, '.' | '_' | '%' | '+' | '-' | '\'' | '&' | '#' | '!' | '$' | '*' | '^' | '~')
}

/// Where the domain that begins at `from` ends, if there is one, and how many bytes were looked at.
fn domain(text: &str, from: usize) -> (Option<usize>, usize) {
    let rest = &text[from..];
    let length = rest
        .char_indices()
        .find(|&(_, c)| !(c.is_alphanumeric() || matches!(c, '-' | '.' | '_')))
        .map_or(rest.len(), |(place, _)| place);
    // Back from the last label to one that may be a top level: what a sentence goes on with is none.
    let mut run = &rest[..length];
    while let Some(dot) = run.rfind('.') {
        let label = &run[dot + 1..];
        if let Some(top) = top_level(label)
            && !run[..dot].is_empty()
            && run[..dot].split('.').all(|label| !label.is_empty() && !label.starts_with('-'))
        {
            return (Some(from + dot + 1 + top), length + 1);
        }
        run = &run[..dot];
    }
    (None, length + 1)
}

/// How much of a last label is a top level: two letters or more (or `xn--`), and no word that goes on.
fn top_level(label: &str) -> Option<usize> {
    if label.get(..4).is_some_and(|head| head.eq_ignore_ascii_case("xn--")) && label.len() > 4 {
        return Some(label.trim_end_matches(['-', '_']).len());
    }
    let letters =
        label.char_indices().find(|(_, c)| !c.is_alphabetic()).map_or(label.len(), |(place, _)| place);
    let two = label[..letters].chars().nth(1).is_some();
    let goes_on = letters < label.len() && character_at(label, letters) != '-';
    (two && !goes_on).then_some(letters)
}

/// `icon@2x.png` is the name of a picture.
fn is_file_of_double_size(domain: &str) -> bool {
    let bytes = domain.as_bytes();
    bytes.len() > 3 && bytes[0].is_ascii_digit() && bytes[1] == b'x' && bytes[2] == b'.'
}
