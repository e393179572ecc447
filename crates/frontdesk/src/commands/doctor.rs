//! `frontdesk doctor`: checks what a pull needs, one thing after the other.

use std::time::Duration;

use frontdesk_api::{ConversationSource, DetailsQuery, Origin, SeenIds};
use frontdesk_domain::{PageSize, TimeRange};
use frontdesk_shell::printer::printable;
use frontdesk_shell::quantity::{show_count, show_size};
use frontdesk_shell::{Exit, Failure};
use futures_util::StreamExt;
use serde::Serialize;

use crate::clock::WallClock;
use crate::connect::Api;
use crate::context::Context;
use crate::{connect, failures, store};

mod platform;

/// What one check found.
#[derive(Serialize)]
struct Finding {
    check: &'static str,
    state: State,
    detail: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<u8>,
}

#[derive(Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum State {
    Ok,
    Absent,
    Failed,
}

impl Finding {
    fn text(&self) -> String {
        let state = match self.state {
            State::Ok => "ok    ",
            State::Absent => "absent",
            State::Failed => "FAILED",
        };
        format!("{state}  {:<11} {}", self.check, self.detail)
    }
}

pub(crate) async fn run(context: &Context<'_>) -> Result<Exit, Failure> {
    let mut worst = Exit::Done;
    let mut tell = |check, found: Result<(State, String), Failure>| {
        let finding = match found {
            Ok((state, detail)) => Finding { check, state, detail, code: None },
            Err(failure) => {
                // The first thing that is wrong decides: what follows is often only its consequence.
                if worst == Exit::Done {
                    worst = failure.exit();
                }
                let detail = failure.to_string();
                let detail = detail.trim_start_matches("error: ").replace('\n', "\n                     ");
                Finding { check, state: State::Failed, detail, code: Some(failure.exit().code()) }
            }
        };
        context.printer.data(&finding, Finding::text)
    };

    let clock = WallClock::of(context).await?;
    let at = |origin: &Origin| format!("{} contract at {}", origin.contract, printable(&origin.host));
    match connect::reading(context, &clock) {
        Ok(Api::Gateway(gateway)) => {
            let origin = ConversationSource::describe(&gateway);
            tell("settings", Ok((State::Ok, at(&origin))))?;
            tell("connection", ask(&gateway, &clock).await)?;
        }
        Ok(Api::Platform(platform)) => {
            let origin = ConversationSource::describe(&platform);
            tell("settings", Ok((State::Ok, at(&origin))))?;
            platform::checks(&platform, &mut tell).await?;
        }
        Err(failure) => tell("settings", Err(failure))?,
    }
    tell("archive", archive(context))?;
    Ok(worst)
}

/// Asks for one conversation of the last hour: proves host, TLS, credentials and scope at once.
async fn ask(conversations: &dyn ConversationSource, clock: &WallClock) -> Result<(State, String), Failure> {
    let now = clock.now();
    let before = now.checked_sub(Duration::from_secs(3600)).unwrap_or(now);
    let refused = |error: &dyn std::error::Error| Failure::from_error(Exit::Unexpected, "clock", error);
    let range = TimeRange::new(before, now)
        .map_err(|violation| refused(&std::io::Error::other(violation.message)))?;
    let size = PageSize::new(1).map_err(|error| refused(&error))?;
    let query = DetailsQuery {
        range,
        size,
        filter: None,
        resume: None,
        max_pages: Some(1),
        seen: SeenIds::default(),
    };
    let mut pages = std::pin::pin!(conversations.conversations(query));
    match pages.next().await {
        Some(Err(error)) => Err(failures::remote(&error)),
        Some(Ok(_)) | None => {
            let counters = conversations.counters();
            Ok((
                State::Ok,
                format!("answers the details query ({} requests, token included)", counters.requests),
            ))
        }
    }
}

fn archive(context: &Context<'_>) -> Result<(State, String), Failure> {
    let root = context.archive_root()?;
    if !root.join("FORMAT.json").exists() {
        return Ok((State::Absent, format!("no archive yet in {}", printable(&root.display().to_string()))));
    }
    let stats = store::reader(context)?.stats().map_err(|error| failures::archive(&error))?;
    let detail = format!(
        "{} records of {} conversations in {} segments, {} packed; verify checks every byte",
        show_count(stats.records),
        show_count(stats.conversations),
        show_count(stats.segments),
        show_size(stats.packed_bytes),
    );
    Ok((State::Ok, detail))
}
