//! Row R22: `Retry-After` in every form, on the statuses that are repeated; and what is counted, in virtual time.

use std::sync::Arc;
use std::time::Duration;

use frontdesk_api::transport::memory::Reply;
use frontdesk_api::{CallOptions, Disposition, ErrorKind, TransportKind};

use crate::support::{Keyed, Log, Read, Write, builder, now, scripted, with_token};

const SECOND: Duration = Duration::from_secs(1);

fn options() -> CallOptions {
    CallOptions::default()
}

#[tokio::test(start_paused = true)]
async fn a_named_wait_is_kept_and_never_undercut() {
    // The clock starts at noon; each answer comes a moment after it.
    let cases: [(Reply, f64); 12] = [
        (Reply::status(429).header("retry-after", "7"), 7.0),
        (Reply::status(503).header("retry-after", "7"), 7.0),
        (Reply::status(500).header("retry-after", "7"), 7.0),
        (Reply::status(408).header("retry-after", "7"), 7.0),
        (Reply::status(429).header("retry-after", "1.5"), 1.5),
        (Reply::status(429).header("retry-after", "0"), 0.0),
        (Reply::status(429).header("retry-after", "-1"), 0.0),
        (Reply::status(503).header("retry-after", "Sat, 01 Mar 2025 12:00:20 GMT"), 20.0),
        (Reply::status(503).header("retry-after", "Saturday, 01-Mar-25 12:00:20 GMT"), 20.0),
        (Reply::status(429).header("retry-after", "Sat Mar  1 12:00:20 2025"), 20.0),
        (Reply::status(429).header("retry-after", "Sat, 01 Mar 2025 11:00:00 GMT"), 0.0),
        (Reply::status(429).header("retry-after", "3").header("retry-after", "9"), 9.0),
    ];
    for (refusal, asked) in cases {
        let (client, log) = scripted([refusal.clone(), Reply::status(200).body("pong")]);
        assert_eq!(client.send(&Read {}, &options()).await.unwrap(), 4);
        let gap = log.gaps()[0].as_secs_f64();
        // The pace may add a little: it learned from the refusal, too.
        assert!((asked - 0.01..asked + 0.25).contains(&gap), "{:?}: waited {gap}, asked {asked}", refusal);
        assert_eq!(client.counters().requests, 3, "a token, the refusal, the repeat");
    }
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_read_names_no_wait() {
    for refusal in [
        Reply::status(429),
        Reply::status(429).header("retry-after", "soon"),
        Reply::status(429).header("retry-after", ""),
        Reply::status(429).header("retry-after", "Sat, 32 Mar 2025 12:00:20 GMT"),
    ] {
        let (client, log) = scripted([refusal]);
        let error = client.send(&Read {}, &options()).await.unwrap_err();
        assert_eq!((error.attempts(), log.count()), (5, 5));
        assert!(error.is_throttled() && error.is_unavailable());
        assert_eq!((error.retry_after(), error.disposition()), (None, Disposition::Retry));
        for (gap, ceiling) in log.gaps().iter().zip([1, 2, 4, 8]) {
            // The gate lets one go alone and gives it a second, so a wait is never much longer than its ceiling.
            assert!(*gap <= SECOND * ceiling + Duration::from_millis(50), "{gap:?} over {ceiling} s");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_wait_beyond_the_deadline_ends_the_call_at_once() {
    for (refusal, asked) in [
        (Reply::status(429).header("retry-after", "3600"), 3_600),
        (Reply::status(503).header("retry-after", "120"), 120),
        (Reply::status(429).header("retry-after", "99999999999"), 99_999_999_999),
        (Reply::status(503).header("retry-after", "Sat, 01 Mar 2025 13:00:00 GMT"), 3_600),
    ] {
        let (client, log) = scripted([refusal]);
        let start = now();
        let error = client.send(&Read {}, &options()).await.unwrap_err();
        assert!(now() - start < SECOND);
        assert_eq!(log.count(), 1);
        let wait = error.retry_after().unwrap();
        assert!((asked..=asked + 1).contains(&wait.as_secs().max(asked)), "{wait:?}");
        assert!(error.is_unavailable());
        assert_eq!(error.disposition(), Disposition::RetryAfter(wait));
        assert!(error.to_string().contains("asks to wait"), "{error}");
        assert!(error.hint().is_some());
    }
}

#[tokio::test(start_paused = true)]
async fn answers_that_name_their_wait_are_not_counted_but_the_deadline_bounds_them() {
    let (client, log) = scripted([Reply::status(503).header("retry-after", "10")]);
    let start = now();
    let error = client.send(&Read {}, &options()).await.unwrap_err();
    // Twelve waits of ten seconds are as long as the deadline: the twelfth is not begun.
    assert_eq!(log.count(), 12);
    assert_eq!(error.retry_after(), Some(SECOND * 10));
    assert!(now() - start < SECOND * 120);
    assert_eq!(*error.kind(), ErrorKind::Unavailable);
}

#[tokio::test(start_paused = true)]
async fn at_once_is_believed_once() {
    let (client, log) = scripted([Reply::status(503).header("retry-after", "0")]);
    client.send(&Read {}, &options()).await.unwrap_err();
    assert!(log.gaps()[0] < Duration::from_millis(250));
    assert!(log.count() < 40, "{} requests in two minutes", log.count());
}

#[tokio::test(start_paused = true)]
async fn a_redirect_is_not_followed_and_not_repeated() {
    for status in [301, 302, 303, 307, 308] {
        let transport = with_token(move |_| {
            Reply::status(status).header("location", "https://evil.example/steal").header("retry-after", "1")
        });
        let client = builder().0.build(Arc::new(transport.clone()));
        let error = client.send(&Read {}, &options()).await.unwrap_err();
        assert_eq!(*error.kind(), ErrorKind::Redirected);
        assert_eq!(error.disposition(), Disposition::GiveUp);
        assert_eq!(transport.requests(), 2);
    }
}

#[tokio::test(start_paused = true)]
async fn one_refusal_quiets_every_caller_of_the_host() {
    let (client, log) = scripted([
        Reply::status(429).header("retry-after", "30"),
        Reply::status(200).after(Duration::from_millis(20)),
    ]);
    let mut callers = tokio::task::JoinSet::new();
    for _ in 0..100 {
        let client = client.clone();
        callers
            .spawn(async move { client.send(&Read {}, &options()).await.map_err(|error| error.to_string()) });
    }
    for done in callers.join_all().await {
        done.unwrap();
    }
    assert_eq!(log.count(), 101, "one refusal, no storm");
    assert!(log.gaps()[0] >= SECOND * 30);
    assert_eq!(client.counters().throttled, 1);

    // Who has less time than the gate is closed for is told at once, without a request.
    let (client, log) = scripted([Reply::status(429).header("retry-after", "60")]);
    let hasty = options().deadline(SECOND * 10);
    let first = client.send(&Read {}, &hasty).await.unwrap_err();
    let start = now();
    let second = client.send(&Read {}, &hasty).await.unwrap_err();
    assert_eq!((first.attempts(), second.attempts(), log.count()), (1, 0, 1));
    assert!(second.is_throttled() && now() == start);
    assert!(second.retry_after().unwrap() > SECOND * 59);
}

#[tokio::test(start_paused = true)]
async fn a_write_is_sent_again_only_when_it_surely_was_not_processed() {
    let faults: [(Reply, bool); 9] = [
        (Reply::fault(TransportKind::Connect), true),
        (Reply::fault(TransportKind::Dns), true),
        (Reply::status(429), true),
        (Reply::reset(), false),
        (Reply::status(200).body("pong").cut_at(2), false),
        (Reply::status(502), false),
        (Reply::status(503).header("retry-after", "1"), false),
        (Reply::status(408), false),
        (Reply::silence(), false),
    ];
    for (fault, again) in faults {
        let (client, log) = scripted([fault.clone(), Reply::status(200)]);
        let outcome = client.send(&Write {}, &options()).await;
        assert_eq!((outcome.is_ok(), log.count()), (again, 1 + usize::from(again)), "{:?}", fault);
        if let Err(error) = outcome {
            assert!(error.may_have_been_processed(), "{error}");
            assert_eq!(error.disposition(), Disposition::GiveUp, "{error}");
        }
        let (client, log) = scripted([fault.clone(), Reply::status(200)]);
        client.send(&Keyed {}, &options()).await.unwrap();
        assert_eq!(log.count(), 2, "a key makes it safe");
    }
}

#[tokio::test(start_paused = true)]
async fn a_refusal_that_names_no_wait_quiets_the_others_too() {
    let mut quiet = Duration::ZERO;
    for seed in 0..40 {
        let log = Arc::new(Log::default());
        let seen = Arc::clone(&log);
        let transport = with_token(move |_| {
            seen.note();
            Reply::status(if seen.count() == 1 { 429 } else { 200 })
        });
        let client = builder().0.seed(seed).build(Arc::new(transport));
        let options = options();
        let both = tokio::join!(client.send(&Read {}, &options), client.send(&Read {}, &options));
        assert!(both.0.is_ok() && both.1.is_ok());
        quiet += log.gaps()[0];
    }
    // Full jitter from one second is half a second on average; without the gate the second caller would go at his pace.
    assert!((15..=25).contains(&quiet.as_secs()), "{quiet:?} in 40 runs");
}
