//! Conversations of known ages, each with a word of its own, so that what is left of one that was removed can be looked
//! for in the bytes of every file.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use memchr::memmem;
use serde_json::{Value, json};

use super::archive::Listed;
use super::desk::Desk;
use super::random::Random;
use super::scene::Scene;
use super::{files, tenant};
use crate::Outcome;

/// How long everything is kept in these scenarios.
pub(super) const DAYS: [&str; 2] = ["--days", "365"];
/// What every word to look for has in its middle. What stands before it may be left out where words are sorted and
/// share a beginning; what stands behind it is told apart by that.
const MIDDLE: &[u8] = b"qzq";
/// Letters behind the middle.
const TAIL: usize = 8;

/// A tail that is looked for.
type Tail = [u8; TAIL];

/// What was said, and by what age.
pub(super) struct Aged {
    /// All records' lines, in order.
    text: Vec<u8>,
    records: u64,
    pub(super) due: BTreeSet<String>,
    pub(super) kept: BTreeSet<String>,
    /// Of which conversation each is.
    due_tails: BTreeMap<Tail, String>,
    kept_tails: BTreeSet<Tail>,
}

impl Aged {
    /// `count` conversations, of which a third is due. Another third began as long ago and ended lately, so that both
    /// lie in the same segments; the rest is young. One has no date. Every third that is due has two versions.
    pub(super) fn new(random: &mut Random, count: u64) -> Self {
        let mut aged = Self {
            text: Vec::new(),
            records: 0,
            due: BTreeSet::new(),
            kept: BTreeSet::new(),
            due_tails: BTreeMap::new(),
            kept_tails: BTreeSet::new(),
        };
        let mut second = Vec::new();
        for number in 0..count {
            let id = format!("aged-{number}");
            let month = 1 + number % 4;
            let old = |hour: u8| format!("2015-{month:02}-10T{hour:02}:00:00Z");
            let days_ago = Duration::from_hours(24 * (2 + number % 25));
            let young = format!("{}T08:00:00Z", tenant::day(SystemTime::now() - days_ago));
            let (start, end) = match number % 3 {
                _ if number + 1 == count => (Value::Null, Value::Null),
                0 => (json!(old(9)), json!(old(10))),
                1 => (json!(old(9)), json!(young)),
                // Only one of the two is there: the age counts from it.
                _ => (json!(young), Value::Null),
            };
            let is_due = number % 3 == 0 && number + 1 != count;
            aged.say(random, &id, &start, &end, is_due);
            if is_due && number % 9 == 0 {
                second.push((id.clone(), start, end));
            }
            if is_due { &mut aged.due } else { &mut aged.kept }.insert(id);
        }
        for (id, start, end) in second {
            aged.say(random, &id, &start, &end, true);
        }
        aged
    }

    fn say(&mut self, random: &mut Random, id: &str, start: &Value, end: &Value, is_due: bool) {
        let letters = format!("{:016x}", random.next());
        let (before, tail) = letters.split_at(TAIL);
        let mut said = format!("guest: {before}{}{tail}", String::from_utf8_lossy(MIDDLE));
        for _ in 0..150 {
            said.push_str(&format!(" {:x}", random.below(1 << 40)));
        }
        let line =
            json!({"id": id, "startTime": start, "endTime": end, "interactions": [{"transcript": said}]});
        self.text.extend_from_slice(format!("{line}\n").as_bytes());
        self.records += 1;
        let tail = tail.as_bytes().first_chunk().copied().unwrap_or_default();
        if is_due {
            self.due_tails.insert(tail, id.to_owned());
        } else {
            self.kept_tails.insert(tail);
        }
    }

    /// Imports all of them, and sees that they are there in every place where they could be left behind.
    pub(super) fn fill(&self, desk: &Desk<'_>) -> Outcome {
        let file = desk.scene.hidden("aged.ndjson");
        files::write_private(&file, &self.text)?;
        let result = desk.import(&file)?.exits(0)?.last()?;
        ensure!(result["stored"] == self.due.len() + self.kept.len(), "not all were stored: {result}");
        desk.verifies(self.records)?;
        // The search index knows the latest versions only.
        for (part, least) in
            [("segments", self.records), ("search", (self.due.len() + self.kept.len()) as u64)]
        {
            let found = self.found(&desk.archive().join(part))?.len() as u64;
            ensure!(
                found >= least,
                "{part}: {found} of {least} words can be seen: the look for what is left would prove nothing"
            );
        }
        Ok(())
    }

    /// Imports all of them once more.
    pub(super) fn again(&self, desk: &Desk<'_>) -> Result<Value, String> {
        let file = desk.scene.hidden("aged.ndjson");
        files::write_private(&file, &self.text)?;
        desk.import(&file)?.exits(0)?.last()
    }

    /// What is due is gone for every witness, and what is not is there byte for byte as it was `before`. Conversations
    /// in `held` are due and there.
    pub(super) fn is_removed(&self, desk: &Desk<'_>, before: &[Listed], held: &[&str]) -> Outcome {
        self.is_gone_from(desk, &desk.data, before, held)
    }

    /// The same where the files are seen at another place than the binary sees them.
    pub(super) fn is_gone_from(
        &self,
        desk: &Desk<'_>,
        data: &Path,
        before: &[Listed],
        held: &[&str],
    ) -> Outcome {
        let stays = |id: &str| self.kept.contains(id) || held.contains(&id);
        let listed = desk.list()?;
        // Where a record lies may change.
        let essence = |record: &Listed| {
            (record.id.clone(), record.version, record.sha256.clone(), record.archived_at.clone())
        };
        let wanted: BTreeSet<_> = before.iter().filter(|record| stays(&record.id)).map(essence).collect();
        let there: BTreeSet<_> = listed.iter().map(essence).collect();
        ensure!(
            wanted == there,
            "{} records were to stay and {} are there; one that differs: {:?}",
            wanted.len(),
            there.len(),
            wanted.symmetric_difference(&there).next()
        );
        desk.verifies(listed.len() as u64)?;
        let found = self.found(data)?;
        let lost = self.kept_tails.difference(&found).count();
        ensure!(lost == 0, "{lost} conversations that stay are in no file");
        self.left_nothing(data, held)
    }

    /// No file below `folder` has a word of what is due and not held, quarantine aside.
    fn left_nothing(&self, folder: &Path, held: &[&str]) -> Outcome {
        for path in looked_at(folder)? {
            let found = tails_of(&path)?;
            let of = found.iter().filter_map(|tail| self.due_tails.get(tail));
            let left = of.filter(|id| !held.contains(&id.as_str())).count();
            ensure!(left == 0, "{} has {left} words of removed conversations still", path.display());
        }
        Ok(())
    }

    fn found(&self, folder: &Path) -> Result<BTreeSet<Tail>, String> {
        let mut found = BTreeSet::new();
        for path in looked_at(folder)? {
            found.extend(tails_of(&path)?);
        }
        Ok(found)
    }
}

fn looked_at(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let mut paths = files::below(folder)?;
    paths.retain(|path| !path.components().any(|part| part.as_os_str() == "quarantine"));
    Ok(paths)
}

/// The tails in a file's bytes, and in what they inflate to.
fn tails_of(path: &Path) -> Result<BTreeSet<Tail>, String> {
    let mut texts = vec![files::read(path)?];
    if path.extension().is_some_and(|extension| extension == "gz") {
        texts.push(files::gunzip(path)?);
    }
    let mut found = BTreeSet::new();
    for text in &texts {
        for at in memmem::find_iter(text, MIDDLE) {
            found.extend(text[at + MIDDLE.len()..].first_chunk::<TAIL>());
        }
    }
    Ok(found)
}

impl Scene<'_> {
    /// An archive of aged conversations in several segments.
    pub(super) fn aged(&self, data: &str, count: u64) -> Result<(Desk<'_>, Aged, Vec<Listed>), String> {
        let aged = Aged::new(&mut self.random(), count);
        let desk = self.desk(data).with("FRONTDESK_SEGMENT_SIZE", "64KiB");
        aged.fill(&desk)?;
        let segments = files::segments(&desk.archive())?.len();
        ensure!(segments > 2, "{segments} segments: nothing is met between two");
        let listed = desk.list()?;
        Ok((desk, aged, listed))
    }
}
