//! How conversations stand in the archive: what the index cannot know, since holds come and go, and runs go on.

use std::ops::Range;
use std::sync::Arc;

use frontdesk_domain::Query;
use frontdesk_domain::query::{Document, Expr, FieldName, IS_DAMAGED, IS_HELD, IS_PROVISIONAL};
use roaring::RoaringBitmap;

use super::Expression;
use super::cursor::Rank;
use super::index::{Fault, IndexFile};
use crate::damage::{Integrity, Known};
use crate::error::Error;
use crate::reader::Reader;

/// Which conversations are held, and which may still change, of either none where nobody asks; and which are damaged.
#[derive(Debug, Clone, Default)]
pub(super) struct Standing {
    /// The sequences of what is searched of the conversations that any matter holds, in order.
    held: Vec<u64>,
    /// When those began that may still change, in microseconds: in order, without overlap, ends not in it.
    open: Arc<[Range<i64>]>,
    pub(super) damage: Known,
}

impl Standing {
    /// The values of `is` that are answered here.
    pub(super) const VALUES: [&str; 3] = [IS_HELD, IS_PROVISIONAL, IS_DAMAGED];

    /// A conversation with its standing.
    pub(super) fn of<'a>(&self, sequence: u64, document: Document<'a>) -> Document<'a> {
        let held = self.held.binary_search(&sequence).is_ok();
        let provisional =
            !self.open.is_empty() && document.started_at().is_some_and(|began| self.is_open(began));
        let damage = &self.damage;
        let damaged = damage.integrity(sequence) != Integrity::Sound || damage.gone(sequence).is_some();
        document.held(held).provisional(provisional).damaged(damaged)
    }

    fn is_open(&self, began: i64) -> bool {
        let after = self.open.partition_point(|range| range.start <= began);
        after.checked_sub(1).is_some_and(|at| began < self.open[at].end)
    }

    /// The documents of a file that stand so, dead ones included.
    ///
    /// # Errors
    /// What is wrong with the file.
    pub(super) fn in_file(&self, file: &IndexFile, value: &str) -> Result<RoaringBitmap, Fault> {
        if value == IS_PROVISIONAL {
            let mut found = RoaringBitmap::new();
            for range in &*self.open {
                // Documents lie newest first.
                let behind = |began| file.behind(Rank { started_at: Some(began), sequence: 0 });
                let (newest, end) = (behind(range.end)?, behind(range.start)?);
                if newest < end {
                    found.insert_range(newest..end);
                }
            }
            return Ok(found);
        }
        of_sorted(file, if value == IS_DAMAGED { &self.damage.documents } else { &self.held })
    }

    /// The documents of a file that are damaged, dead ones included.
    ///
    /// # Errors
    /// What is wrong with the file.
    pub(super) fn damaged_in(&self, file: &IndexFile) -> Result<RoaringBitmap, Fault> {
        of_sorted(file, &self.damage.documents)
    }

    /// All of it as numbers, for what depends on it.
    pub(super) fn numbers(&self) -> impl Iterator<Item = u64> + '_ {
        let borders = self.open.iter().flat_map(|range| [range.start, range.end]);
        let gone = self.damage.gone.iter().map(|gone| gone.sequence);
        let damaged = self.damage.documents.iter().copied().chain(gone);
        self.held.iter().copied().chain(borders.map(i64::cast_unsigned)).chain(damaged)
    }
}

fn of_sorted(file: &IndexFile, sequences: &[u64]) -> Result<RoaringBitmap, Fault> {
    let from = sequences.partition_point(|sequence| *sequence < file.entry.first);
    let to = sequences.partition_point(|sequence| *sequence <= file.entry.last);
    file.of_sorted(&sequences[from..to.max(from)])
}

impl Reader {
    /// The standing of conversations, as far as a search asks for it: its query, or the facets.
    ///
    /// # Errors
    /// What is wrong with the catalog, or keeps the runs' logs from being read.
    pub(super) fn standing_for(&self, expression: &Expression, facets: bool) -> Result<Standing, Error> {
        let wanted = |value| facets || matches!(expression, Expression::Query(query) if asks(query, value));
        let damage = self.known_damage()?;
        let mut held = Vec::new();
        if wanted(IS_HELD) {
            held = self.ask(|catalog| catalog.held_documents())?;
            for gone in &damage.gone {
                if !self.matters(&gone.key.id)?.is_empty() {
                    held.push(gone.sequence);
                }
            }
            held.sort_unstable();
        }
        let open = if wanted(IS_PROVISIONAL) { self.provisional()? } else { Arc::default() };
        Ok(Standing { held, open, damage })
    }
}

/// Whether a query asks which stand so.
fn asks(query: &Query, value: &str) -> bool {
    fn any(expr: &Expr, value: &str) -> bool {
        match expr {
            Expr::All(list) | Expr::Any(list) => list.iter().any(|expr| any(expr, value)),
            Expr::Not(expr) => any(expr, value),
            Expr::Field(field) => *field.name() == FieldName::Is && field.value() == value,
            Expr::Words(_) | Expr::From(_) | Expr::To(_) => false,
        }
    }
    any(query.expr(), value)
}
