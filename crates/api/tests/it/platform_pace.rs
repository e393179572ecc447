//! Rows S8, S9 and R22 on the published contract, in virtual time: the pace of looks, reads in bulk and queries together
//! against `inin-ratelimit-*` (platform contract B.5), and waits that are named.

use std::fmt::Write as _;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use frontdesk_api::transport::memory::Reply;
use frontdesk_api::{
    ConversationSource as _, DetailsQuery, Platform, SeenIds, Singles, TranscriptSource as _,
};
use frontdesk_domain::{ConversationId, PageSize, TimeRange};
use futures_util::StreamExt as _;
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::pace::{Latency, Mode, RUN, Server, Usage, transport};
use crate::support::{Log, builder, now, with_token};

/// What is asked for, as the platform would answer it.
fn said(request: &http::Request<bytes::Bytes>) -> Value {
    let path = request.uri().path();
    if path.ends_with("/query") {
        json!({"conversations": [{"conversationId": "c-1", "conversationStart": "2026-03-01T10:00:00Z"}], "totalHits": 1})
    } else if path.ends_with("/bulk") {
        json!({"entities": [{"id": "m-1"}]})
    } else {
        let legs = json!([{"id": "k1", "messages": [{"messageId": "m-1"}]}]);
        json!({"id": "c-1", "participants": [{"id": "p1", "purpose": "customer", "messages": legs}]})
    }
}

fn day() -> DetailsQuery {
    let time = |text: &str| text.parse().unwrap();
    let range = TimeRange::new(time("2026-03-01T00:00:00Z"), time("2026-03-02T00:00:00Z")).unwrap();
    let (size, seen) = (PageSize::default(), SeenIds::default());
    DetailsQuery { range, size, filter: None, resume: None, max_pages: None, seen }
}

fn platform(server: &Arc<Server>, latency: Latency) -> Platform {
    let answering = Arc::clone(server);
    let transport = transport(latency, move |request| answering.answer_with(|| Reply::json(&said(request))));
    // The login host is another one, and its requests count against no limit of the API.
    let login = "https://login.example.com".parse().unwrap();
    Platform::new(builder().0.login(login).build(Arc::new(transport)))
}

/// Callers that list, look and read until the time is up.
fn workers(platform: &Platform, count: usize, until: Instant) -> JoinSet<()> {
    let mut workers = JoinSet::new();
    for number in 0..count {
        let platform = platform.clone();
        workers.spawn(async move {
            let id = ConversationId::new("c-1").unwrap();
            while now() < until {
                let call = async {
                    if number % 3 == 0 {
                        platform.conversations(day()).for_each(|_| async {}).await;
                    } else {
                        let _ = platform.transcript(&id, Singles::WhileFound).await;
                    }
                };
                let _ = tokio::time::timeout_at(until, call).await;
            }
        });
    }
    workers
}

#[tokio::test(start_paused = true)]
async fn the_stated_rate_is_used_up_to_a_hundredth_by_all_reads_together_and_never_passed() {
    let mut usage = Usage::new();
    // 300 a minute is what a token has; 10 to 500 ms are what an answer takes.
    for per_second in [5_u64, 10, 25, 100] {
        for mode in [Mode::Window, Mode::Minute(37), Mode::Bucket] {
            for latency in [Latency(10, 10), Latency(10, 500)] {
                let server = Arc::new(Server::new(per_second * 60, mode));
                let platform = platform(&server, latency);
                workers(&platform, 90, now() + RUN).join_all().await;
                usage.note(per_second, &server, &format!("{mode:?} {latency:?}"));
            }
        }
    }
    usage.is_whole();
}

#[tokio::test(start_paused = true)]
async fn a_rate_that_changes_costs_at_most_one_refusal_a_change() {
    let (mut table, mut fine) = (String::new(), true);
    for mode in [Mode::Window, Mode::Bucket] {
        for (before, after) in [(5, 25), (25, 5), (5, 10), (10, 5)] {
            let server = Arc::new(Server::new(before * 60, mode));
            let platform = platform(&server, Latency(10, 30));
            let (start, half) = (now(), RUN / 2);
            let mut callers = workers(&platform, 2, start + RUN);
            tokio::time::sleep_until(start + half).await;
            let (at_change, _) = server.counts();
            server.change(after * 60);
            while callers.join_next().await.is_some() {}
            let (accepted, refused) = server.counts();
            let used = [
                at_change as f64 / (before as f64 * half.as_secs_f64()),
                (accepted - at_change) as f64 / (after as f64 * half.as_secs_f64()),
            ];
            let _ = writeln!(table, "{mode:?} {before} -> {after}: used {used:.4?}, refused {refused}");
            fine &= refused <= 1 && used.iter().all(|used| *used >= 0.98);
        }
    }
    println!("{table}");
    assert!(fine, "\n{table}");
}

/// The body of an error (platform contract B.3).
fn error(status: u16) -> String {
    let limit = json!({"key": "token.rate.per.minute", "namespace": "platform.api", "value": 300});
    json!({"message": "no", "code": "too.many.requests", "status": status, "limit": limit}).to_string()
}

#[tokio::test(start_paused = true)]
async fn a_named_wait_is_kept_by_every_read_and_never_undercut() {
    // The clock starts at noon.
    let cases: [(u16, Option<&str>, f64); 12] = [
        (429, Some("7"), 7.0),
        (503, Some("7"), 7.0),
        (429, Some("1.5"), 1.5),
        (429, Some("0"), 0.0),
        (429, Some("-1"), 0.0),
        (503, Some("Sat, 01 Mar 2025 12:00:20 GMT"), 20.0),
        (503, Some("Saturday, 01-Mar-25 12:00:20 GMT"), 20.0),
        (429, Some("Sat Mar  1 12:00:20 2025"), 20.0),
        (429, Some("Sat, 01 Mar 2025 11:00:00 GMT"), 0.0),
        (429, Some("soon"), 0.0),
        (429, None, 0.0),
        (503, None, 0.0),
    ];
    for (status, named, asked) in cases {
        // The look is refused, then the read in bulk, then the query.
        for refused in 0..3_usize {
            let log = Arc::new(Log::default());
            let (seen, left) = (Arc::clone(&log), Mutex::new(refused + 1));
            let transport = with_token(move |request| {
                let mut left = left.lock().unwrap();
                *left = left.wrapping_sub(1);
                if *left == 0 || *left == usize::MAX {
                    seen.note();
                }
                match named {
                    _ if *left != 0 => Reply::json(&said(request)),
                    Some(named) => Reply::status(status).header("retry-after", named).body(error(status)),
                    None => Reply::status(status).body(error(status)),
                }
            });
            let platform = Platform::new(builder().0.build(Arc::new(transport)));
            let id = ConversationId::new("c-1").unwrap();
            let start = now();
            platform.transcript(&id, Singles::All).await.unwrap();
            platform.conversations(day()).for_each(|page| async move { drop(page.unwrap()) }).await;
            // A date is a time: what came before the refusal is no wait.
            let before = (log.first() - start).as_secs_f64();
            let asked = if named.is_some_and(|named| named.contains(':')) {
                (asked - before).max(0.0)
            } else {
                asked
            };
            let gap = log.gaps()[0].as_secs_f64();
            // Without a wait that can be read it is drawn, within a second at first. The pace may add a little.
            let most = if named.is_none() || named == Some("soon") { 1.1 } else { asked + 0.25 };
            assert!((asked - 0.01..most).contains(&gap), "{status} {named:?}, {refused}: {gap}");
            assert_eq!(platform.client().counters().requests, 5, "a token, three reads, one of them twice");
        }
    }
    // Beyond the deadline: at once, with the time.
    for named in ["3600", "99999999999", "Sat, 01 Mar 2025 13:00:00 GMT"] {
        let transport = with_token(|_| Reply::status(429).header("retry-after", named).body(error(429)));
        let platform = Platform::new(builder().0.build(Arc::new(transport)));
        let start = now();
        let error = platform.live(&ConversationId::new("c-1").unwrap()).await.unwrap_err();
        assert!(now() - start < Duration::from_secs(1) && error.attempts() == 1);
        assert!(error.retry_after().is_some_and(|wait| wait.as_secs() >= 3_599), "{error}");
        assert_eq!(error.limit_key(), Some("token.rate.per.minute"));
    }
}
