//! Carrying a plan out: each guest once, one outcome each, the limits, and what is written down.

use frontdesk_api::Cancel;
use frontdesk_domain::closure::{OutcomeKind, WhyKind};
use frontdesk_sessions::{Applied, Limits, Silent, Stop, kept_outcomes, kept_plan, kept_plans};
use http::Method;

use crate::support::{Fault, Heard, Place, Tenant, name, names, report};

#[tokio::test(start_paused = true)]
async fn each_guest_ends_in_exactly_one_outcome() {
    let place = Place::new();
    let states = ["active", "inactive", "closed", "parked"];
    let tenant = Tenant::of((0..40).map(|k| (name(k), states[k % 4])));
    let process = place.process(&tenant);
    let endpoint = Place::endpoint(&process);
    let plan = place.plan(&process, &names(40), "plan").await;
    // After the plan: one falls silent, one closes by itself, one closes between look and DELETE.
    tenant.fates().get_mut("g-000").unwrap().state = "inactive".to_owned();
    tenant.fates().get_mut("g-004").unwrap().state = "closed".to_owned();
    // One that was skipped is active now: it is not in the frozen list.
    tenant.fates().get_mut("g-001").unwrap().state = "active".to_owned();
    tenant.faults(|method, guest, _| match (guest, method) {
        ("g-008", &Method::GET) => Fault::ThenCloses,
        ("g-012", &Method::DELETE) => Fault::Status(400),
        _ => Fault::None,
    });
    let heard = Heard::default();
    let report = report(process.desk.apply(&plan, &Limits::default(), &heard).await.unwrap());
    let counts = report.counts;
    assert_eq!((counts.ended, counts.duplicate, counts.skipped), (6, 12, 21));
    assert_eq!((counts.failed, counts.unknown, counts.total(), report.not_reached()), (1, 0, 40, 0));
    assert_eq!(tenant.ended(), counts.ended, "to the unit");
    assert_eq!(tenant.fate("g-001").deletes, 0);
    assert_eq!((report.read_back.over, report.read_back.still_active, report.stop), (6, 0, None));
    assert!((counts.success_rate().unwrap() - 18.0 / 19.0).abs() < 1e-9);
    assert!(report.latencies.percentiles().unwrap().p50 >= 80, "a look and a DELETE of 40 ms each");
    let outcomes = heard.outcomes();
    assert_eq!(outcomes.len(), 40);
    assert_eq!(outcomes["g-008"], OutcomeKind::Duplicate, "somebody else ended it");
    assert_eq!(tenant.fate("g-016").query, "reason=timeout&retainData=true");

    // One audit record for each that was not left by the plan, with the contract's fields.
    let records = place.terminations();
    assert_eq!(records.len(), 10);
    let of = |guest: &str| records.iter().find(|record| record["guest_id"] == guest).unwrap().clone();
    let mut ended = of("g-016");
    (ended["latency_ms"], ended["timestamp"]) = (0.into(), "…".into());
    insta::assert_snapshot!(ended.to_string());
    // An event for each that we ended, and for nobody else.
    let (told, mut event) = place.events(&endpoint);
    let ended: Vec<_> = outcomes.iter().filter(|(_, kind)| **kind == OutcomeKind::Ended).collect();
    assert_eq!(told, ended.into_iter().map(|(guest, _)| guest.clone()).collect::<Vec<_>>());
    (event["timestamp"], event["guest_id"]) = ("…".into(), "…".into());
    insta::assert_snapshot!(event.to_string(), @r#"{"event":"session.terminated","guest_id":"…","reason":"timeout","timestamp":"…"}"#);
    assert_eq!(of("g-004")["duplicate_termination"], true);
    assert_eq!(of("g-012")["success"], false);
    assert!(of("g-012")["error"].as_str().unwrap().contains("400"), "{}", of("g-012"));
    assert_eq!(of("g-000")["error"], "skipped: the session is inactive");
    assert!(place.reader().open_intents(frontdesk_sessions::INTENT).unwrap().is_empty());
    process.end();
}

#[tokio::test(start_paused = true)]
async fn the_journal_remembers_plans_and_what_became_of_each_guest() {
    let place = Place::new();
    let tenant = Tenant::of((0..6).map(|k| (name(k), if k == 1 { "inactive" } else { "active" })));
    let process = place.process(&tenant);
    let plan = place.plan(&process, &names(6), "plan").await;
    assert_eq!(kept_plans(&place.reader(), 9).unwrap(), (Vec::new(), 0));
    let path = std::path::Path::new("/somewhere/tonight.plan");
    process.desk.remember(&plan, path, false).await.unwrap();
    let (made, total) = kept_plans(&place.reader(), 9).unwrap();
    assert_eq!((made.len(), total, made[0].applied_at, made[0].results.total()), (1, 1, None, 0));
    assert_eq!((made[0].counts.end, made[0].counts.guests, &*made[0].path), (5, 6, path));
    assert_eq!((made[0].sha256.as_str(), &made[0].outset), (plan.sha256(), plan.outset()));

    tenant.faults(|method, guest, _| {
        if *method == Method::DELETE && guest == "g-003" { Fault::Status(400) } else { Fault::None }
    });
    report(process.desk.apply_remembered(&plan, path, &Limits::default(), &Silent).await.unwrap());
    let reader = place.reader();
    let kept = kept_plan(&reader, &made[0].id).unwrap().unwrap();
    assert!(kept.applied_at.is_some() && kept_plans(&reader, 9).unwrap().1 == 1, "it is the same plan");
    assert_eq!((kept.results.ended, kept.results.failed, kept.results.total()), (4, 1, 5));
    let outcomes = |from, limit| kept_outcomes(&reader, &kept, from, limit).unwrap();
    let numbers: Vec<u64> = outcomes(0, 9).iter().map(|one| one.number).collect();
    assert_eq!(numbers, [0, 2, 3, 4, 5], "nothing became of the one that the plan leaves alone");
    let on = outcomes(3, 2);
    assert_eq!((on[0].number, on[0].outcome.kind(), on[0].is_read_back), (3, OutcomeKind::Failed, false));
    assert_eq!((on[1].number, on[1].outcome.kind(), on[1].is_read_back), (4, OutcomeKind::Ended, true));
    assert_eq!(kept_plan(&reader, "other").unwrap(), None);
    process.end();
}

#[tokio::test(start_paused = true)]
async fn the_same_call_again_touches_nobody_but_what_failed() {
    let place = Place::new();
    let tenant = Tenant::active(20);
    let process = place.process(&tenant);
    let plan = place.plan(&process, &names(20), "plan").await;
    tenant.faults(|method, guest, _| {
        if *method == Method::DELETE && guest == "g-007" { Fault::Status(400) } else { Fault::None }
    });
    let first = report(process.desk.apply(&plan, &Limits::default(), &Silent).await.unwrap());
    assert_eq!((first.counts.ended, first.counts.failed, first.earlier), (19, 1, 0));
    tenant.faults(|_, _, _| Fault::None);
    let before = tenant.requests();
    let second = report(process.desk.apply(&plan, &Limits::default(), &Silent).await.unwrap());
    assert_eq!((second.counts.ended, second.counts.failed, second.earlier), (20, 0, 19));
    assert_eq!(tenant.requests() - before, 3, "a look, a DELETE, a look back");
    let third = report(process.desk.apply(&plan, &Limits::default(), &Silent).await.unwrap());
    assert_eq!((third.counts.ended, third.earlier, third.read_back.over), (20, 20, 20));
    assert_eq!(tenant.requests() - before, 3, "nothing");
    assert_eq!(tenant.ended(), 20);
}

#[tokio::test(start_paused = true)]
async fn limits_are_kept_before_and_during() {
    let place = Place::new();
    let tenant = Tenant::active(60);
    let process = place.process(&tenant);
    let plan = place.plan(&process, &names(60), "plan").await;
    let before = tenant.requests();
    let limits = Limits { max_count: Some(59), ..Limits::default() };
    for applied in [
        process.desk.apply(&plan, &limits, &Silent).await.unwrap(),
        process.desk.rehearse(&plan, &limits, &Silent).await.unwrap(),
        process.desk.apply_remembered(&plan, "plan".as_ref(), &limits, &Silent).await.unwrap(),
    ] {
        assert!(matches!(applied, Applied::TooMany { end: 60 }), "{applied:?}");
    }
    assert_eq!(tenant.requests(), before);
    assert_eq!(
        kept_plans(&place.reader(), 9).unwrap().1,
        0,
        "what is refused is not written down as applied"
    );

    // More than two errors: it stops, and who is on the way comes to an end.
    tenant.faults(|method, _, _| if *method == Method::DELETE { Fault::Status(400) } else { Fault::None });
    let limits = Limits { max_errors: Some(2), ..Limits::default() };
    let stopped = report(process.desk.apply(&plan, &limits, &Silent).await.unwrap());
    assert_eq!(stopped.stop, Some(Stop::Errors));
    assert!((3..=7).contains(&stopped.counts.failed), "{:?}", stopped.counts);
    assert_eq!(stopped.not_reached(), 60 - stopped.counts.failed);
    assert_eq!(tenant.ended(), 0);
}

#[tokio::test(start_paused = true)]
async fn the_cap_is_kept_exactly() {
    for at_once in [1, 3, 5, 8] {
        let place = Place::new();
        let tenant = Tenant::active(40);
        let process = place.process_with(&tenant, at_once, Cancel::never(), Some("1000"));
        let plan = place.plan(&process, &names(40), "plan").await;
        let report = report(process.desk.apply(&plan, &Limits::default(), &Silent).await.unwrap());
        assert_eq!(report.counts.ended, 40);
        assert!(tenant.most_at_once() <= at_once, "{} > {at_once}", tenant.most_at_once());
        assert!(at_once == 1 || tenant.most_at_once() > 1, "they do go at once");
    }
}

#[tokio::test(start_paused = true)]
async fn a_plan_for_another_tenant_is_not_carried_out() {
    let place = Place::new();
    let tenant = Tenant::active(3);
    let process = place.process(&tenant);
    let plan = place.plan(&process, &names(3), "plan").await;
    let client =
        frontdesk_api::Credentials::new("somebody-else", frontdesk_domain::Secret::new("s")).unwrap();
    let client = frontdesk_api::Client::builder("https://api.example.com".parse().unwrap(), client);
    let memory = frontdesk_api::transport::memory::MemoryTransport::new(|_| panic!("nobody is asked"));
    let gateway = frontdesk_api::Gateway::new(client.build(std::sync::Arc::new(memory)));
    assert!(!plan.outset().is_for(&frontdesk_api::GuestSessions::describe(&gateway)));
    assert!(plan.outset().is_for(&frontdesk_api::GuestSessions::describe(&process.gateway)));
}

#[tokio::test(start_paused = true)]
async fn a_client_that_may_not_is_stopped_at_once_and_a_guest_it_may_not_end_is_one_failure() {
    let place = Place::new();
    let tenant = Tenant::active(50);
    let process = place.process(&tenant);
    let plan = place.plan(&process, &names(50), "plan").await;
    tenant.faults(|method, _, _| if *method == Method::DELETE { Fault::Status(403) } else { Fault::None });
    let stopped = report(process.desk.apply(&plan, &Limits::default(), &Silent).await.unwrap());
    match &stopped.stop {
        Some(Stop::Refused { kind: WhyKind::Forbidden, text }) => assert!(text.contains("403"), "{text}"),
        other => panic!("{other:?}"),
    }
    assert!(stopped.counts.failed <= 5 && stopped.not_reached() >= 45, "{:?}", stopped.counts);

    tenant.faults(|method, guest, _| {
        if *method == Method::DELETE && guest == "g-030" { Fault::Status(403) } else { Fault::None }
    });
    let rest = report(process.desk.apply(&plan, &Limits::default(), &Silent).await.unwrap());
    assert_eq!((rest.counts.ended, rest.counts.failed, rest.stop), (49, 1, None));
}

/// 401 in the middle: one fresh token, and nobody notices. For good: it stops.
#[tokio::test(start_paused = true)]
async fn a_token_that_dies_in_the_middle_is_replaced() {
    let place = Place::new();
    let tenant = Tenant::active(30);
    let process = place.process(&tenant);
    let plan = place.plan(&process, &names(30), "plan").await;
    tenant.faults(|_, _, number| if number % 17 == 5 { Fault::Status(401) } else { Fault::None });
    let done = report(process.desk.apply(&plan, &Limits::default(), &Silent).await.unwrap());
    assert_eq!((done.counts.ended, done.counts.errors()), (30, 0));
    assert_eq!(tenant.ended(), 30);

    let tenant = Tenant::active(30);
    let place = Place::new();
    let process = place.process(&tenant);
    let plan = place.plan(&process, &names(30), "plan").await;
    tenant.faults(|_, _, number| if number > 60 { Fault::Status(401) } else { Fault::None });
    let stopped = report(process.desk.apply(&plan, &Limits::default(), &Silent).await.unwrap());
    assert!(
        matches!(stopped.stop, Some(Stop::Refused { kind: WhyKind::Unauthorized, .. })),
        "{:?}",
        stopped.stop
    );
    assert!(stopped.counts.ended > 0 && stopped.not_reached() > 0);
    assert_eq!(tenant.ended(), stopped.counts.ended);
    tenant.faults(|_, _, _| Fault::None);
    let rest = report(process.desk.apply(&plan, &Limits::default(), &Silent).await.unwrap());
    assert_eq!((rest.counts.ended, rest.counts.total()), (30, 30));
}

#[tokio::test(start_paused = true)]
async fn a_rehearsal_says_what_would_be_done_and_does_nothing() {
    let place = Place::new();
    let tenant = Tenant::of((0..9).map(|k| (name(k), ["active", "inactive", "active"][k % 3])));
    let process = place.process(&tenant);
    let plan = place.plan(&process, &names(9), "plan").await;
    tenant.fates().get_mut("g-000").unwrap().state = "closed".to_owned();
    let heard = Heard::default();
    let told = report(process.desk.rehearse(&plan, &Limits::default(), &heard).await.unwrap());
    assert_eq!((told.counts.ended, told.counts.duplicate, told.counts.skipped), (5, 1, 3));
    assert_eq!(heard.previewed.lock().unwrap().len(), 9);
    assert_eq!(tenant.ended(), 0);
    assert_eq!(place.terminations(), Vec::<serde_json::Value>::new());
    // And then the same is done.
    let done = report(process.desk.apply(&plan, &Limits::default(), &Silent).await.unwrap());
    assert_eq!(done.counts, told.counts);
}

#[tokio::test(start_paused = true)]
async fn a_session_that_goes_on_after_its_end_is_found() {
    let place = Place::new();
    let tenant = Tenant::active(5);
    let process = place.process(&tenant);
    let plan = place.plan(&process, &names(5), "plan").await;
    let revived = tenant.clone();
    tenant.faults(move |method, guest, number| {
        // The guest opens another session as soon as the first one ended.
        if *method == Method::GET && guest == "g-002" && number > 12 {
            revived.fates().get_mut("g-002").unwrap().state = "active".to_owned();
        }
        Fault::None
    });
    let heard = Heard::default();
    let report = report(process.desk.apply(&plan, &Limits::default(), &heard).await.unwrap());
    assert_eq!((report.counts.ended, report.read_back.over, report.read_back.still_active), (5, 4, 1));
    assert_eq!(*heard.still_active.lock().unwrap(), ["g-002"]);
}

#[tokio::test(start_paused = true)]
async fn one_guest_needs_no_plan() {
    let place = Place::new();
    let tenant = Tenant::of([("g-1".to_owned(), "active"), ("g-2".to_owned(), "inactive")]);
    let process = place.process(&tenant);
    let ending = |guest: &str| {
        let draft =
            frontdesk_domain::EndingDraft::new().guest_id(guest).reason("bot_handoff").retain_data(false);
        draft.external_ref("ticket 7").check().unwrap()
    };
    let closed = process.desk.close(&ending("g-1")).await.unwrap().unwrap();
    assert_eq!(closed.outcome.kind(), OutcomeKind::Ended);
    assert_eq!(tenant.fate("g-1").query, "reason=bot_handoff&retainData=false&externalRef=ticket%207");
    let again = process.desk.close(&ending("g-1")).await.unwrap().unwrap();
    assert_eq!(again.outcome.kind(), OutcomeKind::Duplicate);
    let skipped = process.desk.close(&ending("g-2")).await.unwrap().unwrap();
    assert_eq!(skipped.outcome.kind(), OutcomeKind::Skipped);
    assert_eq!(place.terminations().len(), 3);
    assert_eq!(place.terminations()[0]["external_ref"], "ticket 7");
}
