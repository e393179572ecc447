//! IP addresses of both versions.

use std::net::Ipv6Addr;
use std::ops::Range;

use super::digits::{Group, Joint, is_word};

/// Whether the first four groups are an address of version 4, neither more nor less: `1.2.3.4.5` is none, nor are
/// numbers with leading zeros, which some read as octal.
pub(super) fn leading_v4(groups: &[Group]) -> Option<usize> {
    let four = groups.get(..4)?;
    let dotted = four[1..].iter().all(|group| group.joint == Joint::Dot);
    let goes_on = four[0].joint == Joint::Dot || groups.get(4).is_some_and(|next| next.joint == Joint::Dot);
    let octet = |group: &Group| {
        group.len <= 3 && group.value <= 255 && (group.len == 1 || group.value >= leads(group))
    };
    let apart = !four[0].word_before && !four[3].word_after;
    (dotted && !goes_on && apart && four.iter().all(octet)).then_some(4)
}

/// The smallest number with as many digits.
fn leads(group: &Group) -> u64 {
    10_u64.pow(u32::from(group.len) - 1)
}

/// What was found around a colon.
pub(super) struct Around {
    /// The address.
    pub(super) found: Option<Range<usize>>,
    /// Up to where no other colon needs to be looked at.
    pub(super) seen: usize,
    /// How many bytes were looked at.
    pub(super) looked: usize,
}

/// The address of version 6 around the first colon of a run of hexadecimal groups, at `at`.
///
/// The run is looked at once, whatever it is. `::` alone is nobody's address, and `a[1::2]` is a slice.
pub(super) fn v6_around(text: &str, at: usize, floor: usize) -> Around {
    let bytes = text.as_bytes();
    let is_run = |byte: u8| byte.is_ascii_hexdigit() || byte == b':' || byte == b'.';
    let length = bytes[at..].iter().take_while(|&&byte| is_run(byte)).count();
    let hex = bytes[floor..at].iter().rev().take(5).take_while(|byte| byte.is_ascii_hexdigit()).count();
    let mut around = Around { found: None, seen: at + length, looked: length + hex };
    let before = |start: usize| start.checked_sub(1).map(|place| bytes[place]);
    let apart = |start: usize| !before(start).is_some_and(|byte| is_word(byte) || byte == b':');
    // A word before the colon is no group: `address:2001:db8::1`.
    let start = match at - hex {
        start if hex <= 4 && apart(start) => start,
        _ if bytes.get(at + 1) == Some(&b':') => return around,
        _ => at + 1,
    };
    let end = at + length;
    let goes_on = bytes.get(end).is_some_and(|&byte| is_word(byte));
    let run = &text[start.min(end)..end];
    // The longest address there is has 45 characters; a stop or a colon behind it ends a sentence or begins a port.
    let trimmed = run.trim_end_matches('.');
    let trimmed = match trimmed.strip_suffix(':') {
        Some(less) if !less.ends_with(':') => less,
        _ => trimmed,
    };
    let goes_on = goes_on && trimmed.len() == run.len();
    let is_address = !goes_on && trimmed.len() <= 45 && trimmed.parse::<Ipv6Addr>().is_ok();
    if is_address && tells_somebody(trimmed) && !is_slice(text, start) {
        around.found = Some(start..start + trimmed.len());
    }
    around
}

/// Whether it is more than two words of letters with `::` between them, as programs have.
fn tells_somebody(address: &str) -> bool {
    let groups = address.split(':').filter(|group| !group.is_empty()).count();
    groups >= 3 || address.bytes().any(|byte| byte.is_ascii_digit())
}

/// Whether it stands in the brackets behind a name.
fn is_slice(text: &str, start: usize) -> bool {
    let before = &text.as_bytes()[..start];
    matches!(before, [.., name, b'['] if is_word(*name) || matches!(name, b')' | b']'))
}
