//! The body of `POST /api/v2/conversations/webchat`, read by the contract's rules (§3).

use http::StatusCode;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::moment::Moment;
use crate::problem::Problem;

/// At most so many attributes, the three of the consent included.
const MOST_ATTRIBUTES: usize = 100;

/// A session that somebody wants opened.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Opening {
    pub(super) guest_id: String,
    pub(super) attributes: Map<String, Value>,
    pub(super) routing: Routing,
}

/// Who shall take it.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Routing {
    pub(super) priority: i64,
    pub(super) skills: Vec<String>,
    pub(super) language: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Wire {
    conversation_type: String,
    guest_id: String,
    attributes: Map<String, Value>,
    routing_data: Routing,
}

impl Opening {
    /// What a guest who came in by socket says in its attributes.
    pub(super) fn of_guest(guest_id: &str, attributes: Map<String, Value>) -> Self {
        let text = |name: &str| attributes.get(name).and_then(Value::as_str);
        let skills = text("routing.queue").or_else(|| text("routing.skills")).unwrap_or_default();
        let skills = skills.split(',').map(str::trim).filter(|skill| !skill.is_empty());
        let routing = Routing {
            priority: text("routing.priority").and_then(|text| text.parse().ok()).unwrap_or(0),
            skills: skills.map(str::to_owned).collect(),
            language: text("routing.language").filter(|tag| is_language(tag)).map(str::to_owned),
        };
        Self { guest_id: guest_id.to_owned(), attributes, routing }
    }

    /// Reads and checks a request body.
    pub(super) fn read(body: &[u8]) -> Result<Self, Problem> {
        let wire: Wire = serde_json::from_slice(body)
            .map_err(|error| Problem::bad_request(format!("the body is no session: {error}")))?;
        if wire.conversation_type != "webchat" {
            return Err(invalid("invalid.conversation.type", "conversationType is not webchat"));
        }
        if wire.guest_id.is_empty() {
            return Err(invalid("invalid.guest.id", "guestId is empty"));
        }
        check_attributes(&wire.attributes)?;
        if wire.routing_data.language.as_deref().is_some_and(|tag| !is_language(tag)) {
            return Err(invalid("invalid.language", "language is no BCP 47 tag"));
        }
        Ok(Self { guest_id: wire.guest_id, attributes: wire.attributes, routing: wire.routing_data })
    }
}

fn invalid(code: &'static str, message: impl Into<String>) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, code, message)
}

/// Texts, and the three that say what the guest agreed to.
fn check_attributes(attributes: &Map<String, Value>) -> Result<(), Problem> {
    if attributes.len() > MOST_ATTRIBUTES {
        return Err(invalid(
            "too.many.attributes",
            format!("{} attributes are more than {MOST_ATTRIBUTES}", attributes.len()),
        ));
    }
    for (key, value) in attributes {
        let fits = match key.as_str() {
            "" => false,
            "consent.marketing" | "consent.data_processing" => value.is_boolean(),
            "consent.timestamp" => value.as_str().is_some_and(|text| text.parse::<Moment>().is_ok()),
            other => value.is_string() && !other.starts_with("consent."),
        };
        if !fits {
            return Err(invalid(
                "invalid.attribute",
                "an attribute has a key or a value that it may not have",
            ));
        }
    }
    let consent = ["consent.marketing", "consent.data_processing", "consent.timestamp"];
    if consent.iter().any(|key| !attributes.contains_key(*key)) {
        return Err(invalid("consent.missing", "the attributes do not say what the guest agreed to"));
    }
    if attributes.get("consent.data_processing") == Some(&Value::Bool(true)) {
        Ok(())
    } else {
        Err(invalid("consent.refused", "the guest did not agree to data processing"))
    }
}

/// The shape of a BCP 47 tag: a language of two or three letters, then subtags.
fn is_language(tag: &str) -> bool {
    let mut parts = tag.split('-');
    let letters = |part: &str| part.bytes().all(|byte| byte.is_ascii_alphabetic());
    parts.next().is_some_and(|first| (2..=3).contains(&first.len()) && letters(first))
        && parts.all(|part| {
            (1..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric())
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn good() -> Value {
        json!({"conversationType": "webchat", "guestId": "guest_1",
               "attributes": {"source": "web_portal", "consent.marketing": false,
                              "consent.data_processing": true, "consent.timestamp": "2025-06-15T10:23:45Z"},
               "routingData": {"priority": 1, "skills": ["web_support"], "language": "en"}})
    }

    fn with(change: impl FnOnce(&mut Value)) -> Result<Opening, Problem> {
        let mut body = good();
        change(&mut body);
        Opening::read(body.to_string().as_bytes())
    }

    #[test]
    fn what_the_contract_allows_is_read_and_nothing_else() {
        let opening = with(|_| {}).unwrap();
        assert_eq!((opening.guest_id.as_str(), opening.attributes.len()), ("guest_1", 4));
        assert!(with(|body| body["routingData"]["language"] = json!("pt-BR")).is_ok());
        assert!(with(|body| drop(body["routingData"].as_object_mut().unwrap().remove("language"))).is_ok());
        let many = |count: usize| {
            with(|body| {
                for number in 0..count {
                    body["attributes"][format!("key {number}")] = json!("x");
                }
            })
        };
        assert!(many(96).is_ok() && many(97).is_err());
        let refused: [fn(&mut Value); 13] = [
            |body| body["conversationType"] = json!("chat"),
            |body| body["guestId"] = json!(""),
            |body| body["guestId"] = json!(7),
            |body| body["attributes"][""] = json!("x"),
            |body| body["attributes"]["plan"] = json!(1),
            |body| body["attributes"]["consent.x"] = json!("x"),
            |body| body["attributes"]["consent.marketing"] = json!("yes"),
            |body| body["attributes"]["consent.data_processing"] = json!(false),
            |body| body["attributes"]["consent.timestamp"] = json!("today"),
            |body| drop(body["attributes"].as_object_mut().unwrap().remove("consent.marketing")),
            |body| body["routingData"]["queue"] = json!("x"),
            |body| body["routingData"]["language"] = json!("english"),
            |body| body["extra"] = json!(1),
        ];
        for (index, change) in refused.into_iter().enumerate() {
            assert_eq!(with(change).unwrap_err().status, 400, "case {index}");
        }
        assert!(Opening::read(b"[]").is_err() && Opening::read(b"{").is_err());
    }
}
