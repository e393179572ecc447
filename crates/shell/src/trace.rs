//! The one tracing set-up: events to stderr, chosen by `-v` or `FRONTDESK_LOG`.

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::FmtSpan;

use crate::environment::Environment;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::printer::{Format, Printer};

/// The variable that chooses events in full (`frontdesk_api=debug,info`); it wins over `-v`.
pub const LOG_VARIABLE: &str = "FRONTDESK_LOG";

/// Installs the subscriber of this process: warnings by default, errors alone when quiet, `-v` info, `-vv` debug,
/// `-vvv` trace of our own crates. Lines are JSON objects where data is JSON. Only a binary may call this, once.
///
/// # Errors
/// When `FRONTDESK_LOG` cannot be read, or a subscriber is installed already.
pub fn install(environment: &Environment, verbosity: u8, printer: &Printer) -> Result<(), Failure> {
    let filter = match environment.get(LOG_VARIABLE) {
        Some(directives) => EnvFilter::try_new(directives).map_err(|error| {
            Failure::new(Exit::Usage, "log_filter", format!("{LOG_VARIABLE} cannot be read"))
                .caused_by(&error)
        })?,
        None => EnvFilter::new(usual(verbosity, printer.is_quiet())),
    };
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_span_events(FmtSpan::NONE)
        .with_target(verbosity > 1);
    let installed = match printer.format() {
        Format::Json => builder.json().try_init(),
        Format::Text => builder.with_ansi(false).try_init(),
    };
    installed.map_err(|error| {
        Failure::new(Exit::Unexpected, "tracing", "a tracing subscriber is installed already")
            .caused_by(&*error)
    })
}

/// What is logged when nobody chose: `-v` typed beside `--quiet` still asks for the log.
fn usual(verbosity: u8, quiet: bool) -> &'static str {
    match verbosity {
        0 if quiet => "error",
        0 => "warn",
        1 => "warn,frontdesk=info,frontdesk_api=info,frontdesk_archive=info,frontdesk_archiver=info",
        2 => "info,frontdesk=debug,frontdesk_api=debug,frontdesk_archive=debug,frontdesk_archiver=debug",
        _ => "info,frontdesk=trace,frontdesk_api=trace,frontdesk_archive=trace,frontdesk_archiver=trace",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quiet_logs_errors_alone_and_every_filter_can_be_read() {
        assert_eq!((usual(0, true), usual(0, false)), ("error", "warn"));
        for verbosity in 0..4 {
            EnvFilter::try_new(usual(verbosity, false)).unwrap();
            assert_eq!(usual(verbosity + 1, true), usual(verbosity + 1, false));
        }
    }
}
