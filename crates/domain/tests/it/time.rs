//! Times, read and written.

use std::time::{Duration, SystemTime};

use frontdesk_domain::time::{Period, Span};
use frontdesk_domain::{TimeError, Timestamp, YearMonth};
use proptest::prelude::*;
use serde::Deserialize;

use crate::snapshot::{of_area, shown};
use crate::strategies::timestamp;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Texts {
    verdict: Verdict,
    texts: Vec<String>,
}

#[derive(Deserialize, PartialEq)]
#[serde(rename_all = "lowercase")]
enum Verdict {
    Accepted,
    Refused,
    Dates,
}

#[test]
fn cases() {
    let report = of_area::<Texts>("time", |case| {
        let line = |text: &String| {
            let dates = case.body.verdict == Verdict::Dates;
            let read = if dates { Timestamp::from_date_or_time(text) } else { text.parse() };
            if !dates {
                assert_eq!(read.is_ok(), case.body.verdict == Verdict::Accepted, "{text:?} in {}", case.name);
                assert_eq!(Timestamp::from_date_or_time(text).is_ok(), read.is_ok(), "{text:?}");
            }
            let outcome = match read {
                Ok(time) => format!("{time}  {}", time.as_nanos()),
                Err(error) => error.to_string(),
            };
            format!("{} -> {outcome}", shown(text.as_bytes()))
        };
        case.body.texts.iter().map(line).collect()
    });
    insta::assert_snapshot!(report);
}

fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

#[test]
fn microseconds_are_rounded_towards_the_past() {
    assert_eq!(time("1970-01-01T00:00:00.000001999Z").as_micros(), 1);
    assert_eq!(time("1969-12-31T23:59:59.999999999Z").as_micros(), -1);
    assert_eq!(Timestamp::from_micros(-1).unwrap().to_string(), "1969-12-31T23:59:59.999999Z");
}

#[test]
fn numbers_past_the_range_are_refused() {
    for end in [Timestamp::MIN, Timestamp::MAX] {
        assert_eq!(Timestamp::from_nanos(end.as_nanos()), Ok(end));
    }
    let refused = [Timestamp::MIN.as_nanos() - 1, Timestamp::MAX.as_nanos() + 1, i128::MIN, i128::MAX];
    for nanos in refused {
        assert_eq!(Timestamp::from_nanos(nanos), Err(TimeError::OutOfRange), "{nanos}");
    }
    assert_eq!(
        Timestamp::from_micros(Timestamp::MAX.as_micros()).unwrap().as_micros(),
        253_402_300_799_999_999
    );
    for micros in [Timestamp::MAX.as_micros() + 1, Timestamp::MIN.as_micros() - 1, i64::MIN, i64::MAX] {
        assert_eq!(Timestamp::from_micros(micros), Err(TimeError::OutOfRange), "{micros}");
    }
}

#[test]
fn arithmetic_stops_at_the_ends() {
    let second = Duration::from_secs(1);
    assert_eq!(Timestamp::MAX.checked_add(Duration::from_nanos(1)), None);
    assert_eq!(Timestamp::MIN.checked_sub(Duration::from_nanos(1)), None);
    assert_eq!(Timestamp::UNIX_EPOCH.checked_add(Duration::MAX), None);
    assert_eq!(Timestamp::UNIX_EPOCH.checked_sub(Duration::MAX), None);
    let later = Timestamp::UNIX_EPOCH.checked_add(second).unwrap();
    assert_eq!(later.since(Timestamp::UNIX_EPOCH), second);
    assert_eq!(Timestamp::UNIX_EPOCH.since(later), Duration::ZERO, "never negative");
    assert_eq!(later.checked_sub(second), Some(Timestamp::UNIX_EPOCH));
    // A sum whose parts both have a time of day, up to the last day there is.
    let evening = time("1969-12-31T23:59:59.999999999Z");
    let sum = evening.checked_add(Duration::from_secs(253_402_300_798));
    assert_eq!(sum, Some(time("9999-12-31T23:59:57.999999999Z")));
}

#[test]
fn a_clock_reading_becomes_the_nearest_time() {
    let epoch = SystemTime::UNIX_EPOCH;
    assert_eq!(Timestamp::from_system(epoch), Timestamp::UNIX_EPOCH);
    let before = epoch - Duration::new(1, 500_000_000);
    assert_eq!(Timestamp::from_system(before).to_string(), "1969-12-31T23:59:58.5Z");
    let far = epoch + Duration::from_secs(400_000_000_000);
    assert_eq!(Timestamp::from_system(far), Timestamp::MAX);
    let long_ago = epoch - Duration::from_secs(400_000_000_000);
    assert_eq!(Timestamp::from_system(long_ago), Timestamp::MIN);
}

#[test]
fn months_are_read_as_they_are_written() {
    for text in ["0000-01", "2025-03", "9999-12"] {
        assert_eq!(text.parse::<YearMonth>().unwrap().to_string(), text);
    }
    for text in ["", "2025", "2025-00", "2025-13", "2025-3", "2025-03-01", "undated", "+025-03"] {
        assert!(text.parse::<YearMonth>().is_err(), "{text}");
    }
    assert_eq!(YearMonth::new(9999, 12), Some(Timestamp::MAX.year_month()));
    assert_eq!(YearMonth::new(0, 1), Some(Timestamp::MIN.year_month()));
    let refused =
        [YearMonth::new(-1, 1), YearMonth::new(10_000, 1), YearMonth::new(2025, 0), YearMonth::new(2025, 13)];
    assert_eq!(refused, [None; 4]);
}

#[test]
fn periods_are_read_as_they_are_written_and_end_where_the_next_begins() {
    for (text, end) in [
        ("0000", Some("0001-01-01T00:00:00Z")),
        ("2025", Some("2026-01-01T00:00:00Z")),
        ("9999", None),
        ("2025-03", Some("2025-04-01T00:00:00Z")),
        ("2025-12", Some("2026-01-01T00:00:00Z")),
        ("9999-12", None),
        ("2024-02-28", Some("2024-02-29T00:00:00Z")),
        ("2024-12-31", Some("2025-01-01T00:00:00Z")),
        ("9999-12-31", None),
    ] {
        let period: Period = text.parse().unwrap();
        assert_eq!((period.to_string(), period.end()), (text.to_owned(), end.map(time)), "{text}");
    }
    for text in
        ["", "202", "20255", "2025-", "2025-3", "2025-13", "2025-02-30", "2025-03-01T", "+025", "2025-03-1"]
    {
        assert!(text.parse::<Period>().is_err(), "{text}");
    }
}

#[test]
fn a_month_is_the_one_in_utc() {
    assert_eq!(time("2025-04-01T00:30:00+01:00").year_month().to_string(), "2025-03");
    assert_eq!(time("2025-03-31T23:59:59.999999999Z").year_month().to_string(), "2025-03");
    assert_eq!(time("2025-04-01T00:00:00Z").year_month().to_string(), "2025-04");
}

#[test]
fn serde_uses_the_text_and_its_check() {
    let json = serde_json::to_string(&time("2025-03-01T11:00:00+01:00")).unwrap();
    assert_eq!(json, r#""2025-03-01T10:00:00Z""#);
    assert!(serde_json::from_str::<Timestamp>(r#""2025-03-01""#).is_err());
    assert!(serde_json::from_str::<Timestamp>("1740823200").is_err());
    assert_eq!(serde_json::from_str::<YearMonth>(r#""2025-03""#).unwrap().to_string(), "2025-03");
}

proptest! {
    #[test]
    fn a_time_is_in_its_periods(time in timestamp()) {
        for span in [Span::Year, Span::Month, Span::Day] {
            let period = Period::of(time, span);
            prop_assert!(period.start() <= time && period.end().is_none_or(|end| time < end));
            prop_assert_eq!(period.to_string().parse::<Period>().unwrap(), period);
            prop_assert_eq!(Period::of(time, Span::Day).within(span), period);
            prop_assert_eq!(period.within(Span::Day), period, "nothing is within what is shorter");
        }
    }

    #[test]
    fn what_is_written_is_read(time in timestamp()) {
        let text = time.to_string();
        prop_assert!(text.ends_with('Z'));
        prop_assert_eq!(text.parse(), Ok(time));
        prop_assert_eq!(Timestamp::from_nanos(time.as_nanos()), Ok(time));
        prop_assert_eq!(time.as_micros(), i64::try_from(time.as_nanos().div_euclid(1_000)).unwrap());
        prop_assert_eq!(time.year_month().to_string(), &text[..7]);
        prop_assert_eq!(time.start_of_day().to_string(), format!("{}T00:00:00Z", &text[..10]));
    }

    #[test]
    fn an_offset_moves_the_reading_and_not_the_time(time in timestamp(), minutes in -1439_i128..=1439) {
        let moved = Timestamp::from_nanos(time.as_nanos() + minutes * 60_000_000_000);
        // Within a day of the ends there may be no such reading.
        let Ok(moved) = moved else { return Ok(()) };
        let local = moved.to_string();
        let sign = if minutes < 0 { '-' } else { '+' };
        let (hour, minute) = (minutes.abs() / 60, minutes.abs() % 60);
        let text = format!("{}{sign}{hour:02}:{minute:02}", local.trim_end_matches('Z'));
        prop_assert_eq!(text.parse(), Ok(time));
    }

    #[test]
    fn order_and_distance_agree(one in timestamp(), other in timestamp()) {
        prop_assert_eq!(one.cmp(&other), one.as_nanos().cmp(&other.as_nanos()));
        let distance = i128::try_from(one.since(other).as_nanos()).unwrap();
        prop_assert_eq!(distance, (one.as_nanos() - other.as_nanos()).max(0));
        if one >= other {
            prop_assert_eq!(other.checked_add(one.since(other)), Some(one));
            prop_assert_eq!(one.checked_sub(one.since(other)), Some(other));
        }
    }

    /// jiff reads more than RFC 3339, but what both read they read alike.
    #[test]
    fn jiff_agrees(time in timestamp()) {
        if let Ok(theirs) = time.to_string().parse::<jiff::Timestamp>() {
            prop_assert_eq!(theirs.as_nanosecond(), time.as_nanos());
        }
    }

    #[test]
    fn any_text_is_read_or_refused(text in "[0-9TtZz:. +-]{0,32}|\\PC{0,40}") {
        if let Ok(time) = text.parse::<Timestamp>() {
            prop_assert_eq!(time.to_string().parse(), Ok(time));
        }
    }
}
