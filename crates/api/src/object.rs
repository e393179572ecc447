//! A small JSON object for an answer: collected up to a cap, then read.

use serde::Deserialize;
use serde_json::error::Category;

use crate::endpoint::DecodeError;

/// The bytes of an answer that is one small object.
#[derive(Debug)]
pub(crate) struct SmallObject {
    body: Vec<u8>,
    most: usize,
    about: &'static str,
}

impl SmallObject {
    /// An answer about this (`a guest`), of at most so many bytes.
    pub(crate) fn about(about: &'static str, most: usize) -> Self {
        Self { body: Vec::new(), most, about }
    }

    /// Takes the next bytes.
    pub(crate) fn push(&mut self, chunk: &[u8]) -> Result<(), DecodeError> {
        if self.body.len() + chunk.len() > self.most {
            let about = self.about;
            return Err(DecodeError::new(format!("it is larger than what is said about {about} can be")));
        }
        self.body.extend_from_slice(chunk);
        Ok(())
    }

    /// All of it, for those who read it in their own way.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.body
    }

    /// Reads all of it; `expected` says what it is not where values are of other types.
    pub(crate) fn read<'de, T: Deserialize<'de>>(&'de self, expected: &str) -> Result<T, DecodeError> {
        if self.body.is_empty() {
            return Err(DecodeError::new("it is empty"));
        }
        // An array with the values in this order would be read as well.
        if self.body.iter().find(|byte| !byte.is_ascii_whitespace()) != Some(&b'{') {
            return Err(DecodeError::new("it is no JSON object"));
        }
        serde_json::from_slice(&self.body).map_err(|error| match error.classify() {
            Category::Eof => DecodeError::truncated("it ends inside the object"),
            Category::Data => DecodeError::new(expected),
            _ => DecodeError::new("it is not JSON"),
        })
    }
}
