//! What `serve` delivers: whatever is due in the outbox, all the while.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use frontdesk_api::Cancel;
use frontdesk_api::outward::{AddressPolicy, WebhookSender};
use frontdesk_deliveries::{Drain, DrainOptions, Silent};
use frontdesk_journal::{Clock, Error, ErrorKind, Journal, Reader, Settings};
use frontdesk_server::{Timetable, Warnings};
use frontdesk_shell::Failure;
use tokio::sync::Notify;

use crate::clock::WallClock;
use crate::context::Context;
use crate::interruption::heeding;
use crate::{failures, journal, outbox};

/// What it is called in the timetable and by `/readyz`.
const NAME: &str = "outbox";
/// How often it looks whether something is due.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How long it leaves a journal alone that cannot be worked with.
const AFTER_TROUBLE: Duration = Duration::from_secs(60);

/// Delivers in the background. Takes the right to deliver only while something is due, so that commands can, too.
pub(crate) struct Deliveries {
    root: PathBuf,
    settings: Settings,
    sender: WebhookSender,
    policy: AddressPolicy,
    kept: Duration,
    now: Clock,
    /// Notified when something was stored in this process.
    stored: Option<Arc<Notify>>,
    /// Where it is shown how it goes.
    reports: Option<(Timetable, Warnings)>,
}

impl Deliveries {
    pub(crate) fn of(context: &Context<'_>, clock: &WallClock) -> Result<Self, Failure> {
        Ok(Self {
            root: outbox::root(context)?,
            settings: Settings {
                command: "serve".to_owned(),
                key_file: context.settings.text("journal_key_file").map(PathBuf::from),
                ..Settings::default()
            },
            sender: WebhookSender::new(Arc::new(outbox::outward(context)?), clock.client_clock()),
            policy: outbox::policy(context)?,
            kept: journal::kept(context)?,
            now: clock.source(),
            stored: None,
            reports: None,
        })
    }

    /// Looks at once when it is notified, too.
    pub(crate) fn woken_by(mut self, stored: Arc<Notify>) -> Self {
        self.stored = Some(stored);
        self
    }

    /// Tells how each of its rounds went. A look that finds nothing due is no round.
    pub(crate) fn reporting_to(mut self, timetable: Timetable, warnings: Warnings) -> Self {
        timetable.plan(NAME, LOOK_EVERY, None, Duration::ZERO);
        self.reports = Some((timetable, warnings));
        self
    }

    /// Delivers until `stop`; attempts on their way then get a few seconds for their answers.
    pub(crate) async fn run(self, stop: impl Future<Output = ()>) {
        let (handle, cancel) = Cancel::pair();
        heeding(stop, &handle, self.work(&cancel)).await;
    }

    async fn work(&self, cancel: &Cancel) {
        while !cancel.is_cancelled() {
            let wait = match self.looked(cancel).await {
                Ok(()) => LOOK_EVERY,
                Err(error) => {
                    tracing::warn!(%error, "nothing is delivered for a while");
                    AFTER_TROUBLE
                }
            };
            if let Some((timetable, _)) = &self.reports {
                timetable.next_after(NAME, wait);
            }
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = self.woken() => {}
                () = cancel.cancelled() => {}
            }
        }
    }

    async fn woken(&self) {
        match &self.stored {
            Some(stored) => stored.notified().await,
            None => std::future::pending().await,
        }
    }

    /// Whether there is something to deliver, or to take away because it was over long ago.
    fn is_due(&self) -> Result<bool, Error> {
        let now = (self.now)();
        let reader = match Reader::open(&self.root) {
            Ok(reader) => reader,
            // Where there is no journal yet nothing is stored.
            Err(error) if matches!(error.kind(), ErrorKind::NotAJournal) => return Ok(false),
            Err(error) => return Err(error),
        };
        let delivery = reader.next_due()?.is_some_and(|due| due <= now);
        let over = || now.checked_sub(self.kept).map(|before| reader.has_settled_before(before));
        Ok(delivery || over().transpose()?.unwrap_or(false))
    }

    /// Looks whether something is due, delivers it then, and tells how that went.
    async fn looked(&self, cancel: &Cancel) -> Result<(), Error> {
        let due = self.is_due();
        let Some((timetable, warnings)) = &self.reports else {
            return if due? { self.round(cancel).await } else { Ok(()) };
        };
        if matches!(due, Ok(false)) {
            warnings.clear(NAME);
            return Ok(());
        }
        let turn = timetable.begin(NAME);
        let done = match due {
            Ok(_) => self.round(cancel).await,
            Err(error) => Err(error),
        };
        match &done {
            Ok(()) => {
                turn.end(Ok(()));
                warnings.clear(NAME);
            }
            Err(error) => {
                let kind = failures::journal(error).kind();
                turn.end(Err(kind));
                warnings.set(NAME, format!("{kind} at {}", (self.now)()));
            }
        }
        done
    }

    /// Delivers what is due now.
    async fn round(&self, cancel: &Cancel) -> Result<(), Error> {
        let (root, settings, now) = (self.root.clone(), self.settings.clone(), Arc::clone(&self.now));
        let opened = tokio::task::spawn_blocking(move || Journal::open(&root, &settings, now)).await;
        let journal = opened.unwrap_or_else(|failed| std::panic::resume_unwind(failed.into_panic()))?;
        let (sender, now) = (self.sender.clone(), Arc::clone(&self.now));
        let drain = Drain::new(Arc::new(journal), &self.root, sender, self.policy, now).keeping(self.kept);
        drain.run(&DrainOptions::default(), cancel, &Silent).await.map(drop)
    }
}
