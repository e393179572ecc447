//! Whether a conversation matches a filter.

use std::borrow::Cow;
use std::cmp::Ordering;

use super::{Comparison, Field, Filter, Test, fold};
use crate::moment::Moment;

/// What a filter can see of a conversation.
pub(crate) trait Facts {
    /// The field's text, or nothing when the conversation lacks it.
    fn text(&self, field: &Field) -> Option<Cow<'_, str>>;
}

/// Whether `facts` satisfy the filter.
pub(crate) fn matches(filter: &Filter, facts: &impl Facts) -> bool {
    match filter {
        Filter::And(parts) => parts.iter().all(|part| matches(part, facts)),
        Filter::Or(parts) => parts.iter().any(|part| matches(part, facts)),
        Filter::Test(test) => holds(test, facts),
    }
}

/// A missing field matches only `neq` (§5); so does a time that cannot be read, for `gt` and `lt`.
fn holds(test: &Test, facts: &impl Facts) -> bool {
    let Some(text) = facts.text(&test.field) else {
        return matches!(test.comparison, Comparison::NotEqual(_));
    };
    match &test.comparison {
        Comparison::Equal(value) => *text == **value,
        Comparison::NotEqual(value) => *text != **value,
        Comparison::Less(value) => text.as_bytes() < value.as_bytes(),
        Comparison::Greater(value) => text.as_bytes() > value.as_bytes(),
        Comparison::Before(moment) => compare_times(&text, *moment) == Some(Ordering::Less),
        Comparison::After(moment) => compare_times(&text, *moment) == Some(Ordering::Greater),
        Comparison::Contains(needle) => contains_folded(&text, needle),
    }
}

fn compare_times(text: &str, moment: Moment) -> Option<Ordering> {
    text.parse::<Moment>().ok().map(|time| time.cmp(&moment))
}

fn contains_folded(text: &str, needle: &[char]) -> bool {
    let mut starts = text.chars();
    loop {
        let mut here = starts.clone().map(fold);
        if needle.iter().all(|wanted| here.next() == Some(*wanted)) {
            return true;
        }
        if starts.next().is_none() {
            return false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::filter::parse;
    use proptest::prelude::*;

    /// A conversation without an agent and with one metadata key.
    struct Sample;

    impl Facts for Sample {
        fn text(&self, field: &Field) -> Option<Cow<'_, str>> {
            Some(Cow::Borrowed(match field {
                Field::Type => "message",
                Field::Direction => "inbound",
                Field::StartTime => "2025-03-01T10:00:00Z",
                Field::EndTime => "2025-03-01T10:09:12.500Z",
                Field::Queue => "web_support",
                Field::Language => "İZMİR's",
                Field::Metadata(key) if key == "services" => "Hotels_1,Flights_2",
                Field::Agent | Field::Metadata(_) => return None,
            }))
        }
    }

    #[test]
    fn operators_and_case() {
        let table = [
            ("type eq 'message'", true),
            ("type eq 'Message'", false),
            ("type neq 'voice'", true),
            ("type neq 'message'", false),
            ("queue gt 'web'", true),
            ("queue gt 'web_support'", false),
            ("queue lt 'webx'", true),
            ("queue lt 'Web'", false),
            ("queue contains 'B_SUP'", true),
            ("queue contains ''", true),
            ("queue contains 'web_supports'", false),
            ("language contains 'izmir''S'", true),
            ("language eq 'İZMİR''s'", true),
            ("metadata.services contains 'flights_2'", true),
            ("metadata.services eq 'Hotels_1'", false),
            ("metadata.a/b.ü:\"c\" neq 'x'", true),
            // A missing field matches only neq.
            ("agent neq 'agent-1'", true),
            ("agent neq ''", true),
            ("agent eq ''", false),
            ("agent contains ''", false),
            ("agent gt ''", false),
            ("agent lt 'z'", false),
            ("metadata.Services neq 'x'", true),
            ("metadata.Services contains 'h'", false),
            // Times are compared as times by gt and lt, as texts by the others.
            ("startTime gt '2025-03-01T10:59:59+01:00'", true),
            ("startTime gt '2025-03-01T11:00:00+01:00'", false),
            ("startTime lt '2025-03-01T10:00:00.000000001Z'", true),
            ("startTime lt '2025-03-01T10:00:00Z'", false),
            ("endTime gt '2025-03-01T10:09:12.5Z'", false),
            ("endTime gt '2025-03-01T10:09:12.499999999Z'", true),
            ("startTime eq '2025-03-01T10:00:00Z'", true),
            ("startTime eq '2025-03-01T11:00:00+01:00'", false),
            ("startTime contains '-03-01t10'", true),
            // `and` binds tighter.
            ("type eq 'message' or type eq 'x' and type eq 'y'", true),
            ("(type eq 'message' or type eq 'x') and type eq 'y'", false),
            ("type eq 'y' and type eq 'x' or type eq 'message'", true),
            ("((type eq 'message'))", true),
            ("type\teq\n'message'", true),
            ("(type eq'message')and(direction eq 'inbound')", true),
        ];
        for (filter, expected) in table {
            assert_eq!(matches(&parse(filter).unwrap(), &Sample), expected, "{filter}");
        }
    }

    #[test]
    fn errors_name_their_column() {
        let deep = format!("{}type eq 'x'{}", "(".repeat(65), ")".repeat(65));
        let table = [
            ("", 1),
            ("   ", 4),
            ("colour eq 'red'", 1),
            ("Type eq 'x'", 1),
            ("metadata. eq 'x'", 1),
            ("type is 'x'", 6),
            ("type EQ 'x'", 6),
            ("type eq", 8),
            ("type eq x", 9),
            ("type eq \"x\"", 9),
            ("type eq 'x", 9),
            ("type eq 'x''", 9),
            ("type eq 'x' AND type eq 'y'", 13),
            ("type eq 'x' and", 16),
            ("type eq 'x' type eq 'y'", 13),
            ("(type eq 'x'", 1),
            ("type eq 'x')", 12),
            ("()", 2),
            ("queue eq 'é' & type eq 'x'", 14),
            ("startTime gt 'yesterday'", 14),
            ("startTime lt '2025-03-01'", 14),
            (deep.as_str(), 65),
        ];
        for (filter, column) in table {
            let error = parse(filter).unwrap_err();
            assert_eq!(error.column, column, "{filter}: {error}");
        }
    }

    proptest! {
        #[test]
        fn no_text_breaks_the_parser(text in "\\PC{0,60}") {
            let _ = parse(&text);
        }

        #[test]
        fn any_value_survives_quoting(value in "\\PC{0,20}") {
            let filter = parse(&format!("queue eq '{}'", value.replace('\'', "''"))).unwrap();
            prop_assert_eq!(filter, Filter::Test(Test { field: Field::Queue, comparison: Comparison::Equal(value) }));
        }
    }
}
