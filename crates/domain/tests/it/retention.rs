//! Verdicts: both sides of every border, and what must hold for any input.

use std::time::Duration;

use frontdesk_domain::retention::{MAX_DAYS, Policies, Policy, PolicyError, Subject, Verdict, verdict};
use frontdesk_domain::{MatterName, Timestamp};
use proptest::prelude::*;

fn at(text: &str) -> Timestamp {
    Timestamp::from_date_or_time(text).unwrap()
}

fn policy(name: &str, days: u32) -> Policy {
    Policy::all(name.parse().unwrap(), days).unwrap()
}

fn policies(list: Vec<Policy>) -> Policies {
    Policies::new(list).unwrap()
}

fn kind(found: &Verdict) -> &'static str {
    match found {
        Verdict::Hold { .. } => "hold",
        Verdict::Expire { .. } => "expire",
        Verdict::Keep { .. } => "keep",
        Verdict::NoDate { .. } => "no date",
        Verdict::NoPolicy => "no policy",
        _ => "?",
    }
}

#[test]
fn exactly_as_old_as_the_policy_says_is_due_and_a_nanosecond_less_is_not() {
    let month = policies(vec![policy("month", 30)]);
    let subject = Subject { ended_at: Some(at("2025-03-01T10:00:00Z")), ..Subject::default() };
    let border = at("2025-03-31T10:00:00Z");
    let due = verdict(&subject, &month, &[], border);
    assert_eq!(
        due,
        Verdict::Expire { policy: "month".parse().unwrap(), since: at("2025-03-01T10:00:00Z"), due: border }
    );
    let before = border.checked_sub(Duration::from_nanos(1)).unwrap();
    assert_eq!(
        verdict(&subject, &month, &[], before),
        Verdict::Keep {
            policy: "month".parse().unwrap(),
            since: at("2025-03-01T10:00:00Z"),
            until: Some(border)
        }
    );
}

#[test]
fn the_age_counts_from_the_end_else_from_the_start_and_without_both_there_is_none() {
    let month = policies(vec![policy("month", 30)]);
    let now = at("2025-04-05");
    let old = Some(at("2025-03-01"));
    let young = Some(at("2025-04-01"));
    let subject = |ended_at, started_at| Subject { ended_at, started_at, ..Subject::default() };
    assert_eq!(kind(&verdict(&subject(young, old), &month, &[], now)), "keep", "it ended late");
    assert_eq!(kind(&verdict(&subject(old, young), &month, &[], now)), "expire", "the end counts");
    assert_eq!(kind(&verdict(&subject(None, old), &month, &[], now)), "expire");
    assert_eq!(kind(&verdict(&subject(None, None), &month, &[], now)), "no date");
    assert_eq!(kind(&verdict(&subject(old, old), &Policies::default(), &[], now)), "no policy");
}

#[test]
fn policies_narrow_by_type_queue_and_metadata_and_the_longest_that_applies_keeps() {
    let bytes = br#"{"id":"c","type":"voice","queue":"sales","endTime":"2025-01-01T00:00:00Z",
        "metadata":{"region":["eu","uk"],"n":7}}"#;
    let subject = Subject::of(bytes);
    let voice = Policy { media_type: Some("voice".to_owned()), ..policy("voice", 90) };
    let chat = Policy { media_type: Some("chat".to_owned()), ..policy("chat", 3_000) };
    let sales = Policy { queue: Some("sales".to_owned()), ..policy("a-sales", 90) };
    let uk = Policy { metadata: [("region".to_owned(), "uk".to_owned())].into(), ..policy("uk", 365) };
    let us = Policy { metadata: [("region".to_owned(), "us".to_owned())].into(), ..policy("us", 3_000) };
    let name = |list: Vec<Policy>| policies(list).deciding(&subject).map(|policy| policy.name.to_string());
    assert_eq!(name(vec![policy("all", 30), voice.clone(), chat.clone()]).as_deref(), Some("voice"));
    assert_eq!(name(vec![voice.clone(), sales]).as_deref(), Some("a-sales"), "equally long: by name");
    assert_eq!(name(vec![voice, uk, us, policy("all", 30)]).as_deref(), Some("uk"));
    assert_eq!(name(vec![chat]), None);
}

#[test]
fn days_and_names_are_checked_wherever_policies_come_from() {
    assert_eq!(Policy::all("x".parse().unwrap(), 0), Err(PolicyError::Days { days: 0 }));
    assert!(Policy::all("x".parse().unwrap(), MAX_DAYS).is_ok());
    assert!(Policy::all("x".parse().unwrap(), MAX_DAYS + 1).is_err());
    assert!(Policies::new(vec![policy("x", 1), policy("x", 2)]).is_err());
    let read: Policy = serde_json::from_str(r#"{"name":"x","days":0}"#).unwrap();
    assert!(Policies::new(vec![read]).is_err());
}

fn times() -> impl Strategy<Value = Timestamp> {
    (0..4_000_000_000_000_000_i64).prop_map(|micros| Timestamp::from_micros(micros).unwrap())
}

fn subjects() -> impl Strategy<Value = Subject> {
    let text = || proptest::option::of(prop_oneof![Just("a".to_owned()), Just("b".to_owned())]);
    (proptest::option::of(times()), proptest::option::of(times()), text(), text()).prop_map(
        |(ended_at, started_at, media_type, queue)| Subject {
            ended_at,
            started_at,
            media_type,
            queue,
            ..Subject::default()
        },
    )
}

fn sets() -> impl Strategy<Value = Policies> {
    let text = || proptest::option::of(prop_oneof![Just("a".to_owned()), Just("b".to_owned())]);
    proptest::collection::vec((1..=20_000_u32, text(), text()), 0..5).prop_map(|list| {
        let named = list.into_iter().enumerate().map(|(n, (days, media_type, queue))| Policy {
            media_type,
            queue,
            ..policy(&format!("p{n}"), days)
        });
        policies(named.collect())
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_hold_always_wins(subject in subjects(), set in sets(), now in times()) {
        let matters = [MatterName::new("Smith").unwrap()];
        prop_assert_eq!(kind(&verdict(&subject, &set, &matters, now)), "hold");
    }

    #[test]
    fn nothing_is_due_while_any_policy_that_applies_keeps_it(subject in subjects(), set in sets(), now in times()) {
        let found = verdict(&subject, &set, &[], now);
        let since = subject.ended_at.or(subject.started_at);
        let applying: Vec<_> = set.iter().filter(|policy| policy.applies(&subject)).collect();
        let old = |policy: &&Policy| {
            since.is_some_and(|since| now.as_nanos() - since.as_nanos() >= i128::from(policy.days) * 86_400_000_000_000)
        };
        let due = !applying.is_empty() && applying.iter().all(old);
        prop_assert_eq!(kind(&found) == "expire", due);
    }

    #[test]
    fn what_is_due_stays_due_and_what_is_kept_is_kept_by_an_earlier_clock(
        subject in subjects(), set in sets(), one in times(), other in times()
    ) {
        let (early, late) = (one.min(other), one.max(other));
        if kind(&verdict(&subject, &set, &[], early)) == "expire" {
            prop_assert_eq!(kind(&verdict(&subject, &set, &[], late)), "expire");
        }
        if let Verdict::Keep { until: Some(until), .. } = verdict(&subject, &set, &[], early) {
            prop_assert_eq!(kind(&verdict(&subject, &set, &[], until)), "expire", "until is exact");
        }
    }
}
