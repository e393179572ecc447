//! A file that goes along with a message.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;

use super::media_type::{Agreement, agreement, is_media_type, usual_type};
use crate::draft::{Field, Loose, fields};
use crate::media::MediaUrl;
use crate::{Collector, Violation};

/// The fields of an attachment, as they are written.
const FIELDS: [&str; 4] = ["type", "filename", "content", "url"];

/// The longest file name, in bytes: what file systems take.
const MOST_NAME_BYTES: usize = 255;

/// A file that goes along with a message, checked.
#[derive(Clone, PartialEq, Eq, Hash, Serialize)]
pub struct Attachment {
    #[serde(rename = "type")]
    pub(super) media_type: String,
    pub(super) filename: String,
    #[serde(flatten)]
    pub(super) source: AttachmentSource,
}

/// Where the bytes of an attachment are.
#[derive(Clone, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum AttachmentSource {
    /// In the message, in base64.
    Content(String),
    /// Behind a link. Their number is not checked (contract §4).
    Url(String),
}

impl Attachment {
    /// How many bytes it has, decoded; none where they are behind a link.
    #[must_use]
    pub fn decoded_bytes(&self) -> Option<usize> {
        match &self.source {
            // Valid base64 has three bytes in four letters, less the padding.
            AttachmentSource::Content(text) => {
                let padding = text.bytes().rev().take_while(|byte| *byte == b'=').count();
                Some(text.len() / 4 * 3 - padding)
            }
            AttachmentSource::Url(_) => None,
        }
    }

    /// Its media type.
    #[must_use]
    pub fn media_type(&self) -> &str {
        &self.media_type
    }

    /// Its name.
    #[must_use]
    pub fn filename(&self) -> &str {
        &self.filename
    }

    /// Where its bytes are.
    #[must_use]
    pub fn source(&self) -> &AttachmentSource {
        &self.source
    }
}

impl fmt::Debug for Attachment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Attachment")
            .field("media_type", &self.media_type)
            .field("decoded_bytes", &self.decoded_bytes())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for AttachmentSource {
    /// How much there is; the link may be a signature, and the bytes are the customer's.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Content(text) => write!(f, "Content({} letters)", text.len()),
            Self::Url(url) => write!(f, "Url({} bytes)", url.len()),
        }
    }
}

/// A file that is to go along, unchecked.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct AttachmentDraft {
    pub(super) media_type: Field<String>,
    pub(super) filename: Field<String>,
    content: Field<String>,
    url: Field<String>,
    others: Vec<Violation>,
    /// It is no object.
    wrong: Option<&'static str>,
}

impl AttachmentDraft {
    /// A file of these bytes, under this name. Its media type is the usual one of the name's extension, else
    /// `application/octet-stream`.
    #[must_use]
    pub fn of_bytes(filename: &str, bytes: &[u8]) -> Self {
        let content = Field::Given(STANDARD.encode(bytes));
        Self { content, ..Self::named(filename) }
    }

    /// A file behind a link. Its name is the last segment of the link's path.
    #[must_use]
    pub fn of_url(url: &str) -> Self {
        let path = url.split(['?', '#']).next().unwrap_or(url);
        let name = path.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
        Self { url: Field::Given(url.to_owned()), ..Self::named(name) }
    }

    /// Says what its media type is.
    #[must_use]
    pub fn media_type(mut self, media_type: impl Into<String>) -> Self {
        self.media_type = Field::Given(media_type.into());
        self
    }

    /// Says what its name is.
    #[must_use]
    pub fn filename(mut self, filename: impl Into<String>) -> Self {
        self.filename = Field::Given(filename.into());
        self
    }

    fn named(filename: &str) -> Self {
        let media_type = usual_type(filename).unwrap_or("application/octet-stream");
        Self {
            media_type: Field::Given(media_type.to_owned()),
            filename: Field::Given(filename.to_owned()),
            ..Self::default()
        }
    }

    pub(super) fn of(value: Loose) -> Self {
        let mut draft = Self::default();
        let Loose::Object(entries) = value else {
            draft.wrong = Some("an object is wanted");
            return draft;
        };
        let mut others = Vec::new();
        fields(entries, "", &FIELDS, &mut others, |name, value| match name {
            "type" => draft.media_type = value.text(),
            "filename" => draft.filename = value.text(),
            "content" => draft.content = value.text(),
            _ => draft.url = value.text(),
        });
        draft.others = others;
        draft
    }

    /// Checks everything, and notes under `path` what is wrong, or remarkable.
    pub(super) fn check(
        &self,
        path: &str,
        found: &mut Collector,
        findings: &mut Vec<Violation>,
    ) -> Option<Attachment> {
        if let Some(what) = self.wrong {
            found.push(path, "field.type", what);
            return None;
        }
        for other in &self.others {
            let other = other.clone().under(path);
            found.push(other.path, other.rule, other.message);
        }
        let at = |name: &str| format!("{path}.{name}");
        let media_type = self
            .media_type
            .needed(found, &at("type"), "a media type is needed, such as application/pdf")
            .filter(|text| {
                let good = is_media_type(text);
                if !good {
                    found.push(at("type"), "attachment.media_type", "it is no media type");
                }
                good
            });
        let filename = self.filename.needed(found, &at("filename"), "a file name is needed").filter(|name| {
            let wrong = if name.is_empty() {
                "it is empty"
            } else if name.len() > MOST_NAME_BYTES {
                "it is longer than 255 bytes"
            } else if name.chars().any(char::is_control) {
                "it holds a control character"
            } else {
                return true;
            };
            found.push(at("filename"), "attachment.filename", wrong);
            false
        });
        let source = self.source(path, found);
        if let Some(AttachmentSource::Url(url)) = &source
            && !url.get(..6).is_some_and(|scheme| scheme.eq_ignore_ascii_case("https:"))
        {
            findings.push(Violation::new(
                at("url"),
                "attachment.url_plain",
                "it is no https link: anybody on the way can read the file",
            ));
        }
        let (media_type, filename) = (media_type?, filename?);
        match agreement(&media_type, &filename) {
            Agreement::Agree => {}
            Agreement::Disagree { expected } => {
                let message =
                    format!("the name's extension is another than the media type's, which is .{expected}");
                found.push(at("filename"), "attachment.extension", message);
            }
            Agreement::UnknownType => findings.push(Violation::new(
                at("type"),
                "attachment.unknown_type",
                "a media type we do not know: whether the name agrees with it was not checked",
            )),
            Agreement::UnknownExtension => findings.push(Violation::new(
                at("filename"),
                "attachment.unknown_extension",
                "an extension we do not know: whether it agrees with the media type was not checked",
            )),
        }
        Some(Attachment { media_type, filename, source: source? })
    }

    fn source(&self, path: &str, found: &mut Collector) -> Option<AttachmentSource> {
        let content = self.content.optional(found, &format!("{path}.content"));
        let url = self.url.optional(found, &format!("{path}.url"));
        match (content, url) {
            (Some(_), Some(_)) => {
                found.push(path, "attachment.both", "it has content and url, and one of them is wanted");
                None
            }
            (None, None) => {
                let given = |field: &Field<String>| matches!(field, Field::Wrong(_));
                if !given(&self.content) && !given(&self.url) {
                    found.push(
                        path,
                        "attachment.neither",
                        "it has neither content nor url, and one of them is wanted",
                    );
                }
                None
            }
            (Some(content), None) => {
                let wrong = match STANDARD.decode(&content) {
                    Ok(bytes) if bytes.is_empty() => "there is nothing in it",
                    Ok(_) => return Some(AttachmentSource::Content(content)),
                    Err(_) => "it is not base64 (the standard alphabet, padded, without line breaks)",
                };
                found.push(format!("{path}.content"), "attachment.base64", wrong);
                None
            }
            (None, Some(url)) => match MediaUrl::new(url.clone()) {
                Ok(_) => Some(AttachmentSource::Url(url)),
                Err(error) => {
                    found.push(format!("{path}.url"), "attachment.url", error.to_string());
                    None
                }
            },
        }
    }
}

impl fmt::Debug for AttachmentDraft {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AttachmentDraft(..)")
    }
}
