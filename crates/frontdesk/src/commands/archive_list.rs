//! `frontdesk archive list`

use frontdesk_archive::{ListEntry, ListQuery};
use frontdesk_domain::RecordKind;
use frontdesk_durable::to_hex;
use frontdesk_shell::printer::printable;
use frontdesk_shell::{Exit, Failure};
use serde::Serialize;

use crate::context::Context;
use crate::{failures, store};

/// One record, as scripts read it (design, "Names that scripts rely on").
#[derive(Serialize)]
struct Line<'a> {
    kind: RecordKind,
    id: &'a str,
    version: u32,
    sha256: String,
    segment: &'a str,
    started_at: Option<String>,
    archived_at: String,
}

impl<'a> Line<'a> {
    fn new(entry: &'a ListEntry) -> Self {
        Self {
            kind: entry.key.kind,
            id: entry.key.id.as_str(),
            version: entry.version,
            sha256: to_hex(&entry.sha256),
            segment: &entry.segment,
            started_at: entry.started_at.map(|at| at.to_string()),
            archived_at: entry.archived_at.to_string(),
        }
    }

    fn text(&self) -> String {
        let started_at = self.started_at.as_deref().unwrap_or("undated");
        format!(
            "{started_at:<24}  {}  v{}  {}  {}",
            self.kind,
            self.version,
            &self.sha256[..12],
            printable(self.id)
        )
    }
}

pub(crate) fn run(context: &Context<'_>) -> Result<Exit, Failure> {
    let reader = store::reader(context)?;
    for entry in reader.list(&ListQuery::default()) {
        let entry = entry.map_err(|error| failures::archive(&error))?;
        context.printer.data(&Line::new(&entry), Line::text)?;
    }
    Ok(Exit::Done)
}
