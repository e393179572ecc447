//! What guests say on their socket: frames as the platform contract has them (C.2.2, C.2.3). Fields that
//! it does not know are let be.

use serde::Deserialize;
use serde_json::{Map, Value};

/// One frame. `body` is nothing where the action is none that the contract knows.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) action: String,
    /// The session token; a secret.
    pub(super) token: String,
    pub(super) tracing_id: Option<String>,
    pub(super) body: Action,
}

/// What a guest wants.
#[derive(Debug)]
pub(super) enum Action {
    Configure(Configure),
    ConfigureAuthenticated,
    GetConfiguration { deployment: String },
    Message(Box<Said>),
    Echo(Box<Said>),
    Attach(Attach),
    GetAttachment { id: String },
    DeleteAttachment { id: String },
    GetJwt,
    Close { all: bool },
    Unknown,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Configure {
    pub(super) deployment_id: String,
    #[serde(default)]
    pub(super) start_new: Option<bool>,
}

/// A message, or an event.
#[derive(Debug, Deserialize)]
pub(super) struct Said {
    pub(super) r#type: String,
    #[serde(default)]
    pub(super) text: Option<String>,
    #[serde(default)]
    pub(super) content: Option<Vec<Content>>,
    #[serde(default)]
    pub(super) events: Option<Vec<Event>>,
    #[serde(default)]
    pub(super) metadata: Option<Map<String, Value>>,
    #[serde(default)]
    pub(super) channel: Option<Channel>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Content {
    pub(super) content_type: String,
    #[serde(default)]
    pub(super) attachment: Option<Attached>,
    #[serde(default)]
    pub(super) button_response: Option<Value>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Attached {
    pub(super) id: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Event {
    pub(super) event_type: String,
    #[serde(default)]
    pub(super) presence: Option<Presence>,
    #[serde(default)]
    pub(super) typing: Option<Value>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Presence {
    pub(super) r#type: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Channel {
    #[serde(default)]
    pub(super) message_id: Option<String>,
    #[serde(default)]
    metadata: Option<ChannelMetadata>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ChannelMetadata {
    #[serde(default)]
    custom_attributes: Option<Map<String, Value>>,
}

impl Said {
    pub(super) fn custom_attributes(&self) -> Option<&Map<String, Value>> {
        self.channel.as_ref()?.metadata.as_ref()?.custom_attributes.as_ref()
    }
}

/// A file that somebody wants to bring.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Attach {
    /// Made by the client where it is there.
    #[serde(default)]
    pub(super) attachment_id: Option<String>,
    pub(super) file_name: String,
    pub(super) file_type: String,
    #[serde(default)]
    pub(super) file_size: Option<u64>,
    /// Errors are wanted as objects, not as texts.
    #[serde(default)]
    pub(super) errors_as_json: Option<bool>,
}

/// Why a frame is no request.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Unreadable {
    /// 400, or 4020 where something is missing.
    pub(super) code: u16,
    pub(super) message: String,
    pub(super) tracing_id: Option<String>,
}

#[derive(Deserialize)]
struct IdOnly {
    #[serde(rename = "attachmentId")]
    id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct DeploymentOnly {
    deployment_id: String,
}

#[derive(Deserialize)]
struct MessageOnly {
    message: Box<Said>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CloseOnly {
    close_all_connections: bool,
}

impl Request {
    /// Reads a frame.
    pub(super) fn read(text: &str) -> Result<Self, Unreadable> {
        let refuse = |code, message: String, tracing_id| Unreadable { code, message, tracing_id };
        let frame: Map<String, Value> = serde_json::from_str(text)
            .map_err(|_| refuse(400, "The request is no JSON object".to_owned(), None))?;
        let text = |name: &str| frame.get(name).and_then(Value::as_str).map(str::to_owned);
        let tracing_id = text("tracingId");
        let missing =
            |name: &str| refuse(4020, format!("A required parameter is missing: {name}"), tracing_id.clone());
        let action = text("action").filter(|action| !action.is_empty()).ok_or_else(|| missing("action"))?;
        let token = text("token").filter(|token| !token.is_empty()).ok_or_else(|| missing("token"))?;
        let whole = || Value::Object(frame.clone());
        let body = match action.as_str() {
            "configureSession" => serde_json::from_value(whole()).map(Action::Configure),
            "configureAuthenticatedSession" => Ok(Action::ConfigureAuthenticated),
            "getConfiguration" => serde_json::from_value(whole()).map(|DeploymentOnly { deployment_id }| {
                Action::GetConfiguration { deployment: deployment_id }
            }),
            "onMessage" => {
                serde_json::from_value(whole()).map(|MessageOnly { message }| Action::Message(message))
            }
            "echo" => serde_json::from_value(whole()).map(|MessageOnly { message }| Action::Echo(message)),
            "onAttachment" => serde_json::from_value(whole()).map(Action::Attach),
            "getAttachment" => {
                serde_json::from_value(whole()).map(|IdOnly { id }| Action::GetAttachment { id })
            }
            "deleteAttachment" => {
                serde_json::from_value(whole()).map(|IdOnly { id }| Action::DeleteAttachment { id })
            }
            "getJwt" => Ok(Action::GetJwt),
            "closeSession" => serde_json::from_value(whole())
                .map(|CloseOnly { close_all_connections }| Action::Close { all: close_all_connections }),
            _ => Ok(Action::Unknown),
        };
        let body = body.map_err(|error| {
            let message = error.to_string();
            match message.strip_prefix("missing field ") {
                Some(field) => missing(field.trim_matches('`')),
                None => refuse(400, format!("The request cannot be read: {message}"), tracing_id.clone()),
            }
        })?;
        Ok(Self { action, token, tracing_id, body })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_named_and_what_is_unknown_is_let_be() {
        let code = |text: &str| Request::read(text).map(|request| request.action).map_err(|error| error.code);
        assert_eq!(code("[]"), Err(400));
        assert_eq!(code("{"), Err(400));
        assert_eq!(code(r#"{"token":"t"}"#), Err(4020));
        assert_eq!(code(r#"{"action":"getJwt"}"#), Err(4020));
        assert_eq!(code(r#"{"action":"getJwt","token":"t"}"#), Ok("getJwt".to_owned()));
        assert_eq!(code(r#"{"action":"configureSession","token":"t"}"#), Err(4020));
        assert_eq!(code(r#"{"action":"closeSession","token":"t","closeAllConnections":7}"#), Err(400));
        let missing = Request::read(r#"{"action":"onMessage","token":"t","tracingId":"x"}"#).unwrap_err();
        assert_eq!(missing.message, "A required parameter is missing: message");
        assert_eq!(missing.tracing_id.as_deref(), Some("x"));
        let known = r#"{"action":"onMessage","token":"t","extra":[1],"message":{"type":"Text","text":"Hi",
            "newField":1,"channel":{"metadata":{"customAttributes":{"a":"b"}},"other":null}}}"#;
        let Action::Message(said) = Request::read(known).unwrap().body else { panic!("a message") };
        assert_eq!(said.custom_attributes().unwrap()["a"], "b");
    }
}
