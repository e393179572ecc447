//! Progress of long work, on stderr: a bar on a terminal, a line every few seconds elsewhere.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::clock::Stopwatch;
use crate::printer::{Format, Printer};

/// How often a line is written where there is no terminal.
const LINE_EVERY: Duration = Duration::from_secs(5);

/// Shows how far a long piece of work is.
#[derive(Debug)]
pub struct Progress<'p> {
    view: View<'p>,
}

#[derive(Debug)]
enum View<'p> {
    Silent,
    Bar(ProgressBar),
    Lines { printer: &'p Printer, watch: Stopwatch, last: Mutex<Option<Duration>> },
}

impl<'p> Progress<'p> {
    /// Progress as the printer and the terminal allow: a bar where somebody watches and data is text, lines
    /// elsewhere, nothing when `silent` (`--no-progress`) or quiet. `total` is unknown for open-ended work.
    pub fn new(printer: &'p Printer, silent: bool, total: Option<u64>) -> Self {
        let view = if silent || printer.is_quiet() {
            View::Silent
        } else if printer.stderr_is_terminal() && printer.format() == Format::Text {
            View::Bar(bar(total))
        } else {
            View::Lines { printer, watch: Stopwatch::start(), last: Mutex::new(None) }
        };
        Self { view }
    }

    /// Shows the position, in the unit of `total`, and what there is to say about it.
    pub fn at(&self, position: u64, message: impl FnOnce() -> String) {
        match &self.view {
            View::Silent => {}
            View::Bar(bar) => {
                bar.set_position(position);
                bar.set_message(message());
            }
            View::Lines { printer, watch, last } => {
                let now = watch.elapsed();
                let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
                if now.saturating_sub(last.unwrap_or_default()) >= LINE_EVERY {
                    *last = Some(now);
                    printer.talk(message());
                }
            }
        }
    }

    /// Says something in between without tearing the bar.
    pub fn say(&self, printer: &Printer, message: &str) {
        match &self.view {
            View::Bar(bar) => bar.suspend(|| printer.talk(message)),
            View::Silent | View::Lines { .. } => printer.talk(message),
        }
    }

    /// Takes the bar away; the work is over.
    pub fn finish(&self) {
        if let View::Bar(bar) = &self.view {
            bar.finish_and_clear();
        }
    }
}

impl Drop for Progress<'_> {
    fn drop(&mut self) {
        self.finish();
    }
}

fn bar(total: Option<u64>) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(total, ProgressDrawTarget::stderr_with_hz(10));
    let template = match total {
        Some(_) => "{bar:30}  {elapsed}  {msg}",
        None => "{spinner} {elapsed}  {msg}",
    };
    // The templates are constants; a typo in one shows in the first run, as the default style.
    bar.set_style(ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}
