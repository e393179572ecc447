//! Everything that is wrong, at once, in a stable order.

use frontdesk_domain::{Collector, PageSize, Violation, Violations};
use proptest::prelude::*;

#[test]
fn nothing_noted_is_no_error() {
    assert_eq!(Collector::new().finish(), Ok(()));
    assert!(Collector::new().is_empty());
}

#[test]
fn paths_gain_what_is_around_them() {
    let inner = Violation::new("from", "time.format", "no time");
    assert_eq!(inner.clone().under("range").path, "range.from");
    assert_eq!(inner.under("").path, "from");
    assert_eq!(Violation::new("", "time.format", "no time").under("from").path, "from");
}

#[test]
fn violations_of_a_part_are_taken_over() {
    let mut part = Collector::new();
    part.check("size", PageSize::new(0));
    let mut whole = Collector::new();
    whole.absorb("page", part.finish().unwrap_err());
    assert!(!whole.is_empty());
    assert_eq!(whole.finish().unwrap_err().as_slice()[0].path, "page.size");
}

#[test]
fn one_line_each() {
    let mut found = Collector::new();
    found.push("b", "rule.two", "second");
    found.push("a", "rule.one", "first");
    found.push("", "rule.three", "alone");
    found.push("a", "rule.one", "first");
    let refused: Violations = found.finish().unwrap_err();
    assert_eq!(refused.to_string(), "alone\na: first\nb: second");
    let json = serde_json::to_value(&refused).unwrap();
    assert_eq!(json[1], serde_json::json!({"path": "a", "rule": "rule.one", "message": "first"}));
}

proptest! {
    /// The order depends on what was found, and never on the order of the checks.
    #[test]
    fn the_order_of_the_checks_does_not_matter(
        found in prop::collection::vec(("[ab]{0,2}", prop::sample::select(vec!["x.one", "x.two"]), "[ab]{0,2}"), 1..12),
    ) {
        let gather = |found: &mut dyn Iterator<Item = &(String, &'static str, String)>| {
            let mut collector = Collector::new();
            for (path, rule, message) in found {
                collector.push(path.as_str(), rule, message.as_str());
            }
            collector.finish().unwrap_err()
        };
        let forwards = gather(&mut found.iter());
        prop_assert_eq!(&forwards, &gather(&mut found.iter().rev()));
        prop_assert!(forwards.as_slice().is_sorted());
        prop_assert!(forwards.as_slice().windows(2).all(|pair| pair[0] != pair[1]));
    }
}
