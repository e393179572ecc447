//! §6: guests, and the end of their sessions.

use std::collections::BTreeMap;

use frontdesk_sandbox::{Config, FaultPlan, GuestPlan};
use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::{Client, YEAR, query, read, small};

const GUESTS: &str = "/api/v2/webmessaging/guests";

fn look(client: &Client, id: &str) -> (StatusCode, Value) {
    read(client.call(Method::GET, &format!("{GUESTS}/{id}"), ""))
}

fn end(client: &Client, id: &str, query: &str) -> StatusCode {
    client.call(Method::DELETE, &format!("{GUESTS}/{id}?{query}"), "").status()
}

/// The truth about all guests.
fn truth(client: &Client) -> Vec<Value> {
    let body = client.call(Method::GET, "/_sandbox/guests", "").into_bytes();
    std::str::from_utf8(&body).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The first guest that begins in this state.
fn guest(client: &Client, state: &str) -> Value {
    truth(client).into_iter().find(|guest| guest["state"] == state).unwrap()
}

fn id(guest: &Value) -> &str {
    guest["id"].as_str().unwrap()
}

#[test]
fn a_guest_is_looked_at_and_ended_once() {
    let client = Client::new(Config { guests: 50, ..small() });
    let guest = guest(&client, "active");
    let id = id(&guest);
    let (status, seen) = look(&client, id);
    assert_eq!(
        (status.as_u16(), &seen["state"], seen.as_object().unwrap().len()),
        (200, &json!("active"), 3)
    );
    let ended = end(&client, id, "reason=timeout&retainData=true&externalRef=case%207");
    assert!(ended == 200 || ended == 204);
    let after = look(&client, id).1;
    assert_eq!((&after["state"], &after["lastUpdated"]), (&json!("closed"), &json!("2025-06-01T00:00:00Z")));
    assert_eq!(end(&client, id, "reason=bot_handoff&retainData=false"), 404);
    let (_, truth) = read(client.call(Method::GET, &format!("/_sandbox/guests/{id}"), ""));
    let conversation = &guest["conversation_id"];
    assert_eq!(
        truth,
        json!({"k": guest["k"], "id": id, "conversation_id": conversation, "state": "closed", "reads": 2,
               "deletes": 2, "ended": 1, "reason": "timeout", "retain_data": true, "external_ref": "case 7"})
    );
}

#[test]
fn what_is_wrong_with_a_request_is_said() {
    let client = Client::new(Config { guests: 50, ..small() });
    let guest = guest(&client, "active");
    let id = id(&guest);
    for (query, code) in [
        ("retainData=true", "invalid.reason"),
        ("reason=because&retainData=true", "invalid.reason"),
        ("reason=TIMEOUT&retainData=true", "invalid.reason"),
        ("reason=timeout", "invalid.retain.data"),
        ("reason=timeout&retainData=", "invalid.retain.data"),
        ("reason=timeout&retainData=yes", "invalid.retain.data"),
        ("reason=timeout&retainData=%FF", "bad.request"),
    ] {
        let (status, problem) = read(client.call(Method::DELETE, &format!("{GUESTS}/{id}?{query}"), ""));
        assert_eq!((status.as_u16(), problem["code"].as_str().unwrap()), (400, code), "{query}");
    }
    assert_eq!(look(&client, "guest_0000000000000000").0, 404);
    assert_eq!(look(&client, "%2e%2e").0, 400);
    assert_eq!(end(&client, "nobody", "reason=timeout&retainData=true"), 404);
    assert_eq!(client.call(Method::POST, &format!("{GUESTS}/{id}"), "").status(), 405);
    for reason in ["customer_initiated", "agent_initiated", "timeout", "system_escalation", "bot_handoff"] {
        let next = self::guest(&client, "active");
        let status = end(&client, self::id(&next), &format!("reason={reason}&retainData=true"));
        assert!(status.is_success(), "{reason}");
    }
    assert_eq!(client.door("guests/totals", &Value::Null)["ended"], 5);
}

#[test]
fn each_call_needs_its_scope() {
    let mut client = Client::without_token(Config { guests: 10, ..small() });
    let guest = guest(&client, "active");
    let id = id(&guest);
    let both = |client: &Client| {
        let ended = end(client, id, "reason=timeout&retainData=true").as_u16();
        (look(client, id).0.as_u16(), ended)
    };
    assert_eq!(both(&client), (401, 401));
    for (scope, expected) in [("webchat:guest:read", (200, 403)), ("webchat:guest:manage", (403, 404))] {
        let form = format!("grant_type=client_credentials&scope={scope}");
        let (_, body) = client.take_token(form.leak().as_bytes());
        client.token = body["access_token"].as_str().map(str::to_owned);
        // The one that may, does.
        if scope.ends_with("manage") {
            assert!(end(&client, id, "reason=timeout&retainData=true").is_success());
        }
        assert_eq!(both(&client), expected);
    }
}

#[test]
fn data_that_is_not_retained_is_forgotten_everywhere() {
    let client = Client::new(Config { guests: 300, ..small() });
    let conversation = |k: &Value| client.door(&format!("conversations/{k}"), &Value::Null);
    let history = |id: &Value| {
        let path = "/api/v2/public/messaging/sandbox-organization/sandbox-domain";
        read(client.call(Method::GET, &format!("{path}/{}/messages", id.as_str().unwrap()), ""))
    };
    let kept = guest(&client, "active");
    end(&client, id(&kept), "reason=timeout&retainData=true");
    assert_eq!(history(&kept["conversation_id"]).0, 200);
    assert!(conversation(&kept["k"])["interactions"][0]["transcript"].is_string());

    let lost = guest(&client, "active");
    let (_, said) = history(&lost["conversation_id"]);
    end(&client, id(&lost), "reason=timeout&retainData=false");
    let (status, problem) = history(&lost["conversation_id"]);
    assert_eq!((status.as_u16(), &problem["code"]), (404, &json!("conversation.not.found")));
    let after = conversation(&lost["k"]);
    assert_eq!((after["id"] == lost["conversation_id"], after["queue"].is_string()), (true, true));
    let interaction = &after["interactions"][0];
    assert!(interaction.get("transcript").is_none() && interaction.get("messages").is_none());
    let page = client.page(&query(YEAR, 300));
    assert_eq!(page["conversations"][lost["k"].as_u64().unwrap() as usize], after);
    for message in said["entities"].as_array().unwrap() {
        if let Some(url) = message["media"]["url"].as_str() {
            let target = url.strip_prefix("http://sandbox.invalid").unwrap();
            assert_eq!(Client::call(&client, Method::GET, target, "").status(), 404);
        }
    }
    assert_eq!(client.door("history", &Value::Null)["conversations"], 299);
    client.door("reset", &json!({}));
    assert_eq!(client.door("history", &Value::Null)["conversations"], 300);
}

#[test]
fn ten_thousand_guests_are_made_from_a_number_and_come_in_all_states() {
    let client = Client::new(Config { guests: 10_000, ..small() });
    let ready = client.sandbox.ready("");
    let guests = truth(&client);
    assert_eq!((guests.len() as u64, ready.guests), (10_000, 10_000));
    assert_eq!(ready.guest_id.as_deref(), guests[0]["id"].as_str());
    let mut states = BTreeMap::new();
    for guest in &guests {
        *states.entry(guest["state"].as_str().unwrap().to_owned()).or_insert(0_u64) += 1;
    }
    let totals = client.door("guests/totals", &Value::Null);
    assert_eq!(totals["states"], serde_json::to_value(&states).unwrap());
    assert_eq!(states.len(), 4);
    assert!((7_800..8_200).contains(&states["active"]));
    assert_eq!(client.sandbox.stats().sessions, 10_000);
    let page = client.call(Method::GET, "/_sandbox/guests?after=41&limit=2", "").into_bytes();
    let page: Vec<Value> =
        std::str::from_utf8(&page).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(page, guests[42..44]);
    assert!(guests[300].get("conversation_id").is_none(), "there are only 300 conversations");
}

#[test]
fn guests_close_or_fall_idle_by_themselves_after_somebody_looked() {
    let client = Client::new(Config { guests: 1_000, ..small() });
    client.door("guests", &json!({"active": 1.0, "closing": 0.2, "idling": 0.1}));
    let (mut closed, mut idle) = (0, 0);
    for guest in truth(&client) {
        let states: Vec<_> =
            (0..4).map(|_| look(&client, id(&guest)).1["state"].as_str().unwrap().to_owned()).collect();
        assert_eq!(states[0], "active");
        match states[3].as_str() {
            "closed" => {
                closed += 1;
                assert_eq!(end(&client, id(&guest), "reason=timeout&retainData=true"), 404);
            }
            "inactive" => idle += 1,
            other => assert_eq!(other, "active"),
        }
    }
    assert!((150..250).contains(&closed) && (60..140).contains(&idle), "{closed} {idle}");
    let totals = client.door("guests/totals", &Value::Null);
    assert_eq!((&totals["turned"], &totals["ended"]), (&json!(closed + idle), &json!(0)));
    let (status, _) = read(client.call(Method::POST, "/_sandbox/guests", r#"{"closing": 1.1}"#));
    assert_eq!(status, 400);
    let plan = GuestPlan { closing: 0.7, idling: 0.7, ..GuestPlan::default() };
    assert!(frontdesk_sandbox::Sandbox::new(Config { guest_plan: plan, ..small() }).is_err());
}

#[test]
fn a_lost_reply_has_ended_the_session_and_a_refused_request_has_not() {
    let faults: FaultPlan = serde_json::from_value(json!({"rules": [
        {"when": {"method": "DELETE", "nth": 1}, "then": {"status": {"status": 503}}},
        {"when": {"method": "DELETE", "nth": 1}, "then": {"reset": "before_head"}},
    ]}))
    .unwrap();
    let client = Client::new(Config { guests: 50, faults, ..small() });
    let guest = guest(&client, "active");
    let ended = || client.door(&format!("guests/{}", id(&guest)), &Value::Null)["ended"].as_u64().unwrap();
    let delete = || {
        let target = format!("{GUESTS}/{}?reason=timeout&retainData=true", id(&guest));
        let reply = client.call(Method::DELETE, &target, "");
        (reply.status().as_u16(), reply.ending != frontdesk_sandbox::Ending::Whole, ended())
    };
    assert_eq!(delete(), (503, false, 0));
    let (_, broken, count) = delete();
    assert_eq!((broken, count), (true, 1));
    assert_eq!(delete(), (404, false, 1));
}
