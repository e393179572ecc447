//! Many messages: in flight, polled, timed out.
//!
//! One loop does it all: it reads lines, keeps a number of messages in flight with at most one of each conversation or address
//! among them, so that each gets its messages in the order of the lines, and looks at conversations whose messages
//! wait for receipts. At the end, messages in doubt are sent once more under their client ids.

use std::collections::{HashMap, HashSet, VecDeque};
use std::num::NonZeroUsize;

use frontdesk_api::Error;
use frontdesk_domain::ConversationId;
use frontdesk_domain::conversation::Conversation;
use frontdesk_journal::Change;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use tokio::time::{Instant, sleep_until};

use crate::clock::instant;
use crate::courier::Courier;
use crate::error::SendError;
use crate::lines::{Lines, Occurrences};
use crate::monitor::Monitor;
use crate::outcome::{By, Delivery, OutcomeKind, Sent};
use crate::prepared::Prepared;
use crate::record::{CLOCKS, Observed};
use crate::report::{Report, Stop};
use crate::track::{Tracker, Waiting};
use crate::turn::Turn;

/// Messages read ahead while their conversations have one in flight.
const MOST_AHEAD: usize = 512;
/// Looks at conversations on their way at once.
const MOST_LOOKS: usize = 8;
/// Messages in doubt that are kept to be sent once more at the end; those beyond stay for the next run.
const MOST_DOUBTS: usize = 10_000;

/// What comes back to the loop.
enum Back {
    Turn(Option<String>, Prepared, Result<Option<Box<Turn>>, SendError>),
    Look(ConversationId, Instant, Result<Option<Conversation>, Error>),
}

/// The state of the loop.
struct Round<'a> {
    courier: &'a Courier,
    monitor: &'a dyn Monitor,
    report: Report,
    flight: FuturesUnordered<BoxFuture<'a, Back>>,
    sending: usize,
    looking: usize,
    /// The lanes that have a message in flight: see `OutboundMessage::lane`.
    busy: HashSet<String>,
    ahead: HashMap<String, VecDeque<Prepared>>,
    ahead_count: usize,
    tracker: Tracker,
    doubts: Vec<Prepared>,
    trusted: bool,
    input_ended: bool,
    failure: Option<SendError>,
    /// Messages in doubt are being sent once more.
    last_chance: bool,
}

impl Courier {
    /// Sends every message of `lines`, `concurrency` at once, and follows them as [`Watching`](crate::Watching) says. What
    /// the journal knows to be sent is not sent again, and followed where nothing final was seen, so the same call
    /// resumes.
    ///
    /// # Cancel safety
    /// Give the signal of [`CourierParts::cancel`](crate::CourierParts::cancel) instead of dropping it: the loop ends, and
    /// a report of what was done comes back.
    ///
    /// # Errors
    /// When the journal fails, or the lines cannot be read. What was done by then is recorded; the same call goes on.
    pub async fn send_all(
        &self,
        lines: Lines,
        concurrency: NonZeroUsize,
        monitor: &dyn Monitor,
    ) -> Result<Report, SendError> {
        let round = Round {
            courier: self,
            monitor,
            report: Report::default(),
            flight: FuturesUnordered::new(),
            sending: 0,
            looking: 0,
            busy: HashSet::new(),
            ahead: HashMap::new(),
            ahead_count: 0,
            tracker: Tracker::new(self.watching.interval),
            doubts: Vec::new(),
            trusted: false,
            input_ended: false,
            failure: None,
            last_chance: false,
        };
        round.run(lines, concurrency.get()).await
    }
}

impl<'a> Round<'a> {
    async fn run(mut self, mut lines: Lines, concurrency: usize) -> Result<Report, SendError> {
        let mut occurrences = Occurrences::default();
        loop {
            let stopped = self.is_stopped();
            if !stopped {
                self.start_looks();
                if self.input_ended && self.sending == 0 && self.ahead_count == 0 {
                    self.try_doubts();
                }
            }
            let wants_line =
                !stopped && !self.input_ended && self.sending < concurrency && self.ahead_count < MOST_AHEAD;
            let looks_to_come = !stopped && self.looking < MOST_LOOKS && self.tracker.len() > 0;
            let due = self.tracker.next_due(self.is_sending()).filter(|_| looks_to_come);
            if !wants_line && due.is_none() && self.flight.is_empty() {
                break;
            }
            let cancel = self.courier.cancel.clone();
            tokio::select! {
                biased;
                Some(back) = self.flight.next(), if !self.flight.is_empty() => self.take(back).await,
                () = cancel.cancelled(), if !stopped => {
                    self.report.stop.get_or_insert(Stop::Interrupted);
                }
                () = sleep_until(due.unwrap_or_else(instant)), if due.is_some() => {}
                line = lines.next(), if wants_line => match line {
                    Some(Ok(line)) => {
                        let prepared = Prepared::of(line, &mut occurrences);
                        self.enqueue(prepared);
                    }
                    Some(Err(error)) => self.failure = Some(SendError::Input(error)),
                    None => self.input_ended = true,
                },
            }
        }
        self.finish().await
    }

    fn is_stopped(&self) -> bool {
        self.report.stop.is_some() || self.failure.is_some()
    }

    fn is_sending(&self) -> bool {
        !self.input_ended || self.sending > 0 || self.ahead_count > 0
    }

    /// Sends it, or lets it wait for the one of its lane that is in flight.
    fn enqueue(&mut self, prepared: Prepared) {
        let lane = match &prepared.checked {
            Ok(checked) => checked.message.lane(),
            Err(_) => return self.dispatch(None, prepared),
        };
        if self.busy.contains(&lane) {
            self.ahead_count += 1;
            self.ahead.entry(lane).or_default().push_back(prepared);
        } else {
            self.dispatch(Some(lane), prepared);
        }
    }

    fn dispatch(&mut self, lane: Option<String>, prepared: Prepared) {
        self.busy.extend(lane.clone());
        self.sending += 1;
        let courier = self.courier;
        self.flight.push(
            async move {
                let turn = courier.deliver(&prepared).await;
                Back::Turn(lane, prepared, turn)
            }
            .boxed(),
        );
    }

    fn start_looks(&mut self) {
        let (now, sending) = (instant(), self.is_sending());
        while self.looking < MOST_LOOKS
            && let Some(id) = self.tracker.take_due(now, sending)
        {
            self.looking += 1;
            let courier = self.courier;
            let of = self.tracker.messages(&id);
            self.flight.push(
                async move {
                    let look = courier.look(&id, &of).await;
                    Back::Look(id, now, look)
                }
                .boxed(),
            );
        }
    }

    /// Sends the messages in doubt once more, each under its client id.
    fn try_doubts(&mut self) {
        if self.last_chance || self.doubts.is_empty() {
            return;
        }
        self.last_chance = true;
        for prepared in std::mem::take(&mut self.doubts) {
            self.enqueue(prepared);
        }
    }

    async fn take(&mut self, back: Back) {
        let done = match back {
            Back::Turn(lane, prepared, turn) => self.turn_ended(lane, prepared, turn),
            Back::Look(id, started, look) => {
                self.looking -= 1;
                self.looked(&id, started, look).await
            }
        };
        if let Err(error) = done {
            self.failure.get_or_insert(error);
        }
    }

    fn turn_ended(
        &mut self,
        lane: Option<String>,
        prepared: Prepared,
        turn: Result<Option<Box<Turn>>, SendError>,
    ) -> Result<(), SendError> {
        self.sending -= 1;
        if let Some(lane) = lane {
            self.busy.remove(&lane);
            let stopped = self.is_stopped();
            if let Some(queue) = self.ahead.get_mut(&lane) {
                let next = if stopped { None } else { queue.pop_front() };
                if queue.is_empty() || stopped {
                    self.ahead_count -= queue.len();
                    self.ahead.remove(&lane);
                }
                if let Some(next) = next {
                    self.ahead_count -= 1;
                    self.dispatch(Some(lane), next);
                }
            }
        }
        let Some(turn) = turn? else {
            self.report.stop.get_or_insert(Stop::Interrupted);
            return Ok(());
        };
        let Turn { sent, open } = *turn;
        let kind = sent.outcome.kind();
        if sent.by == By::This {
            let stop = Stop::of(&sent.outcome, self.trusted);
            self.report.stop = self.report.stop.take().or(stop);
            self.trusted |= kind == OutcomeKind::Sent;
        }
        if kind == OutcomeKind::Unknown && !self.last_chance && self.doubts.len() < MOST_DOUBTS {
            self.doubts.push(prepared);
            return Ok(());
        }
        // What was sent has a conversation.
        let conversation = open.as_ref().and_then(|(_, entry)| entry.conversation.clone());
        match (open, conversation) {
            (Some((key, entry)), Some(conversation)) if self.courier.watching.wait => {
                let now = instant();
                let at_once = sent.by == By::Other;
                self.monitor.sent(&sent, self.report.counts.sent + self.tracker.len() as u64 + 1);
                let waiting = Waiting { key, entry, sent, polls: 0, since: now };
                self.tracker.add(&conversation, waiting, now, at_once);
            }
            _ => self.done(&sent),
        }
        Ok(())
    }

    /// What a look says of all messages of the conversation that wait.
    async fn looked(
        &mut self,
        id: &ConversationId,
        started: Instant,
        look: Result<Option<Conversation>, Error>,
    ) -> Result<(), SendError> {
        self.report.polls += 1;
        if let Err(error) = &look {
            if error.is_cancelled() {
                self.report.stop.get_or_insert(Stop::Interrupted);
            } else if error.is_auth() {
                self.report.stop.get_or_insert(Stop::Hopeless(error.why()));
            }
        }
        let mut waiting = self.tracker.looked(id);
        let mut change = Change::new();
        let mut decided = Vec::new();
        let (now, half) = (instant(), self.courier.watching.interval / 2);
        let conversation = look.as_ref().ok().and_then(Option::as_ref);
        let seen: HashMap<_, _> = conversation
            .iter()
            .flat_map(|found| &found.messages)
            .map(|message| (&message.id, message))
            .collect();
        for mut one in std::mem::take(&mut waiting) {
            if started >= one.since + half || one.sent.by == By::Other {
                one.polls += 1;
            }
            let before = (one.entry.receipts, one.entry.missed_told);
            if let Some(observation) = one.entry.message_id.as_ref().and_then(|id| seen.get(id)) {
                one.entry.receipts.observe(observation);
            }
            let mut delivery = Delivery::of(one.entry.receipts.status());
            if delivery == Delivery::Pending && one.polls >= self.courier.watching.polls {
                delivery = Delivery::Timeout;
            }
            let known = one.entry.delivery;
            one.entry.delivery = Some(delivery);
            let sla = self.courier.judge(&one.entry);
            let result = delivery.result().filter(|_| known != Some(delivery));
            let missed = sla.as_ref().is_some_and(|sla| sla.meets_sla == Some(false)) && !before.1;
            if result.is_some() || missed || one.entry.receipts != before.0 {
                let observed = Observed {
                    run: &self.courier.run,
                    at: self.courier.now(),
                    key: &one.key,
                    sla: sla.as_ref(),
                    result,
                };
                change = observed.change(change, &mut one.entry)?;
            }
            one.sent.delivery = Some(delivery);
            one.sent.receipts = one.entry.receipts;
            one.sent.sla = sla;
            if delivery == Delivery::Pending { waiting.push(one) } else { decided.push(one.sent) }
        }
        if !change.is_empty() {
            self.courier.record(change).await?;
        }
        self.tracker.keep(id, waiting, now);
        if let Ok(Some(conversation)) = look {
            self.courier.keep_facts(conversation);
        }
        for sent in decided {
            self.done(&sent);
        }
        Ok(())
    }

    fn done(&mut self, sent: &Sent) {
        self.report.counts.add(sent);
        self.monitor.done(sent, self.report.counts.total());
    }

    async fn finish(mut self) -> Result<Report, SendError> {
        // Messages in doubt that could not be sent once more, and those nobody looks for any more.
        for prepared in std::mem::take(&mut self.doubts) {
            let Some(key) = &prepared.key else { continue };
            if let Some(entry) = self.courier.entry(key).await? {
                let sent = self.courier.of_entry(prepared.number, &entry, By::This);
                self.done(&sent);
            }
        }
        for waiting in self.tracker.abandon() {
            self.done(&waiting.sent);
        }
        let (skew, jumps) = self.courier.clocks();
        (self.report.skew, self.report.jumps) = (skew, jumps);
        if let Some(skew) = skew {
            if skew.ahead_ms.abs() > skew.within_ms {
                self.monitor.clocks_apart(skew);
            }
            let change = Change::new().item(CLOCKS, self.courier.host.as_str(), "measured", &skew)?;
            self.courier.record(change).await?;
        }
        self.failure.map_or(Ok(self.report), Err)
    }
}
