//! One guest, from hello to the archive: a session is opened, messages are sent into it and arrive, the guest answers,
//! the history is pulled, the session is ended, and what was said is found again.

use std::num::{NonZero, NonZeroU32};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use frontdesk_api::{CallOptions, ConversationLook};
use frontdesk_archive::{Expression, Reader, Search};
use frontdesk_domain::closure::OutcomeKind;
use frontdesk_domain::conversation::Role;
use frontdesk_domain::message::HistoryTarget;
use frontdesk_domain::outbound::MessageDraft;
use frontdesk_domain::pii::PiiPolicy;
use frontdesk_domain::session::OpeningOutcome;
use frontdesk_domain::{ConversationId, EndingDraft, GuestId, RunState, SessionDraft};
use frontdesk_journal::Journal;
use frontdesk_messages::{Courier, CourierParts, Lines, Monitor, Sent, Watching};
use frontdesk_sessions::{Answered, Desk, DeskParts, OpeningDesk, OpeningParts};
use frontdesk_shell::Failure;
use frontdesk_shell::clock::Stopwatch;
use frontdesk_shell::quantity::show_count;
use http::Method;
use serde::Serialize;
use serde_json::json;

use super::jobs::{Place, broken, folder, interrupted, job_failed};
use super::ports::Ports;
use crate::failures;

/// What the agent says; the last of it is looked for in the archive.
const SAID: [&str; 2] =
    ["Good morning, this is the front desk.", "Your parcel waits behind the counter in Lyon."];
/// What the guest answers.
const ANSWERED: &str = "Thank you, I will fetch it at noon.";
/// What is looked for at the end.
const SEARCHED: &str = "waits behind the counter";

/// What was shown of one guest.
#[derive(Debug, Serialize)]
pub(super) struct Story {
    session_id: ConversationId,
    guest_id: GuestId,
    opened_in_ms: u64,
    queue_position: Option<i64>,
    estimated_wait_sec: Option<u64>,
    messages_sent: u64,
    messages_arrived: u64,
    slowest_arrival_ms: u64,
    within_threshold: u64,
    history_messages: u64,
    closed: &'static str,
    searched: &'static str,
    found_again: bool,
    search_us: u64,
    archived: Option<RunState>,
}

impl Story {
    /// Whether it ended as it has to.
    pub(super) fn is_whole(&self) -> bool {
        let said = SAID.len() as u64;
        let arrived = self.messages_sent == said && self.messages_arrived == said;
        let kept = self.history_messages == said + 1 && self.archived.is_some() && self.found_again;
        arrived && kept && self.closed == OutcomeKind::Ended.as_str()
    }

    /// Where the conversation is kept: pulled, and found by what was said in it.
    pub(super) fn archived(&mut self, state: RunState, reader: &Reader) -> Result<(), Failure> {
        let watch = Stopwatch::start();
        let query = Search::new(Expression::Contains(SEARCHED.to_owned()), 1);
        let page = reader.search(&query).map_err(|error| failures::archive(&error))?;
        self.search_us = watch.elapsed_us();
        self.found_again = page.hits.first().is_some_and(|hit| hit.id.as_str() == self.session_id.as_str());
        self.archived = Some(state);
        Ok(())
    }

    /// As the first lines of what is printed.
    pub(super) fn text(&self) -> String {
        let queue = match (self.queue_position, self.estimated_wait_sec) {
            (Some(place), Some(wait)) => format!("; number {place} in the queue, {wait} s to wait"),
            (Some(place), None) => format!("; number {place} in the queue"),
            _ => String::new(),
        };
        let found = if self.found_again { "found in this session" } else { "not found" };
        format!(
            "\
session       {session}
              opened in {opened} ms, with the guest's consent on record{queue}
messages      {sent} sent, {arrived} arrived, the slower one after {slowest:.1} s ({within} within 10 s); the guest answers
history       {history} messages, in the order in which they were said
close         {closed}, by the agent; the audit log says so, too
archive       {archived}; {searched:?}: {found} in {millis:.1} ms",
            session = self.session_id,
            opened = self.opened_in_ms,
            sent = self.messages_sent,
            arrived = self.messages_arrived,
            slowest = self.slowest_arrival_ms as f64 / 1000.0,
            within = self.within_threshold,
            history = show_count(self.history_messages),
            closed = self.closed,
            archived = self.archived.map_or("not pulled", |state| match state {
                RunState::Provisional => "stored (provisional, since it is of today)",
                RunState::Complete => "stored",
                RunState::Incomplete => "incomplete",
            }),
            searched = self.searched,
            millis = self.search_us as f64 / 1000.0,
        )
    }
}

/// Keeps what becomes of each message.
#[derive(Default)]
struct Heard(Mutex<Vec<Sent>>);

impl Monitor for Heard {
    fn done(&self, message: &Sent, _done: u64) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(message.clone());
    }
}

impl Place<'_> {
    /// From the opening to the end of the session. What is kept of it is told by [`Story::archived`].
    pub(super) async fn story(&self, doors: &Ports, journal: &Arc<Journal>) -> Result<Story, Failure> {
        // Receipts come within a second, so that nobody waits for a demonstration.
        let receipts = json!({"sent_ms": 50, "delivered_ms": [100, 400], "read": 0.0, "late": 0.0, "failed": 0.0, "never": 0.0});
        self.door(Method::POST, "receipts", &receipts)?;
        let answered = self.open_session(doors, journal).await?;
        let (OpeningOutcome::Opened(session), Some(guest_id)) = (answered.outcome, answered.guest_id) else {
            return Err(broken("the sandbox opened no session"));
        };
        let name = doors.name_of(&session.session_id, &guest_id)?;
        let sent = self.messages(doors, journal, &session.session_id, &guest_id).await?;
        let arrived = sent.iter().filter(|sent| sent.delivery.is_some_and(|delivery| delivery.is_arrived()));
        let slas: Vec<_> = sent.iter().filter_map(|sent| sent.sla.as_ref()).collect();
        let took = slas.iter().filter_map(|sla| sla.elapsed_time_sec);
        let slowest = took.map(|seconds| u64::try_from(seconds.as_micros() / 1_000).unwrap_or(0)).max();
        let mut story = Story {
            opened_in_ms: answered.latency_ms,
            queue_position: session.queue_position,
            estimated_wait_sec: session.estimated_wait,
            messages_sent: sent.iter().filter(|sent| sent.message_id.is_some()).count() as u64,
            messages_arrived: arrived.count() as u64,
            slowest_arrival_ms: slowest.unwrap_or_default(),
            within_threshold: slas.iter().filter(|sla| sla.meets_sla == Some(true)).count() as u64,
            session_id: session.session_id,
            guest_id,
            history_messages: 0,
            closed: "",
            searched: SEARCHED,
            found_again: false,
            search_us: 0,
            archived: None,
        };
        let saying = json!({"conversation_id": story.session_id.as_str(), "text": ANSWERED});
        self.door(Method::POST, "say", &saying)?;
        let ready = self.ready;
        let target = HistoryTarget::new(&ready.organization_id, &ready.domain_id, story.session_id.as_str())
            .map_err(|error| broken("the session's id is none").caused_by(&error))?;
        let totals = self.histories(&*doors.histories, journal, vec![target]).await?;
        story.history_messages = totals.counts.kept;
        story.closed = self.close_session(doors, journal, &name).await?;
        Ok(story)
    }

    async fn open_session(&self, doors: &Ports, journal: &Arc<Journal>) -> Result<Answered, Failure> {
        let draft = SessionDraft::new()
            .attribute("source", "web_portal")
            .attribute("topic", "parcel")
            .data_processing(true)
            .marketing(false)
            .text_version("2026-10")
            .locale("en-GB")
            .language("en");
        let desk = OpeningDesk::new(OpeningParts {
            sessions: Arc::clone(&doors.openings),
            journal: Arc::clone(journal),
            claims: Arc::new(folder(&self.data()?, "state/sessions")?),
            concurrency: NonZeroU32::MIN,
            policy: PiiPolicy::default(),
            now: self.clock.source(),
            run: frontdesk_sessions::new_run("open"),
            cancel: self.cancel.clone(),
        });
        let answered = desk.map_err(job_failed)?.open(&draft).await.map_err(job_failed)?;
        answered.ok_or_else(interrupted)
    }

    /// Sends what the agent says, and waits until it has arrived.
    async fn messages(
        &self,
        doors: &Ports,
        journal: &Arc<Journal>,
        session: &ConversationId,
        guest: &GuestId,
    ) -> Result<Vec<Sent>, Failure> {
        let look = doors.messages.conversation(session).await.map_err(|error| failures::remote(&error))?;
        let ConversationLook::Found(look) = look else {
            return Err(broken("the session that was opened is not there"));
        };
        let agent = look.conversation.participants.into_iter().find(|one| one.role == Role::Agent);
        let agent =
            agent.and_then(|agent| agent.from_id).ok_or_else(|| broken("nobody takes the session"))?;
        let failed = |error| match error {
            frontdesk_messages::SendError::Journal(error) => failures::journal(&error),
            other => broken("the messages could not be sent").caused_by(&other),
        };
        let courier = Courier::new(CourierParts {
            channel: Arc::clone(&doors.messages),
            journal: Arc::clone(journal),
            watching: Watching { interval: Duration::from_millis(100), polls: 100, ..Watching::default() },
            now: self.clock.source(),
            run: frontdesk_messages::new_run(),
            cancel: self.cancel.clone(),
        })
        .map_err(failed)?;
        let lines = SAID.map(|said| {
            let draft =
                MessageDraft::new().conversation_id(session.as_str()).from(&*agent).to(guest.as_str());
            frontdesk_messages::Line::single(draft.kind("text/plain").text(said))
        });
        let heard = Heard::default();
        let at_once = NonZero::<usize>::MIN;
        let report = courier.send_all(Lines::of(lines.into()), at_once, &heard).await.map_err(failed)?;
        match report.stop {
            None => Ok(heard.0.into_inner().unwrap_or_else(PoisonError::into_inner)),
            Some(frontdesk_messages::Stop::Interrupted) => Err(interrupted()),
            Some(frontdesk_messages::Stop::Hopeless(why)) => {
                Err(broken("the sandbox takes no messages").hint(why.text))
            }
        }
    }

    async fn close_session(
        &self,
        doors: &Ports,
        journal: &Arc<Journal>,
        guest: &GuestId,
    ) -> Result<&'static str, Failure> {
        let draft = EndingDraft::new().guest_id(guest.as_str()).reason("agent_initiated").retain_data(true);
        let ending = draft.check().map_err(|_| broken("the end of the session breaks a rule"))?;
        let desk = Desk::new(DeskParts {
            guests: Arc::clone(&doors.guests),
            journal: Arc::clone(journal),
            claims: Arc::new(folder(&self.data()?, "state/sessions")?),
            concurrency: NonZeroU32::MIN,
            now: self.clock.source(),
            run: frontdesk_sessions::new_run("close"),
            call_deadline: CallOptions::DEADLINE,
            cancel: self.cancel.clone(),
        });
        let closed = desk.map_err(job_failed)?.close(&ending).await.map_err(job_failed)?;
        closed.map(|closed| closed.outcome.kind().as_str()).ok_or_else(interrupted)
    }
}
