//! Tokens are the text.

use frontdesk_domain::fold::fold;
use frontdesk_domain::tokens::{LONGEST, Token, TokenKind, join, tokens, word_places, words};
use proptest::prelude::*;

fn parts(text: &str) -> Vec<&str> {
    tokens(text).map(|token| token.text).collect()
}

#[test]
fn only_the_single_space_between_two_words_is_implied() {
    for (text, expected) in [
        ("", &[][..]),
        (" ", &[" "]),
        ("a b", &["a", "b"]),
        ("a  b", &["a", "  ", "b"]),
        (" a b ", &[" ", "a", "b", " "]),
        ("a\nb", &["a", "\n", "b"]),
        ("a 中", &["a", " ", "中"]),
        ("中 a", &["中", " ", "a"]),
        ("中文a", &["中", "文", "a"]),
        ("สวัสดี ok", &["ส", "ว", "ั", "ส", "ด", "ี", " ", "ok"]),
        ("e\u{301}t", &["e", "\u{301}", "t"]),
        ("été 42x", &["été", "42x"]),
        ("👋🏽 hi", &["👋🏽 ", "hi"]),
    ] {
        assert_eq!(parts(text), expected, "{text:?}");
    }
    assert_eq!(words("カード, 2x!").collect::<Vec<_>>(), ["カ", "ー", "ド", "2x"]);
}

#[test]
fn what_an_index_cannot_take_says_so() {
    let long = "x".repeat(LONGEST + 1);
    let plain = |text: &str| tokens(text).all(|token| token.is_plain());
    assert!(plain(&long[1..]) && !plain(&long));
    assert!(plain("a-b") && !plain("a\0b"));
    assert!(!format!("{:?}", tokens("secret").next().unwrap()).contains("secret"));
}

proptest! {
    #[test]
    fn tokens_are_the_text(text in "[aAbÉßİıςσ1 \\n.,;中文かカกั💬\u{301}\u{0}]{0,40}") {
        let text = fold(&text);
        prop_assert_eq!(join(tokens(&text)), text);
    }

    #[test]
    fn and_of_any_text(text in any::<String>()) {
        let text = fold(&text);
        prop_assert_eq!(join(tokens(&text)), &text[..]);
        let placed: Vec<&str> = word_places(&text).map(|place| &text[place]).collect();
        prop_assert_eq!(placed, words(&text).collect::<Vec<_>>());
        for Token { kind, text } in tokens(&text) {
            prop_assert!(text.chars().all(|character| TokenKind::of(character) == kind));
        }
    }
}
