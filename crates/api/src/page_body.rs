//! What the pages of every listing have in common.

use std::hash::{DefaultHasher, Hasher as _};

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

/// A page that is not JSON. One that ends too early was cut where nobody on the way noticed; an empty one was not.
pub(crate) fn broken(error: JsonError, body_bytes: u64) -> DecodeError {
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
