//! The body of `POST /api/v2/conversations/{conversationId}/messages`, read by the contract's rules (§4).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::StatusCode;
use serde::Deserialize;
use serde_json::Value;

use super::Attachment;
use crate::problem::Problem;

/// More than this, decoded, is nothing for a phone.
const LARGEST_BY_SMS: usize = 1 << 20;

/// A message that somebody wants sent.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Sending {
    pub(super) from: String,
    pub(super) to: Vec<String>,
    pub(super) media_type: String,
    pub(super) content: Value,
    pub(super) attachments: Vec<Attachment>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire {
    from: String,
    to: Vec<String>,
    r#type: String,
    content: Value,
    #[serde(default)]
    attachments: Vec<WireAttachment>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WireAttachment {
    r#type: String,
    filename: String,
    content: Option<String>,
    url: Option<String>,
}

impl Sending {
    /// Reads and checks a request body, as far as it can be told without the conversation.
    pub(super) fn read(body: &[u8]) -> Result<Self, Problem> {
        let wire: Wire = serde_json::from_slice(body)
            .map_err(|error| Problem::bad_request(format!("the body is no message: {error}")))?;
        if wire.from.is_empty() || wire.to.is_empty() || wire.to.iter().any(String::is_empty) {
            return Err(invalid("invalid.address", "from and to are not both there"));
        }
        match wire.r#type.as_str() {
            "text/plain" | "text/html" if wire.content.as_str().is_none_or(str::is_empty) => {
                return Err(invalid("invalid.content", "content is no text, or an empty one"));
            }
            "text/plain" | "text/html" | "application/json" => {}
            _ => return Err(invalid("invalid.type", "type is not one of the three")),
        }
        let attachments = wire.attachments.into_iter().map(attachment).collect::<Result<_, _>>()?;
        Ok(Self { from: wire.from, to: wire.to, media_type: wire.r#type, content: wire.content, attachments })
    }

    /// What a channel does not take. `None` is a conversation that does not say which channel it is.
    pub(super) fn check(&self, channel: Option<&str>) -> Result<(), Problem> {
        match channel {
            None => Err(invalid("unsupported.channel", "nothing can be sent to this conversation")),
            Some("sms") if self.media_type == "text/html" => {
                Err(invalid("unsupported.type", "an SMS is no HTML"))
            }
            Some("sms") if self.attachments.iter().any(|one| one.bytes() > LARGEST_BY_SMS) => {
                let message = "an attachment of an SMS has at most 1 MiB";
                Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "attachment.too.large", message))
            }
            Some(_) => Ok(()),
        }
    }
}

fn invalid(code: &'static str, message: &str) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, code, message)
}

fn attachment(wire: WireAttachment) -> Result<Attachment, Problem> {
    let WireAttachment { r#type: media_type, filename, content, url } = wire;
    let refuse = |message| Err(invalid("invalid.attachment", message));
    if media_type.is_empty() || filename.is_empty() {
        return refuse("an attachment has no type or no filename");
    }
    if !agree(&media_type, &filename) {
        return refuse("the type of an attachment is not that of its filename");
    }
    match (content, url) {
        (Some(content), None) => match STANDARD.decode(content) {
            Ok(bytes) => Ok(Attachment { media_type, filename, content: Some(bytes.into()), url: None }),
            Err(_) => refuse("the content of an attachment is no base64"),
        },
        (None, Some(url)) if !url.is_empty() => {
            Ok(Attachment { media_type, filename, content: None, url: Some(url) })
        }
        _ => refuse("an attachment has exactly one of content and url"),
    }
}

/// Whether type and extension are not known to be of different kinds.
fn agree(media_type: &str, filename: &str) -> bool {
    const KNOWN: [(&str, &[&str]); 6] = [
        ("image/png", &["png"]),
        ("image/jpeg", &["jpg", "jpeg"]),
        ("image/gif", &["gif"]),
        ("application/pdf", &["pdf"]),
        ("text/plain", &["txt"]),
        ("application/json", &["json"]),
    ];
    let media_type = media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let extension = filename.rsplit_once('.').map(|(_, end)| end.to_ascii_lowercase()).unwrap_or_default();
    let expected = KNOWN.iter().find(|(known, _)| *known == media_type).map(|(_, extensions)| *extensions);
    let is_known = KNOWN.iter().any(|(_, extensions)| extensions.contains(&extension.as_str()));
    expected.is_none_or(|expected| !is_known || expected.contains(&extension.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(body: &Value) -> Result<Sending, Problem> {
        Sending::read(body.to_string().as_bytes())
    }

    fn with(attachment: Value) -> Value {
        json!({"from": "agent-1", "to": ["guest"], "type": "text/plain", "content": "Hi",
               "attachments": [attachment]})
    }

    #[test]
    fn what_the_contract_allows_is_read_and_nothing_else() {
        for good in [
            json!({"from": "a", "to": ["b", "c"], "type": "text/html", "content": "<p>Hi</p>"}),
            json!({"from": "a", "to": ["b"], "type": "application/json", "content": {"event": 1}}),
            with(json!({"type": "image/png", "filename": "a.PNG", "url": "https://example.com/a.png"})),
            with(json!({"type": "application/pdf", "filename": "a.pdf", "content": "JVBERi0="})),
            with(json!({"type": "application/x-own", "filename": "a.own", "content": ""})),
            with(json!({"type": "image/png", "filename": "no extension", "content": ""})),
        ] {
            assert!(read(&good).is_ok(), "{good}");
        }
        for bad in [
            json!({"from": "", "to": ["b"], "type": "text/plain", "content": "Hi"}),
            json!({"from": "a", "to": [], "type": "text/plain", "content": "Hi"}),
            json!({"from": "a", "to": ["b"], "type": "text/plain", "content": ""}),
            json!({"from": "a", "to": ["b"], "type": "text/plain", "content": {"a": 1}}),
            json!({"from": "a", "to": ["b"], "type": "text/csv", "content": "Hi"}),
            json!({"from": "a", "to": ["b"], "type": "text/plain"}),
            with(json!({"type": "image/png", "filename": "a.pdf", "content": ""})),
            with(json!({"type": "image/png", "filename": "a.png"})),
            with(json!({"type": "image/png", "filename": "a.png", "content": "", "url": "https://a"})),
            with(json!({"type": "image/png", "filename": "a.png", "content": "not base64"})),
            with(json!({"type": "", "filename": "a.png", "content": ""})),
        ] {
            assert_eq!(read(&bad).unwrap_err().status, 400, "{bad}");
        }
    }

    #[test]
    fn an_sms_takes_less() {
        let large = |bytes: usize| {
            with(
                json!({"type": "image/png", "filename": "a.png", "content": STANDARD.encode(vec![0; bytes])}),
            )
        };
        let html = json!({"from": "a", "to": ["b"], "type": "text/html", "content": "<p>Hi</p>"});
        let status =
            |body: &Value, channel| read(body).unwrap().check(channel).map_err(|p| p.status.as_u16());
        assert_eq!(status(&html, Some("sms")), Err(400));
        assert_eq!(status(&html, Some("email")), Ok(()));
        assert_eq!(status(&large(1 << 20), Some("sms")), Ok(()));
        assert_eq!(status(&large((1 << 20) + 1), Some("sms")), Err(413));
        assert_eq!(status(&large((1 << 20) + 1), Some("webchat")), Ok(()));
        assert_eq!(status(&html, None), Err(400));
    }
}
