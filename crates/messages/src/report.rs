//! What a job came to.

use frontdesk_domain::delivery::{MeasuredSkew, SlaState};
use frontdesk_domain::{Why, WhyKind};
use serde::Serialize;

use crate::outcome::{By, Delivery, Outcome, OutcomeKind, Sent};

/// Counts by outcome; of those sent, by how far they came and how they stand to their threshold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Counts {
    /// The platform has it.
    pub sent: u64,
    /// Surely not sent.
    pub not_sent: u64,
    /// A rule refused it, or the platform.
    pub refused: u64,
    /// It may have been sent.
    pub unknown: u64,
    /// Of those sent: arrived, or seen.
    pub delivered: u64,
    /// Of those sent: failed or expired.
    pub failed: u64,
    /// Of those sent: no receipt in the time there was.
    pub timeout: u64,
    /// Of those sent: not waited for to the end.
    pub pending: u64,
    /// Of those sent: within the threshold.
    pub sla_met: u64,
    /// Of those sent: not within the threshold.
    pub sla_missed: u64,
    /// Sent by an earlier run, or another one at the same time.
    pub earlier: u64,
}

impl Counts {
    /// Counts one message.
    pub fn add(&mut self, message: &Sent) {
        *match message.outcome.kind() {
            OutcomeKind::Sent => &mut self.sent,
            OutcomeKind::NotSent => &mut self.not_sent,
            OutcomeKind::Refused => &mut self.refused,
            OutcomeKind::Unknown => &mut self.unknown,
        } += 1;
        match message.delivery {
            None => {}
            Some(Delivery::Delivered | Delivery::Read) => self.delivered += 1,
            Some(Delivery::Failed | Delivery::Expired) => self.failed += 1,
            Some(Delivery::Timeout) => self.timeout += 1,
            Some(Delivery::Pending) => self.pending += 1,
        }
        match message.sla.as_ref().map(|sla| sla.state) {
            Some(SlaState::Met) => self.sla_met += 1,
            Some(SlaState::Missed) => self.sla_missed += 1,
            Some(SlaState::Pending | SlaState::Unknown) | None => {}
        }
        if message.by == By::Other {
            self.earlier += 1;
        }
    }

    /// All of them.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.sent + self.not_sent + self.refused + self.unknown
    }
}

/// Why a job did not go on to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stop {
    /// The signal to stop.
    Interrupted,
    /// No other message would fare better: a permission, or the platform asks for a longer wait than there is time for.
    Hopeless(Why),
}

impl Stop {
    /// Whether the outcome of a message says that all others would fare the same. A client that has been let in before
    /// (`trusted`) may lack the right to single conversations only.
    pub(crate) fn of(outcome: &Outcome, trusted: bool) -> Option<Self> {
        let why = outcome.why()?;
        let hopeless = match why.kind {
            WhyKind::Unauthorized | WhyKind::Throttled => true,
            WhyKind::Forbidden => !trusted,
            _ => false,
        };
        hopeless.then(|| Self::Hopeless(why.clone()))
    }
}

/// What a job came to.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// Messages by outcome.
    pub counts: Counts,
    /// Looks at conversations that served messages waiting for a receipt.
    pub polls: u64,
    /// How far the platform's clock is ahead of ours; none where no answer said.
    pub skew: Option<MeasuredSkew>,
    /// How often one of the clocks jumped.
    pub jumps: u32,
    /// Why it did not go on to its end; none when it did.
    pub stop: Option<Stop>,
}
