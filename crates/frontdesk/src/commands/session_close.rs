//! `frontdesk session close`: one guest, a plan for many, and carrying a plan out.
//!
//! | file | what it is |
//! |---|---|
//! | `asked` | what was typed, checked |
//! | `lines` | a line for each guest, and the progress |
//! | `summary` | what it came to, and the exit code |

mod asked;
mod lines;
mod summary;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use frontdesk_durable::{Dir, OsDir};
use frontdesk_journal::Journal;
use frontdesk_sessions::{Applied, Desk, DeskParts, JobError, PlanError, PlanFile, Planning, Selection};
use frontdesk_shell::clock::Stopwatch;
use frontdesk_shell::{Exit, Failure};

use self::asked::{Asked, What};
pub(super) use self::asked::{MOST_AT_ONCE, input, number};
use self::lines::Lines;
pub(super) use self::summary::stop_name;
use super::effort::Effort;
use crate::args::SessionCloseArgs;
use crate::clock::WallClock;
use crate::context::Context;
use crate::interruption::Interruption;
use crate::{connect, failures, journal, outbox};

/// How long a command for one guest looks at what earlier ones left open: as long as events are delivered before the exit.
const SETTLING: Duration = Duration::from_secs(5);

pub(crate) async fn run(context: &Context<'_>, arguments: &SessionCloseArgs) -> Result<Exit, Failure> {
    let asked = Asked::check(arguments)?;
    let clock = WallClock::of(context).await?;
    // Said before a session is ended, not when its event is to be delivered.
    outbox::policy(context)?;
    let office = Office::open(context, &asked, &clock)?;
    let ended = office.work(context, &asked).await;
    let told = if asked.ends() { office.tell(context, &clock).await } else { Ok(()) };
    let closed = office.close();
    // What an endpoint says takes nothing back: only what came of the sessions, and the journal, make the exit code.
    let exit = ended?;
    told.and(closed).map(|()| exit)
}

/// Everything that is open while the command runs.
struct Office {
    desk: Desk,
    journal: Arc<Journal>,
    plans: OsDir,
    watch: Stopwatch,
    interruption: Interruption,
}

impl Office {
    fn open(context: &Context<'_>, asked: &Asked, clock: &WallClock) -> Result<Self, Failure> {
        let watch = Stopwatch::start();
        let interruption = Interruption::listen()?;
        let cancel = interruption.cancel.clone();
        let guests = connect::guests(context, clock, cancel.clone(), &asked.by)?;
        let data = context.settings.data_dir(&context.environment)?;
        let folder =
            |name: &str| OsDir::open_or_create(data.join(name)).map_err(|error| folder_failed(&error));
        let (plans, claims) = (folder("plans")?, folder("state/sessions")?);
        let journal = Arc::new(journal::open(context, "session close", clock)?);
        let desk = Desk::new(DeskParts {
            guests,
            journal: Arc::clone(&journal),
            claims: Arc::new(claims),
            concurrency: asked.concurrency,
            call_deadline: connect::call_deadline(context)?,
            now: clock.source(),
            run: frontdesk_sessions::new_run("close"),
            cancel,
        })
        .map_err(|error| failed(&error))?;
        Ok(Self { desk, journal, plans, watch, interruption })
    }

    async fn work(&self, context: &Context<'_>, asked: &Asked) -> Result<Exit, Failure> {
        match &asked.what {
            What::One(ending) => self.one(context, asked, ending).await,
            What::Many { from, plan } => self.many(context, asked, from, plan.as_deref()).await,
            What::Apply(path) => self.apply(context, asked, path).await,
        }
    }

    fn effort(&self) -> Effort {
        Effort::of(&self.watch, self.desk.guests().counters())
    }

    /// Delivers events for a few seconds: those of this run, and what else is due.
    async fn tell(&self, context: &Context<'_>, clock: &WallClock) -> Result<(), Failure> {
        outbox::drain_before_exit(context, &self.journal, clock, &self.interruption.shutdown).await
    }

    fn close(self) -> Result<(), Failure> {
        let Self { desk, journal, .. } = self;
        drop(desk);
        journal::close(journal)
    }

    async fn one(
        &self,
        context: &Context<'_>,
        asked: &Asked,
        ending: &frontdesk_domain::Ending,
    ) -> Result<Exit, Failure> {
        if asked.limits.max_count == Some(0) {
            return Err(summary::too_many(1));
        }
        if asked.dry_run {
            let outcome = self.desk.preview(&ending.guest_id).await;
            let stopped = self.interruption.cancel.is_cancelled();
            return summary::previewed_one(
                context,
                &ending.guest_id,
                outcome.as_ref(),
                &self.effort(),
                stopped,
            );
        }
        let closed = self.desk.close(ending).await.map_err(|error| failed(&error))?;
        let Some(closed) = closed else { return Err(summary::not_begun()) };
        let stopped = self.interruption.cancel.is_cancelled();
        let ended = summary::closed_one(context, &ending.guest_id, &closed, &self.effort(), stopped);
        // What is not looked at by then stays for the next command.
        if let Ok(settled) = tokio::time::timeout(SETTLING, self.desk.settle_open()).await {
            settled.map_err(|error| failed(&error))?;
        }
        ended
    }

    async fn many(
        &self,
        context: &Context<'_>,
        asked: &Asked,
        from: &Path,
        plan: Option<&Path>,
    ) -> Result<Exit, Failure> {
        let target = plan.map(place_of).transpose()?;
        let spool = format!("selection-{}", std::process::id());
        let gathered = tokio::task::block_in_place(|| {
            let input = input(from)?;
            Selection::gather(input, &asked.defaults, &self.plans, &spool)
                .map_err(|error| asked::refused(context.printer, &error))
        });
        let selection = gathered?;
        if plan.is_none() && !asked.dry_run {
            return match selection.only().map_err(|error| folder_failed(&error))? {
                Some(ending) => self.one(context, asked, &ending).await,
                None => Err(asked::without_plan(selection.guests())),
            };
        }
        let lines = Lines::new(context, selection.guests());
        let target = target.as_ref().map(|(dir, name)| (dir as &dyn Dir, name.as_str()));
        let made = self.desk.plan(&selection, target, &asked.limits, &lines).await;
        lines.done()?;
        match made.map_err(|error| failed(&error))? {
            Planning::TooMany { guests } => Err(summary::too_many(guests)),
            Planning::Made(counts) => {
                if let Some(path) = plan {
                    self.desk
                        .remember(&opened(path)?, &absolute(path), false)
                        .await
                        .map_err(|error| failed(&error))?;
                }
                summary::planned(context, &counts, plan, &self.effort())
            }
            Planning::Stopped { stop, counts } => {
                summary::plan_stopped(context, &stop, &counts, &self.effort())
            }
        }
    }

    async fn apply(&self, context: &Context<'_>, asked: &Asked, path: &Path) -> Result<Exit, Failure> {
        let plan = opened(path)?;
        let lines = Lines::new(context, plan.counts().guests);
        let applied = if asked.dry_run {
            self.desk.rehearse(&plan, &asked.limits, &lines).await
        } else {
            self.desk.apply_remembered(&plan, &absolute(path), &asked.limits, &lines).await
        };
        lines.done()?;
        match applied.map_err(|error| failed(&error))? {
            Applied::Foreign => Err(Failure::new(
                Exit::Usage,
                "foreign_plan",
                format!("the plan was made for {} by another client or tenant", plan.outset().host),
            )
            .hint("use the profile it was made with, or make a new plan")),
            Applied::TooMany { end } => Err(summary::too_many(end)),
            Applied::Report(report) => summary::applied(context, &report, asked.dry_run, &self.effort()),
        }
    }
}

/// The plan in a file, checked from end to end.
fn opened(path: &Path) -> Result<PlanFile, Failure> {
    let (dir, name) = place_of(path)?;
    tokio::task::block_in_place(|| PlanFile::open(Arc::new(dir), &name))
        .map_err(|error| plan_failed(&error, path))
}

/// Where a file is found from any other folder.
pub(super) fn absolute(path: &Path) -> PathBuf {
    std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())
}

/// The folder of a file, and its name there.
fn place_of(path: &Path) -> Result<(OsDir, String), Failure> {
    let refused = || {
        Failure::new(Exit::Usage, "bad_argument", format!("{} cannot be a plan", path.display()))
            .hint("name a file in a folder that is there")
    };
    let parent = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty())
        .map_or(PathBuf::from("."), PathBuf::from);
    let name = path.file_name().and_then(|name| name.to_str()).ok_or_else(refused)?;
    let dir = OsDir::open(parent).map_err(|error| refused().caused_by(&error))?;
    Ok((dir, name.to_owned()))
}

pub(super) fn folder_failed(error: &std::io::Error) -> Failure {
    Failure::new(Exit::Storage, "storage", "the data directory cannot be used")
        .caused_by(error)
        .hint("check free space and that the folder can be written; the same command resumes")
}

fn plan_failed(error: &PlanError, path: &Path) -> Failure {
    Failure::from_error(Exit::Usage, "bad_plan", error)
        .at(&path.display().to_string())
        .hint("a plan is carried out only as it was made; make a new one with --plan")
}

/// A job that could not go on.
fn failed(error: &JobError) -> Failure {
    match error {
        JobError::Journal(error) => failures::journal(error),
        JobError::Plan(error) => Failure::from_error(Exit::Usage, "bad_plan", error)
            .hint("what was done is recorded; make a new plan for the rest"),
        JobError::File(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            Failure::new(Exit::Usage, "bad_argument", "the plan's file is there already")
                .hint("name another file")
        }
        JobError::File(error) | JobError::Claims(error) => folder_failed(error),
        other => Failure::from_error(Exit::Unexpected, "sessions", other),
    }
}
