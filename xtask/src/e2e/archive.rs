//! What an archive must be able to prove, asked of the binary and of the files themselves.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::Value;

use super::desk::Desk;
use super::files;
use super::tenant::Truth;
use crate::Outcome;

/// A line of `archive list`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Listed {
    pub(super) kind: String,
    pub(super) id: String,
    pub(super) version: u32,
    pub(super) sha256: String,
    pub(super) segment: String,
    pub(super) started_at: Option<String>,
    pub(super) archived_at: String,
}

impl Desk<'_> {
    /// Every record.
    pub(super) fn list(&self) -> Result<Vec<Listed>, String> {
        let run = self.json(&["archive", "list"])?.exits(0)?;
        let lines = run.lines()?.into_iter().map(serde_json::from_value);
        let listed: Result<Vec<Listed>, _> = lines.collect();
        listed.map_err(|error| run.wrong(&format!("a line of the list is not as promised: {error}")))
    }

    /// `archive verify` finds nothing, and as many records as there are.
    pub(super) fn verifies(&self, records: u64) -> Outcome {
        let run = self.json(&["archive", "verify"])?.exits(0)?;
        let result = run.last()?;
        ensure!(result["damaged"] == serde_json::json!([]), "{}", run.wrong("something is damaged"));
        ensure!(result["records"] == records, "{}", run.wrong(&format!("{records} records were expected")));
        Ok(())
    }

    /// The archive holds these conversations, each once, byte for byte, and every witness agrees: the list, the check, and
    /// the lines in the segments.
    pub(super) fn holds_exactly(&self, truth: &Truth) -> Outcome {
        let listed = self.list()?;
        for record in &listed {
            ensure!(record.kind == "details" && record.version == 1, "stored more than once: {record:?}");
            match truth.get(&record.id) {
                None => return Err(format!("this was never served: {record:?}")),
                Some(sha256) => {
                    ensure!(*sha256 == record.sha256, "these are not the bytes that were served: {record:?}")
                }
            }
        }
        let ids: BTreeSet<&str> = listed.iter().map(|record| record.id.as_str()).collect();
        ensure!(ids.len() == listed.len(), "an id is listed twice");
        let lost: Vec<&String> = truth.keys().filter(|id| !ids.contains(id.as_str())).collect();
        ensure!(
            lost.is_empty(),
            "{} of {} conversations are lost, such as {:?}",
            lost.len(),
            truth.len(),
            lost.first()
        );
        self.verifies(truth.len() as u64)?;
        self.lines_are_what_is_listed(&listed)?;
        self.shows_some(&listed)
    }

    /// The lines of all segments, as gunzip gives them, are the records of the list.
    pub(super) fn lines_are_what_is_listed(&self, listed: &[Listed]) -> Outcome {
        let mut found: BTreeMap<String, i64> = BTreeMap::new();
        for segment in files::segments(&self.archive())? {
            for line in files::gunzip(&segment)?.split_inclusive(|byte| *byte == b'\n') {
                let line =
                    line.strip_suffix(b"\n").ok_or_else(|| format!("{}: a torn line", segment.display()))?;
                *found.entry(files::sha256(line)).or_default() += 1;
            }
        }
        for record in listed {
            *found.entry(record.sha256.clone()).or_default() -= 1;
        }
        let odd: Vec<_> = found.iter().filter(|(_, count)| **count != 0).collect();
        ensure!(
            odd.is_empty(),
            "{} hashes differ between the lines of the segments and the list (more lines than listed is positive): {:?}",
            odd.len(),
            odd.first()
        );
        Ok(())
    }

    /// `show --raw` of a few gives the bytes of the list.
    fn shows_some(&self, listed: &[Listed]) -> Outcome {
        for _ in 0..3.min(listed.len()) {
            let record = &listed[self.scene.random().index(listed.len())];
            let bytes = self.raw(&record.id)?;
            ensure!(files::sha256(&bytes) == record.sha256, "show gives other bytes: {record:?}");
        }
        Ok(())
    }

    /// A record's exact bytes.
    pub(super) fn raw(&self, id: &str) -> Result<Vec<u8>, String> {
        // No process can be given a NUL in an argument.
        if id.contains('\0') {
            let written = Value::from(id).to_string();
            return Ok(self
                .run(&["archive", "show", "--raw", "--json-id", "--", &written])?
                .exits(0)?
                .stdout);
        }
        Ok(self.run(&["archive", "show", "--raw", "--", id])?.exits(0)?.stdout)
    }
}

/// The result of a pull has the fields scripts rely on, and they add up.
pub(super) fn pulled(result: &Value) -> Result<Pulled, String> {
    let number = |name: &str| {
        result[name].as_u64().ok_or_else(|| format!("the result of the pull has no number {name}: {result}"))
    };
    let pulled = Pulled {
        state: result["state"].as_str().unwrap_or_default().to_owned(),
        seen: number("seen")?,
        stored: number("stored")?,
        versions_added: number("versions_added")?,
        unchanged: number("unchanged")?,
        rejected: number("rejected")?,
        pages: number("pages")?,
        throttled: number("throttled")?,
    };
    let sum = pulled.stored + pulled.versions_added + pulled.unchanged + number("expired")? + pulled.rejected;
    ensure!(pulled.seen == sum, "the numbers of the pull do not add up to seen: {result}");
    ensure!(result["run_id"].is_string(), "the result of the pull has no run_id: {result}");
    number("requests").and(number("elapsed_ms"))?;
    Ok(pulled)
}

/// What a pull counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pulled {
    pub(super) state: String,
    pub(super) seen: u64,
    pub(super) stored: u64,
    pub(super) versions_added: u64,
    pub(super) unchanged: u64,
    pub(super) rejected: u64,
    pub(super) pages: u64,
    pub(super) throttled: u64,
}
