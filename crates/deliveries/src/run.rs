//! A run: deliveries of one endpoint and one ordering key, one behind the other.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use frontdesk_domain::Timestamp;
use frontdesk_journal::outbox::{Delivery, Endpoint, Outcome, Settlement};
use frontdesk_journal::{Change, Error, Journal};
use futures_util::future::BoxFuture;
use futures_util::stream::{FuturesOrdered, StreamExt as _};

use crate::attempt::Sending;

/// Deliveries in a run: what was answered and is not recorded yet is sent again after a crash, and no more than these are.
pub(crate) const LENGTH: usize = 32;

/// How long a run goes on: an endpoint that was taken out of service meanwhile is left alone after it.
const TIME: Duration = Duration::from_secs(1);

/// Deliveries that follow each other in their order, of which each is sent as soon as the one before was taken. Recording
/// that goes on beside it: it need not be on the disk for the next one to be sent, as the order on the wire is what counts.
pub(crate) struct Run<'w> {
    journal: Arc<Journal>,
    sending: Sending<'w>,
    endpoint: Arc<Endpoint>,
    key: String,
    left: VecDeque<Delivery>,
    on_its_way: Option<BoxFuture<'w, Option<Settlement>>>,
    settling: FuturesOrdered<BoxFuture<'w, Result<Settlement, Error>>>,
    begun: Timestamp,
    /// Set for all runs to an endpoint once it has said that it wants to be left alone.
    left_alone: Arc<AtomicBool>,
}

impl<'w> Run<'w> {
    /// A run of these deliveries, which are of one key; the first of them is sent in any case.
    pub(crate) fn new(
        journal: Arc<Journal>,
        sending: Sending<'w>,
        endpoint: Arc<Endpoint>,
        left_alone: Arc<AtomicBool>,
        first: Delivery,
        behind: Vec<Delivery>,
    ) -> Self {
        let (key, begun) = (first.key.clone(), sending.now());
        let mut run = Self {
            journal,
            sending,
            endpoint,
            key,
            left: behind.into(),
            on_its_way: None,
            settling: FuturesOrdered::new(),
            begun,
            left_alone,
        };
        run.send(first);
        run
    }

    /// The id of its endpoint.
    pub(crate) fn endpoint(&self) -> &str {
        &self.endpoint.id
    }

    /// Its ordering key.
    pub(crate) fn key(&self) -> &str {
        &self.key
    }

    /// How the next attempt ended, once that is recorded; `None` when the run is over. A delivery that was not taken ends
    /// it, since those behind it wait for it.
    ///
    /// # Cancel safety
    /// Nothing is lost: the attempt goes on with the next call.
    pub(crate) async fn next(&mut self) -> Option<Result<Settlement, Error>> {
        loop {
            let answered = tokio::select! {
                biased;
                Some(settled) = self.settling.next() => return Some(settled),
                answered = answer(&mut self.on_its_way), if self.on_its_way.is_some() => answered,
                else => return None,
            };
            self.on_its_way = None;
            let Some(settlement) = answered else {
                self.left.clear();
                continue;
            };
            let outcome = settlement.outcome;
            if let Err(error) = self.record(settlement) {
                self.left.clear();
                return Some(Err(error));
            }
            self.go_on(outcome);
        }
    }

    /// Sends the next one, unless something speaks against it. After a signal to stop the sender refuses it, which ends the run.
    fn go_on(&mut self, outcome: Outcome) {
        if matches!(outcome, Outcome::Gone | Outcome::Retry { pause: Some(_), .. }) {
            self.left_alone.store(true, Ordering::Relaxed);
        }
        let goes_on = outcome == Outcome::Delivered
            && self.sending.now().since(self.begun) < TIME
            && !self.left_alone.load(Ordering::Relaxed);
        match self.left.pop_front().filter(|_| goes_on) {
            Some(next) => self.send(next),
            None => self.left.clear(),
        }
    }

    fn send(&mut self, delivery: Delivery) {
        let (sending, endpoint) = (self.sending.clone(), Arc::clone(&self.endpoint));
        self.on_its_way = Some(Box::pin(async move { sending.attempt(&endpoint, delivery).await }));
    }

    fn record(&mut self, settlement: Settlement) -> Result<(), Error> {
        let pending = self.journal.submit(Change::new().settle(settlement.clone()))?;
        let durable = tokio::task::spawn_blocking(move || pending.wait());
        self.settling.push_back(Box::pin(async move {
            durable.await.unwrap_or_else(|failed| std::panic::resume_unwind(failed.into_panic()))?;
            Ok(settlement)
        }));
        Ok(())
    }
}

/// The answer to what is on its way.
async fn answer(on_its_way: &mut Option<BoxFuture<'_, Option<Settlement>>>) -> Option<Settlement> {
    match on_its_way {
        Some(attempt) => attempt.await,
        None => None,
    }
}
