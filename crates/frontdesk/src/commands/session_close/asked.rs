//! What was typed, checked: all problems at once.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};

use frontdesk_domain::{Collector, Ending, EndingDraft, Violations};
use frontdesk_sessions::{Limits, SelectionError};
use frontdesk_shell::printer::printable;
use frontdesk_shell::{Exit, Failure, Printer};
use uuid::Uuid;

use super::super::guest_token;
use crate::args::SessionCloseArgs;
use crate::connect::EndedBy;

/// The most guests that may be dealt with at once.
pub(crate) const MOST_AT_ONCE: u32 = 100;

/// What is to be done.
pub(super) struct Asked {
    pub(super) what: What,
    /// What lines leave out.
    pub(super) defaults: EndingDraft,
    pub(super) limits: Limits,
    pub(super) concurrency: NonZeroU32,
    pub(super) dry_run: bool,
    /// As whom.
    pub(super) by: EndedBy,
}

/// To whom.
pub(super) enum What {
    One(Ending),
    Many { from: PathBuf, plan: Option<PathBuf> },
    Apply(PathBuf),
}

impl Asked {
    pub(super) fn check(arguments: &SessionCloseArgs) -> Result<Self, Failure> {
        let mut found = Collector::new();
        let mut defaults = EndingDraft::new();
        match arguments.retain_data.as_str() {
            "true" => defaults = defaults.retain_data(true),
            "false" => defaults = defaults.retain_data(false),
            _ => found.push("--retain-data", "flag.boolean", "write true or false"),
        }
        if let Some(reason) = &arguments.reason {
            defaults = defaults.reason(reason);
        }
        if let Some(reference) = &arguments.external_ref {
            defaults = defaults.external_ref(reference);
        }
        let max_count = number(&mut found, "--max-count", arguments.max_count.as_deref());
        let max_errors = number(&mut found, "--max-errors", arguments.max_errors.as_deref());
        let concurrency =
            arguments.concurrency.parse::<NonZeroU32>().ok().filter(|n| n.get() <= MOST_AT_ONCE);
        if concurrency.is_none() {
            found.push("--concurrency", "flag.range", format!("write a number between 1 and {MOST_AT_ONCE}"));
        }
        let mut one = None;
        match arguments.guest_id.as_slice() {
            [] => {}
            [guest] => match EndingDraft::new().guest_id(guest).or(&defaults).check() {
                Ok(ending) => one = Some(ending),
                Err(problems) => found.absorb("", problems),
            },
            many => return Err(without_plan(many.len() as u64)),
        }
        found.finish().map_err(|problems| bad(&problems))?;
        let what = match (one, &arguments.from, &arguments.apply) {
            (Some(ending), _, _) => What::One(ending),
            (None, Some(from), _) => What::Many { from: from.clone(), plan: arguments.plan.clone() },
            (None, None, Some(_)) if !arguments.yes && !arguments.dry_run => {
                return Err(Failure::new(
                    Exit::Usage,
                    "not_confirmed",
                    "--apply ends sessions, and they do not come back",
                )
                .hint("look at the plan, then add --yes; --dry-run says what would be done now"));
            }
            (None, None, Some(plan)) => What::Apply(plan.clone()),
            // clap asks for one of the three.
            (None, None, None) => return Err(Failure::new(Exit::Usage, "usage", "no guest is named")),
        };
        let limits = Limits { max_count, max_errors };
        let concurrency = concurrency.unwrap_or(NonZeroU32::MIN);
        let by = match &arguments.guest_session_file {
            None if arguments.emergency => EndedBy::Emergency,
            None => EndedBy::Staff,
            Some(path) => EndedBy::Guest(session_token(path)?),
        };
        Ok(Self { what, defaults, limits, concurrency, dry_run: arguments.dry_run, by })
    }

    /// Whether sessions are to be ended, and not only looked at.
    pub(super) fn ends(&self) -> bool {
        !self.dry_run && !matches!(self.what, What::Many { plan: Some(_), .. })
    }
}

/// The token of a guest's session.
fn session_token(path: &Path) -> Result<Uuid, Failure> {
    let flag = "--guest-session-file";
    let holds = "the session's token alone: the UUID that the guest's messenger began it with";
    guest_token::read(path, flag, holds)?.reveal().parse().map_err(|_| {
        Failure::new(Exit::Usage, "bad_input", "the session's token is no UUID")
            .hint(format!("{flag} holds {holds}"))
    })
}

/// A number that was typed, where one was.
pub(crate) fn number(found: &mut Collector, flag: &str, text: Option<&str>) -> Option<u64> {
    let text = text?;
    let number = text.parse().ok();
    if number.is_none() {
        found.push(flag, "flag.number", "write a number");
    }
    number
}

fn bad(problems: &Violations) -> Failure {
    let told: Vec<String> = problems.iter().map(ToString::to_string).collect();
    Failure::new(Exit::Usage, "bad_argument", told.join("; ")).hint("see frontdesk session close --help")
}

/// The lines of `--from`.
pub(crate) fn input(from: &Path) -> Result<Box<dyn BufRead>, Failure> {
    if from == Path::new("-") {
        return Ok(Box::new(io::stdin().lock()));
    }
    let file = File::open(from).map_err(|error| {
        Failure::new(Exit::Usage, "bad_argument", format!("cannot read {}", from.display()))
            .caused_by(&error)
            .hint("name a file with a line of JSON for each guest, or - for stdin")
    })?;
    Ok(Box::new(BufReader::with_capacity(64 << 10, file)))
}

/// Guests that cannot be taken. Every problem is told on a line of its own.
pub(super) fn refused(printer: &Printer, error: &SelectionError) -> Failure {
    match error {
        SelectionError::Io(error) => {
            Failure::new(Exit::Usage, "bad_input", "the guests cannot be read").caused_by(error)
        }
        SelectionError::Refused { lines, count } => {
            for line in lines {
                for problem in &line.problems {
                    printer.talk(format_args!("line {}: {}", line.number, printable(&problem.to_string())));
                }
            }
            let word = if *count == 1 { "line is" } else { "lines are" };
            let first = lines.first().map_or_else(String::new, |line| {
                let problems: Vec<String> = line.problems.iter().map(ToString::to_string).collect();
                format!("; line {}: {}", line.number, problems.join("; "))
            });
            let message = format!("{count} {word} wrong, and nothing was asked{first}");
            Failure::new(Exit::Usage, "bad_input", message).hint(
                "a line is {\"guest_id\", \"reason\", \"retain_data\", \"external_ref\"}; --reason fills in what is left out",
            )
        }
        other => Failure::from_error(Exit::Usage, "bad_input", other),
    }
}

/// More than one guest, and no plan.
pub(super) fn without_plan(guests: u64) -> Failure {
    let message = format!("{guests} guests are named: more than one is ended by a plan only");
    Failure::new(Exit::Usage, "no_plan", message)
        .hint("make one with --from FILE --plan OUT, look at it, then --apply OUT --yes")
}
