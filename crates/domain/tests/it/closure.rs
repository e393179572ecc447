//! Ending guest sessions: the matrix, drafts, and the outcome that follows from evidence.

use std::fmt::Write as _;

use frontdesk_domain::closure::{Evidence, Outcome, OutcomeKind, Verdict, Why, WhyKind, judge};
use frontdesk_domain::{ClosureReason, Ending, EndingDraft, GuestState, RetainData};
use proptest::prelude::*;
use serde::Deserialize;

use crate::snapshot::{of_area, shown};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Drafts {
    drafts: Vec<String>,
}

#[test]
fn cases() {
    let report = of_area::<Drafts>("closure", |case| {
        let mut lines = Vec::new();
        for line in &case.body.drafts {
            lines.push(shown(line.as_bytes()));
            match serde_json::from_str::<EndingDraft>(line).map(|draft| draft.check()) {
                Err(_) => lines.push("  no JSON object".to_owned()),
                Ok(Ok(ending)) => lines.push(format!("  {}", serde_json::to_string(&ending).unwrap())),
                Ok(Err(refused)) => {
                    lines.extend(refused.iter().map(|found| format!("  {found} [{}]", found.rule)));
                }
            }
        }
        lines
    });
    insta::assert_snapshot!(report);
}

/// The matrix whole, so that a change of it is read in review (contract §6).
#[test]
fn the_reason_matrix() {
    let names: Vec<_> = ClosureReason::ALL.iter().map(|reason| reason.as_str()).collect();
    insta::assert_snapshot!(names.join("\n"), @"
    customer_initiated
    agent_initiated
    timeout
    system_escalation
    bot_handoff
    ");
    for reason in ClosureReason::ALL {
        assert_eq!(reason.as_str().parse(), Ok(reason));
        assert_eq!(serde_json::to_value(reason).unwrap(), reason.as_str());
    }
}

#[test]
fn defaults_fill_what_is_absent_and_never_what_is_wrong() {
    let defaults = EndingDraft::new().reason("timeout").retain_data(true);
    let read = |line: &str| serde_json::from_str::<EndingDraft>(line).unwrap().or(&defaults).check();
    let filled = read(r#"{"guest_id":"g"}"#).unwrap();
    assert_eq!((filled.reason, filled.retain_data), (ClosureReason::Timeout, RetainData::Retain));
    let own = read(r#"{"guest_id":"g","reason":"bot_handoff","retain_data":false}"#).unwrap();
    assert_eq!((own.reason, own.retain_data), (ClosureReason::BotHandoff, RetainData::Forget));
    let wrong = read(r#"{"guest_id":"g","retain_data":"false","reason":3}"#).unwrap_err();
    assert_eq!(wrong.iter().map(|found| found.rule).collect::<Vec<_>>(), ["field.type", "field.type"]);
}

/// Every cell of the table in the module's documentation.
#[test]
fn the_whole_outcome_table() {
    let why = || Why::new(WhyKind::Unavailable, "no answer");
    let evidence = [
        Evidence::State(GuestState::Active),
        Evidence::State(GuestState::Closed),
        Evidence::Missing,
        Evidence::State(GuestState::Inactive),
        Evidence::State(GuestState::from("parked".to_owned())),
        Evidence::Done,
        Evidence::Refused(why()),
        Evidence::Lost(why()),
        Evidence::Unseen(why()),
    ];
    let mut table = String::new();
    for evidence in evidence {
        for in_doubt in [false, true] {
            let verdict = match judge(evidence.clone(), in_doubt) {
                Verdict::Is(outcome) => serde_json::to_string(&outcome).unwrap(),
                other => format!("{other:?}"),
            };
            let doubt = if in_doubt { "in doubt" } else { "" };
            let evidence = format!("{evidence:?}").replace("Why ", "");
            writeln!(table, "{evidence:<66} {doubt:<8} {verdict}").unwrap();
        }
    }
    insta::assert_snapshot!(table);
}

fn why() -> impl Strategy<Value = Why> {
    Just(Why::new(WhyKind::Unavailable, "no answer"))
}

fn evidence() -> impl Strategy<Value = Evidence> {
    prop_oneof![
        "active|inactive|closed|[a-z]{1,6}".prop_map(|state| Evidence::State(GuestState::from(state))),
        Just(Evidence::Missing),
        Just(Evidence::Done),
        why().prop_map(Evidence::Refused),
        why().prop_map(Evidence::Lost),
        why().prop_map(Evidence::Unseen),
    ]
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![".{0,12}", "[a-z_.%2e]{0,8}", r#"["\\{}\[\],:]{0,8}"#]
}

proptest! {
    /// What is unsure never becomes a failure, and what we may have ended is never somebody else's.
    #[test]
    fn doubt_is_kept(evidence in evidence()) {
        match judge(evidence.clone(), true) {
            Verdict::Is(outcome) => prop_assert!(!matches!(outcome.kind(), OutcomeKind::Failed | OutcomeKind::Duplicate)),
            Verdict::End | Verdict::Look(_) => {}
        }
        // Without doubt nothing is unknown.
        if let Verdict::Is(outcome) = judge(evidence, false) {
            prop_assert_ne!(outcome.kind(), OutcomeKind::Unknown);
        }
    }

    /// Only an active session is ended (contract §6).
    #[test]
    fn only_an_active_session_is_ended(state in "active|inactive|closed|.{0,8}", in_doubt: bool) {
        let verdict = judge(Evidence::State(GuestState::from(state.clone())), in_doubt);
        prop_assert_eq!(verdict == Verdict::End, state == "active");
    }

    #[test]
    fn outcomes_and_states_round_trip(state in ".{0,12}") {
        for outcome in [
            Outcome::Ended,
            Outcome::Duplicate,
            Outcome::Skipped { state: GuestState::from(state.clone()) },
            Outcome::Failed(Why::new(WhyKind::Forbidden, state.clone())),
            Outcome::Unknown(Why::new(WhyKind::Interrupted, state.clone())),
        ] {
            let written = serde_json::to_string(&outcome).unwrap();
            prop_assert!(written.contains(outcome.kind().as_str()));
            prop_assert_eq!(serde_json::from_str::<Outcome>(&written).unwrap(), outcome);
        }
        let read = GuestState::from(state.clone());
        prop_assert_eq!(read.as_str(), state);
    }

    /// A checked ending is written, read and checked to itself; a refused draft names every field that is wrong.
    #[test]
    fn drafts_are_checked_whole(
        guest in text(), reason in prop_oneof![text(), Just("timeout".to_owned())], retain: Option<bool>, reference in text(),
    ) {
        let draft = EndingDraft::new().guest_id(guest).reason(&reason).external_ref(&reference);
        let draft = match retain {
            Some(retain) => draft.retain_data(retain),
            None => draft,
        };
        match draft.check() {
            Ok(ending) => {
                let line = serde_json::to_string(&ending).unwrap();
                prop_assert_eq!(&serde_json::from_str::<Ending>(&line).unwrap(), &ending);
                prop_assert_eq!(&serde_json::from_str::<EndingDraft>(&line).unwrap().check().unwrap(), &ending);
                prop_assert_eq!(EndingDraft::from(&ending).check().unwrap(), ending);
            }
            Err(refused) => {
                let names = |path: &str| refused.iter().any(|found| found.path == path);
                prop_assert_eq!(names("retain_data"), retain.is_none());
                prop_assert_eq!(names("reason"), reason.parse::<ClosureReason>().is_err());
                prop_assert_eq!(names("external_ref"), reference.chars().any(char::is_control));
            }
        }
    }
}
