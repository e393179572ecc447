//! What the words before a number say about it.

/// How many bytes before a number are read.
const BEFORE: usize = 40;

/// Whether a word before says that a card number follows.
pub(super) fn says_card(before: &str) -> bool {
    says(before, &["card", "credit", "debit", "visa", "maestro", "karte", "tarjeta", "carte"])
}

/// Whether a word before says that a social security number follows.
pub(super) fn says_ssn(before: &str) -> bool {
    says(before, &["ssn", "social security", "social-security", "ssid"])
}

/// Whether the word right before says that the version of something follows.
pub(super) fn says_version(before: &str) -> bool {
    let tail = before.trim_end_matches([' ', ':', '=', '-']);
    let word = tail.bytes().rev().take(BEFORE).take_while(u8::is_ascii_alphabetic).count();
    let word = &tail[tail.len() - word..];
    ["v", "ver", "version", "release", "build", "firmware"]
        .iter()
        .any(|known| word.eq_ignore_ascii_case(known))
}

/// Whether one of the words, in lower case, stands in the last bytes before.
fn says(before: &str, words: &[&str]) -> bool {
    let tail = &before.as_bytes()[before.len().saturating_sub(BEFORE)..];
    let tail = tail.to_ascii_lowercase();
    words.iter().any(|word| tail.windows(word.len()).any(|window| window == word.as_bytes()))
}
