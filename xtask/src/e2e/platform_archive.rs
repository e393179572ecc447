//! `archive pull` on the vendor's published contract: details by query and by job, whatever the pages do, each once and
//! byte for byte.

use std::collections::BTreeMap;

use frontdesk_sandbox::{Config, FaultPlan, Moment, PlatformPlan, Rates, RetryAfter};
use http::Method;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::archive::{Listed, pulled};
use super::desk::Desk;
use super::process::Run;
use super::scene::Scene;
use super::tenant::{Tenant, Truth, small};
use super::{Scenario, files};
use crate::Outcome;

/// The most conversations that a page of the synchronous query holds (contract C.7.3).
const PAGE: u64 = 100;
/// Days of one query, as the setting `details_query_days` has it.
const QUERY_DAYS: u64 = 7;
/// Runs after which a storm is over for a command that goes on where it stopped.
const MOST_RUNS: usize = 12;
const QUERY: &str = "POST /api/v2/analytics/conversations/details/query";

pub(super) fn scenarios() -> Vec<Scenario> {
    vec![
        Scenario::new(
            "platform: the whole year by queries, each conversation once, again changes nothing",
            by_queries,
        ),
        Scenario::new(
            "platform: the whole year by a job finds what queries find, and has attributes",
            by_job,
        ),
        Scenario::new(
            "platform: a storm of faults and pages that drift, nothing lost and nothing twice",
            stormy,
        ),
        Scenario::new("platform: fields and values nobody has seen are kept as they came", strange),
    ]
}

/// A tenant of both contracts, and a desk that asks it as the vendor publishes it.
fn open<'s, 'h>(scene: &'s Scene<'h>, config: Config) -> Result<(Tenant<'h>, Desk<'s>), String> {
    let tenant = scene.tenant_of_both(config)?;
    let desk = scene.desk("data").on_platform(&tenant);
    Ok((tenant, desk))
}

#[derive(Deserialize)]
struct Page<'a> {
    #[serde(borrow, default)]
    conversations: Vec<&'a RawValue>,
}

/// What the synchronous query says of every conversation.
pub(super) fn truth(tenant: &Tenant<'_>) -> Result<Truth, String> {
    let token = tenant.platform_token()?;
    let mut truth = Truth::new();
    let days: Vec<Moment> = (1..=12)
        .map(|month| format!("2025-{month:02}-01T00:00:00Z"))
        .chain(["2026-01-01T00:00:00Z".to_owned()])
        .map(|day| day.parse().map_err(|error| format!("{day}: {error}")))
        .collect::<Result<_, String>>()?;
    for (from, to) in days.iter().zip(&days[1..]) {
        for number in 1_u64.. {
            let body = json!({"interval": format!("{from}/{to}"), "order": "asc", "orderBy": "conversationStart",
                "paging": {"pageSize": PAGE, "pageNumber": number}});
            let page = tenant.platform(
                Method::POST,
                "/api/v2/analytics/conversations/details/query",
                &token,
                &body,
            )?;
            let page: Page<'_> = serde_json::from_slice(&page).map_err(|error| format!("a page: {error}"))?;
            if page.conversations.is_empty() {
                break;
            }
            for conversation in page.conversations {
                let bytes = conversation.get().as_bytes();
                truth.insert(id_of(bytes)?, files::sha256(bytes));
            }
        }
    }
    ensure!(truth.len() as u64 == tenant.count(), "the truth has {} conversations", truth.len());
    Ok(truth)
}

fn id_of(conversation: &[u8]) -> Result<String, String> {
    let value: Value =
        serde_json::from_slice(conversation).map_err(|error| format!("a conversation: {error}"))?;
    value["conversationId"].as_str().map(str::to_owned).ok_or_else(|| "a conversation has no id".into())
}

/// The archive's details, by id. No conversation has two.
fn details(desk: &Desk<'_>) -> Result<BTreeMap<String, Listed>, String> {
    let mut details = BTreeMap::new();
    for record in desk.list()?.into_iter().filter(|record| record.kind == "details") {
        ensure!(record.version == 1, "stored more than once: {record:?}");
        ensure!(details.insert(record.id.clone(), record).is_none(), "an id is listed twice");
    }
    Ok(details)
}

/// The archive has the details of these conversations, byte for byte, and verifies.
pub(super) fn holds(desk: &Desk<'_>, truth: &Truth, run: &Run) -> Outcome {
    let found = details(desk)?;
    let wrong = |what: String| Err(run.wrong(&what));
    for (id, sha256) in truth {
        match found.get(id) {
            None => return wrong(format!("{id} is lost")),
            Some(record) if record.sha256 != *sha256 => return wrong(format!("{id} is not what was served")),
            Some(_) => {}
        }
    }
    ensure!(found.len() == truth.len(), "{}", run.wrong("there are conversations that were never served"));
    let all = desk.list()?;
    desk.verifies(all.len() as u64)?;
    desk.lines_are_what_is_listed(&all)
}

fn by_queries(scene: &Scene<'_>) -> Outcome {
    let (tenant, desk) = open(scene, small(scene))?;
    let desk = desk.with("FRONTDESK_DETAILS_BY", "query");
    let truth = truth(&tenant)?;
    let before = tenant.queries();
    let run = desk.pull(&[])?.exits(0)?;
    let result = pulled(&run.last()?)?;
    ensure!(result.state == "complete", "{}", run.wrong("the certificate is not complete"));
    holds(&desk, &truth, &run)?;
    // One query a window, and one that shows that a full page was the last (requests of the contract's rows).
    let asked = tenant.queries() - before;
    let windows = 365_u64.div_ceil(QUERY_DAYS);
    let least = windows.max(tenant.count().div_ceil(PAGE));
    ensure!(
        asked >= least && asked <= windows * 2 + tenant.count().div_ceil(PAGE),
        "{}",
        run.wrong(&format!("{asked} queries, at least {least} are needed"))
    );
    let sealed = files::prints(&desk.segments())?;
    let again = desk.pull(&[])?.exits(0)?;
    let result = pulled(&again.last()?)?;
    ensure!(result.stored == 0 && result.versions_added == 0, "{}", again.wrong("something is new"));
    let changed = files::differences(&sealed, &files::prints(&desk.segments())?);
    ensure!(changed.is_empty(), "the second pull wrote into segments/: {changed:?}");
    Ok(())
}

fn by_job(scene: &Scene<'_>) -> Outcome {
    let (tenant, desk) = open(scene, small(scene))?;
    let desk = desk.with("FRONTDESK_DETAILS_BY", "jobs").with("FRONTDESK_DETAILS_JOB_PAGE", "37");
    let truth = truth(&tenant)?;
    let queries = tenant.queries();
    let run = desk.pull(&[])?.exits(0)?;
    ensure!(tenant.queries() == queries, "{}", run.wrong("queries were asked, not a job"));
    let found = details(&desk)?;
    ensure!(found.keys().eq(truth.keys()), "{}", run.wrong("a job finds other conversations"));
    let mut attributes = 0;
    for id in found.keys().take(20) {
        let record: Value =
            serde_json::from_slice(&desk.raw(id)?).map_err(|error| format!("{id}: {error}"))?;
        let people = record["participants"].as_array().map_or(&[] as &[Value], Vec::as_slice);
        attributes += people.iter().filter(|one| one["attributes"].as_object().is_some()).count();
    }
    ensure!(attributes > 0, "{}", run.wrong("no participant has attributes"));
    desk.verifies(desk.list()?.len() as u64)
}

fn stormy(scene: &Scene<'_>) -> Outcome {
    let rate = Rates {
        status_429: 0.05,
        status_503: 0.05,
        reset: 0.05,
        cut: 0.05,
        retry_after: vec![RetryAfter::Text("0".into())],
        ..Rates::default()
    };
    let (tenant, desk) = open(scene, small(scene))?;
    let desk = desk.with("FRONTDESK_DETAILS_BY", "query");
    let truth = truth(&tenant)?;
    tenant.set_faults(&FaultPlan { rate, ..FaultPlan::default() })?;
    tenant.set_platform(&PlatformPlan { hits_off: 7, ..PlatformPlan::default() })?;
    // What a run could not reach it says, and the same command goes on from there.
    let mut run = desk.pull(&[])?;
    for _ in 0..MOST_RUNS {
        if run.exit == Some(0) {
            break;
        }
        ensure!(run.exit == Some(3), "{}", run.wrong("exit 0 or 3 was expected"));
        run = desk.pull(&[])?;
    }
    let run = run.exits(0)?;
    holds(&desk, &truth, &run)?;
    for fault in ["status_429", "status_503", "reset", "cut"] {
        ensure!(tenant.fired(fault) > 0, "the fault {fault} never fired: {:?}", tenant.stats());
    }
    ensure!(tenant.stats().requests.contains_key(QUERY), "nothing was asked");
    Ok(())
}

fn strange(scene: &Scene<'_>) -> Outcome {
    let (tenant, desk) = open(scene, small(scene))?;
    let desk = desk.with("FRONTDESK_DETAILS_BY", "query");
    tenant.set_platform(&PlatformPlan { strange: true, ..PlatformPlan::default() })?;
    let truth = truth(&tenant)?;
    let run = desk.pull(&[])?.exits(0)?;
    holds(&desk, &truth, &run)
}
