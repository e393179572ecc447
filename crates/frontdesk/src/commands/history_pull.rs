//! `frontdesk history pull`

mod ended;
mod input;
mod lines;
mod watch;

use std::num::NonZero;
use std::sync::Arc;

use frontdesk_api::HistorySource;
use frontdesk_archive::Writer;
use frontdesk_domain::message::{HistoryTarget, TypeFilter};
use frontdesk_domain::{Collector, HistoryPageSize, MaxDepth, PageToken, Violations};
use frontdesk_durable::{Dir, OsDir, ensure_dir};
use frontdesk_history::{
    ArchiveStore, Both, Destination, Folder, HistoryPull, MediaArchive, PullReport, PullRequest, Session,
};
use frontdesk_shell::clock::Stopwatch;
use frontdesk_shell::{Exit, Failure, Shutdown, quantity};

use self::lines::{Lines, print};
use self::watch::Watch;
use crate::args::HistoryPullArgs;
use crate::audited::{self, Outcome, Planned};
use crate::clock::WallClock;
use crate::commands::archive_pull::close;
use crate::context::Context;
use crate::{connect, failures, journal, outbox, store};

/// Conversations in flight while no limit is known: each costs a connection.
const IN_FLIGHT: NonZero<usize> = NonZero::new(8).unwrap();

/// The folder of working files, below the data directory.
const WORK: &str = "state/history";

pub(crate) async fn run(context: &Context<'_>, arguments: &HistoryPullArgs) -> Result<Exit, Failure> {
    let watch = Stopwatch::start();
    let clock = WallClock::of(context).await?;
    let request = request(arguments)?;
    let media_limit = media_limit(context, arguments)?;
    let targets = tokio::task::block_in_place(|| input::targets(arguments))?;
    if arguments.archive {
        one_organization(context, &targets)?;
    }
    // Said before anything is pulled, not when its event is to be delivered.
    outbox::policy(context)?;
    let eyes = tokio::task::block_in_place(|| input::eyes(arguments))?;
    let source = connect::histories(context, &clock, &eyes)?;
    let shutdown = Shutdown::listen().map_err(|error| {
        Failure::new(Exit::Unexpected, "signals", "cannot listen for signals").caused_by(&error)
    })?;
    let data_dir = context.settings.data_dir(&context.environment)?;
    let work = tokio::task::block_in_place(|| {
        let dir = OsDir::open_or_create(data_dir)?;
        ensure_dir(&dir, "state")?;
        ensure_dir(&dir, WORK)?;
        OsDir::open(dir.local_path(WORK))
    })
    .map_err(|error| failures::files(&error))?;
    let journal = Arc::new(journal::open(context, "history pull", &clock)?);
    let session = Session { journal: Arc::clone(&journal), work: Arc::new(work) };

    let waiting = arguments.waiting.store();
    let begun = if arguments.archive {
        let planned = Planned::new("history pull", &waiting.wait);
        Some(audited::begin(context, &clock, Some(&shutdown), planned).await?)
    } else {
        None
    };
    let mut outcome = Outcome::default();
    let job = Job {
        source: Arc::clone(&source),
        clock: &clock,
        shutdown: &shutdown,
        session,
        request: &request,
        targets,
        media_limit,
    };
    let result = pulled(context, arguments, job, &mut outcome).await;
    let report = match begun {
        Some(begun) => tokio::task::block_in_place(|| begun.end(result, outcome))?,
        None => result?,
    };
    let answer = ended::Answer::new(&report, source.counters(), watch.elapsed_ms());
    if arguments.out.is_some() || arguments.archive {
        context.printer.data(&answer, ended::Answer::text)?;
    } else {
        // Whoever reads the histories reads JSON.
        let mut line = serde_json::to_vec(&answer).unwrap_or_default();
        line.push(b'\n');
        context.printer.raw(&line)?;
    }
    outbox::drain_before_exit(context, &journal, &clock, &shutdown).await?;
    journal::close(journal)?;
    ended::exit(&report, arguments.require_complete)
}

/// What is pulled, and with what.
struct Job<'a> {
    source: Arc<dyn HistorySource>,
    clock: &'a WallClock,
    shutdown: &'a Shutdown,
    session: Session,
    request: &'a PullRequest,
    targets: Vec<HistoryTarget>,
    /// The largest file that is kept, in bytes.
    media_limit: u64,
}

/// Opens where the histories go, pulls them, and closes it.
async fn pulled(
    context: &Context<'_>,
    arguments: &HistoryPullArgs,
    job: Job<'_>,
    outcome: &mut Outcome,
) -> Result<PullReport, Failure> {
    let Job { source, clock, shutdown, session, request, targets, media_limit } = job;
    let writer = if arguments.archive {
        let waiting = arguments.waiting.store();
        Some(Arc::new(store::writer(context, &waiting, "history pull", clock.source(), shutdown).await?))
    } else {
        None
    };
    let total = targets.len() as u64;
    let is_stored = arguments.out.is_some() || arguments.archive;
    let monitor = Watch::new(context, total, is_stored);
    let asks = arguments.check_media || arguments.save_media;
    let door = asks.then(|| connect::media_door(context, clock)).transpose()?;
    let keep = match writer.as_ref().filter(|_| arguments.save_media) {
        None => None,
        Some(writer) => Some(media_archive(context, writer, media_limit)?),
    };
    let pull = |destination| {
        let pull = HistoryPull::new(&*source, session, destination, clock.source());
        match (door, keep) {
            (Some(door), Some(keep)) => pull.save_media(door, keep),
            (Some(door), None) => pull.check_media(door),
            (None, _) => pull,
        }
    };
    let stop = shutdown.requested();
    let report = match stored(arguments, writer.as_ref())? {
        Some(destination) => pull(destination).run(request, targets, stop, &monitor).await,
        None => {
            let (lines, printed) = Lines::new();
            let job = pull(Arc::new(lines));
            let run = async move { job.run(request, targets, stop, &monitor).await };
            let (report, printed) = tokio::join!(run, print(context.printer, printed));
            printed?;
            report
        }
    };
    let report = report.map_err(|error| failures::histories(&error))?;
    outcome.counts = vec![("complete", report.totals.complete), ("pages", report.totals.pages)];
    outcome.run = Some(report.run.clone());
    if let Some(writer) = writer {
        close(writer)?;
    }
    Ok(report)
}

/// The largest file that is kept, in bytes.
fn media_limit(context: &Context<'_>, arguments: &HistoryPullArgs) -> Result<u64, Failure> {
    const DEFAULT: u64 = 100 << 20;
    match &arguments.media_limit {
        Some(text) => quantity::size(text).map_err(|error| {
            Failure::new(Exit::Usage, "bad_argument", "--media-limit cannot be used").caused_by(&error)
        }),
        None => Ok(context.settings.size("media_limit")?.unwrap_or(DEFAULT)),
    }
}

/// Where the files of messages are kept: beside what `writer` writes.
fn media_archive(context: &Context<'_>, writer: &Arc<Writer>, limit: u64) -> Result<MediaArchive, Failure> {
    let root = context.archive_root()?;
    let dir = OsDir::open(&root).map_err(|error| failures::files(&error))?;
    MediaArchive::new(Arc::new(dir), Arc::clone(writer), limit).map_err(|error| failures::archive(&error))
}

/// Where histories are stored; none when they are printed.
fn stored(
    arguments: &HistoryPullArgs,
    writer: Option<&Arc<Writer>>,
) -> Result<Option<Arc<dyn Destination>>, Failure> {
    let folder = match &arguments.out {
        None => None,
        Some(out) => {
            let absolute = std::path::absolute(out).map_err(|error| failures::files(&error))?;
            let dir = OsDir::open_or_create(&absolute).map_err(|error| failures::files(&error))?;
            Some(Arc::new(Folder::new(Arc::new(dir), absolute.display().to_string())) as Arc<dyn Destination>)
        }
    };
    let archive =
        writer.map(|writer| Arc::new(ArchiveStore::new(Arc::clone(writer))) as Arc<dyn Destination>);
    Ok(match (folder, archive) {
        (Some(folder), Some(archive)) => Some(Arc::new(Both(folder, archive))),
        (one, other) => one.or(other),
    })
}

/// Checks everything that was typed, and reports all of it at once.
fn request(arguments: &HistoryPullArgs) -> Result<PullRequest, Failure> {
    let mut found = Collector::new();
    let page_size = found.check("--page-size", arguments.page_size.parse::<HistoryPageSize>());
    let depth = found.check("--max-depth", arguments.max_depth.parse::<MaxDepth>());
    let types = found.check("--types", TypeFilter::of(arguments.types.iter().map(String::as_str)));
    let resume = found.check("--resume", arguments.resume.clone().map(PageToken::new).transpose());
    if arguments.from.is_none() {
        // Said together with everything else that is wrong.
        if let Err(violations) = input::target(arguments) {
            found.absorb("", flags(violations));
        }
    }
    found.finish().map_err(|violations| refused(&violations))?;
    match (page_size, depth, types, resume) {
        (Some(page_size), Some(depth), Some(types), Some(resume)) => {
            Ok(PullRequest { page_size, depth, types, resume, in_flight: IN_FLIGHT })
        }
        // Nothing is missing without a violation, and those were reported.
        _ => Err(Failure::new(Exit::Unexpected, "request", "the request is not complete")),
    }
}

/// The ids' violations, under the names of their flags.
fn flags(violations: Violations) -> Violations {
    let mut found = Collector::new();
    for violation in violations {
        found.push(format!("--{}", violation.path.replace('_', "-")), violation.rule, violation.message);
    }
    match found.finish() {
        Err(violations) => violations,
        Ok(()) => unreachable!("there was one at least"),
    }
}

fn refused(violations: &Violations) -> Failure {
    let mut failure = Failure::new(Exit::Usage, "refused", "the command cannot be run as it is");
    for violation in violations {
        failure = failure.caused_by(&std::io::Error::other(violation.to_string()));
    }
    failure.hint("nothing was asked for; see frontdesk history pull --help")
}

/// A record is found by its conversation's id within one organisation, so an archive takes the histories of one.
fn one_organization(context: &Context<'_>, targets: &[HistoryTarget]) -> Result<(), Failure> {
    let said = store::said_organization(context)?;
    let own = said.as_ref().map(|id| id.as_str()).or_else(|| Some(targets.first()?.organization().as_str()));
    let foreign = targets.iter().find(|target| Some(target.organization().as_str()) != own);
    match foreign {
        None => Ok(()),
        Some(_) => Err(Failure::new(
            Exit::Usage,
            "foreign_organization",
            "the archive is of one organisation, and there are conversations of another",
        )
        .hint("pull the histories of each organisation into an archive of its own: see --data-dir")),
    }
}
