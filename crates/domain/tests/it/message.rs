//! Messages: read, compared, sorted; cases from files and properties over whole histories.

use std::collections::HashSet;

use frontdesk_domain::message::{
    Counts, HistoryTarget, Intake, Listing, Message, MessageKind, Order, StampFault, Trouble, TypeFilter,
    Verdict,
};
use frontdesk_domain::{HistoryPageSize, MaxDepth, Timestamp, Violation, json};
use frontdesk_fixtures::Bytes;
use proptest::prelude::*;
use serde::Deserialize;

use crate::snapshot::{of_area, shown};
use crate::strategies::{almost_json, timestamp};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct History {
    #[serde(default)]
    types: Vec<String>,
    pages: Vec<Vec<Bytes>>,
}

/// A history as the job takes it: page after page, ids remembered.
fn take(pages: &[Vec<Vec<u8>>], filter: &TypeFilter, lines: &mut Vec<String>) -> (Vec<Message>, Counts) {
    let (mut intake, mut kept, mut ids) = (Intake::default(), Vec::new(), HashSet::new());
    for page in pages {
        lines.push("page".to_owned());
        for entity in page {
            // What a checkpoint writes down is all there is to remember.
            let written = serde_json::to_string(&intake).unwrap();
            intake = serde_json::from_str(&written).unwrap();
            let message = match Message::read(entity.clone()) {
                Ok(message) => message,
                Err(error) => {
                    let finding = intake.reject(error);
                    lines.push(format!("  {}", serde_json::to_string(&finding).unwrap()));
                    continue;
                }
            };
            let taken = intake.take(&message, ids.insert(message.id().clone()), filter);
            lines.push(format!("  {:?} {:?} {}", taken.verdict, message.id(), message.kind()));
            if let Some(media) = message.media() {
                lines.push(format!("    media {} {:?}", media.url, media.name));
            }
            if let Some(finding) = taken.finding {
                lines.push(format!("    {}", serde_json::to_string(&finding).unwrap()));
            }
            if taken.verdict == Verdict::Kept {
                kept.push(message);
            }
        }
    }
    kept.sort_by_cached_key(Message::sort_key);
    (kept, intake.counts())
}

/// As a guest of the platform is shown it: no `timestamp`, and what the staff has in `normalizedMessage` is the message.
#[test]
fn a_guests_message_has_its_channels_time_and_the_type_of_its_content() {
    let read = |text: &str| Message::read(text.as_bytes().to_vec()).unwrap();
    let said = read(
        r#"{"id":"m","type":"Text","text":"Hi","channel":{"time":"2026-03-02T09:14:02.118Z"},"content":[]}"#,
    );
    assert_eq!(
        (said.kind(), said.sent_at()),
        (&MessageKind::Text, Ok("2026-03-02T09:14:02.118Z".parse().unwrap()))
    );
    let file = read(
        r#"{"id":"m","type":"Text","channel":{"time":null},"content":[{"contentType":"Attachment",
            "attachment":{"mediaType":"Image","url":"https://x/y","filename":"y.png"}}]}"#,
    );
    assert_eq!((file.kind(), file.sent_at()), (&MessageKind::Image, Err(StampFault::Missing)));
    assert_eq!(file.media().map(|media| media.name.as_str()), Some("y.png"));
    let pressed =
        r#"{"id":"m","type":"Structured","channel":{},"content":[{"contentType":"ButtonResponse"}]}"#;
    assert_eq!(read(pressed).kind(), &MessageKind::Button);
    assert_eq!(read(r#"{"id":"m","type":"Receipt","channel":{}}"#).kind().as_str(), "receipt");
    // With a timestamp of its own it is the gateway's, whatever else it has.
    let gateways = r#"{"id":"m","type":"sticker","timestamp":"2026-03-02T09:00:00Z","channel":{"time":"2020-01-01T00:00:00Z"},"content":[{"attachment":{}}]}"#;
    assert_eq!((read(gateways).kind().as_str(), read(gateways).sent_at().is_ok()), ("sticker", true));
    assert_eq!(read(gateways).sent_at().unwrap().to_string(), "2026-03-02T09:00:00Z");
}

#[test]
fn where_the_newest_comes_first_what_is_later_is_out_of_order_and_ties_are_not() {
    let mut intake = Intake::of(Listing::NewestFirst);
    let mut found = Vec::new();
    for (number, second) in [9, 7, 7, 8, 3].into_iter().enumerate() {
        let text = format!(r#"{{"id":"m-{number}","timestamp":"2026-03-02T09:00:0{second}Z"}}"#);
        let message = Message::read(text.into_bytes()).unwrap();
        // What a checkpoint writes down tells the order too.
        intake = serde_json::from_str(&serde_json::to_string(&intake).unwrap()).unwrap();
        found.extend(intake.take(&message, true, &TypeFilter::all()).finding);
    }
    assert_eq!(intake.counts().out_of_order, 1);
    let [finding] = &*found else { panic!("{found:?}") };
    assert_eq!(finding.index, 3);
    assert!(matches!(finding.trouble, Trouble::Order { order: Order::Backwards, .. }));
}

#[test]
fn cases() {
    let report = of_area::<History>("message", |case| {
        let filter = TypeFilter::of(case.body.types.iter().map(String::as_str)).unwrap();
        let pages: Vec<Vec<Vec<u8>>> =
            case.body.pages.iter().map(|page| page.iter().map(Bytes::to_vec).collect()).collect();
        let mut lines = Vec::new();
        let (kept, counts) = take(&pages, &filter, &mut lines);
        lines.push("sorted".to_owned());
        lines.extend(kept.iter().map(|message| format!("  {}", shown(message.bytes()))));
        lines.push(serde_json::to_string(&counts).unwrap());
        lines
    });
    insta::assert_snapshot!(report);
}

#[test]
fn the_three_ids_are_checked_together() {
    let refused = HistoryTarget::new("", "%2e.", "..").unwrap_err();
    let lines: Vec<String> = refused.iter().map(|found| format!("{} {}", found.path, found.rule)).collect();
    let expected = ["conversation_id id.dot_segment", "domain_id id.dot_segment", "organization_id id.empty"];
    assert_eq!(lines, expected);
    let long = HistoryTarget::new("o", "d", "x".repeat(1_025)).unwrap_err();
    assert_eq!(long.iter().next().unwrap().rule, "id.length");
    let line = r#"{"organization_id":"o","domain_id":"d/e","conversation_id":"c-1"}"#;
    let target: HistoryTarget = serde_json::from_str(line).unwrap();
    assert_eq!((target.path().as_str(), target.conversation().as_str()), ("o/d%2Fe/c-1", "c-1"));
    assert_eq!(serde_json::to_string(&target).unwrap(), line);
    let misspelt = r#"{"organization_id":"o","domain_id":"d","conversationId":"c-1"}"#;
    assert!(serde_json::from_str::<HistoryTarget>(misspelt).is_err());
}

#[test]
fn pages_hold_one_to_fifty_messages_and_there_is_at_least_one() {
    for (size, right) in
        [(0, false), (1, true), (50, true), (51, false), (256 + 50, false), (u64::MAX, false)]
    {
        assert_eq!(HistoryPageSize::new(size).is_ok(), right, "{size}");
    }
    for (depth, right) in [(0, false), (1, true), (u64::from(u32::MAX), true), (u64::MAX, false)] {
        assert_eq!(MaxDepth::new(depth).is_ok(), right, "{depth}");
    }
    assert_eq!((HistoryPageSize::default().get(), MaxDepth::default().get()), (50, 1_000));
    for text in ["", "+", "5.0", "-1", "fifty"] {
        assert!(text.parse::<HistoryPageSize>().is_err() && text.parse::<MaxDepth>().is_err(), "{text}");
    }
    let rule = |error| Violation::from(error).rule;
    assert_eq!(rule(HistoryPageSize::new(51).unwrap_err()), "page_size.range");
    assert_eq!(rule(MaxDepth::new(0).unwrap_err()), "max_depth.range");
}

#[test]
fn nothing_of_a_message_is_shown() {
    let message = Message::read(
        br#"{"id":"m-1","text":"my card is 4111","media":{"url":"https://x/?sig=secret","name":"me.png"}}"#
            .to_vec(),
    );
    let shown = format!("{:?}", message.unwrap());
    assert!(!shown.contains("4111") && !shown.contains("secret") && !shown.contains("me.png"), "{shown}");
}

/// A message of few ids, times and types, so that all of them collide.
fn entity() -> impl Strategy<Value = Vec<u8>> {
    let time = prop_oneof![
        8 => (0..6_i64).prop_map(|second| Timestamp::from_micros(second * 1_000_000).unwrap().to_string()),
        1 => timestamp().prop_map(|time| time.to_string()),
        1 => Just("soon".to_owned()),
    ];
    let kind = prop::sample::select(vec!["text", "IMAGE", "sticker", ""]);
    prop_oneof![
        12 => (0..12_u8, time, kind).prop_map(|(id, time, kind)| {
            format!(r#"{{"id":"m-{id}","type":"{kind}","timestamp":"{time}"}}"#).into_bytes()
        }),
        1 => Just(b"{}".to_vec()),
    ]
}

fn pages() -> impl Strategy<Value = Vec<Vec<Vec<u8>>>> {
    prop::collection::vec(prop::collection::vec(entity(), 0..8), 0..6)
}

proptest! {
    #[test]
    fn every_message_is_counted_and_every_id_kept_once(pages in pages(), filtered in any::<bool>()) {
        let filter = if filtered { TypeFilter::of(["Image", "STICKER"]).unwrap() } else { TypeFilter::all() };
        let (kept, counts) = take(&pages, &filter, &mut Vec::new());
        let all = pages.iter().flatten();
        prop_assert_eq!(counts.fetched, all.clone().count() as u64);
        prop_assert_eq!(counts.fetched, counts.kept + counts.filtered + counts.duplicates + counts.rejected);
        prop_assert_eq!(counts.kept, kept.len() as u64);
        // First come, first kept, byte for byte.
        let mut first = std::collections::HashMap::new();
        for message in all.filter_map(|entity| Message::read(entity.clone()).ok()) {
            first.entry(message.id().clone()).or_insert(message);
        }
        first.retain(|_, message| filter.keeps(message.kind()));
        prop_assert_eq!(first.len(), kept.len());
        prop_assert!(kept.iter().all(|message| first[message.id()] == *message));
        prop_assert!(kept.is_sorted_by_key(Message::sort_key));
        let readable = kept.iter().position(|message| message.sent_at().is_err()).unwrap_or(kept.len());
        prop_assert!(kept[readable..].iter().all(|message| message.sent_at().is_err()), "unreadable ones are last");
    }

    /// Where pages end changes nothing; without duplicates the findings are what a walk over neighbours finds.
    #[test]
    fn a_finding_is_a_message_that_is_not_later_than_its_neighbour(times in prop::collection::vec(0..5_i64, 0..30), cut in 0..30_usize) {
        let entities: Vec<Vec<u8>> = times.iter().enumerate().map(|(number, second)| {
            let time = Timestamp::from_micros(second * 1_000_000).unwrap();
            format!(r#"{{"id":"m-{number}","type":"text","timestamp":"{time}"}}"#).into_bytes()
        }).collect();
        let (one, two) = entities.split_at(cut.min(entities.len()));
        let mut intake = Intake::default();
        let mut found = Vec::new();
        for entity in one.iter().chain(two) {
            let message = Message::read(entity.clone()).unwrap();
            found.extend(intake.take(&message, true, &TypeFilter::all()).finding);
        }
        let expected: Vec<(u64, Order)> = times.windows(2).zip(1..).filter_map(|(pair, index)| match pair[1].cmp(&pair[0]) {
            std::cmp::Ordering::Greater => None,
            std::cmp::Ordering::Equal => Some((index, Order::Equal)),
            std::cmp::Ordering::Less => Some((index, Order::Backwards)),
        }).collect();
        let found: Vec<(u64, Order)> = found.into_iter().filter_map(|finding| match finding.trouble {
            Trouble::Order { order, .. } => Some((finding.index, order)),
            _ => None,
        }).collect();
        prop_assert_eq!(intake.counts().out_of_order, found.len() as u64);
        prop_assert_eq!(found, expected);
        let count = |cut: usize| {
            let (one, two) = entities.split_at(cut.min(entities.len()));
            let mut lines = Vec::new();
            let pages = [one.to_vec(), two.to_vec()];
            let (_, counts) = take(&pages, &TypeFilter::all(), &mut lines);
            lines.retain(|line| line != "page");
            (lines, counts)
        };
        prop_assert_eq!(count(cut), count(0));
    }

    #[test]
    fn any_bytes_are_a_message_or_an_error(bytes in prop_oneof![almost_json(), prop::collection::vec(any::<u8>(), 0..60)]) {
        if let Ok(message) = Message::read(bytes.clone()) {
            let compact = json::compact(&bytes).unwrap();
            prop_assert_eq!(message.bytes(), &*compact);
            prop_assert_eq!(&Message::read(message.bytes().to_vec()).unwrap(), &message);
        }
    }

    #[test]
    fn a_type_is_what_it_is_called(name in "[a-zA-Z]{0,8}|Text|IMAGE|file|BUTTON") {
        let kind = MessageKind::read(&name);
        prop_assert!(kind.as_str().eq_ignore_ascii_case(&name));
        if let Ok(filter) = TypeFilter::of([name.as_str()]) {
            prop_assert!(filter.keeps(&kind) && filter.keeps(&MessageKind::read(&name.to_uppercase())));
        } else {
            prop_assert!(name.is_empty());
        }
    }
}

/// A message of the platform says its type and its file in a member of its own (platform contract C.4.3, D.1).
#[test]
fn a_message_of_the_platform_is_of_the_type_of_its_content() {
    let read = |normalized: serde_json::Value| {
        let entity = serde_json::json!({"id": "m", "timestamp": "2026-03-02T09:14:02.118Z", "normalizedMessage": normalized});
        Message::read(entity.to_string().into_bytes()).unwrap()
    };
    let attachment = |media: &str| {
        serde_json::json!({"type": "Text", "content": [{"contentType": "Attachment",
            "attachment": {"mediaType": media, "url": "https://x/y?s=1", "filename": "a.png"}}]})
    };
    for (normalized, kind) in [
        (serde_json::json!({"type": "Text", "text": "hello"}), MessageKind::Text),
        (
            serde_json::json!({"type": "Structured", "content": [{"contentType": "QuickReply"}]}),
            MessageKind::Button,
        ),
        (serde_json::json!({"type": "Event", "content": null}), MessageKind::Other("event".into())),
        (attachment("Image"), MessageKind::Image),
        (attachment("Video"), MessageKind::File),
        (serde_json::json!({}), MessageKind::Other("".into())),
        (serde_json::json!({"type": 7, "content": "none"}), MessageKind::Other("".into())),
    ] {
        assert_eq!(read(normalized.clone()).kind(), &kind, "{normalized}");
    }
    let media = read(attachment("Image"));
    let media = media.media().unwrap();
    assert_eq!((media.url.as_str(), media.name.as_str()), ("https://x/y?s=1", "a.png"));
}
