//! The archive as a destination: a history is one record of kind `history`.

use std::fmt;
use std::io;
use std::sync::Arc;

use frontdesk_archive::{Prepared, RECORD_LIMIT, Writer};
use frontdesk_domain::{RawRecord, RecordKey, RecordKind, payload};

use crate::destination::{Delivered, Destination, Finished};
use crate::keep::named;
use crate::pull::StoreError;
use crate::report::HistoryState;

const BEGIN: &[u8] = br#"{"entities":["#;
const END: &[u8] = b"]}";

/// Stores histories in an archive.
///
/// A record's bytes are `{"entities":[…]}` with the messages exactly as they came, by time and then by id, each once.
/// What belongs to the listing and not to the conversation (page tokens, sizes) is not in it, and nothing of ours is:
/// an equal history gives equal bytes, and another one the next version (docs/history.md).
///
/// What is stored is whole as far as it can be had: a history of which a page failed is stored by the session that gets
/// it. One of more than 64 MiB is not stored, and its report says so.
pub struct ArchiveStore {
    writer: Arc<Writer>,
}

impl ArchiveStore {
    /// The archive behind `writer`.
    #[must_use]
    pub fn new(writer: Arc<Writer>) -> Self {
        Self { writer }
    }
}

impl fmt::Debug for ArchiveStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ArchiveStore").finish_non_exhaustive()
    }
}

impl Destination for ArchiveStore {
    fn identity(&self) -> String {
        "archive".to_owned()
    }

    fn take(&self, history: &Finished<'_>) -> Result<Delivered, StoreError> {
        let archived = |outcome| Delivered { archived: Some(outcome), ..Delivered::default() };
        if !matches!(
            history.report().state,
            HistoryState::Complete | HistoryState::DepthLimited | HistoryState::Looping
        ) {
            return Ok(archived("not_whole"));
        }
        let Some(bytes) = record(history)? else { return Ok(archived("too_large")) };
        let facts = payload::facts(RecordKind::History, &bytes);
        let key = RecordKey { kind: RecordKind::History, id: history.report().target.conversation().clone() };
        let record = RawRecord::from_parts(key, bytes).map_err(io::Error::other)?;
        let outcomes = self.writer.put(vec![Prepared::new(record, facts)])?;
        Ok(archived(outcomes.first().map_or("unchanged", named)))
    }
}

/// The record's bytes; `None` when they are more than a record may have.
fn record(history: &Finished<'_>) -> Result<Option<Vec<u8>>, StoreError> {
    /// Marks the one error that is no failure.
    #[derive(Debug, thiserror::Error)]
    #[error("the history is larger than a record may be")]
    struct TooLarge;

    let mut bytes = BEGIN.to_vec();
    let built = history.messages(&mut |message| {
        if bytes.len() + message.bytes().len() + END.len() + 1 > RECORD_LIMIT {
            return Err(io::Error::other(TooLarge));
        }
        if bytes.len() > BEGIN.len() {
            bytes.push(b',');
        }
        bytes.extend_from_slice(message.bytes());
        Ok(())
    });
    match built {
        Ok(()) => {
            bytes.extend_from_slice(END);
            Ok(Some(bytes))
        }
        Err(error) if error.get_ref().is_some_and(|cause| cause.is::<TooLarge>()) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Two destinations: what one says of a history and what the other says.
pub struct Both(pub Arc<dyn Destination>, pub Arc<dyn Destination>);

impl fmt::Debug for Both {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Both").finish_non_exhaustive()
    }
}

impl Destination for Both {
    fn identity(&self) -> String {
        format!("{} and {}", self.0.identity(), self.1.identity())
    }

    fn keeps(&self) -> bool {
        self.0.keeps() && self.1.keeps()
    }

    fn take(&self, history: &Finished<'_>) -> Result<Delivered, StoreError> {
        let (one, other) = (self.0.take(history)?, self.1.take(history)?);
        let (file, archived) = (one.file.or(other.file), one.archived.or(other.archived));
        Ok(Delivered { file, archived, ..Delivered::default() })
    }
}
