//! The archive checked by somebody who does not trust us: a shell script, `zcat`, `sha256sum`, `jq`, and no code of ours.

use super::Scenario;
use super::scene::Scene;
use crate::Outcome;

pub(super) fn scenarios() -> Vec<Scenario> {
    vec![
        Scenario::new("stock tools: the whole corpus served, pulled and checked by a shell script", checked),
        Scenario::new("stock tools: the script finds a changed line and a changed segment", control),
    ]
}

/// Serves the corpus and pulls it. Leaves `ready.json` and `pull.json`.
const PULL: &str = r#"
"$FRONTDESK" sandbox serve --corpus "$CORPUS" $MORE --rate-limit 600000 > ready.json &
trap 'kill $! 2>/dev/null' EXIT
until [ -s ready.json ]; do sleep 0.1; kill -0 $!; done
export FRONTDESK_CONTRACT=gateway FRONTDESK_SEGMENT_SIZE=256KiB
FRONTDESK_BASE_URL=$(jq -r .base_url ready.json); export FRONTDESK_BASE_URL
FRONTDESK_CLIENT_ID=$(jq -r .client_id ready.json); export FRONTDESK_CLIENT_ID
FRONTDESK_CLIENT_SECRET=$(jq -r .client_secret ready.json); export FRONTDESK_CLIENT_SECRET
"$FRONTDESK" --json archive pull --from 2025-01-01 --to 2026-01-01 > pull.json 2> pull.err || { cat pull.err; exit 1; }
"#;

const STORED: &str = r#"
[ "$(tail -n 1 pull.json | jq -r .state)" = complete ] || { echo "not complete: $(cat pull.json)"; exit 1; }
stored=$(tail -n 1 pull.json | jq .stored)
[ "$stored" -eq "$(jq .conversations ready.json)" ] || { echo "$stored are stored"; exit 1; }
"$FRONTDESK" --json archive verify > verify.json
[ "$(tail -n 1 verify.json | jq .records)" -eq "$stored" ]
"#;

/// Every conversation of the corpus by its id, and its words.
const EVERY_ID: &str = r#"
"$FRONTDESK" --json archive list > list.json
jq -r .id list.json | sort > ids.stored
if [ -z "$MORE" ]; then
  case "$CORPUS" in *.gz) zcat "$CORPUS" ;; *) cat "$CORPUS" ;; esac | jq -r .conversationId | sort > ids.served
  cmp ids.stored ids.served || { echo "these are not the conversations of the corpus"; exit 1; }
fi
[ "$(sort -u ids.stored | wc -l)" -eq "$(wc -l < list.json)" ] || { echo "an id is listed twice"; exit 1; }
"#;

/// The lines of all segments, hashed one by one, are the hashes of the list. `split` gives each line its file, `truncate`
/// takes the line end away again.
const LINES: &str = r#"
rm -rf lines; mkdir lines
find "$ARCHIVE/segments" -name '*.ndjson.gz' | sort | xargs zcat | split -l 1 -a 6 -d - lines/
find lines -type f -print0 | xargs -0 truncate -s -1
find lines -type f -print0 | xargs -0 sha256sum | cut -d ' ' -f 1 | sort > hashes.lines
"$FRONTDESK" --json archive list | jq -r .sha256 | sort > hashes.listed
[ -s hashes.lines ] || { echo "there are no lines"; exit 1; }
cmp hashes.lines hashes.listed || { echo "the lines of the segments do not hash to what is listed"; exit 1; }
"#;

/// Every sealed segment, by the checksum file beside it.
const SEALED: &str = r#"
sealed=0
for sum in $(find "$ARCHIVE/segments" -name '*.sha256'); do
  ( cd "$(dirname "$sum")" && sha256sum --quiet --strict -c "$(basename "$sum")" ) || exit 1
  sealed=$((sealed + 1))
done
[ "$sealed" -gt 0 ] || { echo "no segment is sealed: nothing was checked"; exit 1; }
find "$ARCHIVE/segments" -name '*.ndjson.gz' | xargs gzip -t
"#;

/// Once more: nothing new, not a byte.
const AGAIN: &str = r#"
state() { find "$ARCHIVE/segments" -type f -printf '%p %i %s %T@\n' | sort; find "$ARCHIVE/segments" -type f | sort | xargs sha256sum; }
state > before
"$FRONTDESK" --json archive pull --from 2025-01-01 --to 2026-01-01 > again.json 2> again.err || { cat again.err; exit 1; }
state > after
cmp before after || { echo "the second pull wrote into segments/"; exit 1; }
[ "$(tail -n 1 again.json | jq .unchanged)" -eq "$stored" ]
[ "$(tail -n 1 again.json | jq '.stored + .versions_added')" -eq 0 ]
"#;

fn script(scene: &Scene<'_>, parts: &[&str]) -> Result<String, String> {
    let corpus = &scene.house.corpus;
    let more = corpus.conversations.map_or_else(String::new, |count| format!("--conversations {count}"));
    Ok(format!("CORPUS='{}'\nMORE='{more}'\n{}", corpus.path.display(), parts.concat()))
}

fn checked(scene: &Scene<'_>) -> Outcome {
    let desk = scene.desk("data");
    desk.shell(&script(scene, &[PULL, STORED, EVERY_ID, LINES, SEALED, AGAIN])?).map(|_| ())
}

/// The same checks after a line, and after a sealed segment, was changed: they must fail.
fn control(scene: &Scene<'_>) -> Outcome {
    let desk = scene.desk("data");
    let line = scene.hidden("lines.ndjson");
    let tenant = scene
        .tenant(frontdesk_sandbox::Config { conversations: Some(2_000), ..super::tenant::small(scene) })?;
    let mut text = Vec::new();
    for number in 0..500 {
        text.extend_from_slice(&tenant.conversation(number)?);
        text.push(b'\n');
    }
    super::files::write_private(&line, &text)?;
    let desk = desk.with("FRONTDESK_SEGMENT_SIZE", "64KiB");
    desk.import(&line)?.exits(0)?;
    desk.shell(&[LINES, SEALED].concat())?;
    let sealed = super::files::sealed(&desk.archive())?;
    let path = sealed.first().ok_or("nothing is sealed")?;
    let good = super::files::read(path)?;
    // One line less, in a gzip that is whole.
    let lines = super::files::gunzip(path)?;
    let cut = lines.iter().position(|byte| *byte == b'\n').ok_or("a segment without a line")? + 1;
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut packed, &lines[cut..]).map_err(|error| error.to_string())?;
    super::files::write(path, &packed.finish().map_err(|error| error.to_string())?)?;
    ensure!(desk.shell(LINES).is_err(), "a missing line was not noticed");
    ensure!(desk.shell(SEALED).is_err(), "a changed segment was not noticed");
    super::files::write(path, &good)?;
    desk.shell(&[LINES, SEALED].concat())?;
    for sum in sealed.iter().map(|path| super::files::sum_of(path)) {
        std::fs::remove_file(sum).map_err(|error| error.to_string())?;
    }
    ensure!(desk.shell(SEALED).is_err(), "that nothing is sealed was not noticed");
    Ok(())
}
