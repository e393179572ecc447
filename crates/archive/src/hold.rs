//! Legal holds: what a matter holds is not removed, whatever the policies say.

use std::collections::BTreeSet;

use frontdesk_domain::{MatterName, RecordId};

use crate::error::{Action, Error, ErrorKind};
use crate::ledger::Change;
use crate::maintenance::Maintenance;

/// Bytes of ids in one line of the ledger.
const LINE: usize = 256 * 1024;

/// What became of a hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct HoldOutcome {
    /// Conversations that this matter did not hold before.
    pub added: u64,
    /// Conversations that it held already.
    pub already: u64,
}

impl Maintenance {
    /// Puts conversations under a hold of `matter`, with all their records and versions, those to come too. `query` is
    /// what they were found by, if they were: it is kept, and not asked again.
    ///
    /// All ids are looked at before anything is written. More than fit in one append of the ledger are written in
    /// several: a stop in between leaves some of them held, and the same call adds the rest.
    ///
    /// # Errors
    /// `Unknown` when an id is not in the archive, with nothing held then; `Storage` and what SQLite says.
    pub fn hold(
        &mut self,
        matter: &MatterName,
        ids: &[RecordId],
        query: Option<&str>,
        reason: &str,
    ) -> Result<HoldOutcome, Error> {
        let mut outcome = HoldOutcome::default();
        let mut new = Vec::new();
        for id in ids.iter().collect::<BTreeSet<_>>() {
            if self.store.catalog.matters(id)?.contains(matter) {
                outcome.already += 1;
            } else if self.store.catalog.of_conversation(id)?.is_empty() {
                let gone = self.store.catalog.tombstone(id)?.is_some();
                let what = if gone {
                    format!("the conversation {id:?} was removed by retention")
                } else {
                    format!("there is no conversation {id:?}")
                };
                return Err(Error::new(Action::Hold, "the archive", ErrorKind::Unknown { what }));
            } else {
                outcome.added += 1;
                new.push(id.clone());
            }
        }
        for ids in pieces(new) {
            let query = query.map(str::to_owned);
            self.change(reason, Change::Hold { matter: matter.clone(), query, ids })?;
        }
        Ok(outcome)
    }

    /// Ends the hold of `matter` on some conversations, or on all with `None`. Gives on how many. What other matters
    /// hold stays held.
    ///
    /// # Errors
    /// `Unknown` when the matter holds nothing, or not one of these; `Storage` and what SQLite says.
    pub fn release(
        &mut self,
        matter: &MatterName,
        ids: Option<&[RecordId]>,
        reason: &str,
    ) -> Result<u64, Error> {
        let unknown = |what: String| Error::new(Action::Hold, "the archive", ErrorKind::Unknown { what });
        let Some(ids) = ids else {
            let held = self.store.catalog.held_by(matter)?;
            if held == 0 {
                return Err(unknown(format!("the matter {:?} holds nothing", matter.as_str())));
            }
            self.change(reason, Change::Release { matter: matter.clone(), ids: None })?;
            return Ok(held);
        };
        let ids: BTreeSet<RecordId> = ids.iter().cloned().collect();
        for id in &ids {
            if !self.store.catalog.matters(id)?.contains(matter) {
                return Err(unknown(format!("the matter {:?} does not hold {id:?}", matter.as_str())));
            }
        }
        let released = ids.len() as u64;
        for ids in pieces(ids.into_iter().collect()) {
            self.change(reason, Change::Release { matter: matter.clone(), ids: Some(ids) })?;
        }
        Ok(released)
    }

    /// One line of the ledger about holds or tombstones, and the same in the catalog.
    pub(crate) fn change(&mut self, reason: &str, change: Change) -> Result<(), Error> {
        let store = &mut self.store;
        store.begin_changes()?;
        let (number, line) = store.ledger.append_one(reason, change)?;
        let (head, before) = (store.ledger.head(), store.conversations);
        store.conversations = store.catalog.change(|change| {
            let after = before.saturating_sub(change.retain(number, &line)?);
            change.mark(head, after)?;
            Ok(after)
        })?;
        Ok(())
    }
}

/// Ids in pieces that fit in a line each.
fn pieces(ids: Vec<RecordId>) -> Vec<Vec<RecordId>> {
    let mut pieces: Vec<Vec<RecordId>> = Vec::new();
    let mut bytes = LINE;
    for id in ids {
        bytes += id.as_str().len() + 3;
        match pieces.last_mut().filter(|_| bytes <= LINE) {
            Some(piece) => piece.push(id),
            None => {
                bytes = id.as_str().len();
                pieces.push(vec![id]);
            }
        }
    }
    pieces
}
