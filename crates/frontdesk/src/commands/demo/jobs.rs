//! The jobs of the demonstration that are about people: histories of conversations, pulled, and sessions of guests, ended
//! by a plan. What they do is in the journal, and a webhook is told; at the end the journal is verified.

use std::io;
use std::net::IpAddr;
use std::num::{NonZero, NonZeroU32};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use frontdesk_api::{CallOptions, Cancel, HistorySource};
use frontdesk_deliveries::{DrainOptions, Silent as SilentDrain};
use frontdesk_domain::message::{HistoryTarget, TypeFilter};
use frontdesk_domain::{EndingDraft, EventKind, HistoryPageSize, MaxDepth};
use frontdesk_durable::{Dir, OsDir, ensure_dir};
use frontdesk_history::{Folder, HistoryPull, PullRequest, Session, Silent as SilentPull};
use frontdesk_journal::outbox::NewEndpoint;
use frontdesk_journal::{Change, Journal, KeyRing, Signatures, VerifyOptions};
use frontdesk_sandbox::{Ready, Sandbox, machine_time};
use frontdesk_sessions::{
    Applied, Counts, Desk, DeskParts, Limits, PlanCounts, PlanFile, Planning, Selection, Silent as SilentDesk,
};
use frontdesk_shell::quantity::show_count;
use frontdesk_shell::{Exit, Failure};
use http::{Method, Request};
use serde::Serialize;
use serde_json::{Value, json};

use super::FOLDER;
use super::ports::Ports;
use crate::clock::WallClock;
use crate::commands::session_close::absolute;
use crate::context::Context;
use crate::{failures, journal, outbox};

/// Conversations whose histories are pulled, and guests whose sessions are to be ended.
const CONVERSATIONS: u64 = 20;
const GUESTS: u64 = 20;
const HISTORIES: &str = "histories";
/// The sandbox's receiver of webhooks, as its door names it.
const RECEIVER: &str = "webhooks/demo";
/// How long events are delivered: the receiver is in this process.
const DELIVERING: Duration = Duration::from_secs(5);

/// What was shown.
#[derive(Debug, Serialize)]
pub(super) struct Jobs {
    histories: u64,
    history_messages: u64,
    history_duplicates: u64,
    history_out_of_order: u64,
    plan: PlanCounts,
    closed: Counts,
    events_delivered: u64,
    /// As the receiver counts them: different events, and those whose signature was none.
    events_received: u64,
    events_badly_signed: u64,
    events_waiting: bool,
    journal_entries: u64,
    journal_findings: usize,
    journal_signed: bool,
}

impl Jobs {
    /// Whether everything came out as it has to.
    pub(super) fn exit(&self) -> Exit {
        if self.journal_findings > 0 || !self.journal_signed || self.events_badly_signed > 0 {
            return Exit::Integrity;
        }
        let is_whole = self.histories == CONVERSATIONS
            && self.closed.total() == self.plan.guests
            && self.closed.errors() == 0
            && !self.events_waiting
            && self.events_received == self.events_delivered;
        if is_whole { Exit::Done } else { Exit::Partial }
    }

    /// As lines under those of the archive.
    pub(super) fn text(&self) -> String {
        let Counts { ended, duplicate, skipped, failed, unknown } = self.closed;
        let verdict = match (self.journal_findings, self.journal_signed) {
            (0, true) => "every one is there, what it was, and signed for".to_owned(),
            (0, false) => "signatures could not be checked".to_owned(),
            (findings, _) => format!("{findings} findings: frontdesk audit verify tells them"),
        };
        let waiting = if self.events_waiting { "some wait" } else { "none waits" };
        format!(
            "\
histories     {histories} conversations: {messages} messages; {duplicates} came twice, {disorder} out of order. In ./{FOLDER}/{HISTORIES}
sessions      plan: {end} of {guests} guests to be ended, {before} had ended, {left} not active
              applied: {ended} ended, {duplicate} duplicate, {skipped} skipped, {failed} failed, {unknown} unknown
webhook       {delivered} events delivered, {waiting}; the receiver found {bad} with a bad signature
journal       {entries} entries verified: {verdict}",
            histories = show_count(self.histories),
            messages = show_count(self.history_messages),
            duplicates = show_count(self.history_duplicates),
            disorder = show_count(self.history_out_of_order),
            end = self.plan.end,
            guests = self.plan.guests,
            before = self.plan.duplicate,
            left = self.plan.skipped.values().sum::<u64>(),
            delivered = show_count(self.events_delivered),
            bad = self.events_badly_signed,
            entries = show_count(self.journal_entries),
        )
    }
}

/// A tenant, and where what is made of it goes.
pub(super) struct Place<'a> {
    pub(super) context: &'a Context<'a>,
    pub(super) clock: &'a WallClock,
    pub(super) sandbox: &'a Sandbox,
    pub(super) ready: &'a Ready,
    /// The signal to stop.
    pub(super) cancel: Cancel,
}

impl Place<'_> {
    /// The journal of all of it, with somebody who is told of what happens.
    pub(super) fn journal(&self) -> Result<Arc<Journal>, Failure> {
        let journal = Arc::new(journal::open(self.context, "demo", self.clock)?);
        self.subscribe(&journal)?;
        Ok(journal)
    }

    /// Both jobs, one after the other, then the webhook and the journal.
    pub(super) async fn run(&self, doors: &Ports, journal: Arc<Journal>) -> Result<Jobs, Failure> {
        let targets = (0..CONVERSATIONS)
            .map(|k| {
                let id = self.sandbox.conversation_id(k).unwrap_or_default();
                HistoryTarget::new(&self.ready.organization_id, &self.ready.domain_id, id)
                    .map_err(|error| broken("the sandbox's ids are none").caused_by(&error))
            })
            .collect::<Result<Vec<_>, _>>()?;
        let histories = self.histories(&*doors.histories, &journal, targets).await?;
        let (plan, closed) = self.sessions(doors, &journal).await?;
        let mut options = DrainOptions::default();
        options.time = Some(DELIVERING);
        let root = journal::root(self.context)?;
        let drain = outbox::drain(self.context, Arc::clone(&journal), &root, self.clock)?;
        let delivered = drain.run(&options, &self.cancel, &SilentDrain).await;
        drop(drain);
        let delivered = delivered.map_err(|error| failures::journal(&error))?;
        journal::close(journal)?;
        let received = self.received()?;
        let verified = verify(&root)?;
        Ok(Jobs {
            histories: histories.complete,
            history_messages: histories.counts.kept,
            history_duplicates: histories.counts.duplicates,
            history_out_of_order: histories.counts.out_of_order,
            plan,
            closed,
            events_delivered: delivered.delivered,
            events_received: received["ids"].as_u64().unwrap_or_default(),
            events_badly_signed: received["badly_signed"].as_u64().unwrap_or_default(),
            events_waiting: delivered.next_due.is_some(),
            journal_entries: verified.entries,
            journal_findings: verified.findings.len(),
            journal_signed: verified.signatures == Signatures::Checked,
        })
    }

    /// Has the sandbox's receiver told of both jobs. That of an earlier demonstration is no more, and goes.
    fn subscribe(&self, journal: &Journal) -> Result<(), Failure> {
        let failed = |error: frontdesk_journal::Error| failures::journal(&error);
        let secret = NewEndpoint::random_secret().map_err(failed)?;
        let plan = json!({"secrets": [secret.reveal()]});
        self.door(Method::POST, &format!("{RECEIVER}/plan"), &plan)?;
        let (now, path) = (self.clock.now(), format!("/_sandbox/{RECEIVER}"));
        let url = format!("{}{path}", self.ready.base_url);
        let kinds = [EventKind::HistoryBatchSync, EventKind::SessionTerminated];
        let change = Change::new().add_endpoint(NewEndpoint::new(url, secret, kinds), now);
        let endpoints = journal.reader().and_then(|reader| reader.endpoints()).map_err(failed)?;
        let earlier = endpoints.iter().filter(|endpoint| endpoint.url.ends_with(&path));
        let change = earlier.fold(change, |change, endpoint| change.remove_endpoint(endpoint, now));
        journal.record(change).map(|_| ()).map_err(failed)
    }

    /// Pulls these histories into the folder of all of them.
    pub(super) async fn histories(
        &self,
        source: &dyn HistorySource,
        journal: &Arc<Journal>,
        targets: Vec<HistoryTarget>,
    ) -> Result<frontdesk_history::Totals, Failure> {
        let data = self.data()?;
        let work = folder(&data, "state/history")?;
        let out = folder(&data, HISTORIES)?;
        let session = Session { journal: Arc::clone(journal), work: Arc::new(work) };
        let destination = Arc::new(Folder::new(Arc::new(out), format!("{FOLDER}/{HISTORIES}")));
        let request = PullRequest {
            page_size: HistoryPageSize::default(),
            depth: MaxDepth::default(),
            types: TypeFilter::all(),
            resume: None,
            in_flight: NonZero::<usize>::MIN.saturating_add(7),
        };
        let pull = HistoryPull::new(source, session, destination, self.clock.source());
        let cancel = self.cancel.clone();
        let stop = async move { cancel.cancelled().await };
        let report = pull.run(&request, targets, stop, &SilentPull).await;
        let report = report.map_err(|error| failures::histories(&error))?;
        if report.interrupted {
            return Err(interrupted());
        }
        match report.cause {
            Some(cause) => Err(failures::remote(&cause)),
            None => Ok(report.totals),
        }
    }

    async fn sessions(&self, doors: &Ports, journal: &Arc<Journal>) -> Result<(PlanCounts, Counts), Failure> {
        let data = self.data()?;
        let (plans, claims) = (folder(&data, "plans")?, folder(&data, "state/sessions")?);
        let run = frontdesk_sessions::new_run("close");
        // A plan is not replaced: that of an earlier demonstration stays.
        let name = format!("{}.ndjson", run.as_str());
        let desk = Desk::new(DeskParts {
            guests: Arc::clone(&doors.guests),
            journal: Arc::clone(journal),
            claims: Arc::new(claims),
            concurrency: NonZeroU32::MIN.saturating_add(4),
            call_deadline: CallOptions::DEADLINE,
            now: self.clock.source(),
            run,
            cancel: self.cancel.clone(),
        })
        .map_err(job_failed)?;
        let guests: String = (0..GUESTS)
            .filter_map(|k| doors.guest(self.sandbox, k))
            .map(|id| format!("{}\n", json!({"guest_id": id})))
            .collect();
        let defaults = EndingDraft::new().reason("timeout").retain_data(true);
        let selection = Selection::gather(guests.as_bytes(), &defaults, &plans, "selection-demo")
            .map_err(|error| broken("the sandbox's guests are none").caused_by(&error))?;
        let limits = Limits { max_count: Some(GUESTS), max_errors: Some(0) };
        // Looked at first; nothing is changed by it.
        let target = Some((&plans as &dyn Dir, &*name));
        let counts = match desk.plan(&selection, target, &limits, &SilentDesk).await.map_err(job_failed)? {
            Planning::Made(counts) => counts,
            Planning::TooMany { .. } | Planning::Stopped { .. } => return Err(interrupted()),
        };
        drop(selection);
        let plan = PlanFile::open(Arc::new(plans), &name)
            .map_err(|error| broken("the plan is not what was written").caused_by(&error))?;
        let path = absolute(&data.join("plans").join(&name));
        match desk.apply_remembered(&plan, &path, &limits, &SilentDesk).await.map_err(job_failed)? {
            Applied::Report(report) if report.not_reached() > 0 => Err(interrupted()),
            Applied::Report(report) => Ok((counts, report.counts)),
            Applied::Foreign | Applied::TooMany { .. } => Err(broken("the plan is not its own")),
        }
    }

    /// What the receiver counted.
    fn received(&self) -> Result<Value, Failure> {
        let all = self.door(Method::GET, "webhooks", &Value::Null)?;
        let all = all["receivers"].as_array();
        let found = all.and_then(|all| all.iter().find(|one| one["name"] == "demo"));
        Ok(found.cloned().unwrap_or_default())
    }

    /// Asks the sandbox behind its door, in this process.
    pub(super) fn door(&self, method: Method, path: &str, body: &Value) -> Result<Value, Failure> {
        let failed = |error: &dyn std::error::Error| broken("the sandbox's door stays shut").caused_by(error);
        let request = Request::builder()
            .method(method)
            .uri(format!("/_sandbox/{path}"))
            .body(Bytes::from(body.to_string()))
            .map_err(|error| failed(&error))?;
        let reply = self.sandbox.handle(&request, IpAddr::from([127, 0, 0, 1]), machine_time());
        if !reply.status().is_success() {
            return Err(failed(&io::Error::other(format!("{path}: {}", reply.status()))));
        }
        serde_json::from_slice(&reply.into_bytes()).map_err(|error| failed(&error))
    }

    pub(super) fn data(&self) -> Result<PathBuf, Failure> {
        self.context.settings.data_dir(&self.context.environment)
    }
}

/// A folder of the data directory, made where it is not there.
pub(super) fn folder(data: &Path, name: &str) -> Result<OsDir, Failure> {
    let open = || {
        let dir = OsDir::open_or_create(data)?;
        if let Some((parent, _)) = name.split_once('/') {
            ensure_dir(&dir, parent)?;
        }
        ensure_dir(&dir, name)?;
        OsDir::open(dir.local_path(name))
    };
    open().map_err(|error| failures::files(&error))
}

/// A job on sessions that could not go on.
pub(super) fn job_failed(error: frontdesk_sessions::JobError) -> Failure {
    Failure::from_error(Exit::Storage, "sessions", &error).hint("look at the space that is left")
}

/// What `frontdesk audit verify` does.
fn verify(root: &Path) -> Result<frontdesk_journal::Verified, Failure> {
    let work = || {
        let reader = frontdesk_journal::Reader::open(root)?;
        let keys = Some(KeyRing::read(&root.join("keys"))?);
        let options = VerifyOptions { keys, trusted: None, beside: reader.head_beside()?, bad_beside: false };
        reader.verify(&options, &mut |_| std::ops::ControlFlow::Continue(()))
    };
    tokio::task::block_in_place(work).map_err(|error| failures::journal(&error))
}

pub(super) fn broken(what: &'static str) -> Failure {
    Failure::new(Exit::Unexpected, "demo", what)
}

pub(super) fn interrupted() -> Failure {
    Failure::new(Exit::Interrupted, "interrupted", "interrupted before all of it was done")
        .hint("run the demonstration again; it begins anew")
}
