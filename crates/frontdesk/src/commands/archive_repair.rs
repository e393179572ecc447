//! `frontdesk archive repair [--refetch]`

mod refetch;

use frontdesk_archive::{LostRecord, Mended, MendedMedia, RepairReport, repair};
use frontdesk_shell::clock::Stopwatch;
use frontdesk_shell::printer::printable;
use frontdesk_shell::quantity::show_count;
use frontdesk_shell::{Exit, Failure, Shutdown};
use serde::Serialize;

use crate::args::RepairArgs;
use crate::audited::{self, Outcome, Planned};
use crate::clock::WallClock;
use crate::context::{self, Context};
use crate::{failures, store};
use refetch::Refetched;

/// Lost records that are told one by one as text.
const NAMED: usize = 50;

/// The result, as scripts read it.
#[derive(Serialize)]
struct Answer<'a> {
    changed: bool,
    segments: Vec<SegmentLine<'a>>,
    strangers: &'a [String],
    projections: &'a [String],
    lost: Vec<LostLine<'a>>,
    media: Vec<MediaLine<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refetched: Option<&'a Refetched>,
    elapsed_ms: u64,
}

#[derive(Serialize)]
struct SegmentLine<'a> {
    path: &'a str,
    what: &'a [String],
    kept: u64,
    quarantine: &'a [String],
}

#[derive(Serialize)]
struct LostLine<'a> {
    sequence: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    started_at: Option<String>,
    segment: &'a str,
}

#[derive(Serialize)]
struct MediaLine<'a> {
    path: &'a str,
    what: &'a str,
    lost: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    quarantine: Option<&'a str>,
}

impl<'a> SegmentLine<'a> {
    fn new(segment: &'a Mended) -> Self {
        let Mended { path, what, kept, quarantine } = segment;
        Self { path, what, kept: *kept, quarantine }
    }
}

impl<'a> MediaLine<'a> {
    fn new(media: &'a MendedMedia) -> Self {
        let MendedMedia { path, what, lost, quarantine } = media;
        Self { path, what, lost: *lost, quarantine: quarantine.as_deref() }
    }
}

impl<'a> LostLine<'a> {
    fn new(lost: &'a LostRecord) -> Self {
        Self {
            sequence: lost.sequence,
            kind: lost.key.as_ref().map(|key| key.kind.as_str()),
            id: lost.key.as_ref().map(|key| key.id.as_str()),
            version: lost.version,
            started_at: lost.started_at.map(|at| at.to_string()),
            segment: &lost.segment,
        }
    }

    fn text(&self) -> String {
        let id = self.id.map_or_else(|| "of an id that nothing states".to_owned(), printable);
        let version = self.version.map_or_else(String::new, |version| format!(" v{version}"));
        format!("lost: record {} {id}{version}, in {}\n", self.sequence, self.segment)
    }
}

impl<'a> Answer<'a> {
    fn new(report: &'a RepairReport, refetched: Option<&'a Refetched>, elapsed_ms: u64) -> Self {
        Self {
            changed: report.changed,
            segments: report.segments.iter().map(SegmentLine::new).collect(),
            strangers: &report.strangers,
            projections: &report.projections,
            lost: report.lost.iter().map(LostLine::new).collect(),
            media: report.media.iter().map(MediaLine::new).collect(),
            refetched,
            elapsed_ms,
        }
    }

    fn text(&self) -> String {
        let of_segments = [self.segments.is_empty(), self.strangers.is_empty(), self.projections.is_empty()];
        if of_segments == [true; 3] && self.media.is_empty() {
            return String::from("nothing is damaged that repair mends");
        }
        let mut text = String::new();
        for segment in &self.segments {
            for what in segment.what {
                text.push_str(&format!("damaged: {}: {}\n", segment.path, printable(what)));
            }
        }
        for stranger in self.strangers {
            text.push_str(&format!("unknown to the ledger: {}\n", printable(stranger)));
        }
        for path in self.projections {
            text.push_str(&format!("not as it was left: {}\n", printable(path)));
        }
        for media in &self.media {
            text.push_str(&format!("{}: {}\n", media.path, media.what));
        }
        self.lost.iter().take(NAMED).for_each(|lost| text.push_str(&lost.text()));
        if self.lost.len() > NAMED {
            text.push_str(&format!("and {} more; --json names them all\n", self.lost.len() - NAMED));
        }
        let kept = show_count(self.segments.iter().map(|segment| segment.kept).sum());
        let lost = show_count(self.lost.len() as u64);
        let segments = self.segments.len();
        text.push_str(&match self.changed {
            true => format!("{segments} segments mended: {kept} records kept, {lost} lost; what was damaged is in quarantine/"),
            false => format!("{segments} segments would be mended: {kept} records kept, {lost} lost; nothing was changed"),
        });
        if !self.media.is_empty() {
            let lost = self.media.iter().filter(|media| media.lost).count() as u64;
            let files = show_count(self.media.len() as u64);
            text.push_str(&format!(
                "\n{files} files of messages were not as they must be, {} are lost",
                show_count(lost)
            ));
        }
        if let Some(refetched) = self.refetched {
            text.push_str(&format!(
                "\n{} of them were asked for again, {} came back",
                refetched.asked, refetched.back
            ));
        }
        text
    }
}

pub(crate) async fn run(context: &Context<'_>, arguments: &RepairArgs) -> Result<Exit, Failure> {
    let shutdown = context::signals()?;
    let watch = Stopwatch::start();
    let clock = WallClock::of(context).await?;
    // What the platform needs is checked before anything is changed.
    let source = match arguments.refetch {
        true => Some(crate::connect::source(context, &clock)?),
        false => None,
    };
    let mut outcome = Outcome::default();
    let job = Job { context, arguments, source, clock: &clock, shutdown: &shutdown };
    let (report, refetched) = if arguments.dry_run {
        // Nothing is changed, so there is nothing to record.
        job.run(&mut outcome).await?
    } else {
        let planned = Planned::new("archive repair", &arguments.store.wait);
        let begun = audited::begin(context, &clock, Some(&shutdown), planned).await?;
        let result = job.run(&mut outcome).await;
        tokio::task::block_in_place(|| begun.end(result, outcome))?
    };
    let refetched = match refetched {
        Ok(refetched) => refetched,
        Err(failure) => {
            // The repair is done; what it found must be told whatever the platform says.
            context.printer.data(&Answer::new(&report, None, watch.elapsed_ms()), Answer::text)?;
            return Err(failure);
        }
    };
    context.printer.data(&Answer::new(&report, refetched.as_ref(), watch.elapsed_ms()), Answer::text)?;
    ended(arguments, &report, refetched.as_ref())
}

/// A repair, and what of the lost records the platform gives again.
struct Job<'a> {
    context: &'a Context<'a>,
    arguments: &'a RepairArgs,
    source: Option<crate::connect::Source>,
    clock: &'a WallClock,
    shutdown: &'a Shutdown,
}

impl Job<'_> {
    async fn run(
        self,
        outcome: &mut Outcome,
    ) -> Result<(RepairReport, Result<Option<Refetched>, Failure>), Failure> {
        let Self { context, arguments, source, clock, shutdown } = self;
        let report = mend(context, arguments, clock)?;
        outcome.counts = vec![
            ("segments", report.segments.len() as u64),
            ("kept", report.segments.iter().map(|segment| segment.kept).sum()),
            ("lost", report.lost.len() as u64),
            ("media", report.media.len() as u64),
        ];
        let refetched = match source.filter(|_| !report.lost.is_empty() && report.changed) {
            None => Ok(None),
            Some(source) => {
                refetch::run(context, arguments, &source, clock, shutdown, &report.lost).await.map(Some)
            }
        };
        if let Ok(Some(refetched)) = &refetched {
            outcome.counts.push(("back", refetched.back));
        }
        Ok((report, refetched))
    }
}

fn mend(context: &Context<'_>, arguments: &RepairArgs, clock: &WallClock) -> Result<RepairReport, Failure> {
    let settings = store::of_archive(context, &arguments.store, "archive repair", clock.now())?;
    let root = context.archive_root()?;
    // A repair can be cut anywhere, as by a crash; the next one finishes it.
    let report = tokio::task::block_in_place(|| repair(&root, &settings, clock.source(), !arguments.dry_run));
    report.map_err(|error| {
        let failure = failures::archive(&error);
        match error.is_integrity_failure() {
            true => failure.hint(
                "reading still works: export what is there; docs/archive-format.md says what repair mends",
            ),
            false => failure,
        }
    })
}

fn ended(
    arguments: &RepairArgs,
    report: &RepairReport,
    refetched: Option<&Refetched>,
) -> Result<Exit, Failure> {
    let damaged = !report.segments.is_empty()
        || !report.strangers.is_empty()
        || !report.projections.is_empty()
        || !report.media.is_empty();
    if arguments.dry_run && damaged {
        return Ok(Exit::Integrity);
    }
    let back = refetched.map_or(0, |refetched| refetched.back);
    let gone = (report.lost.len() as u64).saturating_sub(back);
    let files = report.media.iter().filter(|media| media.lost).count() as u64;
    if gone == 0 && files > 0 {
        let message = format!(
            "{} files of messages are lost; the archive is sound and can be written again",
            show_count(files)
        );
        return Err(Failure::new(Exit::Partial, "media_lost", message)
            .hint("frontdesk history pull --archive --save-media asks for them again, as long as their links are good"));
    }
    if gone == 0 {
        return Ok(Exit::Done);
    }
    let message =
        format!("{} records are lost; the archive is sound and can be written again", show_count(gone));
    let failure = Failure::new(Exit::Partial, "records_lost", message);
    Err(match refetched {
        Some(_) => failure
            .hint("the platform did not give them again; put back a copy of the archive, or import them"),
        None => failure.hint(
            "frontdesk archive pull over their days asks the platform for them again, as --refetch does",
        ),
    })
}
