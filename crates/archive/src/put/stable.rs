//! What versions of a record are compared by.

use std::borrow::Cow;

use frontdesk_domain::RecordKind;
use frontdesk_domain::payload;
use frontdesk_durable::Sha256Hash;

const HASH: usize = size_of::<Sha256Hash>();

/// The hashes of [`payload::stable`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stable {
    /// SHA-256 of what every read brings.
    always: Sha256Hash,
    /// SHA-256 of what only some do, where this one did.
    sometimes: Option<Sha256Hash>,
}

impl Stable {
    /// Of a record's bytes, whose SHA-256 is `sha256`.
    pub(crate) fn of(kind: RecordKind, bytes: &[u8], sha256: Sha256Hash) -> Self {
        let payload::Stable { always, sometimes } = payload::stable(kind, bytes);
        let always = match always {
            Cow::Borrowed(_) => sha256,
            Cow::Owned(always) => frontdesk_durable::sha256(&always),
        };
        Self { always, sometimes: sometimes.map(|told| frontdesk_durable::sha256(&told)) }
    }

    /// Of a record all of which is stable.
    pub(crate) fn whole(sha256: Sha256Hash) -> Self {
        Self { always: sha256, sometimes: None }
    }

    /// As [`payload::Stable::agrees_with`].
    pub(crate) fn agrees_with(&self, other: &Self) -> bool {
        let both = self.sometimes.zip(other.sometimes);
        self.always == other.always && both.is_none_or(|(ours, theirs)| ours == theirs)
    }

    /// One hash after the other, as the catalog has them.
    pub(crate) fn to_bytes(self) -> Vec<u8> {
        let sometimes = self.sometimes.as_ref().map_or(&[][..], |hash| &hash[..]);
        [&self.always[..], sometimes].concat()
    }

    /// What [`Stable::to_bytes`] wrote.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (always, sometimes) = bytes.split_at_checked(HASH)?;
        let sometimes = match sometimes {
            [] => None,
            hash => Some(Sha256Hash::try_from(hash).ok()?),
        };
        Some(Self { always: Sha256Hash::try_from(always).ok()?, sometimes })
    }
}
