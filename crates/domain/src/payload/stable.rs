//! What of a payload is the same each time it is read.

use std::borrow::Cow;
use std::ops::Range;

use crate::RecordKind;
use crate::json::{self, Machine, Sink};

/// The payload without what differs between two reads of the same thing: the query part of links, which on the platform
/// are signed anew each time (platform contract A.2, C.4.3). Two payloads of which this is the same are the same
/// version; what is kept is what came first.
///
/// Links occur in kinds `history` and `transcript`, and all of another kind is stable. There a link is a text that begins
/// with `http://` or `https://`, below a key that is `image` or ends with `url`, `uri`, `urls` or `uris`, in whatever
/// case; its query part is from the first `?` or `#` to its end. What was said is under no such key. Never fails: bytes
/// that are not JSON are stable.
///
/// ```
/// use frontdesk_domain::RecordKind;
/// use frontdesk_domain::payload::stable;
///
/// let line = br#"{"entities":[{"url":"https://files.example/a.png?Signature=abc","text":"https://a.example/?b"}]}"#;
/// let same = br#"{"entities":[{"url":"https://files.example/a.png","text":"https://a.example/?b"}]}"#;
/// assert_eq!(stable(RecordKind::Transcript, line), &same[..]);
/// assert_eq!(stable(RecordKind::Details, line), &line[..]);
/// ```
#[must_use]
pub fn stable(kind: RecordKind, bytes: &[u8]) -> Cow<'_, [u8]> {
    match kind {
        RecordKind::Details | RecordKind::Media => return Cow::Borrowed(bytes),
        RecordKind::History | RecordKind::Transcript => {}
    }
    let mut links = Links { bytes, key_at: 0, below: None, value_at: None, queries: Vec::new() };
    let mut machine = Machine::new();
    if machine.push(bytes, &mut links).and_then(|()| machine.finish()).is_err() || links.queries.is_empty() {
        return Cow::Borrowed(bytes);
    }
    let mut out = Vec::with_capacity(bytes.len());
    let mut from = 0;
    for query in links.queries {
        out.extend_from_slice(&bytes[from..query.start]);
        from = query.end;
    }
    out.extend_from_slice(&bytes[from..]);
    Cow::Owned(out)
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
