//! The listener for callbacks (contract §3) as the binary composes it: the server's desk over the journal's reception.

use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use frontdesk_api::outward::OutwardUrl;
use frontdesk_deliveries::{OpenReception, Reception};
use frontdesk_domain::signature::SigningSecret;
use frontdesk_journal::{Clock, Error, ErrorKind, Journal, Settings};
use frontdesk_server::{Callback, CallbackDesk, Callbacks, Taking, Untaken};
use frontdesk_shell::{Exit, Failure};
use tokio::sync::Notify;

use crate::clock::WallClock;
use crate::commands::webhook_key;
use crate::context::Context;
use crate::{connect, failures, journal, outbox};

/// What is said where there is no key.
pub(crate) const UNVERIFIED: &str =
    "callbacks are not verified: the setting callback_key_file names a file with the platform's key";
/// The key with which the CRM's deliveries are signed, beside the journal, where the settings name no other.
const CRM_KEY: &str = "crm.key";
/// How long the CRM may take before a synchronous answer says that it did not: an attempt has 30 s.
const PATIENCE: Duration = Duration::from_secs(35);

/// What the settings say about callbacks.
pub(crate) struct Listener {
    crm: String,
    crm_key: PathBuf,
    secrets: Vec<SigningSecret>,
    after_delivery: bool,
    root: PathBuf,
    journal: Settings,
    now: Clock,
}

impl Listener {
    /// The listener of the settings. Refused without a CRM: nothing could be done with what comes in (contract §3).
    pub(crate) fn required(context: &Context<'_>, command: &str, clock: &WallClock) -> Result<Self, Failure> {
        Self::of(context, command, clock)?.ok_or_else(|| connect::missing(&["crm_endpoint"]))
    }

    /// The listener of the settings, where they name a CRM.
    pub(crate) fn of(
        context: &Context<'_>,
        command: &str,
        clock: &WallClock,
    ) -> Result<Option<Self>, Failure> {
        let settings = &context.settings;
        let after_delivery = match settings.text("callback_respond") {
            None | Some("after_storing") => false,
            Some("after_delivery") => true,
            Some(other) => {
                let message = format!("callback_respond is {other:?}");
                return Err(Failure::new(Exit::Usage, "bad_setting", message)
                    .hint("say after_storing or after_delivery"));
            }
        };
        let secrets = match settings.text("callback_key_file") {
            Some(path) => webhook_key::read_all(path.as_ref(), "callback_key_file")?,
            None => Vec::new(),
        };
        let Some(crm) = settings.text("crm_endpoint") else {
            // Who gave a key means to listen.
            return if secrets.is_empty() { Ok(None) } else { Err(connect::missing(&["crm_endpoint"])) };
        };
        let url = OutwardUrl::webhook(crm, outbox::policy(context)?).map_err(|error| {
            Failure::from_error(Exit::Usage, "bad_setting", &error)
                .at("crm_endpoint")
                .hint("the setting local_addresses = allow lets webhooks into one's own network")
        })?;
        let root = journal::root(context)?;
        let crm_key = settings.text("crm_key_file").map_or_else(|| root.join(CRM_KEY), PathBuf::from);
        Ok(Some(Self {
            crm: url.reveal().to_owned(),
            crm_key,
            secrets,
            after_delivery,
            journal: journal::settings(context, command, journal::WAIT),
            root,
            now: clock.source(),
        }))
    }

    /// Whether callbacks are verified.
    pub(crate) fn is_signed(&self) -> bool {
        !self.secrets.is_empty()
    }

    /// Opens the journal, and gives what the server is to serve, and what opens the same place for others. `stored` is
    /// notified of what is to be delivered.
    pub(crate) fn open(self, stored: Arc<Notify>) -> Result<(Callbacks, Arc<OpenReception>), Failure> {
        let Self { crm, crm_key, secrets, after_delivery, root, journal, now } = self;
        let failed = |error: Error| failures::journal(&error);
        // First the journal: it makes the folder that the key may be in.
        let opened = Journal::open(&root, &journal, Arc::clone(&now)).map_err(failed)?;
        let secret = webhook_key::read_or_make(&crm_key)?;
        let clock = Arc::clone(&now);
        let receive = move |opened: Journal| {
            Reception::open(Arc::new(opened), &crm, &secret, Arc::clone(&clock)).map(Arc::new)
        };
        let reception = receive(opened).map_err(failed)?;
        let clock = Arc::clone(&now);
        let reopen: Arc<OpenReception> =
            Arc::new(move || receive(Journal::open(&root, &journal, Arc::clone(&clock))?));
        let reception = Mutex::new(Some(reception));
        let desk = Desk { reception, reopen: Arc::clone(&reopen), stored, after_delivery };
        Ok((Callbacks::new(Arc::new(desk), secrets, now), reopen))
    }
}

/// Stores what it gets, and tells who delivers.
struct Desk {
    /// `None` after a failure: the next callback opens it anew.
    reception: Mutex<Option<Arc<Reception>>>,
    reopen: Arc<OpenReception>,
    stored: Arc<Notify>,
    after_delivery: bool,
}

impl Desk {
    fn reception(&self) -> Option<Arc<Reception>> {
        self.reception.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn remember(&self, reception: Option<Arc<Reception>>) {
        *self.reception.lock().unwrap_or_else(PoisonError::into_inner) = reception;
    }

    async fn taken(&self, Callback { content, key }: Callback) -> Result<(), Untaken> {
        let (known, reopen) = (self.reception(), Arc::clone(&self.reopen));
        let storing = tokio::task::spawn_blocking(move || {
            let reception = match known {
                Some(reception) => reception,
                None => reopen()?,
            };
            let receipt = reception.store(&content, &key)?;
            Ok::<_, Error>((reception, receipt))
        });
        let stored = storing.await.unwrap_or_else(|failed| std::panic::resume_unwind(failed.into_panic()));
        let (reception, receipt) = stored.map_err(|error| {
            tracing::error!(%error, "a callback could not be stored");
            // A journal whose disk failed takes nothing more, and a CRM that was removed is added again.
            if !matches!(error.kind(), ErrorKind::Busy { .. }) {
                self.remember(None);
            }
            Untaken::NotStored
        })?;
        self.remember(Some(Arc::clone(&reception)));
        if receipt.repeated {
            tracing::debug!(webhook_id = receipt.webhook_id, "a callback came again");
        } else {
            self.stored.notify_one();
        }
        if !self.after_delivery {
            return Ok(());
        }
        match reception.taken(&receipt.webhook_id, PATIENCE).await {
            Ok(true) => Ok(()),
            Ok(false) => Err(Untaken::NotDelivered),
            Err(error) => {
                tracing::error!(%error, "it is not known whether the CRM took a callback");
                Err(Untaken::NotDelivered)
            }
        }
    }
}

impl CallbackDesk for Desk {
    fn take(&self, callback: Callback) -> Taking<'_> {
        Box::pin(self.taken(callback))
    }
}

impl fmt::Debug for Desk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Desk").field("after_delivery", &self.after_delivery).finish_non_exhaustive()
    }
}
