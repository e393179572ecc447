//! Ending sessions: what is refused, what is only shown, two operators at once, and what a full disk does to it.

use std::time::Duration;

use frontdesk_sandbox::{Config, Effect, GuestPlan, When};
use serde_json::{Value, json};

use super::desk::Desk;
use super::faults::always;
use super::mount::Mounts;
use super::scene::Scene;
use super::serve::{Served, get};
use super::sessions::{outcomes, selection, wanted};
use super::telling::RECEIVER;
use super::tenant::{Tenant, small};
use super::{Scenario, files};
use crate::Outcome;

/// How the statistics call the DELETE.
const DELETE: &str = "DELETE /api/v2/webmessaging/guests/{guestId}";

pub(super) fn scenarios() -> Vec<Scenario> {
    vec![
        Scenario::new("closing: a plan that was changed, and limits, end nobody", guarded),
        Scenario::new("closing: lines that cannot be are named, and nobody is asked", bad_lines),
        Scenario::new("closing: two operators at once, and never more than five DELETEs", two_operators),
        Scenario::new("closing: one guest by flags, with each outcome", one_guest),
        Scenario::new("closing: too many errors stop it, and it goes on", errors_stop),
        Scenario::new(
            "closing: its event goes out with the command, and a dead endpoint changes no exit code",
            told,
        ),
        Scenario::new("closing: the server shows a plan, and what became of each guest", shown),
        Scenario::new("closing: a disk that is full ends nobody unaudited", full_disk),
    ]
}

/// A tenant of a few guests, all of them active unless the plan says otherwise.
fn tenant<'h>(scene: &Scene<'h>, guests: u64, guest_plan: GuestPlan) -> Result<Tenant<'h>, String> {
    scene.tenant(Config { guests, guest_plan, ..small(scene) })
}

fn active() -> GuestPlan {
    GuestPlan { active: 1.0, ..GuestPlan::default() }
}

/// The lines of all guests, in a file.
fn everybody(scene: &Scene<'_>, tenant: &Tenant<'_>) -> Result<String, String> {
    let guests = tenant.guests()?;
    let lines: Vec<Value> = guests.iter().enumerate().map(|(k, guest)| wanted(guest, k)).collect();
    selection(scene, "guests.ndjson", &lines)
}

fn deletes(tenant: &Tenant<'_>) -> u64 {
    tenant.stats().requests.get(DELETE).copied().unwrap_or(0)
}

/// A plan of all guests.
fn planned(desk: &Desk<'_>, tenant: &Tenant<'_>) -> Result<String, String> {
    let from = everybody(desk.scene, tenant)?;
    let plan = desk.scene.path("plan.ndjson").display().to_string();
    desk.json(&["session", "close", "--from", &from, "--plan", &plan])?.exits(0)?;
    Ok(plan)
}

fn guarded(scene: &Scene<'_>) -> Outcome {
    let tenant = tenant(scene, 40, active())?;
    let desk = scene.desk("data").connected(&tenant);
    let from = everybody(scene, &tenant)?;
    // More than one guest takes a plan, and a plan takes a yes.
    desk.json(&["session", "close", "--from", &from])?.exits(2)?.says(&["--plan"])?;
    let plan = planned(&desk, &tenant)?;
    desk.json(&["session", "close", "--apply", &plan])?.exits(2)?.says(&["--yes"])?;
    desk.json(&["session", "close", "--apply", &plan, "--yes", "--max-count", "39"])?
        .exits(7)?
        .says(&["40"])?;
    let shown = desk.json(&["session", "close", "--apply", &plan, "--dry-run"])?.exits(0)?;
    ensure!(shown.lines()?.len() > 40, "{}", shown.wrong("a rehearsal does not name every guest"));
    desk.json(&["session", "close", "--apply", &plan, "--dry-run", "--max-count", "39"])?.exits(7)?;
    // One guest exchanged for another, one line less, one more, another reason: it is not the plan any more.
    let text = files::read(plan.as_ref())?;
    let lines: Vec<&[u8]> = text.split_inclusive(|byte| *byte == b'\n').collect();
    let other: Vec<u8> = String::from_utf8_lossy(lines[5]).replace("guest_", "guest_0").into_bytes();
    let mut exchanged = lines.clone();
    exchanged[5] = &other;
    let mut twice = lines.clone();
    twice.insert(5, lines[5]);
    let mut one_less = lines.clone();
    one_less.remove(5);
    for (name, changed) in
        [("exchanged", exchanged), ("twice", twice), ("one less", one_less), ("cut", lines[..20].to_vec())]
    {
        let path = scene.hidden(name);
        files::write_private(&path, &changed.concat())?;
        let run = desk.json(&["session", "close", "--apply", &path.display().to_string(), "--yes"])?;
        ensure!(matches!(run.exit, Some(2 | 6 | 7)), "{}", run.wrong(&format!("{name}: it was carried out")));
    }
    // Another tenant's plan is not carried out here.
    let elsewhere = self::tenant(scene, 40, active())?;
    let run = scene.desk("elsewhere").connected(&elsewhere);
    let run = run.json(&["session", "close", "--apply", &plan, "--yes"])?;
    ensure!(matches!(run.exit, Some(2 | 7)), "{}", run.wrong("another tenant's plan was carried out"));
    ensure!(deletes(&tenant) + deletes(&elsewhere) == 0, "somebody was asked to end a session");
    // And as it is, it is.
    let run = desk.json(&["session", "close", "--apply", &plan, "--yes", "--max-count", "40"])?.exits(0)?;
    ensure!(
        outcomes(&run)?.values().all(|outcome| outcome == "ended"),
        "{}",
        run.wrong("not all were ended")
    );
    ensure!(deletes(&tenant) == 40, "{} DELETEs for 40 guests", deletes(&tenant));
    Ok(())
}

fn told(scene: &Scene<'_>) -> Outcome {
    let tenant = tenant(scene, 8, active())?;
    let desk = scene.desk("data").connected(&tenant).tells(&tenant, "session.terminated")?;
    let guests = tenant.guests()?;
    let close =
        |guest: &str| desk.json(&["session", "close", "--guest-id", guest, "--reason", "timeout"])?.exits(0);
    close(&guests[0].id)?;
    let came = || tenant.received(RECEIVER).map(|received| received.len());
    ensure!(came()? == 1, "the event did not go out with the command");
    // Two that never take anything: one refuses, one says nothing at all.
    for (name, fault) in
        [("broken", json!({"status": {"status": 503}})), ("silent", json!({"stall": "before_head"}))]
    {
        let plan = json!({"faults": {"rules": [{"then": fault}]}});
        tenant.plan_receiver(name, &plan)?;
        desk.tells_also(&tenant, name, "session.terminated")?;
    }
    close(&guests[1].id)?.says(&["not delivered yet"])?;
    let plan = planned(&desk, &tenant)?;
    ensure!(came()? == 2, "planning delivers, or a dead endpoint holds up a good one");
    let run = desk
        .json(&["session", "close", "--apply", &plan, "--yes"])?
        .exits(0)?
        .says(&["not delivered yet"])?;
    let ended = outcomes(&run)?.values().filter(|outcome| *outcome == "ended").count();
    ensure!(ended == 6, "{}", run.wrong("it did not end the other six"));
    ensure!(came()? == 8, "an event did not go out with the command");
    Ok(())
}

fn shown(scene: &Scene<'_>) -> Outcome {
    let tenant = tenant(scene, 12, active())?;
    let desk = scene.desk("data").connected(&tenant);
    let plan = planned(&desk, &tenant)?;
    let served = Served::start(&desk)?;
    let ask = |path: &str| {
        let answer = get(&served.address, path)?;
        ensure!(answer.status == 200, "{path}: {}", answer.head);
        answer.json()
    };
    let made = ask("/api/v1/plans")?["plans"][0].take();
    ensure!(made["state"] == "made" && made["planned"]["end"] == 12, "{made}");
    ensure!(made["results"]["not_reached"] == 12, "{made}");
    let one = format!("/api/v1/plans/{}", made["id"].as_str().unwrap_or_default());
    let guests = |view: &Value| -> Vec<Value> { view["guests"].as_array().cloned().unwrap_or_default() };
    let preview = ask(&one)?;
    ensure!(guests(&preview).iter().all(|guest| guest["planned"] == "end"), "{preview}");
    // A rehearsal is no beginning.
    desk.json(&["session", "close", "--apply", &plan, "--dry-run"])?.exits(0)?;
    ensure!(ask("/api/v1/plans")?["plans"][0]["state"] == "made", "a rehearsal counts");
    desk.json(&["session", "close", "--apply", &plan, "--yes"])?.exits(0)?;
    let applied = ask(&one)?;
    ensure!(applied["plan"]["state"] == "applied" && applied["plan"]["results"]["ended"] == 12, "{applied}");
    let mut named: Vec<String> =
        guests(&applied).iter().filter_map(|guest| guest["guest_id"].as_str().map(str::to_owned)).collect();
    let mut all: Vec<String> = tenant.guests()?.into_iter().map(|guest| guest.id).collect();
    named.sort();
    all.sort();
    ensure!(named == all, "{named:?} are not {all:?}");
    let over = |guest: &Value| guest["outcome"] == "ended" && guest["read_back"] == true;
    ensure!(guests(&applied).iter().all(over), "{applied}");
    // Without its file nobody is named, and the outcomes stay.
    std::fs::remove_file(&plan).map_err(|error| error.to_string())?;
    let gone = ask(&one)?;
    ensure!(gone["file"] == "gone" && guests(&gone).len() == 12, "{gone}");
    ensure!(guests(&gone).iter().all(|guest| guest.get("guest_id").is_none()), "{gone}");
    served.stop("TERM")
}

fn bad_lines(scene: &Scene<'_>) -> Outcome {
    let tenant = tenant(scene, 3, active())?;
    let desk = scene.desk("data").connected(&tenant);
    let line = |id: &str, reason: &str| json!({"guest_id": id, "reason": reason, "retain_data": true});
    let lines = [
        line("guest_1", "because"),
        line("", "timeout"),
        line("..", "timeout"),
        line("guest_2", "timeout"),
        line("guest_2", "bot_handoff"),
        json!({"guest_id": "guest_3", "reason": "timeout", "retain_data": "maybe"}),
        json!(["guest_4"]),
    ];
    let from = selection(scene, "bad.ndjson", &lines)?;
    let plan = scene.path("plan.ndjson");
    let run = desk.json(&["session", "close", "--from", &from, "--plan", &plan.display().to_string()])?;
    run.exits(2)?.says(&["line 1", "reason", "line 2", "line 3", "line 5", "line 6", "line 7"])?;
    ensure!(!plan.exists(), "there is a plan of bad lines");
    let flags = ["session", "close", "--guest-id", "guest_1", "--reason", "because"];
    desk.json(&flags)?.exits(2)?.says(&["reason", "timeout"])?;
    ensure!(tenant.stats().requests.is_empty(), "something was asked for: {:?}", tenant.stats());
    Ok(())
}

fn two_operators(scene: &Scene<'_>) -> Outcome {
    let config =
        Config { latency: Duration::from_millis(15), guests: 200, guest_plan: active(), ..small(scene) };
    let tenant = scene.tenant(config)?;
    let desk = scene.desk("data").connected(&tenant);
    let plan = planned(&desk, &tenant)?;
    let apply = ["--json", "session", "close", "--apply", &plan, "--yes"];
    let (first, second) = (desk.start(&apply)?, desk.start(&apply)?);
    for run in [first.wait()?.exits(0)?, second.wait()?.exits(0)?] {
        let outcomes = outcomes(&run)?;
        ensure!(
            outcomes.len() == 200 && outcomes.values().all(|outcome| outcome == "ended"),
            "{}",
            run.wrong("an operator does not see every session as ended")
        );
    }
    let guests = tenant.guests()?;
    ensure!(guests.iter().all(|guest| guest.ended == 1 && guest.deletes == 1), "a session was ended twice");
    let most = tenant.stats().at_once.get(DELETE).copied().unwrap_or(0);
    ensure!((2..=5).contains(&most), "{most} DELETEs were under way at once, and five may be");
    Ok(())
}

fn one_guest(scene: &Scene<'_>) -> Outcome {
    let tenant = tenant(scene, 200, GuestPlan::default())?;
    let desk = scene.desk("data").connected(&tenant);
    let guests = tenant.guests()?;
    for (state, outcome) in
        [("active", "ended"), ("closed", "duplicate"), ("inactive", "skipped"), ("transferring", "skipped")]
    {
        let guest = guests.iter().find(|guest| guest.state == state);
        let guest = guest.ok_or_else(|| format!("no guest is {state}"))?;
        let flags = ["session", "close", "--guest-id", &guest.id, "--reason", "timeout"];
        let run = desk.json(&flags)?;
        let said = outcomes(&run)?;
        ensure!(
            said.get(&guest.id).is_some_and(|said| said == outcome),
            "{}",
            run.wrong(&format!("{state}: not {outcome}"))
        );
    }
    let stranger = ["session", "close", "--guest-id", "guest_nobody", "--reason", "timeout"];
    let run = desk.json(&stranger)?;
    ensure!(outcomes(&run)?["guest_nobody"] == "duplicate", "{}", run.wrong("404 is success (contract §6)"));
    ensure!(deletes(&tenant) == 1, "{} DELETEs for one active guest", deletes(&tenant));
    Ok(())
}

fn errors_stop(scene: &Scene<'_>) -> Outcome {
    let refused = Effect::Status { status: 400, retry_after: Vec::new(), body: None };
    let faults = always(When { method: Some("DELETE".into()), ..When::default() }, refused);
    let config = Config { guests: 60, guest_plan: active(), faults, ..small(scene) };
    let tenant = scene.tenant(config)?;
    let desk = scene.desk("data").connected(&tenant);
    let plan = planned(&desk, &tenant)?;
    let run = desk.json(&["session", "close", "--apply", &plan, "--yes", "--max-errors", "3"])?.exits(7)?;
    ensure!((4..=12).contains(&deletes(&tenant)), "{}", run.wrong(&format!("{} DELETEs", deletes(&tenant))));
    tenant.set_faults(&frontdesk_sandbox::FaultPlan::default())?;
    let run = desk.json(&["session", "close", "--apply", &plan, "--yes", "--max-errors", "3"])?.exits(0)?;
    ensure!(
        outcomes(&run)?.values().filter(|outcome| *outcome == "ended").count() == 60,
        "{}",
        run.wrong("what failed was not taken up again")
    );
    Ok(())
}

fn full_disk(scene: &Scene<'_>) -> Outcome {
    let disk = scene.path("disk");
    files::create_folder(&disk)?;
    let quoted = disk.display();
    let mounts = match Mounts::make(&format!("mount -t tmpfs -o size=400k,mode=700 tmpfs '{quoted}'")) {
        Ok(mounts) => mounts,
        Err(reason) => {
            scene
                .house
                .notice(format!("no small disk could be mounted ({reason}): full disks are not tried"));
            return Ok(());
        }
    };
    let tenant = tenant(scene, 3_000, active())?;
    let outside = scene.desk("plans").connected(&tenant);
    let plan = planned(&outside, &tenant)?;
    let desk = mounts.enter(scene.desk("disk/data").connected(&tenant));
    let apply = ["session", "close", "--apply", plan.as_str(), "--yes"];
    let run = desk.json(&apply)?.exits(9)?;
    let ended = tenant.guests()?.iter().filter(|guest| guest.ended > 0).count();
    ensure!(ended < 3_000, "{}", run.wrong("the disk was not full in the middle"));
    mounts.run(&format!("mount -o remount,size=64m '{quoted}'"))?;
    let run = desk.json(&apply)?.exits(0)?;
    ensure!(
        outcomes(&run)?.values().all(|outcome| outcome == "ended"),
        "{}",
        run.wrong("what was ended on the full disk is not known as ended")
    );
    ensure!(
        tenant.guests()?.iter().all(|guest| guest.ended == 1),
        "a session was ended twice, or not at all"
    );
    desk.json(&["audit", "verify"])?.exits(0)?;
    Ok(())
}
