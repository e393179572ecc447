//! When conversations began that may still change, known from search to search.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Arc, PoisonError};

use frontdesk_domain::coverage::Coverage;
use frontdesk_domain::{RunId, TimeRange, Timestamp};

use super::calendar;
use super::runs::{self, Log};
use crate::error::{Action, During, Error};
use crate::reader::Reader;

/// What was read of the runs' logs: a log that is over is read once, one that goes on when it is longer.
#[derive(Debug, Default)]
pub(crate) struct KnownRuns {
    logs: BTreeMap<RunId, Known>,
    open: Arc<[Range<i64>]>,
}

#[derive(Debug)]
struct Known {
    bytes: u64,
    log: Log,
}

impl Reader {
    /// The stretches of time whose conversations may still change, as the calendar counts them
    /// ([`Day::provisional`](super::Day::provisional)): in microseconds, in order, without overlap, ends not in it.
    ///
    /// # Errors
    /// What the file system says. A log that is damaged proves nothing.
    pub(crate) fn provisional(&self) -> Result<Arc<[Range<i64>]>, Error> {
        let mut known = self.runs.lock().unwrap_or_else(PoisonError::into_inner);
        let runs = crate::runs::list(&*self.dir)?;
        let mut changed = false;
        let mut logs = BTreeMap::new();
        for run in runs {
            let path = crate::runs::path(&run);
            let before = known.logs.remove(&run);
            let now = match before {
                Some(before) if before.log.is_over() => before,
                before => {
                    // The length first: what is read then is at least as long.
                    let bytes = self.dir.metadata(&path).during(Action::Read, &path)?.len;
                    match before.filter(|before| before.bytes == bytes) {
                        Some(before) => before,
                        None => {
                            changed = true;
                            let file = self.dir.open_read(&path).during(Action::Read, &path)?;
                            Known { bytes, log: runs::log(&*file).during(Action::Read, &path)? }
                        }
                    }
                }
            };
            logs.insert(run, now);
        }
        // What is left is there no more.
        changed |= !known.logs.is_empty();
        known.logs = logs;
        if changed {
            known.open = open(known.logs.values().map(|known| &known.log));
        }
        Ok(Arc::clone(&known.open))
    }
}

fn open<'l>(logs: impl Iterator<Item = &'l Log>) -> Arc<[Range<i64>]> {
    let (mut all, mut filtered) = (Coverage::default(), BTreeMap::new());
    logs.for_each(|log| log.raise(&mut all, &mut filtered));
    let Ok(ever) = TimeRange::new(Timestamp::MIN, Timestamp::MAX) else { return Arc::default() };
    calendar::open(&all, &filtered, ever)
        .into_iter()
        .map(|stretch| stretch.from().as_micros()..stretch.to().as_micros())
        .filter(|stretch| !stretch.is_empty())
        .collect()
}
