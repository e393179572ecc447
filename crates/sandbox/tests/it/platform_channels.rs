//! Platform contract C.12 and C.13: notification channels on their socket, and triggers.

use http::Method;
use serde_json::{Value, json};

use crate::sockets::{Socket, Tenant, presence, text};

const TOKEN: &str = "b2d0a4a4-6a3c-4c1e-9b1f-0f4be0f1a3c8";
const CHANNELS: &str = "/api/v2/notifications/channels";
const TRIGGERS: &str = "/api/v2/processautomation/triggers";

/// A channel with these topics, and its socket.
async fn channel(tenant: &Tenant, topics: &[String]) -> (String, Socket) {
    let (status, channel) = tenant.platform(Method::POST, CHANNELS, &Value::Null);
    assert_eq!(status, 200, "{channel}");
    let id = channel["id"].as_str().unwrap().to_owned();
    assert_eq!(channel["connectUri"], format!("ws://sandbox.test/channels/{id}"));
    let topics: Vec<_> = topics.iter().map(|topic| json!({"id": topic})).collect();
    let path = format!("{CHANNELS}/{id}/subscriptions");
    let (status, answer) = tenant.platform(Method::POST, &path, &json!(topics));
    assert_eq!(status, 200, "{answer}");
    let socket = tenant.connect(&format!("/channels/{id}"), None).await.unwrap();
    (id, socket)
}

/// The next event of this topic.
async fn hear(socket: &mut Socket, topic: &str) -> Value {
    loop {
        let event = socket.hear().await.expect("the socket is open");
        if event["topicName"] == topic {
            return event["eventBody"].clone();
        }
    }
}

/// A conversation that a guest began by socket: the guest, and the conversation as the platform tells it.
async fn conversation(tenant: &Tenant, token: &str) -> (Socket, Value) {
    let mut guest = tenant.session(token).await;
    let joined = guest.ask(presence(token, "Join")).await;
    let id = joined["body"]["id"].as_str().unwrap();
    let details = format!("/api/v2/conversations/messages/{id}/details");
    let (status, event) = tenant.platform(Method::GET, &details, &Value::Null);
    assert_eq!((status.as_u16(), &event["normalizedMessage"]["type"]), (200, &json!("Event")));
    let path = format!("/api/v2/conversations/{}", event["conversationId"].as_str().unwrap());
    (guest, tenant.platform(Method::GET, &path, &Value::Null).1)
}

#[tokio::test]
async fn a_channel_tells_what_happens_to_a_conversation() {
    let tenant = Tenant::new().await;
    tenant.door("receipts", &json!({"sent_ms": 1000, "delivered_ms": [5000, 5000], "read": 0.0}));
    let (mut guest, talk) = conversation(&tenant, TOKEN).await;
    let id = talk["id"].as_str().unwrap().to_owned();
    let agent = &talk["participants"][2];
    let user = format!("v2.users.{}.conversations.messages", agent["userId"].as_str().unwrap());
    let queue = format!("v2.routing.queues.{}.conversations.messages", agent["queueId"].as_str().unwrap());
    let detail = |name: &str| format!("v2.detail.events.conversation.{id}.{name}");
    let topics = [user.clone(), queue.clone(), detail("user.end"), detail("attributes"), detail("wrapup")];
    let (_, mut socket) = channel(&tenant, &topics).await;

    guest.ask(text(TOKEN, "Hello")).await;
    let told = hear(&mut socket, &queue).await;
    assert_eq!(told["id"], id);
    let messages = |told: &Value, purpose: &str| {
        let one = told["participants"].as_array().unwrap().iter().find(|one| one["purpose"] == purpose);
        one.unwrap()["messages"].as_array().unwrap().clone()
    };
    let said = messages(&told, "customer");
    assert!(said[0]["message"]["id"].is_string() && said[0].get("messageId").is_none());

    // What comes back about a message is told when its time has come.
    let leg = agent["messages"][0]["id"].as_str().unwrap();
    let path = format!("/api/v2/conversations/messages/{id}/communications/{leg}/messages");
    let (_, sent) = tenant.platform(Method::POST, &path, &json!({"textBody": "Good morning"}));
    assert_eq!(guest.hear_class("StructuredMessage").await["body"]["text"], "Good morning");
    let status = |told: &Value| {
        let all = messages(told, "agent");
        all.iter().find(|one| one["message"]["id"] == sent["id"]).unwrap()["messageStatus"].clone()
    };
    loop {
        let told = hear(&mut socket, &user).await;
        if messages(&told, "agent").iter().any(|one| one["message"]["id"] == sent["id"]) {
            assert_eq!(status(&told), "queued");
            break;
        }
    }
    tenant.advance(2);
    assert_eq!(status(&hear(&mut socket, &user).await), "sent");
    tenant.advance(4);
    assert_eq!(status(&hear(&mut socket, &user).await), "delivery-success");

    let customer = talk["participants"][0]["id"].as_str().unwrap();
    let path = format!("/api/v2/conversations/{id}/participants/{customer}/attributes");
    tenant.platform(Method::PATCH, &path, &json!({"attributes": {"crm.case": "C-1"}}));
    let told = hear(&mut socket, &detail("attributes")).await;
    assert_eq!((&told["attributes"]["crm.case"], &told["participantId"]), (&json!("C-1"), &json!(customer)));
    let path = format!("/api/v2/conversations/messages/{id}");
    tenant.platform(Method::PATCH, &path, &json!({"state": "disconnected"}));
    let ended = hear(&mut socket, &detail("user.end")).await;
    assert_eq!((&ended["conversationId"], &ended["mediaType"]), (&json!(id), &json!("MESSAGE")));
    assert_eq!((&ended["disconnectType"], &ended["userId"]), (&json!("CLIENT"), &agent["userId"]));
    assert_eq!((&ended["direction"], &ended["messageType"]), (&json!("INBOUND"), &json!("WEBMESSAGING")));
    assert!(ended["eventTime"].is_i64());
    assert_eq!(
        guest.hear_class("StructuredMessage").await["body"]["events"][0]["presence"]["type"],
        "Disconnect"
    );
    tenant.running.stop().await;
}

#[tokio::test]
async fn channels_beat_are_lost_doubled_and_dropped() {
    let tenant = Tenant::new().await;
    let (mut guest, talk) = conversation(&tenant, TOKEN).await;
    let queue = talk["participants"][1]["queueId"].as_str().unwrap();
    let topic = format!("v2.routing.queues.{queue}.conversations.messages");
    let (id, mut socket) = channel(&tenant, std::slice::from_ref(&topic)).await;
    socket.say(&json!({"message": "ping"})).await;
    assert_eq!(hear(&mut socket, "channel.metadata").await["message"], "pong");
    tenant.advance(30);
    assert_eq!(hear(&mut socket, "channel.metadata").await["message"], "WebSocket Heartbeat");

    tenant.door("channels", &json!({"doubled": 1.0}));
    guest.ask(text(TOKEN, "twice")).await;
    let first = hear(&mut socket, &topic).await;
    assert_eq!(first, hear(&mut socket, &topic).await);
    tenant.door("channels", &json!({"lost": 1.0}));
    guest.ask(text(TOKEN, "never")).await;
    tenant.door("channels/closing", &json!({}));
    assert_eq!(socket.hear().await.unwrap()["topicName"], "v2.system.socket_closing");
    assert_eq!(tenant.door("channels/drop", &json!({}))["dropped"], 1);
    assert!(socket.hear().await.is_none());
    // The channel is still there, until 24 hours after it was last subscribed to.
    let path = format!("{CHANNELS}/{id}");
    assert_eq!(tenant.platform(Method::HEAD, &path, &Value::Null).0, 200);
    let mut again = tenant.connect(&format!("/channels/{id}"), None).await.unwrap();
    tenant.advance(86_400);
    assert!(loop {
        if again.hear().await.is_none() {
            break true;
        }
    });
    assert_eq!(tenant.platform(Method::HEAD, &path, &Value::Null).0, 404);
    assert_eq!(tenant.connect(&format!("/channels/{id}"), None).await.err(), Some(404));
    tenant.running.stop().await;
}

#[tokio::test]
async fn subscriptions_are_added_replaced_and_refused() {
    let tenant = Tenant::new().await;
    let topic = |name: &str| format!("v2.detail.events.conversation.c-1.{name}");
    let (id, _socket) = channel(&tenant, &[topic("customer.end")]).await;
    let path = format!("{CHANNELS}/{id}/subscriptions");
    let ids = |answer: &Value| {
        let all = answer["entities"].as_array().unwrap().clone();
        all.iter().map(|one| one["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let (_, all) = tenant.platform(Method::POST, &path, &json!([{"id": topic("user.end")}]));
    assert_eq!(ids(&all), [topic("customer.end"), topic("user.end")]);
    let (_, all) = tenant.platform(Method::PUT, &path, &json!([{"id": topic("wrapup")}]));
    assert_eq!(ids(&all), [topic("wrapup")]);
    let unknown = json!([{"id": "v2.nothing"}, {"id": topic("acw")}]);
    assert_eq!(tenant.platform(Method::POST, &path, &unknown).0, 400);
    let (status, all) = tenant.platform(Method::POST, &format!("{path}?ignoreErrors=true"), &unknown);
    assert_eq!((status.as_u16(), &all["entities"][2]["state"]), (200, &json!("Rejected")));
    tenant.door("platform", &json!({"missing_permissions": ["conversation:message:view"]}));
    let queue = json!([{"id": "v2.routing.queues.q-1.conversations.messages"}]);
    assert_eq!(tenant.platform(Method::POST, &path, &queue).0, 403);
    assert_eq!(tenant.platform(Method::DELETE, &path, &Value::Null).0, 204);
    assert!(ids(&tenant.platform(Method::GET, &path, &Value::Null).1).is_empty());

    // The 21st removes the oldest that has no socket.
    let (_, second) = tenant.platform(Method::POST, CHANNELS, &Value::Null);
    for _ in 0..19 {
        tenant.platform(Method::POST, CHANNELS, &Value::Null);
    }
    let alive = |id: &Value| {
        tenant.platform(Method::HEAD, &format!("{CHANNELS}/{}", id.as_str().unwrap()), &Value::Null).0 == 200
    };
    assert!(alive(&json!(id)) && !alive(&second["id"]));
    tenant.running.stop().await;
}

#[tokio::test]
async fn a_trigger_runs_a_workflow_that_calls_somebody() {
    let tenant = Tenant::new().await;
    let trigger = json!({"name": "guest came", "enabled": true,
        "topicName": "v2.detail.events.conversation.{id}.customer.start",
        "target": {"type": "Workflow", "id": "flow-1", "workflowTargetSettings": {"dataFormat": "TopLevelPrimitives"}},
        "matchCriteria": [{"jsonPath": "mediaType", "operator": "Equal", "value": "MESSAGE"}],
        "eventTTLSeconds": 60});
    let (status, made) = tenant.platform(Method::POST, TRIGGERS, &trigger);
    assert_eq!((status.as_u16(), &made["version"]), (200, &json!(1)), "{made}");
    for (name, value) in [
        ("topicName", json!("v2.detail.events.conversation.c-1.customer.start")),
        ("name", json!("")),
        ("eventTTLSeconds", json!(9)),
        ("target", json!({"type": "Url", "id": "x"})),
        ("matchCriteria", json!([{"jsonPath": "a", "operator": "Like", "value": 1}])),
    ] {
        let mut bad = trigger.clone();
        bad[name] = value;
        assert_eq!(tenant.platform(Method::POST, TRIGGERS, &bad).0, 400, "{name}");
    }
    let base = tenant.running.ready().base_url.clone();
    let hook = format!("{base}/_sandbox/webhooks/crm");
    tenant.door("workflows", &json!({"id": "flow-1", "uri": hook, "headers": {"x-key": "k"}}));
    let (_guest, talk) = conversation(&tenant, TOKEN).await;
    let calls = loop {
        let calls = tenant.door("callbacks", &Value::Null)["calls"].clone();
        if !calls[0]["answers"].as_array().unwrap().is_empty() {
            break calls;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    };
    assert_eq!(calls.as_array().unwrap().len(), 1);
    let body: Value = serde_json::from_str(calls[0]["body"].as_str().unwrap()).unwrap();
    assert_eq!((&body["conversationId"], &body["mediaType"]), (&talk["id"], &json!("MESSAGE")));
    assert_eq!(calls[0]["answers"][0]["status"], 200);

    let test = format!("{}/test", made["selfUri"].as_str().unwrap());
    let (_, would) = tenant.platform(Method::POST, &test, &json!({"mediaType": "VOICE"}));
    assert_eq!(
        (&would["triggerMatches"], &would["targetValidation"]["matches"]),
        (&json!(false), &json!(true))
    );
    let (_, topics) = tenant.platform(Method::GET, &format!("{TRIGGERS}/topics"), &Value::Null);
    assert_eq!(topics["entities"][0], trigger["topicName"]);

    // A stale version is a conflict, the topic is fixed, and one that is disabled does not fire.
    let path = made["selfUri"].as_str().unwrap();
    let mut change = trigger.clone();
    change["enabled"] = false.into();
    change["version"] = 1.into();
    let (status, changed) = tenant.platform(Method::PUT, path, &change);
    assert_eq!((status.as_u16(), &changed["version"]), (200, &json!(2)));
    assert_eq!(tenant.platform(Method::PUT, path, &change).0, 409);
    let (_, list) = tenant.platform(Method::GET, &format!("{TRIGGERS}?enabled=true"), &Value::Null);
    assert_eq!(list["entities"], json!([]));
    conversation(&tenant, "another-token").await;
    assert_eq!(tenant.door("callbacks", &Value::Null)["calls"].as_array().unwrap().len(), 1);
    assert_eq!(tenant.platform(Method::DELETE, path, &Value::Null).0, 204);
    assert_eq!(tenant.platform(Method::GET, path, &Value::Null).0, 404);
    tenant.running.stop().await;
}
