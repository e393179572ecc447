//! The one binary: parse, compose, run. What it may do is in the rooms below; here they are introduced.

mod args;
mod clock;
mod commands;
mod connect;
mod context;
mod failures;
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
    let printer = Printer::new(context::format(&cli.global), cli.global.quiet);
    let ended = run(cli, environment, &printer).and_then(|exit| printer.flush().map(|()| exit));
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
    frontdesk_shell::trace::install(&environment, cli.global.verbose, printer.format())?;
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().map_err(
            |error| Failure::new(Exit::Unexpected, "runtime", "cannot start the runtime").caused_by(&error),
        )?;
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
        let message = text.lines().next().unwrap_or_default().trim_start_matches("error: ").to_owned();
        let failure = Failure::new(Exit::Usage, "usage", message).hint("see frontdesk --help");
        Printer::new(Format::Json, false).failure(&failure);
    } else {
        let _ = error.print();
    }
    Exit::Usage
}
