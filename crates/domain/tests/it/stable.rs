//! What of a record is the same each time it is read.

use frontdesk_domain::RecordKind;
use frontdesk_domain::payload::stable;
use proptest::prelude::*;
use serde_json::Value;

use crate::strategies::{almost_json, json_object};

fn of(kind: RecordKind, line: &str) -> String {
    String::from_utf8(stable(kind, line.as_bytes()).into_owned()).unwrap()
}

#[test]
fn only_the_query_of_a_link_is_left_out() {
    for (line, stable) in [
        (
            r#"{"url":"https://f.example/a.png?Expires=1&Signature=x"}"#,
            r#"{"url":"https://f.example/a.png"}"#,
        ),
        (r#"{"url":"HTTP://f.example/a#part?x"}"#, r#"{"url":"HTTP://f.example/a"}"#),
        (r#"{"url":"https:\/\/f.example\/a?x=\"y\""}"#, r#"{"url":"https:\/\/f.example\/a"}"#),
        (r#"{"mediaUri":"https://f.example/a?1"}"#, r#"{"mediaUri":"https://f.example/a"}"#),
        (
            r#"{"otherMediaUris":["https://f.example/a?1",7,"https://f.example/b?2"]}"#,
            r#"{"otherMediaUris":["https://f.example/a",7,"https://f.example/b"]}"#,
        ),
        (
            r#"{"\u0075rl":"https://f.example/a?1","image":"https://f.example/b?2"}"#,
            r#"{"\u0075rl":"https://f.example/a","image":"https://f.example/b"}"#,
        ),
        (
            r#"{"a":[{"content":[{"attachment":{"url":"https://f.example/a?1","text":"?"}}]}]}"#,
            r#"{"a":[{"content":[{"attachment":{"url":"https://f.example/a","text":"?"}}]}]}"#,
        ),
    ] {
        assert_eq!(of(RecordKind::Transcript, line), stable);
        assert_eq!(of(RecordKind::History, line), stable);
        assert_eq!(of(RecordKind::Details, line), line);
        assert_eq!(of(RecordKind::Media, line), line);
    }
}

#[test]
fn what_is_no_link_stays() {
    for line in [
        r#"{"text":"https://f.example/a?1"}"#,
        r#"{"url":"f.example/a?1"}"#,
        r#"{"url":"mailto:a@f.example?1"}"#,
        r#"{"url":"https:f.example?1"}"#,
        r#"{"url":{"text":"https://f.example/a?1"}}"#,
        r#"{"url":[["https://f.example/a?1"]]}"#,
        r#"{"urls":[{"text":"https://f.example/a?1"},{"x":1}],"text":"https://f.example/a?1"}"#,
        r#"{"url":"https://f.example/a"}"#,
        r#"{"curly":"https://f.example/a?1"}"#,
        r#"["https://f.example/a?1"]"#,
        r#"{"url":"https://f.example/a?1""#,
    ] {
        assert_eq!(of(RecordKind::Transcript, line), line);
    }
}

proptest! {
    /// Whatever it is: what is stable of it is stable, and JSON if it was.
    #[test]
    fn twice_is_once(line in prop_oneof![json_object().prop_map(|tokens| tokens.concat().into_bytes()).boxed(), almost_json().boxed()]) {
        let once = stable(RecordKind::Transcript, &line).into_owned();
        prop_assert_eq!(&stable(RecordKind::Transcript, &once)[..], &once[..]);
        prop_assert_eq!(serde_json::from_slice::<Value>(&line).is_ok(), serde_json::from_slice::<Value>(&once).is_ok());
    }

    /// Links that differ in their queries only are the same, others are not.
    #[test]
    fn queries_do_not_count(path in "[a-z/]{0,9}", other in "[a-z/]{0,9}", query in "[a-zA-Z0-9=&%]{0,20}", text in "[a-z?#]{0,9}") {
        let record = |path: &str, query: &str| {
            let url = format!("https://f.example/{path}?{query}");
            serde_json::json!({"entities": [{"text": text, "content": [{"attachment": {"url": url}}]}]}).to_string()
        };
        let (one, signed, elsewhere) = (record(&path, ""), record(&path, &query), record(&other, &query));
        prop_assert_eq!(of(RecordKind::Transcript, &one), of(RecordKind::Transcript, &signed));
        prop_assert_eq!(of(RecordKind::Transcript, &one) == of(RecordKind::Transcript, &elsewhere), path == other);
    }
}
