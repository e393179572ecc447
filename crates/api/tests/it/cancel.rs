//! Stopping: a signal ends waits and reads within a second, and lets a write that was sent finish.

use std::time::Duration;

use frontdesk_api::transport::memory::Reply;
use frontdesk_api::{CallOptions, Cancel, ErrorKind};

use crate::support::{Keyed, Read, Write, now, scripted};

const SECOND: Duration = Duration::from_secs(1);

/// Sends, gives the signal after three seconds, and says how long after it the call ended, and how.
macro_rules! stopped {
    ($endpoint:expr, $reply:expr) => {{
        let (client, log) = scripted([$reply]);
        let (handle, cancel) = Cancel::pair();
        let options = CallOptions::default().cancel(cancel);
        let endpoint = $endpoint;
        let call = client.send(&endpoint, &options);
        tokio::pin!(call);
        assert!(tokio::time::timeout(SECOND * 3, &mut call).await.is_err(), "still on its way");
        handle.cancel();
        let start = now();
        let outcome = call.await;
        (now() - start, outcome, log.count())
    }};
}

#[tokio::test(start_paused = true)]
async fn waits_and_reads_end_at_once() {
    for (what, reply) in [
        ("a wait", Reply::status(503).header("retry-after", "60")),
        ("a closed gate", Reply::status(429).header("retry-after", "60")),
        ("a head", Reply::silence()),
        ("a body", Reply::status(200).body("pong").stall_at(2)),
    ] {
        let (after, outcome, requests) = stopped!(Read {}, reply);
        let error = outcome.unwrap_err();
        assert!(after < SECOND && error.is_cancelled() && requests == 1, "{what}: {after:?}, {error}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_write_that_was_sent_gets_time_for_its_answer() {
    let (after, outcome, _) = stopped!(Write {}, Reply::status(200).body("pong").after(SECOND * 9));
    assert_eq!((outcome.unwrap(), after.as_secs()), (4, 6));

    let (after, outcome, requests) = stopped!(Keyed {}, Reply::silence());
    let error = outcome.unwrap_err();
    assert!(error.is_cancelled() && error.may_have_been_processed() && requests == 1);
    assert_eq!(after.as_secs(), 10);

    // Waiting for its turn is not being sent.
    let (after, outcome, _) = stopped!(Write {}, Reply::status(429).header("retry-after", "60"));
    let error = outcome.unwrap_err();
    assert!(after < SECOND && error.is_cancelled() && !error.may_have_been_processed());
}

#[tokio::test(start_paused = true)]
async fn a_signal_given_before_sends_nothing() {
    let (client, log) = scripted([Reply::status(200)]);
    let (handle, cancel) = Cancel::pair();
    handle.cancel();
    let error = client.send(&Read {}, &CallOptions::default().cancel(cancel)).await.unwrap_err();
    assert_eq!((error.kind(), error.attempts(), log.count()), (&ErrorKind::Cancelled, 0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_dropped_caller_leaves_its_turn_to_the_next() {
    let (client, log) = scripted([Reply::status(200).after(Duration::from_millis(400)), Reply::status(200)]);
    let options = CallOptions::default();
    for _ in 0..20 {
        // Dropped while it is the probe, in the queue, or in flight.
        let dropped = client.send(&Read {}, &options);
        let _ = tokio::time::timeout(Duration::from_millis(30), dropped).await;
    }
    let start = now();
    client.send(&Read {}, &options).await.unwrap();
    assert!(now() - start < SECOND * 3, "{:?} with {} requests", now() - start, log.count());
}
