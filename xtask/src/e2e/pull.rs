//! Pulls that go well: everything is there once, and again changes nothing.

use std::time::{Duration, SystemTime};

use frontdesk_sandbox::{Config, Moment};

use super::archive::pulled;
use super::desk::{Desk, YEAR};
use super::files;
use super::scene::Scene;
use super::tenant::{Tenant, WIDE, small};
use super::{Scenario, tenant};
use crate::Outcome;

pub(super) fn scenarios() -> Vec<Scenario> {
    vec![
        Scenario::new("pull: the whole corpus, everything once; again writes nothing", corpus),
        Scenario::new("pull: any page size gives the same records", page_sizes),
        Scenario::new("pull: a filter takes what matches and nothing else", filtered),
        Scenario::new("pull: ranges that overlap and touch", ranges),
        Scenario::new("pull: what changed becomes a version, what did not stays", versions),
        Scenario::new("pull: a range that may still change is provisional", provisional),
        Scenario::new("pull: a server that states its rate is paced, not fought", paced),
    ]
}

/// The house's corpus as a tenant.
pub(super) fn corpus_config(scene: &Scene<'_>) -> Config {
    let corpus = &scene.house.corpus;
    Config {
        seed: scene.seed(),
        corpora: vec![corpus.path.clone()],
        conversations: corpus.conversations,
        rate_limit_per_min: WIDE,
        ..Config::default()
    }
}

fn corpus(scene: &Scene<'_>) -> Outcome {
    let tenant = scene.tenant(corpus_config(scene))?;
    let desk = scene.desk("data").connected(&tenant).with("FRONTDESK_SEGMENT_SIZE", "256KiB");
    let run = desk.pull(&[])?.exits(0)?;
    let result = pulled(&run.last()?)?;
    ensure!(result.state == "complete", "{}", run.wrong("the certificate is not complete"));
    let count = tenant.count();
    ensure!(result.stored == count && result.seen == count, "{}", run.wrong("not all was counted as stored"));
    desk.holds_exactly(&tenant.truth()?)?;
    ensure!(!files::sealed(&desk.archive())?.is_empty(), "no segment was sealed, so sealing was not tried");
    again_writes_nothing(&desk, &tenant)
}

/// The same pull once more finds all of it unchanged and writes no byte into the segments.
fn again_writes_nothing(desk: &Desk<'_>, tenant: &Tenant<'_>) -> Outcome {
    let before = files::prints(&desk.segments())?;
    ensure!(!before.is_empty(), "there are no segments");
    let asked = tenant.queries();
    let run = desk.pull(&[])?.exits(0)?;
    let result = pulled(&run.last()?)?;
    ensure!(tenant.queries() > asked, "the second pull asked for nothing");
    ensure!(result.state == "complete", "{}", run.wrong("the second certificate is not complete"));
    ensure!(
        result.unchanged == tenant.count() && result.stored == 0 && result.versions_added == 0,
        "{}",
        run.wrong("not all was found unchanged")
    );
    let changed = files::differences(&before, &files::prints(&desk.segments())?);
    ensure!(changed.is_empty(), "the second pull wrote into segments/: {changed:?}");
    Ok(())
}

fn page_sizes(scene: &Scene<'_>) -> Outcome {
    let tenant = scene.tenant(small(scene))?;
    let truth = tenant.truth()?;
    for size in ["1", "7", "10000"] {
        let desk = scene.desk(size).connected(&tenant);
        let asked = tenant.queries();
        let run = desk.pull(&["--page-size", size])?.exits(0)?;
        let result = pulled(&run.last()?)?;
        ensure!(result.stored == tenant.count(), "{}", run.wrong("not all was stored"));
        ensure!(
            tenant.queries() - asked == result.pages,
            "{}",
            run.wrong("pages are not what was asked for")
        );
        desk.holds_exactly(&truth)?;
    }
    Ok(())
}

fn filtered(scene: &Scene<'_>) -> Outcome {
    let tenant = scene.tenant(small(scene))?;
    let all = tenant.count();
    for filter in [
        "type eq 'message'",
        "(direction eq 'inbound' and language neq 'en') or startTime lt '2025-02-01T00:00:00Z'",
        "metadata.source contains 'PORTAL'",
        "queue eq 'it''s not there'",
    ] {
        let (matching, count) = tenant.matching(filter)?;
        let desk = scene.desk(filter).connected(&tenant);
        let run = desk.pull(&["--filter", filter])?.exits(0)?;
        ensure!(pulled(&run.last()?)?.stored == count, "{}", run.wrong(&format!("{count} match")));
        ensure!(count < all, "the filter {filter} leaves nothing out");
        desk.holds_exactly(&matching)?;
    }
    Ok(())
}

fn ranges(scene: &Scene<'_>) -> Outcome {
    let tenant = scene.tenant(small(scene))?;
    let desk = scene.desk("data").connected(&tenant);
    let pull = |from: &str, to: &str| -> Result<_, String> {
        let run = desk.json(&["archive", "pull", "--from", from, "--to", to])?.exits(0)?;
        pulled(&run.last()?)
    };
    let first = pull("2025-01-01", "2025-05-01")?;
    // Touching: nothing twice. Overlapping: what is there is unchanged. A time within a day, and another zone.
    let second = pull("2025-05-01T00:00:00Z", "2025-08-15T13:45:10.5+02:00")?;
    ensure!(
        first.stored > 0 && second.stored > 0 && second.unchanged == 0,
        "ranges that touch: {first:?} {second:?}"
    );
    let third = pull("2025-07-01", "2026-01-01")?;
    ensure!(third.unchanged > 0 && third.versions_added == 0, "ranges that overlap: {third:?}");
    let nothing = pull("2019-01-01", "2019-02-01")?;
    ensure!(nothing.seen == 0 && nothing.state == "complete", "a range without conversations: {nothing:?}");
    desk.holds_exactly(&tenant.truth()?)
}

fn versions(scene: &Scene<'_>) -> Outcome {
    let tenant = scene.tenant(small(scene))?;
    let desk = scene.desk("data").connected(&tenant);
    desk.pull(&[])?.exits(0)?;
    let before = desk.list()?;
    let number = scene.random().below(tenant.count());
    let first = tenant.conversation(number)?;
    let id = tenant.revise(number)?;
    let second = tenant.conversation(number)?;
    ensure!(first != second, "the sandbox revised nothing");
    let run = desk.pull(&[])?.exits(0)?;
    let result = pulled(&run.last()?)?;
    ensure!(
        (result.stored, result.versions_added, result.unchanged) == (0, 1, tenant.count() - 1),
        "{}",
        run.wrong("one version more was expected")
    );
    let show = |version: &str| desk.run(&["archive", "show", &id, "--raw", "--version", version]);
    ensure!(show("1")?.exits(0)?.stdout == first, "version 1 is not what was served first");
    ensure!(show("2")?.exits(0)?.stdout == second, "version 2 is not what was served then");
    ensure!(desk.raw(&id)? == second, "without --version it is not the latest");
    show("3")?.exits(2)?.says(&["version 3"])?;
    let after = desk.list()?;
    ensure!(before.iter().all(|record| after.contains(record)), "a version changed what was there before");
    let added: Vec<_> = after.iter().filter(|record| !before.contains(record)).collect();
    ensure!(
        added.len() == 1 && added[0].id == id && added[0].version == 2,
        "one record more was expected in the list: {added:?}"
    );
    desk.lines_are_what_is_listed(&after)?;
    desk.verifies(tenant.count() + 1)?;
    // The words of the first version are not found any more unless the latest has them too.
    let found = desk.json(&["archive", "search", "--contains", "e", "--limit", "10000"])?.exits(0)?.last()?;
    let hits = found["hits"].as_array().cloned().unwrap_or_default();
    let of_it: Vec<_> = hits.iter().filter(|hit| hit["id"] == id.as_str()).collect();
    ensure!(of_it.iter().all(|hit| hit["version"] == 2), "the search finds an old version: {of_it:?}");
    Ok(())
}

fn provisional(scene: &Scene<'_>) -> Outcome {
    let now = SystemTime::now();
    let days = |days: u64| Duration::from_secs(days * 86_400);
    let config = Config {
        conversations: Some(200),
        from: Moment::from(now - days(20)),
        to: Moment::from(now - Duration::from_secs(60)),
        rate_limit_per_min: WIDE,
        seed: scene.seed(),
        ..Config::default()
    };
    let tenant = scene.tenant(config)?;
    let (from, to) = (tenant::day(now - days(21)), tenant::day(now + days(1)));
    let pull = |data: &str, more: &[&str]| {
        let desk = scene.desk(data).connected(&tenant);
        desk.json(&[&["archive", "pull", "--from", &from, "--to", &to], more].concat())
    };
    let run = pull("a", &[])?.exits(0)?;
    ensure!(pulled(&run.last()?)?.state == "provisional", "{}", run.wrong("the last days may still change"));
    let run = pull("b", &["--require-complete"])?.exits(3)?;
    let result = pulled(&run.last()?)?;
    ensure!(
        result.state == "provisional" && result.stored == 200,
        "{}",
        run.wrong("all is stored all the same")
    );
    // Nothing is open: then it is complete, also when it must be.
    let old = tenant::day(now - days(10));
    let desk = scene.desk("c").connected(&tenant);
    let run =
        desk.json(&["archive", "pull", "--from", &from, "--to", &old, "--require-complete"])?.exits(0)?;
    ensure!(pulled(&run.last()?)?.state == "complete", "{}", run.wrong("what is that old is complete"));
    Ok(())
}

fn paced(scene: &Scene<'_>) -> Outcome {
    let mode = frontdesk_sandbox::RateMode::Bucket;
    let config = Config { rate_limit_per_min: 1_200, rate_mode: mode, ..small(scene) };
    let tenant = scene.tenant(config)?;
    let desk = scene.desk("data").connected(&tenant);
    let run = desk.json(&[&["archive", "pull", "--page-size", "3"], &YEAR as &[&str]].concat())?.exits(0)?;
    let result = pulled(&run.last()?)?;
    ensure!(
        result.throttled == tenant.stats().throttled,
        "{}",
        run.wrong("throttled is not what the server counted")
    );
    // The first burst may collide before the limit is known; a client that does not learn collides on every second call.
    ensure!(
        result.throttled * 5 <= result.pages,
        "{}",
        run.wrong("the client runs into the limit again and again")
    );
    desk.holds_exactly(&tenant.truth()?)
}
