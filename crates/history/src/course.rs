//! The blocking part of a history: where it stands, a page stored, an end written down, what was fetched handed out.

use std::sync::Arc;
use std::time::Duration;

use frontdesk_api::{Error as ApiError, ErrorKind, HistoryPage, SeenIds};
use frontdesk_domain::audit::{HistoryRecord, HistoryStep};
use frontdesk_domain::message::{HistoryTarget, Listing, TypeFilter, Verdict};
use frontdesk_domain::{Event, PageToken, RunId, Timestamp, hex};
use frontdesk_journal::Change;
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use crate::checkpoint::{Checkpoint, End, Stage};
use crate::destination::{Delivered, Destination, Finished};
use crate::keep::MediaArchive;
use crate::pull::{Clock, PullRequest, Session, StoreError};
use crate::report::{ConversationReport, Failed, HistoryState};
use crate::spill::{Kind, Spill, push};

/// What their blocking parts share.
pub(crate) struct Course {
    pub(crate) session: Session,
    pub(crate) destination: Arc<dyn Destination>,
    pub(crate) clock: Clock,
    pub(crate) ledger: String,
    pub(crate) run: RunId,
    pub(crate) types: TypeFilter,
    /// The order of the source's listings.
    pub(crate) listing: Listing,
    /// Where the files of messages are kept, if they are.
    pub(crate) keep: Option<Arc<MediaArchive>>,
}

/// A conversation in progress: its working file, how far it is, and the ids it has met.
pub(crate) struct Open {
    pub(crate) target: HistoryTarget,
    pub(crate) spill: Spill,
    pub(crate) checkpoint: Checkpoint,
    pub(crate) stage: Stage,
    pub(crate) seen: SeenIds,
    pub(crate) resumed: bool,
    /// It was put back after its first page, by this session.
    pub(crate) has_waited: bool,
    /// Pages stored since it was opened.
    taken: u32,
}

impl Open {
    /// Whether the server does not know the page token of an earlier session any more: they do not live for ever.
    pub(crate) fn is_stale(&self, error: &ApiError) -> bool {
        self.checkpoint.pages > 0
            && self.taken == 0
            && *error.kind() == ErrorKind::Rejected
            && error.status().is_some_and(|status| status.as_u16() == 400)
    }

    /// Whether the audit says already that the next page is asked for.
    pub(crate) fn is_announced(&self) -> bool {
        self.has_waited && self.taken == 0 && self.checkpoint.pages > 0
    }

    /// How many pages are left to be taken, by what the server claims of the whole history; `None` where it claims nothing.
    pub(crate) fn pages_left(&self, request: &PullRequest) -> Option<u64> {
        let messages = self.checkpoint.claimed?.saturating_sub(self.checkpoint.intake.counts().fetched);
        let allowed = request.depth.get().saturating_sub(self.checkpoint.pages);
        Some(messages.div_ceil(u64::from(request.page_size.get())).min(u64::from(allowed)))
    }
}

/// What is handed back when something could not be stored.
pub(crate) type Kept = Result<Open, (Box<Open>, StoreError)>;

impl Course {
    pub(crate) fn now(&self) -> Timestamp {
        (self.clock)()
    }

    pub(crate) fn step(&self, event: HistoryStep, page_token: Option<String>) -> HistoryRecord {
        HistoryRecord {
            event,
            timestamp: self.now(),
            page_token,
            message_count: 0,
            latency_ms: 0,
            error: None,
        }
    }

    pub(crate) fn change(&self, conversation: &str) -> Change {
        Change::new().run(self.run.clone()).about(conversation)
    }

    pub(crate) fn record(&self, change: Change) -> Result<(), StoreError> {
        self.session.journal.record(change)?;
        Ok(())
    }

    /// The key of a conversation's item.
    fn key(target: &HistoryTarget) -> String {
        target.path()
    }

    /// Finds where a history stands.
    pub(crate) fn open(&self, target: HistoryTarget, resume: Option<PageToken>) -> Result<Open, StoreError> {
        let key = Self::key(&target);
        let digest = Sha256::digest(&key);
        let name = hex(&digest[..16]);
        let path = format!("{}-{name}", self.ledger);
        let found = self.session.journal.item(&self.ledger, &key)?.and_then(|item| {
            let checkpoint: Checkpoint = serde_json::from_str(item.detail.get()).ok()?;
            let stage = Stage::read(&item.state)?;
            (checkpoint.run == self.run).then_some((stage, checkpoint))
        });
        let dir = &self.session.work;
        if let Some((stage, checkpoint)) = found {
            // Delivered to where it stays, the working file is gone.
            let keep = if stage == Stage::Done && self.destination.keeps() { 0 } else { checkpoint.spilled };
            if let Some(spill) = Spill::open(dir, &path, keep)? {
                let seen = SeenIds::default();
                if stage == Stage::Open {
                    let mut frames = spill.frames();
                    while let Some(frame) = frames.next()? {
                        if frame.kind != Kind::Finding {
                            seen.extend([frame.id_hash]);
                        }
                    }
                }
                return Ok(Open {
                    target,
                    spill,
                    checkpoint,
                    stage,
                    seen,
                    resumed: true,
                    has_waited: false,
                    taken: 0,
                });
            }
        }
        // Nothing is known of it, or what was fetched is gone.
        let spill = match Spill::open(dir, &path, 0)? {
            Some(spill) => spill,
            None => unreachable!("no file is shorter than nothing"),
        };
        let checkpoint = Checkpoint::new(self.run.clone(), resume, self.listing);
        Ok(Open {
            target,
            spill,
            checkpoint,
            stage: Stage::Open,
            seen: SeenIds::default(),
            resumed: false,
            has_waited: false,
            taken: 0,
        })
    }

    /// Forgets what was fetched.
    pub(crate) fn restart(&self, mut open: Open, first: Option<PageToken>) -> Kept {
        if let Err(error) = open.spill.clear() {
            return Err((Box::new(open), error.into()));
        }
        open.checkpoint = Checkpoint::new(self.run.clone(), first, self.listing);
        (open.seen, open.resumed) = (SeenIds::default(), false);
        Ok(open)
    }

    /// Stores a page: what it holds first, then everything that is to be known of it, together.
    pub(crate) fn store(&self, mut open: Open, page: HistoryPage) -> Kept {
        match self.try_store(&mut open, &page) {
            Ok(()) => Ok(open),
            Err(error) => {
                // The journal may be what failed; then nobody can be told.
                let mut record = self.step(HistoryStep::ProcessError, page.token.map(String::from));
                record.error = Some(error.to_string());
                let change = self.change(open.target.conversation().as_str()).audit(record);
                let _ = self.session.journal.record(change);
                Err((Box::new(open), error))
            }
        }
    }

    fn try_store(&self, open: &mut Open, page: &HistoryPage) -> Result<(), StoreError> {
        let mut checkpoint = open.checkpoint.clone();
        let mut frames = Vec::new();
        let mut kept: Vec<&RawValue> = Vec::new();
        for message in &page.messages {
            let finding = match message {
                Err(error) => Some(checkpoint.intake.reject(*error)),
                Ok(found) => {
                    let taken = checkpoint.intake.take(&found.message, found.is_new, &self.types);
                    match taken.verdict {
                        Verdict::Kept => {
                            let bytes = found.message.bytes();
                            push(&mut frames, Kind::Kept, found.id_hash, bytes);
                            kept.push(serde_json::from_slice(bytes).map_err(std::io::Error::from)?);
                        }
                        Verdict::Filtered => push(&mut frames, Kind::Filtered, found.id_hash, b""),
                        Verdict::Duplicate => {}
                    }
                    taken.finding
                }
            };
            if let Some(finding) = finding {
                let bytes = serde_json::to_vec(&finding).map_err(std::io::Error::from)?;
                push(&mut frames, Kind::Finding, 0, &bytes);
                checkpoint.findings += 1;
            }
        }
        checkpoint.spilled = open.spill.append(&frames)?;
        checkpoint.pages += 1;
        checkpoint.next.clone_from(&page.next);
        checkpoint.claimed = page.total.or(checkpoint.claimed);

        let token = page.token.as_ref().map(ToString::to_string);
        let conversation = open.target.conversation().as_str();
        let mut record = self.step(HistoryStep::PageProcessed, token.clone());
        record.message_count = kept.len() as u64;
        record.latency_ms = millis(page.took);
        let mut change = self.change(conversation).audit(record);
        if !kept.is_empty() {
            let token = token.unwrap_or_default();
            change = change.event(Event::history_batch_sync(conversation, &token, kept, self.now()));
        }
        if page.more {
            let next = page.next.as_ref().map(ToString::to_string);
            change = change.audit(self.step(HistoryStep::PageFetchStart, next));
        }
        let key = Self::key(&open.target);
        self.record(change.item(&self.ledger, key, Stage::Open.as_str(), &checkpoint)?)?;
        open.checkpoint = checkpoint;
        open.taken += 1;
        Ok(())
    }

    /// Writes down that a listing ended.
    pub(crate) fn end(&self, mut open: Open) -> Kept {
        let mut record = self.step(HistoryStep::RetrievalComplete, None);
        record.message_count = open.checkpoint.intake.counts().fetched;
        open.stage = Stage::Fetched;
        self.settle(open, record)
    }

    /// Writes down that the media links were asked.
    pub(crate) fn checked(&self, open: Open) -> Result<Open, StoreError> {
        let key = Self::key(&open.target);
        let change = Change::new().item(&self.ledger, key, open.stage.as_str(), &open.checkpoint)?;
        self.record(change)?;
        Ok(open)
    }

    /// Writes down that a page did not come.
    pub(crate) fn fail(&self, mut open: Open, error: String, took: Duration) -> Kept {
        let token = open.checkpoint.next.as_ref().map(ToString::to_string);
        let mut record = self.step(HistoryStep::FetchError, token);
        record.latency_ms = millis(took);
        record.error = Some(error);
        if open.checkpoint.end.is_some() {
            open.stage = Stage::Fetched;
        }
        self.settle(open, record)
    }

    fn settle(&self, open: Open, record: HistoryRecord) -> Kept {
        let key = Self::key(&open.target);
        let change = self.change(open.target.conversation().as_str()).audit(record);
        let recorded = change
            .item(&self.ledger, key, open.stage.as_str(), &open.checkpoint)
            .map_err(StoreError::from)
            .and_then(|change| self.record(change));
        match recorded {
            Ok(()) => Ok(open),
            Err(error) => Err((Box::new(open), error)),
        }
    }

    /// Hands out what was fetched, and says how the conversation ended and whether the same request would go on with it.
    pub(crate) fn hand_out(
        &self,
        open: Open,
        state: Option<(HistoryState, Option<Failed>)>,
        began: Timestamp,
    ) -> Result<(ConversationReport, bool), StoreError> {
        let Open { target, spill, checkpoint, stage, resumed, .. } = open;
        let (state, error) = match &checkpoint.end {
            Some(End::Complete) => (HistoryState::Complete, None),
            Some(End::DepthLimited) => (HistoryState::DepthLimited, None),
            Some(End::Looping { message }) => {
                let failed = Failed {
                    message: message.clone(),
                    status: None,
                    code: None,
                    hint: None,
                    correlation_id: None,
                };
                (HistoryState::Looping, Some(failed))
            }
            Some(End::Refused { failed }) => (HistoryState::Failed, Some(failed.clone())),
            None => state.unwrap_or((HistoryState::Interrupted, None)),
        };
        let key = Self::key(&target);
        let mut report = ConversationReport {
            target,
            state,
            pages: checkpoint.pages,
            counts: checkpoint.intake.counts(),
            claimed: checkpoint.claimed,
            next_page_token: checkpoint.next.as_ref().map(ToString::to_string),
            error,
            media: checkpoint.media.clone(),
            delivered: Delivered::default(),
            resumed,
            elapsed_ms: millis(self.now().since(began)),
        };
        let is_open = stage == Stage::Open;
        // What was stopped within a second is handed out by the session that goes on; of a history that could not be
        // begun there is nothing.
        let is_there = report.pages > 0 && state != HistoryState::Interrupted;
        if is_there && (stage != Stage::Done || !self.destination.keeps()) {
            let history = Finished { report: &report, spill: &spill, findings: checkpoint.findings };
            let mut delivered = self.destination.take(&history)?;
            if let Some(keep) = &self.keep {
                delivered.media_archived = keep.put(&history)?;
            }
            report.delivered = delivered;
        }
        if stage == Stage::Fetched {
            let change = Change::new().item(&self.ledger, key, Stage::Done.as_str(), &checkpoint)?;
            self.record(change)?;
            if self.destination.keeps() {
                let (dir, path) = (Arc::clone(spill.dir()), spill.path().to_owned());
                drop(spill);
                dir.remove(&path)?;
            }
        } else if stage == Stage::Done && self.destination.keeps() {
            // It was opened to look, empty.
            spill.dir().remove(spill.path())?;
        }
        Ok((report, is_open))
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
