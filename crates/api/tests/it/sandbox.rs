//! The gateway adapter against the sandbox, which reads the contract by itself: in process, in virtual time.

use std::collections::HashSet;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use frontdesk_api::clock::VirtualClock;
use frontdesk_api::transport::Body;
use frontdesk_api::{
    CallOptions, Client, ClientStyle, ConversationSource as _, Credentials, DetailsQuery, Gateway, SeenIds,
    Stop, Transport, TransportError, TransportKind,
};
use frontdesk_domain::{PageSize, Secret, TimeRange, Timestamp};
use frontdesk_sandbox::{Break, Config, Ending, FaultPlan, Moment, RateMode, Reply, Sandbox};
use futures_util::future::BoxFuture;
use futures_util::{StreamExt as _, stream};
use tokio::time::Instant;

use crate::support::{base, now};

/// Calls the sandbox in process and imitates the way back.
#[derive(Debug)]
pub(crate) struct InProcess {
    pub(crate) sandbox: Arc<Sandbox>,
    pub(crate) start: Instant,
    /// Which contract answers.
    pub(crate) answer: fn(&Sandbox, &http::Request<Bytes>, IpAddr, Moment) -> Reply,
}

pub(crate) const START: Duration = Duration::from_secs(1_767_225_600);

impl Transport for InProcess {
    fn send(
        &self,
        request: http::Request<Bytes>,
    ) -> BoxFuture<'_, Result<http::Response<Body>, TransportError>> {
        Box::pin(async move {
            let time = Moment::from_unix(START + (now() - self.start));
            let Reply { response, delay, ending, .. } =
                (self.answer)(&self.sandbox, &request, IpAddr::V4(Ipv4Addr::LOCALHOST), time);
            tokio::time::sleep(delay).await;
            let (how, after) = match ending {
                Ending::Whole => (None, None),
                Ending::Broken { how, after } => (Some(how), after),
            };
            match (how, after) {
                (Some(Break::Stall), None) => std::future::pending().await,
                (Some(_), None) => return Err(TransportError::new(TransportKind::Reset)),
                _ => {}
            }
            let (head, body) = response.into_parts();
            let mut bytes = body.collect();
            if let Some(after) = after {
                bytes.truncate(usize::try_from(after).unwrap());
            }
            let end = match how {
                None => stream::empty().boxed(),
                Some(Break::Stall) => stream::pending().boxed(),
                Some(_) => stream::iter([Err(TransportError::new(TransportKind::CutBody))]).boxed(),
            };
            Ok(http::Response::from_parts(head, Body::from_stream(stream::iter([Ok(bytes)]).chain(end))))
        })
    }
}

fn gateway(config: Config, style: ClientStyle) -> (Gateway, Arc<Sandbox>) {
    let credentials = Credentials::new(config.client_id.clone(), Secret::new(config.client_secret.clone()))
        .unwrap()
        .style(style)
        .scopes(["analytics:query"])
        .unwrap();
    let sandbox = Arc::new(Sandbox::new(config).unwrap());
    let transport = InProcess { sandbox: Arc::clone(&sandbox), start: now(), answer: Sandbox::handle };
    let wall = Timestamp::from_micros(i64::try_from(START.as_micros()).unwrap()).unwrap();
    let client =
        Client::builder(base(), credentials).clock(Arc::new(VirtualClock::starting_at(wall))).seed(3);
    let gateway = Gateway::new(client.build(Arc::new(transport)));
    (gateway, sandbox)
}

fn whole_year(size: u64) -> DetailsQuery {
    let range =
        TimeRange::new("2025-01-01T00:00:00Z".parse().unwrap(), "2026-01-01T00:00:00Z".parse().unwrap());
    DetailsQuery {
        range: range.unwrap(),
        size: PageSize::new(size).unwrap(),
        filter: None,
        resume: None,
        max_pages: None,
        seen: SeenIds::default(),
    }
}

/// All pages: ids received, how many of them were new, and how it ended.
async fn pull(gateway: &Gateway, query: DetailsQuery) -> (usize, usize, Result<Stop, frontdesk_api::Error>) {
    let mut pages = gateway.conversations(query);
    let (mut received, mut unique) = (0, HashSet::new());
    while let Some(page) = pages.next().await {
        match page {
            Ok(page) => {
                for conversation in page.conversations {
                    received += 1;
                    unique.insert(conversation.unwrap().record.key().id.to_string());
                }
            }
            Err(error) => return (received, unique.len(), Err(error)),
        }
    }
    (received, unique.len(), Ok(pages.stopped().unwrap().clone()))
}

#[tokio::test(start_paused = true)]
async fn every_conversation_comes_in_all_three_client_styles() {
    for style in [ClientStyle::Basic, ClientStyle::Form, ClientStyle::Json] {
        let (gateway, sandbox) = gateway(Config::default(), style);
        let (received, unique, ended) = pull(&gateway, whole_year(100)).await;
        assert_eq!((received, unique, ended.unwrap()), (2_000, 2_000, Stop::Complete));
        let requests = sandbox.stats().requests;
        assert_eq!(requests["POST /oauth/token"], 1);
        assert_eq!(gateway.counters().requests, requests.values().sum::<u64>());
    }
}

#[tokio::test(start_paused = true)]
async fn the_stated_limit_is_kept_to_and_used() {
    for mode in [RateMode::Window, RateMode::Bucket] {
        let config = Config {
            rate_limit_per_min: 300,
            rate_mode: mode,
            latency: Duration::from_millis(40),
            conversations: Some(2_400),
            ..Config::default()
        };
        let (gateway, sandbox) = gateway(config, ClientStyle::Basic);
        let start = now();
        let (received, ..) = pull(&gateway, whole_year(2)).await;
        assert_eq!((received, sandbox.stats().throttled), (2_400, 0), "{mode:?}");
        let pages = sandbox.stats().requests["POST /api/v2/analytics/conversations/details/query"];
        let used = pages as f64 / (5.0 * (now() - start).as_secs_f64());
        assert!(used >= 0.99, "{mode:?}: {used}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_bad_day_leaves_nothing_out() {
    for seed in 1..=20 {
        let faults: FaultPlan = serde_json::from_value(serde_json::json!({
            "seed": seed,
            "rules": [{"when": {"every": 200}, "then": {"stall": "anywhere"}}],
            "rate": {"status_429": 0.02, "status_503": 0.02, "reset": 0.02, "cut": 0.02, "drift": 0.02}
        }))
        .unwrap();
        let config = Config { faults, token_lifetime: Duration::from_secs(20), seed, ..Config::default() };
        let (gateway, sandbox) = gateway(config, ClientStyle::Basic);
        let (received, unique, ended) = pull(&gateway, whole_year(10)).await;
        assert_eq!((unique, ended.unwrap()), (2_000, Stop::Complete), "seed {seed}");
        assert!(received >= 2_000);
        let stats = sandbox.stats();
        assert!(stats.requests["POST /oauth/token"] > 1, "the token expired on the way");
        assert_eq!(gateway.counters().throttled, stats.throttled);
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_page_can_do_wrong_ends_with_its_name() {
    for (then, kind) in [
        (r#""repeat_token""#, "LoopingPagination"),
        (r#""loop_token""#, "LoopingPagination"),
        (r#""same_page""#, "LoopingPagination"),
        (r#""empty_page""#, "LoopingPagination"),
        (r#""html""#, "Malformed"),
        (r#""empty""#, "Malformed"),
        (r#""not_json""#, "Malformed"),
        (r#"{"deep": {"levels": 100000}}"#, "Malformed"),
        (r#"{"status": {"status": 403}}"#, "Forbidden"),
        (r#"{"status": {"status": 307}}"#, "Redirected"),
        (r#"{"cut": {"byte": 50}}"#, "Transport(CutBody)"),
        (r#"{"reset": "before_head"}"#, "Transport(Reset)"),
        (r#"{"stall": {"byte": 1}}"#, "Transport(Timeout)"),
    ] {
        let plan = format!(
            r#"{{"rules": [{{"when": {{"path": "/api/v2/analytics/conversations/details/query", "after": 3}}, "then": {then}}}]}}"#
        );
        let config = Config { faults: serde_json::from_str(&plan).unwrap(), ..Config::default() };
        let (gateway, _) = gateway(config, ClientStyle::Basic);
        let (received, unique, ended) = pull(&gateway, whole_year(50)).await;
        let error = ended.expect_err(then);
        assert!(format!("{:?}", error.kind()).starts_with(kind), "{then}: {error:?}");
        assert!(unique >= 150 && received - unique <= 100, "{then}: {received} received, {unique} unique");
    }
}

#[tokio::test(start_paused = true)]
async fn filters_and_windows_are_read_alike_on_both_sides() {
    let (gateway, _) = gateway(Config::default(), ClientStyle::Basic);
    let of = |filter: &str| DetailsQuery { filter: Some(filter.parse().unwrap()), ..whole_year(1_000) };
    let mut sum = 0;
    for filter in ["type eq 'message'", "type neq 'message'"] {
        sum += pull(&gateway, of(filter)).await.0;
    }
    assert_eq!(sum, 2_000);
    let parts = whole_year(1_000).range.split(std::num::NonZeroU32::new(12).unwrap());
    let mut sum = 0;
    for range in parts {
        sum += pull(&gateway, DetailsQuery { range, ..whole_year(1_000) }).await.0;
    }
    assert_eq!(sum, 2_000);
}

#[tokio::test(start_paused = true)]
async fn a_wrong_secret_is_said_once() {
    let config = Config { client_secret: "another".to_owned(), ..Config::default() };
    let sandbox = Arc::new(Sandbox::new(config).unwrap());
    // The sandbox that answers knows another secret than the client sends.
    let wrong = Credentials::new("sandbox-client", Secret::new("wr0ng-canary")).unwrap();
    let transport = InProcess { sandbox: Arc::clone(&sandbox), start: now(), answer: Sandbox::handle };
    let client = Client::builder(base(), wrong).build(Arc::new(transport));
    let error = client.authenticate(&CallOptions::default()).await.unwrap_err();
    assert!(error.is_auth(), "{error}");
    assert!(!format!("{error} {error:?}").contains("wr0ng-canary"));
    assert_eq!(sandbox.stats().requests["POST /oauth/token"], 1);
}
