//! Id and facts, from the spans of one scan.

use std::borrow::Cow;
use std::ops::Range;

use super::platform::Platform;
use crate::json::{self, Gaps, JsonError, Machine, Sink};
use crate::record::read_id;
use crate::{RawRecord, RecordError, RecordErrorKind, RecordId, RecordKey, RecordKind, Timestamp};

/// What the catalog knows of a record without opening it. What could not be read is absent.
///
/// A conversation of the platform has most of it below its participants (platform contract C.4.1, C.9): medium and
/// direction of the first session or communication, queue and user of the agent who took it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Facts {
    /// When the conversation began.
    pub started_at: Option<Timestamp>,
    /// When it ended; absent while it is open.
    pub ended_at: Option<Timestamp>,
    /// `type`: the medium, such as `message` or `voice`. On the platform `mediaType`; its kind of messaging is a value of
    /// the metadata, `messageType`.
    pub media_type: Option<String>,
    /// `direction`: `inbound` or `outbound`.
    pub direction: Option<String>,
    /// `queue`: where it was routed. On the platform the queue's name, or its id where no name is told.
    pub queue: Option<String>,
    /// `agent`: who took it. On the platform the user's id.
    pub agent: Option<String>,
    /// `language`: the tag it was routed by.
    pub language: Option<String>,
}

/// Reads a conversation as it came, in one scan: checks it, compacts it, finds its id and its facts.
///
/// ```
/// use frontdesk_domain::payload::read_details;
///
/// let (record, facts) = read_details(br#"{"id": "c-1", "startTime": "2025-03-01T10:00:00Z", "queue": 7}"#)?;
/// assert_eq!(record.key().to_string(), r#"details "c-1""#);
/// assert_eq!(record.bytes(), br#"{"id":"c-1","startTime":"2025-03-01T10:00:00Z","queue":7}"#);
/// assert!(facts.started_at.is_some());
/// assert_eq!(facts.queue, None, "a number is no queue");
/// # Ok::<(), frontdesk_domain::RecordError>(())
/// ```
///
/// # Errors
///
/// [`RecordError`] when it is not one JSON object, or carries no id that can be used.
pub fn read_details(line: &[u8]) -> Result<(RawRecord, Facts), RecordError> {
    let (outline, compacted) = Outline::of(line)?;
    let id = outline.id(line)?;
    let key = RecordKey { kind: RecordKind::Details, id };
    let facts = outline.facts(RecordKind::Details, line);
    Ok((RawRecord::from_checked(key, compacted.unwrap_or_else(|| line.to_vec())), facts))
}

/// The same for bytes that may be kept: compact ones are not copied.
///
/// # Errors
///
/// As [`read_details`].
pub fn take_details(line: Vec<u8>) -> Result<(RawRecord, Facts), RecordError> {
    let (outline, compacted) = Outline::of(&line)?;
    let id = outline.id(&line)?;
    let key = RecordKey { kind: RecordKind::Details, id };
    let facts = outline.facts(RecordKind::Details, &line);
    Ok((RawRecord::from_checked(key, compacted.unwrap_or(line)), facts))
}

/// The id that the payload itself carries, so that it need not be kept beside it.
///
/// Of kind `details` it is the id [`read_details`] would give; payloads of the other kinds carry none.
///
/// ```
/// use frontdesk_domain::RecordKind;
/// use frontdesk_domain::payload::carries_id;
///
/// let id = carries_id(RecordKind::Details, br#"{"interactionId":"c-1"}"#);
/// assert_eq!(id.unwrap().as_str(), "c-1");
/// assert_eq!(carries_id(RecordKind::History, br#"{"id":"c-1"}"#), None);
/// ```
#[must_use]
pub fn carries_id(kind: RecordKind, bytes: &[u8]) -> Option<RecordId> {
    match kind {
        RecordKind::Details => Outline::of(bytes).ok()?.0.id(bytes).ok(),
        RecordKind::History | RecordKind::Transcript | RecordKind::Media => None,
    }
}

/// The facts of a payload. Never fails: what cannot be read is absent, all of it when the bytes are not JSON.
///
/// The members are looked for in every kind but media, whose records describe a file and not a conversation. A history
/// that has none of them began with the first of its `entities` whose time can be read, and ended with the last.
///
/// ```
/// use frontdesk_domain::RecordKind;
/// use frontdesk_domain::payload::facts;
///
/// let facts = facts(RecordKind::Details, br#"{"startedAt":"2025-03-01T10:00:00Z","messages":[]}"#);
/// assert_eq!(facts.started_at.unwrap().to_string(), "2025-03-01T10:00:00Z");
/// assert_eq!(facts.ended_at, None);
/// ```
#[must_use]
pub fn facts(kind: RecordKind, bytes: &[u8]) -> Facts {
    match kind {
        RecordKind::Details | RecordKind::History | RecordKind::Transcript => {
            Outline::of(bytes).map(|(outline, _)| outline.facts(kind, bytes)).unwrap_or_default()
        }
        RecordKind::Media => Facts::default(),
    }
}

/// The top-level `metadata` as it stands in the payload, whatever it is. None when there is none, or no JSON.
///
/// A conversation of the platform has none. There it is an object made of the participants' `attributes` (of a key that
/// several have, the first one's), and of `externalTag`, `messageType` and `queueId` where they are told and no attribute
/// is called so.
///
/// ```
/// use frontdesk_domain::RecordKind;
/// use frontdesk_domain::payload::metadata;
///
/// let line = br#"{"id":"c-1","metadata":{"a":1}}"#;
/// assert_eq!(metadata(RecordKind::Details, line).as_deref(), Some(&br#"{"a":1}"#[..]));
/// assert_eq!(metadata(RecordKind::Details, br#"{"id":"c-1"}"#), None);
/// let line = br#"{"conversationId":"c-1","externalTag":"t","participants":[{"attributes":{"a":"b"}}]}"#;
/// assert_eq!(metadata(RecordKind::Details, line).as_deref(), Some(&br#"{"a":"b","externalTag":"t"}"#[..]));
/// ```
#[must_use]
pub fn metadata(kind: RecordKind, bytes: &[u8]) -> Option<Cow<'_, [u8]>> {
    Outline::of(bytes).ok()?.0.metadata(kind, bytes)
}

/// The top-level members that mean something here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Name {
    Id,
    InteractionId,
    ConversationId,
    StartTime,
    StartedAt,
    EndTime,
    Type,
    Direction,
    Queue,
    Agent,
    Language,
    Metadata,
    Messages,
    Entities,
    ConversationStart,
    ConversationEnd,
    OriginatingDirection,
    ExternalTag,
    Participants,
    Conversation,
}

impl Name {
    const COUNT: usize = Self::Conversation as usize + 1;

    /// The member called by what stands between the quotes of a key.
    fn of(key: &[u8]) -> Option<Self> {
        Some(match key {
            b"id" => Self::Id,
            b"interactionId" => Self::InteractionId,
            b"conversationId" => Self::ConversationId,
            b"startTime" => Self::StartTime,
            b"startedAt" => Self::StartedAt,
            b"endTime" => Self::EndTime,
            b"type" => Self::Type,
            b"direction" => Self::Direction,
            b"queue" => Self::Queue,
            b"agent" => Self::Agent,
            b"language" => Self::Language,
            b"metadata" => Self::Metadata,
            b"messages" => Self::Messages,
            b"entities" => Self::Entities,
            b"conversationStart" => Self::ConversationStart,
            b"conversationEnd" => Self::ConversationEnd,
            b"originatingDirection" => Self::OriginatingDirection,
            b"externalTag" => Self::ExternalTag,
            b"participants" => Self::Participants,
            b"conversation" => Self::Conversation,
            _ => return None,
        })
    }
}

/// Listens for the members above, and for the timestamp of the last message.
pub(super) struct Outline<'a> {
    gaps: Gaps<'a>,
    object: bool,
    /// Where the values are, by [`Name`].
    values: [Option<Range<usize>>; Name::COUNT],
    /// The member in progress, and where its key and its value start.
    name: Option<Name>,
    key_at: usize,
    value_at: usize,
    /// Whether the value in progress is the array `messages`, or `entities`.
    in_messages: bool,
    /// Whether the member of a message in progress is its timestamp, and where it starts.
    is_stamp: bool,
    stamp_at: usize,
    /// The timestamp of the message in progress, and of the last whole message.
    stamp: Option<Range<usize>>,
    last_stamp: Option<Range<usize>>,
    /// The first and the last time that can be read in `entities`.
    entities: Option<(Timestamp, Timestamp)>,
}

impl<'a> Outline<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self {
            gaps: Gaps::new(bytes),
            object: false,
            values: [const { None }; Name::COUNT],
            name: None,
            key_at: 0,
            value_at: 0,
            in_messages: false,
            is_stamp: false,
            stamp_at: 0,
            stamp: None,
            last_stamp: None,
            entities: None,
        }
    }

    /// Scans a whole payload. The second value is the payload compacted, when it was not.
    fn of(bytes: &'a [u8]) -> Result<(Self, Option<Vec<u8>>), JsonError> {
        let mut outline = Self::new(bytes);
        let mut machine = Machine::new();
        machine.push(bytes, &mut outline)?;
        machine.finish()?;
        let compacted = outline.gaps.finish();
        Ok((outline, compacted))
    }

    fn token<'b>(&self, bytes: &'b [u8], name: Name) -> Option<&'b [u8]> {
        bytes.get(self.values[name as usize].clone()?)
    }

    fn text<'b>(&self, bytes: &'b [u8], name: Name) -> Option<Cow<'b, str>> {
        json::text(self.token(bytes, name)?)
    }

    fn time(&self, bytes: &[u8], name: Name) -> Option<Timestamp> {
        self.text(bytes, name)?.parse().ok()
    }

    fn id(&self, bytes: &[u8]) -> Result<RecordId, RecordErrorKind> {
        if !self.object {
            return Err(RecordErrorKind::NotAnObject);
        }
        let token = [Name::Id, Name::InteractionId, Name::ConversationId]
            .into_iter()
            .find_map(|name| self.token(bytes, name).filter(|&token| token != b"null"));
        read_id(token)
    }

    /// The facts that stand at the top.
    fn own_facts(&self, bytes: &[u8]) -> Facts {
        let owned = |name| self.text(bytes, name).map(Cow::into_owned);
        let time = |names: &[Name]| names.iter().find_map(|name| self.time(bytes, *name));
        let last_message = || {
            let stamp = bytes.get(self.last_stamp.clone()?)?;
            json::text(stamp)?.parse().ok()
        };
        Facts {
            started_at: time(&[Name::StartTime, Name::StartedAt, Name::ConversationStart]),
            ended_at: time(&[Name::EndTime, Name::ConversationEnd]).or_else(last_message),
            media_type: owned(Name::Type),
            direction: owned(Name::Direction).or_else(|| owned(Name::OriginatingDirection)),
            queue: owned(Name::Queue),
            agent: owned(Name::Agent),
            language: owned(Name::Language),
        }
    }

    /// The facts of a payload of a kind, when it was listened to from beginning to end.
    pub(super) fn facts(&self, kind: RecordKind, bytes: &[u8]) -> Facts {
        let mut facts = self.own_facts(bytes);
        if kind == RecordKind::History
            && let Some((first, last)) = self.entities
        {
            facts.started_at = facts.started_at.or(Some(first));
            facts.ended_at = facts.ended_at.or(Some(last));
        }
        if self.is_platform(kind) { self.told_facts(kind, bytes, facts) } else { facts }
    }

    /// The metadata of a payload of a kind, likewise.
    pub(super) fn metadata<'b>(&self, kind: RecordKind, bytes: &'b [u8]) -> Option<Cow<'b, [u8]>> {
        let own = self.token(bytes, Name::Metadata).map(Cow::Borrowed);
        own.or_else(|| self.platform(kind, bytes)?.metadata().map(Cow::Owned))
    }

    /// Whether a payload may be, or hold, a conversation of the platform.
    fn is_platform(&self, kind: RecordKind) -> bool {
        let name = match kind {
            RecordKind::Details => Name::Participants,
            RecordKind::Transcript => Name::Conversation,
            RecordKind::History | RecordKind::Media => return false,
        };
        self.values[name as usize].is_some()
    }

    /// Kept apart, so that the other forms' way stays narrow.
    #[cold]
    fn told_facts(&self, kind: RecordKind, bytes: &[u8], facts: Facts) -> Facts {
        match self.platform(kind, bytes) {
            Some(told) => told.add_to(facts),
            None => facts,
        }
    }

    /// The conversation of the platform that a payload is, or holds. The gateway's conversations are not looked into
    /// again: they have an `id`, and the platform's details a `conversationId`.
    fn platform<'b>(&self, kind: RecordKind, bytes: &'b [u8]) -> Option<Platform<'b>> {
        let gateway =
            self.values[Name::Id as usize].is_some() || self.values[Name::InteractionId as usize].is_some();
        match kind {
            RecordKind::Details if !gateway && self.values[Name::Participants as usize].is_some() => {
                Some(self.told(bytes))
            }
            RecordKind::Transcript => {
                let conversation = self.token(bytes, Name::Conversation)?;
                Some(Outline::of(conversation).ok()?.0.told(conversation))
            }
            _ => None,
        }
    }

    fn told<'b>(&self, bytes: &'b [u8]) -> Platform<'b> {
        let participants = self.token(bytes, Name::Participants).unwrap_or(b"[]");
        Platform::new(self.own_facts(bytes), self.token(bytes, Name::ExternalTag), participants)
    }
}

impl Outline<'_> {
    /// Takes the time of a whole entity into account.
    fn end_entity(&mut self) {
        let Some(stamp) = self.stamp.take() else { return };
        let time = self.gaps.bytes().get(stamp).and_then(json::text).and_then(|text| text.parse().ok());
        if let Some(time) = time {
            self.entities = Some((self.entities.map_or(time, |(first, _)| first), time));
        }
    }
}

impl Sink for Outline<'_> {
    #[inline]
    fn space(&mut self, from: usize, to: usize) {
        self.gaps.space(from, to);
    }

    #[inline]
    fn key_start(&mut self, at: usize, depth: usize) {
        if depth == 1 || depth == 3 {
            self.key_at = at;
        }
    }

    #[inline]
    fn key_end(&mut self, end: usize, depth: usize) {
        match depth {
            1 => self.name = json::with_key(&self.gaps.bytes()[self.key_at + 1..end - 1], Name::of),
            3 if self.in_messages => {
                let key = &self.gaps.bytes()[self.key_at + 1..end - 1];
                self.is_stamp = json::is_key(key, b"timestamp");
            }
            _ => {}
        }
    }

    #[inline]
    fn value_start(&mut self, at: usize, depth: usize, first: u8) {
        match depth {
            0 => self.object = first == b'{',
            1 => {
                self.value_at = at;
                match self.name {
                    Some(Name::Messages) => {
                        self.in_messages = first == b'[';
                        self.last_stamp = None;
                    }
                    Some(Name::Entities) => {
                        self.in_messages = first == b'[';
                        self.entities = None;
                    }
                    _ => {}
                }
            }
            2 if self.in_messages => {
                self.is_stamp = false;
                self.stamp = None;
            }
            3 => self.stamp_at = at,
            _ => {}
        }
    }

    #[inline]
    fn value_end(&mut self, end: usize, depth: usize) {
        match depth {
            1 => {
                if let Some(name) = self.name {
                    self.values[name as usize] = Some(self.value_at..end);
                }
                self.in_messages = false;
            }
            2 if self.in_messages && self.name == Some(Name::Entities) => self.end_entity(),
            2 if self.in_messages => self.last_stamp = self.stamp.take(),
            3 if self.is_stamp => self.stamp = Some(self.stamp_at..end),
            _ => {}
        }
    }
}
