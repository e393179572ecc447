//! One snapshot per area: every case with its reason and what came out of it.

use std::fmt::Write as _;

use frontdesk_fixtures::{Case, cases};
use serde::de::DeserializeOwned;

/// Loads the area's cases and writes what `check` makes of each.
pub(crate) fn of_area<T: DeserializeOwned>(area: &str, check: impl Fn(&Case<T>) -> Vec<String>) -> String {
    let mut out = String::new();
    for case in cases::<T>(area) {
        let lines = check(&case);
        writeln!(out, "## {}: {}", case.name, case.why).unwrap();
        for line in lines {
            writeln!(out, "{line}").unwrap();
        }
        out.push('\n');
    }
    out
}

/// Bytes on one line of at most some hundred characters: what cannot be seen as `<U+0009>`, what is no text as `<ff>`.
pub(crate) fn shown(bytes: &[u8]) -> String {
    const HEAD: usize = 64;
    const MOST: usize = 120;
    let mut text = String::new();
    for chunk in bytes.utf8_chunks() {
        for character in chunk.valid().chars() {
            let plain = character.escape_debug().len() == 1 || matches!(character, '"' | '\'' | '\\');
            if plain {
                text.push(character);
            } else {
                write!(text, "<U+{:04X}>", u32::from(character)).unwrap();
            }
        }
        for byte in chunk.invalid() {
            write!(text, "<{byte:02x}>").unwrap();
        }
    }
    if text.chars().count() <= MOST {
        return format!("`{text}`");
    }
    let head: String = text.chars().take(HEAD).collect();
    format!("`{head}`… ({} bytes)", bytes.len())
}
