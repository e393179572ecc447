//! Row R30: one token for all callers, in virtual time.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use frontdesk_api::transport::memory::{MemoryTransport, Reply};
use frontdesk_api::{CallOptions, Client, ErrorKind, StoredToken, TokenStore};
use frontdesk_domain::Secret;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::support::{Open, Read, SECRET, builder, is_token, noon, now};

const SECOND: Duration = Duration::from_secs(1);

/// Gives tokens `t1`, `t2`, … of one lifetime, and answers calls with 200 while theirs is alive and known.
struct Server {
    expires_in: Value,
    given: AtomicU64,
    calls: AtomicU64,
    refused: AtomicU64,
    /// Token number -> when it was given; one that is taken out is not accepted.
    alive: Mutex<Vec<(u64, tokio::time::Instant)>>,
}

impl Server {
    fn new(expires_in: Value) -> Arc<Self> {
        Arc::new(Self {
            expires_in,
            given: AtomicU64::new(0),
            calls: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            alive: Mutex::default(),
        })
    }

    fn give(&self) -> Reply {
        let number = self.given.fetch_add(1, Ordering::Relaxed) + 1;
        self.alive.lock().unwrap().push((number, now()));
        let token = json!({"access_token": format!("t{number}"), "expires_in": self.expires_in});
        Reply::json(&token).after(Duration::from_millis(200))
    }

    fn call(&self, request: &http::Request<bytes::Bytes>) -> Reply {
        self.calls.fetch_add(1, Ordering::Relaxed);
        let lifetime = Duration::from_secs_f64(self.expires_in.as_f64().unwrap_or(300.0).clamp(0.0, 1e9));
        let bearer = request.headers()["authorization"].to_str().unwrap();
        let number: u64 = bearer.strip_prefix("Bearer t").unwrap().parse().unwrap();
        let alive = self.alive.lock().unwrap();
        if alive.iter().any(|(known, given)| *known == number && now() < *given + lifetime) {
            Reply::status(200)
        } else {
            self.refused.fetch_add(1, Ordering::Relaxed);
            Reply::status(401)
        }
    }

    fn revoke(&self) {
        self.alive.lock().unwrap().clear();
    }

    fn transport(self: &Arc<Self>) -> Arc<MemoryTransport> {
        let server = Arc::clone(self);
        Arc::new(MemoryTransport::new(
            move |request| {
                if is_token(request) { server.give() } else { server.call(request) }
            },
        ))
    }

    fn counts(&self) -> (u64, u64, u64) {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        (read(&self.given), read(&self.calls), read(&self.refused))
    }
}

async fn together(client: &Client, callers: usize) -> Vec<Result<usize, frontdesk_api::Error>> {
    let mut set = JoinSet::new();
    for _ in 0..callers {
        let client = client.clone();
        // A thousand at the starting pace take longer than two minutes.
        let options = CallOptions::default().deadline(SECOND * 3_600);
        set.spawn(async move { client.send(&Read {}, &options).await });
    }
    set.join_all().await
}

#[tokio::test(start_paused = true)]
async fn a_thousand_callers_at_expiry_make_one_token_request() {
    let server = Server::new(json!(86_400));
    let client = builder().0.build(server.transport());
    assert!(together(&client, 1_000).await.iter().all(Result::is_ok));
    assert_eq!(server.counts(), (1, 1_000, 0));
    tokio::time::sleep(SECOND * 86_400).await;
    assert!(together(&client, 1_000).await.iter().all(Result::is_ok));
    assert_eq!(server.counts(), (2, 2_000, 0));
    assert_eq!(client.counters().token_requests, 2);
}

#[tokio::test(start_paused = true)]
async fn every_lifetime_is_kept_and_no_call_carries_a_dead_token() {
    // (expires_in, token requests in 600 s of one call a second): the margin is half of the lifetime, at most 300 s.
    for (expires_in, requests) in [
        (json!(1), 550..=601),
        (json!(29), 38..=43),
        (json!(60), 19..=21),
        (json!(300), 4..=4),
        (json!(600), 2..=2),
        (json!(null), 4..=4),
        (json!("3600"), 4..=4),
        (json!(1e18), 1..=1),
    ] {
        let server = Server::new(expires_in.clone());
        let client = builder().0.build(server.transport());
        for _ in 0..600 {
            client.send(&Read {}, &CallOptions::default()).await.unwrap();
            tokio::time::sleep(SECOND).await;
        }
        let (given, calls, refused) = server.counts();
        assert_eq!((calls, refused), (600, 0), "{expires_in}");
        assert!(requests.contains(&given), "{expires_in}: {given} token requests");
    }
    for dead in [json!(0), json!(-1), json!(-1e18)] {
        let server = Server::new(dead.clone());
        let client = builder().0.build(server.transport());
        let error = client.send(&Read {}, &CallOptions::default()).await.unwrap_err();
        assert!(error.is_auth(), "{dead}: {error}");
        assert_eq!(server.counts().1, 0, "nothing is sent without a token");
    }
}

#[tokio::test(start_paused = true)]
async fn a_401_drops_that_token_and_repeats_once() {
    let server = Server::new(json!(86_400));
    let client = builder().0.build(server.transport());
    together(&client, 100).await;
    server.revoke();
    assert!(together(&client, 100).await.iter().all(Result::is_ok));
    let (given, calls, refused) = server.counts();
    assert_eq!(given, 2, "one refresh for all who were refused");
    assert!(refused <= 100 && calls == 200 + refused);
}

#[tokio::test(start_paused = true)]
async fn when_every_call_is_refused_each_costs_one_refresh_and_one_replay() {
    let server = Server::new(json!(86_400));
    let refusing = Arc::clone(&server);
    let transport = MemoryTransport::new(move |request| {
        if is_token(request) {
            refusing.give()
        } else {
            refusing.calls.fetch_add(1, Ordering::Relaxed);
            Reply::status(401)
        }
    });
    let client = builder().0.build(Arc::new(transport));
    for number in 1..=10 {
        let error = client.send(&Read {}, &CallOptions::default()).await.unwrap_err();
        assert_eq!((error.kind(), error.attempts()), (&ErrorKind::Unauthorized, 2));
        assert!(error.is_auth());
        let (given, calls, _) = server.counts();
        assert_eq!((given, calls), (1 + number, 2 * number));
    }
    let before = server.counts();
    assert!(together(&client, 100).await.iter().all(Result::is_err));
    let (given, calls, _) = server.counts();
    assert!(given - before.0 <= 100 && calls - before.1 <= 200, "{given} {calls}");
}

#[tokio::test(start_paused = true)]
async fn bad_credentials_make_one_request_a_back_off_window() {
    let transport = MemoryTransport::new(|request| {
        assert!(is_token(request), "no call without a token");
        let body =
            json!({"error": "invalid_client", "error_description": format!("no client with {SECRET}")});
        Reply::status(401).body(body.to_string())
    });
    let client = builder().0.build(Arc::new(transport.clone()));
    let outcomes = together(&client, 1_000).await;
    assert_eq!(transport.requests(), 1);
    for outcome in outcomes {
        let error = outcome.unwrap_err();
        assert!(error.is_auth() && !error.is_unavailable());
        assert_eq!((error.status().unwrap().as_u16(), error.code()), (401, Some("invalid_client")));
        assert_eq!(error.message(), Some("no client with ***"));
        assert_eq!(error.operation(), "token request");
    }
    // Windows of 1, 2, 4, 8, 16, 30, 30, … seconds.
    let start = now();
    while now() - start < SECOND * 121 {
        client.send(&Read {}, &CallOptions::default()).await.unwrap_err();
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(
        (6..=9).contains(&transport.requests()),
        "{} token requests in two minutes",
        transport.requests()
    );
}

#[tokio::test(start_paused = true)]
async fn a_token_endpoint_that_is_down_is_unavailable_and_repeated_by_one_caller_for_all() {
    let transport = MemoryTransport::new(|_| Reply::status(503));
    let client = builder().0.build(Arc::new(transport.clone()));
    let outcomes = together(&client, 500).await;
    assert_eq!(transport.requests(), 5);
    assert!(
        outcomes
            .iter()
            .all(|outcome| outcome.as_ref().is_err_and(|error| error.is_unavailable() && !error.is_auth()))
    );
}

#[tokio::test(start_paused = true)]
async fn while_a_token_is_good_a_failed_refresh_is_nobodys_failure() {
    let server = Server::new(json!(600));
    let answering = Arc::clone(&server);
    let down = Arc::new(AtomicU64::new(0));
    let is_down = Arc::clone(&down);
    let transport =
        MemoryTransport::new(move |request| match (is_token(request), is_down.load(Ordering::Relaxed)) {
            (true, 0) => answering.give(),
            (true, _) => {
                is_down.fetch_add(1, Ordering::Relaxed);
                Reply::status(503)
            }
            (false, _) => answering.call(request),
        });
    let (builder, clock) = builder();
    let client = builder.build(Arc::new(transport));
    client.send(&Read {}, &CallOptions::default()).await.unwrap();
    down.store(1, Ordering::Relaxed);
    tokio::time::sleep(SECOND * 301).await;
    // Inside the margin: calls go on with the old token, refreshes are tried a few times.
    for _ in 0..280 {
        let start = now();
        client.send(&Read {}, &CallOptions::default()).await.unwrap();
        assert!(now() - start < SECOND);
        tokio::time::sleep(SECOND).await;
    }
    let tried = down.load(Ordering::Relaxed) - 1;
    assert!((8..=16).contains(&tried), "{tried} refreshes tried in 280 s");
    assert_eq!(server.counts(), (1, 281, 0));
    // By a wall clock that was set back it has not, yet it is not sent.
    clock.jump_back(SECOND * 86_400);
    // It has expired: now the failure counts, and when the endpoint is back everything is well.
    tokio::time::sleep(SECOND * 60).await;
    assert!(client.send(&Read {}, &CallOptions::default()).await.unwrap_err().is_unavailable());
    down.store(0, Ordering::Relaxed);
    tokio::time::sleep(SECOND * 60).await;
    client.send(&Read {}, &CallOptions::default()).await.unwrap();
    assert_eq!(server.counts(), (2, 282, 0));
}

#[tokio::test(start_paused = true)]
async fn when_the_refreshing_caller_is_dropped_the_next_takes_over() {
    let server = Server::new(json!(86_400));
    let client = builder().0.build(server.transport());
    let options = CallOptions::default();
    let mut first = Box::pin(client.send(&Read {}, &options));
    assert!(tokio::time::timeout(Duration::from_millis(100), &mut first).await.is_err());
    let mut others = JoinSet::new();
    for _ in 0..10 {
        let client = client.clone();
        others.spawn(async move { client.send(&Read {}, &CallOptions::default()).await.is_ok() });
    }
    tokio::time::sleep(Duration::from_millis(50)).await;
    drop(first);
    assert!(others.join_all().await.into_iter().all(|ok| ok));
    assert_eq!(server.counts().0, 2, "the dropped caller's, and one for everybody else");
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_jumps_costs_at_most_a_refresh() {
    let server = Server::new(json!(3_600));
    let (builder, clock) = builder();
    let client = builder.build(server.transport());
    client.send(&Read {}, &CallOptions::default()).await.unwrap();
    clock.jump_back(SECOND * 86_400);
    client.send(&Read {}, &CallOptions::default()).await.unwrap();
    assert_eq!(server.counts(), (1, 2, 0));
    // The wall clock is a day behind, yet the token is not used past its life.
    tokio::time::sleep(SECOND * 3_600).await;
    client.send(&Read {}, &CallOptions::default()).await.unwrap();
    assert_eq!(server.counts(), (2, 3, 0));
    clock.jump_forward(SECOND * 86_400 * 2);
    client.send(&Read {}, &CallOptions::default()).await.unwrap();
    assert_eq!(server.counts(), (3, 4, 0));
}

#[tokio::test(start_paused = true)]
async fn a_guest_call_carries_no_token_and_asks_for_none() {
    let transport = MemoryTransport::new(|request| {
        assert!(!is_token(request) && !request.headers().contains_key("authorization"));
        Reply::status(401)
    });
    let client = builder().0.build(Arc::new(transport.clone()));
    let error = client.send(&Open {}, &CallOptions::default()).await.unwrap_err();
    assert_eq!((error.attempts(), transport.requests()), (1, 1), "there is no token to refresh");
}

/// Keeps one token in memory.
#[derive(Debug, Default)]
struct Shelf(Mutex<Option<StoredToken>>);

impl TokenStore for Shelf {
    fn load(&self) -> Option<StoredToken> {
        self.0.lock().unwrap().clone()
    }

    fn save(&self, token: &StoredToken) {
        *self.0.lock().unwrap() = Some(token.clone());
    }
}

#[tokio::test(start_paused = true)]
async fn commands_share_a_token_through_a_store() {
    let server = Server::new(json!(3_600));
    let shelf = Arc::new(Shelf::default());
    for _ in 0..5 {
        let client = builder().0.token_store(Arc::clone(&shelf) as _).build(server.transport());
        client.send(&Read {}, &CallOptions::default()).await.unwrap();
    }
    assert_eq!(server.counts(), (1, 5, 0));

    // One that is not accepted any more is replaced, also on the shelf.
    server.revoke();
    for _ in 0..2 {
        let client = builder().0.token_store(Arc::clone(&shelf) as _).build(server.transport());
        client.send(&Read {}, &CallOptions::default()).await.unwrap();
    }
    assert_eq!(server.counts(), (2, 8, 1));

    // Left with a minute or less, or written under a clock that is ahead: not used.
    for (issued, expires) in [(-3_600, 60), (-3_600, -10), (3_600, 7_200)] {
        let at = |seconds: i64| {
            frontdesk_domain::Timestamp::from_micros(noon().as_micros() + seconds * 1_000_000).unwrap()
        };
        let stale =
            StoredToken { access_token: Secret::new("t9"), issued_at: at(issued), expires_at: at(expires) };
        let shelf = Arc::new(Shelf(Mutex::new(Some(stale))));
        let before = server.counts();
        let client = builder().0.token_store(shelf as _).build(server.transport());
        client.send(&Read {}, &CallOptions::default()).await.unwrap();
        assert_eq!(server.counts(), (before.0 + 1, before.1 + 1, before.2));
    }
}

#[tokio::test(start_paused = true)]
async fn a_token_that_is_no_token_is_refused() {
    for (reply, what) in [
        (Reply::status(200).body(r#"{"access_token": ""}"#), "it has no access_token"),
        (
            Reply::status(200).header("content-type", "text/html; charset=utf-8").body("<html>"),
            "it is not JSON; it is an HTML page",
        ),
        (Reply::status(200), "it is empty"),
        (Reply::status(204), "status 204 where 200 was expected"),
    ] {
        let transport = MemoryTransport::new(move |_| reply.clone());
        let client = builder().0.build(Arc::new(transport.clone()));
        let error = client.authenticate(&CallOptions::default()).await.unwrap_err();
        assert_eq!(*error.kind(), ErrorKind::Malformed { what: what.to_owned() });
        assert!(error.is_auth());
        assert_eq!(transport.requests(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_token_that_expires_while_its_refresh_stalls_is_asked_for_again() {
    let server = Server::new(json!(20));
    let answering = Arc::clone(&server);
    let asked = AtomicU64::new(0);
    let transport = MemoryTransport::new(move |request| {
        if !is_token(request) {
            return answering.call(request);
        }
        // The second token request, made with eight seconds left, is never answered.
        if asked.fetch_add(1, Ordering::Relaxed) == 1 { Reply::silence() } else { answering.give() }
    });
    let client = builder().0.build(Arc::new(transport));
    client.send(&Read {}, &CallOptions::default()).await.unwrap();
    tokio::time::sleep(SECOND * 12).await;
    assert!(together(&client, 10).await.iter().all(Result::is_ok));
    assert_eq!(server.counts(), (2, 11, 0));
}

#[tokio::test(start_paused = true)]
async fn a_stored_token_is_refreshed_in_its_last_minute() {
    let server = Server::new(json!(3_600));
    let shelf = Arc::new(Shelf::default());
    let start = now();
    // Each command has a clock of its own that shows the same time.
    let command = || {
        let (builder, clock) = builder();
        clock.jump_forward(now() - start);
        builder.token_store(Arc::clone(&shelf) as _).build(server.transport())
    };
    command().send(&Read {}, &CallOptions::default()).await.unwrap();
    tokio::time::sleep(SECOND * 3_510).await;
    let second = command();
    second.send(&Read {}, &CallOptions::default()).await.unwrap();
    assert_eq!(server.counts(), (1, 2, 0), "an hour's token with a minute and a half left is used");
    tokio::time::sleep(SECOND * 40).await;
    second.send(&Read {}, &CallOptions::default()).await.unwrap();
    assert_eq!(server.counts(), (2, 3, 0), "with less than a minute left it is refreshed");
}

#[tokio::test(start_paused = true)]
async fn a_token_that_expires_in_the_queue_is_not_sent() {
    let server = Server::new(json!(3));
    let (builder, _) = builder();
    let slow = frontdesk_api::Rate::per_second(5.0).unwrap();
    let client = builder.rate(slow).build(server.transport());
    assert!(together(&client, 100).await.iter().all(Result::is_ok));
    let (given, calls, refused) = server.counts();
    assert_eq!((calls, refused), (100, 0));
    assert!((6..=14).contains(&given), "{given} tokens in 20 s");
}
