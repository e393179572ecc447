//! The whole corpus over the vendor's published contract: texts that come late, guests who write again, pages that drift; what
//! the certificate says of it, and what the same command makes of it when the threading window has passed.

use std::collections::{BTreeMap, BTreeSet};

use frontdesk_sandbox::{ClockMode, Config, FaultPlan, Moment, PlatformPlan, Rates};
use http::Method;
use serde_json::{Value, json};

use super::Scenario;
use super::archive::pulled;
use super::corpus::Dates;
use super::desk::Desk;
use super::files;
use super::platform_archive::{holds, truth};
use super::platform_requests::hardly_more;
use super::platform_texts::{Kept, Texts, parsed};
use super::process::Run;
use super::pull::corpus_config;
use super::scene::Scene;
use super::tenant::small;
use crate::Outcome;
use crate::least::By;

/// More than the threading window (72 h), which is longer than texts are late here.
const LATER_SECONDS: u64 = 73 * 3_600;
/// How many guests write again between the two runs.
const AGAIN: usize = 12;

pub(super) fn scenarios() -> Vec<Scenario> {
    vec![
        Scenario::new(
            "platform: the whole corpus with late texts, guests who come back and drifting pages, complete after 72 h",
            corpus,
        ),
        Scenario::new("platform: the same window by queries and by jobs is one version", other_way),
    ]
}

fn corpus(scene: &Scene<'_>) -> Outcome {
    let dates = &scene.house.corpus.dates;
    let now: Moment = dates.over.parse().map_err(|error| format!("{}: {error}", dates.over))?;
    // Without guests who are still there every conversation has ended.
    let config = Config { clock: ClockMode::Fixed(now), guests: 0, ..corpus_config(scene) };
    let tenant = scene.tenant_of_both(config)?;
    let desk = scene
        .desk("data")
        .on_platform(&tenant)
        .with("FRONTDESK_DETAILS_BY", "query")
        .with("FRONTDESK_TEST_CLOCK", &tenant.base_url);
    // Some guests wrote again an hour after the end, before anybody looked.
    tenant.door(Method::POST, "rethread", &json!({"share": 0.02, "after_seconds": 3_600}))?;
    tenant.set_platform(&PlatformPlan {
        late: 0.01,
        late_seconds: 6 * 3_600,
        hits_off: 3,
        ..PlatformPlan::default()
    })?;
    let listed = truth(&tenant)?;
    let before = tenant.all_texts(listed.keys())?;
    let least = tenant.least(By::Queries)?;
    let drift = Rates { drift: 0.2, ..Rates::default() };
    tenant.set_faults(&FaultPlan { rate: drift, ..FaultPlan::default() })?;

    let run = desk.pull(&[])?.exits(0)?;
    ensure!(tenant.fired("drift") > 0, "no page drifted: {:?}", tenant.stats());
    // Pages that drift are read twice, and a few late texts are tried one by one; neither for each of them.
    hardly_more(&run, &least)?;
    holds(&desk, &listed, &run)?;
    let (kept, told) = (desk.transcripts()?, texts_of(&run)?);
    texts_are_kept(&before, &kept, &run)?;
    let late: BTreeSet<&String> =
        before.iter().filter(|(_, texts)| texts.are_late()).map(|(id, _)| id).collect();
    let open: BTreeSet<&String> =
        before.iter().filter(|(_, texts)| may_grow(texts, dates)).map(|(id, _)| id).collect();
    ensure!(!late.is_empty() && !open.is_empty(), "nothing is late, or nothing may grow: {told}");
    ensure!(pulled(&run.last()?)?.state == "provisional", "{}", run.wrong("something is still to come"));
    ensure!(
        told["late"] == late.union(&open).count() && told["failed"] == 0,
        "{}",
        run.wrong(&format!("{} texts are late and {} may grow", late.len(), open.len()))
    );
    // Whoever must have all of it is told.
    desk.pull(&["--require-complete"])?.exits(3)?;

    // Guests write again into conversations that ended a while ago; the window passes, and late texts come.
    let wrote = |id: &&String| !before[*id].listed.is_empty();
    let again: BTreeSet<&String> = open.iter().copied().filter(wrote).take(AGAIN).collect();
    for id in &again {
        tenant.door(Method::POST, "rethread", &json!({"id": id}))?;
    }
    tenant.advance_clock(LATER_SECONDS)?;
    let after = tenant.all_texts(listed.keys())?;
    ensure!(after.values().all(|texts| !texts.are_late()), "texts are late for ever");
    let run = desk.pull(&["--require-complete"])?.exits(0)?;
    let result = pulled(&run.last()?)?;
    ensure!(result.state == "complete", "{}", run.wrong("nothing is to come any more"));
    let (kept, told) = (desk.transcripts()?, texts_of(&run)?);
    texts_are_kept(&after, &kept, &run)?;
    ensure!(
        told["late"] == 0 && told["waiting"] == 0 && told["gone"] == 0,
        "{}",
        run.wrong("something waits")
    );
    for (id, kept) in &kept {
        let grew = before.get(id).is_none_or(|texts| texts.readable != after[id].readable);
        ensure!((kept.version > 1) == grew, "{id} is in version {}, and it grew: {grew}", kept.version);
        ensure!(grew || !again.contains(id), "{id} was written into again, and has not grown");
    }

    // Nothing is left to be looked at, and nothing is written.
    let sealed = files::prints(&desk.segments())?;
    let run = desk.pull(&["--require-complete"])?.exits(0)?;
    ensure!(texts_of(&run)?["looked"] == 0, "{}", run.wrong("what is settled was looked at"));
    let changed = files::differences(&sealed, &files::prints(&desk.segments())?);
    ensure!(changed.is_empty(), "the last pull wrote into segments/: {changed:?}");
    desk.verifies(desk.list()?.len() as u64)
}

/// What a pull says of the texts.
fn texts_of(run: &Run) -> Result<Value, String> {
    Ok(run.last()?["transcripts"].take())
}

/// Whether a message may still be threaded into it.
fn may_grow(texts: &Texts, dates: &Dates) -> bool {
    texts.ended.as_deref().is_none_or(|ended| ended > dates.window_began)
}

/// Every conversation that said anything has its transcript, with the texts that could be had.
fn texts_are_kept(truth: &BTreeMap<String, Texts>, kept: &BTreeMap<String, Kept>, run: &Run) -> Outcome {
    for (id, texts) in truth {
        match kept.get(id) {
            None => return Err(run.wrong(&format!("{id} has no transcript"))),
            Some(kept) if kept.messages != texts.readable => {
                let what = format!("{id} has {} of {} texts", kept.messages.len(), texts.readable.len());
                return Err(run.wrong(&what));
            }
            Some(_) => {}
        }
    }
    ensure!(kept.len() == truth.len(), "{}", run.wrong("there are transcripts of others"));
    Ok(())
}

/// Participants' attributes, which only a job tells, are no other version.
fn other_way(scene: &Scene<'_>) -> Outcome {
    let tenant = scene.tenant_of_both(small(scene))?;
    let count = tenant.count();
    for (first, second) in [("query", "jobs"), ("jobs", "query")] {
        let by = |way: &str| scene.desk(first).on_platform(&tenant).with("FRONTDESK_DETAILS_BY", way);
        let desk = by(first);
        let run = desk.pull(&[])?.exits(0)?;
        ensure!(pulled(&run.last()?)?.stored == count, "{}", run.wrong("not all was stored"));
        let sealed = files::prints(&desk.segments())?;
        for way in [second, first] {
            let run = by(way).pull(&[])?.exits(0)?;
            let result = pulled(&run.last()?)?;
            ensure!(
                result.unchanged == count && result.versions_added == 0,
                "{}",
                run.wrong(&format!("what {first} brought is another version by {way}"))
            );
        }
        let changed = files::differences(&sealed, &files::prints(&desk.segments())?);
        ensure!(changed.is_empty(), "another way of asking wrote into segments/: {changed:?}");
        let attributes = has_attributes(&desk)?;
        ensure!(
            (attributes > 0) == (first == "jobs"),
            "{attributes} of what {first} brought have attributes"
        );
    }
    Ok(())
}

/// How many details have a participant with attributes.
fn has_attributes(desk: &Desk<'_>) -> Result<usize, String> {
    let mut count = 0;
    for segment in files::segments(&desk.archive())? {
        for line in files::gunzip(&segment)?.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            let record = parsed(line, "a line of a segment")?;
            let mut people = record["participants"].as_array().into_iter().flatten();
            count += usize::from(
                people.any(|one| one["attributes"].as_object().is_some_and(|all| !all.is_empty())),
            );
        }
    }
    Ok(count)
}
