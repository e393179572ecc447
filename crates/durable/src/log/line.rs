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
pub(super) const RESERVED: [&str; 4] = ["n", "prev", "group", "self"];

const SELF_OPEN: &[u8] = b",\"self\":\"";
const SELF_CLOSE: &[u8] = b"\"}";
/// Length of `,"self":"…"}`.
const SELF_LEN: usize = SELF_OPEN.len() + 64 + SELF_CLOSE.len();

/// The numbers of the first and the last line of a group, both included.
pub(super) type Group = (u64, u64);

/// Writes one line with its newline to `out` and gives the hash the next line carries.
pub(super) fn write_line(
    out: &mut Vec<u8>,
    number: u64,
    prev: &Sha256Hash,
    group: Option<Group>,
    members: &Members,
) -> Sha256Hash {
    let start = out.len();
    let mut text = format!("{{\"n\":{number},\"prev\":\"{}\"", to_hex(prev));
    if let Some((first, last)) = group {
        text.push_str(&format!(",\"group\":[{first},{last}]"));
    }
    if !members.inner().is_empty() {
        text.push(',');
    }
    out.extend_from_slice(text.as_bytes());
    out.extend_from_slice(members.inner().as_bytes());
    let own = to_hex(&sha256(&out[start..]));
    out.extend_from_slice(SELF_OPEN);
    out.extend_from_slice(own.as_bytes());
    out.extend_from_slice(SELF_CLOSE);
    let hash = sha256(&out[start..]);
    out.push(b'\n');
    hash
}

/// What a line says of its place in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) number: u64,
    pub(super) prev: Sha256Hash,
    pub(super) group: Option<Group>,
}

/// Reads a line (without newline) that is whole in itself: its self check matches and it is one JSON object that
/// begins as ours do. `Err` says what is wrong. Whether it follows from the line before is not looked at.
pub(super) fn read_header(bytes: &[u8]) -> Result<Header, &'static str> {
    const NOT_OURS: &str = "it is not a line of a log";
    let (body, tail) = bytes.split_at_checked(bytes.len().wrapping_sub(SELF_LEN)).ok_or(NOT_OURS)?;
    let own = tail.strip_prefix(SELF_OPEN).and_then(|rest| rest.strip_suffix(SELF_CLOSE)).ok_or(NOT_OURS)?;
    if from_hex(own) != Some(sha256(body)) {
        return Err("its self check does not match");
    }
    let (header, rest) = header_of(body).ok_or(NOT_OURS)?;
    if !(rest.is_empty() || rest.starts_with(b",")) || serde_json::from_slice::<IgnoredAny>(bytes).is_err() {
        return Err(NOT_OURS);
    }
    Ok(header)
}

/// The fixed beginning of a line, and what follows it.
fn header_of(body: &[u8]) -> Option<(Header, &[u8])> {
    let (number, rest) = number(body.strip_prefix(b"{\"n\":")?)?;
    let rest = rest.strip_prefix(b",\"prev\":\"")?;
    let (prev, rest) = rest.split_at_checked(64)?;
    let rest = rest.strip_prefix(b"\"")?;
    let header = Header { number, prev: from_hex(prev)?, group: None };
    let Some(group) = rest.strip_prefix(b",\"group\":[") else {
        return Some((header, rest));
    };
    let (first, group) = self::number(group)?;
    let (last, group) = self::number(group.strip_prefix(b",")?)?;
    Some((Header { group: Some((first, last)), ..header }, group.strip_prefix(b"]")?))
}

/// A number without leading zeros, and what follows it.
fn number(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let digits = bytes.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (digits, rest) = bytes.split_at(digits);
    if digits.first() == Some(&b'0') {
        return None;
    }
    Some((std::str::from_utf8(digits).ok()?.parse().ok()?, rest))
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
