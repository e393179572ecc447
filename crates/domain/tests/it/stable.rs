//! What of a record is the same each time it is read.

use frontdesk_domain::RecordKind;
use frontdesk_domain::payload::stable;
use proptest::prelude::*;
use serde_json::Value;

use crate::strategies::{almost_json, json_object};

fn of(kind: RecordKind, line: &str) -> String {
    String::from_utf8(stable(kind, line.as_bytes()).always.into_owned()).unwrap()
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

#[test]
fn attributes_of_participants_are_told_apart() {
    let bare = r#"{"conversationId":"c","participants":[{"purpose":"customer"},{"purpose":"agent"}]}"#;
    for line in [
        r#"{"conversationId":"c","participants":[{"purpose":"customer","attributes":{"a":"1","b":{"attributes":{}}}},{"purpose":"agent"}]}"#,
        r#"{"conversationId":"c","participants":[{"attributes":{"a":"}"},"purpose":"customer"},{"purpose":"agent","attributes":{}}]}"#,
        r#"{"conversationId":"c","participants":[{"attributes" : {"a":"1"} ,"attributes":{"b":"2"},"purpose":"customer"},{"purpose":"agent"}]}"#,
        r#"{"conversationId":"c","participants":[{"purpose":"customer", "attributes":{"a":"1"},"attributes":null},{"purpose":"agent"}]}"#,
    ] {
        let told = stable(RecordKind::Details, line.as_bytes());
        assert_eq!(String::from_utf8_lossy(&told.always), bare, "{line}");
        assert!(told.sometimes.is_some(), "{line}");
        assert_eq!(of(RecordKind::Transcript, line), line);
    }
    // Nothing in them is nothing told; an object that is nothing else may be empty then.
    for (line, always) in [
        (r#"{"participants":[{"attributes":{ }},{"attributes":null}]}"#, r#"{"participants":[{},{}]}"#),
        (bare, bare),
    ] {
        let told = stable(RecordKind::Details, line.as_bytes());
        assert_eq!((&told.always[..], told.sometimes), (always.as_bytes(), None));
    }
}

#[test]
fn what_is_not_a_participants_is_no_matter_of_the_way() {
    for line in [
        r#"{"attributes":{"a":"1"}}"#,
        r#"{"participants":{"attributes":{"a":"1"}}}"#,
        r#"{"participants":[[{"attributes":{"a":"1"}}]]}"#,
        r#"{"participants":[{"attributes":"text"},{"attributes":["a"]}]}"#,
        r#"{"participants":[{"sessions":[{"attributes":{"a":"1"}}]}]}"#,
        r#"{"others":[{"attributes":{"a":"1"}}],"participants":[]}"#,
        r#"{"participants":[{"attributes":{"a":"1"}}]"#,
    ] {
        let told = stable(RecordKind::Details, line.as_bytes());
        assert_eq!((&told.always[..], told.sometimes), (line.as_bytes(), None));
    }
}

#[test]
fn versions_are_compared_by_what_both_tell() {
    let details = |customer: &str, agent: &str| {
        format!(r#"{{"participants":[{{"purpose":"customer"{customer}}},{{"purpose":"agent"{agent}}}]}}"#)
    };
    let a = r#","attributes":{"a":"1"}"#;
    let (bare, job, changed, moved) =
        (details("", ""), details(a, ""), details(&a.replace('1', "2"), ""), details("", a));
    let agree = |one: &str, other: &str| {
        let [one, other] = [one, other].map(|line| stable(RecordKind::Details, line.as_bytes()));
        assert_eq!(one.agrees_with(&other), other.agrees_with(&one));
        one.agrees_with(&other)
    };
    for one in [&job, &changed, &moved] {
        assert!(agree(&bare, one) && agree(one, one));
    }
    assert!(!agree(&job, &changed) && !agree(&job, &moved));
    assert!(!agree(&bare, &job.replace("agent", "acd")));
}

proptest! {
    /// Whatever it is: what is stable of it is stable, and JSON if it was.
    #[test]
    fn twice_is_once(line in prop_oneof![json_object().prop_map(|tokens| tokens.concat().into_bytes()).boxed(), almost_json().boxed()]) {
        for kind in [RecordKind::Transcript, RecordKind::Details] {
            let once = stable(kind, &line).always.into_owned();
            prop_assert_eq!(&stable(kind, &once).always[..], &once[..]);
            prop_assert_eq!(serde_json::from_slice::<Value>(&line).is_ok(), serde_json::from_slice::<Value>(&once).is_ok());
        }
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
