//! `frontdesk session open`: one guest, or many from lines.
//!
//! | file | what it is |
//! |---|---|
//! | `asked` | what was typed, checked |
//! | `lines` | a line for each request, and the progress |
//! | `summary` | what it came to, and the exit code |

mod asked;
mod lines;
mod summary;

use std::path::Path;
use std::sync::Arc;

use frontdesk_domain::SessionDraft;
use frontdesk_durable::OsDir;
use frontdesk_journal::Journal;
use frontdesk_sessions::{JobError, OpenedAll, OpeningDesk, OpeningParts, OpeningReport, Requests};
use frontdesk_shell::clock::Stopwatch;
use frontdesk_shell::{Exit, Failure};

use self::asked::{Asked, What};
use self::lines::Lines;
use super::effort::Effort;
use super::session_close::{folder_failed, input};
use crate::args::SessionOpenArgs;
use crate::clock::WallClock;
use crate::context::Context;
use crate::interruption::Interruption;
use crate::{connect, failures, journal, pii};

pub(crate) async fn run(context: &Context<'_>, arguments: &SessionOpenArgs) -> Result<Exit, Failure> {
    let asked = Asked::check(arguments)?;
    let clock = WallClock::of(context).await?;
    let office = Office::open(context, &asked, &clock)?;
    let opened = match &asked.what {
        What::One(draft) => office.one(context, &asked, draft).await,
        What::Many(from) => office.many(context, &asked, from).await,
    };
    let closed = office.close();
    let exit = opened?;
    closed.map(|()| exit)
}

/// Everything that is open while the command runs.
struct Office {
    desk: OpeningDesk,
    journal: Arc<Journal>,
    spools: OsDir,
    watch: Stopwatch,
    // Listens as long as it lives.
    _interruption: Interruption,
}

impl Office {
    fn open(context: &Context<'_>, asked: &Asked, clock: &WallClock) -> Result<Self, Failure> {
        let watch = Stopwatch::start();
        let policy = pii::policy(context)?;
        let interruption = Interruption::listen()?;
        let cancel = interruption.cancel.clone();
        let sessions = connect::openings(context, clock, cancel.clone())?;
        let data = context.settings.data_dir(&context.environment)?;
        let folder =
            |name: &str| OsDir::open_or_create(data.join(name)).map_err(|error| folder_failed(&error));
        // The claims are those of session close: one cap holds for all commands together.
        let (spools, claims) = (folder("plans")?, folder("state/sessions")?);
        let journal = Arc::new(journal::open(context, "session open", clock)?);
        let desk = OpeningDesk::new(OpeningParts {
            sessions,
            journal: Arc::clone(&journal),
            claims: Arc::new(claims),
            concurrency: asked.concurrency,
            policy,
            now: clock.source(),
            run: frontdesk_sessions::new_run("open"),
            cancel,
        })
        .map_err(|error| failed(&error))?;
        Ok(Self { desk, journal, spools, watch, _interruption: interruption })
    }

    fn effort(&self) -> Effort {
        Effort::of(&self.watch, self.desk.sessions().counters())
    }

    fn close(self) -> Result<(), Failure> {
        let Self { desk, journal, .. } = self;
        drop(desk);
        journal::close(journal)
    }

    async fn one(&self, context: &Context<'_>, asked: &Asked, draft: &SessionDraft) -> Result<Exit, Failure> {
        if asked.options.limits.max_count == Some(0) {
            return Err(summary::too_many(1));
        }
        let lines = Lines::new(context, 1);
        if asked.dry_run {
            let outcome = self.desk.preview(draft).map(|_| draft.guest());
            return summary::rehearsed_one(context, &outcome);
        }
        let Some(answered) = self.desk.open(draft).await.map_err(|error| failed(&error))? else {
            return Ok(Exit::Interrupted);
        };
        lines.tell(None, &answered);
        lines.done()?;
        let settled = self.desk.settle_open().await.map_err(|error| failed(&error))?;
        let mut report = OpeningReport { requests: 1, settled, ..OpeningReport::default() };
        report.add(&answered);
        summary::opened(context, &report, Some(&answered.outcome), &self.effort())
    }

    async fn many(&self, context: &Context<'_>, asked: &Asked, from: &Path) -> Result<Exit, Failure> {
        let spool = format!("requests-{}", std::process::id());
        let requests = tokio::task::block_in_place(|| {
            Requests::gather(input(from)?, &self.spools, &spool).map_err(|error| {
                Failure::new(Exit::Usage, "bad_input", "the requests cannot be read").caused_by(&error)
            })
        })?;
        if requests.count() == 0 {
            return Err(Failure::new(Exit::Usage, "bad_input", "there is no request in the input")
                .hint("a line is {\"guest_id\", \"attributes\", \"consent\": {\"data_processing\": true}}"));
        }
        let lines = Lines::new(context, requests.count());
        if asked.dry_run {
            let counted =
                tokio::task::block_in_place(|| lines.rehearse(&self.desk, &requests, &asked.options));
            let counts = counted.map_err(|error| failed(&error))?;
            lines.done()?;
            return summary::rehearsed(context, counts);
        }
        let opened = self.desk.open_all(&requests, &asked.options, &lines).await;
        lines.done()?;
        match opened.map_err(|error| failed(&error))? {
            OpenedAll::TooMany { requests } => Err(summary::too_many(requests)),
            OpenedAll::Report(report) => summary::opened(context, &report, None, &self.effort()),
        }
    }
}

/// A job that could not go on.
fn failed(error: &JobError) -> Failure {
    match error {
        JobError::Journal(error) => failures::journal(error),
        JobError::File(error) | JobError::Claims(error) => folder_failed(error),
        other => Failure::from_error(Exit::Unexpected, "sessions", other),
    }
}
