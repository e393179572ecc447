//! A whole query checked at once, as a command does it.

use frontdesk_domain::{
    Collector, Filter, OrganizationId, PageSize, PageToken, RunId, TimeRange, Timestamp, Violation,
};
use serde::Deserialize;

use crate::snapshot::of_area;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Query {
    from: Option<String>,
    to: Option<String>,
    page_size: Option<String>,
    filter: Option<String>,
    organization: Option<String>,
    run: Option<String>,
}

/// The checks, in either order.
fn check(query: &Query, backwards: bool) -> Vec<Violation> {
    let mut found = Collector::new();
    let mut fields = ["from", "to", "page_size", "filter", "organization", "run"];
    if backwards {
        fields.reverse();
    }
    let (mut from, mut to) = (None, None);
    for field in fields {
        let Some(text) = query.field(field) else { continue };
        match field {
            "from" => from = found.check(field, Timestamp::from_date_or_time(text)),
            "to" => to = found.check(field, Timestamp::from_date_or_time(text)),
            "page_size" => drop(found.check(field, text.parse::<PageSize>())),
            "filter" => drop(found.check(field, text.parse::<Filter>())),
            "organization" => drop(found.check(field, text.parse::<OrganizationId>())),
            _ => drop(found.check(field, text.parse::<RunId>())),
        }
    }
    if let (Some(from), Some(to)) = (from, to) {
        found.check("range", TimeRange::new(from, to));
    }
    found.finish().map_or_else(|refused| refused.into_iter().collect(), |()| Vec::new())
}

impl Query {
    fn field(&self, name: &str) -> Option<&str> {
        match name {
            "from" => self.from.as_deref(),
            "to" => self.to.as_deref(),
            "page_size" => self.page_size.as_deref(),
            "filter" => self.filter.as_deref(),
            "organization" => self.organization.as_deref(),
            _ => self.run.as_deref(),
        }
    }
}

#[test]
fn cases() {
    let report = of_area::<Query>("query", |case| {
        let found = check(&case.body, false);
        assert_eq!(found, check(&case.body, true), "{}", case.name);
        found.iter().map(|violation| format!("{violation} [{}]", violation.rule)).collect()
    });
    insta::assert_snapshot!(report);
}

#[test]
fn a_page_size_is_between_1_and_10000() {
    for (size, right) in
        [(0, false), (1, true), (500, true), (10_000, true), (10_001, false), (u64::MAX, false)]
    {
        assert_eq!(PageSize::new(size).is_ok(), right, "{size}");
        assert_eq!(size.to_string().parse::<PageSize>().is_ok(), right, "{size}");
        assert_eq!(serde_json::from_value::<PageSize>(size.into()).is_ok(), right, "{size}");
    }
    assert_eq!(serde_json::to_string(&PageSize::MAX).unwrap(), "10000");
    for text in ["", "1.0", "1e3", "+1x", " 1", "one"] {
        assert!(text.parse::<PageSize>().is_err(), "{text}");
    }
}

#[test]
fn a_token_is_opaque_but_not_empty() {
    assert!(PageToken::new("").is_err());
    assert!(serde_json::from_str::<PageToken>(r#""""#).is_err());
    let token = PageToken::new("secret-in-here").unwrap();
    assert!(!format!("{token:?}").contains("in-here"));
    assert_eq!(format!("{:?}", PageToken::new("p2").unwrap()), r#"PageToken("p2", 2 bytes)"#);
    assert_eq!(
        format!("{:?}", PageToken::new("日本語の長い印").unwrap()),
        r#"PageToken("日本語の長い…", 21 bytes)"#
    );
    assert_eq!(token.to_string(), "secret-in-here");
}
