//! A remote that misbehaves: what it may do without losing anything, and what ends a run by name.

use std::time::Duration;

use frontdesk_sandbox::{Config, Effect, FaultPlan, Point, Rates, RetryAfter, Rule, When};
use serde_json::Value;

use super::archive::pulled;
use super::desk::Desk;
use super::process::Run;
use super::pull::corpus_config;
use super::scene::Scene;
use super::tenant::small;
use super::{Scenario, files};
use crate::Outcome;

pub(super) fn scenarios() -> Vec<Scenario> {
    let mut scenarios = vec![
        Scenario::new("faults: storms of 429, 503, resets, cuts and drift over the corpus", storm),
        Scenario::new("faults: every other answer is broken", every_other),
        Scenario::new("faults: a token that expires again and again", expiring),
        Scenario::new("faults: a connection that falls silent", silent),
        Scenario::new("faults: a remote that refuses everything", refused),
    ];
    for (name, effect) in [
        ("A -> A", Effect::RepeatToken),
        ("A -> B -> A", Effect::LoopToken),
        ("new tokens for the same page", Effect::SamePage),
        ("empty pages with new tokens", Effect::EmptyPage),
    ] {
        scenarios
            .push(Scenario::new(format!("faults: page tokens {name}"), move |scene| looping(scene, &effect)));
    }
    scenarios
}

/// A rule that always fires on what it matches.
pub(super) fn always(when: When, then: Effect) -> FaultPlan {
    FaultPlan { rules: vec![Rule { when, then: Some(then), delay_ms: 0 }], ..FaultPlan::default() }
}

/// Two in a hundred answers each, over the corpus, with tokens that last seconds.
fn storm(scene: &Scene<'_>) -> Outcome {
    let retry_after = vec![RetryAfter::Text("1".into()), RetryAfter::Text("0".into())];
    let rate = Rates {
        status_429: 0.02,
        status_503: 0.02,
        reset: 0.02,
        cut: 0.02,
        drift: 0.05,
        retry_after,
        ..Rates::default()
    };
    let faults = FaultPlan { rate, ..FaultPlan::default() };
    let tenant =
        scene.tenant(Config { faults, token_lifetime: Duration::from_secs(3), ..corpus_config(scene) })?;
    let desk = scene.desk("data").connected(&tenant).with("FRONTDESK_SEGMENT_SIZE", "256KiB");
    let page_size = if scene.house.corpus.is_real { "20" } else { "5" };
    let run = desk.pull(&["--page-size", page_size])?.exits(0)?;
    let result = pulled(&run.last()?)?;
    ensure!(result.state == "complete", "{}", run.wrong("the certificate is not complete"));
    for fault in ["status_429", "status_503", "reset", "cut", "drift"] {
        ensure!(tenant.fired(fault) > 0, "the fault {fault} never fired: {:?}", tenant.stats());
    }
    ensure!(
        result.throttled == tenant.stats().throttled,
        "{}",
        run.wrong("throttled is not what the server counted")
    );
    let tokens = tenant.stats().requests.get("POST /oauth/token").copied().unwrap_or(0);
    ensure!(tokens > 1, "no token expired in the middle");
    ensure!(result.unchanged > 0, "{}", run.wrong("pages drifted, but nothing came twice"));
    desk.holds_exactly(&tenant.truth()?)
}

/// Heavier than the budget for retries likes, so with what names its wait, which costs none; and page by page, so that
/// every effect meets a page of its own.
fn every_other(scene: &Scene<'_>) -> Outcome {
    let broken = |nth, then| Rule {
        when: When { page: Some(nth), times: Some(3), ..When::default() },
        then: Some(then),
        delay_ms: 0,
    };
    let throttle = |text: &str| Effect::Status {
        status: 429,
        retry_after: vec![RetryAfter::Text(text.into())],
        body: None,
    };
    let unavailable =
        Effect::Status { status: 503, retry_after: vec![RetryAfter::Text("0".into())], body: None };
    let date = RetryAfter::Date { date_in_seconds: 1, form: frontdesk_sandbox::DateForm::Rfc850 };
    let by_date =
        Effect::Status { status: 429, retry_after: vec![date], body: Some("<html>slow down</html>".into()) };
    let faults = FaultPlan {
        rules: vec![
            broken(1, throttle("0")),
            broken(2, unavailable),
            broken(3, by_date),
            broken(4, Effect::ShortPage { records: 1 }),
            broken(5, Effect::Drift { records: 3 }),
            broken(6, throttle("1")),
            // One empty page is no loop.
            broken(7, Effect::EmptyPage),
        ],
        ..FaultPlan::default()
    };
    // More than seven to a window, so that each rule meets its page.
    let tenant = scene.tenant(Config { faults, conversations: Some(1_000), ..small(scene) })?;
    let desk = scene.desk("data").connected(&tenant);
    let run = desk
        .json(&["archive", "pull", "--from", "2025-01-01", "--to", "2026-01-01", "--page-size", "1"])?
        .exits(0)?;
    ensure!(pulled(&run.last()?)?.state == "complete", "{}", run.wrong("the certificate is not complete"));
    for fault in ["status_429", "status_503", "short_page", "empty_page"] {
        ensure!(tenant.fired(fault) > 0, "the fault {fault} never fired: {:?}", tenant.stats());
    }
    desk.holds_exactly(&tenant.truth()?)
}

fn expiring(scene: &Scene<'_>) -> Outcome {
    // A token that is refused before its time: one refresh and one replay each. Seldom enough that with 64 windows in
    // flight no replay is refused again, which ends a window as it should.
    let refused = Effect::Status { status: 401, retry_after: Vec::new(), body: None };
    let path = Some("/api/v2/analytics/conversations/details/query".to_owned());
    let faults = always(When { path, every: Some(97), ..When::default() }, refused);
    let tenant = scene.tenant(Config { faults, ..small(scene) })?;
    let desk = scene.desk("data").connected(&tenant);
    let run = desk.pull(&["--page-size", "3"])?.exits(0)?;
    ensure!(pulled(&run.last()?)?.state == "complete", "{}", run.wrong("the certificate is not complete"));
    let (tokens, refusals) = (tenant.stats().requests["POST /oauth/token"], tenant.fired("status_401"));
    ensure!(refusals > 0, "no call was refused");
    ensure!(tokens <= refusals + 1, "{tokens} token requests for {refusals} refusals");
    desk.holds_exactly(&tenant.truth()?)
}

fn silent(scene: &Scene<'_>) -> Outcome {
    let stall = |page, point| Rule {
        when: When { page: Some(page), times: Some(1), ..When::default() },
        then: Some(Effect::Stall(point)),
        delay_ms: 0,
    };
    let faults = FaultPlan {
        rules: vec![stall(1, Point::BeforeHead), stall(2, Point::Byte(100))],
        ..FaultPlan::default()
    };
    let tenant = scene.tenant(Config { faults, ..small(scene) })?;
    let desk = scene.desk("data").connected(&tenant);
    let desk = desk.with("FRONTDESK_TIMEOUT_HEAD", "1s").with("FRONTDESK_TIMEOUT_IDLE", "1s");
    let run = desk.pull(&["--page-size", "2"])?.exits(0)?;
    ensure!(pulled(&run.last()?)?.state == "complete", "{}", run.wrong("the certificate is not complete"));
    ensure!(tenant.fired("stall") == 2, "not both connections fell silent: {:?}", tenant.stats());
    desk.holds_exactly(&tenant.truth()?)
}

/// What no patience helps against: the right exit code, nothing stored, and soon.
fn refused(scene: &Scene<'_>) -> Outcome {
    let status = |status, retry_after: &[&str]| Effect::Status {
        status,
        retry_after: retry_after.iter().map(|text| RetryAfter::Text((*text).into())).collect(),
        body: None,
    };
    let details =
        || When { path: Some("/api/v2/analytics/conversations/details/query".into()), ..When::default() };
    let token = || When { path: Some("/oauth/token".into()), ..When::default() };
    let cases: [(&str, FaultPlan, i32, &[&str]); 6] = [
        ("every call 401", always(details(), status(401, &[])), 4, &["401"]),
        ("every call 403", always(details(), status(403, &[])), 4, &["403", "analytics:query"]),
        ("every call 503", always(details(), status(503, &[])), 5, &["503"]),
        ("every token 500", always(token(), status(500, &[])), 5, &["500"]),
        ("wait an hour", always(details(), status(429, &["3600"])), 5, &["429"]),
        ("no such thing", always(details(), status(404, &[])), 5, &["404"]),
    ];
    for (name, faults, exit, words) in cases {
        let tenant = scene.tenant(Config { faults, ..small(scene) })?;
        let desk = scene.desk(name).connected(&tenant);
        let run = desk.pull(&[])?.exits(exit).and_then(|run| run.says(words));
        let run = run.map_err(|message| format!("{name}: {message}"))?;
        ensure!(run.error().is_some(), "{}", run.wrong("there is no error object"));
        let hint = run.error().map(|error| error["hint"].clone()).unwrap_or_default();
        ensure!(hint.is_string(), "{}", run.wrong(&format!("{name}: no hint says what to do")));
        ensure!(!tenant.stats().faults.is_empty(), "{name}: nothing was refused");
        ensure!(tenant.queries() <= 80, "{name}: {} queries to a remote that refuses", tenant.queries());
        ensure!(desk.list()?.is_empty(), "{name}: a record came out of nothing");
        // What was wrong is over: the same command does it all.
        tenant.set_faults(&FaultPlan::default())?;
        desk.pull(&[])?.exits(0)?;
        desk.holds_exactly(&tenant.truth()?).map_err(|message| format!("{name}: {message}"))?;
    }
    Ok(())
}

/// A listing that goes in circles ends as incomplete, with its token, and goes on once it is straight again.
fn looping(scene: &Scene<'_>, effect: &Effect) -> Outcome {
    let page = (*effect != Effect::EmptyPage && *effect != Effect::SamePage).then_some(3);
    let after = if page.is_none() { 100 } else { 0 };
    let path = Some("/api/v2/analytics/conversations/details/query".to_owned());
    let faults = always(When { path, page, after, ..When::default() }, effect.clone());
    let tenant = scene.tenant(Config { faults, ..small(scene) })?;
    let desk = scene.desk("data").connected(&tenant);
    let run = desk.pull(&["--page-size", "1"])?.exits(3)?;
    let result = pulled(&run.last()?)?;
    ensure!(result.state == "incomplete", "{}", run.wrong("the certificate should be incomplete"));
    ensure!(result.stored > 0, "{}", run.wrong("what came before the loop is not stored"));
    let windows = 64;
    ensure!(tenant.queries() < 100 + windows * 20, "{} queries: it runs in circles", tenant.queries());
    names_the_token(&desk, &run, effect)?;
    let so_far = desk.list()?;
    ensure!(so_far.len() as u64 == result.stored, "{}", run.wrong("what is listed is not what was counted"));
    tenant.set_faults(&FaultPlan::default())?;
    let run = desk.pull(&["--page-size", "1"])?.exits(0)?;
    ensure!(pulled(&run.last()?)?.state == "complete", "{}", run.wrong("the certificate is not complete"));
    ensure!(so_far.iter().all(|record| desk_has(&desk, &record.id)), "what was stored before is gone");
    desk.holds_exactly(&tenant.truth()?)
}

fn desk_has(desk: &Desk<'_>, id: &str) -> bool {
    desk.raw(id).is_ok()
}

/// The certificate names a token for what is missing, and so does stderr.
fn names_the_token(desk: &Desk<'_>, run: &Run, effect: &Effect) -> Outcome {
    let certificates = certificates(desk)?;
    let certificate = certificates.last().ok_or("no run left a certificate")?;
    ensure!(certificate["state"] == "incomplete", "the certificate says {}", certificate["state"]);
    let missing = certificate["missing"].as_array().cloned().unwrap_or_default();
    ensure!(!missing.is_empty(), "the certificate names nothing that is missing");
    let tokens: Vec<&str> = missing.iter().filter_map(|missing| missing["page_token"].as_str()).collect();
    ensure!(!tokens.is_empty(), "the certificate names no token ({effect:?}): {certificate}");
    let said = tokens.iter().any(|token| run.stderr.contains(&token[..token.len().min(8)]));
    ensure!(said, "{}", run.wrong(&format!("stderr names none of the tokens {tokens:?}")));
    Ok(())
}

/// The certificates that runs left, in their order.
pub(super) fn certificates(desk: &Desk<'_>) -> Result<Vec<Value>, String> {
    let mut found = Vec::new();
    for path in files::below(&desk.archive().join("runs"))? {
        let bytes = files::read(&path)?;
        for line in String::from_utf8_lossy(&bytes).lines() {
            let value: Value =
                serde_json::from_str(line).map_err(|error| format!("{}: {error}", path.display()))?;
            found.extend(certificate_in(&value).cloned());
        }
    }
    Ok(found)
}

fn certificate_in(value: &Value) -> Option<&Value> {
    match value {
        Value::Object(map) if map.contains_key("missing") && map.contains_key("windows") => Some(value),
        Value::Object(map) => map.values().find_map(certificate_in),
        Value::Array(list) => list.iter().find_map(certificate_in),
        _ => None,
    }
}
