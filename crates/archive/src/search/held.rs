//! Which conversations are held: what the index cannot know, since holds come and go.

use frontdesk_domain::Query;
use frontdesk_domain::query::{Expr, FieldName, IS_HELD};
use roaring::RoaringBitmap;

use super::Expression;
use super::index::{Fault, IndexFile};
use crate::error::Error;
use crate::reader::Reader;

/// The sequences of what is searched of the conversations that any matter holds, in order; of none where nobody asks.
#[derive(Debug, Clone, Default)]
pub(super) struct Held(Vec<u64>);

impl Held {
    pub(super) fn contains(&self, sequence: u64) -> bool {
        self.0.binary_search(&sequence).is_ok()
    }

    /// The documents of a file that are held, dead ones included.
    ///
    /// # Errors
    /// What is wrong with the file.
    pub(super) fn in_file(&self, file: &IndexFile) -> Result<RoaringBitmap, Fault> {
        let from = self.0.partition_point(|sequence| *sequence < file.entry.first);
        let to = self.0.partition_point(|sequence| *sequence <= file.entry.last);
        file.of_sorted(&self.0[from..to.max(from)])
    }

    /// For what depends on all of them.
    pub(super) fn sequences(&self) -> &[u64] {
        &self.0
    }
}

impl Reader {
    /// The held ones, where a search asks for them: its query, or the facets.
    ///
    /// # Errors
    /// What is wrong with the catalog.
    pub(super) fn held_for(&self, expression: &Expression, facets: bool) -> Result<Held, Error> {
        if !facets && !matches!(expression, Expression::Query(query) if asks(query)) {
            return Ok(Held::default());
        }
        self.ask(|catalog| catalog.held_documents()).map(Held)
    }
}

/// Whether a query asks which are held.
fn asks(query: &Query) -> bool {
    fn any(expr: &Expr) -> bool {
        match expr {
            Expr::All(list) | Expr::Any(list) => list.iter().any(any),
            Expr::Not(expr) => any(expr),
            Expr::Field(field) => *field.name() == FieldName::Is && field.value() == IS_HELD,
            Expr::Words(_) | Expr::From(_) | Expr::To(_) => false,
        }
    }
    any(query.expr())
}
