//! A line of what was typed, with a mark under the place where it is wrong.

/// Characters shown around the place.
const SHOWN: usize = 60;

/// Two lines: the part of `text` around `column` (in characters, from 1), and a caret under it.
pub(crate) fn pointing(text: &str, column: usize) -> String {
    let at = column.saturating_sub(1);
    let start = at.saturating_sub(SHOWN / 2);
    let mut line = String::new();
    let mut caret = 0;
    if start > 0 {
        line.push('…');
        caret += 1;
    }
    let mut characters = text.chars().skip(start);
    for (index, character) in characters.by_ref().take(SHOWN).enumerate() {
        // One character for one, so that the caret stands right.
        let shown = match character {
            _ if character.is_whitespace() => ' ',
            _ if character.is_control() || !is_seen(character) => '\u{fffd}',
            _ => character,
        };
        line.push(shown);
        if start + index < at {
            caret += if is_wide(shown) { 2 } else { 1 };
        }
    }
    if characters.next().is_some() {
        line.push('…');
    }
    format!("{line}\n{}^", " ".repeat(caret))
}

/// Whether a character takes a place of its own and keeps the direction of writing.
fn is_seen(character: char) -> bool {
    !matches!(character, '\u{300}'..='\u{36f}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

/// Whether a terminal gives a character two places.
fn is_wide(character: char) -> bool {
    matches!(character, '\u{1100}'..='\u{115f}' | '\u{2e80}'..='\u{a4cf}' | '\u{ac00}'..='\u{d7a3}' | '\u{f900}'..='\u{faff}' | '\u{fe30}'..='\u{fe6f}' | '\u{ff00}'..='\u{ff60}' | '\u{1f300}'..='\u{1faff}' | '\u{20000}'..='\u{3fffd}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_caret_stands_under_the_place() {
        assert_eq!(pointing("refund queu:web", 8), "refund queu:web\n       ^");
        assert_eq!(pointing("", 1), "\n^");
        assert_eq!(pointing("東京 (x", 4), "東京 (x\n     ^");
        assert_eq!(pointing("a\u{1b}[2J\nb", 7), "a\u{fffd}[2J b\n      ^");
        let long = format!("{}!{}", "x".repeat(500), "y".repeat(500));
        let shown = pointing(&long, 501);
        let (line, caret) = shown.split_once('\n').unwrap();
        assert_eq!(line.chars().nth(caret.chars().count() - 1), Some('!'));
        assert!(line.chars().count() <= SHOWN + 2);
        assert_eq!(pointing("ab", 99).lines().count(), 2);
    }
}
