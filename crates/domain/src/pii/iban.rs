//! International bank account numbers: a country's letters and length, and the check modulo 97 (ISO 13616).

use std::ops::Range;

use super::digits::{Joint, is_word, joint};

/// How the account is written in each country of the registry: `n` digits, `a` capital letters, `c` either, each for so
/// many characters.
const COUNTRIES: [(&str, &str); 89] = [
    ("AD", "8n12c"),
    ("AE", "19n"),
    ("AL", "8n16c"),
    ("AT", "16n"),
    ("AZ", "4a20c"),
    ("BA", "16n"),
    ("BE", "12n"),
    ("BG", "4a6n8c"),
    ("BH", "4a14c"),
    ("BI", "23n"),
    ("BR", "23n1a1c"),
    ("BY", "4c4n16c"),
    ("CH", "5n12c"),
    ("CR", "18n"),
    ("CY", "8n16c"),
    ("CZ", "20n"),
    ("DE", "18n"),
    ("DJ", "23n"),
    ("DK", "14n"),
    ("DO", "4c20n"),
    ("EE", "16n"),
    ("EG", "25n"),
    ("ES", "20n"),
    ("FI", "14n"),
    ("FK", "2a12n"),
    ("FO", "14n"),
    ("FR", "10n11c2n"),
    ("GB", "4a14n"),
    ("GE", "2a16n"),
    ("GI", "4a15c"),
    ("GL", "14n"),
    ("GR", "7n16c"),
    ("GT", "4c20c"),
    ("HN", "4a20n"),
    ("HR", "17n"),
    ("HU", "24n"),
    ("IE", "4a14n"),
    ("IL", "19n"),
    ("IQ", "4a15n"),
    ("IS", "22n"),
    ("IT", "1a10n12c"),
    ("JO", "4a4n18c"),
    ("KW", "4a22c"),
    ("KZ", "3n13c"),
    ("LB", "4n20c"),
    ("LC", "4a24c"),
    ("LI", "5n12c"),
    ("LT", "16n"),
    ("LU", "3n13c"),
    ("LV", "4a13c"),
    ("LY", "21n"),
    ("MC", "10n11c2n"),
    ("MD", "20c"),
    ("ME", "18n"),
    ("MK", "3n10c2n"),
    ("MN", "16n"),
    ("MR", "23n"),
    ("MT", "4a5n18c"),
    ("MU", "4a19n3a"),
    ("NI", "4a20n"),
    ("NL", "4a10n"),
    ("NO", "11n"),
    ("OM", "3n16c"),
    ("PK", "4a16c"),
    ("PL", "24n"),
    ("PS", "4a21c"),
    ("PT", "21n"),
    ("QA", "4a21c"),
    ("RO", "4a16c"),
    ("RS", "18n"),
    ("RU", "14n15c"),
    ("SA", "2n18c"),
    ("SC", "4a20n3a"),
    ("SD", "14n"),
    ("SE", "20n"),
    ("SI", "15n"),
    ("SK", "20n"),
    ("SM", "1a10n12c"),
    ("SO", "19n"),
    ("ST", "21n"),
    ("SV", "4a20n"),
    ("TL", "19n"),
    ("TN", "20n"),
    ("TR", "6n16c"),
    ("UA", "6n19c"),
    ("VA", "18n"),
    ("VG", "4a16n"),
    ("XK", "16n"),
    ("YE", "4a4n18c"),
];

/// The longest there is: country, check digits, and thirty characters of the account.
const LONGEST: usize = 34;

/// The number whose check digits begin at `digits`, and how many bytes were looked at.
pub(super) fn around(text: &str, digits: usize, floor: usize) -> (Option<Range<usize>>, usize) {
    let Some((start, account)) = country_before(text, digits, floor) else { return (None, 4) };
    let mut number = Number::default();
    let mut end = digits;
    for kind in [Kind::Digit; 2].into_iter().chain(account) {
        match next_character(text, end, end > digits) {
            Some((character, next)) if kind.takes(character) => {
                number.push(character);
                end = next;
            }
            _ => return (None, end - start + 4),
        }
    }
    text.as_bytes()[start..start + 2].iter().for_each(|&letter| number.push(letter));
    let goes_on = text.as_bytes().get(end).is_some_and(|&byte| is_word(byte));
    let found = (!goes_on && number.leaves_one()).then_some(start..end);
    (found, end - start)
}

/// Where the country's two letters begin, and what the characters behind the check digits must be.
fn country_before(
    text: &str,
    digits: usize,
    floor: usize,
) -> Option<(usize, impl Iterator<Item = Kind> + use<>)> {
    let bytes = text.as_bytes();
    let end = digits - usize::from(digits > floor && bytes[digits - 1] == b' ');
    let start = end.checked_sub(2).filter(|&start| start >= floor)?;
    let apart = start == 0 || !is_word(bytes[start - 1]);
    let country = [bytes[start].to_ascii_uppercase(), bytes[start + 1].to_ascii_uppercase()];
    let known = COUNTRIES.binary_search_by_key(&country.as_slice(), |(name, _)| name.as_bytes()).ok()?;
    apart.then(|| (start, kinds(COUNTRIES[known].1)))
}

/// The next character of the number and where it ends; between two there may be what stands between groups.
fn next_character(text: &str, at: usize, inside: bool) -> Option<(u8, usize)> {
    let bytes = text.as_bytes();
    let place = match bytes.get(at)? {
        byte if byte.is_ascii_alphanumeric() || !inside => at,
        _ => match joint(text, at, |byte| byte.is_ascii_alphanumeric())? {
            (Joint::Space | Joint::Dash | Joint::Line, next) => next,
            _ => return None,
        },
    };
    Some((bytes[place], place + 1))
}

/// What a character of an account must be.
#[derive(Debug, Clone, Copy)]
enum Kind {
    Digit,
    Letter,
    Either,
}

impl Kind {
    fn takes(self, character: u8) -> bool {
        match self {
            Self::Digit => character.is_ascii_digit(),
            Self::Letter => character.is_ascii_alphabetic(),
            Self::Either => character.is_ascii_alphanumeric(),
        }
    }
}

/// `4a14n` character by character.
fn kinds(written: &'static str) -> impl Iterator<Item = Kind> {
    written.split_inclusive(|c: char| c.is_ascii_alphabetic()).flat_map(|part| {
        let (count, kind) = part.split_at(part.len() - 1);
        let kind = match kind {
            "n" => Kind::Digit,
            "a" => Kind::Letter,
            _ => Kind::Either,
        };
        std::iter::repeat_n(kind, count.parse().unwrap_or(0))
    })
}

/// The characters as they come: the check digits, the account, the country.
struct Number {
    characters: [u8; LONGEST],
    len: usize,
}

impl Default for Number {
    fn default() -> Self {
        Self { characters: [0; LONGEST], len: 0 }
    }
}

impl Number {
    fn push(&mut self, character: u8) {
        self.characters[self.len] = character;
        self.len += 1;
    }

    /// Whether account, country and check digits, in this order and with A as 10, leave 1 modulo 97.
    fn leaves_one(&self) -> bool {
        let (check, rest) = self.characters[..self.len].split_at(2);
        let left = rest.iter().chain(check).fold(0_u32, |left, &character| match character {
            b'0'..=b'9' => (left * 10 + u32::from(character - b'0')) % 97,
            letter => (left * 100 + u32::from(letter.to_ascii_uppercase() - b'A') + 10) % 97,
        });
        left == 1
    }
}
