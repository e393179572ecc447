//! Platform contract C.1 and C.2: guests on their socket, and what the rest of the world sees of them.

use http::{Method, Request};
use serde_json::{Value, json};

use crate::sockets::{Socket, Tenant, presence, text};
use crate::support::small;

const TOKEN: &str = "b2d0a4a4-6a3c-4c1e-9b1f-0f4be0f1a3c8";

/// The sessions that were opened.
fn sessions(tenant: &Tenant) -> Vec<Value> {
    let request = Request::get("/_sandbox/sessions").body(bytes::Bytes::new()).unwrap();
    let reply = tenant.sandbox.handle(&request, [127, 0, 0, 1].into(), frontdesk_sandbox::machine_time());
    let lines = String::from_utf8(reply.into_bytes().to_vec()).unwrap();
    lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn code(frame: &Value) -> u64 {
    frame["code"].as_u64().unwrap()
}

#[tokio::test]
async fn a_guest_by_socket_is_a_session_for_everybody() {
    let tenant = Tenant::new().await;
    let mut guest = tenant.guest().await;
    let opened = guest.ask(tenant.configure(TOKEN)).await;
    assert_eq!(
        (&opened["type"], &opened["class"], code(&opened)),
        (&json!("response"), &json!("SessionResponse"), 200)
    );
    let body = &opened["body"];
    assert_eq!((&body["connected"], &body["newSession"]), (&json!(true), &json!(true)));
    assert_eq!((&body["readOnly"], &body["maxCustomDataBytes"]), (&json!(false), &json!(2_048)));
    assert_eq!(body["durationSeconds"], 259_200);
    // 2026-03-05T09:00:00Z
    assert_eq!(body["expirationDate"], 1_772_701_200);
    assert!(sessions(&tenant).is_empty(), "nobody talks yet");

    let mut first = text(TOKEN, "Hello");
    first["message"]["channel"] = json!({"metadata": {"customAttributes": {
        "source": "web_portal", "routing.skills": "web_support, german", "routing.language": "de"}}});
    first["message"]["metadata"] = json!({"correlationId": "c-1"});
    let echo = guest.ask(first).await;
    assert_eq!((&echo["type"], &echo["class"]), (&json!("message"), &json!("StructuredMessage")));
    let said = &echo["body"];
    assert_eq!((&said["direction"], &said["text"]), (&json!("Inbound"), &json!("Hello")));
    assert_eq!(said["channel"]["time"], "2026-03-02T09:00:00.000Z");
    assert_eq!(said["metadata"]["correlationId"], "c-1");
    let id = said["id"].as_str().unwrap();
    assert!(id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit()));

    let all = sessions(&tenant);
    assert_eq!(all.len(), 1);
    assert_eq!((&all[0]["key"], &all[0]["posts"]), (&json!(TOKEN), &json!(1)));
    assert_eq!(all[0]["attributes"]["source"], "web_portal");
    let conversation = all[0]["id"].as_str().unwrap();
    let path = format!("/api/v2/conversations/{conversation}");
    let (status, seen) = tenant.gateway(Method::GET, &path, &Value::Null);
    assert_eq!((status.as_u16(), &seen["channelType"]), (200, &json!("webchat")));
    assert_eq!(seen["participants"][1]["from"]["id"], "web_support");

    // An agent answers over the gateway, and the guest hears it.
    let answer = json!({"from": all[0]["agent_id"], "to": [all[0]["guest_id"]], "type": "text/plain",
        "content": "Good morning"});
    let (status, sent) = tenant.gateway(Method::POST, &format!("{path}/messages"), &answer);
    assert_eq!(status, 202, "{sent}");
    let heard = guest.hear_class("StructuredMessage").await;
    assert_eq!(
        (&heard["body"]["direction"], &heard["body"]["text"]),
        (&json!("Outbound"), &json!("Good morning"))
    );
    assert_eq!(heard["body"]["id"], sent["id"].as_str().unwrap().replace('-', ""));
    assert_eq!(heard["body"]["originatingEntity"], "Human");

    // The gateway ends it; the guest is told, and the next text begins anew.
    let closure = "reason=agent_initiated&retainData=true";
    let guests = format!("/api/v2/webmessaging/guests/{}?{closure}", all[0]["guest_id"].as_str().unwrap());
    assert!(tenant.gateway(Method::DELETE, &guests, &Value::Null).0.is_success());
    let over = guest.hear_class("StructuredMessage").await;
    assert_eq!(over["body"]["events"][0]["presence"]["type"], "Disconnect");
    assert!(over["body"]["metadata"].get("readOnly").is_none());
    guest.ask(text(TOKEN, "One more thing")).await;
    let all = sessions(&tenant);
    assert_eq!(all.len(), 2);
    assert_eq!((&all[0]["state"], &all[1]["state"]), (&json!("closed"), &json!("active")));
    assert_eq!(all[0]["guest_id"], all[1]["guest_id"]);
    assert_eq!(tenant.sandbox.stats().sessions, 2_002);
    tenant.running.stop().await;
}

#[tokio::test]
async fn a_token_resumes_its_session_and_the_fourth_connection_closes_the_first() {
    let tenant = Tenant::new().await;
    let mut first = tenant.session(TOKEN).await;
    first.ask(presence(TOKEN, "Join")).await;
    let mut others: Vec<Socket> = Vec::new();
    for _ in 0..3 {
        let mut other = tenant.guest().await;
        let answer = other.ask(tenant.configure(TOKEN)).await;
        assert_eq!(answer["body"]["newSession"], false);
        others.push(other);
    }
    assert_eq!(first.hear().await.unwrap()["class"], "ConnectionClosedEvent");
    assert!(first.hear().await.is_none());
    others[0].ask(text(TOKEN, "Hello")).await;
    for other in &mut others[1..] {
        assert_eq!(other.hear_class("StructuredMessage").await["body"]["text"], "Hello");
    }
    let all = sessions(&tenant);
    assert_eq!((all.len(), &all[0]["posts"], &all[0]["messages"]), (1, &json!(4), &json!(1)));
    tenant.running.stop().await;
}

#[tokio::test]
async fn what_is_not_allowed_has_the_codes_of_the_contract() {
    let tenant = Tenant::new().await;
    assert_eq!(tenant.connect("/v1?deploymentId=another", None).await.err(), Some(403));
    tenant.door("deployment", &json!({"allowed_domains": ["shop.example"]}));
    let target = format!("/v1?deploymentId={}", tenant.deployment());
    assert_eq!(tenant.connect(&target, Some("https://other.example")).await.err(), Some(403));
    assert!(tenant.connect(&target, Some("https://shop.example")).await.is_ok());
    tenant.door("deployment", &json!({"auto_start": false, "conversation_clear": false}));

    let mut guest = tenant.guest().await;
    assert_eq!(code(&guest.ask(text(TOKEN, "too early")).await), 4_007);
    guest.say(&json!({"action": "getJwt"})).await;
    assert_eq!(code(&guest.hear().await.unwrap()), 4_020);
    let mut wrong = tenant.configure(TOKEN);
    wrong["deploymentId"] = "another".into();
    assert_eq!(code(&guest.ask(wrong).await), 400);
    guest.ask(tenant.configure(TOKEN)).await;
    assert_eq!(code(&guest.ask(text("another-token", "Hello")).await), 4_007);

    let long = guest.ask(text(TOKEN, &"ä".repeat(2_049))).await;
    assert_eq!((&long["class"], code(&long)), (&json!("string"), 4_011));
    assert_eq!(long["body"], "Message length 4098 is over the limit of 4096");
    let mut heavy = text(TOKEN, "Hello");
    heavy["message"]["channel"] = json!({"metadata": {"customAttributes": {"a": "x".repeat(2_048)}}});
    assert_eq!(code(&guest.ask(heavy).await), 4_013);
    assert_eq!(code(&guest.ask(presence(TOKEN, "Join")).await), 403);
    assert_eq!(code(&guest.ask(presence(TOKEN, "Clear")).await), 403);
    assert_eq!(code(&guest.ask(text(TOKEN, "")).await), 4_020);
    assert!(sessions(&tenant).is_empty(), "nothing of all that began a conversation");

    // Five messages a second; those that were refused count. The clock stands.
    tenant.advance(1);
    for number in 0..5 {
        assert_eq!(code(&guest.ask(text(TOKEN, &number.to_string())).await), 200);
    }
    let many = guest.ask(text(TOKEN, "6")).await;
    assert_eq!((&many["class"], code(&many)), (&json!("TooManyRequestsErrorMessage"), 429));
    assert_eq!((&many["body"]["errorCode"], &many["body"]["retryAfter"]), (&json!(4_029), &json!(1)));
    tenant.advance(1);
    assert_eq!(code(&guest.ask(text(TOKEN, "6")).await), 200);
    let ping = json!({"action": "echo", "token": TOKEN, "message": {"type": "Text", "text": "ping"}});
    for _ in 0..2 {
        let pong = guest.ask(ping.clone()).await;
        assert_eq!((&pong["type"], &pong["body"]["text"]), (&json!("response"), &json!("ping")));
        assert_eq!(pong["body"]["metadata"]["durationSeconds"], "259200");
    }
    assert_eq!(code(&guest.ask(ping).await), 429);
    tenant.running.stop().await;
}

#[tokio::test]
async fn sessions_end_by_time_by_the_guest_and_by_the_agent() {
    let tenant = Tenant::new().await;
    let mut guest = tenant.session(TOKEN).await;
    tenant.advance(259_200);
    assert_eq!(guest.hear_class("SessionExpiredEvent").await["type"], "message");
    assert_eq!(code(&guest.ask(text(TOKEN, "late")).await), 4_006);
    assert_eq!(code(&guest.ask(tenant.configure(TOKEN)).await), 4_006);
    let mut anew = tenant.configure(TOKEN);
    anew["startNew"] = true.into();
    let answer = guest.ask(anew.clone()).await;
    assert_eq!(
        (&answer["body"]["newSession"], &answer["body"]["clearedExistingSession"]),
        (&json!(true), &json!(true))
    );

    // The guest wipes it.
    guest.ask(text(TOKEN, "Hello")).await;
    let cleared = guest.ask(presence(TOKEN, "Clear")).await;
    assert_eq!(cleared["body"]["events"][0]["presence"]["type"], "Clear");
    guest.hear_class("SessionClearedEvent").await;
    assert_eq!(sessions(&tenant)[0]["state"], "closed");
    assert_eq!(sessions(&tenant)[0]["reason"], "customer_initiated");
    assert_eq!(code(&guest.ask(text(TOKEN, "gone")).await), 4_007);
    assert_eq!(guest.ask(tenant.configure(TOKEN)).await["body"]["newSession"], true);

    // An agent ends it, and the deployment lets guests read alone.
    tenant.door("deployment", &json!({"read_only_end": true}));
    guest.ask(text(TOKEN, "Hello")).await;
    let id = sessions(&tenant)[1]["guest_id"].as_str().unwrap().to_owned();
    let path = format!("/api/v2/webmessaging/guests/{id}?reason=timeout&retainData=true");
    assert!(tenant.gateway(Method::DELETE, &path, &Value::Null).0.is_success());
    let over = guest.hear_class("StructuredMessage").await;
    assert_eq!(over["body"]["metadata"]["readOnly"], "true");
    assert_eq!(code(&guest.ask(text(TOKEN, "may I")).await), 403);
    let mut again = tenant.guest().await;
    assert_eq!(again.ask(tenant.configure(TOKEN)).await["body"]["readOnly"], true);
    assert_eq!(again.ask(anew).await["body"]["readOnly"], false);
    assert_eq!(code(&again.ask(text(TOKEN, "Hello")).await), 200);

    // The guest closes it.
    let close = json!({"action": "closeSession", "token": TOKEN, "closeAllConnections": true});
    again.say(&close).await;
    assert_eq!(again.hear().await.unwrap()["class"], "ConnectionClosedEvent");
    let answer = again.hear().await.unwrap();
    assert_eq!((&answer["body"]["connected"], &answer["body"]["readOnly"]), (&json!(false), &json!(true)));
    assert!(again.hear().await.is_none());
    assert_eq!(sessions(&tenant)[2]["state"], "closed");
    tenant.running.stop().await;
}

#[tokio::test]
async fn the_history_is_the_guests_own_newest_first() {
    let tenant = Tenant::new().await;
    let mut guest = tenant.session(TOKEN).await;
    guest.ask(presence(TOKEN, "Join")).await;
    for number in 0..4 {
        guest.ask(text(TOKEN, &format!("text {number}"))).await;
    }
    let jwt = guest.ask(json!({"action": "getJwt", "token": TOKEN})).await;
    assert_eq!(jwt["class"], "JwtResponse");
    let jwt = jwt["body"]["jwt"].as_str().unwrap();
    let page = |query: &str| {
        let path = format!("/api/v2/webmessaging/messages{query}");
        tenant.platform_as(jwt, Method::GET, &path, &Value::Null)
    };
    let (status, all) = page("");
    assert_eq!(status, 200, "{all}");
    assert_eq!((&all["total"], &all["pageCount"], &all["pageSize"]), (&json!(5), &json!(1), &json!(25)));
    let texts: Vec<_> = all["entities"].as_array().unwrap().iter().map(|one| one["text"].as_str()).collect();
    assert_eq!(texts, [Some("text 3"), Some("text 2"), Some("text 1"), Some("text 0"), None]);
    assert_eq!(all["entities"][4]["events"][0]["presence"]["type"], "Join");
    let (_, second) = page("?pageSize=2&pageNumber=2");
    assert_eq!((&second["entities"][0]["text"], &second["pageCount"]), (&json!("text 1"), &json!(3)));
    let (_, beyond) = page("?pageSize=2&pageNumber=9");
    assert_eq!((&beyond["entities"], &beyond["total"]), (&json!([]), &json!(5)));
    assert_eq!(page("?pageSize=0").0, 400);
    // An access token is not what it wants, and a guest's ends.
    let path = "/api/v2/webmessaging/messages";
    assert_eq!(tenant.platform(Method::GET, path, &Value::Null).0, 401);
    for _ in 0..7 {
        page("");
    }
    let (status, refused) = page("");
    assert_eq!((status.as_u16(), &refused["code"]), (429, &json!("too.many.requests.retry.after")));
    tenant.advance(900);
    assert_eq!(page("").0, 401);

    // The door gives out tokens for those who did not come by socket.
    let id = tenant.sandbox.conversation_id(3).unwrap();
    let jwt = tenant.door("guest_jwt", &json!({"conversation_id": id}))["jwt"].as_str().unwrap().to_owned();
    tenant.door("deployment", &json!({"history_days": 0}));
    let (_, theirs) = tenant.platform_as(&jwt, Method::GET, path, &Value::Null);
    let truth = tenant.door(&format!("history/{id}"), &Value::Null);
    assert_eq!(theirs["total"], truth["messages"]);
    tenant.running.stop().await;
}

#[tokio::test]
async fn a_file_is_announced_uploaded_and_sent() {
    let tenant = Tenant::new().await;
    let mut guest = tenant.session(TOKEN).await;
    let announce = json!({"action": "onAttachment", "token": TOKEN, "attachmentId": "f-1",
        "fileName": "map.png", "fileType": "image/png", "fileSize": 3, "fileMd5": "x", "errorsAsJson": true});
    let mut empty = announce.clone();
    empty["fileSize"] = 0.into();
    let refused = guest.ask(empty).await;
    assert_eq!((&refused["class"], code(&refused)), (&json!("GenerateUrlError"), 4_102));
    let link = guest.ask(announce).await;
    assert_eq!(
        (&link["class"], &link["body"]["attachmentId"]),
        (&json!("PresignedUrlResponse"), &json!("f-1"))
    );
    let mut message = text(TOKEN, "look");
    message["message"]["content"] = json!([{"contentType": "Attachment", "attachment": {"id": "f-1"}}]);
    assert_eq!(code(&guest.ask(message.clone()).await), 4_010);

    let put = |url: &str, body: &'static [u8], headers: bool| {
        let mut request = Request::put(url);
        for (name, value) in link["body"]["headers"].as_object().unwrap().iter().filter(|_| headers) {
            request = request.header(name, value.as_str().unwrap());
        }
        let request = request.body(bytes::Bytes::from_static(body)).unwrap();
        let now = frontdesk_sandbox::machine_time();
        tenant.sandbox.handle_platform(&request, [127, 0, 0, 1].into(), now).status().as_u16()
    };
    let url = link["body"]["url"].as_str().unwrap();
    assert_eq!(put(url, b"png", false), 403, "all headers are needed");
    assert_eq!(put(&url.replace("f-1", "f-2"), b"png", true), 403);
    assert_eq!(put(url, b"too long", true), 200);
    assert_eq!(guest.hear_class("UploadFailureEvent").await["body"]["errorCode"], 4_002);
    assert_eq!(put(url, b"png", true), 200);
    assert_eq!(guest.hear_class("UploadSuccessEvent").await["body"]["attachmentId"], "f-1");
    let echo = guest.ask(message).await;
    let attachment = &echo["body"]["content"][0]["attachment"];
    assert_eq!((&attachment["mediaType"], &attachment["fileSize"]), (&json!("Image"), &json!(3)));

    let request = Request::get(attachment["url"].as_str().unwrap()).body(bytes::Bytes::new()).unwrap();
    let now = frontdesk_sandbox::machine_time();
    let reply = tenant.sandbox.handle_platform(&request, [127, 0, 0, 1].into(), now);
    assert_eq!(&reply.into_bytes()[..], b"png");
    // The other side has it too, as something that was sent along.
    let id = sessions(&tenant)[0]["id"].as_str().unwrap().to_owned();
    let ready = tenant.running.ready();
    let path = format!(
        "/api/v2/public/messaging/{}/{}/{id}/messages?pageSize=10",
        ready.organization_id, ready.domain_id
    );
    let (_, history) = tenant.gateway(Method::GET, &path, &Value::Null);
    assert_eq!(history["entities"][0]["media"]["name"], "map.png");

    // What an agent sends along leads somewhere, too, and what was said elsewhere is heard here.
    let path = format!("/api/v2/conversations/{id}/messages");
    let answer = json!({"from": sessions(&tenant)[0]["agent_id"], "to": ["guest"], "type": "text/plain",
        "content": "here", "attachments": [{"type": "image/png", "filename": "b.png", "content": "cG5nMg=="}]});
    assert_eq!(tenant.gateway(Method::POST, &path, &answer).0, 202);
    let heard = guest.hear_class("StructuredMessage").await;
    let url = heard["body"]["content"][0]["attachment"]["url"].as_str().unwrap();
    let request = Request::get(url).body(bytes::Bytes::new()).unwrap();
    let now = frontdesk_sandbox::machine_time();
    let reply = tenant.sandbox.handle_platform(&request, [127, 0, 0, 1].into(), now);
    assert_eq!(&reply.into_bytes()[..], b"png2");
    tenant.door("say", &json!({"conversation_id": id, "text": "from my phone"}));
    let heard = guest.hear_class("StructuredMessage").await;
    assert_eq!(
        (&heard["body"]["text"], &heard["body"]["direction"]),
        (&json!("from my phone"), &json!("Inbound"))
    );
    tenant.running.stop().await;
}

#[tokio::test]
async fn a_lost_answer_is_a_broken_connection_and_the_conversation_is_there() {
    let faults = json!({"rules": [
        {"when": {"path": "onMessage", "nth": 1}, "then": {"unheard": "cut"}},
        {"when": {"path": "onMessage", "nth": 1}, "then": {"committed_then": {"status": 500}}}]});
    let faults = serde_json::from_value(faults).unwrap();
    let tenant = Tenant::of(frontdesk_sandbox::Config { faults, ..small() }).await;
    let mut guest = tenant.session(TOKEN).await;
    guest.say(&text(TOKEN, "Hello")).await;
    assert!(guest.hear().await.is_none());
    assert!(sessions(&tenant).is_empty(), "it was not heard");
    let mut guest = tenant.session(TOKEN).await;
    guest.say(&text(TOKEN, "Hello")).await;
    assert!(guest.hear().await.is_none());
    assert_eq!(sessions(&tenant).len(), 1, "it was");
    let mut guest = tenant.guest().await;
    assert_eq!(guest.ask(tenant.configure(TOKEN)).await["body"]["newSession"], false);
    assert_eq!(tenant.sandbox.stats().requests["WS onMessage"], 2);
    tenant.running.stop().await;
}
