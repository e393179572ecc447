//! What becomes of a message after it was taken, over the sandbox's clock.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::moment::Moment;
use crate::random::Dice;

/// When receipts come, and which never do. Times are milliseconds of the sandbox's clock; pairs are
/// the shortest and the longest time. Shares are of all messages that are taken from then on, each
/// `0.0..=1.0`. By default every message is delivered within one and a half seconds, and half of them
/// are read.
///
/// ```
/// use frontdesk_sandbox::ReceiptPlan;
/// let plan: ReceiptPlan = serde_json::from_str(r#"{"never": 0.1, "delivered_ms": [500, 900]}"#)?;
/// assert_eq!(plan.failed, 0.0);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ReceiptPlan {
    /// After which a message is `sent`.
    pub sent_ms: u64,
    /// After which it is `delivered`.
    pub delivered_ms: [u64; 2],
    /// How many of the delivered ones are `read`.
    pub read: f64,
    /// How long after that.
    pub read_ms: [u64; 2],
    /// How many are delivered after `late_ms` instead.
    pub late: f64,
    /// After which those are.
    pub late_ms: [u64; 2],
    /// How many are `failed` when they would have been delivered.
    pub failed: f64,
    /// How many stay `sent` for ever.
    pub never: f64,
    /// How many have a receipt of each kind, `delivered` and `failed`, in one order or the other.
    pub contradictory: f64,
    /// How many have their receipts come in an order that makes no sense.
    pub jumbled: f64,
    /// How many are read without ever having been `delivered`.
    pub undated: f64,
    /// How many are answered with another initial status than `queued`.
    pub hurried: f64,
}

impl Default for ReceiptPlan {
    fn default() -> Self {
        Self {
            sent_ms: 100,
            delivered_ms: [300, 1_500],
            read: 0.5,
            read_ms: [500, 8_000],
            late: 0.0,
            late_ms: [11_000, 30_000],
            failed: 0.0,
            never: 0.0,
            contradictory: 0.0,
            jumbled: 0.0,
            undated: 0.0,
            hurried: 0.0,
        }
    }
}

/// How far a message got.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Status {
    Queued,
    Sent,
    Delivered,
    Read,
    Failed,
}

/// The receipts of one message, in the order in which they come.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Receipts(Vec<(Moment, Status)>);

impl ReceiptPlan {
    /// Checks what the type does not.
    pub(crate) fn check(&self) -> Result<(), Error> {
        let kinds = [self.late, self.failed, self.never, self.contradictory, self.jumbled, self.undated];
        let fit = |share: f64| (0.0..=1.0).contains(&share);
        let pairs = [self.delivered_ms, self.read_ms, self.late_ms];
        if !kinds.into_iter().chain([self.read, self.hurried]).all(fit) || !fit(kinds.iter().sum()) {
            return Err(Error::setting(
                "receipts",
                "a share, or the sum of the kinds, is not within 0 and 1",
            ));
        }
        if pairs.iter().any(|[shortest, longest]| shortest > longest) {
            return Err(Error::setting("receipts", "a shortest time is longer than the longest"));
        }
        Ok(())
    }

    /// The receipts of the message that `hash` stands for, taken at `created`.
    pub(super) fn receipts(&self, hash: u64, created: Moment) -> Receipts {
        use Status::{Delivered, Failed, Read, Sent};
        let mut dice = Dice::new(hash, 0, 0x7265_6365);
        let mut within =
            |[shortest, longest]: [u64; 2]| shortest + dice.below(longest.saturating_sub(shortest) + 1);
        let sent = self.sent_ms;
        let usual = sent.max(within(self.delivered_ms));
        let late = sent.max(within(self.late_ms));
        let read_after = within(self.read_ms);
        let chance = |purpose| crate::random::fraction(hash, purpose);
        let read = chance(1) < self.read;
        let mut left = chance(2);
        let mut falls = |share: f64| {
            let hit = (0.0..share).contains(&left);
            left -= share;
            hit
        };
        let delivery = |delivered: u64| {
            let mut receipts = vec![(sent, Sent), (delivered, Delivered)];
            receipts.extend(read.then_some((delivered + read_after, Read)));
            receipts
        };
        let receipts = if falls(self.late) {
            delivery(late)
        } else if falls(self.failed) {
            vec![(sent, Sent), (usual, Failed)]
        } else if falls(self.never) {
            vec![(sent, Sent)]
        } else if falls(self.contradictory) {
            let (first, then) = if chance(3) < 0.5 { (Delivered, Failed) } else { (Failed, Delivered) };
            vec![(sent, Sent), (usual, first), (usual + read_after, then)]
        } else if falls(self.jumbled) {
            vec![(sent, Read), (usual, Sent), (usual + read_after, Delivered)]
        } else if falls(self.undated) {
            vec![(sent, Sent), (usual + read_after, Read)]
        } else {
            delivery(usual)
        };
        let at = |(millis, status)| (created.plus(Duration::from_millis(millis)), status);
        Receipts(receipts.into_iter().map(at).collect())
    }

    /// The status that the answer to the sender names.
    pub(super) fn initial(&self, hash: u64) -> Status {
        if crate::random::fraction(hash, 4) >= self.hurried {
            Status::Queued
        } else if crate::random::fraction(hash, 5) < 0.5 {
            Status::Sent
        } else {
            Status::Delivered
        }
    }
}

impl Receipts {
    /// The last receipt there is at `now`.
    pub(crate) fn status(&self, now: Moment) -> Status {
        self.until(now).last().map_or(Status::Queued, |(_, status)| status)
    }

    /// The receipts there are at `now`.
    pub(crate) fn until(&self, now: Moment) -> impl Iterator<Item = (Moment, Status)> {
        self.0.iter().copied().filter(move |(at, _)| *at <= now)
    }

    /// The last receipt there will ever be.
    pub(crate) fn last(&self) -> Status {
        self.0.last().map_or(Status::Queued, |(_, status)| *status)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Moment {
        Moment::UNIX_EPOCH.plus(Duration::from_millis(millis))
    }

    fn endings(plan: ReceiptPlan) -> Vec<Vec<Status>> {
        let plan = |hash| plan.receipts(crate::random::mix(hash, 7), at(0));
        (0..2_000).map(|hash| plan(hash).until(at(100_000)).map(|(_, status)| status).collect()).collect()
    }

    #[test]
    fn receipts_come_when_their_time_has_come() {
        let plan =
            ReceiptPlan { delivered_ms: [400, 400], read: 1.0, read_ms: [600, 600], ..Default::default() };
        let receipts = plan.receipts(3, at(0));
        let status = |millis| receipts.status(at(millis));
        assert_eq!([status(0), status(99), status(100), status(399)].map(|s| s as u8), [0, 0, 1, 1]);
        assert_eq!(
            (status(400), status(999), status(1_000)),
            (Status::Delivered, Status::Delivered, Status::Read)
        );
        assert_eq!(receipts.until(at(1_000)).count(), 3);
        assert_eq!(receipts, plan.receipts(3, at(0)), "equal hashes, equal receipts");
    }

    #[test]
    fn the_shares_are_kept() {
        let share = |of: Vec<Vec<Status>>, what: &[Status]| {
            of.iter().filter(|receipts| receipts.as_slice() == what).count()
        };
        use Status::{Delivered, Failed, Read, Sent};
        let plan =
            ReceiptPlan { failed: 0.2, never: 0.2, contradictory: 0.2, jumbled: 0.2, ..Default::default() };
        let all = endings(plan);
        for what in [vec![Sent, Failed], vec![Sent], vec![Read, Sent, Delivered]] {
            assert!((330..470).contains(&share(all.clone(), &what)), "{what:?}");
        }
        let both = share(all.clone(), &[Sent, Delivered, Failed]) + share(all, &[Sent, Failed, Delivered]);
        assert!((330..470).contains(&both));
        let read = share(endings(ReceiptPlan::default()), &[Sent, Delivered, Read]);
        assert!((900..1_100).contains(&read));
        let undated = endings(ReceiptPlan { undated: 1.0, ..Default::default() });
        assert_eq!(share(undated, &[Sent, Read]), 2_000);
    }

    #[test]
    fn a_plan_that_makes_no_sense_is_refused() {
        assert!(ReceiptPlan::default().check().is_ok());
        assert!(ReceiptPlan { failed: 0.6, never: 0.6, ..Default::default() }.check().is_err());
        assert!(ReceiptPlan { read: 1.1, ..Default::default() }.check().is_err());
        assert!(ReceiptPlan { read_ms: [2, 1], ..Default::default() }.check().is_err());
    }
}
