//! Payloads with what no client has ever seen (E.15): the vendor adds fields and values without a word.

use serde_json::{Map, Value, json};

use crate::reply::Reply;

/// The field that is in every object.
const FIELD: &str = "sandboxNovelty";
/// The value that nobody knows.
const VALUE: &str = "sandbox-novelty";

/// The same answer, with an unknown field in every object and unknown values wherever a list of things
/// with a kind stands.
pub(super) fn estrange(mut reply: Reply) -> Reply {
    let is_json = reply.response.headers().get(http::header::CONTENT_TYPE);
    let is_json = is_json.is_some_and(|value| value == "application/json");
    if !is_json || !reply.status().is_success() {
        return reply;
    }
    let body = std::mem::take(reply.response.body_mut()).collect();
    let mut made = match serde_json::from_slice::<Value>(&body) {
        Ok(mut value) => {
            visit(&mut value);
            Reply::json(reply.status(), value.to_string())
        }
        // Nothing in it, or a part of a file.
        Err(_) => Reply::json(reply.status(), body),
    };
    for (name, value) in reply.response.headers() {
        if name != http::header::CONTENT_LENGTH {
            made.headers_mut().insert(name, value.clone());
        }
    }
    (made.delay, made.pace, made.ending) = (reply.delay, reply.pace, reply.ending);
    made
}

fn visit(value: &mut Value) {
    match value {
        Value::Array(all) => all.iter_mut().for_each(visit),
        Value::Object(object) => {
            // What stands under these keys is the client's, or a map.
            object.iter_mut().filter(|(key, _)| !is_map(key)).for_each(|(_, value)| visit(value));
            add_kinds(object);
            object.insert(FIELD.to_owned(), json!({"since": 2031, "of": ["nobody", "knows"]}));
        }
        _ => {}
    }
}

fn is_map(key: &str) -> bool {
    matches!(key, "attributes" | "messageParams" | "metadata" | "features" | "mediaUris" | "uploadHeaders")
}

/// One more thing in each list of things with a kind, of a kind of its own.
fn add_kinds(object: &mut Map<String, Value>) {
    for (list, kind) in [
        ("segments", "segmentType"),
        ("metrics", "name"),
        ("content", "contentType"),
        ("events", "eventType"),
        ("normalizedReceipts", "type"),
    ] {
        if let Some(Value::Array(all)) = object.get_mut(list)
            && !all.is_empty()
        {
            all.push(json!({kind: VALUE, FIELD: true}));
        }
    }
}
