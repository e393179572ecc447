//! Counting what is allowed so often in so long a time.

use std::time::Duration;

use crate::moment::Moment;

/// A fixed window that begins with the first of what it counts.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Window {
    started: Option<Moment>,
    count: u64,
}

impl Window {
    /// Counts one more, unless there were `limit` within `span`: then says how many seconds are left,
    /// rounded up. A limit of 0 is none.
    pub(crate) fn take(&mut self, limit: u64, span: Duration, now: Moment) -> Result<(), u64> {
        let end = self.started.map(|started| started.plus(span)).filter(|end| now < *end);
        if end.is_none() {
            *self = Self { started: Some(now), count: 0 };
        }
        self.count += 1;
        match end {
            Some(end) if limit > 0 && self.count > limit => {
                let left = Duration::try_from(end.since(now)).unwrap_or_default();
                Err(u64::try_from(left.as_millis().div_ceil(1_000)).unwrap_or(1).max(1))
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_lets_so_many_through_and_begins_anew() {
        let at = |millis| Moment::UNIX_EPOCH.plus(Duration::from_millis(millis));
        let mut window = Window::default();
        let span = Duration::from_secs(10);
        assert_eq!(window.take(2, span, at(0)), Ok(()));
        assert_eq!(window.take(2, span, at(1_000)), Ok(()));
        assert_eq!(window.take(2, span, at(1_500)), Err(9));
        assert_eq!(window.take(2, span, at(10_000)), Ok(()), "a new one");
        assert_eq!(window.take(1, span, at(10_001)), Err(10));
        assert_eq!(window.take(0, span, at(10_002)), Ok(()), "no limit");
    }
}
