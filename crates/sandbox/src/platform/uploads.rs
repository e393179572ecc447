//! Media that agents send: announced, uploaded to a link, and then sent by their id (platform contract
//! C.5.2).

use std::collections::BTreeMap;

use bytes::Bytes;
use http::{Method, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};

use super::refusal::Refusal;
use super::route::{Access, Operation};
use super::sending::invalid;
use super::visit::{Call, json, json_with};
use crate::form;
use crate::messages::Attachment;
use crate::random::{hash_text, mix};
use crate::reply::{Body, Reply};

const UPLOAD: Access = Access::Client(&[
    "conversation:message:create",
    "conversation:webmessaging:create",
    "conversation:socialmedia:create",
]);
const VIEW: Access = Access::Client(&["conversation:message:view", "conversation:webmessaging:view"]);
const MEDIA: &str =
    "/api/v2/conversations/messages/{conversationId}/communications/{communicationId}/messages/media";

pub(super) const ROUTES: &[Operation] = &[
    Operation {
        method: Method::POST,
        template: "/api/v2/conversations/messages/{conversationId}/communications/{communicationId}/messages/media/uploads",
        access: UPLOAD,
        answer: announce,
    },
    Operation { method: Method::POST, template: MEDIA, access: UPLOAD, answer: announce_the_older_way },
    Operation {
        method: Method::GET,
        template: MEDIA,
        access: Access::Client(&["conversation:messageMedia:view"]),
        answer: list,
    },
    Operation {
        method: Method::GET,
        template: "/api/v2/conversations/messages/{conversationId}/communications/{communicationId}/messages/media/{mediaId}",
        access: VIEW,
        answer: one,
    },
    Operation {
        method: Method::PUT,
        template: "/uploads/media/{mediaId}",
        access: Access::Open,
        answer: put,
    },
];

/// A header that an upload has to bring along as it was given out.
const TAG: &str = "x-amz-tagging";
/// The most bytes of one file.
const LARGEST: u64 = 25 << 20;

/// All media that were announced, in the order of their ids.
#[derive(Debug, Default)]
pub(crate) struct Uploads {
    all: BTreeMap<String, Upload>,
    made: u64,
}

#[derive(Debug)]
struct Upload {
    name: String,
    conversation: String,
    communication: String,
    /// How many bytes were announced; nothing when that was not said.
    length: Option<u64>,
    state: State,
}

#[derive(Debug)]
enum State {
    Uploading,
    Valid(Bytes),
    Invalid,
}

impl Upload {
    fn status(&self) -> &'static str {
        match self.state {
            State::Uploading => "uploading",
            State::Valid(_) => "valid",
            State::Invalid => "invalid",
        }
    }

    fn media_type(&self) -> &'static str {
        match self.name.rsplit_once('.').map(|(_, end)| end.to_ascii_lowercase()).as_deref() {
            Some("jpg" | "jpeg") => "image/jpeg",
            Some("png") => "image/png",
            Some("gif") => "image/gif",
            Some("pdf") => "application/pdf",
            Some("txt") => "text/plain",
            _ => "application/octet-stream",
        }
    }

    fn wire(&self, id: &str, call: &Call<'_>) -> Value {
        let uri = format!("{}/{id}", MEDIA.replace("{conversationId}", &self.conversation));
        let uri = uri.replace("{communicationId}", &self.communication);
        let mut wire = json!({"id": id, "name": self.name, "mediaType": self.media_type(),
            "status": self.status(), "conversationId": self.conversation, "communicationId": self.communication,
            "selfUri": uri});
        if let Some(length) = self.length {
            wire["contentLengthBytes"] = length.into();
        }
        if matches!(self.state, State::Uploading) {
            wire["uploadUrl"] = link(call, id).into();
        }
        wire
    }
}

impl Uploads {
    /// The files with these ids, where all of them can be sent in this conversation.
    pub(super) fn ready(&self, conversation: &str, wanted: &[String]) -> Result<Vec<Attachment>, Refusal> {
        let file = |id: &String| {
            let upload = self.all.get(id).filter(|upload| upload.conversation == conversation);
            match upload.map(|upload| (upload, &upload.state)) {
                Some((upload, State::Valid(content))) => Ok(Attachment {
                    media_type: upload.media_type().to_owned(),
                    filename: upload.name.clone(),
                    content: Some(content.clone()),
                    url: None,
                }),
                Some(_) => Err(invalid("mediaIds", "The media is not valid.")),
                None => Err(invalid("mediaIds", "The media is not known.")),
            }
        };
        wanted.iter().map(file).collect()
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Announcement {
    file_name: String,
    content_length_bytes: u64,
}

fn check(announcement: &Announcement) -> Result<(), Refusal> {
    let name = announcement.file_name.as_str();
    let odd = |char: char| char.is_whitespace() || "\\{^}%`]\">[~<#|".contains(char);
    if name.is_empty() || name.starts_with('.') || name.ends_with('/') || name.contains(odd) {
        return Err(invalid("fileName", "The file name is not valid."));
    }
    if announcement.content_length_bytes == 0 || announcement.content_length_bytes > LARGEST {
        return Err(invalid("contentLengthBytes", "The length is not valid."));
    }
    Ok(())
}

fn link(call: &Call<'_>, id: &str) -> String {
    format!("{}/uploads/media/{id}?X-Amz-Signature={}", call.base(), seal(call, id))
}

fn seal(call: &Call<'_>, id: &str) -> String {
    let seed = mix(call.sandbox.config().seed, 0x7570_6C64);
    let hash = mix(hash_text(id.as_bytes()), seed);
    format!("{hash:016x}{:016x}", mix(seed, hash))
}

/// Takes note of media that are to come; tells their id.
fn expect(call: &Call<'_>, name: String, length: Option<u64>) -> Result<String, Refusal> {
    let mut state = call.sandbox.state();
    let talk = call.messaging(&state)?;
    call.connected(&talk, call.id(1))?;
    let uploads = &mut state.platform.uploads;
    uploads.made += 1;
    let id = super::guest::id(mix(call.sandbox.config().seed, 0x6D65_6469), uploads.made);
    let (conversation, communication) = (talk.id, call.id(1).to_owned());
    let upload = Upload { name, conversation, communication, length, state: State::Uploading };
    uploads.all.insert(id.clone(), upload);
    Ok(id)
}

/// `POST …/messages/media/uploads`
fn announce(call: &Call<'_>) -> Result<Reply, Refusal> {
    let announcement: Announcement = call.body()?;
    check(&announcement)?;
    let name = announcement.file_name.clone();
    let id = expect(call, announcement.file_name, Some(announcement.content_length_bytes))?;
    json(&json!({"id": id, "name": name, "uploadUrl": link(call, &id),
        "uploadHeaders": {TAG: format!("mediaId={id}")}, "selfUri": format!("{}/{id}", call.request.uri().path().trim_end_matches("/uploads"))}))
}

/// `POST …/messages/media`: the file has neither name nor length before it comes.
fn announce_the_older_way(call: &Call<'_>) -> Result<Reply, Refusal> {
    let id = expect(call, "upload".to_owned(), None)?;
    let state = call.sandbox.state();
    let upload = state.platform.uploads.all.get(&id).ok_or_else(|| Refusal::not_found("media", &id))?;
    json_with(StatusCode::ACCEPTED, &upload.wire(&id, call))
}

/// `GET …/messages/media/{mediaId}`
fn one(call: &Call<'_>) -> Result<Reply, Refusal> {
    let state = call.sandbox.state();
    let upload = state.platform.uploads.all.get(call.id(2));
    let upload = upload.filter(|upload| upload.conversation == call.id(0));
    json(&upload.ok_or_else(|| Refusal::not_found("media", call.id(2)))?.wire(call.id(2), call))
}

/// `GET …/messages/media`
fn list(call: &Call<'_>) -> Result<Reply, Refusal> {
    let pairs = call.query()?;
    let status = form::value(&pairs, "status");
    let (size, number) = (call.number("pageSize", 25, 1, 100)?, call.number("pageNumber", 1, 1, u64::MAX)?);
    let state = call.sandbox.state();
    let here = state.platform.uploads.all.iter().filter(|(_, upload)| {
        upload.conversation == call.id(0) && status.is_none_or(|status| upload.status() == status)
    });
    let all: Vec<_> = here.map(|(id, upload)| upload.wire(id, call)).collect();
    let index = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
    let total = all.len() as u64;
    let page: Vec<_> =
        all.into_iter().skip(index(size.saturating_mul(number - 1))).take(index(size)).collect();
    json(&json!({"entities": page, "pageSize": size, "pageNumber": number, "total": total,
        "pageCount": total.div_ceil(size)}))
}

/// `PUT /uploads/media/{mediaId}`: what an upload link leads to.
fn put(call: &Call<'_>) -> Result<Reply, Refusal> {
    let id = call.id(0);
    let pairs = call.query()?;
    let tag = call.request.headers().get(TAG).and_then(|value| value.to_str().ok());
    let signed = form::value(&pairs, "X-Amz-Signature") == Some(seal(call, id).as_str());
    if !signed || tag != Some(format!("mediaId={id}").as_str()) {
        let message = "The link or its headers are not those that were signed.";
        return Err(Refusal::new(StatusCode::FORBIDDEN, "not.authorized", message));
    }
    let mut state = call.sandbox.state();
    let upload = state.platform.uploads.all.get_mut(id).ok_or_else(|| Refusal::not_found("media", id))?;
    let body = call.request.body();
    let fits = upload.length.is_none_or(|length| length == body.len() as u64) && !body.is_empty();
    upload.state = if fits { State::Valid(body.clone()) } else { State::Invalid };
    Ok(Reply::new(StatusCode::OK, "application/xml", Body::default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_lengths_are_those_of_the_contract() {
        let check = |name: &str, length| {
            check(&Announcement { file_name: name.to_owned(), content_length_bytes: length }).is_ok()
        };
        assert!(check("invoice.pdf", 1) && check("a", LARGEST) && check("ünï.png", 3));
        for bad in ["", ".hidden", "folder/", "a b", "a\tb", "a#b", "a%20b", "a|b", "a[b]"] {
            assert!(!check(bad, 1), "{bad}");
        }
        assert!(!check("a", 0) && !check("a", LARGEST + 1));
    }
}
