//! What is read out of a record, in its three forms.

use std::error::Error as _;

use frontdesk_domain::payload::{
    Facts, Searchable, carries_id, facts, has_attachment, metadata, metadata_values, read_details,
    searchable, take_details, transcript,
};
use frontdesk_domain::{RecordErrorKind, RecordKind, json};
use frontdesk_fixtures::{Bytes, Form, dialogues, dialogues_of};
use proptest::prelude::*;
use serde::Deserialize;
use serde_json::Value;

use crate::snapshot::{of_area, shown};
use crate::strategies::{almost_json, json_object, spaced};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Lines {
    kind: RecordKind,
    lines: Vec<Bytes>,
}

#[test]
fn cases() {
    let report = of_area::<Lines>("payload", |case| {
        case.body.lines.iter().flat_map(|line| report(case.body.kind, &line.to_vec())).collect()
    });
    insta::assert_snapshot!(report);
}

/// Everything that can be read out of a line; readers that overlap must agree.
fn report(kind: RecordKind, line: &[u8]) -> Vec<String> {
    let mut lines = vec![shown(line)];
    if kind == RecordKind::Details {
        let read = read_details(line);
        assert_eq!(take_details(line.to_vec()), read);
        match read {
            Ok((record, read)) => {
                assert_eq!(carries_id(kind, record.bytes()).as_ref(), Some(&record.key().id));
                assert_eq!(facts(kind, record.bytes()), read);
                lines.push(format!("  key         {}", shown(record.key().to_string().as_bytes())));
                if record.bytes() != line {
                    lines.push(format!("  bytes       {}", shown(record.bytes())));
                }
            }
            Err(error) => {
                assert_eq!(carries_id(kind, line), None);
                let cause = error.source().map(|cause| format!(": {cause}")).unwrap_or_default();
                lines.push(format!("  ! {error}{cause}"));
            }
        }
    } else {
        assert_eq!(carries_id(kind, line), None);
    }
    lines.extend(shown_facts(&facts(kind, line)));
    let said = transcript(kind, line);
    if !said.is_empty() {
        lines.push(format!("  transcript  {}", shown(said.as_bytes())));
    }
    if let Some(metadata) = metadata(kind, line) {
        lines.push(format!("  metadata    {}", shown(&metadata)));
    }
    lines
}

fn shown_facts(facts: &Facts) -> Vec<String> {
    let Facts { started_at, ended_at, media_type, direction, queue, agent, language } = facts;
    let times = [("started_at", started_at), ("ended_at", ended_at)];
    let texts = [
        ("media_type", media_type),
        ("direction", direction),
        ("queue", queue),
        ("agent", agent),
        ("language", language),
    ];
    let times = times.iter().filter_map(|(name, time)| time.map(|time| format!("  {name:<11} {time}")));
    let texts = texts.iter().filter_map(|(name, text)| {
        text.as_ref().map(|text| format!("  {name:<11} {}", shown(text.as_bytes())))
    });
    times.chain(texts).collect()
}

fn one_by_one(kind: RecordKind, line: &[u8]) -> Searchable {
    let (transcript, facts) = (transcript(kind, line), facts(kind, line));
    Searchable {
        transcript,
        facts,
        metadata: metadata_values(kind, line),
        attachment: has_attachment(kind, line),
    }
}

#[test]
fn a_file_is_seen_where_messages_have_files_and_nowhere_else() {
    let (details, transcript) = (RecordKind::Details, RecordKind::Transcript);
    for (kind, line, has) in [
        (details, r#"{"id":"c","messages":[{"text":"a"},{"attachments":[{"url":"x"}]}]}"#, true),
        (details, r#"{"id":"c","interactions":[{"attachments":["x"]}]}"#, true),
        (details, r#"{"id":"c","messages":[{"attachments":[]}]}"#, false),
        (details, r#"{"id":"c","messages":[{"attachments":{"attachments":[1]}}]}"#, false),
        (details, r#"{"id":"c","messages":[[{"attachments":[1]}]]}"#, false),
        (details, r#"{"id":"c","metadata":{"attachments":[1]},"attachments":[1]}"#, false),
        (details, r#"{"id":"c","transcript":"attachments"}"#, false),
        (RecordKind::History, r#"{"messages":[{"attachments":[1]}]}"#, true),
        (RecordKind::Media, r#"{"messages":[{"attachments":[1]}]}"#, false),
        (
            transcript,
            r#"{"entities":[{"normalizedMessage":{"content":[{"contentType":"Attachment"}]}}]}"#,
            true,
        ),
        (
            transcript,
            r#"{"entities":[{"normalizedMessage":{"content":[{"x":1},{"contentType":"Attachment"}]}}]}"#,
            true,
        ),
        (
            transcript,
            r#"{"entities":[{"normalizedMessage":{"content":[{"contentType":"QuickReply","attachment":{}}]}}]}"#,
            false,
        ),
        (
            transcript,
            r#"{"entities":[{"normalizedMessage":{"metadata":[{"contentType":"Attachment"}]}}]}"#,
            false,
        ),
        (transcript, r#"{"entities":[{"other":{"content":[{"contentType":"Attachment"}]}}]}"#, false),
        (
            transcript,
            r#"{"entities":[{"normalizedMessage":{"content":[{"contentType":["Attachment"]}]}}]}"#,
            false,
        ),
        (
            details,
            r#"{"conversationId":"c","participants":[{"sessions":[{"mediaCount":0},{"mediaCount":12}]}]}"#,
            true,
        ),
        (details, r#"{"conversationId":"c","participants":[{"sessions":[{"mediaCount":0}]}]}"#, false),
        (
            details,
            r#"{"conversationId":"c","participants":[{"sessions":[{"mediaCount":[1]},{"mediaCount":"1"}]}]}"#,
            false,
        ),
        (details, r#"{"conversationId":"c","participants":[{"attributes":[{"mediaCount":1}]}]}"#, false),
        (details, r#"{"conversationId":"c","sessions":[{"mediaCount":1}]}"#, false),
    ] {
        assert_eq!(has_attachment(kind, line.as_bytes()), has, "{line}");
    }
}

#[test]
fn a_transcript_of_50_mb_is_a_record() {
    let line =
        format!(r#"{{"id":"c-1","interactions":[{{"transcript":"{}"}}]}}"#, "guest: é ".repeat(5_000_000));
    let (record, _) = read_details(line.as_bytes()).unwrap();
    assert_eq!(record.bytes(), line.as_bytes());
    assert_eq!(transcript(RecordKind::Details, line.as_bytes()).len(), 50_000_000);
}

#[test]
fn a_hundred_thousand_levels_are_an_error_everywhere() {
    let line = format!(r#"{{"id":"c-1","x":{}"#, "[".repeat(100_000));
    let error = read_details(line.as_bytes()).unwrap_err();
    assert!(matches!(error.kind(), RecordErrorKind::Json(_)));
    assert_eq!(facts(RecordKind::Details, line.as_bytes()), Facts::default());
    assert_eq!(transcript(RecordKind::Details, line.as_bytes()), "");
    assert_eq!(metadata(RecordKind::Details, line.as_bytes()), None);
}

#[test]
fn compact_bytes_are_not_copied() {
    let line = br#"{"id":"c-1"}"#.to_vec();
    let at = line.as_ptr();
    let (record, _) = take_details(line).unwrap();
    assert_eq!(record.bytes().as_ptr(), at);
}

#[test]
fn our_dialogues_can_be_read() {
    for line in dialogues() {
        let (record, _) = read_details(line.as_bytes()).unwrap();
        assert_eq!(record.bytes(), line.as_bytes(), "they are compact as they are");
    }
    for line in dialogues_of(Form::Gateway).iter().chain(&dialogues_of(Form::Corpus)) {
        let facts = facts(RecordKind::Details, line.as_bytes());
        assert!(facts.started_at.is_some());
        assert!(facts.ended_at.is_none_or(|ended| ended > facts.started_at.unwrap()));
        assert!(!transcript(RecordKind::Details, line.as_bytes()).is_empty());
    }
}

/// The rules, over a tree of another reader: no spans, no machine.
mod model {
    use super::Value;

    pub(super) fn id(tree: &Value) -> Option<String> {
        let ids = ["id", "interactionId", "conversationId"];
        let id = ids.iter().filter_map(|key| tree.get(key)).find(|id| !id.is_null())?.as_str()?;
        (!id.is_empty() && id.len() <= 1_024).then(|| id.to_owned())
    }

    fn time(value: Option<&Value>) -> Option<frontdesk_domain::Timestamp> {
        value?.as_str()?.parse().ok()
    }

    pub(super) fn times(tree: &Value) -> [Option<frontdesk_domain::Timestamp>; 2] {
        let last = tree.get("messages").and_then(Value::as_array).and_then(|list| list.last());
        let last = last.and_then(|message| message.get("timestamp"));
        [
            time(tree.get("startTime")).or_else(|| time(tree.get("startedAt"))),
            time(tree.get("endTime")).or_else(|| time(last)),
        ]
    }

    pub(super) fn transcript(tree: &Value) -> String {
        let texts = |list: &str, member: &str| {
            let list = tree.get(list)?.as_array()?;
            let texts: Vec<&str> = list.iter().filter_map(|item| item.get(member)?.as_str()).collect();
            Some(texts.join("\n"))
        };
        texts("interactions", "transcript")
            .or_else(|| tree.get("transcript")?.as_str().map(str::to_owned))
            .or_else(|| texts("messages", "text"))
            .unwrap_or_default()
    }
}

/// Objects with the members that count, of the right and of other types.
fn conversation() -> impl Strategy<Value = Vec<String>> {
    let text = prop::sample::select(vec![
        "\"a\"",
        "\"\"",
        "\"\\u0062\\n\"",
        "\"京\"",
        "null",
        "7",
        "[]",
        "{}",
        "[\"x\"]",
        "{\"text\":\"deep\"}",
    ]);
    let time = prop::sample::select(vec![
        "\"2025-03-01T10:00:00Z\"",
        "\"2025-03-01T10:00:01.5+01:00\"",
        "\"2025-03-01T10:00:0\\u0030Z\"",
        "\"soon\"",
        "null",
        "7",
    ]);
    let member = |name: &'static str, value: BoxedStrategy<String>| {
        value.prop_map(move |value| format!("\"{name}\":{value}"))
    };
    let owned = |value: &'static str| value.to_owned();
    let leaf = move |name| member(name, text.clone().prop_map(owned).boxed());
    let times = move |name| member(name, time.clone().prop_map(owned).boxed());
    let item = prop_oneof![
        3 => prop::collection::vec(prop_oneof![leaf("transcript"), leaf("text"), leaf("t\\u0065xt"), times("timestamp"), leaf("other")], 0..4)
            .prop_map(|members| format!("{{{}}}", members.join(","))),
        1 => prop::sample::select(vec!["null", "7", "\"text\"", "[{\"text\":\"deep\"}]", "[\"timestamp\"]"]).prop_map(owned),
    ];
    let list = prop_oneof![
        3 => prop::collection::vec(item, 0..4).prop_map(|items| format!("[{}]", items.join(","))),
        1 => prop::sample::select(vec!["null", "{}", "\"x\"", "{\"text\":\"a\"}"]).prop_map(owned),
    ]
    .boxed();
    let any = prop_oneof![
        leaf("id"),
        leaf("interactionId"),
        leaf("conversationId"),
        leaf("transcript"),
        leaf("metadata"),
        leaf("queue"),
        times("startTime"),
        times("startedAt"),
        times("endTime"),
        member("interactions", list.clone()),
        member("messages", list.clone()),
        member("other", list.clone()),
        member("me\\u0073sages", list),
    ];
    prop::collection::vec(any, 0..8).prop_map(|members| vec![format!("{{{}}}", members.join(","))])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_024))]

    /// What the spans of one scan say is what a tree of the whole payload says.
    #[test]
    fn a_tree_says_the_same((line, compact) in prop_oneof![spaced(conversation()).boxed(), spaced(json_object()).boxed()]) {
        let Ok(tree) = serde_json::from_slice::<Value>(&line) else {
            // A lone surrogate, or a number past a double: the tree cannot hold it.
            return Ok(());
        };
        let read = read_details(&line);
        prop_assert_eq!(read.as_ref().ok().map(|(record, _)| record.key().id.to_string()), model::id(&tree));
        if let Ok((record, read)) = read {
            prop_assert_eq!(record.bytes(), &compact[..]);
            prop_assert_eq!(read, facts(RecordKind::Details, &compact));
        }
        let facts = facts(RecordKind::Details, &line);
        prop_assert_eq!([facts.started_at, facts.ended_at], model::times(&tree));
        prop_assert_eq!(facts.queue.as_deref(), tree.get("queue").and_then(Value::as_str));
        prop_assert_eq!(transcript(RecordKind::Details, &line), model::transcript(&tree));
        prop_assert_eq!(searchable(RecordKind::Details, &line), one_by_one(RecordKind::Details, &line));
        let metadata = metadata(RecordKind::Details, &line)
            .map(|span| serde_json::from_slice::<Value>(&span).unwrap());
        prop_assert_eq!(metadata.as_ref(), tree.get("metadata"));
    }

    #[test]
    fn nothing_fails_on_odd_bytes(bytes in prop_oneof![almost_json(), prop::collection::vec(any::<u8>(), 0..40)]) {
        let right = json::scan(&bytes).is_ok();
        for kind in RecordKind::ALL {
            prop_assert_eq!(searchable(kind, &bytes), one_by_one(kind, &bytes));
            let found = facts(kind, &bytes);
            prop_assert!(right || found == Facts::default());
            prop_assert!(right || transcript(kind, &bytes).is_empty());
        }
        prop_assert!(right || metadata(RecordKind::Details, &bytes).is_none());
        prop_assert!(right || read_details(&bytes).is_err());
        prop_assert_eq!(take_details(bytes.clone()), read_details(&bytes));
    }
}
