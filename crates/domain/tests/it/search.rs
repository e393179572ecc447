//! The query language: cases from files, and properties.

use frontdesk_domain::Query;
use frontdesk_domain::query::{
    Document, Expr, Field, FieldName, HAS_ATTACHMENT, IS_CHANGED, IS_DAMAGED, IS_HELD, IS_PROVISIONAL,
    MAX_BYTES, MAX_DEPTH, MAX_TERMS, Words,
};
use proptest::prelude::*;
use serde::Deserialize;

use crate::snapshot::{of_area, shown};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Queries {
    queries: Vec<String>,
    /// Conversations that each query is compared with.
    #[serde(default)]
    documents: Vec<serde_json::Value>,
}

#[test]
fn cases() {
    let report = of_area::<Queries>("search", |case| {
        let documents: Vec<(String, Vec<u8>)> = case
            .body
            .documents
            .iter()
            .map(|value| (value["id"].as_str().unwrap().to_owned(), serde_json::to_vec(value).unwrap()))
            .collect();
        let mut lines = Vec::new();
        for text in &case.body.queries {
            lines.push(shown(text.as_bytes()));
            match text.parse::<Query>() {
                Ok(query) => {
                    lines.push(format!("  = {}", shown(query.to_string().as_bytes())));
                    let found: Vec<&str> = documents
                        .iter()
                        .filter(|(_, bytes)| query.matches(&Document::new(bytes)))
                        .map(|(id, _)| id.as_str())
                        .collect();
                    if !documents.is_empty() {
                        lines.push(format!("    finds {found:?}"));
                    }
                }
                Err(error) => {
                    assert!((1..=text.chars().count() + 1).contains(&error.column), "{text:?}: {error:?}");
                    lines.push(format!("  ! {error}"));
                    lines.push(format!("    {}", error.hint));
                }
            }
        }
        lines
    });
    insta::assert_snapshot!(report);
}

#[test]
fn limits_are_told_at_once() {
    let words = |count: usize| "a ".repeat(count);
    assert!(words(MAX_TERMS).parse::<Query>().is_ok());
    assert_eq!(words(MAX_TERMS + 1).parse::<Query>().unwrap_err().column, 2 * MAX_TERMS + 1);
    for open in ["(", "NOT ", "-("] {
        let nested = |depth: usize| {
            format!("b {}a{}", open.repeat(depth), ")".repeat(open.matches('(').count() * depth))
        };
        let most = MAX_DEPTH / (open.len() - usize::from(open == "NOT ") * 3);
        assert!(nested(most).parse::<Query>().is_ok(), "{open}");
        assert!(nested(most + 1).parse::<Query>().is_err(), "{open}");
    }
    let long = "ä".repeat(MAX_BYTES / 2);
    assert!(long.parse::<Query>().is_ok());
    assert_eq!(format!("{long}b").parse::<Query>().unwrap_err().column, MAX_BYTES / 2 + 1);
    assert_eq!("(".repeat(1 << 20).parse::<Query>().unwrap_err().column, MAX_BYTES + 1);
}

fn expr() -> impl Strategy<Value = Expr> {
    let words = ("[a-cäé東京 ,.-]{1,6}", any::<bool>())
        .prop_filter_map("no words", |(text, prefix)| Words::new(&text, prefix))
        .prop_map(Expr::Words);
    let name = prop_oneof![
        Just(FieldName::Type),
        Just(FieldName::Queue),
        Just(FieldName::Agent),
        Just(FieldName::Direction),
        Just(FieldName::Language),
        "[a-z.:* \"()\\n]{0,4}".prop_map(FieldName::Metadata),
    ];
    let field =
        (name, "[a-zÉ:*\" ()“\\n-]{0,5}").prop_map(|(name, value)| Expr::Field(Field::new(name, &value)));
    let known = prop_oneof![
        Just(Field::new(FieldName::Has, HAS_ATTACHMENT)),
        Just(Field::new(FieldName::Is, IS_HELD)),
        Just(Field::new(FieldName::Is, IS_CHANGED)),
        Just(Field::new(FieldName::Is, IS_PROVISIONAL)),
        Just(Field::new(FieldName::Is, IS_DAMAGED)),
    ];
    let from = (0_i64..1_000)
        .prop_map(|n| Expr::From(frontdesk_domain::Timestamp::from_micros(n * 86_400_000_000).unwrap()));
    let leaf = prop_oneof![4 => words, 2 => field, 1 => known.prop_map(Expr::Field), 1 => from];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 1..4).prop_map(Expr::All),
            proptest::collection::vec(inner.clone(), 1..4).prop_map(Expr::Any),
            inner.prop_map(|expr| Expr::Not(Box::new(expr))),
        ]
    })
}

/// What lists in lists and double negations come to.
fn flattened(expr: &Expr) -> Expr {
    let (list, all) = match expr {
        Expr::Not(inner) => {
            return match flattened(inner) {
                Expr::Not(twice) => *twice,
                other => Expr::Not(Box::new(other)),
            };
        }
        Expr::All(list) => (list, true),
        Expr::Any(list) => (list, false),
        leaf => return leaf.clone(),
    };
    let mut flat = Vec::new();
    for item in list.iter().map(flattened) {
        match (item, all) {
            (Expr::All(inner), true) | (Expr::Any(inner), false) => flat.extend(inner),
            (other, _) => flat.push(other),
        }
    }
    match (flat.len(), all) {
        (1, _) => flat.remove(0),
        (_, true) => Expr::All(flat),
        (_, false) => Expr::Any(flat),
    }
}

/// Lists of one and double negations leave no trace in the text, and what is in them needs its parentheses all the same.
#[test]
fn an_or_inside_a_list_of_one_or_two_negations_keeps_its_parentheses() {
    let word = |text: &str| Expr::Words(Words::new(text, false).unwrap());
    let either = Expr::Any(vec![word("b"), word("c")]);
    let negated_twice = Expr::Not(Box::new(Expr::Not(Box::new(either.clone()))));
    for inner in [Expr::Any(vec![either.clone()]), Expr::All(vec![either.clone()]), negated_twice] {
        let query = Query::new(&Expr::All(vec![word("a"), inner])).unwrap();
        assert_eq!(query.to_string(), "a (b OR c)");
    }
}

#[test]
fn how_it_stands_in_the_archive_is_said_from_outside() {
    let found = |query: &str, document: Document<'_>| query.parse::<Query>().unwrap().matches(&document);
    let document = || Document::new(br#"{"id":"c","messages":[{"text":"hi","attachments":[1]}]}"#);
    assert!(found("has:attachment", document()) && !found("hi -has:ATTACHMENT", document()));
    assert!(!found("is:held OR is:changed", document()));
    assert!(found("is:held -is:changed", document().held(true)));
    assert!(found("is:changed", document().version(2)) && !found("is:changed", document().version(1)));
    assert!(found("is:provisional -is:held", document().provisional(true)));
    assert!(!found("is:provisional", document().held(true).version(2)));
    assert!(found("is:damaged -is:held", document().damaged(true)));
    assert!(!found("is:damaged", document().held(true).version(2).provisional(true)));
    // Of what cannot be read nothing is known but its start.
    let began = "2025-03-01T10:00:00Z".parse().unwrap();
    let unread = || Document::unread(Some(began)).damaged(true);
    assert!(found("is:damaged date:2025-03-01 -queue:web", unread()));
    assert!(!found("is:damaged date:2025-03-02", unread()) && !found("is:damaged hello", unread()));
}

/// A period is written as its two borders: what was read can be read again, whatever the limits.
#[test]
fn a_period_keeps_to_the_limits_of_what_it_is_short_for() {
    let dates = |count: usize| vec!["date:2025"; count].join(" OR ");
    let query: Query = dates(MAX_TERMS / 2).parse().unwrap();
    assert_eq!(query.to_string().parse::<Query>().unwrap(), query);
    assert!(dates(MAX_TERMS / 2 + 1).parse::<Query>().is_err());
    // Each level is a minus and a parenthesis that changes something; a negated period would be one parenthesis more.
    let nested =
        |levels: usize, inner: &str| format!("{}{inner}{}", "a -(b ".repeat(levels), ")".repeat(levels));
    let deepest = nested(MAX_DEPTH / 2 - 1, "-date:2025").parse::<Query>().unwrap();
    assert_eq!(deepest.to_string().parse::<Query>().unwrap(), deepest);
    assert!(nested(MAX_DEPTH / 2, "date:2025").parse::<Query>().is_err());
}

proptest! {
    #[test]
    fn what_is_written_is_read(expr in expr()) {
        let text = expr.to_string();
        match Query::new(&expr) {
            Ok(query) => {
                prop_assert_eq!(query.expr(), &flattened(&expr), "{}", text);
                let again: Query = query.to_string().parse().unwrap();
                prop_assert_eq!(&again, &query);
                prop_assert_eq!(again.to_string(), query.to_string());
            }
            Err(error) => prop_assert!(error.message.contains("must not be there"), "{}: {}", text, error),
        }
    }

    #[test]
    fn any_text_is_read_or_refused(text in prop_oneof![
        any::<String>(),
        "(type:|queue:x|is:held|has:|date:2025-03|from:2025-01-01|to:2024-01-01|AND|OR|NOT|-|a|b\\*|\"|\\(|\\)|metadata\\.x:|\\*| ){0,14}",
    ]) {
        match text.parse::<Query>() {
            Ok(query) => {
                let again: Query = query.to_string().parse().unwrap();
                prop_assert_eq!(again, query);
            }
            Err(error) => {
                prop_assert!((1..=text.chars().count() + 1).contains(&error.column), "{:?}", error);
                prop_assert!(!error.message.is_empty() && !error.hint.is_empty());
                prop_assert!(!error.message.contains(char::is_control));
            }
        }
    }

    /// The laws that everybody expects of AND, OR and NOT.
    #[test]
    fn joining_is_what_it_says(one in expr(), other in expr(), text in "[a-cäé東京 ,.]{0,8}") {
        let line = serde_json::to_vec(&serde_json::json!({"id": "c", "transcript": text, "queue": "a"})).unwrap();
        let document = Document::new(&line);
        let finds = |expr: &Expr| {
            // Something positive that finds everything, so that no negation stands alone.
            let all = Expr::Any(vec![Expr::Field(Field::new(FieldName::Queue, "a")), expr.clone()]);
            let query = Query::new(&Expr::All(vec![all, expr.clone()]));
            query.is_ok_and(|query| query.matches(&document))
        };
        let not = |expr: &Expr| Expr::Not(Box::new(expr.clone()));
        let (a, b) = (finds(&one), finds(&other));
        prop_assert_eq!(finds(&Expr::All(vec![one.clone(), other.clone()])), a && b);
        prop_assert_eq!(finds(&Expr::Any(vec![one.clone(), other.clone()])), a || b);
        prop_assert_eq!(finds(&not(&one)), !a);
        prop_assert_eq!(finds(&not(&Expr::All(vec![one.clone(), other.clone()]))), finds(&Expr::Any(vec![not(&one), not(&other)])));
    }
}
