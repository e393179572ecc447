//! Filters on the platform: how they are taken apart, and that the parts together mean what the filter does.

use std::fmt::Write as _;

use frontdesk_domain::filter::platform::{DimensionFilter, Parts, matches, needs_attributes};
use frontdesk_domain::filter::{Comparison, Expr, Field, Filter, MetadataKey, Op};
use frontdesk_domain::{TimeRange, Timestamp};
use proptest::prelude::*;
use proptest::sample::select;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::snapshot::of_area;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    filters: Vec<String>,
}

#[test]
fn cases() {
    let report = of_area::<Case>("filter-platform", |case| {
        let mut lines = Vec::new();
        for text in &case.body.filters {
            let filter: Filter = text.parse().unwrap();
            let parts = Parts::of(filter.expr());
            lines.push(format!("`{text}`"));
            for (level, filters) in [("conversation", &parts.conversation), ("segment", &parts.segment)] {
                for filter in filters {
                    lines.push(format!("  {level} {}", serde_json::to_string(filter).unwrap()));
                }
            }
            let mut rest = parts.rest.map_or_else(|| "nothing".to_owned(), |rest| rest.to_string());
            for (name, time) in [("after", parts.after), ("before", parts.before)] {
                time.into_iter().for_each(|time| write!(rest, "; {name} {time}").unwrap());
            }
            let attributes = if needs_attributes(filter.expr()) { "; needs attributes" } else { "" };
            lines.push(format!("  here {rest}{attributes}"));
        }
        lines
    });
    insta::assert_snapshot!(report);
}

/// What the platform does with a filter, by the contract's words and not by ours: some segment of the conversation, with what
/// its session and participant add to it, has a value that matches whole.
fn server_takes(conversation: &Value, level: &str, filter: &DimensionFilter) -> bool {
    let empty = Vec::new();
    let array = |value: &Value, name: &str| value[name].as_array().unwrap_or(&empty).clone();
    filter.predicates().iter().any(|predicate| {
        let is = |value: &Value| value[predicate.dimension] == predicate.value.as_str();
        if level == "conversation" {
            return is(conversation);
        }
        array(conversation, "participants").iter().any(|participant| {
            is(participant)
                || array(participant, "sessions")
                    .iter()
                    .any(|session| is(session) || array(session, "segments").iter().any(is))
        })
    })
}

/// Few values, so that filters and conversations often meet.
fn value() -> impl Strategy<Value = String> {
    select(vec!["a", "b", "A", "ab"]).prop_map(str::to_owned)
}

fn hour() -> impl Strategy<Value = Timestamp> {
    (0..72_i128)
        .prop_map(|hour| Timestamp::from_nanos((1_740_787_200 + hour * 3_600) * 1_000_000_000).unwrap())
}

fn comparison() -> impl Strategy<Value = Expr> {
    let key = |name| Field::Metadata(MetadataKey::new(name).unwrap());
    let fields = vec![
        Field::Type,
        Field::Direction,
        Field::StartTime,
        Field::EndTime,
        Field::Queue,
        Field::Agent,
        Field::Language,
        key("externalTag"),
        key("messageType"),
        key("source"),
    ];
    let ops = vec![Op::Eq, Op::Eq, Op::Neq, Op::Gt, Op::Lt, Op::Contains];
    (select(fields), select(ops), value(), hour()).prop_map(|(field, op, value, hour)| {
        let value = if field.is_time() { hour.to_string() } else { value };
        Expr::Comparison(Comparison { field, op, value })
    })
}

fn expr() -> impl Strategy<Value = Expr> {
    comparison().prop_recursive(4, 20, 4, |inner| {
        let list = prop::collection::vec(inner, 1..4);
        prop_oneof![list.clone().prop_map(Expr::All), list.prop_map(Expr::Any)]
    })
}

fn conversation() -> impl Strategy<Value = Value> {
    let maybe = || prop::option::of(value());
    let segment = (maybe(), maybe())
        .prop_map(|(queue, language)| json!({"queueId": queue, "requestedLanguageId": language}));
    let session = (maybe(), maybe(), prop::collection::vec(segment, 0..3)).prop_map(
        |(medium, message, segments)| json!({"mediaType": medium, "messageType": message, "segments": segments}),
    );
    let participant = (maybe(), maybe(), prop::collection::vec(session, 0..3)).prop_map(
        |(user, source, sessions)| json!({"userId": user, "attributes": {"source": source}, "sessions": sessions}),
    );
    let times = (hour(), prop::option::of(hour()));
    (times, maybe(), maybe(), prop::collection::vec(participant, 0..3)).prop_map(
        |((start, end), direction, tag, participants)| {
            json!({"conversationId": "c-1", "conversationStart": start, "conversationEnd": end,
                "originatingDirection": direction, "externalTag": tag, "participants": participants})
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4_000, ..ProptestConfig::default() })]

    #[test]
    fn what_the_platform_takes_and_what_is_looked_at_here_is_what_was_meant(expr in expr(), conversation in conversation()) {
        let parts = Parts::of(&expr);
        let range = TimeRange::new("2025-02-01T00:00:00Z".parse().unwrap(), "2025-04-01T00:00:00Z".parse().unwrap()).unwrap();
        let start: Timestamp = conversation["conversationStart"].as_str().unwrap().parse().unwrap();
        // Whole days are matched: a conversation of the interval's first day comes although it began before it.
        let in_interval = parts.narrowed(range).is_some_and(|range| {
            range.from().start_of_day() <= start && start < range.to()
        });
        let server = in_interval
            && parts.conversation.iter().all(|filter| server_takes(&conversation, "conversation", filter))
            && parts.segment.iter().all(|filter| server_takes(&conversation, "segment", filter));
        let here = parts.rest.as_ref().is_none_or(|rest| matches(rest, &conversation));
        prop_assert_eq!(server && here, matches(&expr, &conversation), "{}", expr);
    }

    #[test]
    fn a_filter_that_needs_no_attributes_means_the_same_without_them(expr in expr(), conversation in conversation()) {
        let mut bare = conversation.clone();
        for participant in bare["participants"].as_array_mut().unwrap() {
            participant.as_object_mut().unwrap().remove("attributes");
        }
        if !needs_attributes(&expr) {
            prop_assert_eq!(matches(&expr, &bare), matches(&expr, &conversation));
        }
    }
}

#[test]
fn what_is_of_another_shape_matches_only_neq() {
    let filter = |text: &str| text.parse::<Filter>().unwrap();
    for strange in [
        json!({}),
        json!({"participants": null, "originatingDirection": null}),
        json!({"participants": {"userId": "a"}, "originatingDirection": 7, "conversationStart": "soon"}),
        json!({"participants": [7, {"sessions": "none"}, {"attributes": []}]}),
    ] {
        for field in ["type", "direction", "queue", "agent", "language", "metadata.source"] {
            assert!(matches(filter(&format!("{field} neq 'a'")).expr(), &strange), "{field} {strange}");
            assert!(!matches(filter(&format!("{field} eq 'a'")).expr(), &strange), "{field} {strange}");
        }
        assert!(!matches(filter("startTime gt '2020-01-01T00:00:00Z'").expr(), &strange));
    }
}
