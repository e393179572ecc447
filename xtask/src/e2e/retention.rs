//! Removing by age: to the letter of the plan, never what is held, never by a file's time or a clock that jumped.

use std::collections::BTreeSet;

use serde_json::Value;

use super::aged::DAYS;
use super::archive::pulled;
use super::desk::Desk;
use super::process::Run;
use super::scene::Scene;
use super::tenant::small;
use super::{Scenario, files};
use crate::Outcome;

pub(super) fn scenarios() -> Vec<Scenario> {
    vec![
        Scenario::new("retention: a preview changes nothing, a plan removes exactly itself", to_the_letter),
        Scenario::new("retention: a hold wins, also over a plan made before it", held),
        Scenario::new("retention: what was removed does not come back with a pull", does_not_come_back),
        Scenario::new("retention: copies and the times of files change no verdict", copies),
        Scenario::new("retention: a clock ten years ahead removes nothing", clock),
        Scenario::new("retention: whose archive it is need not be said, and is not said wrongly", whose),
    ]
}

impl Desk<'_> {
    /// `archive retain` of what is older than [`DAYS`].
    pub(super) fn retain(&self, more: &[&str]) -> Result<Run, String> {
        self.json(&[&["archive", "retain"], &DAYS as &[&str], more].concat())
    }

    /// Writes a plan and gives its path.
    pub(super) fn plan(&self, name: &str) -> Result<String, String> {
        let path = self.scene.hidden(name).display().to_string();
        self.retain(&["--plan", &path])?.exits(0)?;
        Ok(path)
    }

    pub(super) fn hold(&self, command: &str, id: &str) -> Result<Run, String> {
        self.json(&[
            "archive",
            "hold",
            command,
            "--id",
            id,
            "--matter",
            "Smith v. Acme",
            "--reason",
            "a claim",
        ])
    }

    fn explained(&self, id: &str) -> Result<Value, String> {
        Ok(self.json(&["policy", "explain", id])?.exits(0)?.last()?["verdict"].clone())
    }
}

/// The ids of the lines with this verdict.
fn judged(run: &Run, verdict: &str) -> Result<BTreeSet<String>, String> {
    let lines = run.lines()?;
    let lines = lines.iter().filter(|line| line["verdict"] == verdict);
    Ok(lines.filter_map(|line| line["id"].as_str().map(str::to_owned)).collect())
}

fn to_the_letter(scene: &Scene<'_>) -> Outcome {
    let (desk, aged, before) = scene.aged("data", 90)?;
    let prints = files::prints(&desk.data)?;
    let unchanged = |what: &str| {
        let changed = files::differences(&prints, &files::prints(&desk.data)?);
        ensure!(changed.is_empty(), "{what} changed {changed:?}");
        Ok::<(), String>(())
    };
    let preview = desk.retain(&[])?.exits(0)?;
    ensure!(judged(&preview, "expire")? == aged.due, "{}", preview.wrong("this is not what is due"));
    let summary = preview.last()?["summary"].clone();
    ensure!(
        summary["undated"] == 1 && summary["held"] == 0 && summary["conversations"] == 90,
        "{}",
        preview.wrong("the summary is wrong")
    );
    unchanged("the preview")?;
    let plan = desk.plan("plan.json")?;
    unchanged("the plan")?;
    desk.retain(&["--plan", &plan])?.exits(2)?.says(&["there already"])?;
    desk.retain(&["--apply", &plan])?.exits(2)?.says(&["--yes"])?;
    for days in ["0", "-1", "many", "99999999999999999999"] {
        desk.json(&["archive", "retain", &format!("--days={days}")])?.exits(2)?;
        desk.json(&["archive", "retain", &format!("--days={days}"), "--apply", &plan, "--yes"])?.exits(2)?;
    }
    desk.json(&["archive", "retain", "--days", "364", "--apply", &plan, "--yes"])?
        .exits(2)?
        .says(&["other policies"])?;
    // One letter of the plan.
    let mut bytes = files::read(plan.as_ref())?;
    let at = memchr::memmem::find(&bytes, b"aged-").ok_or("the plan names nothing")? + 5;
    bytes[at] = if bytes[at] == b'0' { b'1' } else { b'0' };
    let forged = scene.hidden("forged.json");
    files::write(&forged, &bytes)?;
    desk.retain(&["--apply", &forged.display().to_string(), "--yes"])?
        .exits(2)?
        .says(&["not as it was made"])?;
    ensure!(desk.list()? == before, "what was refused removed something");
    // What is stored meanwhile is not in the plan, however old.
    let late = scene.hidden("late.ndjson");
    files::write_private(&late, b"{\"id\":\"late\",\"endTime\":\"2014-01-01T00:00:00Z\"}\n")?;
    desk.import(&late)?.exits(0)?;
    let before = desk.list()?;
    let run = desk.retain(&["--apply", &plan, "--yes"])?.exits(0)?;
    let applied = run.last()?;
    let records = before.iter().filter(|record| aged.due.contains(&record.id)).count();
    ensure!(
        applied["removed"] == aged.due.len() && applied["records"] == records,
        "{}",
        run.wrong("it counts something else")
    );
    ensure!(applied["freed_bytes"].as_u64() > Some(0), "{}", run.wrong("nothing was given back"));
    let listed = desk.list()?;
    ensure!(listed.iter().any(|record| record.id == "late"), "it removed more than the plan");
    let without: Vec<_> = listed.iter().filter(|record| record.id == "late").cloned().collect();
    desk.lines_are_what_is_listed(&listed)?;
    desk.retain(&["--apply", &plan, "--yes"])?.exits(0)?;
    let late = desk.plan("late.json")?;
    let run = desk.retain(&["--apply", &late, "--yes"])?.exits(0)?;
    ensure!(run.last()?["removed"] == 1 && without.len() == 1, "{}", run.wrong("late is due, too"));
    aged.is_removed(&desk, &before, &[])?;
    for id in aged.due.iter().take(3) {
        ensure!(desk.explained(id)? == "expired", "{id} has no tombstone");
        desk.json(&["archive", "show", id])?.exits(2)?;
    }
    // A file that has them all brings none of them back.
    let result = aged.again(&desk)?;
    ensure!(result["stored"] == 0 && result["expired"] == records, "they came back: {result}");
    aged.is_removed(&desk, &before, &[])
}

fn held(scene: &Scene<'_>) -> Outcome {
    let (desk, aged, before) = scene.aged("data", 60)?;
    let run = desk.hold("add", "nobody")?.exits(2)?.says(&["nobody"])?;
    ensure!(run.stdout.is_empty(), "{}", run.wrong("it held something"));
    let mut due = aged.due.iter().map(String::as_str);
    let (Some(first), Some(second)) = (due.next(), due.next()) else { return Err("nothing is due".into()) };
    desk.hold("add", first)?.exits(0)?;
    let plan = desk.plan("plan.json")?;
    let preview = desk.retain(&[])?.exits(0)?;
    ensure!(judged(&preview, "hold")? == BTreeSet::from([first.to_owned()]), "{}", preview.wrong("not held"));
    ensure!(
        judged(&preview, "expire")?.len() == aged.due.len() - 1,
        "{}",
        preview.wrong("what is held is due")
    );
    // After the plan, and with a version that comes later.
    desk.hold("add", second)?.exits(0)?;
    let run = desk.retain(&["--apply", &plan, "--yes"])?.exits(3)?;
    ensure!(
        run.last()?["held"] == 1 && run.last()?["removed"] == aged.due.len() - 2,
        "{}",
        run.wrong("one was held and the rest was due")
    );
    aged.is_removed(&desk, &before, &[first, second])?;
    let summary = desk.json(&["archive", "report", "--summary"])?.exits(0)?.last()?;
    let sum = |name: &str| -> u64 {
        summary["calendar"].as_array().into_iter().flatten().filter_map(|day| day[name].as_u64()).sum()
    };
    ensure!(
        sum("expired") as usize == aged.due.len() - 2 && sum("held") == 2,
        "the calendar says something else: {summary}"
    );
    ensure!(desk.explained(first)? == "hold", "it is held");
    // Nothing but what is held: a policy stood in the way.
    desk.hold("release", first)?.exits(0)?;
    let plan = desk.plan("again.json")?;
    desk.hold("add", first)?.exits(0)?;
    let run = desk.retain(&["--apply", &plan, "--yes"])?.exits(7)?;
    ensure!(run.last()?["held"] == 1, "{}", run.wrong("it was held"));
    aged.is_removed(&desk, &before, &[first, second])?;
    // Released, they go.
    desk.json(&["archive", "hold", "release", "--matter", "Smith v. Acme", "--reason", "settled"])?
        .exits(0)?;
    let plan = desk.plan("last.json")?;
    let run = desk.retain(&["--apply", &plan, "--yes"])?.exits(0)?;
    ensure!(run.last()?["removed"] == 2, "{}", run.wrong("both are free"));
    aged.is_removed(&desk, &before, &[])?;
    desk.hold("add", first)?.exits(2)?.says(&["removed by retention"])?;
    Ok(())
}

fn does_not_come_back(scene: &Scene<'_>) -> Outcome {
    let tenant = scene.tenant(small(scene))?;
    let desk = scene.desk("data").connected(&tenant).with("FRONTDESK_SEGMENT_SIZE", "64KiB");
    desk.pull(&[])?.exits(0)?;
    // Some day of June 2025, whenever this runs.
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let seconds = now.map_err(|error| error.to_string())?.as_secs();
    let days = (seconds / 86_400).checked_sub(20_250).filter(|days| *days > 0).ok_or("it is not 2025 yet")?;
    let border = std::time::UNIX_EPOCH + std::time::Duration::from_secs(seconds - days * 86_400);
    let border = frontdesk_sandbox::Moment::from(border);
    let mut kept = tenant.truth()?;
    let mut due = 0;
    for number in 0..tenant.count() {
        let conversation: Value = serde_json::from_slice(&tenant.conversation(number)?)
            .map_err(|error| format!("a conversation: {error}"))?;
        let text = ["endTime", "startTime"].iter().find_map(|name| conversation[name].as_str());
        let (Some(text), Some(id)) = (text, conversation["id"].as_str()) else { continue };
        let ended: frontdesk_sandbox::Moment = text.parse().map_err(|error| format!("{text}: {error}"))?;
        if ended <= border {
            kept.remove(id);
            due += 1;
        }
    }
    ensure!(due > 20 && kept.len() > 20, "{due} are due of {}", tenant.count());
    let days = days.to_string();
    let plan = scene.hidden("plan.json").display().to_string();
    desk.json(&["archive", "retain", "--days", &days, "--plan", &plan])?.exits(0)?;
    let run = desk.json(&["archive", "retain", "--days", &days, "--apply", &plan, "--yes"])?.exits(0)?;
    ensure!(run.last()?["removed"] == due, "{}", run.wrong(&format!("{due} are due")));
    desk.holds_exactly(&kept)?;
    let run = desk.pull(&[])?.exits(0)?;
    let result = run.last()?;
    let counts = pulled(&result)?;
    ensure!(
        result["expired"] == due && counts.stored == 0 && counts.versions_added == 0,
        "{}",
        run.wrong(&format!("{due} are expired and nothing is new"))
    );
    ensure!(counts.state == "complete", "{}", run.wrong("the certificate is not complete"));
    desk.holds_exactly(&kept)
}

fn copies(scene: &Scene<'_>) -> Outcome {
    let (desk, aged, _) = scene.aged("data", 60)?;
    let preview = |desk: &Desk<'_>| Ok::<_, String>(desk.retain(&[])?.exits(0)?.stdout);
    let wanted = preview(&desk)?;
    ensure!(!aged.due.is_empty(), "nothing is due");
    for time in ["1970-01-02", "2099-01-01"] {
        desk.shell(&format!("find '{}' -exec touch -d {time} {{}} +", desk.data.display()))?;
        ensure!(preview(&desk)? == wanted, "files of {time} change what is due");
    }
    let copy = scene.desk("copy");
    files::copy_folder(&desk.data, &copy.data)?;
    ensure!(preview(&copy)? == wanted, "a copy has another age");
    let restored = scene.desk("restored");
    files::create_folder(&restored.data)?;
    let (from, to) = (desk.data.display(), restored.data.display());
    desk.shell(&format!("tar -C '{from}' -cf - . | tar -C '{to}' --touch -xf -"))?;
    ensure!(preview(&restored)? == wanted, "a restored backup has another age");
    Ok(())
}

fn clock(scene: &Scene<'_>) -> Outcome {
    let (desk, aged, before) = scene.aged("data", 60)?;
    let tenant = scene.tenant(small(scene))?;
    tenant.advance_clock(10 * 365 * 86_400)?;
    let ahead = desk.clone().with("FRONTDESK_TEST_CLOCK", &tenant.base_url);
    let plan = ahead.plan("ahead.json")?;
    let planned: Value =
        serde_json::from_slice(&files::read(plan.as_ref())?).map_err(|error| format!("the plan: {error}"))?;
    let planned = planned["removals"].as_array().map_or(0, Vec::len);
    ensure!(planned == 59, "{planned} are due in ten years: all but the one without a date were expected");
    for _ in 0..2 {
        // A line that the jumped clock wrote vouches for nothing.
        let run = ahead.retain(&["--apply", &plan, "--yes"])?.exits(7)?.says(&["clock"])?;
        ensure!(
            run.error().is_some_and(|error| error["hint"].to_string().contains("--confirm-clock")),
            "{}",
            run.wrong("no hint says what to do")
        );
        ensure!(desk.list()? == before, "a clock that jumped removed something");
        let kept = aged.kept.iter().next().ok_or("nothing is kept")?;
        ahead.hold("add", kept)?.exits(0)?;
        ahead.hold("release", kept)?.exits(0)?;
    }
    // By the right clock the plan names what is not due: that stays.
    let run = desk.retain(&["--apply", &plan, "--yes"])?.exits(3)?;
    let applied = run.last()?;
    ensure!(
        applied["removed"] == aged.due.len() && applied["changed"] == planned - aged.due.len(),
        "{}",
        run.wrong("a plan of a wrong clock removes what is not due")
    );
    aged.is_removed(&desk, &before, &[])?;
    // Somebody looked, and it is right.
    let plan = ahead.plan("confirmed.json")?;
    ahead.retain(&["--apply", &plan, "--yes", "--confirm-clock"])?.exits(0)?;
    ensure!(desk.list()?.len() == 1, "the one without a date is what stays");
    Ok(())
}

fn whose(scene: &Scene<'_>) -> Outcome {
    let tenant = scene.tenant(small(scene))?;
    let desk = scene.desk("data").connected(&tenant).with("FRONTDESK_ORGANIZATION_ID", "acme");
    desk.pull(&[])?.exits(0)?;
    let id = desk.list()?.first().ok_or("nothing was stored")?.id.clone();
    let (silent, wrong) = (
        desk.clone().without("FRONTDESK_ORGANIZATION_ID"),
        desk.clone().with("FRONTDESK_ORGANIZATION_ID", "globex"),
    );
    silent.hold("add", &id)?.exits(0)?;
    silent.plan("plan.json")?;
    silent.json(&["archive", "repair"])?.exits(0)?;
    let prints = files::prints(&desk.archive())?;
    wrong.hold("release", &id)?.exits(2)?.says(&["acme", "globex"])?;
    wrong.json(&["archive", "repair"])?.exits(2)?.says(&["acme", "globex"])?;
    let changed = files::differences(&prints, &files::prints(&desk.archive())?);
    ensure!(changed.is_empty(), "a command that was refused changed {changed:?}");
    silent.hold("release", &id)?.exits(0)?;
    Ok(())
}
