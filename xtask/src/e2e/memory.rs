//! Memory does not grow with the work.

use frontdesk_sandbox::Config;

use super::archive::pulled;
use super::scene::Scene;
use super::tenant::small;
use super::{Scenario, files};
use crate::Outcome;

/// What a longer run may need more than a short one: caches of a fixed size that the short one does not fill. Little
/// enough that 20 bytes a conversation are found at a million.
const SLACK_KIB: u64 = 16 << 10;

pub(super) fn scenarios() -> Vec<Scenario> {
    vec![
        Scenario::new("memory: a pull of many conversations peaks as one of few", pull),
        Scenario::new("memory: of a transcript of 50 MB", long_transcript),
    ]
}

fn pull(scene: &Scene<'_>) -> Outcome {
    let many = scene.house.options.tier.pick(100_000, 1_000_000);
    let mut peaks = Vec::new();
    for conversations in [10_000, many] {
        let config = Config { seed: 5, conversations: Some(conversations), ..small(scene) };
        let tenant = scene.tenant(config)?;
        let desk = scene.desk(&conversations.to_string()).connected(&tenant);
        // Pages that are full in both, so that it is the number of conversations that differs and nothing else.
        let page = ["--page-size", "100"];
        let run = desk.pull(&page)?.exits(0)?;
        let result = pulled(&run.last()?)?;
        ensure!(
            result.stored == conversations && result.state == "complete",
            "{}",
            run.wrong("not all is stored")
        );
        ensure!(run.peak_kib > 0, "no memory was measured");
        peaks.push(run.peak_kib);
        // Reading it all is bounded too; and once more, since what is known is compared with.
        let verify = desk.json(&["archive", "verify"])?.exits(0)?;
        ensure!(verify.last()?["records"] == conversations, "{}", verify.wrong("not all was verified"));
        let search = desk.json(&["archive", "search", "--contains", "refund"])?.exits(0)?;
        peaks.push(verify.peak_kib.max(search.peak_kib));
        let again = desk.pull(&page)?.exits(0)?;
        ensure!(
            pulled(&again.last()?)?.unchanged == conversations,
            "{}",
            again.wrong("not all is unchanged")
        );
        peaks.push(again.peak_kib);
    }
    let (few, many_peaks) = peaks.split_at(3);
    println!(
        "      peaks in KiB (pull, verify and search, pull again): 10,000: {few:?}, {many}: {many_peaks:?}"
    );
    for (what, (few, many)) in
        ["pull", "verify or search", "second pull"].iter().zip(few.iter().zip(many_peaks))
    {
        let most = few + few * 15 / 100 + SLACK_KIB;
        ensure!(*many <= most, "{what}: {many} KiB for many, {few} KiB for few; {most} are allowed");
    }
    Ok(())
}

/// 50 MB in one record: pulled, imported, shown, found and verified, in memory that is a few times its size.
fn long_transcript(scene: &Scene<'_>) -> Outcome {
    const TIMES: u64 = 6;
    let bytes: u64 = 50_000_000;
    let effect = frontdesk_sandbox::Effect::LongTranscript { bytes };
    let when = frontdesk_sandbox::When { page: Some(1), times: Some(1), ..Default::default() };
    let faults = super::faults::always(when, effect);
    let tenant = scene.tenant(Config { faults, ..small(scene) })?;
    let desk = scene.desk("pulled").connected(&tenant);
    let range = ["archive", "pull", "--from", "2025-03-01", "--to", "2025-03-02"];
    let run = desk.json(&range)?.exits(0)?;
    ensure!(tenant.fired("long_transcript") == 1, "no long transcript was served");
    let mut peaks = vec![("pull", run.peak_kib)];
    let listed = desk.list()?;
    let mut long = None;
    for record in &listed {
        let run = desk.run(&["archive", "show", "--raw", "--", &record.id])?.exits(0)?;
        ensure!(files::sha256(&run.stdout) == record.sha256, "show gives other bytes: {record:?}");
        if run.stdout.len() as u64 >= bytes {
            peaks.push(("show", run.peak_kib));
            long = Some(run.stdout);
        }
    }
    let long = long.ok_or("the long transcript is not there")?;
    let line = scene.hidden("long.ndjson");
    files::write_private(&line, &[long.as_slice(), b"\n"].concat())?;
    let imported = scene.desk("imported");
    let run = imported.import(&line)?.exits(0)?;
    ensure!(run.last()?["stored"] == 1, "{}", run.wrong("the long line is not stored"));
    peaks.push(("import", run.peak_kib));
    let run = imported.json(&["archive", "verify"])?.exits(0)?;
    peaks.push(("verify", run.peak_kib));
    let run = imported.json(&["archive", "search", "--contains", "nowhere to be found"])?.exits(0)?;
    ensure!(run.last()?["count"] == 0, "{}", run.wrong("what is not there was found"));
    peaks.push(("search", run.peak_kib));
    println!("      peaks in KiB for 50 MB: {peaks:?}");
    let most = bytes / 1024 * TIMES + (64 << 10);
    for (what, peak) in peaks {
        ensure!(peak <= most, "{what} of 50 MB took {peak} KiB; {most} are allowed");
    }
    desk.verifies(listed.len() as u64)?;
    let record = &imported.list()?[0];
    ensure!(record.sha256 == files::sha256(&long), "the imported record has other bytes");
    Ok(())
}
