//! `cargo xtask bench`: figures as ratios to a baseline measured in the same run. Never a timed test.
#![expect(clippy::disallowed_methods, reason = "a bench measures elapsed time and lays out scratch files")]

mod baseline;
mod data;
mod limit;
mod measure;
mod rows;

use std::path::PathBuf;

use crate::Outcome;
use crate::cargo;

const USAGE: &str = "\
usage: cargo xtask bench [--baseline DIR] [--rows S1,S2,S3,S4,S5,S6,S7,S8,S9,S10,S11,S12,S13,S14,S15,S16,R14,REQUESTS] [--records N] [--million]

  --baseline DIR  the documents' programs in Go; built and run where a Go compiler is there
  --rows LIST     only these rows
  --records N     conversations of the data set; 100000 by default
  --million       S3 also with 1,000,000 conversations; S4, S5, S6, S13 and S15 with 1,000,000 short ones (takes minutes and
                  about 6 GB of disk)";

/// What was asked for.
pub(crate) struct Bench {
    pub(crate) baseline: Option<PathBuf>,
    pub(crate) rows: Vec<String>,
    pub(crate) records: u64,
    pub(crate) million: bool,
    /// Scratch space below the target folder.
    pub(crate) scratch: PathBuf,
    /// The release binary.
    pub(crate) binary: PathBuf,
}

impl Bench {
    fn wants(&self, row: &str) -> bool {
        self.rows.is_empty() || self.rows.iter().any(|wanted| wanted.eq_ignore_ascii_case(row))
    }
}

/// One line of the table.
pub(crate) struct Row {
    pub(crate) id: &'static str,
    pub(crate) what: String,
    pub(crate) ours: String,
    pub(crate) baseline: String,
    pub(crate) ratio: String,
}

/// Builds the release binary, measures, prints the table.
pub(crate) fn run(arguments: &[String]) -> Outcome {
    let bench = parse(arguments)?;
    cargo::run(&["build", "--release", "-p", "frontdesk"], &[])?;
    std::fs::create_dir_all(&bench.scratch)
        .map_err(|error| format!("cannot make the scratch folder: {error}"))?;
    let rows = rows::measure(&bench)?;
    println!("\n| row | what | ours | beside it | ratio |\n|---|---|---|---|---|");
    for row in rows {
        println!("| {} | {} | {} | {} | {} |", row.id, row.what, row.ours, row.baseline, row.ratio);
    }
    Ok(())
}

fn parse(arguments: &[String]) -> Result<Bench, String> {
    let target = cargo::target_dir()?;
    let mut bench = Bench {
        baseline: None,
        rows: Vec::new(),
        records: 100_000,
        million: false,
        scratch: target.join("bench"),
        binary: target.join("release").join(format!("frontdesk{}", std::env::consts::EXE_SUFFIX)),
    };
    let mut arguments = arguments.iter();
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().ok_or_else(|| format!("{argument} needs a value\n\n{USAGE}"));
        match argument.as_str() {
            "--baseline" => bench.baseline = Some(PathBuf::from(value()?)),
            "--rows" => bench.rows = value()?.split(',').map(str::to_owned).collect(),
            "--records" => bench.records = value()?.parse().map_err(|error| format!("--records: {error}"))?,
            "--million" => bench.million = true,
            _ => return Err(format!("no such option: {argument}\n\n{USAGE}")),
        }
    }
    Ok(bench)
}
