//! What every job here shares: the platform, the journal, the clocks.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use frontdesk_api::{Cancel, MessageChannel};
use frontdesk_domain::outbound::ClientId;
use frontdesk_domain::{RunId, Timestamp};
use frontdesk_journal::{Change, Clock, Journal, Reader};
use uuid::Uuid;

use crate::error::SendError;
use crate::facts::Facts;
use crate::record::{Entry, LEDGER};
use crate::watching::Watching;

/// What a [`Courier`] works with.
pub struct CourierParts {
    /// The platform. Its calls must end on the signal of `cancel`.
    pub channel: Arc<dyn MessageChannel>,
    /// Where intents, outcomes, audit records and events go.
    pub journal: Arc<Journal>,
    /// How messages are followed.
    pub watching: Watching,
    /// The wall clock.
    pub now: Clock,
    /// Names the run in the audit records.
    pub run: RunId,
    /// The signal to stop.
    pub cancel: Cancel,
}

/// A new id for a run.
///
/// # Panics
/// Never: its characters are those a run's id may have.
#[must_use]
pub fn new_run() -> RunId {
    RunId::new(format!("send-{}", Uuid::new_v4().simple())).expect("hexadecimal digits and a hyphen")
}

/// Sends messages: what every job here shares.
///
/// The intent with the message's client id is durable before the call, and the outcome with its audit records after it.
/// Any number of processes may do this at once over one journal: a message has the same client id in all of them.
pub struct Courier {
    pub(crate) channel: Arc<dyn MessageChannel>,
    journal: Arc<Journal>,
    reader: Arc<Mutex<Reader>>,
    /// Makes client ids of this journal differ from those of any other.
    namespace: Uuid,
    pub(crate) watching: Watching,
    now: Clock,
    pub(crate) run: RunId,
    pub(crate) cancel: Cancel,
    pub(crate) host: String,
    pub(crate) known: Facts,
}

impl Courier {
    /// Puts a courier together.
    ///
    /// # Errors
    /// When the journal cannot be read.
    pub fn new(parts: CourierParts) -> Result<Self, SendError> {
        let CourierParts { channel, journal, watching, now, run, cancel } = parts;
        let reader = journal.reader()?;
        let namespace = Uuid::new_v5(&Uuid::NAMESPACE_OID, reader.journal().as_bytes());
        let host = channel.describe().host;
        Ok(Self {
            channel,
            journal,
            reader: Arc::new(Mutex::new(reader)),
            namespace,
            watching,
            now,
            run,
            cancel,
            host,
            known: Facts::default(),
        })
    }

    /// The platform, for its counters.
    #[must_use]
    pub fn channel(&self) -> &dyn MessageChannel {
        &*self.channel
    }

    /// The client id of the message at this place: made from the journal's own id and the place, so that every process
    /// and every run gives the same.
    ///
    /// # Panics
    /// Never: a UUID is visible ASCII.
    pub(crate) fn client_id(&self, key: &str) -> ClientId {
        let id = Uuid::new_v5(&self.namespace, format!("{}\n{key}", self.host).as_bytes());
        ClientId::new(id.to_string()).expect("a UUID is visible ASCII")
    }

    /// The time now, by our clock.
    pub(crate) fn now(&self) -> Timestamp {
        (self.now)()
    }

    /// What the ledger says of a message.
    pub(crate) async fn entry(&self, key: &str) -> Result<Option<Entry>, SendError> {
        let key = key.to_owned();
        Ok(self.read(move |reader| reader.item(LEDGER, &key)).await?.as_ref().and_then(Entry::read))
    }

    /// Whether there is such an intent, and nothing settled it.
    pub(crate) async fn is_open(&self, intent: &str) -> Result<bool, SendError> {
        let intent = intent.to_owned();
        let found = self.read(move |reader| reader.intent(&intent)).await?;
        Ok(found.is_some_and(|(_, settled)| settled.is_none()))
    }

    pub(crate) async fn read<T: Send + 'static>(
        &self,
        query: impl FnOnce(&Reader) -> Result<T, frontdesk_journal::Error> + Send + 'static,
    ) -> Result<T, SendError> {
        let reader = Arc::clone(&self.reader);
        blocking(move || query(&reader.lock().unwrap_or_else(PoisonError::into_inner))).await
    }

    /// Returns when the change is durable. Changes that come together share a commit.
    pub(crate) async fn record(&self, change: Change) -> Result<(), SendError> {
        let pending = self.journal.submit(change)?;
        blocking(move || pending.wait().map(|_| ())).await
    }
}

impl fmt::Debug for Courier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Courier").field("run", &self.run).field("host", &self.host).finish_non_exhaustive()
    }
}

/// Does what blocks on a thread that may.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, frontdesk_journal::Error> + Send + 'static,
) -> Result<T, SendError> {
    Ok(tokio::task::spawn_blocking(work).await.map_err(|_| SendError::Shutdown)??)
}
