//! Links, whose queries are signed anew at each read.

use std::borrow::Cow;
use std::ops::Range;

use super::without;
use crate::json::{self, Machine, Sink};

/// The payload without the queries of its links.
pub(super) fn without_queries(bytes: &[u8]) -> Cow<'_, [u8]> {
    let mut links = Links { bytes, key_at: 0, below: None, value_at: None, queries: Vec::new() };
    let mut machine = Machine::new();
    match machine.push(bytes, &mut links).and_then(|()| machine.finish()) {
        Ok(()) => without(bytes, links.queries),
        Err(_) => Cow::Borrowed(bytes),
    }
}

/// Listens for links.
struct Links<'a> {
    bytes: &'a [u8],
    key_at: usize,
    /// The depth of the key in progress, when links are below it.
    below: Option<usize>,
    /// Where the text in progress starts, when it may be a link.
    value_at: Option<usize>,
    /// The query parts, in order.
    queries: Vec<Range<usize>>,
}

impl Sink for Links<'_> {
    fn key_start(&mut self, at: usize, _: usize) {
        self.key_at = at;
    }

    fn key_end(&mut self, end: usize, depth: usize) {
        let key = &self.bytes[self.key_at + 1..end - 1];
        self.below = json::with_key(key, |key| is_of_links(key).then_some(depth));
    }

    fn value_start(&mut self, at: usize, depth: usize, first: u8) {
        // Of the key itself, or of a list below it.
        let below = self.below.is_some_and(|key| depth == key || depth == key + 1);
        self.value_at = (below && first == b'"').then_some(at);
    }

    fn value_end(&mut self, end: usize, _: usize) {
        let Some(at) = self.value_at.take() else { return };
        let link = &self.bytes[at + 1..end - 1];
        if is_link(link)
            && let Some(query) = link.iter().position(|byte| matches!(byte, b'?' | b'#'))
        {
            self.queries.push(at + 1 + query..end - 1);
        }
    }
}

fn is_of_links(key: &[u8]) -> bool {
    let ends =
        |with: &[u8]| key.len() >= with.len() && key[key.len() - with.len()..].eq_ignore_ascii_case(with);
    ends(b"url") || ends(b"uri") || ends(b"urls") || ends(b"uris") || key.eq_ignore_ascii_case(b"image")
}

/// Whether what stands between quotes is a link; a slash may be escaped.
fn is_link(text: &[u8]) -> bool {
    let scheme = text.iter().position(|byte| *byte == b':').map(|colon| text.split_at(colon + 1));
    scheme.is_some_and(|(scheme, rest)| {
        (scheme.eq_ignore_ascii_case(b"https:") || scheme.eq_ignore_ascii_case(b"http:"))
            && (rest.starts_with(b"//") || rest.starts_with(br"\/\/"))
    })
}
