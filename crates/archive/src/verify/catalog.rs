//! The catalog against the segments.

use super::segments::Seen;
use super::{Findings, Scope, VerifyOptions};
use crate::catalog::{self, Catalog};
use crate::error::Error;
use crate::layout;

/// Whether the rows must be compared: there is a catalog, and nothing else vouches for it.
pub(super) fn must_compare(
    scope: &Scope<'_>,
    options: &VerifyOptions,
    findings: &mut Findings,
) -> Result<bool, Error> {
    if scope.catalog.is_none() {
        return Ok(false);
    }
    if scope.active {
        return Ok(true);
    }
    match catalog::is_as_closed(scope.dir)? {
        Some(true) => Ok(options.compare_catalog),
        Some(false) => {
            findings.damaged(layout::CATALOG, "it is not the file its checksum was taken of");
            Ok(true)
        }
        None => Ok(true),
    }
}

/// Compares sums and what no single row shows; the rows themselves were compared on the way.
pub(super) fn check(
    scope: &Scope<'_>,
    catalog: &Catalog,
    conversations: u64,
    seen: &Seen,
    findings: &mut Findings,
) -> Result<(), Error> {
    for line in catalog.integrity()? {
        findings.damaged(layout::CATALOG, line);
    }
    let (mut records, mut members) = (0, 0);
    for (number, total) in seen {
        let covered = scope.covered(*number).map_or((0, 0), |(mark, _)| (mark.records, mark.raw_bytes));
        if covered != (total.records, total.raw_bytes) {
            findings.damaged(
                layout::CATALOG,
                format!("the sums of segment {number} are not those of its members"),
            );
        }
        records += total.records;
        members += total.members;
    }
    let counts = catalog.counts()?;
    if (counts.records, counts.members) != (records, members) {
        findings.damaged(
            layout::CATALOG,
            format!(
                "it has {} records and {} members, the segments {records} and {members}",
                counts.records, counts.members
            ),
        );
    }
    if counts.wrongly_keyed > 0 {
        findings.damaged(layout::CATALOG, "its index by key is not that of its records");
    }
    if counts.wrongly_superseded > 0 {
        findings.damaged(layout::CATALOG, "it does not know the latest versions");
    }
    if counts.conversations != conversations {
        findings.damaged(layout::CATALOG, "it does not count the conversations right");
    }
    Ok(())
}
