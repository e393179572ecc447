//! The filter grammar: cases from files, and properties.

use frontdesk_domain::Filter;
use frontdesk_domain::filter::{Expr, MAX_BYTES, MAX_DEPTH};
use frontdesk_fixtures::Bytes;
use proptest::prelude::*;
use serde::Deserialize;

use crate::snapshot::{of_area, shown};
use crate::strategies::expr;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Filters {
    filters: Vec<Bytes>,
}

#[test]
fn cases() {
    let report = of_area::<Filters>("filter", |case| {
        let mut lines = Vec::new();
        for bytes in &case.body.filters {
            let text = String::from_utf8(bytes.to_vec()).unwrap();
            lines.push(shown(text.as_bytes()));
            match text.parse::<Filter>() {
                Ok(filter) => {
                    assert_eq!(filter.as_str(), text);
                    lines.push(format!("  = {}", shown(filter.to_string().as_bytes())));
                }
                Err(error) => {
                    assert!(
                        error.column >= 1 && error.column <= text.chars().count() + 1,
                        "{text:?}: {error:?}"
                    );
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
fn serde_uses_the_source_and_its_check() {
    let filter: Filter = serde_json::from_str(r#""type  eq 'a'""#).unwrap();
    assert_eq!(serde_json::to_string(&filter).unwrap(), r#""type  eq 'a'""#);
    assert!(serde_json::from_str::<Filter>(r#""type""#).is_err());
}

#[test]
fn an_empty_list_says_nothing() {
    let one: Filter = "type eq 'a'".parse().unwrap();
    let nested = Expr::All(vec![one.expr().clone(), Expr::Any(Vec::new())]);
    assert!(Filter::new(&nested).is_err());
    assert!(Filter::new(&Expr::Any(Vec::new())).is_err());
    let single = Expr::All(vec![Expr::Any(vec![one.expr().clone()])]);
    assert_eq!(Filter::new(&single).unwrap().expr(), one.expr());
}

/// The deepest filter there may be takes no more stack than a test thread has, and neither does a longer one.
#[test]
fn hostile_nesting_ends_as_an_error() {
    let nested = |depth: usize| format!("{}type eq 'a'{}", "(".repeat(depth), ")".repeat(depth));
    assert!(nested(MAX_DEPTH).parse::<Filter>().is_ok());
    assert_eq!(nested(MAX_DEPTH + 1).parse::<Filter>().unwrap_err().column, MAX_DEPTH + 1);
    assert_eq!("(".repeat(1_000_000).parse::<Filter>().unwrap_err().column, MAX_BYTES + 1);
}

/// What `joined` lists in lists say: parts of a list of the same sort are parts of the list.
fn flattened(expr: &Expr) -> Expr {
    let (list, all) = match expr {
        Expr::Comparison(_) => return expr.clone(),
        Expr::All(list) => (list, true),
        Expr::Any(list) => (list, false),
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

proptest! {
    #[test]
    fn what_is_written_is_read(expr in expr()) {
        prop_assume!(expr.to_string().len() <= MAX_BYTES);
        let filter = Filter::new(&expr).unwrap();
        prop_assert_eq!(filter.expr(), &flattened(&expr));
        let again: Filter = filter.to_string().parse().unwrap();
        prop_assert_eq!(again.expr(), filter.expr());
        prop_assert_eq!(again.to_string(), filter.to_string());
    }

    /// No pair of parentheses in canonical text can go without changing what it says.
    #[test]
    fn parentheses_are_few(expr in expr()) {
        prop_assume!(expr.to_string().len() <= MAX_BYTES);
        let filter = Filter::new(&expr).unwrap();
        let text = filter.to_string();
        for (open, close) in pairs(&text) {
            let mut without = text.clone();
            without.remove(close);
            without.remove(open);
            let read = without.parse::<Filter>();
            prop_assert!(read.is_err() || read.unwrap().expr() != filter.expr(), "{}", text);
        }
    }

    #[test]
    fn any_text_is_read_or_refused(text in prop_oneof![
        any::<String>(),
        "(type|queue|and|or|eq|'a'|\\(|\\)|''|metadata\\.x| ){0,12}",
    ]) {
        match text.parse::<Filter>() {
            Ok(filter) => {
                let again: Filter = filter.to_string().parse().unwrap();
                prop_assert_eq!(again.expr(), filter.expr());
                prop_assert!(filter.to_string().len() <= text.len());
            }
            Err(error) => {
                prop_assert!((1..=text.chars().count() + 1).contains(&error.column));
                prop_assert!(!error.message.is_empty() && !error.hint.is_empty());
                prop_assert!(!error.message.contains(char::is_control));
            }
        }
    }
}

/// Where the parentheses outside of values are, each opening one with its closing one.
fn pairs(text: &str) -> Vec<(usize, usize)> {
    let (mut open, mut pairs, mut quoted) = (Vec::new(), Vec::new(), false);
    for (at, character) in text.char_indices() {
        match character {
            '\'' => quoted = !quoted,
            '(' if !quoted => open.push(at),
            ')' if !quoted => pairs.push((open.pop().unwrap(), at)),
            _ => {}
        }
    }
    pairs
}
