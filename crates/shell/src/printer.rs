//! Data on stdout, talk on stderr; the one way to print.

use std::fmt;
use std::io::{self, IsTerminal, Write};
use std::sync::{Mutex, PoisonError};

use serde::Serialize;

use crate::exit::Exit;
use crate::failure::Failure;

/// How data is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    /// For people.
    #[default]
    Text,
    /// For scripts: always one JSON object a line.
    Json,
}

/// Writes a command's data and talk.
pub struct Printer {
    format: Format,
    quiet: bool,
    stderr_is_terminal: bool,
    stdout_is_terminal: bool,
    stdout: Mutex<Box<dyn Write + Send>>,
    stderr: Mutex<Box<dyn Write + Send>>,
}

impl Printer {
    /// A printer on the process's stdout and stderr. With `quiet`, talk is left out; data and errors are not.
    pub fn new(format: Format, quiet: bool) -> Self {
        Self {
            format,
            quiet,
            stderr_is_terminal: io::stderr().is_terminal(),
            stdout_is_terminal: io::stdout().is_terminal(),
            stdout: Mutex::new(Box::new(io::BufWriter::with_capacity(64 << 10, io::stdout()))),
            stderr: Mutex::new(Box::new(io::stderr())),
        }
    }

    /// How data is written.
    pub fn format(&self) -> Format {
        self.format
    }

    /// Whether talk is left out.
    pub fn is_quiet(&self) -> bool {
        self.quiet
    }

    /// Whether somebody watches stderr.
    pub fn stderr_is_terminal(&self) -> bool {
        self.stderr_is_terminal
    }

    /// Whether somebody looks at stdout, so that text may be bold there.
    pub fn stdout_is_terminal(&self) -> bool {
        self.stdout_is_terminal
    }

    /// Writes one datum: its JSON on one line, or the text that `text` makes of it.
    ///
    /// # Errors
    /// When stdout cannot be written; a reader that went away ([`io::ErrorKind::BrokenPipe`]) is no failure
    /// of the command, see [`Failure::from`].
    pub fn data<T: Serialize>(&self, datum: &T, text: impl FnOnce(&T) -> String) -> Result<(), Failure> {
        let mut line = match self.format {
            Format::Json => serde_json::to_vec(datum).map_err(|error| {
                Failure::new(Exit::Unexpected, "output", "cannot write the result as JSON").caused_by(&error)
            })?,
            Format::Text => text(datum).into_bytes(),
        };
        line.push(b'\n');
        self.raw(&line)
    }

    /// Writes bytes as they are.
    ///
    /// # Errors
    /// As [`Printer::data`].
    pub fn raw(&self, bytes: &[u8]) -> Result<(), Failure> {
        let mut stdout = self.stdout.lock().unwrap_or_else(PoisonError::into_inner);
        stdout.write_all(bytes).map_err(Failure::from)
    }

    /// Hands everything written so far to the reader.
    ///
    /// # Errors
    /// As [`Printer::data`].
    pub fn flush(&self) -> Result<(), Failure> {
        self.stdout.lock().unwrap_or_else(PoisonError::into_inner).flush().map_err(Failure::from)
    }

    /// Says something to the person at the terminal, unless quiet. Where data is JSON it is `{"note": …}`, so that
    /// whoever reads stderr by lines, too, finds nothing else than objects there.
    pub fn talk(&self, message: impl fmt::Display) {
        if self.quiet {
            return;
        }
        let message = message.to_string();
        match self.format {
            Format::Json => self.say(&serde_json::json!({ "note": message }).to_string()),
            Format::Text => self.say(&message),
        }
    }

    /// Reports a failure, also when quiet.
    pub fn failure(&self, failure: &Failure) {
        match self.format {
            Format::Json => self.say(&failure.to_json()),
            Format::Text => self.say(&failure.to_string()),
        }
    }

    fn say(&self, line: &str) {
        let mut stderr = self.stderr.lock().unwrap_or_else(PoisonError::into_inner);
        // Nobody is left to be told when stderr is gone.
        let _ = writeln!(stderr, "{line}");
        let _ = stderr.flush();
    }
}

impl fmt::Debug for Printer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Printer")
            .field("format", &self.format)
            .field("quiet", &self.quiet)
            .finish_non_exhaustive()
    }
}

/// A reader that closed stdout (`| head`) has what it wanted: that ends the command, silently and well.
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            Self::new(Exit::Done, "broken_pipe", "the reader of stdout went away")
        } else {
            Self::new(Exit::Unexpected, "output", "cannot write to stdout").caused_by(&error)
        }
    }
}

/// Text that is safe on a terminal: control characters, line separators and what turns the direction of writing
/// are shown as escapes.
///
/// ```
/// assert_eq!(frontdesk_shell::printer::printable("a\u{1b}[2Jb"), "a\\u{1b}[2Jb");
/// ```
pub fn printable(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        let overrides = matches!(c, '\u{61c}' | '\u{2028}' | '\u{2029}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        if c.is_control() || overrides {
            shown.extend(c.escape_default());
        } else {
            shown.push(c);
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn printable_keeps_letters_and_escapes_controls() {
        assert_eq!(printable("Grüße, 東京 \u{1f600}"), "Grüße, 東京 \u{1f600}");
        assert_eq!(printable("a\nb\0"), "a\\nb\\u{0}");
        assert_eq!(printable("\u{202e}gnp.exe"), "\\u{202e}gnp.exe");
        assert_eq!(printable("\u{9b}31m"), "\\u{9b}31m");
        assert_eq!(printable("\u{61c}a\u{2028}b"), "\\u{61c}a\\u{2028}b");
    }

    /// Keeps what is written.
    #[derive(Clone, Default)]
    struct Kept(std::sync::Arc<Mutex<Vec<u8>>>);

    impl Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn talk_is_a_line_of_the_format_and_nothing_when_quiet() {
        let failure = Failure::new(Exit::Usage, "bad", "no");
        for (format, quiet, expected) in [
            (Format::Text, false, "begins\nerror: no\n"),
            (Format::Text, true, "error: no\n"),
            (
                Format::Json,
                false,
                "{\"note\":\"begins\"}\n{\"error\":{\"code\":2,\"kind\":\"bad\",\"message\":\"no\"}}\n",
            ),
            (Format::Json, true, "{\"error\":{\"code\":2,\"kind\":\"bad\",\"message\":\"no\"}}\n"),
        ] {
            let (stdout, stderr) = (Kept::default(), Kept::default());
            let printer = Printer {
                format,
                quiet,
                stderr_is_terminal: false,
                stdout_is_terminal: false,
                stdout: Mutex::new(Box::new(stdout.clone())),
                stderr: Mutex::new(Box::new(stderr.clone())),
            };
            printer.talk("begins");
            printer.failure(&failure);
            assert_eq!(String::from_utf8_lossy(&stderr.0.lock().unwrap()), expected);
            assert!(stdout.0.lock().unwrap().is_empty());
        }
    }

    #[test]
    fn a_closed_reader_is_no_failure() {
        let closed = io::Error::from(io::ErrorKind::BrokenPipe);
        assert_eq!(Failure::from(closed).exit(), Exit::Done);
        let full = io::Error::from(io::ErrorKind::StorageFull);
        assert_eq!(Failure::from(full).exit(), Exit::Unexpected);
    }
}
