//! The page tokens of a details query or a history: opaque, and good for that listing alone.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

use crate::moment::Moment;

/// Where a page begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    /// The number of the first conversation (message) that was not yet looked at.
    pub(crate) position: u64,
    /// 1 for the first page.
    pub(crate) page: u64,
}

/// What a token belongs to. The page size is no part of it: it may change between pages.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Binding([u8; 32]);

const SEAL: usize = 12;

impl Binding {
    pub(crate) fn of(seed: u64, from: Moment, to: Moment, filter: Option<&str>) -> Self {
        let mut hash = Sha256::new();
        hash.update(seed.to_be_bytes());
        hash.update(from.timestamp().as_nanosecond().to_be_bytes());
        hash.update(to.timestamp().as_nanosecond().to_be_bytes());
        hash.update([u8::from(filter.is_some())]);
        hash.update(filter.unwrap_or_default().as_bytes());
        Self(hash.finalize().into())
    }

    pub(crate) fn of_history(seed: u64, conversation: &str) -> Self {
        let hash = Sha256::new().chain_update(b"history").chain_update(seed.to_be_bytes());
        Self(hash.chain_update(conversation).finalize().into())
    }

    /// The token that leads to `place`: always the same one.
    pub(crate) fn token(&self, place: Place) -> String {
        let mut bytes = [place.position.to_be_bytes(), place.page.to_be_bytes()].concat();
        let seal = self.seal(&bytes);
        bytes.extend_from_slice(&seal);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Where a token leads; nothing when it was made up, damaged or given out for another query.
    pub(crate) fn place(&self, token: &str) -> Option<Place> {
        let bytes = URL_SAFE_NO_PAD.decode(token).ok()?;
        let (place, seal) = bytes.split_at_checked(16)?;
        (self.seal(place) == seal).then(|| read(place)).flatten()
    }

    fn seal(&self, place: &[u8]) -> [u8; SEAL] {
        let hash = Sha256::new().chain_update(self.0).chain_update(place).finalize();
        let mut seal = [0; SEAL];
        seal.copy_from_slice(&hash[..SEAL]);
        seal
    }
}

/// The page a token says it leads to, unproved: fault rules may go by the page.
pub(crate) fn claimed_page(token: &str) -> Option<u64> {
    let bytes = URL_SAFE_NO_PAD.decode(token).ok()?;
    bytes.get(..16).and_then(read).map(|place| place.page)
}

fn read(place: &[u8]) -> Option<Place> {
    let (position, page) = place.split_first_chunk::<8>()?;
    let page = page.first_chunk::<8>()?;
    Some(Place { position: u64::from_be_bytes(*position), page: u64::from_be_bytes(*page) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn binding(filter: Option<&str>) -> Binding {
        let to = "2026-01-01T00:00:00Z".parse().unwrap();
        Binding::of(7, "2025-01-01T00:00:00Z".parse().unwrap(), to, filter)
    }

    #[test]
    fn a_token_leads_back_to_its_place_for_its_query_only() {
        let place = Place { position: 12_345, page: 3 };
        let token = binding(None).token(place);
        assert_eq!(binding(None).place(&token), Some(place));
        assert_eq!(claimed_page(&token), Some(3));
        assert_eq!(binding(Some("")).place(&token), None);
        for broken in ["", "x", "!!", &token[1..], &format!("{token}AAAA"), &token.replace(&token[2..3], "_")]
        {
            assert_eq!(binding(None).place(broken), None, "{broken}");
        }
    }
}
