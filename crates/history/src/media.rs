//! The files that go with the messages of a history: asked for after its last page, eight at once (contract §2).

use std::collections::BTreeMap;

use frontdesk_api::media::{MediaAnswer, MediaDoor};
use frontdesk_domain::media::{MediaState, MediaUrl};
use frontdesk_domain::message::{MediaLink, Message};
use frontdesk_domain::{RecordId, Timestamp};
use futures_util::StreamExt;
use futures_util::stream;
use serde::{Deserialize, Serialize};

use crate::blocking::blocking;
use crate::pull::StoreError;
use crate::spill::{Frames, Kind, Spill, push};

/// Links read from the working file at a time, and asked before the next are read.
const BATCH: usize = 64;
const BUFFER: usize = 64 << 10;
/// More than the door has places, so that none of them is empty between two links.
const WAITING: usize = 16;

/// What became of the file of one message. The link itself is not in it: it is in the message, and is often a secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MediaReport {
    /// The message it goes with.
    pub message_id: RecordId,
    /// What became of it.
    pub state: MediaState,
    /// The host that was asked; absent where the link names none that may be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// Until when the link is good, where it says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// Status of the last answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// What went wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// How many files are in which state.
pub type MediaCounts = BTreeMap<MediaState, u64>;

/// Asks the links of everything that was kept, and appends what became of them to the working file. Gives the counts,
/// and none when `stop` was ready first: then nothing counts of what was appended.
pub(crate) async fn check(
    mut spill: Spill,
    door: &MediaDoor,
    now: impl Fn() -> Timestamp,
    stop: impl Future<Output = ()>,
) -> (Spill, Result<Option<MediaCounts>, StoreError>) {
    let end = spill.end();
    let mut at = 0;
    let mut counts = MediaCounts::new();
    let mut stop = std::pin::pin!(stop);
    while at < end {
        let (again, read) = blocking(move || {
            let links = links(&spill, at, end);
            (spill, links)
        })
        .await;
        spill = again;
        let links = match read {
            Ok((links, next)) => {
                at = next;
                links
            }
            Err(error) => return (spill, Err(error.into())),
        };
        let asked = stream::iter(links)
            .map(|(id, link)| one(door, id, link, &now))
            .buffered(WAITING)
            .collect::<Vec<MediaReport>>();
        let reports = tokio::select! {
            biased;
            () = &mut stop => return (spill, Ok(None)),
            reports = asked => reports,
        };
        let mut frames = Vec::new();
        for report in &reports {
            *counts.entry(report.state).or_default() += 1;
            match serde_json::to_vec(report) {
                Ok(bytes) => push(&mut frames, Kind::Media, 0, &bytes),
                Err(error) => return (spill, Err(std::io::Error::from(error).into())),
            }
        }
        let (again, appended) = blocking(move || {
            let appended = spill.append(&frames);
            (spill, appended)
        })
        .await;
        spill = again;
        if let Err(error) = appended {
            return (spill, Err(error.into()));
        }
    }
    (spill, Ok(Some(counts)))
}

type Links = Vec<(RecordId, MediaLink)>;

/// The next links from a place in the working file, and where the ones after them begin.
fn links(spill: &Spill, from: u64, end: u64) -> std::io::Result<(Links, u64)> {
    let mut frames = Frames::new(spill.file(), from, end, BUFFER);
    let mut links = Links::new();
    while links.len() < BATCH
        && let Some(frame) = frames.next()?
    {
        if frame.kind != Kind::Kept {
            continue;
        }
        let message = Message::read(frame.bytes)
            .map_err(|error| std::io::Error::new(std::io::ErrorKind::InvalidData, error))?;
        if let Some(link) = message.media() {
            links.push((message.id().clone(), link.clone()));
        }
    }
    Ok((links, frames.position()))
}

async fn one(
    door: &MediaDoor,
    message_id: RecordId,
    link: MediaLink,
    now: impl Fn() -> Timestamp,
) -> MediaReport {
    let url = match MediaUrl::new(link.url) {
        Ok(url) => url,
        Err(error) => {
            return MediaReport {
                message_id,
                state: MediaState::Refused,
                host: None,
                expires_at: None,
                status: None,
                reason: Some(error.to_string()),
            };
        }
    };
    let MediaAnswer { state, status, reason } = door.check(&url).await;
    let expires_at = url.expires_at();
    MediaReport {
        message_id,
        state: state.at(expires_at, now()),
        host: Some(url.host().to_owned()),
        expires_at,
        status: status.map(|status| status.as_u16()),
        reason,
    }
}

/// The counts of a run.
pub(crate) fn add(counts: &mut MediaCounts, more: &MediaCounts) {
    for (state, count) in more {
        *counts.entry(*state).or_default() += count;
    }
}
