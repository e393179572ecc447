//! Retention as a job: first a plan, then what the plan says, as far as it still holds.
//!
//! A [`Plan`] names every conversation that is due, with the version and the hash it had, and is bound by a hash of
//! its own to all of it, to the archive and to the policies. [`Retain::apply`] decides about each of them once more,
//! under the archive's lock and by its clock: what changed, is held or is not due any more is skipped, and said.

use frontdesk_archive::{ClockTrust, Compacted, Error, Maintenance, Reader, Removal, Removed};
use frontdesk_domain::retention::{Policies, Subject, Verdict, verdict};
use frontdesk_domain::{PolicyName, RecordId, RecordKey, RecordKind, Timestamp, hex};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::verdicts::Verdicts;

/// The job: policies, and how far the clock is believed.
#[derive(Debug, Clone)]
pub struct Retain {
    /// What is kept for how long.
    pub policies: Policies,
    /// How far ahead the clock may be.
    pub trust: ClockTrust,
}

/// What is due, bound to exactly that.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// The archive it was made for.
    pub archive: String,
    /// When it was made, by the clock of whoever made it.
    pub made_at: Timestamp,
    /// A hash of the policies it was made by.
    pub policies: String,
    /// What is to be removed, in the order of storing.
    pub removals: Vec<Planned>,
    /// A hash over everything above.
    pub seal: String,
}

/// A conversation that is to be removed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Planned {
    /// The conversation.
    pub id: RecordId,
    /// Its latest version.
    pub version: u32,
    /// SHA-256 of that, in hexadecimal.
    pub sha256: String,
    /// The policy by which it is due.
    pub policy: PolicyName,
    /// What its age counts from.
    pub since: Timestamp,
    /// When it became due.
    pub due: Timestamp,
}

/// What a look at every conversation came to.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Survey {
    /// Conversations that were looked at.
    pub conversations: u64,
    /// What was decided about them.
    #[serde(flatten)]
    pub verdicts: Verdicts,
    /// What the age of the oldest that is due counts from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub oldest: Option<Timestamp>,
}

/// What carrying out a plan came to.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Applied {
    /// Conversations that were removed.
    pub removed: u64,
    /// Their records, every version counted.
    pub records: u64,
    /// Bytes of those records.
    pub raw_bytes: u64,
    /// Packed bytes given back to the disk.
    pub freed_bytes: u64,
    /// Skipped: held by now.
    pub held: u64,
    /// Skipped: another version, other bytes, or not due by the policies and the clock of now.
    pub changed: u64,
    /// Skipped: not there any more.
    pub missing: u64,
    /// Segments that keep the bytes of what was removed until they are repaired.
    pub damaged_segments: u64,
}

/// Why a plan cannot be carried out.
#[derive(Debug)]
#[non_exhaustive]
pub enum RetainError {
    /// What the archive says.
    Archive(Error),
    /// It was made for another archive.
    ForeignArchive,
    /// It was made by other policies.
    OtherPolicies,
    /// It was changed since it was made.
    Broken,
}

impl std::fmt::Display for RetainError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Archive(_) => "the archive could not be changed",
            Self::ForeignArchive => "the plan was made for another archive",
            Self::OtherPolicies => "the plan was made by other policies than those of now",
            Self::Broken => "the plan is not as it was made",
        })
    }
}

impl std::error::Error for RetainError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Archive(error) => Some(error),
            _ => None,
        }
    }
}

impl From<Error> for RetainError {
    fn from(error: Error) -> Self {
        Self::Archive(error)
    }
}

impl Retain {
    /// Decides about every conversation; `each` hears each verdict. Changes nothing.
    ///
    /// # Errors
    /// What the archive says.
    pub fn plan(
        &self,
        reader: &Reader,
        now: Timestamp,
        each: &mut dyn FnMut(&RecordId, &Verdict),
    ) -> Result<(Plan, Survey), Error> {
        let mut survey = Survey::default();
        let mut removals = Vec::new();
        let held = reader.held()? > 0;
        survey.verdicts.unreadable = reader.each_latest(Subject::of, |entry, subject| {
            let matters = if held { reader.matters(&entry.key.id)? } else { Vec::new() };
            let found = verdict(&subject, &self.policies, &matters, now);
            survey.conversations += 1;
            survey.verdicts.count(&found);
            if let Verdict::Expire { policy, since, due } = &found {
                survey.oldest = Some(survey.oldest.map_or(*since, |oldest| oldest.min(*since)));
                removals.push(Planned {
                    id: entry.key.id.clone(),
                    version: entry.version,
                    sha256: hex(&entry.sha256),
                    policy: policy.clone(),
                    since: *since,
                    due: *due,
                });
            }
            each(&entry.key.id, &found);
            Ok(())
        })?;
        let mut plan = Plan {
            archive: reader.archive_id(),
            made_at: now,
            policies: fingerprint(&self.policies),
            removals,
            seal: String::new(),
        };
        plan.seal = plan.sealed();
        Ok((plan, survey))
    }

    /// Carries out a plan, as far as each verdict is the same now. `reader` reads the archive that `maintenance` has
    /// open.
    ///
    /// # Errors
    /// `ForeignArchive`, `OtherPolicies`, `Broken` before anything is removed; `Archive` with `ClockAhead` likewise, and
    /// with whatever stopped it: what was removed by then stays removed, and a new plan has the rest.
    pub fn apply(
        &self,
        plan: &Plan,
        maintenance: &mut Maintenance,
        reader: &Reader,
        reason: &str,
    ) -> Result<Applied, RetainError> {
        if plan.seal != plan.sealed() {
            return Err(RetainError::Broken);
        }
        if plan.archive != maintenance.archive_id() || plan.archive != reader.archive_id() {
            return Err(RetainError::ForeignArchive);
        }
        if plan.policies != fingerprint(&self.policies) {
            return Err(RetainError::OtherPolicies);
        }
        maintenance.check_clock(self.trust)?;
        let now = maintenance.now();
        let mut applied = Applied::default();
        let mut removals = Vec::new();
        for planned in &plan.removals {
            match self.removal(planned, reader, now) {
                Ok(Some(removal)) => removals.push(removal),
                Ok(None) => applied.changed += 1,
                // What cannot be read is not judged, so it is not removed.
                Err(error) if error.is_integrity_failure() => applied.changed += 1,
                Err(error) => return Err(error.into()),
            }
        }
        let (outcomes, compacted) = maintenance.expire(&removals, reason, self.trust)?;
        for outcome in outcomes {
            match outcome {
                Removed::Expired { records, raw_bytes } => {
                    applied.removed += 1;
                    applied.records += records;
                    applied.raw_bytes += raw_bytes;
                }
                Removed::Held(_) => applied.held += 1,
                Removed::Missing => applied.missing += 1,
                _ => applied.changed += 1,
            }
        }
        let Compacted { freed, damaged, .. } = compacted;
        (applied.freed_bytes, applied.damaged_segments) = (freed, damaged);
        Ok(applied)
    }

    /// The removal of a planned conversation, when it is due still, or gone or held, which the archive says.
    fn removal(&self, planned: &Planned, reader: &Reader, now: Timestamp) -> Result<Option<Removal>, Error> {
        let key = RecordKey { kind: RecordKind::Details, id: planned.id.clone() };
        let record = reader.show(&key, None)?;
        let (version, sha256) = match &record {
            Some(record) if hex(&record.sha256) != planned.sha256 || record.version != planned.version => {
                return Ok(None);
            }
            Some(record) => (record.version, record.sha256),
            None => (planned.version, [0; 32]),
        };
        if let Some(record) = record {
            // Holds are looked at where the removal is written.
            let found = verdict(&Subject::of(&record.bytes), &self.policies, &[], now);
            if !matches!(found, Verdict::Expire { .. }) {
                return Ok(None);
            }
        }
        let Planned { id, policy, since, .. } = planned;
        Ok(Some(Removal { id: id.clone(), version, sha256, policy: policy.clone(), since: *since }))
    }
}

impl Plan {
    /// The hash that binds the plan to its contents.
    fn sealed(&self) -> String {
        let mut digest = Sha256::new();
        let mut add = |text: &str| {
            digest.update((text.len() as u64).to_le_bytes());
            digest.update(text.as_bytes());
        };
        add(&self.archive);
        add(&self.made_at.to_string());
        add(&self.policies);
        for removal in &self.removals {
            add(removal.id.as_str());
            add(&removal.version.to_string());
            add(&removal.sha256);
            add(removal.policy.as_str());
            add(&removal.since.to_string());
            add(&removal.due.to_string());
        }
        hex(&digest.finalize())
    }
}

/// A hash of the policies: of their names, days and conditions.
fn fingerprint(policies: &Policies) -> String {
    let text = serde_json::to_string(policies).unwrap_or_default();
    hex(&Sha256::digest(text.as_bytes()))
}
