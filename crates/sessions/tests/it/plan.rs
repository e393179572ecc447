//! R101: the frozen list: made by looking once at each guest, and refused when anything about it changed.

use std::io::Cursor;
use std::sync::Arc;

use frontdesk_domain::closure::Outcome;
use frontdesk_domain::{EndingDraft, GuestState};
use frontdesk_durable::testing::MemoryDir;
use frontdesk_durable::{Dir, read_whole};
use frontdesk_sessions::{Limits, PlanError, PlanFile, Planning, Selection, Silent, Step, Stop};
use http::Method;

use crate::support::{Fault, Heard, Place, Process, Tenant, lines, name, names};

fn mixed() -> (Tenant, Vec<String>) {
    let states = ["active", "inactive", "closed", "parked"];
    let guests = names(12);
    let tenant = Tenant::of((0..12).map(|k| (name(k), states[k % 4])));
    (tenant, guests)
}

async fn planning(place: &Place, process: &Process, guests: &[String], limits: &Limits) -> Planning {
    let plans = place.dir("plans");
    let input = Cursor::new(lines(guests));
    let selection = Selection::gather(input, &EndingDraft::new(), &*plans, "selection").unwrap();
    process.desk.plan(&selection, Some((&*plans, "plan")), limits, &Silent).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn every_guest_is_looked_at_once_and_every_skip_has_its_reason() {
    let place = Place::new();
    let (tenant, mut guests) = mixed();
    guests.push("nobody".to_owned());
    guests.push(name(3));
    let process = place.process(&tenant);
    let plans = place.dir("plans");
    let selection =
        Selection::gather(Cursor::new(lines(&guests)), &EndingDraft::new(), &*plans, "selection").unwrap();
    let heard = Heard::default();
    let made =
        process.desk.plan(&selection, Some((&*plans, "plan")), &Limits::default(), &heard).await.unwrap();
    drop(selection);
    let Planning::Made(counts) = made else { panic!("{made:?}") };
    let skipped: Vec<_> = counts.skipped.iter().map(|(state, count)| (state.as_str(), *count)).collect();
    assert_eq!(skipped, [("inactive", 3), ("parked", 3)]);
    assert_eq!(
        (counts.guests, counts.end, counts.duplicate, counts.failed, counts.repeated),
        (13, 3, 4, 0, 1)
    );
    assert!(tenant.fates().values().all(|fate| fate.looks == 1 && fate.deletes == 0));

    let plan = PlanFile::open(plans, "plan").unwrap();
    assert_eq!(*plan.counts(), counts);
    let planned = heard.planned.lock().unwrap();
    let order: Vec<_> = planned.iter().map(|planned| planned.ending.guest_id.as_str().to_owned()).collect();
    assert_eq!(order, guests[..13], "in the order of the lines");
    assert_eq!(planned[0].planned, Step::End);
    assert_eq!(planned[1].planned, Step::Leave(Outcome::Skipped { state: GuestState::Inactive }));
    assert_eq!(planned[12].planned, Step::Leave(Outcome::Duplicate));
    // The journal hears nothing of it: nothing was changed.
    assert_eq!(place.terminations(), Vec::<serde_json::Value>::new());
}

#[tokio::test(start_paused = true)]
async fn a_plan_that_was_changed_in_any_byte_is_refused() {
    let place = Place::new();
    let (tenant, guests) = mixed();
    let process = place.process(&tenant);
    assert!(matches!(planning(&place, &process, &guests[..3], &Limits::default()).await, Planning::Made(_)));
    let good = read_whole(&*place.dir("plans"), "plan", 1 << 20).unwrap();
    let opened = |bytes: &[u8]| {
        let dir = MemoryDir::new();
        dir.create("plan").unwrap().write_at(0, bytes).unwrap();
        PlanFile::open(Arc::new(dir), "plan")
    };
    assert!(opened(&good).is_ok());
    for at in 0..good.len() {
        for bit in [0, 1, 5] {
            let mut changed = good.clone();
            changed[at] ^= 1 << bit;
            assert!(opened(&changed).is_err(), "byte {at}, bit {bit}");
        }
        assert!(opened(&good[..at]).is_err(), "cut after {at} bytes");
    }
    let text = String::from_utf8(good.clone()).unwrap();
    let rows: Vec<&str> = text.lines().collect();
    let without = [&rows[..2], &rows[3..]].concat().join("\n") + "\n";
    let swapped = [rows[0], rows[2], rows[1], rows[3], rows[4]].join("\n") + "\n";
    for (what, changed) in [
        ("a guest left out", without),
        ("two swapped", swapped),
        ("twice", format!("{text}{text}")),
        ("a line more", format!("{text}{}\n", rows[1])),
        (
            "a guest that was skipped",
            text.replacen(r#"{"outcome":"skipped","state":"inactive"}"#, "\"end\"", 1),
        ),
        ("not to retain", text.replacen("\"retain_data\":true", "\"retain_data\":false", 1)),
    ] {
        let error = opened(changed.as_bytes()).unwrap_err();
        assert!(matches!(error, PlanError::Changed(_)), "{what}: {error}");
    }
    assert!(matches!(opened(b"{}\n").unwrap_err(), PlanError::NotAPlan));
}

#[tokio::test(start_paused = true)]
async fn a_plan_is_never_replaced() {
    let place = Place::new();
    let (tenant, guests) = mixed();
    let process = place.process(&tenant);
    assert!(matches!(planning(&place, &process, &guests, &Limits::default()).await, Planning::Made(_)));
    let plans = place.dir("plans");
    let selection =
        Selection::gather(Cursor::new(lines(&guests)), &EndingDraft::new(), &*plans, "selection").unwrap();
    let again = process.desk.plan(&selection, Some((&*plans, "plan")), &Limits::default(), &Silent).await;
    assert!(again.is_err());
    assert_eq!(tenant.requests(), 12, "the second one asked nobody");
}

#[tokio::test(start_paused = true)]
async fn a_limit_or_a_closed_door_leaves_no_plan() {
    let place = Place::new();
    let (tenant, guests) = mixed();
    let process = place.process(&tenant);
    let limits = Limits { max_count: Some(11), ..Limits::default() };
    assert_eq!(planning(&place, &process, &guests, &limits).await, Planning::TooMany { guests: 12 });
    assert_eq!(tenant.requests(), 0, "nobody was asked");

    tenant.faults(|_, _, _| Fault::Status(400));
    let limits = Limits { max_errors: Some(2), ..Limits::default() };
    let stopped = planning(&place, &process, &guests, &limits).await;
    assert!(
        matches!(&stopped, Planning::Stopped { stop: Stop::Errors, counts } if counts.failed == 3),
        "{stopped:?}"
    );

    tenant.faults(|_, _, _| Fault::Status(403));
    let stopped = planning(&place, &process, &guests, &Limits::default()).await;
    assert!(matches!(stopped, Planning::Stopped { stop: Stop::Refused { .. }, .. }), "{stopped:?}");

    // One guest that this client may not see, among others that it may, is one failure.
    tenant.faults(|_, guest, _| if guest == "g-011" { Fault::Status(403) } else { Fault::None });
    assert_eq!(place.dir("plans").list("").unwrap(), [], "no plan, no part of one, no selection");
    let made = planning(&place, &process, &guests, &Limits::default()).await;
    assert!(matches!(&made, Planning::Made(counts) if counts.failed == 1), "{made:?}");
}

/// 100,000 guests: what is held in memory are hashes; every line is in a file.
#[tokio::test(start_paused = true)]
async fn a_large_selection_is_written_and_read_piece_by_piece() {
    let place = Place::new();
    let guests: Vec<String> = (0..20_000).map(|k| format!("guest-{k:06}")).collect();
    let tenant = Tenant::of(guests.iter().map(|id| (id.clone(), "active")));
    let process = place.process_with(&tenant, 5, frontdesk_api::Cancel::never(), Some("1000"));
    let plan = place.plan(&process, &guests, "plan").await;
    assert_eq!((plan.counts().guests, plan.counts().end), (20_000, 20_000));
    assert_eq!(tenant.requests(), 20_000);
    tenant.faults(|method, _, _| if *method == Method::DELETE { Fault::Status(400) } else { Fault::None });
}
