//! What the pages of every listing have in common.

use std::hash::{DefaultHasher, Hasher as _};

use frontdesk_domain::json::{Splitter, Tail};
use frontdesk_domain::{JsonError, JsonFault, PageToken};

use crate::endpoint::DecodeError;

/// The token in the member `name`; none where it is absent, null or empty, which ends a listing.
pub(crate) fn next_token(value: Option<&[u8]>, name: &str) -> Result<Option<PageToken>, DecodeError> {
    match value {
        None | Some(b"null" | br#""""#) => Ok(None),
        Some(value) => {
            let token: String = serde_json::from_slice(value)
                .map_err(|_| DecodeError::new(format!("its {name} is no text, or no Unicode text")))?;
            PageToken::new(token).map(Some).map_err(|_| DecodeError::new(format!("its {name} is empty")))
        }
    }
}

/// Takes the elements of a page apart while it arrives: what is in memory is one element in progress, beside what was handed out.
#[derive(Debug)]
pub(crate) struct Elements {
    splitter: Splitter,
    whole: Vec<Vec<u8>>,
    body_bytes: u64,
}

impl Elements {
    /// Those of the array in the member `name`.
    pub(crate) fn of(name: &'static str) -> Self {
        Self { splitter: Splitter::new(name), whole: Vec::new(), body_bytes: 0 }
    }

    /// Reads on, and hands out what is whole: also of a chunk that turns out to be broken behind it.
    pub(crate) fn push(&mut self, chunk: &[u8], take: impl FnMut(Vec<u8>)) -> Result<(), DecodeError> {
        self.body_bytes += chunk.len() as u64;
        let pushed = self.splitter.push(chunk, &mut self.whole);
        self.whole.drain(..).for_each(take);
        pushed.map_err(|error| broken(error, self.body_bytes))
    }

    /// What stands beside the array, and how long the body was; it is an object.
    pub(crate) fn finish(self) -> Result<(Tail, u64), DecodeError> {
        let tail = self.splitter.finish().map_err(|error| broken(error, self.body_bytes))?;
        if !tail.object {
            return Err(DecodeError::new("it is no JSON object"));
        }
        Ok((tail, self.body_bytes))
    }
}

/// A page that is not JSON. One that ends too early was cut where nobody on the way noticed; an empty one was not.
fn broken(error: JsonError, body_bytes: u64) -> DecodeError {
    match error.fault {
        JsonFault::UnexpectedEnd if body_bytes == 0 => DecodeError::new("it is empty"),
        JsonFault::UnexpectedEnd => DecodeError::truncated(error.to_string()),
        _ => DecodeError::new(error.to_string()),
    }
}

/// What stands for an element that has no id: its length and both ends. It is taken of every element, so it is cheap.
pub(crate) fn rough_mark(element: &[u8]) -> u64 {
    const END: usize = 128;
    let mut hasher = DefaultHasher::new();
    hasher.write_usize(element.len());
    hasher.write(&element[..element.len().min(END)]);
    hasher.write(&element[element.len().saturating_sub(END)..]);
    hasher.finish()
}
