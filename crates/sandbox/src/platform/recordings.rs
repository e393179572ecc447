//! Recordings of conversations (platform contract C.10, E.13): transcripts of what was written, signed links
//! to what was spoken, how long both are kept.

mod jobs;
mod protection;
mod transcript;
mod wave;

use std::collections::BTreeMap;

use http::{Method, StatusCode};
use serde::{Deserialize, Serialize};

use super::ids;
use super::refusal::Refusal;
use super::route::{Access, Operation};
use super::talk::{Mark, Medium, Purpose, Talk};
use super::time::{Time, millis};
use super::visit::{Call, json, json_with};
use crate::moment::Moment;
use crate::reply::{Body, Reply};

pub(crate) use jobs::RecordingJobs;

/// Any of these lets see recordings.
const VIEW: &[&str] = &[
    "recording:recording:view",
    "recording:recordingSegment:view",
    "recording:snippetRecording:view",
    "recording:screenRecording:view",
];

const LIST: &str = "/api/v2/conversations/{conversationId}/recordings";
const ONE: &str = "/api/v2/conversations/{conversationId}/recordings/{recordingId}";

pub(super) const ROUTES: [&[Operation]; 4] = [
    &[
        Operation { method: Method::GET, template: LIST, access: Access::Client(VIEW), answer: list },
        Operation { method: Method::GET, template: ONE, access: Access::Client(VIEW), answer: one },
        Operation {
            method: Method::PUT,
            template: ONE,
            access: Access::Client(&["recording:recording:editRetention"]),
            answer: retain,
        },
        Operation {
            method: Method::GET,
            template: "/api/v2/conversations/{conversationId}/recordingmetadata",
            access: Access::Client(VIEW),
            answer: metadata,
        },
    ],
    protection::ROUTES,
    wave::ROUTES,
    jobs::ROUTES,
];

/// `Recording`, and with a region and without content `RecordingMetadata` (C.10.1).
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Recording<'a> {
    id: String,
    conversation_id: &'a str,
    session_id: String,
    media: &'static str,
    start_time: Time,
    #[serde(skip_serializing_if = "Option::is_none")]
    end_time: Option<Time>,
    file_state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    messaging_transcript: Option<Vec<transcript::Message<'a>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    media_uris: Option<BTreeMap<&'static str, MediaUri>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    actual_transcode_time_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    archive_date: Option<Time>,
    #[serde(skip_serializing_if = "Option::is_none")]
    delete_date: Option<Time>,
    #[serde(skip_serializing_if = "Option::is_none")]
    output_duration_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    recording_file_role: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    creation_time: Option<Time>,
    #[serde(skip_serializing_if = "Option::is_none")]
    region: Option<&'static str>,
    self_uri: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct MediaUri {
    media_uri: String,
}

/// A recording that is being prepared.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Preparing {
    id: String,
    estimated_transcode_time_ms: u64,
}

/// What is changed about how long a recording is kept.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Retention {
    archive_date: Option<Moment>,
    delete_date: Option<Moment>,
}

/// The one recording of a conversation.
fn id_of(conversation: &str) -> String {
    ids::uuid_of(&format!("recording {conversation}"))
}

/// Whether its recording was deleted by now.
fn is_deleted(mark: &Mark, now: Moment) -> bool {
    !mark.protected && mark.delete_date.is_some_and(|date| date <= now)
}

impl<'a> Recording<'a> {
    /// The recording of a conversation that is over; while it goes on there is none.
    fn of(talk: &'a Talk, call: &Call<'_>, with_content: bool) -> Option<Self> {
        let end = talk.told_end?;
        let customer = talk.legs(talk.told_end).into_iter().find(|leg| leg.purpose == Purpose::Customer)?;
        let id = id_of(&talk.id);
        let deleted = is_deleted(&talk.mark, call.now());
        let shown = with_content && !deleted;
        let is_message = matches!(talk.medium, Medium::Message(_));
        let spoken = talk.medium == Medium::Voice;
        let uri = || MediaUri { media_uri: wave::link(call, &id) };
        Some(Self {
            conversation_id: &talk.id,
            session_id: customer.communication,
            media: match talk.medium {
                Medium::Message(_) => "message",
                Medium::Voice => "audio",
                Medium::Email => "email",
            },
            start_time: Time(talk.start),
            end_time: Some(Time(end)),
            file_state: if deleted { "DELETED" } else { "AVAILABLE" },
            messaging_transcript: (shown && is_message).then(|| transcript::of(talk, call)),
            media_uris: (shown && spoken).then(|| BTreeMap::from([("0", uri())])),
            actual_transcode_time_ms: (shown && spoken).then_some(1_500),
            archive_date: talk.mark.archive_date.map(Time),
            delete_date: talk.mark.delete_date.map(Time),
            output_duration_ms: (with_content && spoken).then(|| millis(talk.start, end)),
            recording_file_role: with_content.then_some("CUSTOMER_EXPERIENCE"),
            creation_time: with_content.then_some(Time(end)),
            region: (!with_content).then_some("us-east-1"),
            self_uri: format!("/api/v2/conversations/{}/recordings/{id}", talk.id),
            id,
        })
    }
}

/// Whether the content of a conversation's recording is still being prepared; asking is what gets it on.
fn is_preparing(call: &Call<'_>) -> bool {
    let platform = &mut call.sandbox.state().platform;
    let asked = platform.recordings_asked.entry(call.id(0).to_owned()).or_default();
    *asked = asked.saturating_add(1);
    *asked <= platform.plan.recording_polls
}

/// `GET /api/v2/conversations/{conversationId}/recordings`
fn list(call: &Call<'_>) -> Result<Reply, Refusal> {
    let talk = call.talk(call.id(0))?;
    if is_preparing(call) {
        return Ok(Reply::new(StatusCode::ACCEPTED, "application/json", Body::default()));
    }
    json(&Recording::of(&talk, call, true).into_iter().collect::<Vec<_>>())
}

/// `GET /api/v2/conversations/{conversationId}/recordings/{recordingId}`
fn one(call: &Call<'_>) -> Result<Reply, Refusal> {
    let talk = call.talk(call.id(0))?;
    let recording = Recording::of(&talk, call, true).filter(|recording| recording.id == call.id(1));
    let recording = recording.ok_or_else(|| Refusal::not_found("recording", call.id(1)))?;
    if is_preparing(call) {
        let preparing = Preparing { id: recording.id, estimated_transcode_time_ms: 1_500 };
        return json_with(StatusCode::ACCEPTED, &preparing);
    }
    json(&recording)
}

/// `GET /api/v2/conversations/{conversationId}/recordingmetadata`
fn metadata(call: &Call<'_>) -> Result<Reply, Refusal> {
    let talk = call.talk(call.id(0))?;
    json(&Recording::of(&talk, call, false).into_iter().collect::<Vec<_>>())
}

/// `PUT /api/v2/conversations/{conversationId}/recordings/{recordingId}`: sets or clears both dates.
fn retain(call: &Call<'_>) -> Result<Reply, Refusal> {
    let retention: Retention = call.body()?;
    let talk = call.talk(call.id(0))?;
    let known = Recording::of(&talk, call, false).is_some_and(|recording| recording.id == call.id(1));
    if !known {
        return Err(Refusal::not_found("recording", call.id(1)));
    }
    call.sandbox.state().platform.mark(call.id(0), |mark| {
        mark.archive_date = retention.archive_date;
        mark.delete_date = retention.delete_date;
    });
    let talk = call.talk(call.id(0))?;
    json(&Recording::of(&talk, call, true))
}
