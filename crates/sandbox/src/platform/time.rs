//! Times as the published contract writes them (B.2).

use serde::{Serialize, Serializer};

use crate::moment::Moment;

/// A moment, written in UTC with exactly three digits of a second.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Time(pub(crate) Moment);

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{:.3}", self.0.timestamp()))
    }
}

/// Milliseconds from one moment to a later one.
pub(crate) fn millis(from: Moment, to: Moment) -> u64 {
    u64::try_from(to.since(from).as_millis()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_digits_always() {
        for (given, written) in [
            ("2026-03-02T09:14:01Z", "2026-03-02T09:14:01.000Z"),
            ("2026-03-02T09:14:01.9Z", "2026-03-02T09:14:01.900Z"),
            ("2026-03-02T09:14:01.123999999+01:00", "2026-03-02T08:14:01.123Z"),
        ] {
            let time = Time(given.parse().unwrap());
            assert_eq!(serde_json::to_value(time).unwrap(), written);
        }
    }
}
