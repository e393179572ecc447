//! What the release of a matter would come to: which conversations the next sweep would then remove.

use frontdesk_archive::{Error, Reader};
use frontdesk_domain::retention::{Subject, Verdict, verdict};
use frontdesk_domain::{MatterName, PolicyName, RecordId, RecordKey, RecordKind, Timestamp};

use crate::retain::Retain;
use crate::verdicts::Verdicts;

/// What would become of the conversations of a matter if it let go of them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ReleaseEffect {
    /// Conversations that it holds.
    pub held: u64,
    /// What a sweep would decide about them; held are those that another matter holds, too.
    pub verdicts: Verdicts,
    /// When the first of those becomes due that are too young for now.
    pub next_due: Option<Timestamp>,
    /// Those of which there are no details, so that no sweep looks at them.
    pub missing: u64,
}

impl Retain {
    /// Decides about each conversation of a matter as a sweep at `now` would, were the matter released; `each` hears of those
    /// that it would remove, in the order of their ids, with the policy and when they became due. Changes nothing. Blocks; reads the
    /// latest version of each of them.
    ///
    /// # Errors
    /// What the archive says.
    pub fn release_effect(
        &self,
        reader: &Reader,
        matter: &MatterName,
        now: Timestamp,
        each: &mut dyn FnMut(&RecordId, &PolicyName, Timestamp),
    ) -> Result<ReleaseEffect, Error> {
        let mut effect = ReleaseEffect::default();
        reader.holds(Some(matter), |hold| {
            effect.held += 1;
            let mut others = reader.matters(&hold.id)?;
            others.retain(|other| other != matter);
            let key = RecordKey { kind: RecordKind::Details, id: hold.id };
            let subject = match reader.show(&key, None) {
                Ok(Some(record)) => Subject::of(&record.bytes),
                Ok(None) => {
                    effect.missing += 1;
                    return Ok(());
                }
                Err(error) if error.is_integrity_failure() => {
                    effect.verdicts.unreadable += 1;
                    return Ok(());
                }
                Err(error) => return Err(error),
            };
            let found = verdict(&subject, &self.policies, &others, now);
            effect.verdicts.count(&found);
            match &found {
                Verdict::Expire { policy, due, .. } => each(&key.id, policy, *due),
                Verdict::Keep { until, .. } => {
                    effect.next_due = [effect.next_due, *until].into_iter().flatten().min();
                }
                _ => {}
            }
            Ok::<(), Error>(())
        })?;
        Ok(effect)
    }
}
