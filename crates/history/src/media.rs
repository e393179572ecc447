//! The files that go with the messages of a history: asked for after its last page, eight at once (contract §2).

use std::collections::BTreeMap;
use std::sync::Arc;

use frontdesk_api::media::{MediaAnswer, MediaDoor};
use frontdesk_domain::media::{MediaFile, MediaHash, MediaState, MediaUrl};
use frontdesk_domain::message::{MediaLink, Message};
use frontdesk_domain::{RecordId, Timestamp};
use futures_util::StreamExt;
use futures_util::stream;
use serde::{Deserialize, Serialize};

use crate::blocking::blocking;
use crate::checkpoint::{Asking, End, Stage};
use crate::conversation::Shared;
use crate::course::{Course, Open};
use crate::keep::{Kept, MediaArchive};
use crate::pull::StoreError;
use crate::spill::{Frames, Kind, Spill, push};

/// Links read from the working file at a time, and asked before the next are read.
const BATCH: usize = 64;
const BUFFER: usize = 64 << 10;
/// More than the door has places, so that none of them is empty between two links.
const WAITING: usize = 16;
/// Bytes of a file that are written at a time.
const PIECE: usize = 256 << 10;
/// A content type that is longer is none.
const LONGEST_TYPE: usize = 255;

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
    /// SHA-256 of its bytes; of a file that is saved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<MediaHash>,
    /// How many bytes it has; of a file that is saved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// What its server said it is; of a file that is saved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_type: Option<String>,
}

impl MediaReport {
    fn saved(&mut self, file: MediaFile, content_type: Option<String>) {
        self.state = MediaState::Saved;
        (self.sha256, self.bytes, self.content_type) = (Some(file.sha256), Some(file.bytes), content_type);
    }
}

/// How many files are in which state.
pub type MediaCounts = BTreeMap<MediaState, u64>;

/// How the links of a run are asked.
#[derive(Clone)]
pub(crate) struct MediaWork {
    pub(crate) door: MediaDoor,
    /// Where their bytes are kept; without it only whether they answer is asked.
    pub(crate) keep: Option<Arc<MediaArchive>>,
}

impl MediaWork {
    /// Whether the links of a history are to be asked: of one that the server refuses nothing is stored.
    pub(crate) fn is_for(&self, open: &Open) -> bool {
        open.stage == Stage::Fetched
            && match (&self.keep, &open.checkpoint.end) {
                (Some(_), Some(End::Refused { .. })) => false,
                (Some(_), _) => open.checkpoint.media.is_none() || open.resumed,
                (None, _) => open.checkpoint.media.is_none(),
            }
    }
}

impl Shared<'_> {
    /// Asks the links of everything that was kept, and appends what became of them to the working file; what is there of
    /// an earlier session is not asked again. `false` when it was stopped first.
    pub(crate) async fn media(&self, open: Open, work: &MediaWork) -> Result<(Open, bool), StoreError> {
        let (course, keep) = (Arc::clone(&self.course), work.keep.clone());
        let (mut open, kept) = blocking(move || begin(&course, open, keep.as_deref())).await?;
        let kept = Arc::new(kept);
        while let Some(Asking { messages, at, .. }) = open.checkpoint.asking
            && open.checkpoint.media.is_none()
        {
            let (again, read) = blocking(move || {
                let links = links(&open.spill, at, messages);
                (open, links)
            })
            .await;
            open = again;
            let (links, next) = read?;
            let asked = stream::iter(links)
                .map(|(id, link)| one(work, &kept, id, link, || self.course.now()))
                .buffered(WAITING)
                .collect::<Vec<_>>();
            let reports = tokio::select! {
                biased;
                () = self.quit.asked() => return Ok((open, false)),
                reports = asked => reports,
            };
            let reports: Vec<MediaReport> = reports.into_iter().collect::<Result<_, _>>()?;
            let course = Arc::clone(&self.course);
            open = blocking(move || note(&course, open, next, &reports)).await?;
        }
        Ok((open, true))
    }
}

/// Finds where the links of a history stand, and what is kept already.
fn begin(course: &Course, mut open: Open, keep: Option<&MediaArchive>) -> Result<(Open, Kept), StoreError> {
    let messages = match &open.checkpoint.asking {
        Some(asking) => asking.messages,
        None => open.spill.end(),
    };
    let is_whole = match keep {
        Some(keep) => are_there(&open.spill, messages, keep)?,
        None => true,
    };
    if open.checkpoint.asking.is_none() || !is_whole {
        // Files that no record referred to yet may have been taken away since: they are asked for again.
        open.checkpoint.media = None;
        open.checkpoint.asking = Some(Asking { messages, at: 0, counts: MediaCounts::new() });
        open.checkpoint.spilled = messages;
        open = course.checked(open)?;
        open.spill.cut(messages)?;
    }
    let kept = match keep {
        None => Some(Kept::new()),
        Some(keep) => keep.kept(&open.target)?,
    };
    let Some(kept) = kept else {
        // Retention removed the conversation: nothing of it comes back.
        open.checkpoint.media = Some(MediaCounts::new());
        return Ok((open, Kept::new()));
    };
    Ok((open, kept))
}

/// Whether every file that an earlier session saved is there still.
fn are_there(spill: &Spill, messages: u64, keep: &MediaArchive) -> Result<bool, StoreError> {
    let mut frames = Frames::new(spill.file(), messages, spill.end(), BUFFER);
    while let Some(frame) = frames.next()? {
        let report: MediaReport = serde_json::from_slice(&frame.bytes).map_err(std::io::Error::from)?;
        if let (Some(sha256), Some(bytes)) = (report.sha256, report.bytes)
            && !keep.has(&MediaFile { sha256, bytes })?
        {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Writes down what became of some links.
fn note(course: &Course, mut open: Open, next: u64, reports: &[MediaReport]) -> Result<Open, StoreError> {
    let mut frames = Vec::new();
    for report in reports {
        push(&mut frames, Kind::Media, 0, &serde_json::to_vec(report).map_err(std::io::Error::from)?);
    }
    open.checkpoint.spilled = open.spill.append(&frames)?;
    if let Some(asking) = &mut open.checkpoint.asking {
        asking.at = next;
        for report in reports {
            *asking.counts.entry(report.state).or_default() += 1;
        }
        if asking.at >= asking.messages {
            open.checkpoint.media = Some(asking.counts.clone());
        }
    }
    course.checked(open)
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
    work: &MediaWork,
    kept: &Kept,
    message_id: RecordId,
    link: MediaLink,
    now: impl Fn() -> Timestamp,
) -> Result<MediaReport, StoreError> {
    let mut report = MediaReport {
        message_id,
        state: MediaState::Refused,
        host: None,
        expires_at: None,
        status: None,
        reason: None,
        sha256: None,
        bytes: None,
        content_type: None,
    };
    let url = MediaUrl::new(link.url);
    if let Ok(url) = &url {
        (report.host, report.expires_at) = (Some(url.host().to_owned()), url.expires_at());
    }
    if let Some((file, content_type)) = kept.get(&report.message_id) {
        report.saved(*file, content_type.clone());
        return Ok(report);
    }
    let url = match url {
        Ok(url) => url,
        Err(error) => {
            report.reason = Some(error.to_string());
            return Ok(report);
        }
    };
    let MediaAnswer { state, status, reason } = match &work.keep {
        None => work.door.check(&url).await,
        Some(keep) => match save(&work.door, keep, &url).await? {
            Ok((file, content_type)) => {
                report.saved(file, content_type);
                return Ok(report);
            }
            Err(answer) => answer,
        },
    };
    report.state = state.at(report.expires_at, now());
    report.status = status.map(|status| status.as_u16());
    report.reason = reason;
    Ok(report)
}

type Saved = Result<(MediaFile, Option<String>), MediaAnswer>;

/// Takes the bytes behind a link into the archive, piece by piece.
async fn save(door: &MediaDoor, keep: &Arc<MediaArchive>, url: &MediaUrl) -> Result<Saved, StoreError> {
    let mut body = match door.fetch(url, keep.limit()).await {
        Ok(body) => body,
        Err(answer) => return Ok(Err(answer)),
    };
    let readable =
        |text: &&str| text.len() <= LONGEST_TYPE && text.bytes().all(|byte| (0x20..0x7f).contains(&byte));
    let content_type = body.content_type().filter(readable).map(str::to_owned);
    let keep = Arc::clone(keep);
    let mut draft = blocking(move || keep.begin()).await?;
    let mut held = Vec::new();
    loop {
        let ended = match body.chunk().await {
            Err(answer) => {
                // Taken away where it may block.
                blocking(move || drop(draft)).await;
                return Ok(Err(answer));
            }
            Ok(None) => true,
            Ok(Some(bytes)) => {
                held.extend_from_slice(&bytes);
                false
            }
        };
        if ended || held.len() >= PIECE {
            let piece = std::mem::take(&mut held);
            draft = blocking(move || draft.write(&piece).map(|()| draft)).await?;
        }
        if ended {
            return Ok(Ok((blocking(move || draft.finish()).await?, content_type)));
        }
    }
}

/// The counts of a run.
pub(crate) fn add(counts: &mut MediaCounts, more: &MediaCounts) {
    for (state, count) in more {
        *counts.entry(*state).or_default() += count;
    }
}
