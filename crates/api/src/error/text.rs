//! What a server wrote, made fit to be shown: bounded, on one line, without our secrets.

/// Characters kept of a server's text.
const MOST: usize = 200;

/// At most 200 characters of `text`, control characters escaped, `secrets` struck out wherever they occur.
pub(crate) fn tame(text: &str, secrets: &[&str]) -> String {
    let mut text = text.to_owned();
    for secret in secrets.iter().filter(|secret| !secret.is_empty()) {
        if text.contains(secret) {
            text = text.replace(secret, "***");
        }
    }
    escape(&text, MOST)
}

/// At most `most` characters of `text`; what steers a terminal or a line is escaped.
pub(crate) fn escape(text: &str, most: usize) -> String {
    let mut out = String::new();
    for (index, character) in text.chars().enumerate() {
        if index == most {
            out.push('…');
            break;
        }
        if character.is_control() || is_steering(character) {
            out.extend(character.escape_unicode());
        } else {
            out.push(character);
        }
    }
    out
}

/// Line separators and what turns the direction of writing: invisible, and they change what a reader sees.
fn is_steering(character: char) -> bool {
    matches!(character, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_bounded_escaped_and_free_of_secrets() {
        assert_eq!(tame("no such client", &[]), "no such client");
        assert_eq!(tame("a\nb\u{1b}[31mc\u{202e}", &[]), r"a\u{a}b\u{1b}[31mc\u{202e}");
        assert_eq!(tame("bad secret hunter2, hunter2!", &["", "hunter2"]), "bad secret ***, ***!");
        let long = tame(&"é".repeat(1_000), &[]);
        assert_eq!(long.chars().count(), 201);
        assert!(long.ends_with("é…"));
    }
}
