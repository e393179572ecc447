//! Answers that are lost, and what is known afterwards (contract §6: 404 after a lost reply is our own work).

use std::time::Duration;

use frontdesk_api::{CallOptions, Cancel};
use frontdesk_domain::closure::{Outcome, OutcomeKind, WhyKind};
use frontdesk_domain::{Ending, EndingDraft};
use frontdesk_sessions::{INTENT, Limits, Silent};
use http::Method;
use proptest::prelude::*;

use crate::support::{Fault, Heard, Place, Tenant, names, now, report};

fn ending(guest: &str) -> Ending {
    EndingDraft::new().guest_id(guest).reason("timeout").retain_data(true).check().unwrap()
}

/// One guest, with these faults for its requests one after the other.
async fn one(faults: &'static [Fault]) -> (Tenant, Place, Outcome) {
    let (tenant, place) = (Tenant::active(1), Place::new());
    tenant
        .faults(|_, _, number| faults.get(usize::try_from(number).unwrap()).copied().unwrap_or(Fault::None));
    let process = place.process(&tenant);
    let closed = process.desk.close(&ending("g-000")).await.unwrap().unwrap();
    process.end();
    (tenant, place, closed.outcome)
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_is_settled_and_never_somebody_elses_work() {
    use Fault::{LostAfter, LostBefore, None, Status, ThenCloses, Throttle};
    let kind = OutcomeKind::Ended;
    for (faults, expected, ended) in [
        (&[None, LostAfter][..], kind, 1),
        (&[None, LostBefore], kind, 1),
        (&[None, LostBefore, LostAfter], kind, 1),
        (&[LostBefore, None, LostAfter, LostBefore], kind, 1),
        (&[None, Throttle(7)], kind, 1),
        // Every attempt of the call is lost after it was processed once; the look finds the session closed.
        (&[None, LostAfter, LostBefore, LostBefore, LostBefore, LostBefore], kind, 1),
        // None of them arrived: the look finds it active, and it is ended once more.
        (&[None, LostBefore, LostBefore, LostBefore, LostBefore, LostBefore], kind, 1),
        // The guest closes it between look and DELETE: a first answer of 404 is no work of ours.
        (&[ThenCloses], OutcomeKind::Duplicate, 0),
        (&[ThenCloses, Throttle(1)], OutcomeKind::Duplicate, 0),
        // A lost answer, then a refusal: the look decides.
        (&[None, LostAfter, Status(403)], kind, 1),
        (&[None, Status(403)], OutcomeKind::Failed, 0),
    ] {
        let (tenant, place, outcome) = one(faults).await;
        assert_eq!((outcome.kind(), tenant.ended()), (expected, ended), "{faults:?}: {outcome:?}");
        assert!(place.reader().open_intents(INTENT).unwrap().is_empty(), "{faults:?}");
        let records = place.terminations();
        assert_eq!(
            (records.len(), &records[0]["success"]),
            (1, &outcome.kind().is_success().into()),
            "{faults:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_looked_at_is_unknown_until_it_can() {
    let (tenant, place) = (Tenant::active(3), Place::new());
    let process = place.process(&tenant);
    let plan = place.plan(&process, &names(3), "plan").await;
    // The network goes down right after the DELETE was processed.
    tenant.faults(|method, guest, number| match (guest, method) {
        ("g-001", &Method::DELETE) => Fault::LostAfter,
        ("g-001", &Method::GET) if number > 6 => Fault::LostBefore,
        _ => Fault::None,
    });
    let heard = Heard::default();
    let first = report(process.desk.apply(&plan, &Limits::default(), &heard).await.unwrap());
    assert_eq!(
        (first.counts.ended, first.counts.unknown, first.counts.total()),
        (2, 1, 3),
        "{:?}",
        first.counts
    );
    assert_eq!(heard.outcomes()["g-001"], OutcomeKind::Unknown);
    assert_eq!(place.reader().open_intents(INTENT).unwrap().len(), 1);
    process.end();

    // Healed: whoever comes next settles it by looking, be it for another guest.
    tenant.faults(|_, _, _| Fault::None);
    let process = place.process(&tenant);
    assert_eq!(process.desk.settle_open().await.unwrap(), 1);
    assert!(place.reader().open_intents(INTENT).unwrap().is_empty());
    let last = report(process.desk.apply(&plan, &Limits::default(), &Silent).await.unwrap());
    assert_eq!((last.counts.ended, last.earlier), (3, 3));
    assert_eq!((tenant.ended(), tenant.fate("g-001").ended), (3, 1));
    let ended: Vec<_> = place.terminations().into_iter().filter(|record| record["success"] == true).collect();
    assert_eq!(ended.len(), 3);
}

/// A process was killed while its DELETE was under way: what the platform does with it may come after our look.
#[tokio::test(start_paused = true)]
async fn a_session_that_goes_on_is_in_doubt_as_long_as_a_call_may_be_under_way() {
    let (tenant, place) = (Tenant::active(2), Place::new());
    let process = place.process(&tenant);
    let endpoint = Place::endpoint(&process);
    place.left_open(&process, "g-000", "timeout", Duration::from_secs(1));
    place.left_open(&process, "g-001", "timeout", 5 * CallOptions::DEADLINE);
    assert_eq!(process.desk.settle_open().await.unwrap(), 1, "of the old one nothing is under way");
    let open = place.reader().open_intents(INTENT).unwrap();
    assert_eq!(open.iter().map(|intent| &*intent.key).collect::<Vec<_>>(), ["g-000"]);
    assert!(place.terminations().is_empty());

    // The platform carries it out.
    tenant.fates().get_mut("g-000").unwrap().state = "closed".to_owned();
    assert_eq!(process.desk.settle_open().await.unwrap(), 1);
    assert!(place.reader().open_intents(INTENT).unwrap().is_empty());
    assert_eq!(place.events(&endpoint).0, ["g-000"], "its event is not lost");
}

/// Who closes a guest that an earlier run left in doubt.
#[tokio::test(start_paused = true)]
async fn what_an_earlier_run_ended_is_told_with_its_words_and_what_this_one_ends_with_its_own() {
    for (ended_by_then, reason, reference) in
        [(true, "bot_handoff", "ticket-7".into()), (false, "timeout", serde_json::Value::Null)]
    {
        let (tenant, place) = (Tenant::active(1), Place::new());
        let process = place.process(&tenant);
        let endpoint = Place::endpoint(&process);
        place.left_open(&process, "g-000", "bot_handoff", Duration::from_secs(1));
        if ended_by_then {
            tenant.fates().get_mut("g-000").unwrap().state = "closed".to_owned();
        }
        let closed = process.desk.close(&ending("g-000")).await.unwrap().unwrap();
        assert_eq!((closed.outcome, tenant.ended()), (Outcome::Ended, u64::from(!ended_by_then)));
        assert!(place.reader().open_intents(INTENT).unwrap().is_empty());
        let records = place.terminations();
        assert_eq!((records.len(), &records[0]["reason"]), (1, &reason.into()), "{records:?}");
        assert_eq!(
            (&records[0]["external_ref"], &records[0]["retain_data"]),
            (&reference, &(!ended_by_then).into())
        );
        assert_eq!(place.events(&endpoint).1["reason"], reason);
    }
}

/// Looks of others' guests are made side by side, and each reads its own intent only.
#[tokio::test(start_paused = true)]
async fn many_open_intents_are_settled_side_by_side() {
    let (tenant, place) = (Tenant::active(40), Place::new());
    let process = place.process_with(&tenant, 5, Cancel::never(), Some("10000"));
    for guest in names(40) {
        place.left_open(&process, &guest, "timeout", 5 * CallOptions::DEADLINE);
    }
    let single = now();
    process.desk.preview(&names(1)[0].parse().unwrap()).await;
    let single = single.elapsed();
    let all = now();
    assert!(process.desk.settle_open().await.unwrap() >= 35, "but for guests that share a claim");
    assert!(all.elapsed() < single * 20, "{:?} for 40, {single:?} for one", all.elapsed());
}

/// What a server writes about a guest is told to whoever runs the command, and is not in the audit.
#[tokio::test(start_paused = true)]
async fn the_audit_has_no_words_of_the_platform() {
    let (tenant, place, outcome) = one(&[Fault::None, Fault::Status(400)]).await;
    let why = outcome.why().unwrap();
    assert!(why.said.as_ref().unwrap().contains("g-000"), "{why:?}");
    assert!(!why.text.contains("g-000") && why.text.contains("400"), "{why:?}");
    assert_eq!(tenant.ended(), 0);
    place
        .reader()
        .entries(0, None, &mut |entry| {
            assert!(!entry.body().contains("g-000"), "{}", entry.body());
            std::ops::ControlFlow::Continue(())
        })
        .unwrap();
    assert_eq!(place.terminations()[0]["error"], why.text.as_str());
}

/// The signal to stop while a DELETE is on its way: its answer is waited for, and nothing new begins.
#[tokio::test(start_paused = true)]
async fn stopping_lets_what_was_sent_come_to_its_end() {
    let (tenant, place) = (Tenant::active(50), Place::new());
    let (stop, cancel) = Cancel::pair();
    let process = place.process_with(&tenant, 5, cancel, None);
    let plan = place.plan(&process, &names(50), "plan").await;
    let stopping = async {
        tokio::time::sleep(Duration::from_millis(333)).await;
        stop.cancel();
    };
    let (limits, heard) = (Limits::default(), Heard::default());
    let (applied, ()) = tokio::join!(process.desk.apply(&plan, &limits, &heard), stopping);
    let stopped = report(applied.unwrap());
    assert_eq!(stopped.stop, Some(frontdesk_sessions::Stop::Interrupted));
    assert!(stopped.counts.ended > 0 && stopped.not_reached() > 0, "{:?}", stopped.counts);
    assert_eq!((stopped.counts.errors(), tenant.ended()), (0, stopped.counts.ended));
    assert!(place.reader().open_intents(INTENT).unwrap().is_empty(), "nothing is left in doubt");
    process.end();

    let process = place.process(&tenant);
    let rest = report(process.desk.apply(&plan, &limits, &Silent).await.unwrap());
    assert_eq!((rest.counts.ended, rest.earlier, tenant.ended()), (50, stopped.counts.ended, 50));
}

#[tokio::test(start_paused = true)]
async fn a_platform_that_is_down_fails_guests_and_ends_none() {
    let (tenant, place) = (Tenant::active(4), Place::new());
    let process = place.process(&tenant);
    let plan = place.plan(&process, &names(4), "plan").await;
    tenant.faults(|_, _, _| Fault::Status(503));
    let heard = Heard::default();
    let down = report(process.desk.apply(&plan, &Limits::default(), &heard).await.unwrap());
    assert_eq!((down.counts.failed, down.counts.total(), tenant.ended()), (4, 4, 0));
    for (_, closed) in heard.closed.lock().unwrap().iter() {
        assert_eq!(closed.outcome.why().unwrap().kind, WhyKind::Unavailable);
    }
}

fn fault() -> impl Strategy<Value = Fault> {
    prop_oneof![
        6 => Just(Fault::None),
        1 => Just(Fault::LostBefore),
        1 => Just(Fault::LostAfter),
        1 => Just(Fault::Status(502)),
        1 => Just(Fault::Status(401)),
        1 => Just(Fault::Throttle(1)),
        1 => Just(Fault::ThenCloses),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    /// Whatever is lost: every guest has one outcome, none is ended twice, and after the network has healed the totals
    /// are the platform's, to the unit.
    #[test]
    fn whatever_is_lost_the_totals_are_the_platforms(faults in prop::collection::vec(fault(), 1..120)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let (tenant, place) = (Tenant::active(12), Place::new());
            let process = place.process(&tenant);
            let plan = place.plan(&process, &names(12), "plan").await;
            let from = tenant.requests();
            tenant.faults(move |_, _, number| {
                faults.get(usize::try_from(number - from).unwrap()).copied().unwrap_or(Fault::None)
            });
            let heard = Heard::default();
            let first = report(process.desk.apply(&plan, &Limits::default(), &heard).await.unwrap());
            assert_eq!(first.counts.total() + first.not_reached(), 12);
            assert_eq!(heard.outcomes().len() as u64, first.counts.total());
            process.end();
            tenant.faults(|_, _, _| Fault::None);
            let process = place.process(&tenant);
            let heard = Heard::default();
            let last = report(process.desk.apply(&plan, &Limits::default(), &heard).await.unwrap());
            assert_eq!((last.counts.total(), last.counts.errors(), last.stop), (12, 0, None));
            // A session that closed by itself while a DELETE of ours was in doubt counts as ours, by the contract.
            assert!(last.counts.ended >= tenant.ended());
            assert_eq!(last.counts.ended + last.counts.duplicate, 12);
            for (guest, kind) in heard.outcomes() {
                if tenant.fate(&guest).ended == 1 {
                    assert_eq!(kind, OutcomeKind::Ended, "{guest}");
                }
            }
            // One record of success for each, no more.
            let success = place.terminations().into_iter().filter(|record| record["success"] == true).count();
            assert_eq!(success, 12);
            assert!(place.reader().open_intents(INTENT).unwrap().is_empty());
            process.end();
        });
    }
}
