//! Containment that ignores case, against a plain reading of the rule.

use frontdesk_domain::fold::{Needle, fold, fold_char, fold_into};
use proptest::prelude::*;
use serde::Deserialize;

use crate::snapshot::{of_area, shown};
use crate::strategies::text;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Tries {
    tries: Vec<Try>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Try {
    term: String,
    text: String,
}

#[test]
fn cases() {
    let report = of_area::<Tries>("fold", |case| {
        let line = |attempt: &Try| {
            let needle = Needle::new(&attempt.term).unwrap();
            let outcome = match needle.find(&attempt.text) {
                Some(found) => format!("at {found:?}: {}", shown(attempt.text[found.clone()].as_bytes())),
                None => "no".to_owned(),
            };
            format!("{} in {} -> {outcome}", shown(attempt.term.as_bytes()), shown(attempt.text.as_bytes()))
        };
        case.body.tries.iter().map(line).collect()
    });
    insta::assert_snapshot!(report);
}

/// The rule, without anything that makes it fast.
fn simply_folded(text: &str) -> String {
    text.chars().map(|character| character.to_lowercase().next().unwrap()).collect()
}

#[test]
fn every_character_folds_to_the_first_of_its_lower_case() {
    for character in '\0'..=char::MAX {
        assert_eq!(
            Some(fold_char(character)),
            character.to_lowercase().next(),
            "U+{:04X}",
            u32::from(character)
        );
    }
}

#[test]
fn a_folded_text_folds_to_itself() {
    for character in '\0'..=char::MAX {
        let folded = fold_char(character);
        assert_eq!(fold_char(folded), folded, "U+{:04X}", u32::from(character));
    }
}

proptest! {
    #[test]
    fn texts_fold_character_by_character(text in text(), before in text()) {
        prop_assert_eq!(fold(&text), simply_folded(&text));
        let mut out = before.clone();
        fold_into(&text, &mut out);
        prop_assert_eq!(out, before + &simply_folded(&text));
    }

    #[test]
    fn a_needle_finds_what_plain_containment_finds(text in text(), term in "[aAbBäÄİiıIΣσς京 ]{1,3}") {
        let needle = Needle::new(&term).unwrap();
        let expected = simply_folded(&text).contains(&simply_folded(&term));
        prop_assert_eq!(needle.is_in(&text), expected);
        prop_assert_eq!(needle.is_in_folded(&fold(&text)), expected);
        prop_assert_eq!(needle.find_in_folded(&fold(&text)).next().is_some(), expected);
        prop_assert_eq!(needle.find(&text).is_some(), expected);
    }

    /// Anything cut out of a text is found in it, at the first place where it is.
    #[test]
    fn a_part_of_a_text_is_in_it(text in text(), from in any::<prop::sample::Index>(), length in 1..6_usize) {
        let characters: Vec<char> = text.chars().collect();
        if characters.is_empty() {
            return Ok(());
        }
        let from = from.index(characters.len());
        let term: String = characters[from..].iter().take(length).collect();
        let needle = Needle::new(&term).unwrap();
        let found = needle.find(&text).unwrap();
        prop_assert_eq!(fold(&text[found.clone()]), needle.as_folded());
        let at: usize = characters[..from].iter().map(|character| character.len_utf8()).sum();
        prop_assert!(found.start <= at);
    }
}
