//! Platform contract C.10, C.15, C.16, E.15: recordings, limits, the threading window, unheard-of payloads.

use http::{Method, Request, StatusCode};
use serde_json::{Value, json};

use crate::support::{Platform, read, small};

fn get(platform: &Platform, path: &str) -> (StatusCode, Value) {
    let reply = platform.call(Method::GET, path, "");
    let status = reply.status();
    let body = reply.into_bytes();
    (status, if body.is_empty() { Value::Null } else { serde_json::from_slice(&body).unwrap() })
}

fn of_channel(platform: &Platform, channel: &str) -> String {
    platform.sandbox.ready("").channels[channel].conversation_id.clone()
}

#[test]
fn a_recording_takes_a_moment_and_then_has_every_word() {
    let platform = Platform::new(small());
    let id = of_channel(&platform, "webchat");
    let list = format!("/api/v2/conversations/{id}/recordings");
    assert_eq!(get(&platform, &list), (StatusCode::ACCEPTED, Value::Null));
    let (status, recordings) = get(&platform, &list);
    assert_eq!((status.as_u16(), recordings[0]["fileState"].as_str()), (200, Some("AVAILABLE")));
    let (_, conversation) = get(&platform, &format!("/api/v2/conversations/{id}"));
    let listed = conversation["participants"][0]["messages"][0]["messages"].as_array().unwrap();
    let transcript = recordings[0]["messagingTranscript"].as_array().unwrap();
    let ids = |all: &[Value], name: &str| all.iter().map(|one| one[name].clone()).collect::<Vec<_>>();
    assert_eq!(ids(transcript, "id"), ids(listed, "messageId"));
    assert!(
        transcript
            .iter()
            .all(|message| message["participantId"].is_string() && message["messageText"].is_string())
    );
    assert!(
        transcript
            .iter()
            .any(|message| message["purpose"] == "agent" && message["fromUser"]["id"].is_string())
    );
    let recording = recordings[0]["id"].as_str().unwrap();
    let (_, one) = get(&platform, &format!("{list}/{recording}"));
    assert_eq!(one["sessionId"], recordings[0]["sessionId"]);
    assert_eq!(get(&platform, &format!("{list}/other")).0, 404);
    let (_, metadata) = get(&platform, &format!("/api/v2/conversations/{id}/recordingmetadata"));
    assert!(metadata[0].get("messagingTranscript").is_none());
    assert_eq!((&metadata[0]["id"], metadata[0]["region"].is_string()), (&recordings[0]["id"], true));
}

#[test]
fn what_was_spoken_is_behind_a_link_that_expires() {
    let mut platform = Platform::new(small());
    platform.door("platform", &json!({"recording_polls": 0}));
    let id = of_channel(&platform, "voice");
    let list = format!("/api/v2/conversations/{id}/recordings");
    let (_, recordings) = get(&platform, &list);
    let link = recordings[0]["mediaUris"]["0"]["mediaUri"].as_str().unwrap();
    let path = link.strip_prefix("http://sandbox.invalid").unwrap();
    let follow = |platform: &Platform, path: &str| {
        platform.send(&Request::get(path).body(bytes::Bytes::new()).unwrap())
    };
    let wave = follow(&platform, path).into_bytes();
    assert!(wave.starts_with(b"RIFF") && wave.len() == 8_044);
    assert_eq!(follow(&platform, &path.replace("Expires=1", "Expires=2")).status(), 403);
    platform.advance(3_600);
    assert_eq!(follow(&platform, path).status(), 403);
    assert_ne!(get(&platform, &list).1, recordings, "another time, another link");
}

#[test]
fn a_recording_is_deleted_on_its_day_unless_it_is_protected() {
    let mut platform = Platform::new(small());
    platform.door("platform", &json!({"recording_polls": 0}));
    let id = of_channel(&platform, "sms");
    let list = format!("/api/v2/conversations/{id}/recordings");
    let (_, recordings) = get(&platform, &list);
    let one = format!("{list}/{}", recordings[0]["id"].as_str().unwrap());
    let retention = json!({"deleteDate": "2025-06-01T01:00:00Z"});
    let (status, changed) = read(platform.call(Method::PUT, &one, retention.to_string()));
    assert_eq!((status.as_u16(), changed["deleteDate"].as_str()), (200, Some("2025-06-01T01:00:00.000Z")));
    let protection = "/api/v2/recordings/deletionprotection";
    let body = json!({"conversationIds": [id]});
    assert_eq!(platform.call(Method::PUT, protection, body.to_string()).status(), 204);
    let asked = |platform: &Platform| read(platform.call(Method::POST, protection, body.to_string())).1;
    assert_eq!(asked(&platform)[0]["id"], json!(id));
    platform.advance(3_600);
    assert_eq!(get(&platform, &one).1["fileState"], "AVAILABLE");
    let revoke = format!("{protection}?protect=false");
    assert_eq!(platform.call(Method::PUT, &revoke, body.to_string()).status(), 204);
    assert_eq!(asked(&platform), json!([]));
    let (_, deleted) = get(&platform, &one);
    assert_eq!((deleted["fileState"].as_str(), deleted.get("messagingTranscript")), (Some("DELETED"), None));
    let unknown = json!({"conversationIds": ["nobody"]});
    let (status, failed) = read(platform.call(Method::PUT, protection, unknown.to_string()));
    assert_eq!((status.as_u16(), &failed["failedUpdates"][0]["conversation"]["id"]), (200, &json!("nobody")));
    let many = json!({"conversationIds": vec!["x"; 101]});
    assert_eq!(platform.call(Method::PUT, protection, many.to_string()).status(), 400);
}

#[test]
fn limits_are_told_with_the_one_that_is_kept() {
    let platform = Platform::new(frontdesk_sandbox::Config { rate_limit_per_min: 77, ..small() });
    let namespaces = "/api/v2/organizations/limits/namespaces";
    let (_, names) = get(&platform, &format!("{namespaces}?pageSize=2&pageNumber=2"));
    assert_eq!((names["total"].as_u64(), names["entities"].as_array().unwrap().len()), (Some(4), 2));
    let value = |path: &str| {
        let (_, limits) = get(&platform, &format!("{namespaces}/{path}"));
        let limits = limits["entities"].as_array().unwrap().clone();
        let limit =
            limits.into_iter().find(|limit| limit["key"] == "client.credentials.token.rate.per.minute");
        limit.unwrap()["value"].as_u64().unwrap()
    };
    assert_eq!((value("platform.api"), value("platform.api/defaults")), (77, 300));
    assert_eq!(get(&platform, &format!("{namespaces}/nothing")).0, 404);
}

#[test]
fn the_threading_window_is_told_and_changed() {
    let platform = Platform::new(small());
    let path = "/api/v2/conversations/messaging/threadingtimeline";
    let (_, timeline) = get(&platform, path);
    assert_eq!(timeline["defaultTimeoutMinutes"], json!(4_320));
    let changed =
        json!({"settings": [{"messengerType": "sms", "timeoutInMinutes": 60}], "defaultTimeoutMinutes": 90});
    assert_eq!(read(platform.call(Method::PUT, path, changed.to_string())).1, changed);
    assert_eq!(get(&platform, path).1, changed);
    let odd = json!({"settings": [{"messengerType": "pigeon", "timeoutInMinutes": 60}]});
    assert_eq!(platform.call(Method::PUT, path, odd.to_string()).status(), 400);
}

#[test]
fn conversations_that_are_over_grow_again() {
    let platform = Platform::new(small());
    let totals = |platform: &Platform| platform.door("platform/totals", &Value::Null);
    let before = totals(&platform);
    let id = of_channel(&platform, "open");
    let look = |platform: &Platform| {
        let (_, conversation) = get(platform, &format!("/api/v2/conversations/{id}"));
        conversation["participants"][0]["messages"][0]["messages"].as_array().unwrap().clone()
    };
    let listed = look(&platform);
    platform.door("rethread", &json!({"id": id, "after_seconds": 3_600}));
    let longer = look(&platform);
    assert_eq!(longer[..listed.len()], listed[..]);
    assert_eq!(longer.len(), listed.len() + 1);
    let all = platform.door("rethread", &json!({"share": 0.5}));
    let count = all["conversations"].as_u64().unwrap();
    assert!((100..200).contains(&count), "{count}");
    let after = totals(&platform);
    assert_eq!(before["conversations"], after["conversations"]);
    assert!(after["messages"].as_u64() > before["messages"].as_u64());
    let refused = platform.call(Method::POST, "/_sandbox/rethread", "{}");
    assert_eq!(refused.status(), 400);
}

#[test]
fn strange_payloads_are_the_usual_ones_and_more() {
    let platform = Platform::new(small());
    let id = of_channel(&platform, "webchat");
    let path = format!("/api/v2/conversations/{id}");
    let (_, plain) = get(&platform, &path);
    platform.door("platform", &json!({"strange": true}));
    let (_, strange) = get(&platform, &path);
    assert!(plain.get("sandboxNovelty").is_none() && strange["sandboxNovelty"].is_object());
    assert_eq!(plain["participants"][0]["attributes"], strange["participants"][0]["attributes"]);
    let query = json!({"interval": "2025-01-01T00:00:00Z/2025-01-31T00:00:00Z"});
    let (_, page) =
        read(platform.call(Method::POST, "/api/v2/analytics/conversations/details/query", query.to_string()));
    let segments = &page["conversations"][0]["participants"][0]["sessions"][0]["segments"];
    assert_eq!(segments.as_array().unwrap().last().unwrap()["segmentType"], "sandbox-novelty");
}

#[test]
fn a_job_deletes_what_is_not_protected_once_it_was_told_to() {
    let platform = Platform::new(small());
    platform.door("platform", &json!({"recording_polls": 0}));
    let jobs = "/api/v2/recording/jobs";
    let query = json!({"action": "DELETE", "actionDate": "2025-05-01T00:00:00Z", "includeScreenRecordings": false,
        "conversationQuery": {"interval": "2025-01-01T00:00:00Z/2025-02-01T00:00:00Z"}});
    let submit = |query: &Value| read(platform.call(Method::POST, jobs, query.to_string()));
    let (status, job) = submit(&query);
    assert_eq!((status.as_u16(), job["state"].as_str()), (202, Some("PENDING")));
    assert_eq!(submit(&query).0, 202);
    assert_eq!(submit(&query).0, 400, "two at a time");
    let path = format!("{jobs}/{}", job["id"].as_str().unwrap());
    let begin = || platform.call(Method::PUT, &path, r#"{"state": "PROCESSING"}"#).status();
    assert_eq!(begin(), 400, "not yet counted");
    let until =
        |state: &str| (0..5).map(|_| get(&platform, &path).1).find(|job| job["state"] == state).unwrap();
    let total = until("READY")["totalConversations"].as_u64().unwrap();
    assert!(total > 10);
    let (kept, gone) =
        (platform.sandbox.conversation_id(0).unwrap(), platform.sandbox.conversation_id(1).unwrap());
    let body = json!({"conversationIds": [kept]});
    platform.call(Method::PUT, "/api/v2/recordings/deletionprotection", body.to_string());
    assert_eq!(begin(), 200);
    let done = until("FULFILLED");
    assert_eq!(
        (done["totalSkippedRecordings"].as_u64(), done["totalProcessedRecordings"].as_u64()),
        (Some(1), Some(total - 1))
    );
    let state = |id: &str| {
        get(&platform, &format!("/api/v2/conversations/{id}/recordings")).1[0]["fileState"].clone()
    };
    assert_eq!((state(&kept), state(&gone)), (json!("AVAILABLE"), json!("DELETED")));
    assert_eq!(platform.call(Method::DELETE, &path, "").status(), 204);
    assert_eq!(get(&platform, jobs).1["total"], 2);
    for (name, value) in
        [("action", json!("EXPORT")), ("actionAge", json!(3)), ("conversationQuery", json!(null))]
    {
        let mut query = query.clone();
        query[name] = value;
        assert_eq!(submit(&query).0, 400, "{name}");
    }
}
