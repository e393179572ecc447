//! How messages of a history differ from tidy ones: by which shares, and which message is hit.

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::random::fraction;

/// Shares of the messages of every history, each `0.0..=1.0` and together at most 1. Every second
/// message is left alone, so that whoever reads knows what each oddity is compared with; the shares
/// are of the others. Which message is hit follows from the seed and from the message: it is the same
/// in every answer.
///
/// ```
/// use frontdesk_sandbox::Untidy;
/// let untidy: Untidy = serde_json::from_str(r#"{"backwards": 0.01, "duplicate": 0.02}"#)?;
/// assert_eq!(untidy.equal, 0.0);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Untidy {
    /// A timestamp before that of the message before.
    pub backwards: f64,
    /// The timestamp of the message before.
    pub equal: f64,
    /// The message comes twice in a row (in the long history: instead of the one after it).
    pub duplicate: f64,
    /// A timestamp that is none.
    pub unreadable: f64,
    /// A type that nobody knows, and no text.
    pub unknown_type: f64,
    /// The right time, told in another time zone.
    pub zoned: f64,
}

/// What is odd about a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Oddity {
    Backwards,
    Equal,
    Duplicate,
    Unreadable,
    UnknownType,
    Zoned,
}

impl Untidy {
    /// This share of the odd half of the messages, for each of the six oddities alike.
    ///
    /// ```
    /// assert_eq!(frontdesk_sandbox::Untidy::evenly(0.01).zoned, 0.01);
    /// ```
    #[must_use]
    pub fn evenly(share: f64) -> Self {
        Self {
            backwards: share,
            equal: share,
            duplicate: share,
            unreadable: share,
            unknown_type: share,
            zoned: share,
        }
    }

    fn shares(&self) -> [(f64, Oddity); 6] {
        [
            (self.backwards, Oddity::Backwards),
            (self.equal, Oddity::Equal),
            (self.duplicate, Oddity::Duplicate),
            (self.unreadable, Oddity::Unreadable),
            (self.unknown_type, Oddity::UnknownType),
            (self.zoned, Oddity::Zoned),
        ]
    }

    /// Checks what the type does not.
    pub(crate) fn check(&self) -> Result<(), Error> {
        let shares = self.shares().map(|(share, _)| share);
        let fit = |share: f64| (0.0..=1.0).contains(&share);
        if shares.into_iter().all(fit) && fit(shares.iter().sum()) {
            Ok(())
        } else {
            Err(Error::setting("untidy", "a share, or their sum, is not within 0 and 1"))
        }
    }

    /// What is odd about message `index` of the talk that `hash` stands for.
    pub(super) fn oddity(&self, hash: u64, index: u64) -> Option<Oddity> {
        if index.is_multiple_of(2) {
            return None;
        }
        let mut left = fraction(hash, index);
        self.shares().into_iter().find_map(|(share, oddity)| {
            let hit = left < share;
            left -= share;
            hit.then_some(oddity)
        })
    }
}
