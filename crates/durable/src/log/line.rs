//! One line: how it is written, and how it is told from what was not written by us.
//! The format is described at [`AppendLog`](crate::AppendLog).

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Map, Value};

use crate::hash::{Sha256Hash, from_hex, sha256, to_hex};
use crate::log::members::Members;

/// The most bytes one append may write, newlines included: 16 MiB.
///
/// So a torn tail is never longer, and opening a log needs no more memory than this.
pub const MAX_APPEND_BYTES: u64 = 16 << 20;

/// The seed of a log that is bound to nothing: `prev` of its first line is 64 zeros.
pub const ZERO_SEED: Sha256Hash = [0; 32];

/// The names the log writes itself; [`Members`] refuses them.
pub(super) const RESERVED: [&str; 4] = ["prev", "group", "n", "self"];

const PREV_OPEN: &[u8] = b"{\"prev\":\"";
const GROUP_OPEN: &[u8] = b",\"group\":[";
const NUMBER_OPEN: &[u8] = b",\"n\":";
const SELF_OPEN: &[u8] = b",\"self\":\"";
const SELF_CLOSE: &[u8] = b"\"}";
/// Length of `,"self":"…"}`.
const SELF_LEN: usize = SELF_OPEN.len() + 64 + SELF_CLOSE.len();

/// Writes one line with its newline to `out` and gives the hash the next line carries.
pub(super) fn write_line(
    out: &mut Vec<u8>,
    prev: &Sha256Hash,
    members: &Members,
    place: Place,
) -> Sha256Hash {
    let start = out.len();
    out.extend_from_slice(PREV_OPEN);
    out.extend_from_slice(to_hex(prev).as_bytes());
    out.push(b'"');
    if !members.inner().is_empty() {
        out.push(b',');
        out.extend_from_slice(members.inner().as_bytes());
    }
    if let Some((first, last)) = place.group {
        out.extend_from_slice(GROUP_OPEN);
        out.extend_from_slice(format!("{first},{last}]").as_bytes());
    }
    out.extend_from_slice(NUMBER_OPEN);
    out.extend_from_slice(place.number.to_string().as_bytes());
    let own = to_hex(&sha256(&out[start..]));
    out.extend_from_slice(SELF_OPEN);
    out.extend_from_slice(own.as_bytes());
    out.extend_from_slice(SELF_CLOSE);
    let hash = sha256(&out[start..]);
    out.push(b'\n');
    hash
}

/// Where a line says it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) number: u64,
    /// The numbers of the first and the last line of its group, both included.
    pub(super) group: Option<(u64, u64)>,
}

impl Place {
    /// Whether this line was written by the same append as line `other`, which is this one or one before it.
    pub(super) fn is_of_append_with(self, other: u64) -> bool {
        match self.group {
            Some((first, last)) => first <= other && other <= self.number && self.number <= last,
            None => self.number == other,
        }
    }
}

/// Reads a line (without newline) that is whole in itself: its self check matches and it is one JSON object that
/// begins and ends as ours do. `Err` says what is wrong. Whether it follows from the line before is not looked at.
pub(super) fn read_line(bytes: &[u8]) -> Result<(Sha256Hash, Place), &'static str> {
    const NOT_OURS: &str = "it is not a line of a log";
    let (body, own) = split_self(bytes).ok_or(NOT_OURS)?;
    if from_hex(own) != Some(sha256(body)) {
        return Err("its self check does not match");
    }
    let place = read_place(bytes).ok_or(NOT_OURS)?;
    let prev = body.strip_prefix(PREV_OPEN).and_then(|rest| from_hex(rest.get(..64)?)).ok_or(NOT_OURS)?;
    serde_json::from_slice::<IgnoredAny>(bytes).map_err(|_| NOT_OURS)?;
    Ok((prev, place))
}

/// Reads where a line says it stands from its end alone, whatever the rest of it is.
pub(super) fn read_place(bytes: &[u8]) -> Option<Place> {
    let (body, _) = split_self(bytes)?;
    let (rest, number) = split_number(body)?;
    let rest = rest.strip_suffix(NUMBER_OPEN)?;
    let group = rest.strip_suffix(b"]").and_then(|rest| {
        let (rest, last) = split_number(rest)?;
        let (rest, first) = split_number(rest.strip_suffix(b",")?)?;
        // No member of the caller is called so, and no other value can end like this.
        rest.ends_with(GROUP_OPEN).then_some((first, last))
    });
    Some(Place { number, group })
}

/// What `self` speaks for, and its 64 digits, unchecked.
fn split_self(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (body, rest) = bytes.split_at_checked(bytes.len().checked_sub(SELF_LEN)?)?;
    Some((body, rest.strip_prefix(SELF_OPEN)?.strip_suffix(SELF_CLOSE)?))
}

/// A number at the end, without leading zeros, and what stands before it.
fn split_number(bytes: &[u8]) -> Option<(&[u8], u64)> {
    let digits = bytes.iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
    let (rest, digits) = bytes.split_at(bytes.len() - digits);
    if digits.first() == Some(&b'0') {
        return None;
    }
    Some((rest, std::str::from_utf8(digits).ok()?.parse().ok()?))
}

/// One line of a log, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    number: u64,
    hash: Sha256Hash,
    bytes: Vec<u8>,
}

impl Line {
    pub(super) fn new(number: u64, hash: Sha256Hash, bytes: Vec<u8>) -> Self {
        Self { number, hash, bytes }
    }

    /// Its number, from 1.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.number
    }

    /// The SHA-256 of its bytes: what the next line carries as `prev`.
    #[must_use]
    pub fn hash(&self) -> &Sha256Hash {
        &self.hash
    }

    /// Its bytes, without the newline.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Reads the line into a type of the caller, which also sees `n`, `prev`, `group` and `self`.
    ///
    /// # Errors
    ///
    /// What serde says, when the line has not the shape of `T`.
    pub fn parse<'a, T: Deserialize<'a>>(&'a self) -> Result<T, serde_json::Error> {
        serde_json::from_slice(&self.bytes)
    }

    /// The members the caller appended, without those of the log itself.
    ///
    /// # Errors
    ///
    /// What serde says, e.g. that a number has no place in a [`Value`].
    pub fn members(&self) -> Result<Map<String, Value>, serde_json::Error> {
        let mut members: Map<String, Value> = self.parse()?;
        for name in RESERVED {
            members.remove(name);
        }
        Ok(members)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn line(members: Value, place: Place) -> Vec<u8> {
        let mut out = Vec::new();
        write_line(&mut out, &[1; 32], &Members::new(&members).unwrap(), place);
        assert_eq!(out.pop(), Some(b'\n'));
        out
    }

    /// A line with this text before its self check, which is right.
    fn sealed(body: &str) -> Vec<u8> {
        format!("{body},\"self\":\"{}\"}}", to_hex(&sha256(body.as_bytes()))).into_bytes()
    }

    #[test]
    fn what_is_written_is_read() {
        let places = [(1, None), (10, None), (u64::MAX, Some((9, u64::MAX))), (120, Some((7, 130)))];
        let members = [
            json!({}),
            json!({"a": [1, 2]}),
            json!({"a": ",\"group\":[1,2]"}),
            json!({"a": {"group": [1, 2]}}),
        ];
        for (number, group) in places {
            for members in &members {
                let place = Place { number, group };
                let bytes = line(members.clone(), place);
                assert_eq!(read_line(&bytes), Ok(([1; 32], place)), "{}", String::from_utf8_lossy(&bytes));
                assert_eq!(read_place(&bytes), Some(place));
                let line = Line::new(number, [0; 32], bytes);
                assert_eq!(Value::Object(line.members().unwrap()), *members);
            }
        }
    }

    #[test]
    fn a_right_self_check_alone_makes_no_line() {
        let prev = format!("{{\"prev\":\"{}\"", to_hex(&[1; 32]));
        assert!(read_line(&sealed(&format!("{prev},\"n\":1"))).is_ok());
        let not_ours = [
            format!("{prev},\"n\":01"),
            format!("{prev},\"n\":0"),
            format!("{prev},\"n\":"),
            format!("{prev},\"n\":-1"),
            format!("{prev},\"n\":99999999999999999999"),
            format!("{prev},\"n\": 1"),
            prev.clone(),
            format!("{prev},\"a\":tru,\"n\":1"),
            format!("{prev}\"n\":1"),
            format!("{},\"n\":1", prev.to_uppercase()),
            format!("{{\"prev\":\"{}\",\"n\":1", "1".repeat(63)),
            format!("{},\"n\":1", prev.replace("01", "0g")),
            "{\"n\":1".to_owned(),
        ];
        for body in not_ours {
            assert_eq!(read_line(&sealed(&body)), Err("it is not a line of a log"), "{body}");
        }
        assert_eq!(read_line(b""), Err("it is not a line of a log"));
    }

    #[test]
    fn an_append_is_a_line_or_a_group() {
        let single = Place { number: 5, group: None };
        assert!(single.is_of_append_with(5));
        assert!(!single.is_of_append_with(4) && !single.is_of_append_with(6));
        let grouped = Place { number: 6, group: Some((5, 7)) };
        assert!(grouped.is_of_append_with(5) && grouped.is_of_append_with(6));
        assert!(!grouped.is_of_append_with(4) && !grouped.is_of_append_with(7));
        assert!(!Place { number: 8, group: Some((5, 7)) }.is_of_append_with(6));
    }
}
