//! Platform contract C.3, C.11 and C.14.1: open messaging, requests of persons about their data, and the
//! web deployment.

use http::Method;
use serde_json::{Value, json};

use crate::platform_send::{ask, leg, lively, look, talk};
use crate::sockets::Tenant;
use crate::support::Platform;

const INTEGRATIONS: &str = "/api/v2/conversations/messaging/integrations/open";
const SECRET: &str = "outboundNotificationWebhookSignatureSecretToken";

fn integration(url: &str) -> Value {
    json!({"name": "Portal", "outboundNotificationWebhookUrl": url, SECRET: "at-least-16-characters",
           "webhookHeaders": {"x-env": "test"}})
}

fn inbound(message_id: &str, text: &str) -> Value {
    json!({"channel": {"messageId": message_id, "time": "2026-03-02T09:14:02.118Z",
                       "from": {"id": "cust-77", "idType": "Opaque", "nickname": "Ana"}}, "text": text})
}

#[test]
fn what_a_customer_posts_is_taken_once() {
    let platform = Platform::new(lively());
    let mut short = integration("http://127.0.0.1:9/");
    short[SECRET] = "too short".into();
    assert_eq!(ask(&platform, Method::POST, INTEGRATIONS, &short).0, 400);
    let (status, made) = ask(&platform, Method::POST, INTEGRATIONS, &integration("http://127.0.0.1:9/"));
    assert_eq!((status, &made["createStatus"]), (200, &json!("Completed")));
    assert!(made.get(SECRET).is_none());
    let id = made["id"].as_str().unwrap();
    let post = |kind: &str, body: &Value| {
        let path = format!("/api/v2/conversations/messages/{id}/inbound/open/{kind}");
        ask(&platform, Method::POST, &path, body)
    };
    let (status, taken) = post("message?prefetchConversationId=true", &inbound("crm-1", "Hello"));
    assert_eq!((status, &taken["type"]), (202, &json!("Text")), "{taken}");
    let conversation = taken["conversationId"].as_str().unwrap();
    let (_, again) = post("message", &inbound("crm-1", "Hello"));
    assert_eq!(again["id"], taken["id"]);
    assert!(again.get("conversationId").is_none());
    let (_, second) = post("message?prefetchConversationId=true", &inbound("crm-2", "There?"));
    assert_eq!(second["conversationId"], taken["conversationId"]);
    let now = look(&platform, conversation);
    assert_eq!(now["participants"][0]["messages"][0]["messages"].as_array().unwrap().len(), 2);
    let answer = json!({"channel": inbound("crm-3", "")["channel"], "originatingMessageId": taken["id"],
        "buttonResponse": {"type": "QuickReply", "text": "Yes", "payload": "yes"}});
    assert_eq!(post("structured/response", &answer).0, 202);
    let typing = json!({"channel": inbound("", "")["channel"], "events": [{"eventType": "Typing"}]});
    assert_eq!(post("event", &typing).0, 202);
    let receipt = |status: &str| {
        json!({"id": taken["id"], "status": status,
               "channel": {"to": {"id": "cust-77"}, "time": "2026-03-02T09:16:00.000Z"}})
    };
    assert_eq!(post("receipt", &receipt("Delivered")).0, 202);
    assert_eq!(post("receipt", &receipt("Read")).0, 400, "nobody outside can report that");
    for bad in [
        inbound("crm-4", ""),
        json!({"channel": {"time": "2026-03-02T09:14:02.118Z"}, "text": "from nobody"}),
        json!({"channel": inbound("crm-5", "")["channel"], "text": "a", "metadata": {"a": {"no": "text"}}}),
    ] {
        assert_eq!(post("message", &bad).0, 400, "{bad}");
    }
    let (status, changed) =
        ask(&platform, Method::PATCH, made["selfUri"].as_str().unwrap(), &json!({"name": "New"}));
    assert_eq!((status, &changed["name"]), (200, &json!("New")));
    assert_eq!(ask(&platform, Method::DELETE, made["selfUri"].as_str().unwrap(), &Value::Null).0, 204);
    assert_eq!(post("message", &inbound("crm-6", "Hello")).0, 404);
}

#[tokio::test]
async fn what_is_said_to_a_customer_is_posted_to_the_webhook() {
    let tenant = Tenant::of(lively()).await;
    let hook = format!("{}/_sandbox/webhooks/portal", tenant.running.ready().base_url);
    tenant.platform(Method::POST, INTEGRATIONS, &integration(&hook));
    let agentless = json!({"fromAddress": "portal", "toAddress": "cust-77", "toAddressMessengerType": "open",
        "textBody": "Your order shipped."});
    let path = "/api/v2/conversations/messages/agentless";
    let (status, sent) = tenant.platform(Method::POST, path, &agentless);
    assert_eq!(status, 200, "{sent}");
    let call = loop {
        let calls = tenant.door("callbacks", &Value::Null)["calls"].clone();
        if calls[0]["answers"][0]["status"] == 200 {
            break calls[0].clone();
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    };
    let body: Value = serde_json::from_str(call["body"].as_str().unwrap()).unwrap();
    assert_eq!(
        (&body["text"], &body["conversationId"]),
        (&json!("Your order shipped."), &sent["conversationId"])
    );
    assert_eq!(body["channel"]["to"]["id"], "cust-77");
    tenant.running.stop().await;
}

#[test]
fn a_confirmed_deletion_gives_up_what_was_said() {
    let mut platform = Platform::new(lively());
    let talk = talk(&platform, "webchat");
    let id = talk["id"].as_str().unwrap();
    let customer = platform.sandbox.ready("").channels["webchat"].customer_id.clone();
    let search = format!("/api/v2/gdpr/subjects?searchType=EXTERNAL_ID&searchValue={customer}");
    let (_, found) = ask(&platform, Method::GET, &search, &Value::Null);
    let subject = found["entities"][0].clone();
    assert_eq!(subject["externalContactId"], talk["participants"][0]["externalContactId"]);
    let body = json!({"requestType": "GDPR_DELETE", "subject": subject});
    let requests = "/api/v2/gdpr/requests";
    let (status, asked) = ask(&platform, Method::POST, requests, &body);
    assert_eq!((status, &asked["status"]), (202, &json!("INITIATED")));
    assert!(look(&platform, id).get("endTime").is_none(), "it only says what it would do");
    let (_, asked) = ask(&platform, Method::POST, &format!("{requests}?deleteConfirmed=true"), &body);
    let state = |platform: &Platform| {
        ask(platform, Method::GET, asked["selfUri"].as_str().unwrap(), &Value::Null).1["status"].clone()
    };
    platform.advance(2);
    assert_eq!(state(&platform), "DELETING");
    platform.advance(9);
    assert_eq!(state(&platform), "COMPLETED");
    let gone = look(&platform, id);
    assert!(gone["endTime"].is_string());
    let messages = &gone["participants"][0]["messages"][0]["messages"];
    assert!(messages.as_array().is_none_or(Vec::is_empty), "{messages}");
    let guest = platform.door(&format!("guests/{customer}"), &Value::Null);
    assert_eq!((&guest["state"], &guest["retain_data"]), (&json!("closed"), &json!(false)));
    assert_eq!(leg(&gone, "agent"), leg(&talk, "agent"));
    let (_, all) = ask(&platform, Method::GET, requests, &Value::Null);
    assert_eq!(all["total"], 2);
    let nobody = json!({"requestType": "GDPR_DELETE", "subject": {}});
    assert_eq!(ask(&platform, Method::POST, requests, &nobody).0, 400);
}

#[test]
fn the_deployment_tells_how_it_is_set_up() {
    let platform = Platform::new(lively());
    platform.door("deployment", &json!({"allowed_domains": ["shop.example"], "read_only_end": true}));
    let (_, list) = ask(&platform, Method::GET, "/api/v2/webdeployments/deployments", &Value::Null);
    let deployment = &list["entities"][0];
    assert_eq!((&deployment["status"], &deployment["allowAllDomains"]), (&json!("Active"), &json!(false)));
    let (status, one) = ask(&platform, Method::GET, deployment["selfUri"].as_str().unwrap(), &Value::Null);
    assert_eq!((status, &one), (200, deployment));
    let configuration = &deployment["configuration"];
    let path = format!(
        "/api/v2/webdeployments/configurations/{}/versions/{}",
        configuration["id"].as_str().unwrap(),
        configuration["version"].as_str().unwrap()
    );
    let (status, version) = ask(&platform, Method::GET, &path, &Value::Null);
    let disconnect = &version["messenger"]["apps"]["conversations"]["conversationDisconnect"];
    assert_eq!((status, &disconnect["type"]), (200, &json!("ReadOnly")));
    let path = format!("/webdeployments/v1/deployments/{}/config.json", deployment["id"].as_str().unwrap());
    let (status, public) = ask(&platform, Method::GET, &path, &Value::Null);
    assert_eq!((status, &public["id"]), (200, &deployment["id"]));
    let socket = public["messenger"]["apps"]["conversations"]["messagingEndpoint"].as_str().unwrap();
    assert!(socket.starts_with("ws://") && socket.ends_with("/v1"));
    assert_eq!(ask(&platform, Method::GET, "/api/v2/webdeployments/deployments/other", &Value::Null).0, 404);
}
