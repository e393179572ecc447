//! What the participants of a platform conversation say: the medium, where it was routed, who took it, its attributes.

use std::ops::Range;

use crate::json::{self, Machine, Sink};

/// What is read of `participants`, in either of the forms the platform has: with `sessions` and their `segments`
/// (platform contract C.9), or with communications below one array for each medium (C.4.1). All of it are places in the
/// array that was read.
#[derive(Debug, Default)]
pub(super) struct Participants {
    /// The medium of the first session or communication.
    pub(super) medium: Option<Medium>,
    /// Its kind of messaging, such as `webmessaging`.
    pub(super) message_type: Option<Range<usize>>,
    /// Its direction.
    pub(super) direction: Option<Range<usize>>,
    /// The queue's name, or where none is told its id: of who took it, else of the first agent, else of anybody.
    pub(super) queue: Option<Range<usize>>,
    /// The queue's id, chosen alike.
    pub(super) queue_id: Option<Range<usize>>,
    /// The user who took it, else the first who was asked.
    pub(super) agent: Option<Range<usize>>,
    /// Keys and values of all attributes; of a key that several participants have, the first one's.
    pub(super) attributes: Vec<(Range<usize>, Range<usize>)>,
}

/// How a medium is told.
#[derive(Debug, Clone)]
pub(super) enum Medium {
    /// By a value.
    Told(Range<usize>),
    /// By the name of the array it is in.
    Named(&'static str),
}

impl Participants {
    /// Reads the array; whatever else it is has nothing.
    pub(super) fn of(array: &[u8]) -> Self {
        let mut reading = Reading::new(array);
        let mut machine = Machine::new();
        if machine.push(array, &mut reading).and_then(|()| machine.finish()).is_err() {
            return Self::default();
        }
        reading.found.said
    }
}

/// The members of a participant that mean something here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Member {
    Purpose,
    UserId,
    QueueId,
    QueueName,
    Attributes,
    Sessions,
    /// Communications of one medium, by the name C.9 has for it.
    Communications(&'static str),
}

impl Member {
    fn of(key: &[u8]) -> Option<Self> {
        Some(match key {
            b"purpose" => Self::Purpose,
            b"userId" => Self::UserId,
            b"queueId" => Self::QueueId,
            b"queueName" => Self::QueueName,
            b"attributes" => Self::Attributes,
            b"sessions" => Self::Sessions,
            b"messages" => Self::Communications("message"),
            b"calls" => Self::Communications("voice"),
            b"callbacks" => Self::Communications("callback"),
            b"chats" => Self::Communications("chat"),
            b"cobrowsesessions" => Self::Communications("cobrowse"),
            b"emails" => Self::Communications("email"),
            b"internalMessages" => Self::Communications("internalmessage"),
            b"screenshares" => Self::Communications("screenshare"),
            b"videos" => Self::Communications("video"),
            _ => return None,
        })
    }
}

/// The members of a session or a communication that mean something here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum LegMember {
    MediaType,
    MessageType,
    Type,
    Direction,
    Connected,
    Segments,
}

impl LegMember {
    fn of(key: &[u8]) -> Option<Self> {
        Some(match key {
            b"mediaType" => Self::MediaType,
            b"messageType" => Self::MessageType,
            b"type" => Self::Type,
            b"direction" => Self::Direction,
            b"connectedTime" => Self::Connected,
            b"segments" => Self::Segments,
            _ => return None,
        })
    }
}

/// A session or a communication.
#[derive(Debug, Clone, Default)]
struct Leg {
    medium: Option<Medium>,
    message_type: Option<Range<usize>>,
    direction: Option<Range<usize>>,
}

/// The participant in progress.
#[derive(Debug, Default)]
struct Participant {
    agent: bool,
    /// Whether somebody was connected through it.
    took: bool,
    user: Option<Range<usize>>,
    queue_id: Option<Range<usize>>,
    queue_name: Option<Range<usize>>,
    segment_queue: Option<Range<usize>>,
    first: Option<Leg>,
    attributes: Vec<(Range<usize>, Range<usize>)>,
}

/// What was found in whole participants, with how good a witness of the queue and of the agent there was.
#[derive(Debug, Default)]
struct Found {
    said: Participants,
    leg: bool,
    queue: u8,
    agent: u8,
}

/// Listens to the array.
struct Reading<'a> {
    bytes: &'a [u8],
    found: Found,
    participant: Participant,
    member: Option<Member>,
    /// Whether the value of the member in progress is a list of legs, or the map of the attributes.
    in_legs: bool,
    in_attributes: bool,
    leg: Leg,
    leg_member: Option<LegMember>,
    in_segments: bool,
    segment_member: Option<SegmentMember>,
    key_at: usize,
    key: Range<usize>,
    value_at: usize,
    /// Whether the value in progress is a string, and whether it is a scalar that is not null.
    text: bool,
    scalar: bool,
}

/// The members of a segment that mean something here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SegmentMember {
    QueueId,
    Type,
}

impl SegmentMember {
    fn of(key: &[u8]) -> Option<Self> {
        Some(match key {
            b"queueId" => Self::QueueId,
            b"segmentType" => Self::Type,
            _ => return None,
        })
    }
}

impl<'a> Reading<'a> {
    fn new(bytes: &'a [u8]) -> Self {
        Self {
            bytes,
            found: Found::default(),
            participant: Participant::default(),
            member: None,
            in_legs: false,
            in_attributes: false,
            leg: Leg::default(),
            leg_member: None,
            in_segments: false,
            segment_member: None,
            key_at: 0,
            key: 0..0,
            value_at: 0,
            text: false,
            scalar: false,
        }
    }

    fn key_of<T>(&self, end: usize, of: impl Fn(&[u8]) -> Option<T>) -> Option<T> {
        json::with_key(&self.bytes[self.key_at + 1..end - 1], of)
    }

    /// The value that ends here, where it is a text.
    fn told(&self, end: usize) -> Option<Range<usize>> {
        self.text.then_some(self.value_at..end)
    }

    fn is(&self, end: usize, words: &[&str]) -> bool {
        self.told(end)
            .and_then(|token| json::text(&self.bytes[token]))
            .is_some_and(|text| words.contains(&&*text))
    }

    fn end_member(&mut self, end: usize) {
        let told = self.told(end);
        match self.member {
            Some(Member::Purpose) => self.participant.agent = self.is(end, &["agent", "user"]),
            Some(Member::UserId) => self.participant.user = told,
            Some(Member::QueueId) => self.participant.queue_id = told,
            Some(Member::QueueName) => self.participant.queue_name = told,
            _ => {}
        }
        (self.in_legs, self.in_attributes, self.member) = (false, false, None);
    }

    fn end_leg_member(&mut self, end: usize) {
        let told = self.told(end);
        match self.leg_member {
            Some(LegMember::MediaType) => self.leg.medium = told.map(Medium::Told),
            Some(LegMember::MessageType | LegMember::Type) => self.leg.message_type = told,
            Some(LegMember::Direction) => self.leg.direction = told,
            Some(LegMember::Connected) => self.participant.took |= told.is_some(),
            Some(LegMember::Segments) | None => {}
        }
        (self.in_segments, self.leg_member) = (false, None);
    }

    fn end_leg(&mut self) {
        let mut leg = std::mem::take(&mut self.leg);
        if let Some(Member::Communications(medium)) = self.member {
            leg.medium = Some(Medium::Named(medium));
        }
        self.participant.first.get_or_insert(leg);
    }

    fn end_segment_member(&mut self, end: usize) {
        match self.segment_member.take() {
            Some(SegmentMember::QueueId) => {
                let told = self.told(end);
                self.participant.segment_queue = self.participant.segment_queue.take().or(told);
            }
            Some(SegmentMember::Type) => self.participant.took |= self.is(end, &["interact"]),
            None => {}
        }
    }

    fn end_participant(&mut self) {
        let Participant { agent, took, user, queue_id, queue_name, segment_queue, first, attributes } =
            std::mem::take(&mut self.participant);
        let Found { said, leg, queue: queue_witness, agent: agent_witness } = &mut self.found;
        if let (false, Some(first)) = (*leg, first) {
            *leg = true;
            (said.medium, said.message_type, said.direction) =
                (first.medium, first.message_type, first.direction);
        }
        let witness = match (agent, took) {
            (true, true) => 3,
            (true, false) => 2,
            (false, _) => 1,
        };
        let queue_id = segment_queue.or(queue_id);
        if witness > *queue_witness && (queue_id.is_some() || queue_name.is_some()) {
            *queue_witness = witness;
            said.queue = queue_name.or_else(|| queue_id.clone());
            said.queue_id = queue_id;
        }
        if agent && witness > *agent_witness && user.is_some() {
            *agent_witness = witness;
            said.agent = user;
        }
        for (key, value) in attributes {
            let name = json::text(&self.bytes[key.clone()]);
            let known =
                said.attributes.iter().any(|(known, _)| json::text(&self.bytes[known.clone()]) == name);
            if !known {
                said.attributes.push((key, value));
            }
        }
    }
}

impl Sink for Reading<'_> {
    fn key_start(&mut self, at: usize, _: usize) {
        self.key_at = at;
    }

    fn key_end(&mut self, end: usize, depth: usize) {
        match depth {
            2 => self.member = self.key_of(end, Member::of),
            3 if self.in_attributes => self.key = self.key_at..end,
            4 if self.in_legs => self.leg_member = self.key_of(end, LegMember::of),
            6 if self.in_segments => self.segment_member = self.key_of(end, SegmentMember::of),
            _ => {}
        }
    }

    fn value_start(&mut self, at: usize, depth: usize, first: u8) {
        (self.value_at, self.text) = (at, first == b'"');
        self.scalar = !matches!(first, b'{' | b'[' | b'n');
        match depth {
            1 => (self.participant, self.member) = (Participant::default(), None),
            2 => match self.member {
                // The last of several members counts.
                Some(Member::Attributes) => {
                    self.in_attributes = first == b'{';
                    self.participant.attributes.clear();
                }
                Some(Member::Sessions | Member::Communications(_)) => self.in_legs = first == b'[',
                _ => {}
            },
            3 => (self.leg, self.leg_member) = (Leg::default(), None),
            4 => self.in_segments = self.leg_member == Some(LegMember::Segments) && first == b'[',
            5 => self.segment_member = None,
            _ => {}
        }
    }

    fn value_end(&mut self, end: usize, depth: usize) {
        match depth {
            1 => self.end_participant(),
            2 => self.end_member(end),
            3 if self.in_attributes && self.scalar => {
                self.participant.attributes.push((self.key.clone(), self.value_at..end));
            }
            3 if self.in_legs => self.end_leg(),
            4 if self.in_legs => self.end_leg_member(end),
            6 if self.in_segments => self.end_segment_member(end),
            _ => {}
        }
        // What ends after this one is what it is in.
        (self.text, self.scalar) = (false, false);
    }
}
