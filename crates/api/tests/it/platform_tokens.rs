//! Row R30 on the published contract: tokens of the login host (A.3, A.4), under looks and queries at once.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use frontdesk_api::transport::memory::{MemoryTransport, Reply};
use frontdesk_api::{CallOptions, Error, Platform};
use frontdesk_domain::ConversationId;
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::support::{builder, now};

const SECOND: Duration = Duration::from_secs(1);

/// An organisation with a login host of its own.
struct Org {
    expires_in: Value,
    /// Tokens given, calls that came, and those that were refused.
    counts: [AtomicU64; 3],
    /// The tokens that count, and until when.
    alive: Mutex<Vec<(String, Instant)>>,
    /// Whether calls are answered 401 whatever they carry.
    storm: bool,
}

impl Org {
    fn new(expires_in: Value, storm: bool) -> Arc<Self> {
        Arc::new(Self { expires_in, counts: Default::default(), alive: Mutex::default(), storm })
    }

    fn count(&self, which: usize) -> u64 {
        self.counts[which].fetch_add(1, Ordering::Relaxed) + 1
    }

    fn counts(&self) -> (u64, u64, u64) {
        let [given, calls, refused] = &self.counts;
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        (read(given), read(calls), read(refused))
    }

    fn answer(&self, request: &http::Request<bytes::Bytes>) -> Reply {
        let header = request.headers().get("authorization").and_then(|value| value.to_str().ok());
        if request.uri().host() == Some("login.example.com") {
            assert_eq!(request.uri().path(), "/oauth/token");
            assert!(
                header.unwrap().starts_with("Basic "),
                "a client names itself to the login host by Basic"
            );
            let token = format!("t{}", self.count(0));
            // Half a lifetime is what a client leaves unused at most.
            let life = self.expires_in.as_f64().unwrap_or(300.0).clamp(0.0, 1e9);
            self.alive.lock().unwrap().push((token.clone(), now() + Duration::from_secs_f64(life)));
            let token = json!({"access_token": token, "token_type": "bearer", "expires_in": self.expires_in});
            return Reply::json(&token).after(Duration::from_millis(200));
        }
        self.count(1);
        let token = header.unwrap().strip_prefix("Bearer ").unwrap();
        assert!(!token.is_empty(), "nothing is sent with an empty token");
        let is_alive =
            self.alive.lock().unwrap().iter().any(|(known, until)| known == token && now() < *until);
        if self.storm || !is_alive {
            self.count(2);
            return Reply::status(401).body(r#"{"code":"bad.credentials","message":"no","status":401}"#);
        }
        Reply::json(&json!({"id": "c-1"}))
    }

    fn platform(self: &Arc<Self>) -> Platform {
        let org = Arc::clone(self);
        let transport = MemoryTransport::new(move |request| org.answer(request));
        let client =
            builder().0.login("https://login.example.com".parse().unwrap()).build(Arc::new(transport));
        Platform::new(client).options(CallOptions::default().deadline(SECOND * 3_600))
    }
}

async fn looks(platform: &Platform, count: usize) -> Vec<Result<bool, Error>> {
    let mut set = JoinSet::new();
    for _ in 0..count {
        let platform = platform.clone();
        set.spawn(async move {
            let id = ConversationId::new("c-1").unwrap();
            platform.live(&id).await.map(|live| live.is_some())
        });
    }
    set.join_all().await
}

#[tokio::test(start_paused = true)]
async fn a_thousand_looks_at_expiry_make_one_token_request() {
    let org = Org::new(json!(86_399), false);
    let platform = org.platform();
    for round in 1..=3 {
        assert!(looks(&platform, 1_000).await.iter().all(|look| matches!(look, Ok(true))));
        assert_eq!(org.counts(), (round, round * 1_000, 0));
        tokio::time::sleep(SECOND * 86_399).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_revoked_token_costs_one_refresh_and_a_storm_of_401_one_replay_a_call() {
    let org = Org::new(json!(86_399), false);
    let platform = org.platform();
    looks(&platform, 100).await;
    org.alive.lock().unwrap().clear();
    assert!(looks(&platform, 100).await.iter().all(Result::is_ok));
    let (given, calls, refused) = org.counts();
    assert!(given == 2 && refused <= 100 && calls == 200 + refused, "{given} {calls} {refused}");

    let org = Org::new(json!(86_399), true);
    let platform = org.platform();
    for call in 1..=10 {
        let look = looks(&platform, 1).await.remove(0);
        assert!(look.unwrap_err().is_auth());
        let (given, calls, _) = org.counts();
        assert_eq!((given, calls), (1 + call, 2 * call));
    }
    let (given_before, calls_before, _) = org.counts();
    assert!(looks(&platform, 100).await.iter().all(Result::is_err));
    let (given, calls, _) = org.counts();
    assert!(given - given_before <= 100 && calls - calls_before <= 200, "{given} {calls}");
}

#[tokio::test(start_paused = true)]
async fn whatever_lifetime_is_told_no_look_carries_a_dead_token() {
    for (expires_in, most) in [
        (json!(1), 301),
        (json!(29), 22),
        (json!(300), 3),
        (json!(null), 3),
        (json!("3600"), 3),
        (json!(1e18), 1),
    ] {
        let org = Org::new(expires_in.clone(), false);
        let platform = org.platform();
        for _ in 0..300 {
            assert!(looks(&platform, 1).await.remove(0).unwrap());
            tokio::time::sleep(SECOND).await;
        }
        let (given, calls, refused) = org.counts();
        assert!(calls == 300 && refused == 0 && given <= most, "{expires_in}: {given} {calls} {refused}");
    }
    for dead in [json!(0), json!(-1)] {
        let org = Org::new(dead.clone(), false);
        assert!(looks(&org.platform(), 1).await.remove(0).unwrap_err().is_auth(), "{dead}");
        assert_eq!(org.counts().1, 0, "nothing is sent without a token");
    }
}
