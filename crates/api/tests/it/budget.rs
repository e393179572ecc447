//! Row R24 and attempts: what repeating may cost.

use std::sync::Arc;
use std::time::Duration;

use frontdesk_api::transport::memory::Reply;
use frontdesk_api::{CallOptions, ErrorKind, TransportKind};

use crate::support::{Dice, Read, builder, now, scripted, with_token};

#[tokio::test(start_paused = true)]
async fn five_attempts_then_the_last_cause() {
    for (fault, kind) in [
        (Reply::reset(), ErrorKind::Transport(TransportKind::Reset)),
        (Reply::fault(TransportKind::Connect), ErrorKind::Transport(TransportKind::Connect)),
        (Reply::status(200).body("pong").cut_at(1), ErrorKind::Transport(TransportKind::CutBody)),
        (Reply::status(500), ErrorKind::Unavailable),
        (Reply::status(504), ErrorKind::Unavailable),
    ] {
        let (client, log) = scripted([fault]);
        let error = client.send(&Read {}, &CallOptions::default()).await.unwrap_err();
        assert_eq!((error.attempts(), log.count()), (5, 5));
        assert_eq!(*error.kind(), kind);
        for (gap, ceiling) in log.gaps().iter().zip([500, 1_000, 2_000, 4_000]) {
            assert!(*gap <= Duration::from_millis(ceiling + 200), "{gap:?} over {ceiling} ms");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_not_repeated_is_asked_once() {
    for (fault, kind) in [
        (Reply::status(400), ErrorKind::Rejected),
        (Reply::status(404), ErrorKind::Rejected),
        (Reply::status(501), ErrorKind::Rejected),
        (Reply::status(403), ErrorKind::Forbidden),
        (Reply::fault(TransportKind::Tls), ErrorKind::Transport(TransportKind::Tls)),
        (Reply::fault(TransportKind::Protocol), ErrorKind::Transport(TransportKind::Protocol)),
    ] {
        let (client, log) = scripted([fault]);
        let error = client.send(&Read {}, &CallOptions::default()).await.unwrap_err();
        assert_eq!((error.attempts(), log.count()), (1, 1));
        assert_eq!(*error.kind(), kind);
    }
}

#[tokio::test(start_paused = true)]
async fn a_host_that_is_down_is_asked_a_tenth_more_often_and_not_five_times() {
    let transport = with_token(|_| Reply::status(503));
    let client = builder().0.build(Arc::new(transport.clone()));
    let mut spent = 0;
    for _ in 0..200 {
        let error = client.send(&Read {}, &CallOptions::default()).await.unwrap_err();
        spent += u32::from(*error.kind() == ErrorKind::BudgetSpent);
        assert!(error.is_unavailable());
        assert_eq!(error.status().unwrap(), 503, "the last answer is kept");
    }
    // 200 calls, a token, a tenth of the calls, the reserve of thirty.
    assert!(transport.requests() <= 200 + 1 + 21 + 30, "{}", transport.requests());
    assert!(spent > 140, "{spent}");
}

#[tokio::test(start_paused = true)]
async fn five_percent_errors_for_an_hour_are_got_over() {
    let dice = Dice::new(11);
    let transport = with_token(move |_| Reply::status(if dice.between(1, 100) <= 5 { 500 } else { 200 }));
    let client = builder().0.build(Arc::new(transport.clone()));
    let (mut calls, mut failed, start) = (0_u32, 0_u32, now());
    while now() - start < Duration::from_secs(3_600) {
        calls += 1;
        failed += u32::from(client.send(&Read {}, &CallOptions::default()).await.is_err());
    }
    assert!(calls > 10_000);
    assert!(f64::from(failed) <= 1e-4 * f64::from(calls), "{failed} of {calls}");
    assert!(transport.requests() as f64 <= 1.1 * f64::from(calls) + 1.0);
}

#[tokio::test(start_paused = true)]
async fn time_outs_end_what_stands_still() {
    // The head, then the body; each attempt takes its time-out, the call takes its deadline.
    for (stall, seconds) in [(Reply::silence(), 15), (Reply::status(200).body("pong").stall_at(2), 10)] {
        let (client, log) = scripted([stall]);
        let start = now();
        let error = client.send(&Read {}, &CallOptions::default()).await.unwrap_err();
        assert_eq!(*error.kind(), ErrorKind::Transport(TransportKind::Timeout));
        assert_eq!((error.attempts(), log.count()), (5, 5));
        let took = (now() - start).as_secs();
        assert!((5 * seconds..5 * seconds + 8).contains(&took), "{took} s");
    }
    // A byte every five seconds is progress; only the deadline ends it.
    let (client, log) =
        scripted([Reply::status(200).body("x".repeat(1_000)).chunks(1, Duration::from_secs(5))]);
    let start = now();
    let error = client.send(&Read {}, &CallOptions::default()).await.unwrap_err();
    assert_eq!((error.kind(), log.count()), (&ErrorKind::Deadline, 1));
    let took = now() - start;
    assert!((Duration::from_secs(120)..Duration::from_millis(120_100)).contains(&took), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_burst_of_errors_is_over_when_it_is_over() {
    let start = now();
    let transport = with_token(move |_| {
        let down = (30..60).contains(&(now() - start).as_secs());
        Reply::status(if down { 503 } else { 200 }).after(Duration::from_millis(20))
    });
    let client = builder().0.build(Arc::new(transport.clone()));
    let mut callers = tokio::task::JoinSet::new();
    for _ in 0..20 {
        let client = client.clone();
        callers.spawn(async move {
            let mut calls = Vec::new();
            while now() - start < Duration::from_secs(120) {
                let good = client.send(&Read {}, &CallOptions::default()).await.is_ok();
                calls.push(((now() - start).as_secs(), good));
            }
            calls
        });
    }
    let calls: Vec<(u64, bool)> = callers.join_all().await.into_iter().flatten().collect();
    let good_in = |from: u64, to: u64| {
        calls.iter().filter(|(at, good)| *good && (from..to).contains(at)).count() as f64 / (to - from) as f64
    };
    assert!(transport.requests() as f64 <= 1.1 * calls.len() as f64 + 32.0);
    assert!(
        good_in(62, 92) >= 0.95 * good_in(10, 30),
        "{} after, {} before",
        good_in(62, 92),
        good_in(10, 30)
    );
}

#[tokio::test(start_paused = true)]
async fn a_dead_host_is_asked_once_a_second_and_every_call_ends_by_its_deadline() {
    for fault in [Reply::silence(), Reply::reset(), Reply::fault(TransportKind::Connect)] {
        let start = now();
        let dead = fault.clone();
        let transport = with_token(move |_| {
            let down = (10..610).contains(&(now() - start).as_secs());
            if down { dead.clone() } else { Reply::status(200).after(Duration::from_millis(20)) }
        });
        let client = builder().0.build(Arc::new(transport.clone()));
        let mut callers = tokio::task::JoinSet::new();
        for _ in 0..20 {
            let client = client.clone();
            callers.spawn(async move {
                while now() - start < Duration::from_secs(660) {
                    let begun = now();
                    let outcome = client.send(&Read {}, &CallOptions::default()).await;
                    assert!(now() - begun <= Duration::from_millis(120_100));
                    assert!(outcome.is_ok() || outcome.unwrap_err().is_unavailable());
                }
            });
        }
        tokio::time::sleep(Duration::from_secs(15)).await;
        let before = transport.requests();
        tokio::time::sleep(Duration::from_secs(590)).await;
        let asked = transport.requests() - before;
        assert!(asked <= 592, "{fault:?}: {asked} requests in 590 s");
        // Back to full speed within seconds.
        tokio::time::sleep(Duration::from_secs(20)).await;
        let before = transport.requests();
        tokio::time::sleep(Duration::from_secs(10)).await;
        assert!(transport.requests() - before >= 95, "{fault:?}: {}", transport.requests() - before);
        while let Some(caller) = callers.join_next().await {
            caller.unwrap();
        }
    }
}
