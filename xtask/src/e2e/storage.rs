//! A disk that is full, and a folder that cannot be written.

use std::path::Path;

use super::archive::Listed;
use super::desk::{Desk, YEAR};
use super::mount::Mounts;
use super::scene::Scene;
use super::tenant::{Tenant, small};
use super::{Scenario, files};
use crate::Outcome;

pub(super) fn scenarios() -> Vec<Scenario> {
    vec![
        Scenario::new("storage: a disk that is full, and then has room", full_disk),
        Scenario::new("storage: a read-only file system is read", read_only_mount),
        Scenario::new("storage: a folder without permission to write is read", read_only_mode),
        Scenario::new("storage: a file where the folder should be", not_a_folder),
        Scenario::new("storage: files are 0600, folders 0700", modes),
    ]
}

fn full_disk(scene: &Scene<'_>) -> Outcome {
    let disk = scene.path("disk");
    files::create_folder(&disk)?;
    let quoted = disk.display();
    let mounts = match Mounts::make(&format!("mount -t tmpfs -o size=600k,mode=700 tmpfs '{quoted}'")) {
        Ok(mounts) => mounts,
        Err(reason) => {
            // The writes that fail one by one (fsync.rs) are this without a disk.
            scene.house.notice(format!(
                "no small disk could be mounted ({reason}): full disks are tried with strace only"
            ));
            return Ok(());
        }
    };
    let tenant = scene.tenant(frontdesk_sandbox::Config { conversations: Some(4_000), ..small(scene) })?;
    let desk =
        mounts.enter(scene.desk("disk/data").connected(&tenant).with("FRONTDESK_SEGMENT_SIZE", "64KiB"));
    let run = desk.pull(&["--page-size", "50"])?.exits(9)?.says(&["space"])?;
    ensure!(
        run.error().is_some_and(|error| error["hint"].is_string()),
        "{}",
        run.wrong("no hint says what to do")
    );
    // Still full: reading works, and what is there is whole.
    let seen = desk.list()?;
    ensure!(
        !seen.is_empty() && seen.len() < 4_000,
        "{} records fit: the disk was not full in the middle",
        seen.len()
    );
    desk.verifies(seen.len() as u64)?;
    reads(&desk, &seen)?;
    desk.pull(&["--page-size", "50"])?.exits(9)?;
    let still = desk.list()?;
    ensure!(seen.iter().all(|record| still.contains(record)), "the second try on a full disk lost something");
    mounts.run(&format!("mount -o remount,size=64m '{quoted}'"))?;
    desk.pull(&["--page-size", "50"])?.exits(0)?;
    let truth = tenant.truth()?;
    let listed = desk.list()?;
    ensure!(
        still
            .iter()
            .all(|record| listed.iter().any(|now| now.id == record.id && now.sha256 == record.sha256)),
        "something was lost"
    );
    // The segments are only there inside; a copy shows them here.
    let copy = scene.desk("copy");
    files::copy_folder(&mounts.seen(&desk.data), &copy.data)?;
    copy.holds_exactly(&truth)
}

fn read_only_mount(scene: &Scene<'_>) -> Outcome {
    let (tenant, desk) = filled(scene)?;
    let data = desk.data.display();
    let script = format!("mount --bind '{data}' '{data}'\nmount -o remount,ro,bind '{data}'");
    match Mounts::make(&script) {
        Ok(mounts) => cannot_be_written(&mounts.enter(desk), &tenant),
        Err(reason) => {
            scene.house.notice(format!(
                "no read-only mount ({reason}): read-only folders are tried by permission only"
            ));
            Ok(())
        }
    }
}

fn read_only_mode(scene: &Scene<'_>) -> Outcome {
    let (tenant, desk) = filled(scene)?;
    let data = desk.data.display().to_string();
    desk.shell(&format!("chmod -R a-w,a+rX '{data}'"))?;
    let root = desk.shell("id -u")?.trim() == "0";
    let outcome = if root {
        // Nothing stops root from writing, so somebody else tries.
        let reachable = format!("chmod a+x '{}' '{}'", scene.world().display(), scene.path("home").display());
        desk.shell(&reachable)?;
        let nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--"];
        let as_nobody = desk.clone().under(nobody);
        match as_nobody.run(&["--version"]) {
            Ok(run) if run.exit == Some(0) => cannot_be_written(&as_nobody, &tenant),
            _ => {
                scene.house.notice(
                    "this task runs as root and may not become anybody else: permissions were not tried"
                        .into(),
                );
                Ok(())
            }
        }
    } else {
        cannot_be_written(&desk, &tenant)
    };
    // So that the folder can be removed.
    desk.shell(&format!("chmod -R u+w '{data}'"))?;
    outcome
}

fn filled<'s, 'h>(scene: &'s Scene<'h>) -> Result<(Tenant<'h>, Desk<'s>), String> {
    let tenant = scene.tenant(small(scene))?;
    let desk = scene.desk("data").connected(&tenant).with("FRONTDESK_SEGMENT_SIZE", "64KiB");
    desk.json(&["archive", "pull", "--from", "2025-01-01", "--to", "2025-07-01"])?.exits(0)?;
    Ok((tenant, desk))
}

/// Everything that only reads works; what writes ends with 9 and changes nothing.
fn cannot_be_written(desk: &Desk<'_>, tenant: &Tenant<'_>) -> Outcome {
    let before = files::prints(&desk.data)?;
    let listed = desk.list()?;
    ensure!(!listed.is_empty(), "there is nothing to read");
    desk.verifies(listed.len() as u64)?;
    reads(desk, &listed)?;
    let asked = tenant.queries();
    for arguments in [&["archive", "pull"] as &[&str], &["archive", "pull", "--wait", "1s"]] {
        let run = desk.json(&[arguments, &YEAR].concat())?.exits(9)?;
        ensure!(
            run.error().is_some_and(|error| error["hint"].is_string()),
            "{}",
            run.wrong("no hint says what to do")
        );
    }
    ensure!(tenant.queries() == asked, "it asked the tenant although it can store nothing");
    let changed = files::differences(&before, &files::prints(&desk.data)?);
    ensure!(changed.is_empty(), "a folder that cannot be written was written: {changed:?}");
    Ok(())
}

/// `show` and `search` work.
fn reads(desk: &Desk<'_>, listed: &[Listed]) -> Outcome {
    let record = &listed[desk.scene.random().index(listed.len())];
    ensure!(files::sha256(&desk.raw(&record.id)?) == record.sha256, "show gives other bytes");
    let found = desk.json(&["archive", "search", "--contains", "E", "--limit", "5"])?.exits(0)?.last()?;
    ensure!(found["count"].as_u64().is_some_and(|count| count > 0), "the search finds nothing: {found}");
    Ok(())
}

fn not_a_folder(scene: &Scene<'_>) -> Outcome {
    let tenant = scene.tenant(small(scene))?;
    let file = scene.path("file");
    files::write(&file, b"not mine")?;
    let desk = scene.desk("file").connected(&tenant);
    let run = desk.pull(&[])?;
    ensure!(matches!(run.exit, Some(2 | 9)), "{}", run.wrong("exit 2 or 9 was expected"));
    ensure!(files::read(&file)? == b"not mine", "it wrote over a file");
    // A folder with somebody's files in it does not become an archive.
    let desk = scene.desk("theirs").connected(&tenant);
    files::create_folder(&desk.archive())?;
    let theirs = desk.archive().join("letter.txt");
    files::write(&theirs, b"dear")?;
    let before = files::prints(&desk.archive())?;
    desk.pull(&[])?.exits(2)?;
    ensure!(files::prints(&desk.archive())? == before, "it wrote into somebody's folder");
    Ok(())
}

fn modes(scene: &Scene<'_>) -> Outcome {
    use std::os::unix::fs::PermissionsExt;
    let (_tenant, desk) = filled(scene)?;
    let mode = |path: &Path| -> Result<u32, String> {
        let metadata = std::fs::metadata(path).map_err(|error| format!("{}: {error}", path.display()))?;
        Ok(metadata.permissions().mode() & 0o777)
    };
    let mut open = Vec::new();
    for path in files::below(&desk.data)? {
        if mode(&path)? & 0o077 != 0 {
            open.push(path.display().to_string());
        }
    }
    for folder in [desk.data.clone(), desk.archive(), desk.segments(), desk.archive().join("runs")] {
        if mode(&folder)? & 0o077 != 0 {
            open.push(folder.display().to_string());
        }
    }
    ensure!(open.is_empty(), "others may look into {open:?}");
    Ok(())
}
