//! Files of messages: what became of them, and the bytes of those that were kept.

use std::sync::Arc;

use frontdesk_archive::{Prepared, Settings, Writer};
use frontdesk_domain::audit::AuditKind;
use frontdesk_domain::media::{MediaEntry, MediaListing, MediaState};
use frontdesk_domain::{RawRecord, RecordKey, RecordKind, Timestamp, payload};
use frontdesk_server::Role;
use http::StatusCode;
use http_body_util::BodyExt;

use crate::data::{Data, ask, bearer, get, status};

/// Longer than what is read of it at once.
const LONG: usize = 300_000;

fn entry(message: &str, state: MediaState) -> MediaEntry {
    let message_id = message.parse().unwrap();
    MediaEntry { message_id, state, sha256: None, bytes: None, content_type: None, expires_at: None }
}

/// Gives a conversation files of all sorts, and the hash of the one that is kept.
fn with_files(data: &Data, conversation: &str, text: &[u8]) -> String {
    let writer =
        Writer::open(&data.path().join("archive"), &Settings::default(), Arc::new(|| Timestamp::UNIX_EPOCH))
            .unwrap();
    let line = serde_json::json!({"id": conversation, "startTime": "2025-03-01T10:00:00Z", "interactions": [{"messages": [
        {"id": "m-1", "direction": "inbound", "text": "see", "media": {"url": "https://x/<b>", "name": "<b>invoice.html"}},
        {"id": "m-2", "direction": "inbound", "text": "and", "media": {"url": "https://x/2", "name": "2.png"}},
        {"id": "m-3", "direction": "inbound", "text": "this", "media": {"url": "https://x/3", "name": "3.png"}},
    ]}]});
    writer.put(vec![Prepared::from_details(line.to_string().into_bytes()).unwrap()]).unwrap();
    let mut draft = writer.begin_media().unwrap();
    draft.write(text).unwrap();
    let file = draft.finish().unwrap();
    let kept = MediaEntry {
        sha256: Some(file.sha256),
        bytes: Some(file.bytes),
        content_type: Some("text/html".to_owned()),
        ..entry("m-1", MediaState::Saved)
    };
    let gone = MediaEntry {
        expires_at: Some("2025-03-02T10:00:00Z".parse().unwrap()),
        ..entry("m-2", MediaState::Expired)
    };
    let bytes = MediaListing { media: vec![kept, gone, entry("m-4", MediaState::Refused)] }.to_bytes();
    let facts = payload::facts(RecordKind::Media, &bytes);
    let key = RecordKey { kind: RecordKind::Media, id: conversation.parse().unwrap() };
    writer.put_media(Prepared::new(RawRecord::from_parts(key, bytes).unwrap(), facts)).unwrap();
    writer.close().unwrap();
    file.sha256.to_string()
}

#[tokio::test]
async fn a_kept_file_is_saved_byte_by_byte_and_never_shown() {
    let data = Data::new();
    let text: Vec<u8> = b"<script>alert(1)</script>".iter().copied().cycle().take(LONG).collect();
    let hash = with_files(&data, "c/1", &text);
    let other = with_files(&data, "c-2", b"another");
    let tokens = [Role::Viewer, Role::Auditor].map(|role| data.token(role));
    let router = data.served(true);
    let path = format!("/api/v1/conversations/c%2F1/files/{hash}");
    assert_eq!(status(&router, bearer(get(&path), &tokens[0])).await, 404, "a viewer sees nothing unmasked");
    let response = ask(&router, bearer(get(&path), &tokens[1]), "").await;
    assert_eq!(response.status(), StatusCode::OK);
    let header = |name: &str| response.headers()[name].to_str().unwrap().to_owned();
    assert_eq!(header("content-type"), "application/octet-stream");
    assert_eq!(header("content-disposition"), format!("attachment; filename=\"file-{}.bin\"", &hash[..12]));
    assert_eq!(
        (header("x-content-type-options"), header("cache-control")),
        ("nosniff".into(), "no-store".into())
    );
    assert_eq!(header("content-security-policy"), "default-src 'none'; sandbox");
    assert_eq!((header("content-length"), header("frontdesk-sha256")), (LONG.to_string(), hash.clone()));
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    assert!(bytes == text, "{} bytes", bytes.len());
    let looks = data.audited(AuditKind::Access);
    assert_eq!(
        (looks.len(), &looks[0]["step"], &looks[0]["subject"]),
        (1, &"exported".into(), &"c/1".into())
    );
    assert_eq!(looks[0]["details"]["file"], hash);

    // Neither another conversation's, nor what is no hash, nor a file of the disk.
    for path in [
        format!("c%2F1/files/{other}"),
        format!("c-1/files/{hash}"),
        "c%2F1/files/..%2F..%2Fkeys".to_owned(),
        format!("c%2F1/files/{}", "0".repeat(64)),
    ] {
        let path = format!("/api/v1/conversations/{path}");
        assert_eq!(status(&router, bearer(get(&path), &tokens[1])).await, 404, "{path}");
    }
    assert_eq!(data.audited(AuditKind::Access).len(), 1, "what is not there was not seen");

    damage(&data, &hash);
    let response = ask(&router, bearer(get(&path), &tokens[1]), "").await;
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE, "other bytes are not handed out");
}

#[expect(clippy::disallowed_methods, reason = "a test damages a file")]
fn damage(data: &Data, hash: &str) {
    std::fs::write(data.path().join("archive/media").join(hash), b"other").unwrap();
}

#[tokio::test]
async fn the_states_of_files_are_shown_and_who_may_is_led_to_the_bytes() {
    let data = Data::new();
    let hash = with_files(&data, "c/1", b"<script>alert(1)</script>");
    let tokens = [Role::Viewer, Role::Auditor].map(|role| data.token(role));
    let router = data.served(true);
    for (token, is_led) in tokens.iter().zip([false, true]) {
        let request = bearer(get("/conversations/c%2F1"), token).header("accept", "text/html");
        let page = ask(&router, request, "").await.into_body().collect().await.unwrap().to_bytes();
        let page = String::from_utf8(page.to_vec()).unwrap();
        for word in [
            "&lt;b&gt;invoice.html",
            ">saved<",
            ">expired<",
            "link good until",
            ">not looked at<",
            ">refused<",
        ] {
            assert!(page.contains(word), "{word} is not in {page}");
        }
        let link = format!("href=\"/api/v1/conversations/c%2F1/files/{hash}\" download");
        assert_eq!(page.contains(&link), is_led, "{page}");
        assert!(!page.contains("https://x/"), "links of the platform's are not shown: {page}");
    }
}
