//! Whether a message arrived in time (contract §4).

use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{MessageId, Receipts, Status};
use crate::Timestamp;

/// Seconds as the contract writes them: a number, exact to the microsecond; negative where the platform's own times go
/// backwards.
///
/// ```
/// use std::time::Duration;
/// use frontdesk_domain::delivery::Seconds;
///
/// assert_eq!(serde_json::to_string(&Seconds::from(Duration::from_millis(1_250)))?, "1.25");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Seconds(i64);

impl Seconds {
    /// From one time to another.
    #[must_use]
    pub fn between(from: Timestamp, to: Timestamp) -> Self {
        Self(to.as_micros().saturating_sub(from.as_micros()))
    }

    /// Whole microseconds.
    #[must_use]
    pub fn as_micros(self) -> i64 {
        self.0
    }

    /// As a number of seconds.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "microseconds of 285 years are exact")]
    pub fn as_f64(self) -> f64 {
        self.0 as f64 / 1e6
    }
}

impl From<Duration> for Seconds {
    fn from(duration: Duration) -> Self {
        Self(i64::try_from(duration.as_micros()).unwrap_or(i64::MAX))
    }
}

impl Serialize for Seconds {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0 % 1_000_000 == 0 {
            return serializer.serialize_i64(self.0 / 1_000_000);
        }
        serializer.serialize_f64(self.as_f64())
    }
}

impl<'de> Deserialize<'de> for Seconds {
    #[expect(clippy::cast_possible_truncation, reason = "a cast from a float saturates")]
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        f64::deserialize(deserializer).map(|seconds| Self((seconds * 1e6).round() as i64))
    }
}

/// How a message stands to its threshold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SlaState {
    /// It arrived within the threshold.
    Met,
    /// It did not: it came later, the threshold passed without it, or it failed.
    Missed,
    /// It is under way, and the threshold has not passed.
    Pending,
    /// Nobody says when it was made, or when it arrived.
    Unknown,
}

impl SlaState {
    /// Every state, in the order of reports.
    pub const ALL: [Self; 4] = [Self::Met, Self::Missed, Self::Pending, Self::Unknown];

    /// Its name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Met => "met",
            Self::Missed => "missed",
            Self::Pending => "pending",
            Self::Unknown => "unknown",
        }
    }
}

/// How one message stands to its threshold: exactly the contract's object, and the body of the event `sla.missed`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sla {
    /// Which message.
    pub message_id: MessageId,
    /// When the platform made it.
    pub created_at: Option<Timestamp>,
    /// When it arrived: the delivered time, else the read time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivered_at: Option<Timestamp>,
    /// From its making to its arrival, else to now; none where it was not said when it was made.
    pub elapsed_time_sec: Option<Seconds>,
    /// How it stands.
    pub state: SlaState,
    /// Whether it met the threshold; none while that is open.
    pub meets_sla: Option<bool>,
    /// The threshold, in seconds.
    pub sla_threshold: Seconds,
}

impl Sla {
    /// The threshold when none is set (contract §4).
    pub const DEFAULT_THRESHOLD: Duration = Duration::from_secs(10);

    /// Judges a message by its receipts. `now` is the platform's time: created and delivered are by that clock too.
    ///
    /// An undelivered message is pending until the time since its making passes the threshold, then missed *(departs from
    /// document 002, which counts it as met)*. Failed and expired are missed. One that arrived without anybody saying
    /// when is unknown, as is one without a time of making.
    ///
    /// ```
    /// use frontdesk_domain::delivery::{MessageId, Observation, Receipts, Sla, SlaState, Status, StatusTimes};
    ///
    /// let mut receipts = Receipts::default();
    /// receipts.observe(&Observation {
    ///     id: MessageId::new("m-1").unwrap(),
    ///     status: Some(Status::Sent),
    ///     created: Some("2025-03-01T10:00:00Z".parse().unwrap()),
    ///     times: StatusTimes::default(),
    /// });
    /// let id = MessageId::new("m-1").unwrap();
    /// let at = |now: &str| Sla::judge(&id, &receipts, now.parse().unwrap(), Sla::DEFAULT_THRESHOLD).state;
    /// assert_eq!(at("2025-03-01T10:00:10Z"), SlaState::Pending);
    /// assert_eq!(at("2025-03-01T10:00:10.000001Z"), SlaState::Missed);
    /// ```
    #[must_use]
    pub fn judge(id: &MessageId, receipts: &Receipts, now: Timestamp, threshold: Duration) -> Self {
        let limit = Seconds::from(threshold);
        let within = |elapsed: Seconds| elapsed <= limit;
        let arrived = receipts.status().is_some_and(Status::is_arrived);
        let ended = receipts.status().is_some_and(Status::is_final);
        let delivered_at = receipts.arrived().filter(|_| arrived);
        let (elapsed, state) = match (receipts.created(), delivered_at) {
            (None, _) => (None, SlaState::Unknown),
            (Some(created), Some(delivered)) => {
                let elapsed = Seconds::between(created, delivered);
                (Some(elapsed), if within(elapsed) { SlaState::Met } else { SlaState::Missed })
            }
            (Some(_), None) if arrived => (None, SlaState::Unknown),
            (Some(created), None) => {
                // A clock of ours that is behind makes nothing arrive before it was made.
                let elapsed = Seconds::between(created, now).max(Seconds::default());
                let state = if ended || !within(elapsed) { SlaState::Missed } else { SlaState::Pending };
                (Some(elapsed), state)
            }
        };
        Self {
            message_id: id.clone(),
            created_at: receipts.created(),
            delivered_at,
            elapsed_time_sec: elapsed,
            state,
            meets_sla: match state {
                SlaState::Met => Some(true),
                SlaState::Missed => Some(false),
                SlaState::Pending | SlaState::Unknown => None,
            },
            sla_threshold: limit,
        }
    }
}
