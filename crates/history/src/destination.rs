//! Where a finished history goes.

use std::fmt;
use std::io;
use std::sync::Arc;

use frontdesk_domain::message::{Finding, Message};
use frontdesk_durable::{Dir, WriteAt, ensure_dir, publish, publish_with};
use serde::Serialize;

use crate::media::MediaReport;
use crate::pull::StoreError;
use crate::report::ConversationReport;
use crate::sort::{RUN_BYTES, sorted};
use crate::spill::{Kind, Spill};

/// Takes histories whose listing ended. Called where it may block; of several conversations at once.
pub trait Destination: Send + Sync {
    /// What tells this destination from others: the same request to another one is another job.
    fn identity(&self) -> String;

    /// Takes one history, and returns when it is where it belongs.
    ///
    /// A history may be handed over again after a crash, and longer than before when it was taken up again.
    ///
    /// # Errors
    /// [`StoreError`]: the job stops.
    fn take(&self, history: &Finished<'_>) -> Result<Delivered, StoreError>;

    /// Whether what was taken is still there when the process is gone. If not, a session that goes on hands over
    /// everything again.
    fn keeps(&self) -> bool {
        true
    }
}

/// What became of a history at its destination, as its report says it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Delivered {
    /// The file with its messages, relative to the folder.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// What the archive made of it: `stored`, `version_added`, `unchanged`, `expired`, `too_large`, `not_whole`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub archived: Option<&'static str>,
    /// What the archive made of the record of its files: the same words, without `not_whole`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub media_archived: Option<&'static str>,
}

/// A history whose listing ended: what came of it, sorted and without duplicates, in memory that does not grow with it.
pub struct Finished<'h> {
    pub(crate) report: &'h ConversationReport,
    pub(crate) spill: &'h Spill,
    pub(crate) findings: u64,
}

impl Finished<'_> {
    /// How it ended, as far as it is known before it is delivered.
    #[must_use]
    pub fn report(&self) -> &ConversationReport {
        self.report
    }

    /// How many findings there are.
    #[must_use]
    pub fn findings(&self) -> u64 {
        self.findings
    }

    /// Hands every message to `sink`, by time and then by id.
    ///
    /// # Errors
    /// What `sink` returns, and what the system says of the working files.
    pub fn messages(&self, sink: &mut dyn FnMut(&Message) -> io::Result<()>) -> io::Result<()> {
        sorted(self.spill, RUN_BYTES, sink)
    }

    /// Hands every finding to `sink`, in the order of receiving.
    ///
    /// # Errors
    /// As [`messages`](Finished::messages).
    pub fn each_finding(&self, sink: &mut dyn FnMut(&Finding) -> io::Result<()>) -> io::Result<()> {
        let mut frames = self.spill.frames();
        while let Some(frame) = frames.next()? {
            if frame.kind == Kind::Finding {
                sink(&serde_json::from_slice(&frame.bytes)?)?;
            }
        }
        Ok(())
    }
}

impl Finished<'_> {
    /// Hands what became of each media link to `sink`, in the order of receiving; nothing where they were not asked.
    ///
    /// # Errors
    /// As [`messages`](Finished::messages).
    pub fn each_media(&self, sink: &mut dyn FnMut(&MediaReport) -> io::Result<()>) -> io::Result<()> {
        let mut frames = self.spill.frames();
        while let Some(frame) = frames.next()? {
            if frame.kind == Kind::Media {
                sink(&serde_json::from_slice(&frame.bytes)?)?;
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Finished<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Finished").field("target", &self.report.target).finish_non_exhaustive()
    }
}

/// A folder: `<organisation>/<domain>/<conversation>.ndjson` with a message a line, exactly as it came;
/// `.findings.ndjson` and `.media.ndjson` beside it where there are any, and `.report.json`. Each appears whole or not at all.
///
/// Ids become names escaped, so that none leaves the folder (contract, preamble).
#[derive(Debug)]
pub struct Folder {
    dir: Arc<dyn Dir>,
    identity: String,
}

impl Folder {
    /// The folder behind `dir`; `identity` is where it is, in words that stay the same.
    #[must_use]
    pub fn new(dir: Arc<dyn Dir>, identity: impl Into<String>) -> Self {
        Self { dir, identity: identity.into() }
    }
}

impl Folder {
    /// Writes a file that is there only when there is something to say; an earlier pull may have had something.
    fn beside(
        &self,
        path: &str,
        is_there: bool,
        write: &mut dyn FnMut(&mut Lines<'_>) -> io::Result<()>,
    ) -> io::Result<()> {
        if is_there {
            return publish_with(&*self.dir, path, &mut |file| {
                let mut lines = Lines::new(file);
                write(&mut lines)?;
                lines.finish()
            });
        }
        match self.dir.remove(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

impl Destination for Folder {
    fn identity(&self) -> String {
        format!("folder {}", self.identity)
    }

    fn take(&self, history: &Finished<'_>) -> Result<Delivered, StoreError> {
        let target = &history.report.target;
        let mut folder = String::new();
        for id in [target.organization().as_str(), target.domain().as_str()] {
            if !folder.is_empty() {
                folder.push('/');
            }
            folder.push_str(&frontdesk_archive::safe_name(id));
            ensure_dir(&*self.dir, &folder)?;
        }
        let stem = format!("{folder}/{}", frontdesk_archive::safe_name(target.conversation().as_str()));
        let findings = format!("{stem}.findings.ndjson");
        self.beside(&findings, history.findings > 0, &mut |lines| {
            history.each_finding(&mut |finding| lines.push(&serde_json::to_vec(finding)?))
        })?;
        let media = history.report.media.as_ref().is_some_and(|media| !media.is_empty());
        self.beside(&format!("{stem}.media.ndjson"), media, &mut |lines| {
            history.each_media(&mut |report| lines.push(&serde_json::to_vec(report)?))
        })?;
        let file = format!("{stem}.ndjson");
        publish_with(&*self.dir, &file, &mut |file| {
            let mut lines = Lines::new(file);
            history.messages(&mut |message| lines.push(message.bytes()))?;
            lines.finish()
        })?;
        let delivered = Delivered { file: Some(file), ..Delivered::default() };
        let report = ConversationReport { delivered: delivered.clone(), ..history.report.clone() };
        let mut report = serde_json::to_vec_pretty(&report).map_err(io::Error::other)?;
        report.push(b'\n');
        // Last, so that where it is the others are too.
        publish(&*self.dir, &format!("{stem}.report.json"), &report)?;
        Ok(delivered)
    }
}

/// Lines on their way into a file.
struct Lines<'f> {
    file: &'f mut dyn WriteAt,
    at: u64,
    buffer: Vec<u8>,
}

impl<'f> Lines<'f> {
    const BUFFER: usize = 64 << 10;

    fn new(file: &'f mut dyn WriteAt) -> Self {
        Self { file, at: 0, buffer: Vec::new() }
    }

    fn push(&mut self, line: &[u8]) -> io::Result<()> {
        self.buffer.extend_from_slice(line);
        self.buffer.push(b'\n');
        if self.buffer.len() >= Self::BUFFER { self.finish() } else { Ok(()) }
    }

    fn finish(&mut self) -> io::Result<()> {
        if !self.buffer.is_empty() {
            self.file.write_at(self.at, &self.buffer)?;
            self.at += self.buffer.len() as u64;
            self.buffer.clear();
        }
        Ok(())
    }
}
