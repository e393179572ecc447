//! House tasks: `cargo xtask <task>`. CI runs these and nothing else; a contributor runs the same.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a task's output is for the person who runs it"
)]

mod bench;
mod browser;
mod cargo;
mod ci;
mod conformance;
mod e2e;
mod layers;
mod least;
mod listening;
mod openapi;
mod tidy;

use std::process::ExitCode;

/// What a task returns: an error is one that a person can act on.
pub(crate) type Outcome = Result<(), String>;

const USAGE: &str = "\
usage: cargo xtask <task>

  ci        everything CI runs, in its order
  fmt       formatting is as rustfmt has it
  clippy    no lint is broken, with default features, none and all
  test      the README's test command
  doc       rustdoc without a warning
  layers    arrows between rooms point down
  tidy      house rules: lints inherited, files small, dependencies explained, no machine paths
  e2e       the real binary against faults, kills and broken disks; `e2e --list` names the scenarios
  conformance
            the sandbox's platform contract, driven with the vendor's SDKs; says so where they cannot be had
  openapi   the HTTP API against its OpenAPI file, driven by Schemathesis; says so where that cannot be had
  browser   the console in a real Chromium, with hostile text and axe-core; says so where it cannot be had
  bench     figures beside a baseline of the same run; `bench --help` for its options";

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let task = arguments.next();
    let rest: Vec<String> = arguments.collect();
    let outcome = match task.as_deref() {
        Some("ci") => ci::all(),
        Some("fmt") => ci::fmt(),
        Some("clippy") => ci::clippy(),
        Some("test") => ci::test(),
        Some("doc") => ci::doc(),
        Some("layers") => layers::check(),
        Some("tidy") => tidy::check(),
        Some("e2e") => e2e::run(&rest),
        Some("conformance") => conformance::run(),
        Some("openapi") => openapi::run(),
        Some("browser") => browser::run(&rest),
        Some("bench") => bench::run(&rest),
        Some("help" | "--help" | "-h") => {
            println!("{USAGE}");
            Ok(())
        }
        _ => Err(format!("no such task\n\n{USAGE}")),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("xtask: {message}");
            ExitCode::FAILURE
        }
    }
}
