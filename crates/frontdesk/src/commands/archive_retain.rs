//! `frontdesk archive retain`: the preview, the plan, and carrying it out.

use std::path::Path;

use frontdesk_archiver::{Applied, Plan, Retain, RetainError, Survey};
use frontdesk_domain::RecordId;
use frontdesk_domain::retention::{DEFAULT_DAYS, Policies, Verdict};
use frontdesk_durable::{Dir, OsDir, publish};
use frontdesk_shell::printer::printable;
use frontdesk_shell::quantity::{show_count, show_size};
use frontdesk_shell::{Exit, Failure, Format};
use serde::Serialize;

use crate::args::{RetainArgs, StoreArgs};
use crate::audited::{self, Outcome, Planned};
use crate::clock::WallClock;
use crate::context::Context;
use crate::{failures, policies, store};

/// The longest plan that is read, in bytes.
const LONGEST_PLAN: u64 = 4 << 30;

pub(crate) async fn run(context: &Context<'_>, arguments: &RetainArgs) -> Result<Exit, Failure> {
    let policies = chosen(context, arguments)?;
    let retain = Retain { policies, trust: policies::trust(context, arguments.confirm_clock)? };
    let clock = WallClock::of(context).await?;
    match &arguments.apply {
        None => preview(context, arguments, &retain, &clock),
        Some(path) if arguments.yes => {
            let plan = read(path)?;
            let job = Job { retain: &retain, plan: &plan, store: &arguments.store };
            let applied = tokio::task::block_in_place(|| job.run(context, &clock, "archive retain"))?;
            told(context, &applied)
        }
        Some(_) => Err(Failure::new(Exit::Usage, "not_confirmed", "--apply removes conversations for good")
            .hint("look at the plan, then add --yes")),
    }
}

/// The policies that count: of --days, else of the profile, else thirty days.
fn chosen(context: &Context<'_>, arguments: &RetainArgs) -> Result<Policies, Failure> {
    if let Some(text) = &arguments.days {
        let days = text.parse().map_err(|_| {
            Failure::new(Exit::Usage, "bad_argument", format!("--days: {text:?} is not a number of days"))
                .hint("write 1 or more")
        })?;
        return policies::of_days(days);
    }
    let found = policies::of_profile(context)?;
    if !found.is_empty() {
        return Ok(found);
    }
    context
        .printer
        .talk(format_args!("neither --days nor a policy of the profile: {DEFAULT_DAYS} days are taken"));
    policies::of_days(DEFAULT_DAYS)
}

/// One verdict, as scripts read it.
#[derive(Serialize)]
struct Line<'a> {
    id: &'a RecordId,
    #[serde(flatten)]
    verdict: &'a Verdict,
}

#[derive(Serialize)]
struct Summary<'a> {
    summary: &'a Survey,
    #[serde(skip_serializing_if = "Option::is_none")]
    plan: Option<String>,
}

fn preview(
    context: &Context<'_>,
    arguments: &RetainArgs,
    retain: &Retain,
    clock: &WallClock,
) -> Result<Exit, Failure> {
    let reader = store::reader(context)?;
    let each_line = context.printer.format() == Format::Json;
    let mut output = Ok(());
    let planned = tokio::task::block_in_place(|| {
        retain.plan(&reader, clock.now(), &mut |id, verdict| {
            let shown = each_line && !matches!(verdict, Verdict::Keep { .. } | Verdict::NoPolicy);
            if shown && output.is_ok() {
                output = context.printer.data(&Line { id, verdict }, |_| String::new());
            }
        })
    });
    output?;
    let (plan, survey) = planned.map_err(|error| failures::archive(&error))?;
    if let Some(path) = &arguments.plan {
        write(path, &plan)?;
    }
    let shown = arguments.plan.as_ref().map(|path| path.display().to_string());
    context.printer.data(&Summary { summary: &survey, plan: shown }, |answer| text(answer))?;
    Ok(if survey.verdicts.unreadable > 0 { Exit::Integrity } else { Exit::Done })
}

fn text(answer: &Summary<'_>) -> String {
    let survey = answer.summary;
    let due: u64 = survey.verdicts.all_due();
    let mut text = format!(
        "{} of {} conversations are due; nothing was removed",
        show_count(due),
        show_count(survey.conversations)
    );
    for (policy, count) in &survey.verdicts.due {
        text.push_str(&format!("\n  {} by {}", show_count(*count), printable(policy.as_str())));
    }
    if let Some(oldest) = survey.oldest {
        text.push_str(&format!("\n  the oldest ended, or started, at {oldest}"));
    }
    for (count, what) in [
        (survey.verdicts.held, "held"),
        (survey.verdicts.kept, "too young"),
        (survey.verdicts.undated, "kept: they have no date"),
        (survey.verdicts.without_policy, "kept: no policy applies"),
        (survey.verdicts.unreadable, "kept: they cannot be read"),
    ] {
        if count > 0 {
            text.push_str(&format!("\n{} {what}", show_count(count)));
        }
    }
    if let Some(plan) = &answer.plan {
        text.push_str(&format!("\nthe plan is in {}; --apply it with --yes", printable(plan)));
    }
    text
}

fn folder(path: &Path) -> Result<(OsDir, String), Failure> {
    let refused = || {
        Failure::new(Exit::Usage, "bad_argument", format!("{} cannot be a plan", path.display()))
            .hint("name a file in a folder that is there")
    };
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let name = path.file_name().and_then(|name| name.to_str()).ok_or_else(refused)?;
    let dir = OsDir::open(parent).map_err(|error| refused().caused_by(&error))?;
    Ok((dir, name.to_owned()))
}

fn write(path: &Path, plan: &Plan) -> Result<(), Failure> {
    let (dir, name) = folder(path)?;
    if dir.metadata(&name).is_ok() {
        let message = format!("{} is there already", path.display());
        return Err(Failure::new(Exit::Usage, "bad_argument", message).hint("name another file"));
    }
    let failed = |error: &dyn std::error::Error| {
        Failure::new(Exit::Storage, "storage", format!("cannot write {}", path.display())).caused_by(error)
    };
    let bytes = serde_json::to_vec(plan).map_err(|error| failed(&error))?;
    publish(&dir, &name, &bytes).map_err(|error| failed(&error))
}

fn read(path: &Path) -> Result<Plan, Failure> {
    let (dir, name) = folder(path)?;
    let failed = |error: &dyn std::error::Error| {
        Failure::new(Exit::Usage, "bad_plan", format!("cannot read the plan {}", path.display()))
            .caused_by(error)
            .hint("make one with --plan")
    };
    let bytes = frontdesk_durable::read_whole(&dir, &name, LONGEST_PLAN).map_err(|error| failed(&error))?;
    serde_json::from_slice(&bytes).map_err(|error| failed(&error))
}

/// Carrying out a plan, by whichever command.
pub(crate) struct Job<'a> {
    pub(crate) retain: &'a Retain,
    pub(crate) plan: &'a Plan,
    pub(crate) store: &'a StoreArgs,
}

impl Job<'_> {
    /// Removes what the plan names and is still due, between an intent and an outcome in the journal. Blocks.
    ///
    /// # Errors
    /// What archive and journal say, or why the plan cannot be carried out.
    pub(crate) fn run(
        &self,
        context: &Context<'_>,
        clock: &WallClock,
        command: &str,
    ) -> Result<Applied, Failure> {
        let planned = Planned::new(command, &self.store.wait).with("plan", &self.plan.seal).making_room();
        let begun = audited::begin_now(context, clock.source(), planned)?;
        let mut outcome = Outcome::default();
        let result = self.apply(context, clock, command, &mut outcome);
        begun.end(result, outcome)
    }

    fn apply(
        &self,
        context: &Context<'_>,
        clock: &WallClock,
        command: &str,
        outcome: &mut Outcome,
    ) -> Result<Applied, Failure> {
        let mut maintenance = store::maintenance(context, self.store, command, clock.source())?;
        let reader = store::reader(context)?;
        let applied = self.retain.apply(self.plan, &mut maintenance, &reader, "retention");
        let closed = maintenance.close();
        let applied = applied.map_err(|error| refused(&error))?;
        outcome.counts = vec![
            ("removed", applied.removed),
            ("records", applied.records),
            ("held", applied.held),
            ("changed", applied.changed),
            ("missing", applied.missing),
        ];
        closed.map_err(|error| failures::archive(&error))?;
        Ok(applied)
    }
}

fn told(context: &Context<'_>, applied: &Applied) -> Result<Exit, Failure> {
    context.printer.data(applied, |applied| {
        let Applied { removed, records, raw_bytes, freed_bytes, held, changed, missing, .. } = applied;
        format!(
            "{} conversations removed ({} records, {}), {} given back\nskipped: {held} held, {changed} changed or not due, {missing} not there",
            show_count(*removed),
            show_count(*records),
            show_size(*raw_bytes),
            show_size(*freed_bytes),
        )
    })?;
    Ok(match *applied {
        Applied { damaged_segments: 1.., .. } => Exit::Integrity,
        Applied { removed: 0, held: 1.., .. } => Exit::Policy,
        Applied { held: 1.., .. } | Applied { changed: 1.., .. } => Exit::Partial,
        _ => Exit::Done,
    })
}

/// What a plan that was not carried out says.
fn refused(error: &RetainError) -> Failure {
    match error {
        RetainError::Archive(error) => failures::archive(error),
        other => Failure::new(Exit::Usage, "bad_plan", other.to_string())
            .hint("make a new plan, with the same --days, and look at it"),
    }
}
