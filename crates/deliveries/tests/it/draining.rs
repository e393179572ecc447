//! What goes out, when, and in which order.

use std::collections::BTreeSet;
use std::time::Duration;

use frontdesk_api::Cancel;
use frontdesk_api::transport::memory::Reply;
use frontdesk_deliveries::{DrainOptions, End, Report, Silent, Until};
use frontdesk_domain::EventKind;
use frontdesk_domain::audit::{HistoryRecord, HistoryStep};
use frontdesk_journal::Change;
use frontdesk_journal::outbox::{DeliveryState, Outbox};

use crate::support::{HOUR, World, secret};

const ENDED: EventKind = EventKind::SessionTerminated;

fn options(until: Until) -> DrainOptions {
    let mut options = DrainOptions::default();
    options.until = until;
    options
}

async fn run(world: &World, options: &DrainOptions) -> Report {
    world.drain.run(options, &Cancel::never(), &Silent).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn everything_that_is_due_goes_out_signed_and_in_order() {
    let world = World::new(|_, _| Reply::status(204));
    world.endpoint("a.example", ENDED);
    for index in 0..40 {
        world.store(&format!("g-{}", index % 5), &format!("{index:02}"));
    }
    let report = run(&world, &options(Until::NothingDue)).await;
    assert_eq!((report.delivered, report.attempts, report.end), (40, 40, End::Empty));
    assert!(world.marks("a.example").values().all(|marks| marks.len() == 8 && marks.is_sorted()));
    let first = &world.arrivals("a.example")[0];
    assert_eq!(first.headers["x-own"], "1", "the endpoint's own header");
    assert!(first.id.starts_with("msg_"), "an own header cannot take a signature's place");
    assert!(!first.headers.contains_key("authorization"));
    assert!(world.deliveries().iter().all(|delivery| delivery.state == DeliveryState::Delivered));
}

#[tokio::test(start_paused = true)]
async fn a_hanging_endpoint_holds_up_nobody_but_itself() {
    let world = World::new(|host, _| match host {
        "slow.example" => Reply::silence(),
        _ => Reply::status(200).after(Duration::from_millis(10)),
    });
    for host in ["slow.example", "a.example", "b.example"] {
        world.endpoint(host, ENDED);
    }
    for index in 0..100 {
        world.store(&format!("g-{index}"), "x");
    }
    let started = world.now();
    let mut limited = options(Until::NothingDue);
    limited.time = Some(Duration::from_secs(20));
    let report = run(&world, &limited).await;
    assert_eq!((report.delivered, report.end), (200, End::Time));
    let slow = world.arrivals("slow.example").len();
    assert_eq!(slow, 4, "bounded, and it was given up with the time");
    for host in ["a.example", "b.example"] {
        let last = world.arrivals(host).last().unwrap().at;
        assert!(last.since(started) < Duration::from_secs(2), "{host} took {:?}", last.since(started));
    }
    // What was given up is due at once, under the same id.
    let before: BTreeSet<_> = world.arrivals("slow.example").into_iter().map(|arrival| arrival.id).collect();
    limited.time = Some(Duration::from_secs(1));
    run(&world, &limited).await;
    let after: BTreeSet<_> = world.arrivals("slow.example").into_iter().map(|arrival| arrival.id).collect();
    assert_eq!(before, after);
}

/// Row R41: down for 76 virtual hours; flapping; nothing lost, each guest's events in order.
#[tokio::test(start_paused = true)]
async fn an_endpoint_down_for_76_hours_gets_everything() {
    let up_at = "2025-03-04T16:00:00Z".parse().unwrap();
    let world = {
        let clock = std::sync::Arc::new(std::sync::OnceLock::new());
        let seen = std::sync::Arc::clone(&clock);
        let world = World::new(move |_, before| {
            let clock: &std::sync::Arc<frontdesk_api::clock::VirtualClock> = seen.get().unwrap();
            let now = frontdesk_api::clock::Clock::now(&**clock);
            match before % 3 {
                _ if now >= up_at => Reply::status(200),
                0 => Reply::status(503),
                1 => Reply::reset(),
                _ => Reply::silence(),
            }
        });
        clock.set(std::sync::Arc::clone(&world.clock)).unwrap();
        world
    };
    world.endpoint("a.example", ENDED);
    for index in 0..30 {
        world.store(&format!("g-{}", index % 3), &format!("{index:02}"));
    }
    let mut patient = options(Until::Empty);
    patient.poll = HOUR;
    let report = run(&world, &patient).await;
    assert_eq!((report.delivered, report.dead, report.end), (30, 0, End::Empty));
    let mut taken = std::collections::BTreeMap::<String, Vec<String>>::new();
    for arrival in world.arrivals("a.example").into_iter().filter(|arrival| arrival.at >= up_at) {
        let body: serde_json::Value = serde_json::from_slice(&arrival.body).unwrap();
        let guest = body["guest_id"].as_str().unwrap().to_owned();
        taken.entry(guest).or_default().push(body["reason"].as_str().unwrap().to_owned());
    }
    assert!(taken.values().all(|marks| marks.len() == 10 && marks.is_sorted()), "{taken:?}");
    let ids: BTreeSet<_> = world.arrivals("a.example").into_iter().map(|arrival| arrival.id).collect();
    assert_eq!(ids.len(), 30, "no event under two ids");
}

#[tokio::test(start_paused = true)]
async fn what_nobody_takes_becomes_a_dead_letter_after_a_week() {
    let world = World::new(|_, _| Reply::status(500));
    world.endpoint("a.example", ENDED);
    world.store("g-1", "x");
    let started = world.now();
    let mut patient = options(Until::Empty);
    patient.poll = HOUR;
    let report = run(&world, &patient).await;
    assert_eq!((report.attempts, report.dead, report.delivered), (13, 1, 0));
    let lasted = world.arrivals("a.example").last().unwrap().at.since(started);
    assert!(lasted >= 118 * HOUR && lasted <= 178 * HOUR, "{lasted:?}");
    let delivery = &world.deliveries()[0];
    assert_eq!((delivery.state, delivery.last_status), (DeliveryState::Dead, Some(500)));
    assert_eq!(delivery.last_error.as_deref(), Some("status 500"));
}

#[tokio::test(start_paused = true)]
async fn a_named_wait_is_kept_and_410_ends_it() {
    let world = World::new(|host, before| match (host, before) {
        ("busy.example", 0) => Reply::status(429).header("retry-after", "90"),
        ("gone.example", _) => Reply::status(410),
        _ => Reply::status(200),
    });
    world.endpoint("busy.example", ENDED);
    world.endpoint("gone.example", ENDED);
    for guest in ["g-1", "g-2"] {
        world.store(guest, "x");
    }
    let mut one = options(Until::Empty);
    one.concurrency = 1;
    let report = run(&world, &one).await;
    assert_eq!((report.disabled, report.delivered, report.retried), (1, 2, 1));
    let busy = world.arrivals("busy.example");
    assert!(busy[1].at.since(busy[0].at) >= Duration::from_secs(90), "for all that goes there");
    assert_eq!(world.arrivals("gone.example").len(), 1);
    let gone = world.journal.reader().unwrap().endpoints().unwrap();
    assert_eq!(gone.iter().filter(|endpoint| endpoint.disabled.is_some()).count(), 1);
}

/// A delivery that has failed often waits long by our own schedule; what goes to others of that endpoint waits only as
/// long as the receiver asked.
#[tokio::test(start_paused = true)]
async fn one_that_is_refused_again_and_again_does_not_hold_up_its_endpoint() {
    let world = World::new(|_, before| match before {
        // Both attempts of the first; what comes to the host after them is taken.
        0..2 => Reply::status(503).header("retry-after", "1"),
        _ => Reply::status(200),
    });
    world.endpoint("a.example", ENDED);
    world.store("g-1", "refused");
    let started = world.now();
    let serving = options(Until::Stopped);
    let (handle, cancel) = Cancel::pair();
    let later = async {
        // The second attempt was refused by then; the third is due in five minutes.
        tokio::time::sleep(Duration::from_secs(60)).await;
        world.store("g-2", "of another guest");
        tokio::time::sleep(Duration::from_secs(60)).await;
        handle.cancel();
    };
    let (report, ()) = tokio::join!(world.drain.run(&serving, &cancel, &Silent), later);
    assert_eq!(report.unwrap().attempts, 3);
    assert_eq!(world.marks("a.example")["g-2"], ["of another guest"]);
    let last = world.arrivals("a.example").pop().unwrap();
    assert!(last.at.since(started) < Duration::from_secs(90), "{:?}", last.at.since(started));
}

/// Row R42: the process ends between the answer and its record. The same id comes once more, with a fresh time.
#[tokio::test(start_paused = true)]
async fn a_crash_after_the_answer_repeats_it_under_the_same_id() {
    let world = World::new(|_, _| Reply::status(200).after(Duration::from_secs(5)));
    world.endpoint("a.example", ENDED);
    world.store("g-1", "x");
    let mut short = options(Until::NothingDue);
    short.time = Some(Duration::from_secs(4));
    assert_eq!(run(&world, &short).await.end, End::Time);
    let report = run(&world, &options(Until::NothingDue)).await;
    assert_eq!(report.delivered, 1);
    let arrivals = world.arrivals("a.example");
    assert_eq!((arrivals.len(), arrivals[0].id == arrivals[1].id), (2, true));
    assert_ne!(arrivals[0].headers["webhook-timestamp"], arrivals[1].headers["webhook-timestamp"]);
    assert_eq!(arrivals[0].body, arrivals[1].body);
}

#[tokio::test(start_paused = true)]
async fn the_signal_stops_it_and_another_process_is_not_disturbed() {
    let world = World::new(|_, _| Reply::status(200));
    world.endpoint("a.example", ENDED);
    let (handle, cancel) = Cancel::pair();
    let held = Outbox::claim(&world.root(), "another").unwrap().unwrap();
    world.store("g-1", "x");
    assert_eq!(run(&world, &options(Until::NothingDue)).await.end, End::Busy);
    assert!(world.arrivals("a.example").is_empty());
    drop(held);
    let serving = options(Until::Stopped);
    let work = world.drain.run(&serving, &cancel, &Silent);
    let stop = async {
        tokio::time::sleep(Duration::from_secs(10)).await;
        world.store("g-2", "stored meanwhile");
        tokio::time::sleep(Duration::from_secs(10)).await;
        handle.cancel();
    };
    let (report, ()) = tokio::join!(work, stop);
    let report = report.unwrap();
    assert_eq!((report.end, report.delivered), (End::Cancelled, 2));
}

/// Row R53: a sink that is down, slow, and refuses after it accepted: nothing lost, no gap, duplicates recognisable.
#[tokio::test(start_paused = true)]
async fn audit_batches_reach_their_sink_without_a_gap() {
    let world = World::new(|_, before| match before {
        0 => Reply::reset(),
        1 => Reply::status(500),
        2 => Reply::silence(),
        _ => Reply::status(200),
    });
    world.endpoint("sink.example", EventKind::AuditBatch);
    for index in 0..120 {
        let record = HistoryRecord {
            event: HistoryStep::PageProcessed,
            timestamp: world.now(),
            page_token: None,
            message_count: index,
            latency_ms: 1,
            error: None,
        };
        world.journal.record(Change::new().audit(record)).unwrap();
    }
    let report = run(&world, &options(Until::Empty)).await;
    assert_eq!((report.delivered, report.retried), (3, 3));
    let arrivals = world.arrivals("sink.example");
    let mut seen = BTreeSet::new();
    let mut counts = Vec::new();
    for arrival in &arrivals {
        let signature = arrival.headers["x-audit-signature"].to_str().unwrap();
        assert_eq!(signature, secret().sign_body(&arrival.body));
        let entries = arrival.headers["frontdesk-audit-entries"].to_str().unwrap();
        if seen.insert((arrival.id.clone(), entries.to_owned())) {
            let records: Vec<serde_json::Value> = serde_json::from_slice(&arrival.body).unwrap();
            assert!(records.len() <= 50);
            counts.extend(records.iter().map(|record| record["messageCount"].as_u64().unwrap()));
        }
    }
    assert_eq!(seen.len(), 3, "the same bytes come under the same id");
    assert_eq!(counts, (0..120).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn what_was_delivered_is_kept_for_a_month() {
    let world = World::new(|_, before| if before == 0 { Reply::status(400) } else { Reply::status(200) });
    world.endpoint("a.example", ENDED);
    for guest in ["g-0", "g-1", "g-2"] {
        world.store(guest, "x");
        run(&world, &options(Until::Empty)).await;
    }
    let dead = world.deliveries().iter().filter(|delivery| delivery.state == DeliveryState::Dead).count();
    let all = world.deliveries().len();
    tokio::time::advance(HOUR * 24 * 29).await;
    run(&world, &options(Until::NothingDue)).await;
    assert_eq!(world.deliveries().len(), all);
    tokio::time::advance(HOUR * 24 * 3).await;
    run(&world, &options(Until::NothingDue)).await;
    assert_eq!(world.deliveries().len(), dead, "dead letters stay, and nothing else");
}

/// One key: each follows as soon as the one before was taken, and what was not taken holds up those behind it.
#[tokio::test(start_paused = true)]
async fn a_run_ends_at_what_is_not_taken() {
    let world = World::new(|_, before| match before {
        50 => Reply::status(500),
        _ => Reply::status(200).after(Duration::from_millis(1)),
    });
    world.endpoint("a.example", ENDED);
    for index in 0..80 {
        world.store("g-1", &format!("{index:02}"));
    }
    let report = run(&world, &options(Until::NothingDue)).await;
    assert_eq!((report.delivered, report.retried, report.end), (50, 1, End::NothingDue));
    assert_eq!(world.arrivals("a.example").len(), 51, "nothing went past it");
    let report = run(&world, &options(Until::Empty)).await;
    assert_eq!((report.delivered, report.end), (30, End::Empty));
    let marks = &world.marks("a.example")["g-1"];
    assert!(marks.is_sorted() && marks.len() == 81, "{marks:?}");
}

/// What was answered is recorded and reported, whatever the next one of its run does.
#[tokio::test(start_paused = true)]
async fn what_was_taken_before_the_time_was_up_is_recorded() {
    let world = World::new(|_, before| if before < 3 { Reply::status(200) } else { Reply::silence() });
    world.endpoint("a.example", ENDED);
    for index in 0..10 {
        world.store("g-1", &format!("{index}"));
    }
    let mut limited = options(Until::NothingDue);
    limited.time = Some(Duration::from_secs(4));
    let report = run(&world, &limited).await;
    assert_eq!((report.delivered, report.end), (3, End::Time));
    let deliveries = world.deliveries();
    assert_eq!(deliveries.iter().filter(|one| one.state == DeliveryState::Delivered).count(), 3);
    assert_eq!(world.marks("a.example")["g-1"], ["0", "1", "2", "3"]);
}

/// A receiver that says when it wants to be asked again says so for every key.
#[tokio::test(start_paused = true)]
async fn who_wants_to_be_left_alone_is_left_alone_by_every_run() {
    let world = World::new(|_, before| match before {
        1 => Reply::status(429).header("retry-after", "90"),
        _ => Reply::status(200).after(Duration::from_millis(100)),
    });
    world.endpoint("a.example", ENDED);
    for index in 0..10 {
        for guest in ["g-1", "g-2"] {
            world.store(guest, &format!("{index}"));
        }
    }
    let report = run(&world, &options(Until::Empty)).await;
    assert_eq!((report.delivered, report.retried), (20, 1));
    let arrivals = world.arrivals("a.example");
    assert!(arrivals[1].at.since(arrivals[0].at) < Duration::from_millis(100), "both were on their way");
    assert!(arrivals[2].at.since(arrivals[1].at) >= Duration::from_secs(90), "{:?}", arrivals[2].at);
}

/// An endpoint that is taken out of service, and a signal, are noticed in the middle of a run.
#[tokio::test(start_paused = true)]
async fn a_run_is_short() {
    let world = World::new(|_, _| Reply::status(200).after(Duration::from_millis(300)));
    world.endpoint("a.example", ENDED);
    for index in 0..40 {
        world.store("g-1", &format!("{index:02}"));
    }
    let find = || world.journal.reader().unwrap().endpoints().unwrap().remove(0);
    let patient = options(Until::NothingDue);
    let (report, ()) = tokio::join!(run(&world, &patient), async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        world.journal.record(Change::new().disable_endpoint(&find(), "by hand", world.now())).unwrap();
    });
    assert_eq!(report.delivered, 4, "those of its second");
    world.journal.record(Change::new().enable_endpoint(&find(), world.now())).unwrap();
    let (handle, cancel) = Cancel::pair();
    let (report, ()) = tokio::join!(world.drain.run(&patient, &cancel, &Silent), async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        handle.cancel();
    });
    let report = report.unwrap();
    assert_eq!((report.delivered, report.end), (1, End::Cancelled), "what was on its way, and nothing more");
}
