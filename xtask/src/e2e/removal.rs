//! Removing while everything goes wrong: killed at any call, and on a disk without a free byte.

use super::aged::Aged;
use super::archive::Listed;
use super::desk::Desk;
use super::mount::Mounts;
use super::scene::Scene;
use super::{Scenario, files, strace};
use crate::Outcome;

pub(super) fn scenarios() -> Vec<Scenario> {
    vec![
        Scenario::new("retention: -9 at any call, and then once more", killed),
        Scenario::new("retention: a disk without a free byte", full_disk),
    ]
}

/// The calls that change what is on disk.
const CALLS: &str =
    "pwrite64,pwritev,write,ftruncate,fsync,fdatasync,rename,renameat,renameat2,unlink,unlinkat";
/// Beyond this it is not the number of calls that ends the loop.
const MOST: u64 = 4_000;

fn killed(scene: &Scene<'_>) -> Outcome {
    strace::is_usable()?;
    let (start, aged, before) = scene.aged("start", 60)?;
    let plan = start.plan("plan.json")?;
    let held = aged.due.iter().nth(3).ok_or("nothing is due")?;
    start.hold("add", held)?.exits(0)?;
    let (mut kills, mut halfway) = (0, 0);
    let mut n = 1;
    loop {
        ensure!(n <= MOST, "there is no end to the calls");
        let desk = scene.desk(&format!("n {n}")).with("FRONTDESK_SEGMENT_SIZE", "64KiB");
        files::copy_folder(&start.data, &desk.data)?;
        let (traced, _) = desk.clone().injecting(CALLS, &format!("{CALLS}:signal=KILL:when={n}"));
        let run = traced.retain(&["--apply", &plan, "--yes"])?;
        if run.exit.is_some() {
            // One was held after the plan.
            run.exits(3)?;
            break;
        }
        kills += 1;
        halfway += u64::from(
            resumes(&desk, &aged, &plan, &before, held).map_err(|message| format!("n = {n}: {message}"))?,
        );
        std::fs::remove_dir_all(&desk.data).map_err(|error| format!("{}: {error}", desk.data.display()))?;
        // The first ones each, then ever wider: calls of one kind are alike.
        n += 1 + n / 12;
    }
    ensure!(kills > 20, "it was killed {kills} times only");
    ensure!(halfway > 3, "{halfway} of {kills} kills met a removal that was begun and not finished");
    Ok(())
}

/// Whatever was done, nothing that stays is touched; the same command does the rest. Gives whether some of what is due
/// was gone and some was not.
fn resumes(desk: &Desk<'_>, aged: &Aged, plan: &str, before: &[Listed], held: &str) -> Result<bool, String> {
    let seen = desk.list()?;
    let lost = before.iter().filter(|record| aged.kept.contains(&record.id) || record.id == held);
    let lost =
        lost.filter(|record| !seen.iter().any(|now| now.id == record.id && now.sha256 == record.sha256));
    ensure!(lost.count() == 0, "something that stays is gone after the kill");
    let due = seen.iter().filter(|record| aged.due.contains(&record.id)).count();
    let whole = before.len() - aged.kept.len();
    let run = desk.retain(&["--apply", plan, "--yes"])?;
    // 7 when what is held was all that was left.
    ensure!(matches!(run.exit, Some(3 | 7)), "{}", run.wrong("exit 3 or 7 was expected"));
    aged.is_removed(desk, before, &[held])?;
    Ok(due > 0 && due < whole)
}

fn full_disk(scene: &Scene<'_>) -> Outcome {
    let disk = scene.path("disk");
    files::create_folder(&disk)?;
    let quoted = disk.display();
    let mounts = match Mounts::make(&format!("mount -t tmpfs -o size=24m,mode=700 tmpfs '{quoted}'")) {
        Ok(mounts) => mounts,
        Err(reason) => {
            scene.house.notice(format!(
                "no small disk could be mounted ({reason}): no removal was tried on a full one"
            ));
            return Ok(());
        }
    };
    let (filled, aged, before) = scene.aged("data", 200)?;
    let desk = mounts.enter(scene.desk("disk/data").with("FRONTDESK_SEGMENT_SIZE", "64KiB"));
    mounts.run(&format!("cp -a '{}' '{}'", filled.data.display(), desk.data.display()))?;
    let plan = desk.plan("plan.json")?;
    // To the last byte: large pieces first, then single ones.
    mounts.run(&format!(
        "dd if=/dev/zero of='{quoted}/full' bs=64k 2>&- || true
         dd if=/dev/zero bs=1 count=8192 2>&- >>'{quoted}/full' || true
         test \"$(df --output=avail '{quoted}' | tail -1 | tr -d ' ')\" = 0"
    ))?;
    let full = mounts.seen(&disk.join("full"));
    let length = |path: &std::path::Path| {
        std::fs::metadata(path)
            .map(|metadata| metadata.len())
            .map_err(|error| format!("{}: {error}", path.display()))
    };
    let taken = length(&full)?;
    // Reading works, and so does a preview.
    let run = desk.retain(&[])?.exits(0)?;
    ensure!(run.last()?["summary"]["due"] != serde_json::json!({}), "{}", run.wrong("nothing is due"));
    let run = desk.retain(&["--apply", &plan, "--yes"])?.exits(0)?;
    ensure!(run.last()?["removed"] == aged.due.len(), "{}", run.wrong("not all were removed"));
    ensure!(length(&full)? == taken, "somebody made room");
    aged.is_gone_from(&desk, &mounts.seen(&desk.data), &before, &[])?;
    let found = desk.json(&["archive", "search", "--contains", "qzq", "--limit", "1"])?.exits(0)?.last()?;
    ensure!(found["count"] == aged.kept.len(), "the search finds something else: {found}");
    Ok(())
}
