//! The other ways of the vendor's published contract: a history as its guest is shown it, messages to an address, sessions
//! over a channel of one's own.

use std::collections::{BTreeMap, BTreeSet};

use frontdesk_sandbox::{Break, Config, DeploymentPlan, Effect, FaultPlan, Point, Rule, When};
use http::Method;
use serde_json::{Value, json};

use super::desk::Desk;
use super::process::Run;
use super::scene::Scene;
use super::sessions::selection;
use super::tenant::{Tenant, small};
use super::{Scenario, files};
use crate::Outcome;

/// A guest's token of the sandbox is good for so long.
const TOKEN_SECONDS: u64 = 900;
/// Where messages to an address are posted.
const AGENTLESS: &str = "/api/v2/conversations/messages/agentless";
/// Where a customer's messages are posted over a channel of one's own.
const INBOUND: &str = "/api/v2/conversations/messages/{integrationId}/inbound/open/message";
/// Messages, and sessions, of a scenario.
const MANY: usize = 36;
/// Seconds after which a message that is not to be seen never will be.
const LONG_ENOUGH: u64 = 3_600;

pub(super) fn scenarios() -> Vec<Scenario> {
    vec![
        Scenario::new(
            "platform: a guest's own view is pulled by the guest's token alone, page after page",
            guests_view,
        ),
        Scenario::new("platform: messages to an address are sent once each, and arrive", addressed),
        Scenario::new(
            "platform: replies to messages to an address are lost, none is there twice, all are settled",
            addressed_and_lost,
        ),
        Scenario::new(
            "platform: sessions are opened over open messaging, once each whatever is lost",
            over_open_messaging,
        ),
    ]
}

/// Reads an answer within this process.
fn read(bytes: &[u8]) -> Result<Value, String> {
    serde_json::from_slice(bytes).map_err(|error| format!("an answer: {error}"))
}

/// A guest with a few messages: the conversation, its token, and what it is shown, newest first.
struct Guest {
    conversation: String,
    jwt: String,
    shown: Vec<Value>,
}

impl Guest {
    fn find(tenant: &Tenant<'_>) -> Result<Self, String> {
        for number in 0..tenant.count() {
            let id = super::tenant::id_of(&tenant.conversation(number)?)?;
            let issued = read(&tenant.door(Method::POST, "guest_jwt", &json!({"conversation_id": id}))?)?;
            let jwt = issued["jwt"].as_str().ok_or("the sandbox gave no guest's token")?.to_owned();
            let path = "/api/v2/webmessaging/messages?pageSize=500";
            let page = read(&tenant.platform(Method::GET, path, &jwt, &Value::Null)?)?;
            let shown = page["entities"].as_array().cloned().unwrap_or_default();
            if shown.len() >= 5 {
                return Ok(Self { conversation: id, jwt, shown });
            }
        }
        Err("no guest has said and heard enough".to_owned())
    }

    /// `history pull` as this guest.
    fn pull(&self, desk: &Desk<'_>, token: &str, more: &[&str]) -> Result<Run, String> {
        let named =
            ["--organization-id", "org", "--domain-id", "web", "--conversation-id", &self.conversation];
        let way = ["--guest-token-file", token];
        desk.json(&[&["history", "pull"], &named as &[&str], &way, more].concat())
    }
}

fn guests_view(scene: &Scene<'_>) -> Outcome {
    let tenant = scene.tenant_of_both(Config { ..small(scene) })?;
    // However old the conversations are, their histories can be had.
    let plan = DeploymentPlan { history_days: 0, ..DeploymentPlan::default() };
    tenant.door(Method::POST, "deployment", &json!(plan))?;
    let guest = Guest::find(&tenant)?;
    let token = scene.hidden("guest.jwt");
    files::write_private(&token, format!("{}\n", guest.jwt).as_bytes())?;
    let token = token.display().to_string();
    // No client, no secret: the guest's token is all there is.
    let desk = scene.desk("data").on_platform(&tenant);
    let desk =
        desk.without("FRONTDESK_CLIENT_ID").without("FRONTDESK_CLIENT_SECRET").without("FRONTDESK_LOGIN_URL");

    let run = guest.pull(&desk, &token, &["--page-size", "2"])?.exits(0)?;
    let lines = run.lines()?;
    let messages: Vec<&Value> =
        lines.iter().map(|line| &line["message"]).filter(|one| one.is_object()).collect();
    let ids = |messages: &[&Value]| -> BTreeSet<String> {
        messages.iter().map(|message| message["id"].as_str().unwrap_or_default().to_owned()).collect()
    };
    let shown: Vec<&Value> = guest.shown.iter().collect();
    ensure!(ids(&messages) == ids(&shown), "{}", run.wrong("it is not what the guest is shown"));
    ensure!(messages.len() == shown.len(), "{}", run.wrong("a message is there twice"));
    for message in &messages {
        ensure!(shown.contains(message), "{}", run.wrong("a message is not as it came"));
    }
    let times: Vec<&str> =
        messages.iter().filter_map(|message| message["channel"]["time"].as_str()).collect();
    ensure!(times.is_sorted() && times.len() > 3, "{}", run.wrong(&format!("not by time: {times:?}")));
    let untimed = messages.len() - times.len();
    let findings = lines.iter().filter(|line| line["finding"].is_object()).count();
    ensure!(findings == untimed, "{}", run.wrong(&format!("{findings} findings, {untimed} have no time")));
    let pages = guest.shown.len().div_ceil(2);
    let totals = &run.last()?["summary"];
    ensure!(totals["pages"] == pages && totals["requests"] == pages, "{}", run.wrong("not a request a page"));
    let tokens: u64 = tenant
        .stats()
        .requests
        .iter()
        .filter(|(operation, _)| operation.contains("oauth"))
        .map(|(_, count)| count)
        .sum();
    ensure!(tokens == 0, "{}", run.wrong("a staff's token was asked for"));

    // A page's token goes on where the page before ended, whatever size is asked for now.
    let first = guest.pull(&desk, &token, &["--page-size", "2", "--max-depth", "1"])?.exits(0)?;
    let report = first.lines()?.into_iter().find_map(|line| line.get("report").cloned()).unwrap_or_default();
    let next = report["next_page_token"].as_str().unwrap_or_default().to_owned();
    let rest = guest.pull(&desk, &token, &["--resume", &next])?.exits(0)?;
    let kept = &rest.last()?["summary"]["kept"];
    ensure!(*kept == guest.shown.len() - 2, "{}", rest.wrong("it did not go on behind the first page"));

    // What the guest's view cannot be.
    guest.pull(&desk, &token, &["--archive"])?.exits(2)?;
    let gateway = scene.desk("other").connected(&tenant);
    guest.pull(&gateway, &token, &[])?.exits(2)?.says(&["platform contract"])?;
    tenant.advance_clock(TOKEN_SECONDS + 1)?;
    let late = guest.pull(&desk, &token, &["--page-size", "3"])?.exits(4)?.says(&["getJwt"])?;
    for run in [&run, &late] {
        let told = String::from_utf8_lossy(&run.stdout);
        ensure!(!told.contains(&guest.jwt) && !run.stderr.contains(&guest.jwt), "the guest's token was told");
    }
    for path in files::below(&desk.data)? {
        let bytes = files::read(&path)?;
        let found = bytes.windows(guest.jwt.len()).any(|window| window == guest.jwt.as_bytes());
        ensure!(!found, "the guest's token is in {}", path.display());
    }
    desk.json(&["audit", "verify"])?.exits(0).map(|_| ())
}

/// Faults on the replies of two in three of these calls, told by what their bodies hold: done, and the answer does not come, by a
/// reset, a cut, a 502; or not done, and nobody can tell.
fn losses(path: &str, words: impl Fn(usize) -> String) -> FaultPlan {
    let losses = [
        Effect::Reset(Point::BeforeHead),
        Effect::Cut(Point::Byte(20)),
        Effect::CommittedThen { status: 502 },
        Effect::Unheard(Break::Reset),
    ];
    let rules = (0..MANY).filter(|k| k % 3 != 0).map(|k| {
        let when = When {
            method: Some("POST".into()),
            path: Some(path.into()),
            body_contains: Some(words(k)),
            times: Some(1),
            ..When::default()
        };
        Rule { when, then: Some(losses[k % losses.len()].clone()), delay_ms: 0 }
    });
    FaultPlan { rules: rules.collect(), ..FaultPlan::default() }
}

fn all_fired(tenant: &Tenant<'_>) -> Outcome {
    for fault in ["reset", "cut", "committed_then_502", "unheard"] {
        ensure!(tenant.fired(fault) > 0, "the fault {fault} never fired: {:?}", tenant.stats());
    }
    Ok(())
}

fn words(k: usize) -> String {
    format!("Parcel no. {k:05} is on its way.")
}

/// Messages to as many addresses, over two messengers.
fn parcels(scene: &Scene<'_>) -> Result<String, String> {
    let line = |k: usize| {
        let (messenger, from, to) = match k % 2 {
            0 => ("open", "the-integration".to_owned(), format!("cust-{k}")),
            _ => ("sms", "+12025550100".to_owned(), format!("+1202555{k:04}")),
        };
        json!({"messenger": messenger, "from": from, "to": [to], "type": "text/plain", "content": words(k)})
    };
    selection(scene, "parcels.ndjson", &(0..MANY).map(line).collect::<Vec<_>>())
}

/// How often the tenant has each text, and in how many conversations.
fn there(tenant: &Tenant<'_>) -> Result<(BTreeMap<String, u64>, usize), String> {
    let (mut counts, mut conversations) = (BTreeMap::new(), BTreeSet::new());
    for message in tenant.taken()? {
        *counts.entry(message.content.as_str().unwrap_or_default().to_owned()).or_default() += 1;
        conversations.insert(message.conversation_id);
    }
    Ok((counts, conversations.len()))
}

/// The one message of a run was refused, in these words among others.
fn refuses(run: &Run, words: &str) -> Outcome {
    let line = run.lines()?.into_iter().next().unwrap_or_default();
    let told = line["outcome"] == "refused" && line.to_string().contains(words);
    ensure!(told, "{}", run.wrong(&format!("it is not refused with {words:?}")));
    Ok(())
}

/// A desk that sends, and its tenant whose messages arrive.
fn sending<'s, 'h>(scene: &'s Scene<'h>) -> Result<(Tenant<'h>, Desk<'s>), String> {
    let tenant = scene.tenant_of_both(small(scene))?;
    tenant.plan_receipts(&json!({"sent_ms": 5, "delivered_ms": [10, 60], "read": 0.0}))?;
    let desk = scene.desk("data").on_platform(&tenant).with("FRONTDESK_POLL_INTERVAL", "50ms");
    Ok((tenant, desk))
}

fn addressed(scene: &Scene<'_>) -> Outcome {
    let (tenant, desk) = sending(scene)?;
    let from = parcels(scene)?;
    let run = desk.json(&["message", "send", "--from", &from, "--threshold", "60s"])?.exits(0)?;
    let (counts, conversations) = there(&tenant)?;
    ensure!(counts.len() == MANY && conversations == MANY, "{}", run.wrong("not all are there"));
    ensure!(counts.values().all(|count| *count == 1), "{}", run.wrong("a message is there twice"));
    let lines = run.lines()?;
    let sent = lines.iter().filter(|line| line["outcome"] == "sent" && line["conversation_id"].is_string());
    let arrived = sent.filter(|line| matches!(line["delivery"].as_str(), Some("delivered" | "read")));
    ensure!(arrived.count() == MANY, "{}", run.wrong("not all arrived"));
    // The same lines again are the same messages.
    let again = desk.json(&["message", "send", "--from", &from, "--threshold", "60s"])?.exits(0)?;
    ensure!(there(&tenant)?.0.values().all(|count| *count == 1), "{}", again.wrong("one was sent again"));

    // One by flags. A conversation that goes on refuses a second one that does not join it.
    let one = |text: &'static str, more: &[&'static str]| {
        let way = ["message", "send", "--messenger", "open", "--sender", "the-integration", "--to", "cust-0"];
        desk.json(&[&way as &[&str], &["--text", text, "--no-wait"], more].concat())
    };
    refuses(&one("And another.", &[])?.exits(2)?, "going on")?;
    one("And another.", &["--join-active"])?.exits(0)?;
    ensure!(there(&tenant)?.1 == MANY, "the message did not join the conversation");
    // What cannot be is said before anything is asked.
    let way = ["message", "send", "--messenger", "whatsapp", "--sender", "i", "--to", "1", "--text", "Hi"];
    refuses(&desk.json(&way)?.exits(2)?, "templates")?;
    let gateway = scene.desk("other").connected(&tenant);
    let way = ["message", "send", "--messenger", "open", "--sender", "i", "--to", "c", "--text", "Hi"];
    refuses(&gateway.json(&way)?.exits(2)?, "platform contract")?;
    desk.json(&["audit", "verify"])?.exits(0).map(|_| ())
}

fn addressed_and_lost(scene: &Scene<'_>) -> Outcome {
    let (tenant, desk) = sending(scene)?;
    let desk = desk
        .with("FRONTDESK_TIMEOUT_HEAD", "2s")
        .with("FRONTDESK_TIMEOUT_IDLE", "2s")
        .with("FRONTDESK_TEST_CLOCK", &tenant.base_url);
    let from = parcels(scene)?;
    tenant.set_faults(&losses(AGENTLESS, words))?;
    let command = ["message", "send", "--from", &from, "--threshold", "60s"];
    let run = desk.json(&command)?;
    ensure!(matches!(run.exit, Some(0 | 3 | 5)), "{}", run.wrong("exit 0, 3 or 5 was expected"));
    all_fired(&tenant)?;
    let twice = |run: &Run| -> Result<usize, String> {
        let (counts, _) = there(&tenant)?;
        let twice: Vec<_> = counts.iter().filter(|(_, count)| **count > 1).collect();
        ensure!(twice.is_empty(), "{}", run.wrong(&format!("posted more than once: {twice:?}")));
        Ok(counts.len())
    };
    let known = twice(&run)?;
    // The network heals: what is there is found, and what is not stays unknown, for good.
    tenant.set_faults(&FaultPlan::default())?;
    tenant.advance_clock(LONG_ENOUGH)?;
    let mut run = desk.json(&command)?;
    for _ in 0..2 {
        ensure!(matches!(run.exit, Some(0 | 3)), "{}", run.wrong("exit 0 or 3 was expected"));
        ensure!(twice(&run)? == known, "{}", run.wrong("a message was posted again"));
        let lines = run.lines()?;
        let told = |outcome: &str| lines.iter().filter(|line| line["outcome"] == outcome).count();
        ensure!(
            told("sent") == known && told("unknown") == MANY - known,
            "{}",
            run.wrong(&format!("{known} are there, {} sent, {} unknown", told("sent"), told("unknown")))
        );
        run = desk.json(&command)?;
    }
    desk.json(&["audit", "verify"])?.exits(0).map(|_| ())
}

fn over_open_messaging(scene: &Scene<'_>) -> Outcome {
    let tenant = scene.tenant_of_both(small(scene))?;
    let token = tenant.platform_token()?;
    let integration = json!({"name": "Portal", "outboundNotificationWebhookUrl": "https://hooks.example/in",
        "outboundNotificationWebhookSignatureSecretToken": "at-least-16-characters"});
    let path = "/api/v2/conversations/messaging/integrations/open";
    let made = read(&tenant.platform(Method::POST, path, &token, &integration)?)?;
    let id = made["id"].as_str().ok_or("the integration has no id")?;
    let desk = scene.desk("data").on_platform(&tenant).with("FRONTDESK_OPEN_INTEGRATION_ID", id);
    // A message says something.
    let one =
        ["session", "open", "--guest-id", "guest_one", "--data-processing", "--attribute", "source=portal"];
    desk.json(&one)?.exits(2)?.says(&["guest_first_text"])?;
    let desk = desk.with("FRONTDESK_GUEST_FIRST_TEXT", "Hello").with("FRONTDESK_TIMEOUT_HEAD", "2s");

    let line = |k: usize| {
        json!({"guest_id": format!("guest_{k:05}"), "attributes": {"row": format!("row-{k:05}")},
            "consent": {"data_processing": true, "marketing": k.is_multiple_of(2)}, "language": "de"})
    };
    let from = selection(scene, "guests.ndjson", &(0..MANY).map(line).collect::<Vec<_>>())?;
    tenant.set_faults(&losses(INBOUND, |k| format!("row-{k:05}")))?;
    let command = ["session", "open", "--from", &from];
    desk.json(&command)?;
    all_fired(&tenant)?;
    tenant.set_faults(&FaultPlan::default())?;
    let run = desk.json(&command)?.exits(0)?;
    let lines = run.lines()?;
    let sessions: BTreeSet<&str> = lines.iter().filter_map(|line| line["session_id"].as_str()).collect();
    ensure!(sessions.len() == MANY, "{}", run.wrong("not every guest has a session"));
    let totals = read(&tenant.door(Method::GET, "sessions/totals", &Value::Null)?)?;
    ensure!(totals["opened"] == MANY, "{}", run.wrong(&format!("the tenant counts {totals}")));
    for session in sessions {
        let live = read(&tenant.platform(
            Method::GET,
            &format!("/api/v2/conversations/{session}"),
            &token,
            &Value::Null,
        )?)?;
        let said = live["participants"][0]["messages"][0]["messages"].as_array().map_or(0, Vec::len);
        ensure!(said == 1, "{}", run.wrong(&format!("{said} messages are in {session}")));
        let attributes = &live["participants"][0]["attributes"];
        ensure!(attributes["consent.data_processing"] == "true", "{}", run.wrong("no consent went along"));
    }

    // A guest whose conversation goes on has it already; with other attributes it is another's.
    let opened = desk.json(&one)?.exits(0)?;
    let session = opened.lines()?[0]["session_id"].clone();
    let already = desk.json(&one)?.exits(0)?;
    let told = already.lines()?;
    ensure!(
        told[0]["outcome"] == "already_open" && told[0]["session_id"] == session,
        "{}",
        already.wrong("the guest has a session")
    );
    let other =
        ["session", "open", "--guest-id", "guest_one", "--data-processing", "--attribute", "source=phone"];
    let other = desk.json(&other)?;
    ensure!(other.lines()?[0]["outcome"] == "failed", "{}", other.wrong("another session than the guest's"));
    desk.json(&["audit", "verify"])?.exits(0).map(|_| ())
}
