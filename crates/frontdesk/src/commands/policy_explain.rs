//! `frontdesk policy explain ID`: the verdict on one conversation, with its reason.

use frontdesk_domain::retention::{Subject, Verdict, verdict};
use frontdesk_domain::{MatterName, RecordId, RecordKey, RecordKind};
use frontdesk_shell::printer::printable;
use frontdesk_shell::{Exit, Failure};
use serde::Serialize;

use crate::clock::WallClock;
use crate::context::Context;
use crate::{failures, policies, store};

#[derive(Serialize)]
struct Answer<'a> {
    id: &'a RecordId,
    #[serde(flatten)]
    verdict: &'a Verdict,
}

#[derive(Serialize)]
struct Gone<'a> {
    id: &'a RecordId,
    verdict: &'static str,
    policy: String,
    since: String,
    at: String,
    records: u64,
}

pub(crate) async fn run(context: &Context<'_>, id: &str) -> Result<Exit, Failure> {
    let id = RecordId::new(id).map_err(|error| Failure::from_error(Exit::Usage, "bad_argument", &error))?;
    let policies = policies::of_profile(context)?;
    let now = WallClock::of(context).await?.now();
    let reader = store::reader(context)?;
    let key = RecordKey { kind: RecordKind::Details, id: id.clone() };
    let Some(record) = reader.show(&key, None).map_err(|error| failures::archive(&error))? else {
        let Some(stone) = reader.tombstone(&id).map_err(|error| failures::archive(&error))? else {
            return Err(Failure::new(Exit::Usage, "not_found", format!("there is no conversation {id:?}"))
                .hint("frontdesk archive list shows every id"));
        };
        let gone = Gone {
            id: &id,
            verdict: "expired",
            policy: stone.policy.to_string(),
            since: stone.since.to_string(),
            at: stone.at.to_string(),
            records: stone.records,
        };
        context.printer.data(&gone, |gone| {
            format!("removed at {} by {}; it does not come back", gone.at, printable(&gone.policy))
        })?;
        return Ok(Exit::Done);
    };
    let matters = reader.matters(&id).map_err(|error| failures::archive(&error))?;
    let found = verdict(&Subject::of(&record.bytes), &policies, &matters, now);
    context.printer.data(&Answer { id: &id, verdict: &found }, |answer| text(answer.verdict))?;
    Ok(Exit::Done)
}

fn text(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Hold { matters } => {
            let names: Vec<String> = matters.iter().map(MatterName::as_str).map(printable).collect();
            format!("held by {}: it is kept whatever its age", names.join(", "))
        }
        Verdict::Expire { policy, since, due } => format!(
            "due since {due} by {}: its age counts from {since}. The next retention run removes it",
            printable(policy.as_str())
        ),
        Verdict::Keep { policy, since, until } => {
            let until = until.map_or_else(|| "for ever".to_owned(), |until| format!("until {until}"));
            format!("kept {until} by {}: its age counts from {since}", printable(policy.as_str()))
        }
        Verdict::NoDate { policy } => format!(
            "kept: {} applies, but it says neither when it ended nor when it started",
            printable(policy.as_str())
        ),
        _ => "kept: no policy of the profile applies to it".to_owned(),
    }
}
