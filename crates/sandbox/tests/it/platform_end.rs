//! Platform contract C.6: how conversations are ended, and what is noted about them.

use http::Method;
use serde_json::{Value, json};

use crate::platform_send::{ask, leg, lively, look, talk};
use crate::support::Platform;

/// The guest of conversation `k`, as the door knows it.
fn guest(platform: &Platform, talk: &Value) -> Value {
    let id = talk["id"].as_str().unwrap();
    let ready = platform.sandbox.ready("");
    let customer = ready.channels.values().find(|one| one.conversation_id == id).unwrap();
    platform.door(&format!("guests/{}", customer.customer_id), &Value::Null)
}

fn path(talk: &Value, rest: &str) -> String {
    format!("/api/v2/conversations/messages/{}{rest}", talk["id"].as_str().unwrap())
}

/// The id of the wrap-up code of this name.
fn code(platform: &Platform, talk: &Value, name: &str) -> Value {
    let agent = leg(talk, "agent").0;
    let (_, codes) =
        ask(platform, Method::GET, &path(talk, &format!("/participants/{agent}/wrapupcodes")), &Value::Null);
    codes.as_array().unwrap().iter().find(|code| code["name"] == name).unwrap()["id"].clone()
}

#[test]
fn a_communication_is_disconnected_once_and_both_contracts_see_it() {
    let platform = Platform::new(lively());
    let talk = talk(&platform, "webchat");
    assert!(talk.get("endTime").is_none());
    let (participant, communication) = leg(&talk, "agent");
    let patch = path(&talk, &format!("/participants/{participant}/communications/{communication}"));
    let end = json!({"state": "disconnected"});
    assert_eq!(ask(&platform, Method::PATCH, &patch, &json!({"state": "parked"})).0, 400);
    assert_eq!(ask(&platform, Method::PATCH, &patch, &json!({"wrapup": {"code": "x"}})).0, 400);
    let wrong = path(&talk, &format!("/participants/{participant}/communications/{participant}"));
    assert_eq!(ask(&platform, Method::PATCH, &wrong, &end).0, 404);
    assert_eq!(ask(&platform, Method::PATCH, &patch, &end), (200, json!({})));
    assert_eq!(ask(&platform, Method::PATCH, &patch, &end).0, 409, "it is over");
    let over = look(&platform, talk["id"].as_str().unwrap());
    assert!(over["endTime"].is_string());
    for participant in over["participants"].as_array().unwrap() {
        assert_eq!(participant["messages"][0]["state"], "disconnected");
    }
    let guest = guest(&platform, &talk);
    assert_eq!(
        (&guest["state"], &guest["ended"], &guest["deletes"]),
        (&json!("closed"), &json!(1), &json!(2))
    );
    assert_eq!(guest["reason"], "agent_initiated");
    // Nothing can be said any more.
    let send = path(&talk, &format!("/communications/{communication}/messages"));
    assert_eq!(ask(&platform, Method::POST, &send, &json!({"textBody": "Hi"})).0, 409);
}

#[test]
fn a_wrap_up_code_and_a_tag_say_why_in_any_order() {
    for (name, before) in [("webchat", true), ("sms", false)] {
        let platform = Platform::new(lively());
        let talk = talk(&platform, name);
        let (participant, communication) = leg(&talk, "agent");
        let wrapup =
            path(&talk, &format!("/participants/{participant}/communications/{communication}/wrapup"));
        let wrap = || {
            let input =
                json!({"code": code(&platform, &talk, "customer_initiated"), "notes": "asked for it"});
            assert_eq!(ask(&platform, Method::POST, &wrapup, &input).0, 202);
            let tags = format!("/api/v2/conversations/{}/tags", talk["id"].as_str().unwrap());
            assert_eq!(ask(&platform, Method::PUT, &tags, &json!({"externalTag": "CASE-1881"})).0, 202);
        };
        assert_eq!(ask(&platform, Method::POST, &wrapup, &json!({"code": "unknown"})).0, 400);
        if before {
            wrap();
        }
        let (status, over) =
            ask(&platform, Method::PATCH, &path(&talk, ""), &json!({"state": "disconnected"}));
        assert_eq!((status, &over["id"]), (200, &talk["id"]));
        assert!(over["endTime"].is_string());
        assert_eq!(ask(&platform, Method::PATCH, &path(&talk, ""), &json!({"state": "disconnected"})).0, 409);
        if !before {
            wrap();
        }
        let guest = guest(&platform, &talk);
        assert_eq!(
            (&guest["reason"], &guest["external_ref"]),
            (&json!("customer_initiated"), &json!("CASE-1881"))
        );
        let (_, noted) = ask(&platform, Method::GET, &wrapup, &Value::Null);
        assert_eq!(noted["notes"], "asked for it");
        assert!(noted.get("name").is_none(), "AssignedWrapupCode has no name: {noted}");
        let over = look(&platform, talk["id"].as_str().unwrap());
        assert_eq!(over["externalTag"], "CASE-1881");
    }
}

#[test]
fn a_participant_wraps_up_and_leaves_in_one_request() {
    let platform = Platform::new(lively());
    let talk = talk(&platform, "open");
    let patch = path(&talk, &format!("/participants/{}", leg(&talk, "agent").0));
    let code = code(&platform, &talk, "timeout");
    assert_eq!(ask(&platform, Method::PATCH, &patch, &json!({})).0, 400);
    let body = json!({"state": "disconnected", "wrapup": {"code": code}});
    assert_eq!(ask(&platform, Method::PATCH, &patch, &body), (202, Value::Null));
    assert_eq!(guest(&platform, &talk)["reason"], "timeout");
    assert_eq!(ask(&platform, Method::PATCH, &patch, &body).0, 409);
    // Wrapping up alone still can be done.
    assert_eq!(ask(&platform, Method::PATCH, &patch, &json!({"wrapup": {"code": code}})).0, 202);
}

#[test]
fn the_emergency_and_delete_end_any_medium_and_then_know_it_no_more() {
    let platform = Platform::new(lively());
    let voice = platform.sandbox.ready("").channels["voice"].conversation_id.clone();
    let tear_down = format!("/api/v2/conversations/{voice}/disconnect");
    let (status, said) = ask(&platform, Method::POST, &tear_down, &Value::Null);
    assert!(status == 202 && said.is_string());
    assert_eq!(ask(&platform, Method::POST, &tear_down, &Value::Null).0, 404);
    let talk = talk(&platform, "webchat");
    let delete = format!("/api/v2/conversations/{}", talk["id"].as_str().unwrap());
    assert_eq!(ask(&platform, Method::DELETE, &delete, &Value::Null).0, 204);
    assert_eq!(ask(&platform, Method::DELETE, &delete, &Value::Null).0, 404);
    assert!(look(&platform, talk["id"].as_str().unwrap())["endTime"].is_string(), "it can still be read");
    platform.door("platform", &json!({"missing_permissions": ["conversation:communication:disconnect"]}));
    let refused = ask(&platform, Method::DELETE, &delete, &Value::Null);
    assert_eq!((refused.0, &refused.1["code"]), (403, &json!("missing.any.permissions")));
}

#[test]
fn attributes_are_added_key_by_key() {
    let platform = Platform::new(lively());
    let talk = talk(&platform, "webchat");
    let customer = leg(&talk, "customer").0;
    let id = talk["id"].as_str().unwrap();
    let all = format!("/api/v2/conversations/{id}/participants/{customer}/attributes");
    assert_eq!(
        ask(&platform, Method::PATCH, &all, &json!({"attributes": {"crm.case": "C-1"}})),
        (202, Value::Null)
    );
    let messages = path(&talk, &format!("/participants/{customer}/attributes"));
    let (status, added) = ask(&platform, Method::PATCH, &messages, &json!({"attributes": {"a": "b"}}));
    assert_eq!((status, &added["attributes"]), (202, &json!({"crm.case": "C-1", "a": "b"})));
    assert_eq!(ask(&platform, Method::PATCH, &messages, &json!({"attributes": {"a": true}})).0, 400);
    let now = look(&platform, id);
    let attributes = &now["participants"][0]["attributes"];
    assert_eq!((&attributes["crm.case"], &attributes["a"]), (&json!("C-1"), &json!("b")));
    assert!(attributes["source"].is_string(), "those of the start stay");
}
