//! Groups of digits as people write them: `4111 1111-1111`, `+49 (0)30`, full-width digits, digits with something
//! invisible in between.

use std::ops::Range;

/// What stands between two groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Joint {
    /// Nothing: the group is the first of its row.
    Start,
    Space,
    Dash,
    Dot,
    Slash,
    /// A bracket, and what may stand beside it.
    Bracket,
    /// The end of a line, and what may stand beside it.
    Line,
}

/// Digits in a row.
#[derive(Debug, Clone)]
pub(super) struct Group {
    /// Where they stand, in bytes of the text.
    pub(super) range: Range<usize>,
    /// How many there are; 255 stands for more.
    pub(super) len: u8,
    /// Their value, where they are at most nineteen.
    pub(super) value: u64,
    /// What stands before them.
    pub(super) joint: Joint,
    /// Whether a word goes on right before them, or right after them: such a group neither begins nor ends a number.
    pub(super) word_before: bool,
    pub(super) word_after: bool,
}

/// How many groups a recogniser may look at: a card number with a space after every digit.
const AHEAD: usize = 24;

/// A row of groups, read as far as somebody looks, and given up from its start.
#[derive(Debug, Default)]
pub(super) struct Row {
    groups: Vec<Group>,
    first: usize,
    /// The group given up last, where it was no part of a match: its length.
    before: Option<u8>,
    /// Whether the row may go on after the last group that was read.
    open: bool,
    /// Bytes that were looked at.
    pub(super) looked: usize,
}

impl Row {
    /// Begins a row at the digit at `at`.
    pub(super) fn begin(&mut self, text: &str, at: usize) {
        self.groups.clear();
        self.first = 0;
        self.before = None;
        self.open = true;
        self.read_group(text, at, Joint::Start);
    }

    /// The groups from here on, at most as many as a recogniser may look at; none when the row is over.
    pub(super) fn ahead(&mut self, text: &str) -> &[Group] {
        while self.open && self.groups.len() - self.first < AHEAD {
            let Some(last) = self.groups.last() else { break };
            let end = last.range.end;
            match joint(text, end, |byte| byte.is_ascii_digit()) {
                Some((joint, next)) if !last.word_after => {
                    self.looked += next - end;
                    self.read_group(text, next, joint);
                }
                _ => self.open = false,
            }
        }
        &self.groups[self.first..]
    }

    /// Whether all of the row is among what [`ahead`](Self::ahead) last gave.
    pub(super) fn is_whole(&self) -> bool {
        !self.open && self.before.is_none()
    }

    /// The length of the group right before the first one of [`ahead`](Self::ahead).
    pub(super) fn before(&self) -> Option<u8> {
        self.before
    }

    /// Gives up the first group, which is no part of a match.
    pub(super) fn skip(&mut self) {
        self.before = self.groups.get(self.first).map(|group| group.len);
        self.give_up(1);
    }

    /// Gives up the groups of a match.
    pub(super) fn take(&mut self, groups: usize) {
        self.before = None;
        self.give_up(groups);
    }

    /// Ends the row here, whatever is left of it.
    pub(super) fn clear(&mut self) {
        self.groups.clear();
        self.first = 0;
        self.before = None;
        self.open = false;
    }

    fn give_up(&mut self, groups: usize) {
        self.first += groups;
        // The vector is a window that moves; the last group stays while the row may go on after it.
        if self.first > 2 * AHEAD {
            let kept = self.groups.len().saturating_sub(1).min(self.first);
            self.groups.drain(..kept);
            self.first -= kept;
        }
    }

    fn read_group(&mut self, text: &str, at: usize, joint: Joint) {
        let bytes = text.as_bytes();
        let (mut len, mut value, mut end, mut place) = (0_u8, 0_u64, at, at);
        while let Some(&byte) = bytes.get(place) {
            let size = if byte.is_ascii_digit() {
                len = len.saturating_add(1);
                value = value.wrapping_mul(10).wrapping_add(u64::from(byte - b'0'));
                1
            } else if byte < 0x80 {
                break;
            } else {
                let character = character_at(text, place);
                if let Some(digit) = digit(character) {
                    len = len.saturating_add(1);
                    value = value.wrapping_mul(10).wrapping_add(u64::from(digit));
                } else if is_invisible(character) {
                    place += character.len_utf8();
                    continue;
                } else {
                    break;
                }
                character.len_utf8()
            };
            place += size;
            end = place;
        }
        self.looked += place - at;
        let word_before = joint == Joint::Start && at > 0 && is_word(bytes[at - 1]);
        let word_after = bytes.get(end).is_some_and(|&byte| is_word(byte));
        self.groups.push(Group { range: at..end, len, value, joint, word_before, word_after });
    }
}

/// What joins the group that ends at `at` to the next one, and where that begins: at one of the bytes that `begins`
/// names, or a digit of another script.
pub(super) fn joint(text: &str, at: usize, begins: impl Fn(u8) -> bool) -> Option<(Joint, usize)> {
    const MOST: usize = 3;
    let bytes = text.as_bytes();
    let (mut place, mut seen) = (at, Seen::default());
    loop {
        let byte = *bytes.get(place)?;
        if begins(byte) {
            break;
        }
        if bytes[place..].starts_with(b"&nbsp;") {
            seen.spaces += 1;
            place += b"&nbsp;".len();
            continue;
        }
        let character = if byte < 0x80 { char::from(byte) } else { character_at(text, place) };
        match character {
            ' ' | '\t' | '\u{a0}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{205f}' | '\u{3000}' => {
                seen.spaces += 1
            }
            '-' | '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{fe63}' | '\u{ff0d}' => seen.dashes += 1,
            '.' | '\u{ff0e}' => seen.dots += 1,
            '/' | '\u{ff0f}' => seen.slashes += 1,
            '(' | ')' | '\u{ff08}' | '\u{ff09}' => seen.brackets += 1,
            '\n' => seen.lines += 1,
            '\r' => {}
            _ if digit(character).is_some() => break,
            // Something invisible has no size of its own, but there is an end to it.
            _ if is_invisible(character) => seen.invisible += 1,
            _ => return None,
        }
        if seen.visible() > MOST || seen.invisible > MOST {
            return None;
        }
        place += character.len_utf8();
    }
    seen.joint().map(|joint| (joint, place))
}

/// What was seen between two groups.
#[derive(Default)]
struct Seen {
    spaces: usize,
    dashes: usize,
    dots: usize,
    slashes: usize,
    brackets: usize,
    lines: usize,
    invisible: usize,
}

impl Seen {
    fn visible(&self) -> usize {
        self.spaces + self.dashes + self.dots + self.slashes + self.brackets + self.lines
    }

    fn joint(&self) -> Option<Joint> {
        match (self.dashes, self.dots, self.slashes, self.brackets, self.lines) {
            (0, 0, 0, 0, 0) => Some(Joint::Space),
            (0..=1, 0, 0, 0, 1) => Some(Joint::Line),
            (1, 0, 0, 0, 0) => Some(Joint::Dash),
            // A full stop with a space ends a sentence.
            (0, 1, 0, 0, 0) if self.spaces == 0 => Some(Joint::Dot),
            (0, 0, 1, 0, 0) => Some(Joint::Slash),
            (0..=1, 0..=1, 0, 1..=2, 0) => Some(Joint::Bracket),
            _ => None,
        }
    }
}

/// Whether a byte belongs to a word a number cannot begin or end in. Scripts without spaces between words are no
/// reason to miss a number, so only ASCII counts.
pub(super) fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// The character that begins at a border.
pub(super) fn character_at(text: &str, at: usize) -> char {
    text[at..].chars().next().unwrap_or('\0')
}

/// What has no width, or changes the look of the digit before it.
fn is_invisible(character: char) -> bool {
    matches!(character,
        '\u{ad}' | '\u{300}'..='\u{36f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{2069}' | '\u{20d0}'..='\u{20f0}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}')
}

/// The value of a decimal digit of any script.
pub(super) fn digit(character: char) -> Option<u8> {
    if character < '\u{660}' {
        return character.to_digit(10).and_then(|digit| u8::try_from(digit).ok());
    }
    let code = u32::from(character);
    if (0x1d7ce..=0x1d7ff).contains(&code) {
        return u8::try_from((code - 0x1d7ce) % 10).ok();
    }
    let zero = ZEROS[ZEROS.partition_point(|&zero| zero <= code).checked_sub(1)?];
    (code - zero < 10).then(|| u8::try_from(code - zero).ok()).flatten()
}

/// Where the ten digits of each script begin (Unicode, general category Nd); the mathematical ones aside.
const ZEROS: [u32; 62] = [
    0x0660, 0x06f0, 0x07c0, 0x0966, 0x09e6, 0x0a66, 0x0ae6, 0x0b66, 0x0be6, 0x0c66, 0x0ce6, 0x0d66, 0x0de6,
    0x0e50, 0x0ed0, 0x0f20, 0x1040, 0x1090, 0x17e0, 0x1810, 0x1946, 0x19d0, 0x1a80, 0x1a90, 0x1b50, 0x1bb0,
    0x1c40, 0x1c50, 0xa620, 0xa8d0, 0xa900, 0xa9d0, 0xa9f0, 0xaa50, 0xabf0, 0xff10, 0x104a0, 0x10d30,
    0x11066, 0x110f0, 0x11136, 0x111d0, 0x112f0, 0x11450, 0x114d0, 0x11650, 0x116c0, 0x11730, 0x118e0,
    0x11950, 0x11c50, 0x11d50, 0x11da0, 0x11f50, 0x16a60, 0x16ac0, 0x16b50, 0x1e140, 0x1e2f0, 0x1e4f0,
    0x1e950, 0x1fbf0,
];
