//! Opening sessions against the sandbox in process: rules, replies that are lost, resume.

use std::cell::Cell;

use frontdesk_api::Cancel;
use frontdesk_domain::audit::AuditKind;
use frontdesk_domain::pii::{Action, PiiKind, PiiPolicy};
use frontdesk_domain::session::{OpeningKind, OpeningOutcome};
use frontdesk_domain::{SessionDraft, WhyKind};
use frontdesk_sessions::{
    By, Limits, OPEN_INTENT, OpeningCounts, OpeningOptions, Silent, Standing, Stop, open_requests, receipts,
};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use serde_json::json;

use crate::lobby::{Counter, Listener, Lobby, Loss, audit, draft};
use crate::support::Place;

/// Opens one session with these losses, one POST after the other. Its outcome, and what the sandbox counts.
async fn one(losses: Vec<Loss>) -> (Lobby, Place, OpeningOutcome) {
    let (lobby, place) = (Lobby::new(), Place::new());
    lobby.losses(move |number| losses.get(usize::try_from(number).unwrap()).copied().unwrap_or(Loss::None));
    let counter = Counter::at(&place, &lobby);
    let answered = counter.desk.open(&draft("g-1")).await.unwrap().unwrap();
    counter.end();
    (lobby, place, answered.outcome)
}

#[tokio::test(start_paused = true)]
async fn a_session_is_opened_with_its_records_and_its_receipt() {
    let (lobby, place, outcome) = one(vec![]).await;
    let OpeningOutcome::Opened(opened) = &outcome else { panic!("{outcome:?}") };
    assert_eq!((opened.status, opened.routing_success(), lobby.opened()), (201, true, 1));
    let session = opened.session_id.as_str();
    let record = audit(&place, AuditKind::Session).remove(0);
    let latency = record["latency_ms"].clone();
    let expected = json!({"timestamp": record["timestamp"], "session_id": session, "latency_ms": latency,
        "routing_success": true, "validation_passed": true, "consent_granted": true, "pii_blocked": false,
        "privacy_compliant": true});
    assert_eq!(record, expected);
    let receipt = audit(&place, AuditKind::Consent).remove(0);
    assert_eq!((&receipt["guest_id"], &receipt["session_id"]), (&json!("g-1"), &json!(session)));
    assert_eq!((&receipt["data_processing"], &receipt["marketing"]), (&json!(true), &json!(false)));
    // The time of the consent is the one that was sent.
    let sent: serde_json::Value = serde_json::from_slice(&lobby.sent(0)[0].1).unwrap();
    assert_eq!(sent["attributes"]["consent.timestamp"], receipt["consented_at"]);
    assert_eq!(sent["routingData"], json!({"priority": 1, "skills": ["web_support", "general"]}));
    assert!(place.reader().open_intents(OPEN_INTENT).unwrap().is_empty());
}

/// *Commit, then lose the reply*, at every byte of it: noticed on the way or not.
#[tokio::test(start_paused = true)]
async fn a_reply_lost_at_any_byte_opens_one_session() {
    let (lobby, place) = (Lobby::new(), Place::new());
    let counter = Counter::at(&place, &lobby);
    let length = {
        counter.desk.open(&draft("g")).await.unwrap();
        lobby.sent(0)[0].1.len() + 400
    };
    let (mut opened, mut posts) = (1, 0);
    for at in 0..length {
        for loss in [Loss::CutAt(at), Loss::EndsAt(at)] {
            let before = lobby.sent(0).len();
            lobby.losses(move |number| if number == 0 { loss } else { Loss::None });
            let outcome = counter.desk.open(&draft(&format!("g-{opened}"))).await.unwrap().unwrap().outcome;
            opened += 1;
            assert_eq!(
                (outcome.kind(), lobby.opened()),
                (OpeningKind::Opened, opened),
                "{loss:?}: {outcome:?}"
            );
            let sent = lobby.sent(before);
            assert!(sent.windows(2).all(|pair| pair[0] == pair[1]), "{loss:?}: the same key, the same bytes");
            posts += sent.len();
        }
    }
    counter.end();
    assert_eq!(audit(&place, AuditKind::Consent).len() as u64, opened, "one receipt a session");
    assert!(posts > length * 3, "few replies were lost: {posts} POSTs for {} sessions", length * 2);
}

#[tokio::test(start_paused = true)]
async fn what_is_lost_is_sent_again_with_its_key_and_what_is_refused_is_not() {
    use Loss::{Instead, NoHead, Status, Unheard};
    for (losses, kind, why, opened) in [
        (vec![Unheard], OpeningKind::Opened, None, 1),
        (vec![NoHead, NoHead], OpeningKind::Opened, None, 1),
        (vec![Status(502), Unheard, NoHead], OpeningKind::Opened, None, 1),
        (vec![Instead(503)], OpeningKind::Opened, None, 1),
        (vec![Instead(401)], OpeningKind::Opened, None, 1),
        (vec![Instead(401), Instead(401)], OpeningKind::Failed, Some(WhyKind::Unauthorized), 0),
        (vec![Instead(403)], OpeningKind::Failed, Some(WhyKind::Forbidden), 0),
        (vec![Instead(400)], OpeningKind::Failed, Some(WhyKind::Refused), 0),
        (vec![Instead(429)], OpeningKind::Opened, None, 1),
        // An open session that cannot be found: nothing was opened.
        (vec![Instead(409)], OpeningKind::Failed, Some(WhyKind::Conflict), 0),
        // The answer was lost, then permission: it may be open.
        (vec![NoHead, Instead(403), Instead(403)], OpeningKind::Unknown, Some(WhyKind::Forbidden), 1),
    ] {
        let told = format!("{losses:?}");
        let (lobby, place, outcome) = one(losses).await;
        assert_eq!((outcome.kind(), lobby.opened()), (kind, opened), "{told}: {outcome:?}");
        assert_eq!(outcome.why().map(|why| why.kind), why, "{told}");
        let open = place.reader().open_intents(OPEN_INTENT).unwrap().len();
        assert_eq!(open, usize::from(kind == OpeningKind::Unknown), "{told}");
        let sent = lobby.sent(0);
        assert!(sent.windows(2).all(|pair| pair[0] == pair[1]), "{told}: the same key, the same bytes");
        let records = audit(&place, AuditKind::Session);
        assert_eq!((records.len(), &records[0]["validation_passed"]), (1, &json!(true)), "{told}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_unknown_is_settled_by_the_next_run_and_opens_nothing_twice() {
    let (lobby, place) = (Lobby::new(), Place::new());
    lobby.losses(|_| Loss::NoHead);
    let counter = Counter::at(&place, &lobby);
    let answered = counter.desk.open(&draft("g-1")).await.unwrap().unwrap();
    assert_eq!((answered.outcome.kind(), lobby.opened()), (OpeningKind::Unknown, 1));
    assert_eq!(open_requests(&place.reader()).unwrap()[0].guest_id, "g-1");
    let posts = lobby.posts();
    assert_eq!(counter.desk.settle_open().await.unwrap(), 0);
    assert_eq!(lobby.posts(), posts, "this run has tried all it could");
    counter.end();
    let counter = Counter::at(&place, &lobby);
    assert_eq!((counter.desk.settle_open().await.unwrap(), lobby.posts() > posts), (0, true), "still lost");
    counter.end();

    lobby.losses(|_| Loss::None);
    let counter = Counter::at(&place, &lobby);
    // The same words are the same request: it takes up the intent.
    let answered = counter.desk.open(&draft("g-1")).await.unwrap().unwrap();
    assert_eq!((answered.outcome.kind(), lobby.opened()), (OpeningKind::Opened, 1));
    assert!(open_requests(&place.reader()).unwrap().is_empty());
    let sent = lobby.sent(0);
    assert!(sent.windows(2).all(|pair| pair[0] == pair[1]), "the same key, the same bytes");
    // Asked again it is there; asked with other words it is a conflict.
    let again = counter.desk.open(&draft("g-1")).await.unwrap().unwrap();
    assert_eq!(again.outcome.kind(), OpeningKind::AlreadyOpen);
    assert_eq!(again.outcome.session_id(), answered.outcome.session_id());
    let other = counter.desk.open(&draft("g-1").attribute("tier", "2")).await.unwrap().unwrap();
    assert_eq!(other.outcome.why().map(|why| why.kind), Some(WhyKind::Conflict));
    // A guest whose session ended may open another.
    lobby.end("g-1");
    let second = counter.desk.open(&draft("g-1")).await.unwrap().unwrap();
    assert_eq!((second.outcome.kind(), lobby.opened()), (OpeningKind::Opened, 2));
    assert_ne!(second.outcome.session_id(), answered.outcome.session_id());
    counter.end();
}

#[tokio::test(start_paused = true)]
async fn what_breaks_rules_is_not_sent_and_is_audited_all_the_same() {
    let (lobby, place) = (Lobby::new(), Place::new());
    let warns = PiiPolicy::default().with_action(PiiKind::Card, Action::Warn);
    let counter = Counter::with(&place, &lobby, Cancel::never(), warns);
    for (draft, policy, consent, pii) in [
        (draft("g").attribute("customerEmail", "-"), true, true, true),
        (draft("g").attribute("note", "ana@example.org"), true, true, true),
        (SessionDraft::new().guest_id("g"), true, false, false),
        (draft("g").data_processing(false).attribute("phone", "-"), true, false, true),
        (SessionDraft::new().attribute("phone", "-"), true, false, true),
        (draft("g").language("english"), false, true, false),
        ((0..97).fold(draft("g"), |draft, n| draft.attribute(format!("k{n}"), "v")), false, true, false),
    ] {
        let before = audit(&place, AuditKind::Session).len();
        let answered = counter.desk.open(&draft).await.unwrap().unwrap();
        let OpeningOutcome::Refused(refusal) = &answered.outcome else { panic!("{answered:?}") };
        assert_eq!(refusal.policy, policy, "{refusal:?}");
        assert_eq!(answered.guest_id, draft.guest(), "a guest was made up for nothing");
        let records = audit(&place, AuditKind::Session);
        let record = &records[before];
        assert_eq!(records.len(), before + 1);
        assert_eq!(
            (&record["consent_granted"], &record["pii_blocked"], &record["validation_passed"]),
            (&json!(consent), &json!(pii), &json!(false))
        );
        assert_eq!((&record["privacy_compliant"], record.get("session_id")), (&json!(false), None));
    }
    assert_eq!((lobby.posts(), lobby.opened()), (0, 0));
    assert!(audit(&place, AuditKind::Consent).is_empty());
    // What the policy only warns of is sent, and told.
    let warned = draft("g").attribute("note", "card 4111 1111 1111 1111");
    let answered = counter.desk.open(&warned).await.unwrap().unwrap();
    assert_eq!((answered.outcome.kind(), answered.warnings.len()), (OpeningKind::Opened, 1));
    counter.end();
}

/// Lines with and without a guest, and wrong ones.
fn lines(count: usize) -> String {
    lines_of(0, count)
}

/// The same for guests that no other case has.
fn lines_of(case: usize, count: usize) -> String {
    (0..count)
        .map(|k| match k % 5 {
            0 => format!("{{\"consent\":{{\"data_processing\":true}},\"attributes\":{{\"k\":\"{case}-{k}\"}}}}\n"),
            4 => "{\"guest_id\":\"g\",\"consent\":{\"data_processing\":true},\"attributes\":{\"email\":\"\"}}\n\n".to_owned(),
            _ => format!("{{\"guest_id\":\"g-{case}-{k}\",\"consent\":{{\"data_processing\":true,\"marketing\":true}}}}\n"),
        })
        .collect()
}

#[tokio::test(start_paused = true)]
async fn many_are_opened_each_with_one_outcome_and_the_same_lines_do_nothing_again() {
    let (lobby, place) = (Lobby::new(), Place::new());
    let counter = Counter::at(&place, &lobby);
    let (text, options, heard) = (lines(20) + "no JSON\n", OpeningOptions::default(), Listener::default());
    let report = counter.all(&place, &text, &options, &heard).await;
    let expected = OpeningCounts { opened: 16, refused: 5, ..OpeningCounts::default() };
    assert_eq!((report.counts, report.blocked, report.routed, report.earlier), (expected, 4, 16, 0));
    assert_eq!((lobby.opened(), lobby.posts(), report.stop.clone()), (16, 16, None));
    let mut told: Vec<u64> = heard.0.lock().unwrap().iter().map(|(line, _)| *line).collect();
    told.sort_unstable();
    told.dedup();
    assert_eq!(told.len(), 21, "one outcome a line");
    assert_eq!(audit(&place, AuditKind::Session).len(), 21);

    let again = counter.all(&place, &text, &options, &Silent).await;
    assert_eq!((again.counts, again.earlier, lobby.posts()), (expected, 21, 16));
    assert_eq!(audit(&place, AuditKind::Session).len(), 21, "nothing was attempted");
    // The same bytes as new requests: those who are open are open, and those without a name are new.
    let anew = OpeningOptions { anew: true, ..OpeningOptions::default() };
    let third = counter.all(&place, &text, &anew, &Silent).await;
    assert_eq!((third.counts.opened, third.counts.already_open, lobby.opened()), (4, 12, 20));
    let fourth = counter.all(&place, &text, &options, &Silent).await;
    assert_eq!((fourth.counts, fourth.earlier), (third.counts, 21), "from then on these are the input's");
    counter.end();
}

#[tokio::test(start_paused = true)]
async fn limits_permissions_and_the_signal_stop_a_run_that_goes_on_later() {
    let (lobby, place) = (Lobby::new(), Place::new());
    let options = |max_errors| OpeningOptions {
        limits: Limits { max_errors, ..Limits::default() },
        ..OpeningOptions::default()
    };
    lobby.losses(|_| Loss::Instead(403));
    let counter = Counter::at(&place, &lobby);
    let report = counter.all(&place, &lines(40), &options(None), &Silent).await;
    assert!(matches!(report.stop, Some(Stop::Refused { .. })) && report.not_reached() > 20, "{report:?}");
    lobby.losses(|_| Loss::Instead(400));
    let report = counter.all(&place, &lines(40), &options(Some(3)), &Silent).await;
    assert!(report.stop == Some(Stop::Errors) && report.counts.failed < 10, "{report:?}");
    counter.end();

    lobby.losses(|_| Loss::None);
    let (stop, cancel) = Cancel::pair();
    let counter = Counter::with(&place, &lobby, cancel, PiiPolicy::default());
    let stopping = async {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        stop.cancel();
    };
    let text = lines(40);
    let options = options(None);
    let (report, ()) = tokio::join!(counter.all(&place, &text, &options, &Silent), stopping);
    assert_eq!(report.stop, Some(Stop::Interrupted));
    assert!(report.counts.opened > 0 && report.not_reached() > 0, "{:?}", report.counts);
    assert_eq!((report.counts.errors(), lobby.opened()), (0, report.counts.opened));
    counter.end();

    let counter = Counter::at(&place, &lobby);
    let last = counter.all(&place, &text, &options, &Silent).await;
    assert_eq!((last.counts.opened, last.counts.refused, lobby.opened()), (32, 8, 32));
    counter.end();
    // One key for each logical request, whatever was refused on the way.
    let mut keys: Vec<_> = lobby.sent(0).into_iter().collect();
    keys.sort();
    keys.dedup();
    assert_eq!(keys.len(), 32);
}

#[tokio::test(start_paused = true)]
async fn receipts_say_who_consented_to_what_and_how_the_session_stands() {
    let (lobby, place) = (Lobby::new(), Place::new());
    let counter = Counter::at(&place, &lobby);
    let first = draft("g-1").marketing(true).text_version("privacy-2025-03").locale("de-AT");
    counter.desk.open(&first).await.unwrap();
    counter.desk.open(&draft("g-2")).await.unwrap();
    counter.end();
    let all = |guest: Option<&str>| {
        let mut found = Vec::new();
        let destroyed = receipts(&place.reader(), guest, |receipt| {
            found.push(receipt);
            std::ops::ControlFlow::Continue(())
        });
        (found, destroyed.unwrap())
    };
    let (found, destroyed) = all(None);
    assert_eq!((found.len(), destroyed), (2, 0));
    assert_eq!(found[0].record.text_version.as_deref(), Some("privacy-2025-03"));
    assert_eq!((found[0].record.locale.as_deref(), found[0].record.marketing), (Some("de-AT"), true));
    assert_eq!(all(Some("g-2")).0.len(), 1);
    assert!(found.iter().all(|receipt| receipt.standing == Standing::Open));
    // Who is destroyed in the audit log is counted, and not shown.
    let settings = frontdesk_journal::Settings::default();
    let clock: frontdesk_journal::Clock = std::sync::Arc::new(crate::support::noon);
    frontdesk_journal::shred(&place.root().join("journal"), &settings, clock, "g-1", "asked for").unwrap();
    let (found, destroyed) = all(None);
    assert_eq!((found.len(), found[0].record.guest_id.as_str(), destroyed), (1, "g-2", 1));
}

fn loss() -> impl Strategy<Value = Loss> {
    prop_oneof![
        5 => Just(Loss::None),
        1 => Just(Loss::Unheard),
        2 => Just(Loss::NoHead),
        2 => (0_usize..600).prop_map(Loss::CutAt),
        2 => (0_usize..600).prop_map(Loss::EndsAt),
        1 => Just(Loss::Status(502)),
        1 => Just(Loss::Status(504)),
        1 => Just(Loss::Instead(503)),
        1 => Just(Loss::Instead(429)),
        1 => Just(Loss::Instead(401)),
        1 => Just(Loss::Instead(403)),
    ]
}

/// Two runs over lines of their own, the first under these losses: one session for each request, as the sandbox counts.
fn lost_then_healed(lobby: &Lobby, place: &Place, case: usize, losses: Vec<Loss>) {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let (text, options, before) = (lines_of(case, 10), OpeningOptions::default(), lobby.opened());
        lobby.losses(move |number| {
            losses.get(usize::try_from(number).unwrap()).copied().unwrap_or(Loss::None)
        });
        let counter = Counter::at(place, lobby);
        let first = counter.all(place, &text, &options, &Silent).await;
        assert_eq!(first.counts.total() + first.not_reached(), 10);
        let opened = lobby.opened() - before;
        assert!((first.counts.opened..=8).contains(&opened), "{opened} for {:?}", first.counts);
        counter.end();
        lobby.losses(|_| Loss::None);
        let counter = Counter::at(place, lobby);
        let heard = Listener::default();
        let last = counter.all(place, &text, &options, &heard).await;
        let expected = OpeningCounts { opened: 8, refused: 2, ..OpeningCounts::default() };
        assert_eq!((last.counts, lobby.opened() - before), (expected, 8));
        assert!(place.reader().open_intents(OPEN_INTENT).unwrap().is_empty());
        let earlier = heard.0.lock().unwrap().iter().filter(|(_, told)| told.by == By::Other).count();
        assert_eq!(earlier as u64, last.earlier);
        counter.end();
    });
}

/// *Commit, then lose the reply*, a thousand seeds over one journal and one tenant.
#[test]
fn whatever_is_lost_every_request_opens_one_session() {
    const CASES: u32 = 1_000;
    let (lobby, place, case) = (Lobby::new(), Place::new(), Cell::new(0));
    let config = ProptestConfig { cases: CASES, max_shrink_iters: 200, ..ProptestConfig::default() };
    TestRunner::new(config)
        .run(&prop::collection::vec(loss(), 1..40), |losses| {
            case.set(case.get() + 1);
            lost_then_healed(&lobby, &place, case.get(), losses);
            Ok(())
        })
        .unwrap();
    assert_eq!(audit(&place, AuditKind::Consent).len(), 8 * CASES as usize, "one receipt a session");
    let totals = lobby.truth("sessions/totals");
    assert_eq!((&totals["mismatches"], &totals["conflicts"]), (&json!(0), &json!(0)), "{totals}");
}
