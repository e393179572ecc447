//! One conversation: what was said, its versions and what changed, its files, its hashes, what keeps it.

mod change;
mod damage;
mod window;

use frontdesk_archive::{Error, Reader, Record, Tombstone};
use frontdesk_domain::media::MediaListing;
use frontdesk_domain::payload::{self, Facts, Turn};
use frontdesk_domain::{RecordId, RecordKind, Timestamp, hex};
use serde::Serialize;
use utoipa::ToSchema;

pub use change::{ChangeView, MOST_CHANGES};
pub use damage::{DamageView, LostView};
pub use window::{Place, WINDOW};

use damage::Sound;

use super::passage::{Masking, Piece};
use super::posts::PostView;

/// Versions that are told one by one; the newest.
pub const MOST_VERSIONS: u32 = 50;

/// What is asked for.
#[derive(Debug, Clone, Default)]
pub struct ConversationAsk {
    /// A version of what was said, from 1; the latest without it.
    pub version: Option<u32>,
    /// Which part of a long conversation.
    pub place: Place,
    /// What to look for in it.
    pub find: Option<String>,
    /// Whether what gives a person away is shown.
    pub masking: Masking,
}

/// What is known of an id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Opened {
    /// A conversation that is kept.
    Kept(Box<ConversationView>),
    /// One that retention removed.
    Removed(RemovedView),
    /// One of which nothing is left that could be shown.
    Lost(LostView),
}

/// A conversation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct ConversationView {
    /// Its id.
    pub id: String,
    /// What is shown of it: its `transcript` where it has one, else its `details`, else its `history`.
    pub kind: &'static str,
    /// The version of that.
    pub version: u32,
    /// When it started, RFC 3339.
    pub started_at: Option<String>,
    /// When it ended; absent while it is open.
    pub ended_at: Option<String>,
    /// The medium.
    pub media_type: Option<String>,
    /// `inbound` or `outbound`.
    pub direction: Option<String>,
    /// Where it was routed.
    pub queue: Option<String>,
    /// Who took it.
    pub agent: Option<String>,
    /// The tag it was routed by.
    pub language: Option<String>,
    /// Its metadata, by key.
    pub metadata: Vec<AttributeView>,
    /// How many turns it has.
    pub total: usize,
    /// The number of the first turn that is shown, from 1; 0 when there is none.
    pub first: usize,
    /// What was said, in its order.
    pub turns: Vec<TurnView>,
    /// What was looked for in it, and where it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub found: Option<FoundView>,
    /// Its records, the latest version of each kind. The bytes of all of them were compared with their hashes.
    pub records: Vec<RecordView>,
    /// The versions of what is shown, the newest first, at most 50.
    pub versions: Vec<VersionView>,
    /// What the version shown changed, where there is one before it.
    pub changes: Vec<ChangeView>,
    /// Files that go with no turn that is shown by its id.
    pub files: Vec<FileView>,
    /// The matters that hold it.
    pub matters: Vec<String>,
    /// What of it is not what was stored.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub damage: Vec<DamageView>,
    /// What `message send` sent into it, by the journal; filled by who asks that, too.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub posts: Vec<PostView>,
}

/// What is left of a conversation that retention removed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct RemovedView {
    /// Its id.
    pub id: String,
    /// The policy by which it was due.
    pub policy: String,
    /// When it was removed, RFC 3339.
    pub removed_at: String,
    /// What its age was counted from.
    pub since: String,
    /// How many records there were, every version counted.
    pub records: u64,
}

/// A member of the metadata.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct AttributeView {
    /// Its key.
    pub key: String,
    /// Its values.
    pub values: Vec<Vec<Piece>>,
}

/// One message, or one line of a transcript.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct TurnView {
    /// Its number in the conversation, from 1.
    pub number: usize,
    /// The message's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Who said it: `guest`, `agent`, `bot`, `system`, `unknown`.
    pub speaker: &'static str,
    /// When, RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sent_at: Option<String>,
    /// What was said.
    pub text: Vec<Piece>,
    /// What became of it, in the platform's word.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// What its file is called.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file_name: Option<Vec<Piece>>,
    /// What became of its file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<FileView>,
}

/// What became of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct FileView {
    /// The message it goes with.
    pub message_id: String,
    /// `saved`, `reachable`, `expired`, `refused`, `too_large`, `unreachable`.
    pub state: &'static str,
    /// SHA-256 of its bytes, where it is saved.
    pub sha256: Option<String>,
    /// How many bytes it has, where it is saved.
    pub bytes: Option<u64>,
    /// What its server said it is, where it is saved.
    pub content_type: Option<String>,
    /// Until when its link was good, where it is not saved.
    pub expires_at: Option<String>,
}

/// A stored record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct RecordView {
    /// `details`, `history`, `transcript` or `media`.
    pub kind: &'static str,
    /// Its version, from 1.
    pub version: u32,
    /// SHA-256 of its bytes, in hex.
    pub sha256: String,
    /// How many bytes it has.
    pub bytes: u64,
    /// The segment it lies in, relative to the archive's folder.
    pub segment: String,
    /// When it was stored, RFC 3339.
    pub archived_at: String,
}

/// A version of what was said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct VersionView {
    /// Its number, from 1.
    pub version: u32,
    /// When it was stored, RFC 3339.
    pub archived_at: String,
    /// SHA-256 of its bytes, in hex.
    pub sha256: String,
}

/// Where what was looked for is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct FoundView {
    /// How many turns have it.
    pub turns: usize,
    /// The number of the next turn behind those shown that has it.
    pub next: Option<usize>,
    /// The number of the last turn before those shown that has it.
    pub previous: Option<usize>,
}

/// Opens a conversation; `None` where nothing is known of the id, or not of that version. Blocks.
///
/// # Errors
/// What is wrong with the archive, and damage of a version that was asked for.
pub fn open(reader: &Reader, id: &RecordId, ask: &ConversationAsk) -> Result<Option<Opened>, Error> {
    let known = reader.damage_of(id)?;
    let mut sound = Sound::of(reader, id);
    let records = sound.newest()?;
    let matters = |reader: &Reader| -> Result<Vec<String>, Error> {
        Ok(reader.matters(id)?.into_iter().map(|matter| matter.as_str().to_owned()).collect())
    };
    let said = [RecordKind::Transcript, RecordKind::Details, RecordKind::History];
    let shown = said.iter().find_map(|kind| records.iter().find(|record| record.key.kind == *kind));
    let Some(shown) = shown else {
        if let Some(removed) = reader.tombstone(id)? {
            return Ok(Some(Opened::Removed(removed_view(id, &removed))));
        }
        let damage = sound.damage(&known)?;
        let started_at = known.iter().find_map(|damage| damage.started_at).map(|at| at.to_string());
        let id = id.as_str().to_owned();
        let lost = LostView { id, started_at, damage, matters: matters(reader)? };
        return Ok((!lost.damage.is_empty()).then_some(Opened::Lost(lost)));
    };
    let newest = shown.version;
    let record = match ask.version {
        Some(version) if version != newest => match reader.show(&shown.key, Some(version))? {
            Some(record) => record,
            None => return Ok(None),
        },
        _ => shown.clone(),
    };
    let mut view = kept(&record, &records, ask);
    for version in (1..=newest).rev().take(MOST_VERSIONS as usize) {
        // What became of the others is told as damage.
        let Some(one) = sound.take(reader.show(&record.key, Some(version)))? else { continue };
        view.versions.push(VersionView {
            version,
            archived_at: one.archived_at.to_string(),
            sha256: hex(&one.sha256),
        });
        if version + 1 == record.version {
            view.changes = change::changes(&one.bytes, &record.bytes, ask.masking);
        }
    }
    view.matters = matters(reader)?;
    view.damage = sound.damage(&known)?;
    Ok(Some(Opened::Kept(Box::new(view))))
}

fn kept(record: &Record, records: &[Record], ask: &ConversationAsk) -> ConversationView {
    let kind = record.key.kind;
    let details = records.iter().find(|other| other.key.kind == RecordKind::Details);
    let told = facts(record, details);
    let turns = payload::turns(kind, &record.bytes);
    let listed = records.iter().find(|other| other.key.kind == RecordKind::Media);
    let files = listed
        .and_then(|record| MediaListing::read(&record.bytes))
        .map_or_else(Vec::new, |found| found.media);
    let mut files: Vec<FileView> = files.into_iter().map(file_view).collect();
    let window = window::window(&turns, ask.place.clone(), ask.find.as_deref(), ask.masking);
    let shown = turns.iter().enumerate().skip(window.first).take(WINDOW);
    let turns_shown = shown.map(|(at, turn)| turn_view(at, turn, &mut files, ask)).collect::<Vec<_>>();
    let metadata = payload::metadata_values(kind, &record.bytes);
    let metadata = match (metadata.is_empty(), details) {
        (true, Some(details)) => payload::metadata_values(RecordKind::Details, &details.bytes),
        _ => metadata,
    };
    let time = |at: Option<Timestamp>| at.map(|at| at.to_string());
    ConversationView {
        id: record.key.id.as_str().to_owned(),
        kind: kind.as_str(),
        version: record.version,
        started_at: time(told.started_at.or(record.started_at)),
        ended_at: time(told.ended_at),
        media_type: told.media_type,
        direction: told.direction,
        queue: told.queue,
        agent: told.agent,
        language: told.language,
        metadata: metadata
            .into_iter()
            .map(|(key, values)| AttributeView {
                values: values.iter().map(|value| ask.masking.value(&key, value)).collect(),
                key: ask.masking.label(&key),
            })
            .collect(),
        total: turns.len(),
        first: if turns.is_empty() { 0 } else { window.first + 1 },
        turns: turns_shown,
        found: window.found,
        records: records.iter().map(record_view).collect(),
        versions: Vec::new(),
        changes: Vec::new(),
        files,
        matters: Vec::new(),
        damage: Vec::new(),
        posts: Vec::new(),
    }
}

/// What is known of it: from what is shown, and from its details what that does not tell.
fn facts(record: &Record, details: Option<&Record>) -> Facts {
    let own = payload::facts(record.key.kind, &record.bytes);
    let Some(details) = details.filter(|_| record.key.kind != RecordKind::Details) else { return own };
    let other = payload::facts(RecordKind::Details, &details.bytes);
    Facts {
        started_at: own.started_at.or(other.started_at),
        ended_at: own.ended_at.or(other.ended_at),
        media_type: own.media_type.or(other.media_type),
        direction: own.direction.or(other.direction),
        queue: own.queue.or(other.queue),
        agent: own.agent.or(other.agent),
        language: own.language.or(other.language),
    }
}

fn turn_view(at: usize, turn: &Turn, files: &mut Vec<FileView>, ask: &ConversationAsk) -> TurnView {
    let marks = ask.find.as_deref().map_or_else(Vec::new, |sought| ask.masking.places(&turn.text, sought));
    let own = files.iter().position(|file| Some(file.message_id.as_str()) == turn.id.as_deref());
    TurnView {
        number: at + 1,
        id: turn.id.clone(),
        speaker: turn.speaker.as_str(),
        sent_at: turn.sent_at.map(|at| at.to_string()),
        text: ask.masking.pieces(&turn.text, &marks),
        status: turn.status.as_deref().map(|status| ask.masking.label(status)),
        file_name: turn.file.as_deref().map(|name| ask.masking.pieces(name, &[])),
        file: own.map(|own| files.remove(own)),
    }
}

fn file_view(entry: frontdesk_domain::media::MediaEntry) -> FileView {
    FileView {
        message_id: entry.message_id.as_str().to_owned(),
        state: entry.state.as_str(),
        sha256: entry.sha256.map(|hash| hash.to_string()),
        bytes: entry.bytes,
        content_type: entry.content_type,
        expires_at: entry.expires_at.map(|at| at.to_string()),
    }
}

fn record_view(record: &Record) -> RecordView {
    RecordView {
        kind: record.key.kind.as_str(),
        version: record.version,
        sha256: hex(&record.sha256),
        bytes: record.bytes.len() as u64,
        segment: record.segment.clone(),
        archived_at: record.archived_at.to_string(),
    }
}

fn removed_view(id: &RecordId, tombstone: &Tombstone) -> RemovedView {
    RemovedView {
        id: id.as_str().to_owned(),
        policy: tombstone.policy.as_str().to_owned(),
        removed_at: tombstone.at.to_string(),
        since: tombstone.since.to_string(),
        records: tombstone.records,
    }
}
