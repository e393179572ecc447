//! Callbacks from the platform (contract §3): stored durably and once, told to the CRM by the outbox.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use frontdesk_domain::callback::{CallbackKey, SessionCallback};
use frontdesk_domain::signature::SigningSecret;
use frontdesk_domain::{EventKind, Timestamp};
use frontdesk_journal::outbox::{DeliveryState, NewEndpoint, new_webhook_id};
use frontdesk_journal::{Change, Clock, Error, ErrorKind, Item, Journal, Reader};

/// The endpoint that the CRM is. Its URL is a setting; everything else about it is an endpoint's like any other.
pub const CRM: &str = "ep_crm";

/// The ledger of what was received: one item a callback, its state [`STORED`], its detail the id of its event.
const LEDGER: &str = "callback";
const STORED: &str = "stored";

/// How often it is looked at first whether the CRM took an event, and how often after a while.
const LOOK: [Duration; 2] = [Duration::from_millis(10), Duration::from_millis(250)];

/// Takes callbacks into a journal.
///
/// **What holds.** A callback that was acknowledged is on the disk, with a delivery to the CRM that is open until the CRM
/// takes it; both in one transaction with the note that it was received. So of any number of repetitions, at any number
/// of listeners, before and after a crash, one is stored.
pub struct Reception {
    pub(crate) journal: Arc<Journal>,
    pub(crate) reader: Mutex<Reader>,
    pub(crate) now: Clock,
}

/// A callback that is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// The `webhook-id` under which the CRM is told.
    pub webhook_id: String,
    /// It was stored before; nothing was done now.
    pub repeated: bool,
}

impl Reception {
    /// Takes callbacks into this journal, for a CRM at `url`, told with signatures of `secret`. The endpoint [`CRM`] is
    /// added where there is none, and else moved to the URL and given the secret. Blocks on the disk.
    ///
    /// # Errors
    /// Those of the journal.
    pub fn open(journal: Arc<Journal>, url: &str, secret: &SigningSecret, now: Clock) -> Result<Self, Error> {
        let reader = journal.reader()?;
        let at = now();
        let known = reader.endpoints()?.into_iter().find(|endpoint| endpoint.id == CRM);
        let mut change = Change::new();
        match known {
            None => {
                let new = NewEndpoint::new(url, secret.clone(), [EventKind::SessionCreated]).named(CRM);
                change = change.add_endpoint(new, at);
            }
            Some(endpoint) => {
                if endpoint.url != url {
                    change = change.move_endpoint(&endpoint, url, at);
                }
                if reader.secrets(CRM, at)?.first() != Some(secret) {
                    change = change.rotate_secret(&endpoint, secret, at);
                }
            }
        }
        journal.record(change)?;
        Ok(Self { journal, reader: Mutex::new(reader), now })
    }

    /// Stores a callback, unless it is one that was received before. When this returns it is on the disk. Blocks on it.
    ///
    /// # Errors
    /// Those of the journal; `Unknown` when the endpoint [`CRM`] was removed meanwhile. Nothing is stored then, and the
    /// platform may send it again.
    pub fn store(&self, callback: &SessionCallback, key: &CallbackKey) -> Result<Receipt, Error> {
        let now = (self.now)();
        // Most repetitions are found without writing; the transaction decides about the rest.
        if let Some(receipt) = self.received(key, now)? {
            return Ok(receipt);
        }
        let webhook_id = new_webhook_id();
        let change = Change::new()
            .item_once(LEDGER, key.as_str(), STORED, &webhook_id, key.within())?
            .event_to(CRM, webhook_id.clone(), callback.event(now));
        match self.journal.record(change) {
            Ok(_) => Ok(Receipt { webhook_id, repeated: false }),
            Err(error) if *error.kind() == ErrorKind::Repeated => self.received(key, now)?.ok_or(error),
            Err(error) => Err(error),
        }
    }

    /// Waits until the CRM has taken a stored event. `false` when it will not for now: an attempt failed, it is out of
    /// service or was given up, or `patience` is at its end. The event stays in the outbox whatever this says. Of an event
    /// that is not in the outbox any more it is `true`: nothing is left to wait for.
    ///
    /// # Errors
    /// Those of the journal.
    ///
    /// # Cancel safety
    /// Safe: it only looks.
    pub async fn taken(self: &Arc<Self>, webhook_id: &str, patience: Duration) -> Result<bool, Error> {
        let looking = async {
            let [mut wait, longest] = LOOK;
            loop {
                let (reception, id) = (Arc::clone(self), webhook_id.to_owned());
                let looked = tokio::task::spawn_blocking(move || reception.look(&id)).await;
                let looked = looked.unwrap_or_else(|failed| std::panic::resume_unwind(failed.into_panic()));
                if let Some(taken) = looked? {
                    return Ok(taken);
                }
                tokio::time::sleep(wait).await;
                wait = (wait * 2).min(longest);
            }
        };
        tokio::time::timeout(patience, looking).await.unwrap_or(Ok(false))
    }

    /// Whether the CRM took an event; `None` while that may come any moment.
    fn look(&self, webhook_id: &str) -> Result<Option<bool>, Error> {
        let now = (self.now)();
        let reader = self.reader.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(delivery) = reader.delivery(CRM, webhook_id)? else {
            // It was delivered and taken away when its time was over, or its endpoint was removed. Calling again would
            // change neither.
            return Ok(Some(true));
        };
        Ok(match delivery.state {
            DeliveryState::Delivered => Some(true),
            DeliveryState::Dead => Some(false),
            // Due later: an attempt has failed.
            DeliveryState::Pending if delivery.due.is_some_and(|due| due > now) => Some(false),
            DeliveryState::Pending => {
                let crm = reader.endpoints()?.into_iter().find(|endpoint| endpoint.id == CRM);
                let rests = |until: Timestamp| until > now;
                let listens = crm.is_some_and(|crm| crm.disabled.is_none() && !crm.paused.is_some_and(rests));
                if listens { None } else { Some(false) }
            }
        })
    }

    pub(crate) fn received(&self, key: &CallbackKey, now: Timestamp) -> Result<Option<Receipt>, Error> {
        let reader = self.reader.lock().unwrap_or_else(PoisonError::into_inner);
        let item = reader.item(LEDGER, key.as_str())?;
        let counts = |item: &Item| key.within().is_none_or(|within| now.since(item.at) < within);
        // The id is written as JSON, between quotes that it holds none of.
        let receipt = |item: Item| Receipt {
            webhook_id: item.detail.get().trim_matches('"').to_owned(),
            repeated: true,
        };
        Ok(item.filter(counts).map(receipt))
    }
}

impl fmt::Debug for Reception {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reception").field("journal", &self.journal).finish_non_exhaustive()
    }
}
