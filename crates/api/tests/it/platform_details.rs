//! The conversations of a range on the published contract: the query (C.7) and jobs (C.8).

use std::sync::{Arc, Mutex};

use frontdesk_api::platform::{DetailsOptions, DetailsWay};
use frontdesk_api::transport::memory::Reply;
use frontdesk_api::{
    ConversationPage, ConversationSource as _, DetailsQuery, Error, Platform, SeenIds, Stop,
};
use frontdesk_domain::{PageSize, PageToken, TimeRange};
use futures_util::StreamExt as _;
use serde_json::{Value, json};

use crate::support::{builder, with_token};

const QUERY: &str = "/api/v2/analytics/conversations/details/query";
const JOBS: &str = "/api/v2/analytics/conversations/details/jobs";

fn range(from: &str, to: &str) -> TimeRange {
    TimeRange::new(from.parse().unwrap(), to.parse().unwrap()).unwrap()
}

fn day() -> TimeRange {
    range("2026-03-01T00:00:00Z", "2026-03-02T00:00:00Z")
}

fn query(range: TimeRange) -> DetailsQuery {
    let (size, seen) = (PageSize::default(), SeenIds::default());
    DetailsQuery { range, size, filter: None, resume: None, max_pages: None, seen }
}

/// A conversation that began so many seconds into 2026-03-01.
fn conversation(number: u64) -> Value {
    let start: frontdesk_domain::Timestamp = "2026-03-01T00:00:00Z".parse().unwrap();
    let start = start.checked_add(std::time::Duration::from_secs(number)).unwrap();
    json!({"conversationId": format!("c-{number}"), "conversationStart": start, "participants": []})
}

/// A page of these.
fn page(numbers: impl IntoIterator<Item = u64>, hits: u64) -> Value {
    let conversations: Vec<Value> = numbers.into_iter().map(conversation).collect();
    if conversations.is_empty() {
        json!({"totalHits": hits})
    } else {
        json!({"conversations": conversations, "totalHits": hits})
    }
}

type Asked = Arc<Mutex<Vec<(String, Value)>>>;

/// A platform that answers by method and path with query, and the body; and what it was asked.
fn platform(answers: impl Fn(&str, &Value) -> Reply + Send + Sync + 'static) -> (Platform, Asked) {
    let asked = Asked::default();
    let log = Arc::clone(&asked);
    let transport = with_token(move |request| {
        let path = request.uri().path_and_query().map(ToString::to_string).unwrap_or_default();
        let what = format!("{} {path}", request.method());
        let body = serde_json::from_slice(request.body()).unwrap_or(Value::Null);
        log.lock().unwrap().push((what.clone(), body.clone()));
        answers(&what, &body)
    });
    (Platform::new(builder().0.build(Arc::new(transport))), asked)
}

struct Drained {
    pages: Vec<ConversationPage>,
    failed: Option<Error>,
    stop: Stop,
}

impl Drained {
    fn ids(&self) -> Vec<String> {
        let records =
            self.pages.iter().flat_map(|page| &page.conversations).map(|item| item.as_ref().unwrap());
        records.filter(|item| item.is_new).map(|item| item.record.key().id.to_string()).collect()
    }
}

async fn drain(platform: &Platform, query: DetailsQuery) -> Drained {
    let mut stream = platform.conversations(query);
    let (mut pages, mut failed) = (Vec::new(), None);
    while let Some(item) = stream.next().await {
        match item {
            Ok(page) => pages.push(page),
            Err(error) => failed = Some(error),
        }
    }
    Drained { pages, failed, stop: stream.stopped().unwrap().clone() }
}

fn numbers(asked: &Asked) -> Vec<u64> {
    let asked = asked.lock().unwrap();
    asked.iter().filter_map(|(_, body)| body["paging"]["pageNumber"].as_u64()).collect()
}

#[tokio::test(start_paused = true)]
async fn the_requests_are_the_contracts() {
    let (platform, asked) = platform(|what, _| match what.split('?').next().unwrap_or_default() {
        "POST /api/v2/analytics/conversations/details/query" => Reply::json(&page([], 20_000)),
        "POST /api/v2/analytics/conversations/details/jobs" => {
            Reply::status(202).body(r#"{"jobId": "job-1"}"#)
        }
        "GET /api/v2/analytics/conversations/details/jobs/availability" => {
            Reply::json(&json!({"dataAvailabilityDate": "2026-03-09T00:00:00Z"}))
        }
        "GET /api/v2/analytics/conversations/details/jobs/job-1" => {
            Reply::json(&json!({"state": "FULFILLED"}))
        }
        _ if what.contains("cursor") => Reply::json(&json!({})),
        _ => Reply::json(&json!({"cursor": "a b/+="})),
    });
    let range = range("2026-03-01T10:00:00.0000015Z", "2026-03-02T00:00:00.0000015Z");
    let filter = "type eq 'message' and direction eq 'inbound' and startTime gt '2026-03-01T12:00:00Z'";
    let query = DetailsQuery { filter: Some(filter.parse().unwrap()), ..query(range) };
    let drained = drain(&platform, query).await;
    assert!(drained.failed.is_none());
    let asked = asked.lock().unwrap();
    let shown: Vec<String> = asked
        .iter()
        .map(|(what, body)| if body.is_null() { what.clone() } else { format!("{what}\n{body:#}") })
        .collect();
    insta::assert_snapshot!(shown.join("\n\n"));
}

#[tokio::test(start_paused = true)]
async fn a_last_page_that_is_not_full_ends_and_whole_days_are_cut_to_the_range() {
    let (platform, asked) = platform(|_, body| {
        let number = body["paging"]["pageNumber"].as_u64().unwrap();
        let first = (number - 1) * 100;
        Reply::json(&page(first..(first + 100).min(150), 150))
    });
    // The first twenty of the day began before the range.
    let drained = drain(&platform, query(range("2026-03-01T00:00:20Z", "2026-03-02T00:00:00Z"))).await;
    assert_eq!((drained.stop.clone(), numbers(&asked)), (Stop::Complete, vec![1, 2]));
    let expected: Vec<String> = (20..150).map(|number| format!("c-{number}")).collect();
    assert_eq!(drained.ids(), expected);
    let token = drained.pages[1].token.clone().unwrap();
    assert_eq!(token.as_str(), "query 2026-03-01T00:00:20Z/2026-03-02T00:00:00Z 2");
    assert_eq!(drained.pages[0].available_until, None);

    // A later run goes on with that page.
    let resumed =
        DetailsQuery { resume: Some(token), ..query(range("2026-03-01T00:00:20Z", "2026-03-02T00:00:00Z")) };
    let drained = drain(&platform, resumed).await;
    assert_eq!((drained.ids().len(), numbers(&asked)), (50, vec![1, 2, 2]));
}

#[tokio::test(start_paused = true)]
async fn full_pages_end_with_one_that_has_no_conversations() {
    let (platform, asked) = platform(|_, body| match body["paging"]["pageNumber"].as_u64() {
        Some(number @ 1..=2) => Reply::json(&page((number - 1) * 100..number * 100, 200)),
        _ => Reply::json(&json!({"totalHits": 200})),
    });
    let drained = drain(&platform, query(day())).await;
    assert_eq!(
        (drained.ids().len(), drained.stop.clone(), numbers(&asked)),
        (200, Stop::Complete, vec![1, 2, 3])
    );
}

#[tokio::test(start_paused = true)]
async fn what_the_count_contradicts_is_read_once_more() {
    // Page 2 repeats two of page 1 at first, so its last two are not there; page 3 is short at first; the count is off by one.
    let seen = Arc::new(Mutex::new(Vec::new()));
    let (platform, asked) = platform(move |_, body| {
        let number = body["paging"]["pageNumber"].as_u64().unwrap();
        let mut seen = seen.lock().unwrap();
        let first_time = !seen.contains(&number);
        seen.push(number);
        let (first, last) = ((number - 1) * 100, (number * 100).min(280));
        Reply::json(&match (number, first_time) {
            (2, true) => page(first - 2..last - 2, 281),
            (3, true) => page(first..last - 30, 281),
            _ => page(first..last, 281),
        })
    });
    let drained = drain(&platform, query(day())).await;
    let mut ids = drained.ids();
    ids.sort_by_key(|id| id[2..].parse::<u64>().unwrap());
    assert_eq!(ids, (0..280).map(|number| format!("c-{number}")).collect::<Vec<_>>());
    assert_eq!((numbers(&asked), drained.stop), (vec![1, 2, 2, 3, 3], Stop::Complete));
}

/// Found by the corpus in e2e: each of three readings had drifted by itself, and what had moved out of all of them was lost.
#[tokio::test(start_paused = true)]
async fn a_page_is_read_until_it_repeats_nothing() {
    let readings = Arc::new(Mutex::new([3, 1, 4, 2, 0].into_iter()));
    let (platform, asked) = platform(move |_, body| {
        let number = body["paging"]["pageNumber"].as_u64().unwrap();
        let drift = if number == 2 { readings.lock().unwrap().next().unwrap() } else { 0 };
        let (first, last) = ((number - 1) * 100, (number * 100).min(280));
        Reply::json(&page(first - drift..last - drift, 280))
    });
    let drained = drain(&platform, query(day())).await;
    let mut ids = drained.ids();
    ids.sort_by_key(|id| id[2..].parse::<u64>().unwrap());
    assert_eq!(ids, (0..280).map(|number| format!("c-{number}")).collect::<Vec<_>>());
    assert_eq!((numbers(&asked), drained.stop), (vec![1, 2, 2, 2, 2, 2, 3], Stop::Complete));
}

#[tokio::test(start_paused = true)]
async fn a_count_that_is_off_is_doubted_once_and_a_page_that_lacks_more_again() {
    let short = Arc::new(Mutex::new(0));
    let reads = Arc::clone(&short);
    let (platform, asked) = platform(move |_, _| {
        let mut reads = reads.lock().unwrap();
        *reads += 1;
        // The fourth page of all lacks more than the count is off.
        Reply::json(&page(0..if *reads == 4 { 20 } else { 40 }, 42))
    });
    for expected in [2, 3, 5, 6] {
        assert_eq!(drain(&platform, query(day())).await.ids().len(), 40);
        assert_eq!(asked.lock().unwrap().len(), expected);
    }
}

#[tokio::test(start_paused = true)]
async fn a_long_range_is_asked_for_in_slices_of_whole_days() {
    let (platform, asked) = platform(|_, _| Reply::json(&page([], 0)));
    let long = range("2026-03-01T12:00:00Z", "2026-06-20T12:00:00Z");
    let drained = drain(&platform, query(long)).await;
    assert_eq!((drained.stop.clone(), drained.pages.len()), (Stop::Complete, 16), "empty ones are no circle");
    let asked: Vec<String> = {
        let asked = asked.lock().unwrap();
        asked.iter().map(|(_, body)| body["interval"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(asked[0], "2026-03-01T12:00:00Z/2026-03-08T00:00:00Z");
    assert_eq!(asked[15], "2026-06-14T00:00:00Z/2026-06-20T12:00:00Z");
    for pair in asked.windows(2) {
        assert_eq!(pair[0].split('/').nth(1), pair[1].split('/').next());
    }
}

#[tokio::test(start_paused = true)]
async fn a_query_that_takes_too_long_is_asked_for_fewer_days() {
    let (platform, asked) = platform(|_, body| {
        let interval = body["interval"].as_str().unwrap();
        let (from, to) = interval.split_once('/').unwrap();
        let hours = range(from, to).to().since(range(from, to).from()).as_secs() / 3_600;
        if hours > 48 {
            Reply::status(504).body(r#"{"code": "request.timeout"}"#)
        } else {
            Reply::json(&page([], 0))
        }
    });
    let week = range("2026-03-01T00:00:00Z", "2026-03-08T00:00:00Z");
    let drained = drain(&platform, query(week)).await;
    assert_eq!((drained.stop, drained.failed.is_none()), (Stop::Complete, true));
    let last = asked.lock().unwrap().last().unwrap().1["interval"].to_string();
    assert!(last.ends_with("/2026-03-08T00:00:00Z\""), "{last}");
    // Within a day there is nothing left to cut.
    let (platform, _) = self::platform(|_, _| Reply::status(504));
    assert!(drain(&platform, query(day())).await.failed.unwrap().is_unavailable());
}

#[tokio::test(start_paused = true)]
async fn a_query_that_repeats_itself_for_ever_is_a_circle() {
    let (platform, asked) = platform(|_, _| Reply::json(&page(0..100, 1_000_000)));
    let options = platform.clone().details(query_only());
    let drained = drain(&options, query(day())).await;
    assert!(drained.failed.unwrap().looping_token().is_some());
    assert!(asked.lock().unwrap().len() < 10);
}

fn query_only() -> DetailsOptions {
    let mut options = DetailsOptions::default();
    options.way = DetailsWay::Query;
    options
}

/// A platform with jobs of two pages, whose data reach to the 2nd of March; `gone` jobs have no results any more.
fn with_jobs(hits: u64, gone: &'static [&'static str]) -> (Platform, Asked) {
    let submitted = Mutex::new(0);
    platform(move |what, _| {
        let path = what.split(' ').nth(1).unwrap_or_default();
        if path == QUERY {
            return Reply::json(&page(0..100, hits));
        }
        if path == JOBS {
            let mut submitted = submitted.lock().unwrap();
            *submitted += 1;
            return Reply::status(202).body(format!("{{\"jobId\": \"job-{submitted}\"}}"));
        }
        if path.ends_with("availability") {
            return Reply::json(&json!({"dataAvailabilityDate": "2026-03-02T00:00:00Z"}));
        }
        let rest = path.strip_prefix(&format!("{JOBS}/")).unwrap();
        let job = rest.split('/').next().unwrap();
        if gone.contains(&job) {
            return Reply::status(404).body(r#"{"code": "not.found", "status": 404}"#);
        }
        match rest.split_once("/results") {
            None => Reply::json(&json!({"state": "FULFILLED"})),
            Some((_, query)) if query.contains("cursor=next") => Reply::json(&page(100..150, 0)),
            Some(_) => {
                let mut first = page(0..100, 0);
                first["cursor"] = json!("next");
                Reply::json(&first)
            }
        }
    })
}

#[tokio::test(start_paused = true)]
async fn many_conversations_are_a_matter_for_a_job_as_far_as_its_data_reach() {
    let (platform, asked) = with_jobs(10_001, &[]);
    let drained = drain(&platform, query(day())).await;
    assert_eq!((drained.ids().len(), drained.stop.clone()), (150, Stop::Complete));
    assert_eq!(drained.pages.len(), 2, "the query's page is not handed out");
    assert_eq!(drained.pages[0].available_until, Some("2026-03-02T00:00:00Z".parse().unwrap()));
    assert_eq!(
        drained.pages[0].next.as_ref().unwrap().as_str(),
        "job 2026-03-01T00:00:00Z/2026-03-02T00:00:00Z job-1 next"
    );
    assert_eq!(asked.lock().unwrap().len(), 6);

    // A day more, and the query is asked: what is newer is silently missing from a job.
    let (platform, asked) = with_jobs(10_001, &[]);
    let drained = drain(&platform, query(range("2026-03-01T00:00:00Z", "2026-03-03T00:00:00Z"))).await;
    assert!(drained.failed.unwrap().looping_token().is_some(), "it gives the same page for ever");
    assert!(!asked.lock().unwrap().iter().any(|(what, _)| what.ends_with("/jobs")));
}

#[tokio::test(start_paused = true)]
async fn a_job_is_gone_on_with_and_begun_anew_where_it_is_gone() {
    let token =
        |job: &str| PageToken::new(format!("job 2026-03-01T00:00:00Z/2026-03-02T00:00:00Z {job} next")).ok();
    let (platform, asked) = with_jobs(0, &[]);
    let resumed = DetailsQuery { resume: token("job-7"), ..query(day()) };
    assert_eq!(drain(&platform, resumed).await.ids().len(), 50);
    assert!(asked.lock().unwrap()[0].0.contains("/jobs/job-7/results?pageSize=1000&cursor=next"));

    let (platform, _) = with_jobs(0, &["job-7"]);
    let resumed = DetailsQuery { resume: token("job-7"), ..query(day()) };
    let drained = drain(&platform, resumed).await;
    assert_eq!((drained.ids().len(), drained.failed.is_none()), (150, true));

    // Gone again at once: nobody begins for ever.
    let (platform, _) = with_jobs(0, &["job-7", "job-1"]);
    let resumed = DetailsQuery { resume: token("job-7"), ..query(day()) };
    assert!(drain(&platform, resumed).await.failed.is_some());
}

#[tokio::test(start_paused = true)]
async fn a_filter_about_attributes_goes_by_jobs_whatever_the_size() {
    let asks = || DetailsQuery { filter: Some("metadata.source eq 'web'".parse().unwrap()), ..query(day()) };
    let (platform, asked) = with_jobs(3, &[]);
    let drained = drain(&platform, asks()).await;
    assert_eq!((drained.ids().len(), drained.failed.is_none()), (0, true), "none of them has the attribute");
    assert!(!asked.lock().unwrap().iter().any(|(what, _)| what.ends_with("/query")));
    let failed = drain(&platform.details(query_only()), asks()).await.failed.unwrap();
    assert!(failed.to_string().contains("only jobs bring"), "{failed}");
}

/// A platform whose jobs come to nothing, with 10,100 conversations a day.
fn jobs_that_end_as(state: &'static str) -> (Platform, Asked) {
    platform(move |what, body| match what {
        _ if what.ends_with("/query") => {
            let number = body["paging"]["pageNumber"].as_u64().unwrap();
            let day = u64::from(!body["interval"].as_str().unwrap().starts_with("2026-03-01"));
            let numbers = (number - 1) * 100..number.min(101) * 100;
            Reply::json(&page(numbers.map(|number| day * 86_400 + number), 10_100))
        }
        _ if what.ends_with("/jobs") => Reply::status(202).body(r#"{"jobId": "job-1"}"#),
        _ if what.ends_with("availability") => {
            Reply::json(&json!({"dataAvailabilityDate": "2026-03-09T00:00:00Z"}))
        }
        _ => Reply::json(&json!({"state": state})),
    })
}

#[tokio::test(start_paused = true)]
async fn where_a_job_comes_to_nothing_the_query_is_asked() {
    // The last one is never done: it is waited for as long as a job may take.
    for state in ["FAILED", "EXPIRED", "CANCELLED", "PENDING"] {
        let (platform, asked) = jobs_that_end_as(state);
        let two_days = range("2026-03-01T00:00:00Z", "2026-03-03T00:00:00Z");
        let mut options = DetailsOptions::default();
        options.query_days = std::num::NonZeroU32::MIN;
        let drained = drain(&platform.details(options), query(two_days)).await;
        assert!(drained.failed.is_none(), "{state}: {:?}", drained.failed);
        assert_eq!((drained.ids().len(), drained.stop.clone()), (20_200, Stop::Complete), "{state}");
        assert!(drained.pages.iter().all(|page| page.available_until.is_none()), "{state}: no job's data");
        let asked = asked.lock().unwrap();
        let jobs = asked.iter().filter(|(what, _)| what.ends_with("/jobs")).count();
        assert_eq!(jobs, 1, "{state}: the other day is not tried by a job");
    }
}

#[tokio::test(start_paused = true)]
async fn a_job_that_fails_twice_where_only_jobs_will_do_says_how_it_ended() {
    let (platform, asked) = platform(|what, _| match what {
        _ if what.ends_with("/jobs") => Reply::status(202).body(r#"{"jobId": "job-1"}"#),
        _ if what.ends_with("availability") => Reply::json(&json!({})),
        _ => Reply::json(&json!({"state": "FAILED", "errorMessage": "about a customer"})),
    });
    let mut options = DetailsOptions::default();
    options.way = DetailsWay::Jobs;
    let failed = drain(&platform.details(options), query(day())).await.failed.unwrap();
    assert_eq!(failed.to_string(), "details job status failed: the job ended as FAILED");
    assert!(failed.hint().unwrap().contains("details_by"));
    assert_eq!(asked.lock().unwrap().iter().filter(|(what, _)| what.ends_with("/jobs")).count(), 2);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_asked_where_nothing_can_be_meant_or_the_token_is_another_contracts() {
    let (platform, asked) = platform(|_, _| Reply::status(500));
    let filter = "startTime gt '2027-01-01T00:00:00Z'".parse().unwrap();
    let drained = drain(&platform, DetailsQuery { filter: Some(filter), ..query(day()) }).await;
    assert_eq!((drained.pages.len(), drained.stop.clone()), (1, Stop::Complete));
    let foreign = DetailsQuery { resume: PageToken::new("eyJwYWdlIjoyfQ").ok(), ..query(day()) };
    assert!(drain(&platform, foreign).await.failed.is_some());
    assert!(asked.lock().unwrap().is_empty());
}
