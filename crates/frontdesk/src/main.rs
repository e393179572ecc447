//! The one binary: parse, compose, run. What it may do is in the rooms below; here they are introduced.

mod args;
mod audited;
mod callbacks;
mod clock;
mod commands;
mod connect;
mod context;
mod failures;
mod heap;
mod interruption;
mod journal;
mod outbox;
mod pii;
mod policies;
mod store;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::Parser;
use frontdesk_shell::{Environment, Exit, Failure, Format, Printer};

use crate::args::Cli;

fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().collect();
    let cli = match Cli::try_parse_from(&arguments) {
        Ok(cli) => cli,
        Err(error) => return refuse(&error, &arguments).into(),
    };
    let environment = Environment::from_process();
    heap::limit(&environment, &arguments);
    let printer = Printer::new(context::format(&cli.global), cli.global.quiet);
    let ended = run(cli, environment, &printer).and_then(|exit| match printer.flush() {
        // A reader that went away takes nothing back from what the command found.
        Err(failure) if failure.exit() != Exit::Done => Err(failure),
        _ => Ok(exit),
    });
    match ended {
        Ok(exit) => exit.into(),
        Err(failure) => {
            // What was written before the failure still belongs to the reader.
            let _ = printer.flush();
            if failure.exit() != Exit::Done {
                printer.failure(&failure);
            }
            failure.exit().into()
        }
    }
}

fn run(cli: Cli, environment: Environment, printer: &Printer) -> Result<Exit, Failure> {
    frontdesk_shell::trace::install(&environment, cli.global.verbose, printer)?;
    // Few threads that block: each brings a heap arena of its own, and storing is in order anyway.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .max_blocking_threads(3)
        .enable_all()
        .build()
        .map_err(|error| {
            Failure::new(Exit::Unexpected, "runtime", "cannot start the runtime").caused_by(&error)
        })?;
    let ended = runtime.block_on(commands::run(cli, environment, printer));
    // Whoever still runs was left behind on purpose by a command that has ended.
    runtime.shutdown_background();
    ended
}

/// Help and version are data and well; anything else is wrong usage, told as the format asks.
fn refuse(error: &clap::Error, arguments: &[OsString]) -> Exit {
    if !error.use_stderr() {
        // A closed stdout is the reader's choice.
        let _ = error.print();
        return Exit::Done;
    }
    let json = arguments.iter().any(|argument| argument == "--json" || argument == "--output=json")
        || arguments.windows(2).any(|pair| pair[0] == "--output" && pair[1] == "json");
    if json {
        let text = error.render().to_string();
        let failure = Failure::new(Exit::Usage, "usage", first_paragraph(&text)).hint("see frontdesk --help");
        Printer::new(Format::Json, false).failure(&failure);
    } else {
        let _ = error.print();
    }
    Exit::Usage
}

/// What is wrong, on one line: clap names it in the first paragraph, and a list of arguments below it.
fn first_paragraph(text: &str) -> String {
    let lines = text.lines().map(str::trim).take_while(|line| !line.is_empty());
    lines.collect::<Vec<_>>().join(" ").trim_start_matches("error: ").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrong_usage_is_told_whole_on_one_line() {
        let told = |arguments: &[&str]| {
            let error = Cli::try_parse_from([&["frontdesk"], arguments].concat()).unwrap_err();
            first_paragraph(&error.render().to_string())
        };
        let missing = told(&["archive", "search"]);
        assert!(missing.contains("--contains <TEXT>") && !missing.contains('\n'), "{missing}");
        assert!(!missing.contains("Usage"), "{missing}");
        let both = told(&["archive", "search", "refund", "--contains", "refund"]);
        assert!(both.contains("cannot be used with"), "{both}");
        // Of a group's members only one can be there, and what belongs to another is no word to be ignored.
        for beside in [
            &["session", "close", "--guest-id", "g", "--reason", "timeout", "--plan", "p"][..],
            &["session", "close", "--apply", "p", "--yes", "--plan", "q"],
            &["session", "close", "--guest-id", "g", "--reason", "timeout", "--yes"],
            &["session", "close", "--apply", "p", "--yes", "--guest-session-file", "f"],
            &["history", "pull", "--from", "f", "--resume", "t"],
            &["message", "send", "--from", "f", "--join-active"],
        ] {
            let told = told(beside);
            assert!(told.contains("cannot be used with"), "{beside:?}: {told}");
        }
        assert_eq!(told(&["archive", "lost"]), "unrecognized subcommand 'lost'");
    }
}
