//! Ranges and how they are split.

use std::num::NonZeroU32;

use frontdesk_domain::{TimeRange, Timestamp};
use proptest::prelude::*;
use serde::Deserialize;

use crate::snapshot::of_area;
use crate::strategies::{range, timestamp};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Bounds {
    from: Timestamp,
    to: Timestamp,
    parts: Vec<NonZeroU32>,
}

#[test]
fn cases() {
    let report = of_area::<Bounds>("range", |case| {
        let range = match TimeRange::new(case.body.from, case.body.to) {
            Ok(range) => range,
            Err(violation) => return vec![format!("{violation} [{}]", violation.rule)],
        };
        let mut lines = Vec::new();
        for &parts in &case.body.parts {
            lines.push(format!("in at most {parts}:"));
            lines.extend(range.split(parts).iter().map(|window| format!("  {window}")));
        }
        lines
    });
    insta::assert_snapshot!(report);
}

#[test]
fn serde_checks_the_order() {
    let range = r#"{"from":"2025-03-01T00:00:00Z","to":"2025-03-02T00:00:00Z"}"#;
    let read: TimeRange = serde_json::from_str(range).unwrap();
    assert_eq!(serde_json::to_string(&read).unwrap(), range);
    let reversed = r#"{"from":"2025-03-02T00:00:00Z","to":"2025-03-01T00:00:00Z"}"#;
    assert!(serde_json::from_str::<TimeRange>(reversed).is_err());
}

proptest! {
    #[test]
    fn windows_are_the_range_again(range in range(), parts in 1..60_u32) {
        let windows = range.split(NonZeroU32::new(parts).unwrap());
        prop_assert!(!windows.is_empty() && windows.len() <= parts as usize);
        prop_assert_eq!(windows[0].from(), range.from());
        prop_assert_eq!(windows[windows.len() - 1].to(), range.to());
        for pair in windows.windows(2) {
            prop_assert_eq!(pair[0].to(), pair[1].from());
        }
        for window in &windows {
            prop_assert!(window.from() < window.to());
        }
    }

    /// As many days as parts or more: every cut is a midnight, and the windows differ by at most one day.
    #[test]
    fn days_are_not_cut_without_need(range in range(), parts in 1..60_u32) {
        let day = 86_400_000_000_000_i128;
        let first = range.from().as_nanos().div_euclid(day);
        let days = (range.to().as_nanos() - 1).div_euclid(day) - first + 1;
        let parts = parts.min(u32::try_from(days).unwrap_or(u32::MAX));
        let windows = range.split(NonZeroU32::new(parts).unwrap());
        prop_assert_eq!(windows.len(), parts as usize);
        let lengths: Vec<i128> = windows
            .iter()
            .map(|window| (window.to().as_nanos() - 1).div_euclid(day) - window.from().as_nanos().div_euclid(day) + 1)
            .collect();
        prop_assert_eq!(lengths.iter().sum::<i128>(), days);
        prop_assert!(lengths.iter().max().unwrap() - lengths.iter().min().unwrap() <= 1);
        for window in &windows[1..] {
            prop_assert_eq!(window.from(), window.from().start_of_day());
        }
    }

    #[test]
    fn a_time_is_in_exactly_one_window(range in range(), time in timestamp(), inside in 0.0..1.0_f64, parts in 1..20_u32) {
        let length = range.to().as_nanos() - range.from().as_nanos();
        let within = Timestamp::from_nanos(range.from().as_nanos() + (length as f64 * inside) as i128).unwrap();
        for time in [time, within, range.from(), range.to()] {
            let windows = range.split(NonZeroU32::new(parts).unwrap());
            let holding = windows.iter().filter(|window| window.contains(time)).count();
            prop_assert_eq!(holding, usize::from(range.contains(time)));
        }
        prop_assert!(range.contains(range.from()) && !range.contains(range.to()));
    }
}
