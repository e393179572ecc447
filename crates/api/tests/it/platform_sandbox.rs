//! The platform adapter against the sandbox, which reads the contract by itself: in process, in virtual time.

use std::collections::BTreeSet;
use std::sync::Arc;

use frontdesk_api::clock::VirtualClock;
use frontdesk_api::platform::{DetailsOptions, DetailsWay, Job};
use frontdesk_api::{
    BaseUrl, Client, ConversationSource, Credentials, DetailsQuery, Gateway, Platform, SeenIds, Singles,
    Stop, TranscriptLook, TranscriptSource as _,
};
use frontdesk_domain::filter::platform::matches;
use frontdesk_domain::{ConversationId, Filter, PageSize, Secret, TimeRange, Timestamp};
use frontdesk_sandbox::{Config, FaultPlan, PlatformPlan, Sandbox};
use futures_util::StreamExt as _;
use serde_json::{Value, json};

use crate::sandbox::{InProcess, START};
use crate::support::{base, now};

/// Both contracts of one sandbox.
fn both(config: Config) -> (Platform, Gateway, Arc<Sandbox>) {
    let credentials =
        || Credentials::new(config.client_id.clone(), Secret::new(config.client_secret.clone())).unwrap();
    let sandbox = Arc::new(Sandbox::new(config.clone()).unwrap());
    let wall = Timestamp::from_micros(i64::try_from(START.as_micros()).unwrap()).unwrap();
    let builder = |credentials| {
        Client::builder(base(), credentials).clock(Arc::new(VirtualClock::starting_at(wall))).seed(3)
    };
    let start = now();
    let transport = |answer| Arc::new(InProcess { sandbox: Arc::clone(&sandbox), start, answer });
    let login: BaseUrl = "https://api.example.com/login".parse().unwrap();
    let platform = builder(credentials()).login(login).build(transport(Sandbox::handle_platform));
    let gateway =
        builder(credentials().scopes(["analytics:query"]).unwrap()).build(transport(Sandbox::handle));
    (Platform::new(platform), Gateway::new(gateway), sandbox)
}

fn year() -> TimeRange {
    TimeRange::new("2025-01-01T00:00:00Z".parse().unwrap(), "2026-01-01T00:00:00Z".parse().unwrap()).unwrap()
}

fn query(range: TimeRange, size: u64) -> DetailsQuery {
    let (size, seen) = (PageSize::new(size).unwrap(), SeenIds::default());
    DetailsQuery { range, size, filter: None, resume: None, max_pages: None, seen }
}

fn by(way: DetailsWay) -> DetailsOptions {
    let mut options = DetailsOptions::default();
    options.way = way;
    options
}

/// Every record of a query, and how it ended.
async fn records(source: &dyn ConversationSource, query: DetailsQuery) -> (Vec<Value>, Stop) {
    let mut pages = source.conversations(query);
    let mut records = Vec::new();
    while let Some(page) = pages.next().await {
        for conversation in page.unwrap().conversations {
            let conversation = conversation.unwrap();
            if conversation.is_new {
                records.push(serde_json::from_slice(conversation.record.bytes()).unwrap());
            }
        }
    }
    (records, pages.stopped().unwrap().clone())
}

fn ids(records: &[Value], name: &str) -> BTreeSet<String> {
    records.iter().map(|record| record[name].as_str().unwrap().to_owned()).collect()
}

#[tokio::test(start_paused = true)]
async fn query_and_jobs_bring_what_the_gateway_brings() {
    let (platform, gateway, sandbox) = both(Config::default());
    let (expected, _) = records(&gateway, query(year(), 1_000)).await;
    let expected = ids(&expected, "id");
    assert_eq!(expected.len(), 2_000);
    for way in [DetailsWay::Query, DetailsWay::Jobs, DetailsWay::Auto] {
        let (records, stop) = records(&platform.clone().details(by(way)), query(year(), 500)).await;
        assert_eq!((ids(&records, "conversationId"), stop), (expected.clone(), Stop::Complete), "{way:?}");
        let attributes = records.iter().any(|record| record["participants"][0]["attributes"].is_object());
        assert_eq!(attributes, way == DetailsWay::Jobs, "only jobs bring attributes");
    }
    assert_eq!(sandbox.stats().requests["POST /login/oauth/token"], 1);
}

#[tokio::test(start_paused = true)]
async fn part_of_a_day_is_what_began_in_it() {
    let (platform, gateway, _) = both(Config { conversations: Some(20_000), ..Config::default() });
    let range =
        TimeRange::new("2025-03-01T09:30:00Z".parse().unwrap(), "2025-03-03T17:45:00Z".parse().unwrap())
            .unwrap();
    let (expected, _) = records(&gateway, query(range, 1_000)).await;
    let (found, _) = records(&platform, query(range, 100)).await;
    assert!(!expected.is_empty());
    assert_eq!(ids(&found, "conversationId"), ids(&expected, "id"));
}

#[tokio::test(start_paused = true)]
async fn a_bad_day_leaves_nothing_out() {
    for seed in 1..=10 {
        let faults: FaultPlan = serde_json::from_value(json!({
            "seed": seed,
            "rate": {"status_429": 0.02, "status_503": 0.02, "reset": 0.02, "cut": 0.02, "drift": 0.02}
        }))
        .unwrap();
        let (platform, ..) = both(Config { faults, seed, ..Config::default() });
        let (found, stop) = records(&platform, query(year(), 10)).await;
        assert_eq!((found.len(), stop), (2_000, Stop::Complete), "seed {seed}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_filter_gives_what_it_means() {
    let (platform, ..) = both(Config::default());
    let jobs = platform.clone().details(by(DetailsWay::Jobs));
    let (all, _) = records(&jobs, query(year(), 500)).await;
    let some = |name: &str| {
        let sessions = all.iter().flat_map(|record| record["participants"].as_array().unwrap());
        let sessions = sessions.flat_map(|participant| participant["sessions"].as_array().unwrap());
        let mut segments = sessions.flat_map(|session| session["segments"].as_array().unwrap());
        segments.find_map(|segment| segment[name].as_str()).unwrap().to_owned()
    };
    let queue = some("queueId");
    for text in [
        "type eq 'message'".to_owned(),
        format!("queue eq '{queue}' and direction eq 'inbound'"),
        format!("queue neq '{queue}' and (type eq 'voice' or type eq 'email')"),
        "startTime gt '2025-06-01T10:00:00Z' and startTime lt '2025-06-20T00:00:00Z'".to_owned(),
        "metadata.source contains 'web'".to_owned(),
    ] {
        let filter: Filter = text.parse().unwrap();
        let expected: Vec<Value> =
            all.iter().filter(|record| matches(filter.expr(), record)).cloned().collect();
        assert!(!expected.is_empty() && expected.len() < all.len(), "{text} says something");
        let (found, _) =
            records(&platform, DetailsQuery { filter: Some(filter), ..query(year(), 100) }).await;
        assert_eq!(ids(&found, "conversationId"), ids(&expected, "conversationId"), "{text}");
    }
}

#[tokio::test(start_paused = true)]
async fn texts_come_whole_late_ones_later_and_strange_ones_too() {
    for (plan, late) in [
        (PlatformPlan::default(), false),
        (PlatformPlan { strange: true, ..PlatformPlan::default() }, false),
        (PlatformPlan { late: 0.2, late_seconds: 3_600, ..PlatformPlan::default() }, true),
    ] {
        let (platform, _, sandbox) = both(Config { platform: plan, ..Config::default() });
        let look = async || {
            let (mut messages, mut absent) = (0, 0);
            for k in 0..60 {
                let id = ConversationId::new(sandbox.conversation_id(k).unwrap()).unwrap();
                let TranscriptLook::Found(transcript) = platform.transcript(&id, Singles::All).await.unwrap()
                else {
                    panic!("conversation {k} is there")
                };
                let record: Value = serde_json::from_slice(transcript.record.bytes()).unwrap();
                assert_eq!(record["entities"].as_array().unwrap().len() as u64, transcript.messages);
                messages += transcript.messages;
                absent += transcript.absent;
            }
            (messages, absent)
        };
        let (messages, absent) = look().await;
        assert!(messages > 100, "{messages}");
        assert_eq!(absent > 0, late);
        if late {
            tokio::time::advance(std::time::Duration::from_secs(4_000)).await;
            assert_eq!(look().await, (messages + absent, 0));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_client_may_is_told_job_by_job() {
    let plan = PlatformPlan {
        missing_permissions: vec![
            "conversation:message:view".into(),
            "conversation:webmessaging:view".into(),
        ],
        ..PlatformPlan::default()
    };
    let (platform, ..) = both(Config { platform: plan, ..Config::default() });
    let (info, sign) = platform.token_info().await.unwrap();
    assert!(info.organization.is_some() && info.client.is_some());
    assert!(sign.clock.is_some() && sign.quota.is_some());
    for job in [Job::List, Job::ListByJobs, Job::Look] {
        assert!(platform.may(job).await.unwrap().quota.is_some(), "{job:?}");
    }
    let refused = platform.may(Job::Read).await.unwrap_err();
    assert!(
        refused.is_auth() && refused.missing_permissions().unwrap().contains("conversation:message:view")
    );
}
