//! What gives a person away: keys, values, policies, and the bound on the work.

use frontdesk_domain::pii::{Action, KeyMode, PiiKind, PiiPolicy, Region, find, redact};
use proptest::prelude::*;
use serde::Deserialize;

use crate::snapshot::{of_area, shown};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    #[serde(default)]
    keys: Vec<String>,
    #[serde(default)]
    allow: Vec<String>,
    #[serde(default)]
    texts: Vec<String>,
    #[serde(default)]
    region: Option<Region>,
}

#[test]
fn cases() {
    let report = of_area::<Body>("pii", |case| {
        let body = &case.body;
        let policy = body.allow.iter().fold(PiiPolicy::default(), |policy, key| policy.allowing_key(key));
        let pattern = |mode, key: &str| {
            policy.clone().with_key_mode(mode).blocked_key(key).map_or("free", |pattern| pattern.as_str())
        };
        let key = |key: &String| {
            let (contains, words) = (pattern(KeyMode::Contains, key), pattern(KeyMode::Words, key));
            format!("{:<24} {contains:<10} {words}", shown(key.as_bytes()))
        };
        let text = |text: &String| {
            let found: Vec<_> = find(text, body.region)
                .map(|found| format!("{} {}", found.kind, shown(&text.as_bytes()[found.range])))
                .collect();
            let found = if found.is_empty() { "nothing".to_owned() } else { found.join(", ") };
            format!("{}\n  {found}", shown(text.as_bytes()))
        };
        body.keys.iter().map(key).chain(body.texts.iter().map(text)).collect()
    });
    insta::assert_snapshot!(report);
}

#[test]
fn what_is_allowed_is_not_found_and_hides_nothing() {
    let text = "4111111111111111@example.org";
    let kinds = |policy: PiiPolicy| {
        policy.findings(text).iter().map(|found| (found.kind, found.action)).collect::<Vec<_>>()
    };
    assert_eq!(kinds(PiiPolicy::default()), [(PiiKind::Email, Action::Block)]);
    let cards = PiiPolicy::default().with_action(PiiKind::Email, Action::Allow);
    assert_eq!(kinds(cards), [(PiiKind::Card, Action::Block)]);
    let nothing = PiiKind::ALL
        .into_iter()
        .fold(PiiPolicy::default(), |policy, kind| policy.with_action(kind, Action::Allow));
    assert_eq!(kinds(nothing), []);
}

#[test]
fn nothing_of_a_text_is_shown() {
    let text = "ana@example.org";
    let found = find(text, None);
    assert!(!format!("{found:?}").contains("ana"));
    assert!(found.chain(find(text, None)).all(|found| !format!("{found:?}").contains("ana")));
    assert!(PiiPolicy::default().findings(text).iter().all(|found| !format!("{found:?}").contains("ana")));
}

#[test]
fn words_of_settings_round_trip() {
    for kind in PiiKind::ALL {
        assert_eq!(kind.as_str().parse(), Ok(kind));
        assert_eq!(serde_json::to_value(kind).unwrap(), kind.as_str());
    }
    assert_eq!(serde_json::from_str::<Region>("\"us\"").unwrap().to_string(), "US");
    assert_eq!(
        "blok".parse::<Action>().unwrap_err().to_string(),
        "`blok` is no action on personal data; did you mean `block`?"
    );
}

/// Pieces that begin, end, join and break what the recognisers look for.
fn piece() -> impl Strategy<Value = String> {
    const FIXED: &[&str] = &[
        "4111",
        "1111",
        "4111111111111111",
        "378282246310005",
        "ana",
        "@",
        "example.org",
        ".",
        "-",
        " ",
        "\n",
        "\u{a0}",
        "\u{200b}",
        "\u{fe0f}",
        "٤",
        "４",
        "1",
        "12",
        "+",
        "(",
        ")",
        "/",
        ":",
        "\"",
        "é",
        "e\u{301}",
        "😀",
        "[card]",
        "x",
    ];
    prop_oneof![
        8 => prop::sample::select(FIXED).prop_map(str::to_owned),
        1 => "[0-9]{1,20}",
        1 => ".{0,3}",
    ]
}

fn regions() -> impl Strategy<Value = Option<Region>> {
    prop::option::of(
        prop::sample::select(vec!["US", "DE", "BR", "IT"]).prop_map(|region| region.parse().unwrap()),
    )
}

fn texts() -> impl Strategy<Value = String> {
    prop::collection::vec(piece(), 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn matches_are_in_order_and_at_borders_of_characters(text in texts(), region in regions()) {
        let mut before = 0;
        for found in find(&text, region) {
            prop_assert!(before <= found.range.start && found.range.start < found.range.end);
            prop_assert!(text.get(found.range.clone()).is_some());
            let utf16: Vec<u16> = text.encode_utf16().collect();
            let part = String::from_utf16(&utf16[found.utf16_range(&text)]).unwrap();
            prop_assert_eq!(&text[found.range.clone()], part);
            before = found.range.end;
        }
    }

    #[test]
    fn redacting_again_changes_nothing(text in texts(), region in regions()) {
        let once = redact(&text, region);
        prop_assert_eq!(redact(&once, region), once);
    }

    /// What a pattern is contained in is blocked, and words mode blocks nothing that containment lets through.
    #[test]
    fn words_mode_blocks_less(key in "(e|mail|phone|ssn|ip|address|[_ .-]|[A-Za-z]){0,8}") {
        let words = PiiPolicy::default().with_key_mode(KeyMode::Words).blocked_key(&key);
        let contains = PiiPolicy::default().blocked_key(&key);
        let literally = frontdesk_domain::pii::KeyPattern::ALL
            .into_iter()
            .any(|pattern| key.to_lowercase().contains(pattern.as_str()));
        prop_assert_eq!(contains.is_some(), literally || words.is_some());
    }
}

/// Texts of a size that make a careless finder look at everything again and again.
fn hostile(size: usize) -> Vec<String> {
    let pieces = [
        "4",
        "4111 ",
        "1 ",
        "4111111111111111 ",
        "4111-1111-1111-1111-",
        "@",
        "a@",
        "a@b.",
        "a.",
        "a@b@",
        "\"",
        "\"@",
        ".",
        "1.",
        "41111111\n",
        "４",
        "\u{200b}",
        "4\u{200b}",
        "4&nbsp;",
        "a@a.a-",
        "ab@cd.ef ",
        "é",
        "(",
        "4(",
    ];
    let mut texts: Vec<String> = pieces.iter().map(|piece| piece.repeat(size / piece.len() + 1)).collect();
    texts.push(format!("{}@{}", "a".repeat(size / 2), "b.".repeat(size / 4)));
    texts.push(format!("\"{}\"@x.org", "a".repeat(size)));
    texts
}

/// The work per byte is bounded by a constant, whatever the text (row R95): counted, not timed. With a region each group
/// of digits may begin a number, and is tried as one of several lengths.
#[test]
fn the_work_is_linear_on_hostile_texts() {
    for (region, most) in [(None, 12), (Some("US"), 24), (Some("DE"), 24)] {
        let region = region.map(|region: &str| region.parse().unwrap());
        for size in [1_000, 10_000, 100_000] {
            for text in hostile(size) {
                let mut found = find(&text, region);
                while found.next().is_some() {}
                let head: String = text.chars().take(12).collect();
                let per_byte = found.looked().div_ceil(text.len());
                assert!(per_byte <= most, "{head:?}…: every byte was looked at {per_byte} times of {size}");
            }
        }
    }
}

/// What stands around an e-mail address, a number or an address is taken in one way wherever it stands.
#[test]
fn a_match_is_found_next_to_anything() {
    let values = [
        "ana@example.org",
        "4111 1111 1111 1111",
        "4111-1111-1111-1111",
        "４１１１１１１１１１１１１１１１",
        "+14155552671",
        "+49 30 123456",
        "DE89 3704 0044 0532 0130 00",
        "123-45-6789",
        "192.168.0.1",
        "2001:db8::1",
    ];
    let fronts = [
        "",
        " ",
        "😀",
        "\u{200f}",
        "\u{202b}",
        "<td>",
        "\"",
        "“",
        "\n",
        "\t",
        "e\u{301} ",
        "שלום ",
        "(",
        "，",
        "&nbsp;",
    ];
    let backs = [
        "",
        " ",
        "😀",
        "\u{202c}",
        "</td>",
        "\"",
        "”",
        "\n",
        "\t",
        ".",
        ", ",
        "; x",
        " שלום",
        "！",
        "&nbsp;",
    ];
    for value in values {
        for front in fronts {
            for back in backs {
                let text = format!("{front}{value}{back}");
                let found: Vec<_> = find(&text, None).collect();
                assert_eq!(found.len(), 1, "{text:?}: {found:?}");
                let inside = &text[found[0].range.clone()];
                assert_eq!(inside.trim_start_matches('('), value, "{text:?}");
                assert!(!redact(&text, None).contains(|c: char| c.is_numeric()), "{text:?}");
            }
        }
    }
}
