//! `frontdesk completions SHELL`

use clap::CommandFactory;
use frontdesk_shell::{Exit, Failure, Printer};

use crate::args::Cli;

pub(crate) fn run(shell: clap_complete::Shell, printer: &Printer) -> Result<Exit, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "frontdesk", &mut script);
    printer.raw(&script)?;
    Ok(Exit::Done)
}
