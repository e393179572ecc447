//! The late queue for who asks again and again: each line of the runs' logs is read once.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use frontdesk_archive::{Error, ErrorKind, Reader, RunPlace};
use frontdesk_domain::RunId;

use super::queue::{RUNS_LOOKED_AT, RUNS_OF_ANY_SOURCE, Told, Waiting, newest};
use crate::checkpoint::{Line, Request};

/// What was read of the newest runs' logs. A question costs what was appended since the one before.
#[derive(Debug, Default)]
pub struct LateQueue(Mutex<Remembered>);

#[derive(Debug, Default)]
struct Remembered {
    /// The archive they are of.
    archive: String,
    runs: BTreeMap<RunId, Log>,
}

/// What is remembered of a log.
#[derive(Debug)]
enum Log {
    Read {
        place: RunPlace,
        asked: Option<Box<Request>>,
        told: Told,
    },
    /// It tells nothing as long as it has these bytes.
    Damaged {
        bytes: u64,
    },
}

impl LateQueue {
    /// The conversations that pulls look at again, whichever source they were pulled from: as the newest runs' logs have
    /// it, also while one of them goes on. Blocks.
    ///
    /// # Errors
    /// What the file system says. A log that is damaged tells nothing.
    pub fn waiting(&self, reader: &Reader) -> Result<Vec<Waiting>, Error> {
        let mut remembered = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let archive = reader.archive_id();
        if remembered.archive != archive {
            *remembered = Remembered { archive, runs: BTreeMap::new() };
        }
        let newest = newest(reader)?;
        remembered.runs.retain(|run, _| newest.contains(run));
        let mut sources: Vec<Request> = Vec::new();
        for run in newest.iter().take(RUNS_OF_ANY_SOURCE) {
            if let Some((asked, _)) = remembered.read(reader, run)?
                && !sources.iter().any(|source| source.asks_as(asked))
            {
                sources.push(asked.clone());
            }
        }
        let mut waiting = Vec::new();
        for source in &sources {
            let (mut all, mut read) = (Told::default(), 0);
            for run in &newest {
                if read == RUNS_LOOKED_AT {
                    break;
                }
                if let Some((_, told)) =
                    remembered.read(reader, run)?.filter(|(asked, _)| asked.asks_as(source))
                {
                    all.add(told);
                    read += 1;
                }
            }
            waiting.extend(all.folded().waiting.into_values());
        }
        Ok(waiting)
    }
}

impl Remembered {
    /// What a log says: what was asked for, and of looks. Reads what was appended since.
    fn read(&mut self, reader: &Reader, run: &RunId) -> Result<Option<(&Request, &Told)>, Error> {
        let before = self.runs.remove(run);
        let log = match before {
            Some(Log::Damaged { bytes }) if reader.run_bytes(run)? == bytes => Log::Damaged { bytes },
            Some(Log::Read { place, asked, told }) => {
                // Where it does not go on from there it is another log.
                match Log::read_on(reader, run, Some(place), asked, told)? {
                    Log::Damaged { .. } => Log::read_on(reader, run, None, None, Told::default())?,
                    read => read,
                }
            }
            _ => Log::read_on(reader, run, None, None, Told::default())?,
        };
        Ok(match self.runs.entry(run.clone()).insert_entry(log).into_mut() {
            Log::Read { asked: Some(asked), told, .. } => Some((asked, told)),
            _ => None,
        })
    }
}

impl Log {
    fn read_on(
        reader: &Reader,
        run: &RunId,
        from: Option<RunPlace>,
        mut asked: Option<Box<Request>>,
        mut told: Told,
    ) -> Result<Self, Error> {
        let bytes = reader.run_bytes(run)?;
        let read = reader.run_on(run, from, &mut |line| match serde_json::from_value::<Line>(line) {
            Ok(Line::Run { request, .. }) => asked = Some(Box::new(request)),
            Ok(line) => told.take(line),
            Err(_) => {}
        });
        match read {
            Ok(place) => {
                told.settle();
                Ok(Self::Read { place, asked, told })
            }
            Err(error) if matches!(error.kind(), ErrorKind::Damage { .. }) => Ok(Self::Damaged { bytes }),
            Err(error) => Err(error),
        }
    }
}
