//! JSON as bytes: what is accepted, what is refused, and where.

use std::borrow::Cow;

use frontdesk_domain::json::{self, JsonFault, Splitter};
use frontdesk_fixtures::{Bytes, dialogues};
use proptest::prelude::*;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::Value;

use crate::snapshot::{of_area, shown};
use crate::strategies::{almost_json, json, json_object, json_string, spaced};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Inputs {
    verdict: Verdict,
    inputs: Vec<Bytes>,
}

#[derive(Deserialize, PartialEq)]
#[serde(rename_all = "lowercase")]
enum Verdict {
    Accepted,
    Refused,
}

#[test]
fn cases() {
    let report = of_area::<Inputs>("json", |case| {
        let line = |bytes: &Bytes| {
            let bytes = bytes.to_vec();
            let compacted = json::compact(&bytes);
            let accepted = case.body.verdict == Verdict::Accepted;
            assert_eq!(compacted.is_ok(), accepted, "{} in {}", shown(&bytes), case.name);
            every_reader_agrees(&bytes);
            every_cut_agrees(&bytes);
            let outcome = match compacted {
                Ok(Cow::Borrowed(_)) => "as it came".to_owned(),
                Ok(Cow::Owned(compact)) => shown(&compact),
                Err(error) => error.to_string(),
            };
            format!("{} -> {outcome}", shown(&bytes))
        };
        case.body.inputs.iter().map(line).collect()
    });
    insta::assert_snapshot!(report);
}

/// Scan, compact and splitter are the same machine: they must say the same of the same bytes.
fn every_reader_agrees(bytes: &[u8]) {
    let compact = json::compact(bytes).map(drop);
    assert_eq!(json::scan(bytes).map(drop), compact, "{}", shown(bytes));
    let mut splitter = Splitter::new("conversations");
    let read = splitter.push(bytes, &mut Vec::new());
    let split = read.and_then(|()| splitter.finish().map(drop));
    assert_eq!(split, compact, "{}", shown(bytes));
}

/// Wherever a text is cut in two, nothing changes; tried at every place of every short case.
fn every_cut_agrees(bytes: &[u8]) {
    if bytes.len() > 200 {
        return;
    }
    let whole = json::scan(bytes).map(drop);
    for at in 0..=bytes.len() {
        let (head, tail) = bytes.split_at(at);
        let mut splitter = Splitter::new("conversations");
        let read = splitter.push(head, &mut Vec::new()).and_then(|()| splitter.push(tail, &mut Vec::new()));
        let split = read.and_then(|()| splitter.finish().map(drop));
        assert_eq!(split, whole, "{} cut at {at}", shown(bytes));
    }
}

#[test]
fn offsets_name_the_byte_at_fault() {
    for (text, offset, fault) in [
        (&b"[1,]"[..], 3, "a value"),
        (b"[]]", 2, "something follows"),
        (b"\"ab\x01\"", 3, "control character"),
        (b"\"\\x\"", 2, "escape"),
        (b"\"\xc3\x28\"", 2, "UTF-8"),
        (b"[1.]", 3, "number"),
        (b"{\"a\":1", 6, "ends"),
        (b"", 0, "ends"),
        (b"\xef\xbb\xbf{}", 0, "byte order mark"),
    ] {
        let error = json::scan(text).unwrap_err();
        assert_eq!(error.offset, offset, "{text:?}");
        assert!(error.fault.to_string().contains(fault), "{text:?}: {error}");
    }
    let deep = json::scan(&b"[".repeat(100_000)).unwrap_err();
    assert_eq!((deep.offset, deep.fault), (128, JsonFault::Depth));
}

/// Words of eight bytes: whatever ends a string is seen at each place of a word, and in a tail shorter than one.
#[test]
fn every_byte_is_seen_at_every_place() {
    for length in 0..40 {
        let plain = format!("\"{}\"", "x".repeat(length)).into_bytes();
        assert!(json::scan(&plain).is_ok());
        for at in 1..=length {
            for byte in 0..=255_u8 {
                let mut bytes = plain.clone();
                bytes[at] = byte;
                let error = json::scan(&bytes).err();
                let expected = match byte {
                    0..0x20 => Some((at, JsonFault::ControlCharacter)),
                    b'"' => Some((at + 1, JsonFault::TrailingBytes)),
                    b'\\' if at == length => Some((length + 2, JsonFault::UnexpectedEnd)),
                    b'\\' => Some((at + 1, JsonFault::BadEscape)),
                    0x80..0xC2 | 0xF5.. => Some((at, JsonFault::BadUtf8)),
                    0xC2..0xF5 => Some((at + 1, JsonFault::BadUtf8)),
                    _ => None,
                };
                let found = error.map(|error| (error.offset as usize, error.fault));
                assert_eq!(found, expected, "byte {byte:#04x} at {at} of {length}");
            }
        }
    }
}

/// Every sequence of up to three bytes that starts a character, against the standard library.
#[test]
fn utf8_is_what_the_standard_library_says() {
    let mut text = vec![b'"'];
    for first in 0x80..=0xFF_u8 {
        for second in [0x00, 0x22, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xFF] {
            for third in [0x22, 0x7F, 0x80, 0xBF, 0xC0] {
                for fourth in [0x22, 0x7F, 0x80, 0xBF, 0xC0] {
                    text.truncate(1);
                    text.extend([first, second, third, fourth]);
                    let body = &text[1..];
                    let valid = std::str::from_utf8(body).is_ok()
                        && body.iter().all(|&byte| byte != b'"' && byte >= 0x20);
                    let end = text.len();
                    text.push(b'"');
                    assert_eq!(json::scan(&text).is_ok(), valid, "{:02x?}", &text[1..end]);
                }
            }
        }
    }
}

#[test]
fn the_last_of_several_members_is_the_value() {
    let bytes = br#"{"a":1,"b":[2],"a":3,"\u0061":4,"":5}"#;
    let scan = json::scan(bytes).unwrap();
    assert_eq!(scan.members.len(), 5);
    assert_eq!(scan.value(bytes, "a"), Some(&b"4"[..]));
    assert_eq!(scan.value(bytes, "b"), Some(&b"[2]"[..]));
    assert_eq!(scan.value(bytes, ""), Some(&b"5"[..]));
    assert_eq!(scan.value(bytes, "c"), None);
    assert_eq!(scan.value(b"", "a"), None, "other bytes than the scanned");
}

#[test]
fn members_are_those_of_the_top_level_object() {
    for text in [&b"[{\"a\":1}]"[..], b"7", b"\"a\"", b"null", b"[]", b"{}"] {
        let scan = json::scan(text).unwrap();
        assert!(scan.members.is_empty(), "{text:?}");
        assert_eq!(scan.object, text == b"{}");
    }
}

#[test]
fn texts_are_read() {
    for (token, expected) in [
        (r#""""#, Some("")),
        (r#""a\"\\\/\b\f\n\r\tz""#, Some("a\"\\/\u{8}\u{c}\n\r\tz")),
        (r#""\u0000\u00e9\u20AC""#, Some("\0é€")),
        (r#""\ud83d\ude00""#, Some("😀")),
        (r#""\ud83d""#, Some("\u{fffd}")),
        (r#""\ude00\ud83d""#, Some("\u{fffd}\u{fffd}")),
        (r#""\ud83d\ud83d\ude00""#, Some("\u{fffd}😀")),
        (r#""\ud83d\n""#, Some("\u{fffd}\n")),
        (r#""\udbff\udfff""#, Some("\u{10ffff}")),
        (r#""\ud800\udc00""#, Some("\u{10000}")),
        ("7", None),
        ("\"", None),
        ("", None),
        ("\"a", None),
        (r#""\x""#, None),
        (r#""\u12""#, None),
        (r#""\u12é4""#, None),
        (r#""a\""#, None),
    ] {
        assert_eq!(json::text(token.as_bytes()).as_deref(), expected, "{token}");
    }
    assert!(matches!(json::text(br#""plain""#), Some(Cow::Borrowed("plain"))));
    assert_eq!(json::text(b"\"\xff\""), None);
}

#[test]
fn our_dialogues_are_compact() {
    for line in dialogues() {
        assert!(matches!(json::compact(line.as_bytes()), Ok(Cow::Borrowed(_))));
    }
}

proptest! {
    #[test]
    fn compacting_takes_the_spaces_and_nothing_else((bytes, compact) in spaced(json())) {
        let compacted = json::compact(&bytes).unwrap();
        prop_assert_eq!(compacted.as_ref(), &compact[..]);
        prop_assert_eq!(matches!(compacted, Cow::Borrowed(_)), bytes == compact);
        prop_assert!(matches!(json::compact(&compact).unwrap(), Cow::Borrowed(_)), "it is idempotent");
        prop_assert_eq!(json::scan(&bytes).unwrap().compact, bytes == compact);
    }

    #[test]
    fn members_are_where_they_are((bytes, _) in spaced(json_object())) {
        let scan = json::scan(&bytes).unwrap();
        let mut end = 0;
        for member in &scan.members {
            prop_assert!(end <= member.key.start && member.key.end < member.value.start);
            prop_assert_eq!((bytes[member.key.start - 1], bytes[member.key.end]), (b'"', b'"'));
            prop_assert!(json::scan(&bytes[member.value.clone()]).is_ok());
            prop_assert!(json::scan(&bytes[member.key.start - 1..=member.key.end]).is_ok());
            end = member.value.end;
        }
        // Another reader's view: the same keys with the same last values.
        if let Ok(Value::Object(map)) = serde_json::from_slice::<Value>(&bytes) {
            for (key, value) in &map {
                let ours = scan.value(&bytes, key).unwrap();
                prop_assert_eq!(&serde_json::from_slice::<Value>(ours).unwrap(), value);
            }
        }
    }

    /// serde_json, which reads numbers without computing them here, accepts and refuses the same texts.
    #[test]
    fn another_reader_agrees(bytes in almost_json()) {
        every_reader_agrees(&bytes);
        let theirs = std::str::from_utf8(&bytes).is_ok_and(|text| serde_json::from_str::<IgnoredAny>(text).is_ok());
        prop_assert_eq!(json::scan(&bytes).is_ok(), theirs, "{}", shown(&bytes));
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
        every_reader_agrees(&bytes);
        let _ = json::text(&bytes);
    }

    #[test]
    fn texts_are_read_as_another_reader_reads_them(token in json_string()) {
        let ours = json::text(token.as_bytes()).unwrap();
        // serde_json refuses lone surrogates, which we replace.
        if let Ok(theirs) = serde_json::from_str::<String>(&token) {
            prop_assert_eq!(ours, theirs);
        } else {
            prop_assert!(ours.contains('\u{fffd}'), "{}", token);
        }
    }
}
