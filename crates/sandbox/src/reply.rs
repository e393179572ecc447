//! An answer, together with what becomes of it on its way: in process a transport imitates it, on a
//! socket [`serve`](crate::serve) does it.

use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderName, HeaderValue};
use http::{HeaderMap, Response, StatusCode};
use serde::{Deserialize, Serialize};

/// What the sandbox answers, and how the answer travels.
#[derive(Debug)]
pub struct Reply {
    /// The whole answer, as it would be without a fault. `content-length` is always set.
    pub response: Response<Body>,
    /// How long to wait before sending it.
    pub delay: Duration,
    /// How long each byte of the body takes; `None` is no time.
    pub pace: Option<Duration>,
    /// How it ends.
    pub ending: Ending,
}

/// How an answer ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Ending {
    /// All of it arrives.
    #[default]
    Whole,
    /// It stops early, although `content-length` promised more.
    Broken {
        /// In which way.
        how: Break,
        /// How many bytes of the body arrive, fewer than it has; with `None` not even the head does. On
        /// a socket a reset overtakes what the receiver has not taken yet, so that it may be fewer still.
        after: Option<u64>,
    },
}

/// How a connection stops.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Break {
    /// It is reset (RST).
    Reset,
    /// It is closed in order (FIN).
    Cut,
    /// It stays open and is silent.
    Stall,
}

impl Reply {
    pub(crate) fn json(status: StatusCode, body: impl Into<Bytes>) -> Self {
        Self::new(status, "application/json", Body::from(body.into()))
    }

    pub(crate) fn new(status: StatusCode, content_type: &'static str, body: Body) -> Self {
        let length = HeaderValue::from(body.len());
        let mut response = Response::new(body);
        *response.status_mut() = status;
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        response.headers_mut().insert(CONTENT_LENGTH, length);
        Self { response, delay: Duration::ZERO, pace: None, ending: Ending::Whole }
    }

    pub(crate) fn headers_mut(&mut self) -> &mut HeaderMap {
        self.response.headers_mut()
    }

    pub(crate) fn set_number(&mut self, name: &'static str, number: u64) {
        self.headers_mut().insert(HeaderName::from_static(name), HeaderValue::from(number));
    }

    /// The status of the answer.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.response.status()
    }

    /// The whole body in one piece.
    #[must_use]
    pub fn into_bytes(self) -> Bytes {
        self.response.into_body().collect()
    }
}

/// A body as pieces, some of which are repeated: a gigabyte costs as much memory as one piece. It is
/// an iterator over what is left of it, in chunks of at most 64 KiB where pieces are repeated.
#[derive(Debug, Clone, Default)]
pub struct Body {
    /// In reverse, so that the next piece is popped; each with how often it is still to come.
    pieces: Vec<(Bytes, u64)>,
}

/// Repeated pieces are glued together up to this size.
const CHUNK: usize = 64 * 1024;

impl Body {
    /// The pieces in order, each with how often it is repeated.
    pub(crate) fn of(pieces: impl IntoIterator<Item = (Bytes, u64)>) -> Self {
        let mut all: Vec<(Bytes, u64)> = Vec::new();
        for (piece, times) in pieces {
            let together = (CHUNK / piece.len().max(1)).max(1) as u64;
            if times > together && together > 1 {
                let glued = Bytes::from(piece.repeat(usize::try_from(together).unwrap_or(1)));
                all.push((glued, times / together));
                let rest = usize::try_from(times % together).unwrap_or(0);
                all.push((Bytes::from(piece.repeat(rest)), 1));
            } else {
                all.push((piece, times));
            }
        }
        all.retain(|(piece, times)| !piece.is_empty() && *times > 0);
        all.reverse();
        Self { pieces: all }
    }

    /// How many bytes are left.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.pieces.iter().map(|(piece, times)| piece.len() as u64 * times).sum()
    }

    /// Whether nothing is left.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    /// What is left in one piece of memory, without a copy where it is one piece already.
    #[must_use]
    pub fn collect(mut self) -> Bytes {
        match (self.next(), self.is_empty()) {
            (None, _) => Bytes::new(),
            (Some(only), true) => only,
            (Some(first), false) => {
                let mut all = Vec::from(first);
                self.for_each(|chunk| all.extend_from_slice(&chunk));
                Bytes::from(all)
            }
        }
    }
}

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Self {
        Self::of([(bytes, 1)])
    }
}

impl Iterator for Body {
    type Item = Bytes;

    fn next(&mut self) -> Option<Bytes> {
        let (piece, times) = self.pieces.last_mut()?;
        let chunk = piece.clone();
        *times -= 1;
        if *times == 0 {
            self.pieces.pop();
        }
        Some(chunk)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeated_pieces_add_up() {
        let pieces = || {
            [
                (Bytes::from_static(b"<"), 1),
                (Bytes::from_static(b"ab"), 100_001),
                (Bytes::from_static(b">"), 1),
            ]
        };
        let body = Body::of(pieces());
        assert_eq!(body.len(), 200_004);
        assert!(body.clone().all(|chunk| chunk.len() <= CHUNK));
        let whole = body.collect();
        assert_eq!(whole, format!("<{}>", "ab".repeat(100_001)).as_bytes());
        assert!(Body::of([(Bytes::new(), 5), (Bytes::from_static(b"x"), 0)]).is_empty());
    }
}
