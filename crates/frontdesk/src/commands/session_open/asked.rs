//! What was typed, checked: all problems at once.

use std::num::NonZeroU32;
use std::path::PathBuf;

use frontdesk_domain::{Collector, SessionDraft, Violations};
use frontdesk_sessions::{Limits, OpeningOptions};
use frontdesk_shell::{Exit, Failure};

use crate::args::SessionOpenArgs;
use crate::commands::session_close::{MOST_AT_ONCE, number};

/// What is to be done.
pub(super) struct Asked {
    pub(super) what: What,
    pub(super) options: OpeningOptions,
    pub(super) concurrency: NonZeroU32,
    pub(super) dry_run: bool,
}

/// For whom.
pub(super) enum What {
    One(Box<SessionDraft>),
    Many(PathBuf),
}

impl Asked {
    pub(super) fn check(arguments: &SessionOpenArgs) -> Result<Self, Failure> {
        let mut found = Collector::new();
        let mut draft = SessionDraft::new();
        if let Some(guest) = &arguments.guest_id {
            draft = draft.guest_id(guest);
        }
        for attribute in &arguments.attribute {
            match attribute.split_once('=') {
                Some((key, value)) => draft = draft.attribute(key, value),
                None => found.push("--attribute", "flag.attribute", "write NAME=TEXT"),
            }
        }
        if let Some(language) = &arguments.language {
            draft = draft.language(language);
        }
        if let Some(text) = &arguments.priority {
            match text.parse() {
                Ok(priority) => draft = draft.priority(priority),
                Err(_) => found.push("--priority", "flag.number", "write a whole number"),
            }
        }
        if !arguments.skill.is_empty() {
            draft = draft.skills(&arguments.skill);
        }
        let max_count = number(&mut found, "--max-count", arguments.max_count.as_deref());
        let max_errors = number(&mut found, "--max-errors", arguments.max_errors.as_deref());
        let concurrency =
            arguments.concurrency.parse::<NonZeroU32>().ok().filter(|n| n.get() <= MOST_AT_ONCE);
        if concurrency.is_none() {
            found.push("--concurrency", "flag.range", format!("write a number between 1 and {MOST_AT_ONCE}"));
        }
        found.finish().map_err(|problems| bad(&problems))?;
        let mut options = OpeningOptions {
            limits: Limits { max_count, max_errors },
            anew: arguments.anew,
            ..OpeningOptions::default()
        };
        let what = match &arguments.from {
            Some(from) => {
                options.defaults = draft;
                What::Many(from.clone())
            }
            None => What::One(Box::new(consented(draft, arguments))),
        };
        let concurrency = concurrency.unwrap_or(NonZeroU32::MIN);
        Ok(Self { what, options, concurrency, dry_run: arguments.dry_run })
    }
}

/// Consent is the guest's own: it is never filled in for the lines of a file.
fn consented(mut draft: SessionDraft, arguments: &SessionOpenArgs) -> SessionDraft {
    if arguments.data_processing {
        draft = draft.data_processing(true);
    }
    if arguments.marketing {
        draft = draft.marketing(true);
    }
    if let Some(version) = &arguments.consent_text {
        draft = draft.text_version(version);
    }
    if let Some(locale) = &arguments.consent_locale {
        draft = draft.locale(locale);
    }
    draft
}

fn bad(problems: &Violations) -> Failure {
    let told: Vec<String> = problems.iter().map(ToString::to_string).collect();
    Failure::new(Exit::Usage, "bad_argument", told.join("; ")).hint("see frontdesk session open --help")
}
