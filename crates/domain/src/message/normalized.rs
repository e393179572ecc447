//! Type and file of a message of the platform, from its `normalizedMessage` (platform contract C.4.3; D.1 for the types), or from
//! itself where a guest is shown it (C.1).

use serde::Deserialize;
use serde_json::Value;

use super::MessageKind;
use super::read::MediaLink;

/// What a `normalizedMessage` says.
pub(super) struct Normalized {
    /// A file by its attachment, a button by what was or can be pressed, a text without either; any other type as it came, in
    /// lower case.
    pub(super) kind: MessageKind,
    /// Its first attachment that has an address.
    pub(super) media: Option<MediaLink>,
}

#[derive(Deserialize)]
struct Wire {
    #[serde(default, rename = "type")]
    sort: Value,
    #[serde(default)]
    content: Value,
}

impl Normalized {
    /// Reads the member's value, or a guest's message; none where it is no object.
    pub(super) fn read(value: &[u8]) -> Option<Self> {
        let Wire { sort, content } = serde_json::from_slice(value).ok()?;
        let elements = content.as_array().map(Vec::as_slice).unwrap_or_default();
        let attachments = || elements.iter().filter_map(|element| element.get("attachment"));
        let media = attachments().find_map(|attachment| {
            let text = |name| attachment.get(name).and_then(Value::as_str);
            Some(MediaLink {
                url: text("url")?.to_owned(),
                name: text("filename").unwrap_or_default().to_owned(),
            })
        });
        let is_button = elements.iter().any(|element| {
            let sort = element.get("contentType").and_then(Value::as_str);
            matches!(
                sort,
                Some("ButtonResponse" | "QuickReply" | "Card" | "Carousel" | "ListPicker" | "DatePicker")
            )
        });
        let kind = match attachments().next() {
            Some(attachment) if attachment.get("mediaType").and_then(Value::as_str) == Some("Image") => {
                MessageKind::Image
            }
            Some(_) => MessageKind::File,
            None if is_button => MessageKind::Button,
            None => MessageKind::read(&sort.as_str().unwrap_or_default().to_lowercase()),
        };
        Some(Self { kind, media })
    }
}
