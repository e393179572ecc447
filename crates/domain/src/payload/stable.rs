//! What of a payload is the same each time it is read, and what only some ways of reading tell.

mod attributes;
mod links;

use std::borrow::Cow;

use crate::RecordKind;

/// What of a payload decides whether it is a new version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stable<'p> {
    /// What every read of the same thing brings alike.
    pub always: Cow<'p, [u8]>,
    /// What some ways of reading bring, and others never do; `None` where this one brought nothing of it.
    pub sometimes: Option<Vec<u8>>,
}

impl Stable<'_> {
    /// Whether two payloads are the same version: what both tell is the same. That one tells more is no news of it.
    #[must_use]
    pub fn agrees_with(&self, other: &Stable<'_>) -> bool {
        self.always == other.always
            && match (&self.sometimes, &other.sometimes) {
                (Some(ours), Some(theirs)) => ours == theirs,
                _ => true,
            }
    }
}

/// The payload without what differs between two reads of the same thing. Two payloads that agree are the same version;
/// what is kept is what came first.
///
/// - Kinds `history` and `transcript`: the query part of links, which on the platform are signed anew each time (platform
///   contract A.2, C.4.3). A link is a text that begins with `http://` or `https://`, below a key that is `image` or ends
///   with `url`, `uri`, `urls` or `uris`, in whatever case; its query part is from the first `?` or `#` to its end. What was
///   said is under no such key.
/// - Kind `details`: the object `attributes` of each of the top-level `participants`, which results of jobs have and the
///   query leaves out (platform contract C.7.3, C.8): a window that is asked for in the other way is no news. They are told
///   apart from the rest, so attributes that changed between two jobs are.
///
/// Never fails: bytes that are not JSON are stable.
///
/// ```
/// use frontdesk_domain::RecordKind;
/// use frontdesk_domain::payload::stable;
///
/// let line = br#"{"entities":[{"url":"https://files.example/a.png?Signature=abc","text":"https://a.example/?b"}]}"#;
/// let same = br#"{"entities":[{"url":"https://files.example/a.png","text":"https://a.example/?b"}]}"#;
/// assert_eq!(stable(RecordKind::Transcript, line).always, &same[..]);
/// assert_eq!(stable(RecordKind::Details, line).always, &line[..]);
///
/// let by_query = br#"{"conversationId":"c-1","participants":[{"purpose":"customer"}]}"#;
/// let by_job = br#"{"conversationId":"c-1","participants":[{"purpose":"customer","attributes":{"tier":"gold"}}]}"#;
/// let later = br#"{"conversationId":"c-1","participants":[{"purpose":"customer","attributes":{"tier":"blue"}}]}"#;
/// let [by_query, by_job, later] = [&by_query[..], by_job, later].map(|line| stable(RecordKind::Details, line));
/// assert!(by_query.agrees_with(&by_job) && by_job.agrees_with(&by_query));
/// assert!(!by_job.agrees_with(&later));
/// ```
#[must_use]
pub fn stable(kind: RecordKind, bytes: &[u8]) -> Stable<'_> {
    match kind {
        RecordKind::Details => attributes::apart(bytes),
        RecordKind::History | RecordKind::Transcript => {
            Stable { always: links::without_queries(bytes), sometimes: None }
        }
        RecordKind::Media => Stable { always: Cow::Borrowed(bytes), sometimes: None },
    }
}

/// What is left when these places, which are in order, are cut out.
fn without(bytes: &[u8], places: impl IntoIterator<Item = std::ops::Range<usize>>) -> Cow<'_, [u8]> {
    let mut out = Vec::new();
    let mut from = 0;
    for place in places {
        out.extend_from_slice(&bytes[from..place.start]);
        from = place.end;
    }
    if from == 0 {
        return Cow::Borrowed(bytes);
    }
    out.extend_from_slice(&bytes[from..]);
    Cow::Owned(out)
}
