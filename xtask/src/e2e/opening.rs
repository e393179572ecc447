//! Opening sessions: what is refused before anything is sent, what the platform refuses, who has a session already, and
//! many requests through storms and `kill -9`, each opened once, as the tenant counts.

use std::collections::BTreeMap;
use std::time::Duration;

use frontdesk_sandbox::{Config, Effect, FaultPlan, Rates, RetryAfter, When};
use http::Method;
use serde_json::{Value, json};

use super::Scenario;
use super::desk::Desk;
use super::faults::always;
use super::process::Run;
use super::scene::Scene;
use super::sessions::selection;
use super::tenant::{Tenant, WIDE, small};
use crate::Outcome;

/// How the statistics call the POST.
const POST: &str = "POST /api/v2/conversations/webchat";

pub(super) fn scenarios() -> Vec<Scenario> {
    vec![
        Scenario::new("opening: many requests through storms, killed and resumed, each opened once", storm),
        Scenario::new("opening: every rule refuses before anything is sent, and is audited", rules),
        Scenario::new("opening: one guest: opened, there already, consented, listed, ended", one_guest),
        Scenario::new("opening: 401, 403, 409 and a wait of an hour open nothing", refused),
        Scenario::new(
            "opening: a signal stops a run with every outcome known, and the same command goes on",
            signals,
        ),
        Scenario::new("opening: two operators on one file share the work", two_operators),
    ]
}

fn posts(tenant: &Tenant<'_>) -> u64 {
    tenant.stats().requests.get(POST).copied().unwrap_or(0)
}

/// What the tenant counts of sessions.
fn totals(tenant: &Tenant<'_>) -> Result<Value, String> {
    let bytes = tenant.door(Method::GET, "sessions/totals", &Value::Null)?;
    serde_json::from_slice(&bytes).map_err(|error| error.to_string())
}

fn opened(tenant: &Tenant<'_>) -> Result<u64, String> {
    totals(tenant)?["opened"].as_u64().ok_or_else(|| "no total of sessions".to_owned())
}

/// A line that asks for a session, with what both contracts take: with and without a guest, wordy and short.
pub(super) fn asked(k: usize) -> Value {
    let mut line = json!({"attributes": {"source": "web_portal", "row": k.to_string()},
                          "consent": {"data_processing": true, "marketing": k.is_multiple_of(3)}});
    if !k.is_multiple_of(4) {
        line["guest_id"] = json!(format!("guest_e2e_{k}"));
    }
    if k.is_multiple_of(5) {
        line["language"] = json!("de-AT");
        line["skills"] = json!(["billing"]);
    }
    line
}

/// The same, with what the gateway alone takes.
fn wanted(k: usize) -> Value {
    let mut line = asked(k);
    if k.is_multiple_of(5) {
        line["priority"] = json!(k);
        line["consent"]["text_version"] = json!("privacy-2025-03");
    }
    line
}

/// The lines of a run, how often each outcome, and its summary.
pub(super) fn counted(run: &Run) -> Result<(BTreeMap<String, u64>, Value), String> {
    let mut lines = run.lines()?;
    let summary = lines.pop().map(|mut last| last["summary"].take()).unwrap_or_default();
    let mut counts = BTreeMap::new();
    for line in lines {
        *counts.entry(line["outcome"].as_str().unwrap_or("no outcome").to_owned()).or_default() += 1;
    }
    Ok((counts, summary))
}

/// The audit records of a kind.
fn audited(desk: &Desk<'_>, kind: &str) -> Result<Vec<Value>, String> {
    let tail = desk.json(&["audit", "tail", "--kind", kind, "--lines", "100000"])?.exits(0)?;
    Ok(tail.lines()?.into_iter().map(|mut entry| entry["record"].take()).collect())
}

fn storm(scene: &Scene<'_>) -> Outcome {
    const LINES: usize = 600;
    let rate = Rates {
        status_429: 0.02,
        status_500: 0.01,
        status_503: 0.01,
        reset: 0.03,
        cut: 0.03,
        retry_after: vec![RetryAfter::Text("0".into())],
        ..Rates::default()
    };
    let faults = FaultPlan { rate, ..FaultPlan::default() };
    let latency = Duration::from_millis(8);
    let config = Config { rate_limit_per_min: WIDE, faults, latency, ..small(scene) };
    let tenant = scene.tenant(config)?;
    let desk = scene.desk("data").connected(&tenant);
    let mut lines: Vec<Value> = (0..LINES).map(wanted).collect();
    lines.push(
        json!({"guest_id": "g", "attributes": {"customerEmail": "-"}, "consent": {"data_processing": true}}),
    );
    lines.push(json!({"guest_id": "g", "attributes": {}}));
    let from = selection(scene, "guests.ndjson", &lines)?;
    let open = ["--json", "session", "open", "--from", &from];
    let mut killed = 0;
    for round in 0..6 {
        let running = desk.start(&open)?;
        let wait = 120 + scene.random().below(400) + round;
        std::thread::sleep(Duration::from_millis(wait));
        let (was_running, _) = running.kill()?;
        killed += u64::from(was_running);
    }
    ensure!(killed > 0, "no run was killed in time");
    // Whatever is unknown or failed under the storm is taken up again by the same command.
    let mut last = desk.run(&open)?;
    for _ in 0..5 {
        let (counts, _) = counted(&last)?;
        if !counts.contains_key("failed") && !counts.contains_key("unknown") {
            break;
        }
        last = desk.run(&open)?;
    }
    tenant.set_faults(&FaultPlan::default())?;
    let last = desk.run(&open)?.exits(3)?;
    let (counts, summary) = counted(&last)?;
    ensure!(
        counts.get("opened") == Some(&(LINES as u64))
            && counts.get("refused") == Some(&2)
            && counts.len() == 2,
        "{}",
        last.wrong(&format!("{counts:?}"))
    );
    ensure!(summary["blocked"] == 2 && summary["lines"] == 602, "{}", last.wrong("the summary is another"));
    let totals = totals(&tenant)?;
    ensure!(totals["opened"] == json!(LINES), "the tenant counts {totals} for {LINES} requests");
    ensure!(totals["mismatches"] == 0, "a key was sent with other words: {totals}");
    for fault in ["status_429", "reset", "cut"] {
        ensure!(tenant.fired(fault) > 0, "the fault {fault} never fired");
    }
    let receipts = audited(&desk, "consent")?;
    ensure!(receipts.len() == LINES, "{} receipts for {LINES} sessions", receipts.len());
    let listed = desk.json(&["session", "list"])?.exits(0)?.last()?;
    ensure!(
        listed["summary"]["open"] == json!(LINES) && listed["summary"]["unknown"] == 0,
        "session list says {listed}"
    );
    desk.json(&["audit", "verify"])?.exits(0)?;
    Ok(())
}

fn rules(scene: &Scene<'_>) -> Outcome {
    let tenant = scene.tenant(small(scene))?;
    let desk = scene.desk("data").connected(&tenant);
    let many = |count: usize| -> Value {
        (0..count).map(|k| (format!("k{k}"), json!("v"))).collect::<serde_json::Map<_, _>>().into()
    };
    let consented = json!({"data_processing": true});
    let line = |attributes: Value| json!({"guest_id": "g", "attributes": attributes, "consent": consented});
    let mut wordy = line(json!({}));
    wordy["language"] = json!("english");
    let cases = [
        (line(many(101)), 2, "attributes.count"),
        (line(many(98)), 2, "attributes.count"),
        (line(json!({"consent.x": "1"})), 2, "attributes.reserved"),
        (line(json!({"customerEmail": "-"})), 7, "pii.key"),
        (line(json!({"ship_address": "-"})), 7, "pii.key"),
        (line(json!({"note": "card 4111-1111-1111-1111"})), 7, "pii.value"),
        (json!({"guest_id": "g", "attributes": {}}), 7, "consent.missing"),
        (json!({"guest_id": "g", "consent": {"data_processing": false}}), 7, "consent.refused"),
        (wordy, 2, "language.tag"),
        (json!(["g"]), 2, "line.json"),
    ];
    for (line, exit, rule) in &cases {
        let from = selection(scene, "one.ndjson", std::slice::from_ref(line))?;
        let run = desk.json(&["session", "open", "--from", &from])?.exits(*exit)?;
        let told = run.lines()?;
        ensure!(
            told[0]["outcome"] == "refused" && told[0]["violations"][0]["rule"] == *rule,
            "{}",
            run.wrong(&format!("{rule} is not told"))
        );
    }
    // By flags the exit codes are the same, and policy wins over what is only wrong.
    let flags = ["session", "open", "--guest-id", "g", "--language", "english"];
    let run = desk.json(&flags)?.exits(7)?.says(&["2 rules"])?;
    let told = run.lines()?.swap_remove(0);
    ensure!(
        told["violations"][0]["path"] == "consent.data_processing"
            && told["violations"][1]["path"] == "language",
        "{}",
        run.wrong("not all problems are told, in their order")
    );
    desk.json(&[&flags as &[&str], &["--data-processing"]].concat())?.exits(2)?.says(&["a rule"])?;
    desk.json(&[&flags as &[&str], &["--dry-run"]].concat())?
        .exits(7)?
        .says(&["consent.data_processing", "language"])?;
    desk.json(&["session", "open", "--data-processing", "--attribute", "email"])?
        .exits(2)?
        .says(&["NAME=TEXT"])?;
    ensure!(tenant.stats().requests.is_empty(), "something was sent: {:?}", tenant.stats());
    let records = audited(&desk, "session")?;
    ensure!(
        records.len() == cases.len() + 2 && records.iter().all(|record| record["validation_passed"] == false),
        "{} audit records for {} attempts",
        records.len(),
        cases.len() + 2
    );
    // What fits exactly is sent; words and the allow list free what only contains a pattern.
    let words = desk.clone().with("FRONTDESK_PII_KEY_MODE", "words");
    let allowed = desk.clone().with("FRONTDESK_PII_ALLOW_KEYS", "ship_address, other");
    let warned = desk.clone().with("FRONTDESK_PII_ACTIONS", "card=warn");
    for (desk, line) in [
        (&desk, json!({"guest_id": "g-97", "attributes": many(97), "consent": consented})),
        (&desk, json!({"guest_id": "g-free", "attributes": {"business_name": "-"}, "consent": consented})),
        (&words, json!({"guest_id": "g-words", "attributes": {"ship_address": "-"}, "consent": consented})),
        (
            &allowed,
            json!({"guest_id": "g-allowed", "attributes": {"ship_address": "-"}, "consent": consented}),
        ),
        (
            &warned,
            json!({"guest_id": "g-warned", "attributes": {"note": "4111 1111 1111 1111"}, "consent": consented}),
        ),
    ] {
        let from = selection(scene, "one.ndjson", &[line])?;
        let run = desk.json(&["session", "open", "--from", &from])?.exits(0)?;
        ensure!(counted(&run)?.0.contains_key("opened"), "{}", run.wrong("it was not opened"));
    }
    desk.clone().with("FRONTDESK_PII_ACTIONS", "card=maybe").json(&flags)?.exits(2)?.says(&["card=maybe"])?;
    ensure!(opened(&tenant)? == 5, "the tenant counts {} sessions", opened(&tenant)?);
    Ok(())
}

fn one_guest(scene: &Scene<'_>) -> Outcome {
    let tenant = scene.tenant(small(scene))?;
    let desk = scene.desk("data").connected(&tenant);
    let open =
        ["session", "open", "--guest-id", "guest_once", "--data-processing", "--attribute", "source=web"];
    desk.json(&[&open as &[&str], &["--dry-run"]].concat())?.exits(0)?;
    ensure!(posts(&tenant) == 0, "a rehearsal sent something");
    let run = desk
        .json(
            &[&open as &[&str], &["--marketing", "--consent-text", "v7", "--consent-locale", "de-AT"]]
                .concat(),
        )?
        .exits(0)?;
    let told = run.lines()?.swap_remove(0);
    ensure!(
        told["outcome"] == "opened" && told["routing_success"] == true && told["status"] == 201,
        "{}",
        run.wrong("it was not opened into a queue")
    );
    let session = told["session_id"].as_str().unwrap_or_default().to_owned();
    // The same words: the same session. Other words: a conflict.
    let again = desk.json(&[&open as &[&str], &["--marketing"]].concat())?.exits(0)?;
    let line = again.lines()?.swap_remove(0);
    ensure!(
        line["outcome"] == "already_open" && line["session_id"] == json!(session),
        "{}",
        again.wrong("it is not there already")
    );
    let other = desk.json(&open)?.exits(3)?;
    ensure!(other.lines()?[0]["kind"] == "conflict", "{}", other.wrong("other words are no conflict"));
    let receipts = desk.json(&["session", "consent", "guest_once"])?.exits(0)?.lines()?;
    let first = receipts.first().cloned().unwrap_or_default();
    ensure!(
        receipts.len() == 2
            && first["text_version"] == "v7"
            && first["locale"] == "de-AT"
            && first["marketing"] == true
            && first["session_id"] == json!(session),
        "the receipts are {receipts:?}"
    );
    desk.json(&["session", "consent", "nobody"])?.exits(2)?;
    let listed = desk.json(&["session", "list"])?.exits(0)?.last()?;
    ensure!(listed["summary"]["sessions"] == 1, "two receipts are one session: {listed}");
    let looked = desk.json(&["session", "list", "--look", "--limit", "1"])?.exits(0)?.lines()?;
    ensure!(looked[0]["platform"] == "active" && looked[0]["standing"] == "open", "{looked:?}");
    desk.json(&["session", "close", "--guest-id", "guest_once", "--reason", "timeout"])?.exits(0)?;
    let looked = desk.json(&["session", "list", "--look", "--guest-id", "guest_once"])?.exits(0)?.lines()?;
    ensure!(looked[0]["platform"] == "closed" && looked[0]["standing"] == "ended", "{looked:?}");
    ensure!(
        desk.json(&["session", "list", "--open"])?.exits(0)?.lines()?.len() == 1,
        "an ended session is open"
    );
    // A guest whose session ended may open another; one without a name is new.
    desk.json(&open)?.exits(0)?;
    let nameless = desk.json(&["session", "open", "--data-processing"])?.exits(0)?.lines()?.swap_remove(0);
    ensure!(
        nameless["guest_id"].as_str().is_some_and(|guest| guest.starts_with("guest_")),
        "the new guest is {nameless}"
    );
    ensure!(opened(&tenant)? == 3, "the tenant counts {} sessions", opened(&tenant)?);
    Ok(())
}

fn refused(scene: &Scene<'_>) -> Outcome {
    let tenant = scene.tenant(small(scene))?;
    let desk = scene.desk("data").connected(&tenant);
    let open = ["session", "open", "--guest-id", "g", "--data-processing"];
    let status = |status, retry_after| Effect::Status { status, retry_after, body: None };
    let wait = vec![RetryAfter::Text("3600".into())];
    for (effect, exit, kind) in [
        (status(401, vec![]), 4, "unauthorized"),
        (status(403, vec![]), 4, "forbidden"),
        (status(409, vec![]), 3, "conflict"),
        (status(400, vec![]), 5, "refused"),
        (status(429, wait), 5, "throttled"),
    ] {
        let path = Some("/api/v2/conversations/webchat".to_owned());
        tenant.set_faults(&always(When { path, ..When::default() }, effect))?;
        let run = desk.json(&open)?.exits(exit)?;
        let told = run.lines()?.swap_remove(0);
        ensure!(
            told["outcome"] == "failed" && told["kind"] == kind,
            "{}",
            run.wrong(&format!("{kind} is not told"))
        );
    }
    let path = Some("/api/v2/conversations/webchat".to_owned());
    tenant.set_faults(&always(When { path, ..When::default() }, status(403, vec![])))?;
    desk.json(&open)?.exits(4)?.says(&["webchat:conversation:write"])?;
    ensure!(opened(&tenant)? == 0, "a refused request opened a session");
    tenant.set_faults(&FaultPlan::default())?;
    desk.json(&open)?.exits(0)?;
    ensure!(audited(&desk, "session")?.len() == 7, "not every attempt is in the audit log");
    Ok(())
}

fn signals(scene: &Scene<'_>) -> Outcome {
    const LINES: usize = 120;
    let config = Config { latency: Duration::from_millis(60), rate_limit_per_min: WIDE, ..small(scene) };
    let tenant = scene.tenant(config)?;
    let desk = scene.desk("data").connected(&tenant);
    let lines: Vec<Value> = (0..LINES).map(wanted).collect();
    let from = selection(scene, "guests.ndjson", &lines)?;
    let open = ["--json", "session", "open", "--from", &from];
    let mut before = 0;
    for signal in ["INT", "TERM"] {
        let mut running = desk.start(&open)?;
        while opened(&tenant)? < before + 5 {
            ensure!(!running.has_ended(), "it ended by itself");
            std::thread::sleep(Duration::from_millis(10));
        }
        ensure!(running.signal(signal)?, "it ended before the signal");
        let run = running.wait()?.exits(130)?;
        let (counts, summary) = counted(&run)?;
        ensure!(
            summary["stopped"] == "interrupted" && summary["not_reached"].as_u64() > Some(0),
            "{}",
            run.wrong("it does not say that it was interrupted")
        );
        before = opened(&tenant)?;
        // What was sent got its answer: nothing is in doubt.
        ensure!(
            counts.get("opened") == Some(&before) && counts.len() == 1,
            "{}",
            run.wrong(&format!("the tenant counts {before}, the run {counts:?}"))
        );
    }
    let (counts, _) = counted(&desk.run(&open)?.exits(0)?)?;
    ensure!(counts.get("opened") == Some(&(LINES as u64)), "{counts:?}");
    ensure!(posts(&tenant) == LINES as u64, "{} requests were sent for {LINES}", posts(&tenant));
    Ok(())
}

fn two_operators(scene: &Scene<'_>) -> Outcome {
    let config = Config { latency: Duration::from_millis(15), rate_limit_per_min: WIDE, ..small(scene) };
    let tenant = scene.tenant(config)?;
    let desk = scene.desk("data").connected(&tenant);
    let lines: Vec<Value> = (0..150).map(wanted).collect();
    let from = selection(scene, "guests.ndjson", &lines)?;
    let open = ["--json", "session", "open", "--from", &from];
    let (first, second) = (desk.start(&open)?, desk.start(&open)?);
    for run in [first.wait()?.exits(0)?, second.wait()?.exits(0)?] {
        let (counts, _) = counted(&run)?;
        ensure!(counts.get("opened") == Some(&150), "{}", run.wrong(&format!("{counts:?}")));
    }
    ensure!(
        opened(&tenant)? == 150 && posts(&tenant) == 150,
        "a request was sent twice: {:?}",
        tenant.stats()
    );
    // As new requests: who has a session has it, who has no name is new.
    let run = desk.run(&[&open as &[&str], &["--anew"]].concat())?.exits(0)?;
    let (counts, _) = counted(&run)?;
    ensure!(counts.get("already_open") == Some(&112) && counts.get("opened") == Some(&38), "{counts:?}");
    Ok(())
}
