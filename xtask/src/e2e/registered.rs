//! Callbacks that the platform was asked for: registered once, called for every session, and a platform that does not
//! answer keeps nobody from listening.

use std::net::TcpListener;

use serde_json::json;

use super::Scenario;
use super::callback::{sessions, signed, told, until};
use super::caller::{Caller, Key, Listening, request};
use super::scene::Scene;
use super::telling::RECEIVER;
use super::tenant::{Tenant, small};
use crate::Outcome;

/// Sessions that are opened.
const OPENED: usize = 20;

pub(super) fn scenarios() -> Vec<Scenario> {
    vec![
        Scenario::new("callbacks: the platform that was asked calls for every session, once each", called),
        Scenario::new("callbacks: register says once what it did, and a failure to is a warning", registered),
    ]
}

/// A port that nobody listens at.
fn free_port() -> Result<u16, String> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).map_err(|error| format!("no port: {error}"))?;
    listener.local_addr().map(|address| address.port()).map_err(|error| error.to_string())
}

/// Opens a session at the tenant, over its socket; gives the conversation's id.
fn open(tenant: &Tenant<'_>, token: &str, guest: &str) -> Result<String, String> {
    let body = json!({
        "conversationType": "webchat", "guestId": guest,
        "attributes": {"source": "web_portal", "consent.marketing": false, "consent.data_processing": true,
                       "consent.timestamp": "2025-06-15T10:23:45Z"},
        "routingData": {"priority": 1, "skills": ["web_support"]}
    })
    .to_string();
    let address = tenant.base_url.trim_start_matches("http://");
    let head = format!(
        "POST /api/v2/conversations/webchat HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    let answer = Caller::new(address)?.send(&[head.as_bytes(), body.as_bytes()].concat())?;
    ensure!(answer.status == 201, "{}: {}", answer.head, String::from_utf8_lossy(&answer.body));
    let opened: serde_json::Value =
        serde_json::from_slice(&answer.body).map_err(|error| error.to_string())?;
    opened["id"].as_str().map(str::to_owned).ok_or_else(|| format!("a session without an id: {opened}"))
}

fn called(scene: &Scene<'_>) -> Outcome {
    let tenant = scene.tenant(small(scene))?;
    let key = Key::new(scene);
    // Each call is signed, and made again although it was taken.
    tenant.plan_callbacks(&json!({"secret": key.text(), "repeat": 3, "retry_ms": 50}))?;
    let address = format!("127.0.0.1:{}", free_port()?);
    let desk = signed(scene, &tenant, &key)?
        .connected(&tenant)
        .with("WEBHOOK_CALLBACK_URL", &format!("http://{address}/webhook/callback"));
    let listen = ["--json", "webhook", "listen", "--addr", &address, "--register"];
    let listening = Listening::of(desk.start(&listen)?)?;
    until("the registration", || Ok(tenant.subscriptions()? == 1))?;
    let token = tenant.sandbox_token()?;
    let mut expected = std::collections::BTreeSet::new();
    for number in 0..OPENED {
        expected.insert(open(&tenant, &token, &format!("guest-e2e-{number}"))?);
    }
    until("the CRM knows every session", || Ok(sessions(&tenant)?.len() == OPENED))?;
    let run = listening.stop()?;
    ensure!(run.stderr.contains("registered as"), "{}", run.wrong("it does not say that it is registered"));
    let known = sessions(&tenant)?;
    ensure!(known.keys().cloned().collect::<std::collections::BTreeSet<_>>() == expected, "other sessions");
    ensure!(known.values().all(|ids| ids.len() == 1), "a session is two events: {known:?}");
    let event = tenant.received(RECEIVER)?.swap_remove(0).body;
    ensure!(event.contains("\"source\":\"web_portal\""), "the attributes are not told: {event}");
    Ok(())
}

fn registered(scene: &Scene<'_>) -> Outcome {
    let tenant = scene.tenant(small(scene))?;
    let desk = told(scene, &tenant)?.connected(&tenant);
    let register = ["webhook", "register", "--url", "http://127.0.0.1:1/webhook/callback"];
    let first = desk.json(&register)?.exits(0)?.last()?;
    ensure!(first["outcome"] == "registered" && first["name"] == "CRM_Session_Sync", "{first}");
    let second = desk.json(&register)?.exits(0)?.last()?;
    ensure!(second["outcome"] == "known" && second["id"] == first["id"], "{second}");
    ensure!(tenant.subscriptions()? == 1, "there are several");
    desk.json(&["webhook", "register"])?.exits(2)?.says(&["callback_url"])?;
    desk.json(&["webhook", "register", "--url", "somewhere"])?.exits(2)?.says(&["callback_url", "URL"])?;
    let stranger = desk.clone().with("FRONTDESK_CLIENT_ID", "somebody-else");
    stranger.json(&register)?.exits(4)?;
    // A listener whose platform does not know it listens all the same.
    let wants = ["--register", "--url", "http://127.0.0.1:1/webhook/callback"];
    let listening = Listening::start(&stranger, &wants)?;
    let body = json!({"conversationId": "c-1"}).to_string();
    let answer = listening.call(&request(&[], body.as_bytes()))?;
    ensure!(answer.status == 200, "{}", answer.head);
    until("the CRM knows it", || Ok(sessions(&tenant)?.contains_key("c-1")))?;
    listening.stop()?.says(&["the listener is not registered"])?;
    Ok(())
}
