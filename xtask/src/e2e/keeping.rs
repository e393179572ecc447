//! What is kept, handed out and taken back: checked with `sha256sum`, `gzip`, `jq` and Python, not with our code.

use std::path::{Path, PathBuf};

use frontdesk_sandbox::Config;

use super::desk::Desk;
use super::scene::Scene;
use super::tenant::small;
use super::{Scenario, files};
use crate::Outcome;

pub(super) fn scenarios() -> Vec<Scenario> {
    vec![
        Scenario::new(
            "keeping: an export is checked by stock tools, and any flipped byte is found",
            exported,
        ),
        Scenario::new("keeping: an export comes back as the archive it was", round_trip),
        Scenario::new("keeping: what is not what its name says is named and left out", bad_layout),
        Scenario::new(
            "keeping: the report lists every record, and a missing day until it is complete",
            reported,
        ),
    ]
}

/// Checks an export in `$OUT` as anybody can.
const STOCK: &str = r#"
cd "$OUT"
sha256sum --strict --quiet -c SHA256SUMS.sha256
sha256sum --strict --quiet -c SHA256SUMS
for file in *.gz; do [ ! -e "$file" ] || gzip -t -- "$file"; done
python3 "$VERIFIER" .
"#;

fn verifier() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/verify_export.py")
}

/// Checks an export with stock tools and the verifier of the documentation.
pub(super) fn check(desk: &Desk<'_>, out: &Path) -> Result<String, String> {
    desk.clone()
        .with("OUT", &out.display().to_string())
        .with("VERIFIER", &verifier().display().to_string())
        .shell(STOCK)
}

/// A desk with some conversations, and ids that nobody wants in a path.
fn filled<'s>(scene: &'s Scene<'_>, name: &str) -> Result<Desk<'s>, String> {
    let tenant = scene.tenant(Config { conversations: Some(200), ..small(scene) })?;
    let mut text = Vec::new();
    for number in 0..200 {
        text.extend_from_slice(&tenant.conversation(number)?);
        text.push(b'\n');
    }
    for id in ["../../etc/passwd", "/root", "CON", "-rf", "=1+1", "a\\u0000b", "A", "a", "Grüße", "%2e%2e%2f"]
    {
        for text_of in ["first", "second", "first"] {
            let line = format!(
                "{{\"id\":\"{id}\",\"interactions\":[{{\"transcript\":\"{text_of}\"}}],\"queue\":\"@q\"}}\n"
            );
            text.extend_from_slice(line.as_bytes());
        }
    }
    let file = scene.hidden(&format!("{name}.ndjson"));
    files::write_private(&file, &text)?;
    let desk = scene.desk(name).with("FRONTDESK_SEGMENT_SIZE", "64KiB");
    desk.import(&file)?.exits(0)?;
    Ok(desk)
}

fn export(desk: &Desk<'_>, out: &Path, more: &[&str]) -> Outcome {
    let shown = out.display().to_string();
    desk.json(&[&["archive", "export", "--out", &shown], more].concat())?.exits(0).map(drop)
}

fn exported(scene: &Scene<'_>) -> Outcome {
    let desk = filled(scene, "archive")?;
    let out = scene.path("export");
    export(&desk, &out, &["--all-versions"])?;
    check(&desk, &out)?;
    // Exactly the bytes of the list, under names that stay in their folder.
    let hashes = desk.clone().with("OUT", &out.display().to_string()).shell(
        r#"cd "$OUT"; for file in *.json.gz; do zcat -- "$file" | sha256sum | cut -d ' ' -f 1; done | sort"#,
    )?;
    let mut listed: Vec<String> = desk.list()?.into_iter().map(|record| record.sha256).collect();
    listed.sort();
    listed.dedup();
    ensure!(hashes.lines().eq(listed.iter().map(String::as_str)), "the files are not the records");
    let mut flipped = 0;
    for path in files::below(&out)? {
        let good = files::read(&path)?;
        // Hexadecimal digits are compared without case by sha256sum: not that bit.
        let at = (scene.random().next() % good.len() as u64) as usize;
        let mut bad = good.clone();
        bad[at] ^= 0x01;
        files::write(&path, &bad)?;
        if path.extension().is_none_or(|extension| extension != "gz") || flipped < 12 {
            ensure!(check(&desk, &out).is_err(), "byte {at} of {} was flipped unnoticed", path.display());
            flipped += 1;
        }
        files::write(&path, &good)?;
    }
    ensure!(flipped >= 12, "{flipped} bytes were flipped");
    check(&desk, &out)?;
    let again = desk.json(&["archive", "export", "--out", &out.display().to_string()])?;
    again.exits(2)?.says(&["not empty"])?;

    let lines = scene.path("lines");
    export(&desk, &lines, &["--format", "ndjson", "--file-size", "64KiB", "--all-versions"])?;
    check(&desk, &lines)?;
    let facts = scene.path("facts");
    export(&desk, &facts, &["--format", "csv", "--metadata", "source"])?;
    check(&desk, &facts)?;
    let rows = desk.clone().with("OUT", &facts.display().to_string()).shell(
        r#"python3 - <<'EOF'
import csv, os
rows = list(csv.DictReader(open(os.environ["OUT"] + "/facts.csv", newline="", encoding="utf-8")))
assert all(not value.startswith(tuple("=+-@\t\r")) for row in rows for value in row.values()), "a formula"
assert any(row["id"] == "'=1+1" and row["queue"] == "'@q" for row in rows), "the escaped row"
assert not any("second" in value for row in rows for value in row.values())
print(len(rows))
EOF"#,
    )?;
    ensure!(rows.trim() == "210", "{rows} rows of facts");
    Ok(())
}

fn round_trip(scene: &Scene<'_>) -> Outcome {
    let desk = filled(scene, "archive")?;
    let out = scene.path("export");
    export(&desk, &out, &["--all-versions"])?;
    let back = scene.desk("back");
    let folder = out.display().to_string();
    let run = back.json(&["archive", "import", "--layout", &folder])?.exits(0)?;
    ensure!(run.last()?["seen"] == 230, "{}", run.wrong("not every record came back"));
    let told = |desk: &Desk<'_>| {
        let records = desk.list()?.into_iter();
        Ok::<_, String>(records.map(|record| (record.id, record.version, record.sha256)).collect::<Vec<_>>())
    };
    ensure!(told(&desk)? == told(&back)?, "the archive is not what it was");
    back.verifies(230)
}

fn bad_layout(scene: &Scene<'_>) -> Outcome {
    let folder = scene.hidden("layout");
    files::create_folder(&folder)?;
    let desk = scene.desk("archive");
    desk.clone().with("OUT", &folder.display().to_string()).shell(
        r#"cd "$OUT"
put() { printf '%s' "$2" | gzip -n > "$1"; }
name() { printf '%s_%s.json.gz' "$1" "$(printf '%s' "$2" | sha256sum | cut -c 1-8)"; }
put "$(name good '{"id":"good"}')" '{"id":"good"}'
put c-1_00000000.json.gz '{"id":"c-1"}'
put "$(name c-3 '{"id":"c-2"}')" '{"id":"c-2"}'
put "$(name cut '{"id":"cut","text":"long enough"}')" '{"id":"cut","text":"long enough"}'
truncate -s -6 cut_*.json.gz
{ printf '{"id":"bomb","text":"'; head -c 200000000 /dev/zero | tr '\0' 0; printf '"}'; } | gzip -n > bomb_00000000.json.gz
ln -s /etc/passwd link_00000000.json.gz
mkdir sub
"#,
    )?;
    let run = desk.json(&["archive", "import", "--layout", &folder.display().to_string()])?.exits(3)?;
    let run = run.says(&["c-1_00000000", "c-3_", "cut_", "bomb_00000000", "link_00000000", "sub"])?;
    let result = run.last()?;
    ensure!(
        result["stored"] == 1 && result["rejected"] == 4 && result["skipped"] == 2,
        "{}",
        run.wrong("counts")
    );
    ensure!(run.peak_kib < 256 << 10, "a bomb took {} KiB", run.peak_kib);
    desk.verifies(1)?;
    desk.json(&["archive", "import", "--layout", "/not/there"])?.exits(2)?;
    desk.json(&["archive", "import"])?.exits(2).map(drop)
}

fn reported(scene: &Scene<'_>) -> Outcome {
    let tenant = scene.tenant(Config { conversations: Some(500), ..small(scene) })?;
    let desk = scene.desk("archive").connected(&tenant);
    let when = frontdesk_sandbox::When { page: Some(2), ..Default::default() };
    tenant.set_faults(&super::faults::always(when, frontdesk_sandbox::Effect::RepeatToken))?;
    let range = ["archive", "pull", "--from", "2025-03-01", "--to", "2025-03-08", "--page-size", "1"];
    desk.json(&range)?.exits(3)?;
    let missing = |desk: &Desk<'_>| -> Result<u64, String> {
        let summary = desk.json(&["archive", "report", "--summary"])?.exits(0)?.last()?;
        let days = summary["calendar"].as_array().ok_or("no calendar")?;
        Ok(days.iter().filter(|day| day["missing"].as_u64() > Some(0)).count() as u64)
    };
    ensure!(missing(&desk)? > 0, "nothing is missing after a run that failed");
    tenant.set_faults(&frontdesk_sandbox::FaultPlan::default())?;
    desk.json(&range)?.exits(0)?;
    ensure!(missing(&desk)? == 0, "a day is missing that a later run completed");
    let report = desk.json(&["archive", "report"])?.exits(0)?.last()?;
    let summary = desk.json(&["archive", "report", "--summary"])?.exits(0)?.last()?;
    let listed = desk.list()?.len() as u64;
    let records = report["records"].as_array().ok_or("no records")?;
    ensure!(report["totalFiles"] == listed && records.len() as u64 == listed, "not every record is reported");
    let stored: u64 =
        summary["calendar"].as_array().into_iter().flatten().filter_map(|day| day["stored"].as_u64()).sum();
    ensure!(stored == listed, "the days come to {stored}, not {listed}");
    desk.run(&["archive", "report"])?.exits(0)?;
    desk.run(&["archive", "report", "--summary"])?.exits(0).map(drop)
}
