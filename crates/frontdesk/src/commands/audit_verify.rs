//! `frontdesk audit verify`

use std::ops::ControlFlow;
use std::path::Path;

use frontdesk_journal::{ErrorKind, Head, KeyRing, Reader, Signatures, Verified, VerifyOptions};
use frontdesk_shell::clock::Stopwatch;
use frontdesk_shell::quantity::show_count;
use frontdesk_shell::{Exit, Failure};
use serde::Serialize;

use crate::args::AuditVerifyArgs;
use crate::context::{self, Context};
use crate::{failures, journal};

/// The result, as scripts read it.
#[derive(Serialize)]
struct Answer<'a> {
    journal: &'a str,
    entries: u64,
    /// Number of the first entry that is wrong or missing; null when none is.
    first_bad: Option<u64>,
    findings: Vec<Line<'a>>,
    /// Findings beyond those listed; absent when all are.
    #[serde(skip_serializing_if = "Option::is_none")]
    more_findings: Option<u64>,
    heads: u64,
    personal: u64,
    shredded: u64,
    rows: u64,
    /// Whether signatures were checked: not without keys.
    signatures: &'static str,
    head: Option<&'a Head>,
    elapsed_ms: u64,
}

#[derive(Serialize)]
struct Line<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    entry: Option<u64>,
    what: &'a str,
}

impl<'a> Answer<'a> {
    fn new(verified: &'a Verified, elapsed_ms: u64) -> Self {
        Self {
            journal: &verified.journal,
            entries: verified.entries,
            first_bad: verified.first_bad(),
            findings: verified
                .findings
                .iter()
                .map(|finding| Line { entry: finding.entry, what: &finding.what })
                .collect(),
            more_findings: Some(verified.more_findings).filter(|more| *more > 0),
            heads: verified.heads,
            personal: verified.personal,
            shredded: verified.shredded,
            rows: verified.rows,
            signatures: match verified.signatures {
                Signatures::Checked => "checked",
                Signatures::NotChecked => "not_checked",
            },
            head: verified.head.as_ref(),
            elapsed_ms,
        }
    }

    fn text(&self) -> String {
        let mut text = String::new();
        for line in &self.findings {
            match line.entry {
                Some(entry) => text.push_str(&format!("entry {entry}: {}\n", line.what)),
                None => text.push_str(&format!("{}\n", line.what)),
            }
        }
        if let Some(more) = self.more_findings {
            text.push_str(&format!("and {} more\n", show_count(more)));
        }
        let verdict = match (self.findings.is_empty(), self.first_bad) {
            (true, _) => "every entry is there and what it was".to_owned(),
            (false, Some(entry)) => format!("the first bad entry is {entry}"),
            (false, None) => "the journal is not what was written".to_owned(),
        };
        let shredded = match self.shredded {
            0 => String::new(),
            count => format!(", {} personal values destroyed as entries say", show_count(count)),
        };
        text.push_str(&format!(
            "{} entries, {} heads checked in {:.2} s{shredded}: {verdict}",
            show_count(self.entries),
            show_count(self.heads),
            self.elapsed_ms as f64 / 1000.0
        ));
        text
    }
}

pub(crate) fn run(context: &Context<'_>, arguments: &AuditVerifyArgs) -> Result<Exit, Failure> {
    let watch = Stopwatch::start();
    let shutdown = context::signals()?;
    let root = match &arguments.journal {
        Some(root) => root.clone(),
        None => journal::root(context)?,
    };
    let trusted = arguments.head.as_deref().map(read_head).transpose()?;
    let keys = keys(context, &root)?;
    let proof = keys.is_some() || trusted.is_some();
    let reader = Reader::open(&root).map_err(|error| failed(&error))?;
    let verified = tokio::task::block_in_place(|| {
        let (beside, bad_beside) = match reader.head_beside() {
            Ok(head) => (head, false),
            Err(error) if matches!(error.kind(), ErrorKind::Damage { .. }) => (None, true),
            Err(error) => return Err(error),
        };
        let options = VerifyOptions { keys, trusted, beside, bad_beside };
        verify(context, &reader, &options, &|| shutdown.is_requested())
    })
    .map_err(|error| failed(&error))?;
    context.printer.data(&Answer::new(&verified, watch.elapsed_ms()), Answer::text)?;
    if !verified.is_sound() {
        return Ok(Exit::Integrity);
    }
    if !proof {
        let message =
            "the entries agree with each other; without a key or a head nothing says who wrote them";
        return Err(Failure::new(Exit::Partial, "not_proven", message)
            .hint("name the key file with journal_key_file, or a head that was kept elsewhere with --head"));
    }
    Ok(Exit::Done)
}

/// Other commands say that this one should be run.
fn failed(error: &frontdesk_journal::Error) -> Failure {
    let failure = failures::journal(error);
    match (error.kind(), error.hint()) {
        (ErrorKind::Damage { .. }, Some(_)) => failure.hint(
            "the file is not read any further: put back a copy of the journal's folder, and verify that",
        ),
        _ => failure,
    }
}

fn verify(
    context: &Context<'_>,
    reader: &Reader,
    options: &VerifyOptions,
    stop: &dyn Fn() -> bool,
) -> Result<Verified, frontdesk_journal::Error> {
    let progress = context.progress(reader.head().ok().map(|head| head.count));
    let verified = reader.verify(options, &mut |entries| {
        progress.at(entries, || format!("{} entries", show_count(entries)));
        if stop() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    drop(progress);
    verified
}

/// The keys of the settings, else those that lie beside the journal; `None` where there are none.
fn keys(context: &Context<'_>, root: &Path) -> Result<Option<KeyRing>, Failure> {
    let named = journal::key_file(context);
    let path = named.clone().unwrap_or_else(|| root.join("keys"));
    match KeyRing::read(&path) {
        Ok(ring) => Ok(Some(ring)),
        Err(error) if named.is_none() && matches!(error.kind(), ErrorKind::KeyMissing { .. }) => Ok(None),
        Err(error) => Err(failures::journal(&error)),
    }
}

fn read_head(path: &Path) -> Result<Head, Failure> {
    let failed = |error: &dyn std::error::Error| {
        Failure::new(Exit::Usage, "bad_head", format!("cannot read the head {}", path.display()))
            .caused_by(error)
            .hint("make one with frontdesk audit export --head")
    };
    let text = std::fs::read(path).map_err(|error| failed(&error))?;
    serde_json::from_slice(&text).map_err(|error| failed(&error))
}
