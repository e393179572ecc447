//! `frontdesk archive show ID`

use frontdesk_archive::Error as ArchiveError;
use frontdesk_domain::media::{MediaHash, media_files};
use frontdesk_domain::{RecordId, RecordKey, RecordKind, payload};
use frontdesk_durable::to_hex;
use frontdesk_shell::printer::printable;
use frontdesk_shell::{Exit, Failure};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::args::ShowArgs;
use crate::context::Context;
use crate::{failures, store};

#[derive(Serialize)]
struct Shown<'a> {
    kind: RecordKind,
    id: &'a str,
    version: u32,
    sha256: &'a str,
    segment: &'a str,
    started_at: Option<String>,
    archived_at: String,
    bytes: u64,
    /// The record as it came.
    record: &'a RawValue,
}

pub(crate) fn run(context: &Context<'_>, arguments: &ShowArgs) -> Result<Exit, Failure> {
    let usage = |name: &str, error: &dyn std::error::Error| {
        Failure::new(Exit::Usage, "bad_argument", format!("{name} cannot be used")).caused_by(error)
    };
    let id = if arguments.json_id {
        let text: String = serde_json::from_str(&arguments.id).map_err(|error| {
            usage("ID", &error).hint("with --json-id, write the id as a JSON string, quotes included")
        })?;
        RecordId::new(text)
    } else {
        RecordId::new(arguments.id.as_str())
    };
    let id = id.map_err(|error| usage("ID", &error))?;
    if let Some(hash) = &arguments.media {
        let hash: MediaHash = hash.parse().map_err(|error| usage("--media", &error))?;
        return media(context, id, &hash);
    }
    let kind: RecordKind = arguments
        .kind
        .parse()
        .map_err(|error| usage("--kind", &error).hint("kinds are details, history, transcript and media"))?;
    let version = arguments.version.as_deref().map(str::parse).transpose();
    let version: Option<u32> =
        version.map_err(|error| usage("--version", &error).hint("versions are numbered from 1"))?;
    let reader = store::reader(context)?;
    let key = RecordKey { kind, id };
    let found = reader.show(&key, version).map_err(|error| failures::archive(&error))?;
    let Some(record) = found else {
        let what = version.map_or_else(String::new, |version| format!(", version {version}"));
        let message = format!("no {kind} record has the id {}{what}", printable(key.id.as_str()));
        return Err(
            Failure::new(Exit::Usage, "not_found", message).hint("frontdesk archive list names every id")
        );
    };
    if arguments.raw {
        context.printer.raw(&record.bytes)?;
        return Ok(Exit::Done);
    }
    let sha256 = to_hex(&record.sha256);
    let text = std::str::from_utf8(&record.bytes).map_err(|error| {
        Failure::new(Exit::Integrity, "damage", "the record is not UTF-8").caused_by(&error)
    })?;
    // What was stored was JSON, and its hash was compared; this borrows it without reading it again as values.
    let raw: &RawValue = serde_json::from_str(text).map_err(|error| {
        Failure::new(Exit::Integrity, "damage", "the record is not JSON").caused_by(&error)
    })?;
    let shown = Shown {
        kind,
        id: key.id.as_str(),
        version: record.version,
        sha256: &sha256,
        segment: &record.segment,
        started_at: record.started_at.map(|at| at.to_string()),
        archived_at: record.archived_at.to_string(),
        bytes: record.bytes.len() as u64,
        record: raw,
    };
    context.printer.data(&shown, |shown| people(shown, &record.bytes))?;
    Ok(Exit::Done)
}

/// The bytes of a file, as they came; of the conversation that was named and of no other.
fn media(context: &Context<'_>, id: RecordId, hash: &MediaHash) -> Result<Exit, Failure> {
    let reader = store::reader(context)?;
    let key = RecordKey { kind: RecordKind::Media, id };
    let mut version = None;
    let unknown = || {
        let message =
            format!("no record of kind media of {} refers to that file", printable(key.id.as_str()));
        Failure::new(Exit::Usage, "not_found", message)
            .hint("frontdesk archive show ID --kind media names the files of a conversation")
    };
    // A file of an earlier version is there as long as that is.
    while let Some(record) = reader.show(&key, version).map_err(|error| failures::archive(&error))? {
        if media_files(&record.bytes).iter().any(|file| file.sha256 == *hash) {
            let printed =
                reader.media(hash, &mut |piece| context.printer.raw(piece).map_err(Stopped::Output));
            return match printed {
                Ok(Some(_)) => Ok(Exit::Done),
                Ok(None) => Err(unknown()),
                Err(Stopped::Archive(error)) => Err(failures::archive(&error)),
                Err(Stopped::Output(failure)) => Err(failure),
            };
        }
        if record.version == 1 {
            break;
        }
        version = Some(record.version - 1);
    }
    Err(unknown())
}

/// Why the bytes ended early.
enum Stopped {
    Archive(ArchiveError),
    Output(Failure),
}

impl From<ArchiveError> for Stopped {
    fn from(error: ArchiveError) -> Self {
        Self::Archive(error)
    }
}

fn people(shown: &Shown<'_>, bytes: &[u8]) -> String {
    let facts = payload::facts(shown.kind, bytes);
    let time =
        |time: Option<frontdesk_domain::Timestamp>| time.map_or_else(|| "-".into(), |time| time.to_string());
    let mut text = format!(
        "{} {}\n  version {}, archived {}, {} bytes\n  sha256 {}\n  segment {}\n",
        shown.kind,
        printable(shown.id),
        shown.version,
        shown.archived_at,
        shown.bytes,
        shown.sha256,
        shown.segment,
    );
    text.push_str(&format!("  started {}, ended {}\n", time(facts.started_at), time(facts.ended_at)));
    for (name, value) in [
        ("type", facts.media_type),
        ("direction", facts.direction),
        ("queue", facts.queue),
        ("agent", facts.agent),
        ("language", facts.language),
    ] {
        if let Some(value) = value {
            text.push_str(&format!("  {name} {}\n", printable(&value)));
        }
    }
    for line in payload::transcript(shown.kind, bytes).lines() {
        text.push_str(&format!("\n  {}", printable(line)));
    }
    text
}
