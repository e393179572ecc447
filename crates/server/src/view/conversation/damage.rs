//! What of a conversation is not what was stored.

use frontdesk_archive::{Damage, Error, Examined, Reader, Record};
use frontdesk_domain::{RecordId, RecordKind};
use serde::Serialize;
use utoipa::ToSchema;

/// A record that is damaged or lost.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct DamageView {
    /// `details`, `history`, `transcript` or `media`.
    pub kind: &'static str,
    /// Its version, from 1.
    pub version: u32,
    /// `damaged`: its bytes are there and wrong; `lost`: a repair gave it up; `replaced`: that, and a later version was
    /// stored since.
    pub state: &'static str,
    /// What is wrong with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub what: Option<String>,
    /// Since when it is known, RFC 3339; absent where it was found just now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
}

/// A conversation of which nothing is left that could be shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct LostView {
    /// Its id.
    pub id: String,
    /// When it started, RFC 3339, where that is known.
    pub started_at: Option<String>,
    /// What became of its records.
    pub damage: Vec<DamageView>,
    /// The matters that hold it.
    pub matters: Vec<String>,
}

impl LostView {
    /// Whether bytes of it are there, though wrong, so that a repair or a copy may bring it back.
    #[must_use]
    pub fn is_there(&self) -> bool {
        self.damage.iter().any(|damage| damage.state == "damaged")
    }
}

/// A conversation's records while they are looked for; where one is damaged, all are read.
pub(super) struct Sound<'r> {
    reader: &'r Reader,
    id: &'r RecordId,
    examined: Vec<Examined>,
    hurt: bool,
}

impl<'r> Sound<'r> {
    pub(super) fn of(reader: &'r Reader, id: &'r RecordId) -> Self {
        Self { reader, id, examined: Vec::new(), hurt: false }
    }

    /// The newest version of each kind that can be read.
    pub(super) fn newest(&mut self) -> Result<Vec<Record>, Error> {
        let mut records = Vec::new();
        for kind in RecordKind::ALL {
            let key = frontdesk_domain::RecordKey { kind, id: self.id.clone() };
            match self.take(self.reader.show(&key, None))? {
                Some(record) => records.push(record),
                None if self.hurt => records.extend(self.examined()?.rev().find_map(|one| {
                    let of_kind = one.key.kind == kind;
                    one.outcome.as_ref().ok().filter(|_| of_kind).cloned()
                })),
                None => {}
            }
        }
        Ok(records)
    }

    /// A record, unless it is damaged.
    pub(super) fn take(&mut self, shown: Result<Option<Record>, Error>) -> Result<Option<Record>, Error> {
        match shown {
            Err(error) if error.is_integrity_failure() => {
                self.hurt = true;
                Ok(None)
            }
            other => other,
        }
    }

    /// What is known to be wrong, and what turned out to be.
    pub(super) fn damage(&mut self, known: &[Damage]) -> Result<Vec<DamageView>, Error> {
        let mut views: Vec<DamageView> = known.iter().map(known_view).collect();
        if self.hurt {
            for one in self.examined()? {
                let Err(error) = &one.outcome else { continue };
                if known.iter().any(|known| known.key == one.key && known.version == one.version) {
                    continue;
                }
                let (kind, version) = (one.key.kind.as_str(), one.version);
                let what = Some(error.to_string());
                views.push(DamageView { kind, version, state: "damaged", what, since: None });
            }
        }
        Ok(views)
    }

    /// Every record in order of kind and version, read once.
    fn examined(&mut self) -> Result<std::slice::Iter<'_, Examined>, Error> {
        if self.examined.is_empty() {
            self.examined = self.reader.examine(self.id)?;
        }
        Ok(self.examined.iter())
    }
}

fn known_view(damage: &Damage) -> DamageView {
    DamageView {
        kind: damage.key.kind.as_str(),
        version: damage.version,
        state: match (&damage.what, damage.replaced) {
            (Some(_), false) => "damaged",
            (_, true) => "replaced",
            (None, false) => "lost",
        },
        what: damage.what.clone(),
        since: Some(damage.since.to_string()),
    }
}
