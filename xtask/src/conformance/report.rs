//! What the scenarios said, as a table: each operation, how often it was called, and what of its answers got lost.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::Deserialize;

use crate::Outcome;

/// A line of a scenario.
#[derive(Deserialize)]
struct Said {
    sdk: String,
    #[serde(default)]
    job: String,
    #[serde(default)]
    operation: String,
    #[serde(default)]
    status: u16,
    #[serde(default)]
    model: String,
    #[serde(default)]
    lost: Vec<String>,
    /// The scenario's last line.
    #[serde(default)]
    done: bool,
}

/// What came of one operation with one SDK.
#[derive(Default)]
struct Row {
    calls: u64,
    model: String,
    /// What was wrong, and how often.
    lost: BTreeMap<String, u64>,
}

/// Everything the scenarios said.
#[derive(Default)]
pub(super) struct Report {
    /// In the order of the first call, as a reader follows a scenario.
    rows: Vec<((String, String, String), Row)>,
}

impl Report {
    /// Takes what a scenario printed. Whether it came to its end.
    pub(super) fn read(&mut self, text: &str) -> Result<bool, String> {
        let mut done = false;
        for line in text.lines() {
            let said: Said = serde_json::from_str(line)
                .map_err(|error| format!("a scenario printed no JSON object: {error}: {line}"))?;
            done |= said.done;
            if !said.done {
                self.take(said);
            }
        }
        Ok(done)
    }

    fn take(&mut self, said: Said) {
        let key = (said.sdk, said.job, said.operation);
        let at = self.rows.iter().position(|(known, _)| *known == key).unwrap_or_else(|| {
            self.rows.push((key, Row::default()));
            self.rows.len() - 1
        });
        let row = &mut self.rows[at].1;
        row.calls += 1;
        // The model of what went well says more than that of an error.
        if row.model.is_empty() || said.status < 400 {
            row.model = said.model;
        }
        for lost in said.lost {
            *row.lost.entry(lost).or_default() += 1;
        }
    }

    fn faulty(&self) -> usize {
        self.rows.iter().filter(|(_, row)| !row.lost.is_empty()).count()
    }

    pub(super) fn table(&self) -> String {
        let mut table = String::new();
        let mut above = (String::new(), String::new());
        for ((sdk, job, operation), row) in &self.rows {
            if above != (sdk.clone(), job.clone()) {
                let _ = writeln!(table, "{sdk}: {job}");
                above = (sdk.clone(), job.clone());
            }
            let verdict = if row.lost.is_empty() { "ok" } else { "LOST" };
            let _ = writeln!(table, "  {verdict:<5} {:>4} x {operation}  {}", row.calls, row.model);
            for (lost, times) in &row.lost {
                let _ = writeln!(table, "        {times} x {lost}");
            }
        }
        let _ = writeln!(
            table,
            "conformance: {} operations and checks, {} calls, {} faulty",
            self.rows.len(),
            self.rows.iter().map(|(_, row)| row.calls).sum::<u64>(),
            self.faulty()
        );
        table
    }

    /// Fails on any loss, and where nothing was said at all.
    pub(super) fn outcome(&self) -> Outcome {
        match (self.rows.len(), self.faulty()) {
            (0, _) => Err("no scenario called anything".into()),
            (_, 0) => Ok(()),
            (_, faulty) => Err(format!("{faulty} operations or checks do not hold")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loss_is_told_and_fails() {
        let mut report = Report::default();
        assert!(report.outcome().is_err(), "nothing was called");
        let call =
            r#"{"sdk":"python","job":"tokens","operation":"GET /x","status":200,"model":"X","lost":[]}"#;
        assert!(!report.read(call).unwrap(), "it did not come to its end");
        assert!(report.outcome().is_ok());
        let loss = r#"{"sdk":"python","job":"tokens","operation":"GET /x","status":200,"model":"X","lost":["$.y: no str"]}"#;
        assert!(report.read(&format!("{loss}\n{loss}\n{{\"sdk\":\"python\",\"done\":true}}")).unwrap());
        assert!(report.outcome().is_err());
        let table = report.table();
        for part in ["LOST", "3 x GET /x", "2 x $.y: no str", "1 faulty"] {
            assert!(table.contains(part), "{table}");
        }
        assert!(report.read("Traceback").is_err());
    }
}
