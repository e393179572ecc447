//! The platform's error bodies (platform contract B.3) and the login host's (A.4), as our errors.

use std::sync::Arc;

use frontdesk_api::transport::memory::{MemoryTransport, Reply};
use frontdesk_api::{Error, ErrorKind, Platform};
use frontdesk_domain::ConversationId;
use serde_json::{Value, json};

use crate::support::{builder, is_token, with_token};

/// The error of a look at a conversation that is answered so.
async fn refused(reply: impl Fn() -> Reply + Send + Sync + 'static) -> Error {
    let platform = Platform::new(builder().0.build(Arc::new(with_token(move |_| reply()))));
    let id = ConversationId::new("c-1").unwrap();
    platform.live(&id).await.unwrap_err()
}

fn body(code: &str, status: u16, more: Value) -> Value {
    let mut body = json!({
        "message": format!("about {code}"), "code": code, "status": status,
        "contextId": "5d0c3f0a-9f4e-4b9e-8a53-4f1d0b0d2c11", "details": [], "errors": [],
    });
    if let (Some(body), Value::Object(more)) = (body.as_object_mut(), more) {
        body.extend(more);
    }
    body
}

#[tokio::test(start_paused = true)]
async fn a_missing_permission_is_named_by_the_answer_or_by_the_operation() {
    let params = json!({"messageParams": {"permissions": "conversation:message:view"}});
    let answer = body("missing.any.permissions", 403, params);
    let error = refused(move || Reply::status(403).body(answer.to_string())).await;
    assert!(error.is_auth());
    assert_eq!(error.missing_permissions(), Some("conversation:message:view"));
    assert_eq!(error.correlation_id(), Some("5d0c3f0a-9f4e-4b9e-8a53-4f1d0b0d2c11"));
    insta::assert_snapshot!(format!("{error}\n{}", error.hint().unwrap()));

    let answer = body("not.authorized", 403, Value::Null);
    let error = refused(move || Reply::status(403).body(answer.to_string())).await;
    assert_eq!(error.permissions(), ["conversation:communication:view"]);
    assert!(error.hint().unwrap().contains("conversation:communication:view"));
}

#[tokio::test(start_paused = true)]
async fn the_limit_that_was_hit_is_named_and_the_header_goes_before_the_body() {
    let limit = json!({"limit": {"key": "token.rate.per.minute", "namespace": "platform.api", "value": 300}});
    let answer = body("too.many.requests", 429, limit);
    let error = refused(move || {
        Reply::status(429).body(answer.to_string()).header("inin-correlation-id", "from-the-head")
    })
    .await;
    assert!(error.is_throttled());
    assert_eq!(error.limit_key(), Some("token.rate.per.minute"));
    assert_eq!(error.correlation_id(), Some("from-the-head"));
    assert!(error.to_string().contains("limit token.rate.per.minute"), "{error}");
    assert!(!error.in_our_words().contains("token.rate"), "{}", error.in_our_words());
}

#[tokio::test(start_paused = true)]
async fn a_missing_conversation_is_no_error_and_an_unreachable_path_is_none_either() {
    let answer = body("not.found", 404, Value::Null);
    let transport = with_token(move |_| Reply::status(404).body(answer.to_string()));
    let platform = Platform::new(builder().0.build(Arc::new(transport)));
    assert!(platform.live(&ConversationId::new("c-1").unwrap()).await.unwrap().is_none());
}

#[tokio::test(start_paused = true)]
async fn the_login_host_is_understood_in_both_shapes_and_with_both_statuses() {
    let old = json!({"error": "invalid_client", "description": "client not found"});
    let both = json!({"error": "invalid_client", "description": "authentication failed",
        "error_description": "authentication failed"});
    let new = json!({"code": "bad.credentials", "message": "client not found", "status": 401});
    for (answer, code, message) in [
        (old, "invalid_client", "client not found"),
        (both, "invalid_client", "authentication failed"),
        (new, "bad.credentials", "client not found"),
    ] {
        for status in [400, 401] {
            let answer = answer.clone();
            let transport = MemoryTransport::new(move |request| {
                assert!(is_token(request), "nothing goes without a token");
                Reply::status(status).body(answer.to_string())
            });
            let platform = Platform::new(builder().0.build(Arc::new(transport)));
            let error = platform.live(&ConversationId::new("c-1").unwrap()).await.unwrap_err();
            assert!(error.is_auth(), "{error}");
            assert_eq!((error.code(), error.message()), (Some(code), Some(message)));
            assert!(matches!(error.kind(), ErrorKind::Unauthorized | ErrorKind::Rejected));
        }
    }
}
