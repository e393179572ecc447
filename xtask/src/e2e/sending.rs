//! `message send`, `status`, `sla`, `simulate` (contract §4): each message once, every rule, and what is known of it
//! afterwards is what the tenant knows.

use std::collections::BTreeMap;

use frontdesk_sandbox::{Config, FaultPlan, Rates, RetryAfter};
use http::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use super::Scenario;
use super::desk::Desk;
use super::process::Run;
use super::scene::Scene;
use super::sessions::selection;
use super::telling::{RECEIVER, drained};
use super::tenant::{Tenant, small};
use crate::Outcome;

/// Messages of the stormy scenario.
const STORM: usize = 180;

pub(super) fn scenarios() -> Vec<Scenario> {
    vec![
        Scenario::new(
            "messages: a storm of faults and receipts of every kind, each once, all accounted for",
            storm,
        ),
        Scenario::new("messages: what breaks a rule is refused with all it breaks, and is not sent", rules),
        Scenario::new("messages: one by flags, with files, links and a body on stdin", flags),
        Scenario::new("messages: interrupted, the same command goes on", interrupted),
        Scenario::new("messages: a missed threshold is told once, and status finds what came late", missed),
        Scenario::new("messages: the simulator's sequence, printed, piped and sent", simulated),
        Scenario::new("messages: a permission, a wait and silence end it with their exit codes", hopeless),
    ]
}

/// What the tenant knows of a message.
#[derive(Debug, Deserialize)]
struct Taken {
    id: String,
    conversation_id: String,
    channel: String,
    client_id: Option<String>,
    from: String,
    to: Vec<String>,
    r#type: String,
    content: Value,
    attachments: Vec<Value>,
    status: String,
}

fn taken(tenant: &Tenant<'_>) -> Result<Vec<Taken>, String> {
    let bytes = tenant.door(Method::GET, "messages", &Value::Null)?;
    let lines = bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    lines
        .map(|line| serde_json::from_slice(line).map_err(|error| format!("the door's messages: {error}")))
        .collect()
}

fn receipts(tenant: &Tenant<'_>, plan: &Value) -> Outcome {
    tenant.door(Method::POST, "receipts", plan).map(|_| ())
}

/// A desk that looks for receipts often, since the sandbox's are quick.
fn desk<'s>(scene: &'s Scene<'_>, tenant: &Tenant<'_>) -> Desk<'s> {
    scene.desk("data").connected(tenant).with("FRONTDESK_POLL_INTERVAL", "50ms")
}

/// A line of `--from` into the tenant's ready conversation of this channel.
fn line(tenant: &Tenant<'_>, channel: &str, text: &str) -> Value {
    let talk = &tenant.ready().channels[channel];
    json!({"conversation_id": talk.conversation_id, "from": talk.agent_id, "to": [talk.customer_id], "type": "text/plain", "content": text})
}

/// The lines of messages: without the summary.
fn told(run: &Run) -> Result<Vec<Value>, String> {
    let mut lines = run.lines()?;
    ensure!(lines.pop().is_some_and(|last| last["summary"].is_object()), "{}", run.wrong("no summary"));
    Ok(lines)
}

fn summary(run: &Run) -> Result<Value, String> {
    Ok(run.last()?["summary"].clone())
}

fn storm(scene: &Scene<'_>) -> Outcome {
    let rate = Rates {
        status_429: 0.02,
        status_503: 0.05,
        reset: 0.05,
        cut: 0.05,
        retry_after: vec![RetryAfter::Text("0".into())],
        ..Rates::default()
    };
    let tenant =
        scene.tenant(Config { faults: FaultPlan { rate, ..FaultPlan::default() }, ..small(scene) })?;
    receipts(
        &tenant,
        &json!({"sent_ms": 5, "delivered_ms": [10, 80], "read_ms": [5, 40], "failed": 0.15, "never": 0.1, "contradictory": 0.15, "jumbled": 0.15, "undated": 0.1, "hurried": 0.3}),
    )?;
    let desk = desk(scene, &tenant);
    let channels = ["webchat", "sms", "email"];
    let lines: Vec<_> = (0..STORM).map(|k| line(&tenant, channels[k % 3], &format!("message {k}"))).collect();
    let from = selection(scene, "messages.ndjson", &lines)?;
    // What is unknown after the storm is settled by the next run.
    let command = ["message", "send", "--from", &from, "--threshold", "60s"];
    let first = desk.json(&command)?;
    ensure!(matches!(first.exit, Some(3)), "{}", first.wrong("failed ones were expected"));
    for fault in ["status_503", "reset", "cut"] {
        ensure!(tenant.fired(fault) > 0, "the fault {fault} never fired: {:?}", tenant.stats());
    }
    tenant.set_faults(&FaultPlan::default())?;
    let run = desk.json(&command)?.exits(3)?;
    let known = taken(&tenant)?;
    ensure!(known.len() == STORM, "{}", run.wrong(&format!("the tenant has {} messages", known.len())));
    let ids: BTreeMap<&str, &Taken> = known.iter().map(|message| (message.id.as_str(), message)).collect();
    let mut lines_told = 0;
    for told in told(&run)? {
        let message = told["message_id"].as_str().and_then(|id| ids.get(id)).copied();
        let message =
            message.ok_or_else(|| run.wrong(&format!("the tenant knows no such message: {told}")))?;
        let number = told["line"].as_u64().unwrap_or(0) - 1;
        ensure!(message.content == format!("message {number}"), "another message: {told} {message:?}");
        ensure!(message.client_id.as_deref() == told["client_id"].as_str(), "{told} {message:?}");
        ensure!(told["outcome"] == "sent", "{told}");
        // Later receipts of one that ended may have made more of it since; never less, and never another word.
        let (told_as, is) = (told["delivery"].as_str().unwrap_or(""), message.status.as_str());
        let agrees = match told_as {
            "timeout" => matches!(is, "sent" | "queued"),
            "failed" => matches!(is, "failed" | "delivered"),
            // The answer to a POST may say so, and the conversation never.
            "delivered" => is != "queued",
            "read" => matches!(is, "read" | "delivered"),
            _ => false,
        };
        ensure!(agrees, "it is told as {told_as:?}, and the tenant says {is}: {told}");
        lines_told += 1;
    }
    ensure!(lines_told == STORM, "{}", run.wrong("not every line is told"));
    // In each conversation they are in the order of the lines, but for those that were in doubt between the runs.
    ensure!(summary(&run)?["earlier"].as_u64().unwrap_or(0) > 0, "{}", run.wrong("nothing was resumed"));
    let third = desk.json(&command)?.exits(3)?;
    ensure!(taken(&tenant)?.len() == STORM, "{}", third.wrong("something was sent again"));
    ensure!(summary(&third)?["earlier"] == STORM, "{}", third.wrong("not all are known from before"));
    // The report counts what the lines say.
    let report = desk.json(&["message", "sla", "--threshold", "60s"])?.exits(0)?;
    let rows = report.lines()?;
    let all = rows.iter().find(|row| row["group"] == "all").ok_or_else(|| report.wrong("no row of all"))?;
    ensure!(all["messages"] == STORM, "{}", report.wrong("not all are in the report"));
    for channel in channels {
        let row = rows.iter().find(|row| row["group"] == "channel" && row["name"] == channel);
        let of_channel = known.iter().filter(|message| message.channel == channel).count();
        ensure!(row.is_some_and(|row| row["messages"] == of_channel), "{}", report.wrong(channel));
    }
    let csv = desk.run(&["message", "sla", "--threshold", "60s", "--csv"])?.exits(0)?;
    let text = String::from_utf8_lossy(&csv.stdout).into_owned();
    ensure!(text.lines().count() == rows.len() + 1, "{}", csv.wrong("the CSV has other rows"));
    ensure!(
        text.lines().nth(1).is_some_and(|row| row.starts_with(&format!("all,,{STORM},"))),
        "{}",
        csv.wrong("all")
    );
    // An audit record for each outcome, and the chain holds.
    let audit = desk.json(&["audit", "tail", "-n", "100000", "--kind", "message"])?.exits(0)?;
    ensure!(audit.lines()?.len() >= STORM, "{}", audit.wrong("fewer records than messages"));
    desk.json(&["audit", "verify"])?.exits(0)?;
    Ok(())
}

fn rules(scene: &Scene<'_>) -> Outcome {
    // A few conversations do not say their channel: among so many there is one, whatever the seed.
    let tenant = scene.tenant(Config { conversations: Some(5_000), ..small(scene) })?;
    let desk = desk(scene, &tenant);
    let with = |channel: &str, change: Value| {
        let mut line = line(&tenant, channel, "Hello");
        for (name, value) in change.as_object().into_iter().flatten() {
            line[name] = value.clone();
        }
        line
    };
    let attached = |channel: &str, attachment: Value| with(channel, json!({"attachments": [attachment]}));
    let customer = tenant.ready().channels["sms"].customer_id.clone();
    // In base64 a multiple of three bytes has no padding; 1 MiB is none.
    let bytes = |count: usize| {
        let padding = (3 - count % 3) % 3;
        format!("{}{}", "A".repeat(count.div_ceil(3) * 4 - padding), "=".repeat(padding))
    };
    let pdf = |content: String| json!({"type": "application/pdf", "filename": "a.pdf", "content": content});
    let mebibyte = 1_048_576;
    let refused: Vec<(Value, &[&str])> = vec![
        (with("sms", json!({"type": "text/html", "content": "<p>Hi</p>"})), &["type"]),
        (attached("sms", pdf(bytes(mebibyte + 1))), &["attachments.0.content"]),
        (
            attached("webchat", json!({"type": "image/png", "filename": "a.pdf", "content": "AAAA"})),
            &["attachments.0.filename"],
        ),
        (
            attached(
                "email",
                json!({"type": "image/png", "filename": "a.png", "content": "AAAA", "url": "https://a.example/a.png"}),
            ),
            &["attachments.0"],
        ),
        (attached("email", json!({"type": "image/png", "filename": "a.png"})), &["attachments.0"]),
        (
            attached("email", json!({"type": "image/png", "filename": "a.png", "content": "AAA"})),
            &["attachments.0.content"],
        ),
        (with("sms", json!({"from": customer})), &["from"]),
        (with("sms", json!({"from": "nobody-here"})), &["from"]),
        (with("none", json!({})), &["type"]),
        (
            with("webchat", json!({"from": "", "to": [], "type": "text", "content": null, "colour": 1})),
            &["colour", "content", "from", "to", "type"],
        ),
        (with("sms", json!({"from": "nobody-here", "type": "text/html"})), &["from", "type"]),
        (with("webchat", json!({"conversation_id": "there-is-none"})), &[]),
    ];
    let lines: Vec<_> = refused.iter().map(|(line, _)| line.clone()).collect();
    let from = selection(scene, "refused.ndjson", &lines)?;
    let run = desk.json(&["message", "send", "--from", &from])?.exits(2)?;
    let mut seen = 0;
    for told in told(&run)? {
        let number = usize::try_from(told["line"].as_u64().unwrap_or(0)).unwrap_or(0) - 1;
        ensure!(told["outcome"] == "refused" && told.get("message_id").is_none(), "{told}");
        let paths: Vec<_> = told["violations"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|one| one["path"].as_str().unwrap_or("?"))
            .collect();
        ensure!(paths == refused[number].1, "line {}: {told}", number + 1);
        seen += 1;
    }
    ensure!(seen == refused.len(), "{}", run.wrong("not every line is told"));
    ensure!(taken(&tenant)?.is_empty(), "{}", run.wrong("something was sent"));
    // What is just within a rule goes, beside what is not.
    let good = [
        attached("sms", pdf(bytes(mebibyte))),
        attached(
            "sms",
            json!({"type": "application/pdf", "filename": "a.pdf", "url": "https://a.example/a.pdf"}),
        ),
        with("email", json!({"type": "text/html", "content": "<p>Hi</p>"})),
        with("webchat", json!({"type": "application/json", "content": {"a": [1, null]}})),
        attached("email", json!({"type": "model/stl", "filename": "a.stl", "content": "AAAA"})),
    ];
    let mixed: Vec<_> = good.iter().chain(&lines[..2]).cloned().collect();
    let from = selection(scene, "mixed.ndjson", &mixed)?;
    let run = desk.json(&["message", "send", "--from", &from])?.exits(3)?;
    let summary = summary(&run)?;
    ensure!(summary["sent"] == good.len() && summary["refused"] == 2, "{}", run.wrong("the counts"));
    let known = taken(&tenant)?;
    ensure!(known.len() == good.len(), "{}", run.wrong("the tenant has others"));
    let sizes: Vec<_> =
        known.iter().flat_map(|message| &message.attachments).map(|one| one["bytes"].clone()).collect();
    ensure!(sizes.contains(&json!(mebibyte)), "{}", run.wrong(&format!("attachments of {sizes:?} bytes")));
    ensure!(
        told(&run)?.iter().any(|line| line["findings"][0]["path"] == "attachments.0.type"),
        "{}",
        run.wrong("no finding")
    );
    // Lines that are none.
    let broken = scene.hidden("broken.ndjson");
    super::files::write_private(&broken, b"[]\nnot json\n\n")?;
    let run = desk.json(&["message", "send", "--from", &broken.display().to_string()])?.exits(2)?;
    ensure!(told(&run)?.len() == 2, "{}", run.wrong("two lines were expected"));
    desk.json(&["message", "send", "--from", "/not/there.ndjson"])?.exits(2)?.says(&["/not/there.ndjson"])?;
    Ok(())
}

fn flags(scene: &Scene<'_>) -> Outcome {
    let tenant = scene.tenant(small(scene))?;
    receipts(&tenant, &json!({"sent_ms": 1, "delivered_ms": [1, 20], "read": 0.0}))?;
    let desk = desk(scene, &tenant);
    let talk = tenant.ready().channels["webchat"].clone();
    let who =
        ["--conversation-id", &talk.conversation_id, "--sender", &talk.agent_id, "--to", &talk.customer_id];
    let file = scene.hidden("Invoice.pdf");
    super::files::write_private(&file, b"%PDF-1.7 of 21 bytes.")?;
    let file = file.display().to_string();
    let more = [
        "--to",
        "another",
        "--text",
        "Hello",
        "--attach",
        &file,
        "--attach-url",
        "https://cdn.example/logo.png?x=1",
    ];
    let run = desk.json(&[&["message", "send"], &who as &[&str], &more].concat())?.exits(0)?;
    let line = told(&run)?.remove(0);
    ensure!(line["delivery"] == "delivered" && line["sla"] == "met" && line.get("line").is_none(), "{line}");
    let known = taken(&tenant)?;
    ensure!(known.len() == 1, "{}", run.wrong("one message was expected"));
    let Taken { conversation_id, from, to, r#type, content, attachments, .. } = &known[0];
    ensure!(*conversation_id == talk.conversation_id && *from == talk.agent_id, "{known:?}");
    ensure!(
        *to == [talk.customer_id.as_str(), "another"] && r#type == "text/plain" && content == "Hello",
        "{known:?}"
    );
    ensure!(
        attachments[0]
            == json!({"type": "application/pdf", "filename": "Invoice.pdf", "bytes": 21, "url": null}),
        "{known:?}"
    );
    ensure!(attachments[1]["filename"] == "logo.png" && attachments[1]["type"] == "image/png", "{known:?}");
    // A body on stdin; the same again is another message.
    let send = format!("\"$FRONTDESK\" message send --no-wait {}", who.join(" "));
    for _ in 0..2 {
        desk.shell(&format!("printf 'Good\\nmorning\\n' | {send}"))?;
    }
    desk.shell(&format!("printf '{{\"n\": 1}}' | {send} --type application/json"))?;
    let known = taken(&tenant)?;
    ensure!(
        known.len() == 4 && known[1].content == "Good\nmorning" && known[2].content == known[1].content,
        "{known:?}"
    );
    ensure!(known[1].client_id != known[2].client_id && known[3].content == json!({"n": 1}), "{known:?}");
    // Without anything to say, with a file that is not there, with half of the flags: nothing is sent.
    desk.json(&[&["message", "send"], &who as &[&str]].concat())?.exits(2)?;
    desk.json(
        &[&["message", "send"], &who as &[&str], &["--text", "x", "--attach", "/not/there.pdf"]].concat(),
    )?
    .exits(2)?
    .says(&["/not/there.pdf"])?;
    desk.json(&["message", "send", "--conversation-id", "c", "--text", "x"])?
        .exits(2)?
        .says(&["--sender", "--to"])?;
    desk.json(&["message", "send", "--text", "x"])?.exits(2)?;
    ensure!(taken(&tenant)?.len() == 4, "something was sent");
    Ok(())
}

fn interrupted(scene: &Scene<'_>) -> Outcome {
    const MESSAGES: usize = 600;
    // At a hundred a second it takes six seconds: the signals come in the middle.
    let tenant = scene.tenant(Config { rate_limit_per_min: 6_000, ..small(scene) })?;
    receipts(&tenant, &json!({"sent_ms": 1, "delivered_ms": [1, 20], "read": 0.0}))?;
    let desk = desk(scene, &tenant);
    let lines: Vec<_> =
        (0..MESSAGES).map(|k| line(&tenant, ["webchat", "email"][k % 2], &format!("{k}"))).collect();
    let from = selection(scene, "messages.ndjson", &lines)?;
    let command = ["--json", "message", "send", "--from", &from];
    for signal in ["INT", "TERM"] {
        let before = taken(&tenant)?.len();
        let mut running = desk.start(&command)?;
        super::callback::until("the first messages", || Ok(taken(&tenant)?.len() >= before + 5))?;
        ensure!(running.signal(signal)?, "it ended before the signal");
        let run = running.wait()?.exits(130)?;
        let summary = summary(&run)?;
        ensure!(
            summary["stopped"] == "interrupted" && summary["unknown"] == 0,
            "{}",
            run.wrong("how it stopped")
        );
        let known = taken(&tenant)?.len();
        ensure!(
            known < MESSAGES && summary["sent"].as_u64() <= Some(known as u64) && summary["sent"] != 0,
            "{}",
            run.wrong(&format!("the tenant has {known}"))
        );
    }
    let run = desk.run(&command)?.exits(0)?;
    let known = taken(&tenant)?;
    ensure!(
        known.len() == MESSAGES && summary(&run)?["delivered"] == MESSAGES,
        "{}",
        run.wrong("not all once")
    );
    // In each conversation they are in the order of the lines, over all three runs.
    for half in 0..2 {
        let order: Vec<usize> = known
            .iter()
            .filter_map(|message| message.content.as_str()?.parse().ok())
            .filter(|k| k % 2 == half)
            .collect();
        ensure!(order.is_sorted(), "they are out of order: {order:?}");
    }
    desk.json(&["audit", "verify"])?.exits(0)?;
    Ok(())
}

fn missed(scene: &Scene<'_>) -> Outcome {
    const MESSAGES: usize = 6;
    let tenant = scene.tenant(small(scene))?;
    receipts(&tenant, &json!({"sent_ms": 1, "late": 1.0, "late_ms": [3_600_000, 3_600_000], "read": 0.0}))?;
    let desk = desk(scene, &tenant).tells(&tenant, "sla.missed")?;
    let lines: Vec<_> =
        (0..MESSAGES).map(|k| line(&tenant, ["sms", "email"][k % 2], &format!("{k}"))).collect();
    let from = selection(scene, "messages.ndjson", &lines)?;
    let run = desk.json(&["message", "send", "--from", &from, "--threshold", "200ms"])?.exits(3)?;
    ensure!(
        told(&run)?.iter().all(|line| line["delivery"] == "timeout" && line["message_id"].is_string()),
        "{}",
        run.wrong("a time-out keeps the id")
    );
    let counts = summary(&run)?;
    ensure!(counts["timeout"] == MESSAGES && counts["sla_missed"] == MESSAGES, "{}", run.wrong("the counts"));
    // Nothing new, as often as one looks.
    desk.json(&["message", "status", "--threshold", "200ms"])?.exits(3)?;
    tenant.advance_clock(3_700)?;
    let status = desk.json(&["message", "status", "--threshold", "200ms"])?.exits(0)?;
    let counts = summary(&status)?;
    ensure!(counts["delivered"] == MESSAGES && counts["looks"] == 2, "{}", status.wrong("the counts"));
    let again = desk.json(&["message", "status"])?.exits(0)?;
    ensure!(summary(&again)?["looks"] == 0, "{}", again.wrong("there is nothing to look for"));
    let all = desk.json(&["message", "status", "--all"])?.exits(0)?;
    ensure!(told(&all)?.len() == MESSAGES, "{}", all.wrong("--all tells of all"));
    drained(&desk, &tenant)?;
    let events: Vec<Value> = tenant
        .received(RECEIVER)?
        .iter()
        .filter(|one| one.was_taken())
        .map(|one| serde_json::from_str(&one.body).unwrap_or_default())
        .collect();
    let mut ids: Vec<_> = events.iter().filter_map(|event| event["message_id"].as_str()).collect();
    ids.sort_unstable();
    ids.dedup();
    ensure!(events.len() == MESSAGES && ids.len() == MESSAGES, "the receiver was told {events:?}");
    let fields = ["created_at", "elapsed_time_sec", "meets_sla", "message_id", "sla_threshold", "state"];
    for event in &events {
        let names: Vec<_> = event
            .as_object()
            .into_iter()
            .flatten()
            .map(|(name, _)| name.as_str())
            .filter(|name| *name != "delivered_at")
            .collect();
        let mut names = names;
        names.sort_unstable();
        ensure!(names == fields && event["state"] == "missed" && event["meets_sla"] == false, "{event}");
        ensure!(event["sla_threshold"] == 0.2, "{event}");
    }
    let report = desk.json(&["message", "sla", "--messages"])?.exits(0)?;
    let lines = report.lines()?;
    ensure!(
        lines.iter().filter(|line| line["state"] == "missed").count() == MESSAGES,
        "{}",
        report.wrong("missed")
    );
    Ok(())
}

fn simulated(scene: &Scene<'_>) -> Outcome {
    let tenant = scene.tenant(small(scene))?;
    receipts(&tenant, &json!({"sent_ms": 1, "delivered_ms": [1, 20], "read": 0.0}))?;
    let desk = desk(scene, &tenant);
    let talk = tenant.ready().channels["webchat"].clone();
    let sequence = ["message", "simulate", "--seed", "42", "--count", "12"];
    let plain = scene.desk("alone").run(&sequence)?.exits(0)?;
    let json = desk.json(&sequence)?.exits(0)?;
    ensure!(plain.stdout == json.stdout && json.lines()?.len() == 12, "{}", json.wrong("the sequence"));
    let shorter = desk.json(&["message", "simulate", "--seed", "42", "--count", "5"])?.exits(0)?;
    ensure!(json.stdout.starts_with(&shorter.stdout), "message k depends on the count");
    let who = ["--conversation-id", &talk.conversation_id, "--sender", &talk.agent_id];
    let sent = desk.json(&[&sequence as &[&str], &who, &["--send"]].concat())?.exits(0)?;
    ensure!(summary(&sent)?["delivered"] == 12, "{}", sent.wrong("not all arrived"));
    // The same sequence in the same batch is the same messages; piped in without conversation they are refused.
    let again = desk.json(&[&sequence as &[&str], &who, &["--send"]].concat())?.exits(0)?;
    ensure!(
        summary(&again)?["earlier"] == 12 && taken(&tenant)?.len() == 12,
        "{}",
        again.wrong("sent again")
    );
    desk.json(&[&sequence as &[&str], &["--send"]].concat())?.exits(2)?;
    let simulate = format!("\"$FRONTDESK\" {} {}", sequence.join(" "), who.join(" "));
    desk.shell(&format!("{simulate} | \"$FRONTDESK\" message send --from - --batch piped"))?;
    let known = taken(&tenant)?;
    ensure!(known.len() == 24, "{} messages", known.len());
    for (one, other) in known.iter().zip(&known[12..]) {
        ensure!(one.content == other.content && one.attachments == other.attachments, "{one:?} {other:?}");
    }
    Ok(())
}

fn hopeless(scene: &Scene<'_>) -> Outcome {
    let tenant = scene.tenant(small(scene))?;
    let lines: Vec<_> = (0..3).map(|k| line(&tenant, "webchat", &format!("{k}"))).collect();
    let from = selection(scene, "messages.ndjson", &lines)?;
    let post = json!({"method": "POST", "path": "/api/v2/conversations/{conversationId}/messages"});
    for (name, effect, exit, words) in [
        ("401", json!({"status": {"status": 401}}), 4, "unauthorized"),
        ("403", json!({"status": {"status": 403}}), 4, "conversation:send"),
        ("429", json!({"status": {"status": 429, "retry_after": ["3600"]}}), 5, "throttled"),
        ("400", json!({"status": {"status": 400}}), 2, ""),
        ("409", json!({"status": {"status": 409}}), 2, ""),
    ] {
        let plan = json!({"rules": [{"when": post, "then": effect}]});
        let plan: FaultPlan = serde_json::from_value(plan).map_err(|error| format!("{name}: {error}"))?;
        tenant.set_faults(&plan)?;
        let desk = scene.desk(name).connected(&tenant);
        let run = desk.json(&["message", "send", "--from", &from])?.exits(exit)?.says(&[words])?;
        ensure!(
            summary(&run)?["sent"] == 0 && taken(&tenant)?.is_empty(),
            "{}",
            run.wrong("something was sent")
        );
        // The same command goes on when it is let in.
        tenant.set_faults(&FaultPlan::default())?;
        if exit > 2 {
            let desk = desk.with("FRONTDESK_POLL_INTERVAL", "50ms");
            let run = desk.json(&["message", "send", "--from", &from, "--no-wait"])?.exits(0)?;
            ensure!(summary(&run)?["sent"] == 3, "{}", run.wrong("not all were sent"));
            tenant.door(Method::POST, "reset", &Value::Null)?;
        }
    }
    // Nobody is there.
    let gone = scene.desk("gone").at("http://127.0.0.1:9");
    let run =
        gone.with("FRONTDESK_TIMEOUT_CALL", "2s").json(&["message", "send", "--from", &from])?.exits(5)?;
    ensure!(summary(&run)?["not_sent"] == 3, "{}", run.wrong("they are surely not sent"));
    Ok(())
}
