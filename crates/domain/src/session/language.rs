//! Language tags: the grammar of BCP 47 (RFC 5646, section 2.1), without the registry.

use serde::{Deserialize, Serialize};

use crate::Violation;
use crate::suggest::shortened;

/// A language tag that is well formed by BCP 47: `en`, `de-AT`, `zh-Hant-TW`, `x-team`.
///
/// The primary language is a code of two or three letters. The grammar has room for words of four to eight letters too;
/// none was ever registered, so such a word (`english`) is a name and no tag.
///
/// ```
/// use frontdesk_domain::session::LanguageTag;
///
/// assert_eq!(LanguageTag::new("de-AT")?.as_str(), "de-AT");
/// assert!(LanguageTag::new("english").is_err());
/// assert!(LanguageTag::new("en_GB").is_err());
/// # Ok::<(), frontdesk_domain::Violation>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct LanguageTag(String);

/// Tags that were registered before the grammar and do not follow it (RFC 5646, `irregular`).
const IRREGULAR: [&str; 17] = [
    "en-gb-oed",
    "i-ami",
    "i-bnn",
    "i-default",
    "i-enochian",
    "i-hak",
    "i-klingon",
    "i-lux",
    "i-mingo",
    "i-navajo",
    "i-pwn",
    "i-tao",
    "i-tay",
    "i-tsu",
    "sgn-be-fr",
    "sgn-be-nl",
    "sgn-ch-de",
];

impl LanguageTag {
    /// The longest tag, in bytes.
    pub const MAX_BYTES: usize = 128;

    /// Takes a tag if it is well formed.
    ///
    /// # Errors
    /// `language.tag` when it is not.
    pub fn new(text: impl Into<String>) -> Result<Self, Violation> {
        let text = text.into();
        if text.len() <= Self::MAX_BYTES && is_well_formed(&text.to_ascii_lowercase()) {
            return Ok(Self(text));
        }
        let message = format!(
            "`{}` is no language tag of BCP 47: a code of two or three letters, then what narrows it down, as in en, \
             de-AT, zh-Hant-TW",
            shortened(&text)
        );
        Err(Violation::new("", "language.tag", message))
    }

    /// The tag as it came.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for LanguageTag {
    type Error = Violation;

    fn try_from(text: String) -> Result<Self, Violation> {
        Self::new(text)
    }
}

impl From<LanguageTag> for String {
    fn from(tag: LanguageTag) -> Self {
        tag.0
    }
}

fn is_well_formed(tag: &str) -> bool {
    if IRREGULAR.contains(&tag) {
        return true;
    }
    let parts: Vec<&str> = tag.split('-').collect();
    let bounded =
        |part: &&str| (1..=8).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphanumeric());
    if !parts.iter().all(bounded) {
        return false;
    }
    let mut rest = parts.as_slice();
    if rest[0] == "x" {
        return rest.len() > 1;
    }
    if !(2..=3).contains(&rest[0].len()) || !letters(rest[0]) {
        return false;
    }
    rest = &rest[1..];
    // Up to three extended languages, then a script, then a region.
    for _ in 0..3 {
        skip(&mut rest, |part| part.len() == 3 && letters(part));
    }
    skip(&mut rest, |part| part.len() == 4 && letters(part));
    skip(&mut rest, |part| (part.len() == 2 && letters(part)) || (part.len() == 3 && digits(part)));
    let mut variants = Vec::new();
    while let Some(part) = rest.first().filter(|part| is_variant(part)) {
        if variants.contains(part) {
            return false;
        }
        variants.push(*part);
        rest = &rest[1..];
    }
    let mut singletons = Vec::new();
    while let Some(part) = rest.first() {
        let private = *part == "x";
        if part.len() != 1 || singletons.contains(part) {
            return false;
        }
        singletons.push(*part);
        rest = &rest[1..];
        let least = if private { 1 } else { 2 };
        let length = rest.iter().take_while(|part| private || part.len() >= least).count();
        if length == 0 {
            return false;
        }
        rest = &rest[length..];
    }
    true
}

fn skip(rest: &mut &[&str], fits: impl Fn(&str) -> bool) {
    if rest.first().is_some_and(|part| fits(part)) {
        *rest = &rest[1..];
    }
}

fn is_variant(part: &str) -> bool {
    (5..=8).contains(&part.len()) || (part.len() == 4 && part.as_bytes()[0].is_ascii_digit())
}

fn letters(part: &str) -> bool {
    part.bytes().all(|byte| byte.is_ascii_alphabetic())
}

fn digits(part: &str) -> bool {
    part.bytes().all(|byte| byte.is_ascii_digit())
}
