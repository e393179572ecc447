//! The drain: what is due goes out, a few ordering keys at a time for each endpoint.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use frontdesk_api::Cancel;
use frontdesk_api::outward::{AddressPolicy, WebhookSender};
use frontdesk_domain::{EventKind, Timestamp};
use frontdesk_journal::outbox::{Endpoint, Outbox, Settlement};
use frontdesk_journal::{Change, Error, Journal, Reader};
use futures_util::StreamExt as _;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;

use crate::attempt::{Means, Sending};
use crate::monitor::{Ended, Monitor};
use crate::report::{End, Report};
use crate::run::{self, Run};

/// When a drain has done its work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Until {
    /// When nothing is due.
    #[default]
    NothingDue,
    /// When nothing is open: it waits for what is due later.
    Empty,
    /// Never: it goes on until it is told to stop.
    Stopped,
}

/// How a drain goes about it.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct DrainOptions {
    /// When it has done its work.
    pub until: Until,
    /// Time for all of it. What is on its way when it is up is given up, not recorded, and due again under the same
    /// id. No limit by default.
    pub time: Option<Duration>,
    /// Attempts at once to one endpoint, each of another ordering key. 4 by default; each endpoint has its own.
    pub concurrency: usize,
    /// Whether audit batches do not wait to be full: for a command that is about to end. Off by default.
    pub flush: bool,
    /// How often to look for what other processes stored. 1 s by default.
    pub poll: Duration,
}

impl Default for DrainOptions {
    fn default() -> Self {
        let poll = Duration::from_secs(1);
        Self { until: Until::NothingDue, time: None, concurrency: 4, flush: false, poll }
    }
}

/// Delivers what is in the outbox of a journal.
pub struct Drain {
    journal: Arc<Journal>,
    root: PathBuf,
    sender: WebhookSender,
    policy: AddressPolicy,
    now: Arc<dyn Fn() -> Timestamp + Send + Sync>,
    keep: Duration,
}

/// How long what is over is kept: for a replay, and to be looked at.
const KEPT: Duration = Duration::from_hours(30 * 24);

impl Drain {
    /// A drain of the journal that is open in the folder `root`, through a sender whose transport obeys `policy`.
    #[must_use]
    pub fn new(
        journal: Arc<Journal>,
        root: &Path,
        sender: WebhookSender,
        policy: AddressPolicy,
        now: Arc<dyn Fn() -> Timestamp + Send + Sync>,
    ) -> Self {
        Self { journal, root: root.to_owned(), sender, policy, now, keep: KEPT }
    }

    /// Keeps what was delivered, and intents that are settled, for so long; 30 days without this. Then a drain takes it away.
    #[must_use]
    pub fn keeping(mut self, time: Duration) -> Self {
        self.keep = time;
        self
    }

    /// Delivers until there is no more to do, as `options` say. Where another process delivers there is nothing to do:
    /// [`End::Busy`], at once.
    ///
    /// # Cancel safety
    /// Dropping the future gives up the attempts on their way: they may have arrived, are not recorded, and are due
    /// again under the same id. After the signal `cancel` they get up to 10 s for their answers.
    ///
    /// # Errors
    /// Those of the journal. What fails at an endpoint is no error: it is in the report.
    pub async fn run(
        &self,
        options: &DrainOptions,
        cancel: &Cancel,
        monitor: &dyn Monitor,
    ) -> Result<Report, Error> {
        let holder = format!("process {}", std::process::id());
        let Some(_right) = Outbox::claim(&self.root, &holder)? else {
            return Ok(Report { end: End::Busy, ..Report::default() });
        };
        self.prune().await?;
        let mut report = Report::default();
        let end = {
            let work = self.work(self.journal.reader()?, options, cancel, monitor, &mut report);
            match options.time {
                Some(time) => tokio::time::timeout(time, work).await.unwrap_or(Ok(End::Time))?,
                None => work.await?,
            }
        };
        report.next_due = self.journal.reader()?.next_due()?;
        report.end = end;
        Ok(report)
    }

    async fn work(
        &self,
        // By value: a connection cannot be shared between threads, and this may move to another one.
        reader: Reader,
        options: &DrainOptions,
        cancel: &Cancel,
        monitor: &dyn Monitor,
        report: &mut Report,
    ) -> Result<End, Error> {
        let means = Means { sender: &self.sender, policy: self.policy, now: &*self.now, cancel };
        let mut on_their_way = OnTheirWay::default();
        let (mut look, mut flush) = (true, options.flush);
        loop {
            if look && !cancel.is_cancelled() {
                let endpoints: Vec<_> =
                    reader.endpoints()?.into_iter().filter(|endpoint| endpoint.disabled.is_none()).collect();
                self.batch(&reader, &endpoints, std::mem::take(&mut flush))?;
                for endpoint in endpoints {
                    self.start(&reader, endpoint, options.concurrency, &means, &mut on_their_way)?;
                }
            }
            if on_their_way.runs.is_empty() {
                if cancel.is_cancelled() {
                    return Ok(End::Cancelled);
                }
                let wait = match (reader.next_due()?, options.until) {
                    (None, Until::NothingDue | Until::Empty) => return Ok(End::Empty),
                    (None, Until::Stopped) => options.poll,
                    (Some(due), until) => match due.since((self.now)()) {
                        // Due just now: the next round takes it.
                        Duration::ZERO => Duration::ZERO,
                        _ if until == Until::NothingDue => return Ok(End::NothingDue),
                        wait => wait.min(options.poll),
                    },
                };
                tokio::select! {
                    () = tokio::time::sleep(wait) => {}
                    () = cancel.cancelled() => {}
                }
                look = true;
                continue;
            }
            look = tokio::select! {
                biased;
                Some((run, ended)) = on_their_way.runs.next() => match ended {
                    Some(settlement) => {
                        tell(&settlement?, monitor, report);
                        on_their_way.go_on(run);
                        false
                    }
                    None => {
                        on_their_way.over(&run);
                        true
                    }
                },
                // Something may have become due elsewhere.
                () = tokio::time::sleep(options.poll) => true,
            };
        }
    }

    /// Takes away what was over long ago.
    async fn prune(&self) -> Result<(), Error> {
        let Some(before) = (self.now)().checked_sub(self.keep) else { return Ok(()) };
        let journal = Arc::clone(&self.journal);
        let pruned = tokio::task::spawn_blocking(move || journal.prune(before)).await;
        pruned.unwrap_or_else(|failed| std::panic::resume_unwind(failed.into_panic())).map(drop)
    }

    /// Makes the audit batches that are due.
    fn batch(&self, reader: &Reader, endpoints: &[Endpoint], flush: bool) -> Result<(), Error> {
        let wanted = endpoints.iter().any(|endpoint| endpoint.kinds.contains(&EventKind::AuditBatch));
        if wanted && (flush || reader.batch_due((self.now)())?) {
            self.journal.record(Change::new().batch_audit(flush))?;
        }
        Ok(())
    }

    /// Starts runs of what is due at one endpoint, as many as it has room for.
    fn start<'w>(
        &self,
        reader: &Reader,
        endpoint: Endpoint,
        concurrency: usize,
        means: &'w Means<'w>,
        on_their_way: &mut OnTheirWay<'w>,
    ) -> Result<(), Error> {
        let busy = on_their_way.endpoints.get(&endpoint.id).map_or(0, |busy| busy.keys.len());
        let mut room = concurrency.max(1).saturating_sub(busy);
        if room == 0 {
            return Ok(());
        }
        let now = (self.now)();
        let due = reader.due(&endpoint.id, now, room + busy)?;
        if due.is_empty() {
            return Ok(());
        }
        let sending = Sending { means, secrets: reader.secrets(&endpoint.id, now)?.into() };
        let endpoint = Arc::new(endpoint);
        for first in due {
            let busy = on_their_way.endpoints.entry(endpoint.id.clone()).or_default();
            if room == 0 || !busy.keys.insert(first.key.clone()) {
                continue;
            }
            room -= 1;
            let left_alone = Arc::clone(&busy.left_alone);
            let behind = reader.behind(&first, now, run::LENGTH - 1)?;
            let (journal, endpoint) = (Arc::clone(&self.journal), Arc::clone(&endpoint));
            on_their_way.go_on(Run::new(journal, sending.clone(), endpoint, left_alone, first, behind));
        }
        Ok(())
    }
}

/// Tells of an attempt whose end is recorded.
fn tell(settlement: &Settlement, monitor: &dyn Monitor, report: &mut Report) {
    let Settlement { delivery, attempt, outcome } = settlement;
    report.count(*outcome);
    tracing::debug!(
        webhook_id = delivery.webhook_id,
        endpoint = delivery.endpoint,
        status = attempt.status,
        error = attempt.error,
        "attempt ended"
    );
    let ended = Ended {
        webhook_id: &delivery.webhook_id,
        endpoint: &delivery.endpoint,
        kind: delivery.kind,
        outcome: *outcome,
        status: attempt.status,
        error: attempt.error.as_deref(),
    };
    monitor.ended(&ended, report);
}

impl fmt::Debug for Drain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Drain").field("policy", &self.policy).finish_non_exhaustive()
    }
}

/// A run, and how its next attempt ended, as [`Run::next`] says it.
type Advanced<'w> = (Run<'w>, Option<Result<Settlement, Error>>);

/// Runs that were started and are not over.
#[derive(Default)]
struct OnTheirWay<'w> {
    runs: FuturesUnordered<BoxFuture<'w, Advanced<'w>>>,
    /// By the id of their endpoint.
    endpoints: BTreeMap<String, Busy>,
}

/// What is on its way to one endpoint.
#[derive(Default)]
struct Busy {
    keys: BTreeSet<String>,
    /// As [`Run`] has it.
    left_alone: Arc<AtomicBool>,
}

impl<'w> OnTheirWay<'w> {
    fn go_on(&mut self, mut run: Run<'w>) {
        self.runs.push(Box::pin(async move {
            let ended = run.next().await;
            (run, ended)
        }));
    }

    fn over(&mut self, run: &Run<'_>) {
        if let Some(busy) = self.endpoints.get_mut(run.endpoint()) {
            busy.keys.remove(run.key());
            if busy.keys.is_empty() {
                self.endpoints.remove(run.endpoint());
            }
        }
    }
}
