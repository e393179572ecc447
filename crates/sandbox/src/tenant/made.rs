//! Conversations made from (seed, number).

use std::borrow::Cow;

use super::draft::{Draft, Message, write_number};
use super::phrases::{LANGUAGES, Language, SLOTS, TOPICS};
use super::{AGENTS, Head, SOURCES};
use crate::moment::{Moment, write_time};
use crate::random::{Dice, id_origins, mix, unmix_first, unmix_second, write_id};

const MILLI: i64 = 1_000_000;
const FEWEST_MESSAGES: u64 = 4;
const MOST_MESSAGES: u64 = 24;

/// What a stream of random numbers is for: one stream never disturbs another, so the facts of a
/// conversation can be had without its words.
#[derive(Clone, Copy)]
enum Purpose {
    Start = 1,
    Facts,
    Pace,
    Words,
    Id,
    MessageId,
    Kind,
}

/// The maker of conversations.
pub(super) struct Made {
    seed: u64,
    count: u64,
    /// Milliseconds since the epoch.
    first: i64,
    span: u64,
}

/// Everything about a conversation but its words.
pub(super) struct Outline {
    head: Head<'static>,
    language: &'static Language,
    topic: usize,
    /// How many messages it had before any revision.
    messages: u64,
    /// Whether it was handed to a second interaction half way.
    transferred: bool,
    /// When each message was sent, revisions included.
    times: Vec<i64>,
}

impl Made {
    pub(super) fn new(seed: u64, count: u64, from: Moment, to: Moment) -> Self {
        let (first, end) = (from.as_nanos() / MILLI, to.as_nanos() / MILLI);
        Self { seed, count, first, span: u64::try_from(end - first).unwrap_or(1).max(1) }
    }

    pub(super) fn count(&self) -> u64 {
        self.count
    }

    /// The range is cut into equal slots, one a conversation, which starts somewhere in its slot.
    pub(super) fn start(&self, number: u64) -> i64 {
        let edge = |number: u64| {
            let millis = u128::from(self.span) * u128::from(number) / u128::from(self.count.max(1));
            u64::try_from(millis).unwrap_or(u64::MAX)
        };
        let slot = edge(number);
        let within = self.dice(number, Purpose::Start).below(edge(number + 1) - slot);
        (self.first + i64::try_from(slot + within).unwrap_or(i64::MAX)).saturating_mul(MILLI)
    }

    pub(super) fn id(&self, number: u64) -> Vec<u8> {
        let mut dice = self.dice(number, Purpose::Id);
        let mut id = Vec::with_capacity(36);
        write_id(&mut id, dice.roll(), dice.roll());
        id
    }

    /// The way back from [`id`](Self::id): its first half is the first roll of the number's dice.
    pub(super) fn number_of(&self, id: &str) -> Option<u64> {
        let numbers = id_origins(id).map(|roll| {
            let mixed = unmix_first(unmix_first(roll, 1), Purpose::Id as u64);
            unmix_second(mixed, self.seed)
        });
        numbers.filter(|number| *number < self.count).find(|number| self.id(*number) == id.as_bytes())
    }

    /// Which conversations a message with this id can be of: the first half of its id is made from the
    /// conversation's number and the message's place. Those of revisions are not looked for.
    pub(super) fn numbers_of_message(&self, id: uuid::Uuid) -> Vec<u64> {
        let id = id.hyphenated().to_string();
        let origins = (0..MOST_MESSAGES).flat_map(|place| {
            id_origins(&id).map(move |roll| unmix_first(roll, 2 * place)).collect::<Vec<_>>()
        });
        let numbers = origins.map(|ids| unmix_second(unmix_first(ids, Purpose::MessageId as u64), self.seed));
        numbers.filter(|number| *number < self.count).collect()
    }

    pub(super) fn head(&self, number: u64, revisions: u32) -> Head<'static> {
        self.outline(number, revisions).head
    }

    /// Fills `draft` with the conversation's words.
    pub(super) fn draw(&self, number: u64, revisions: u32, draft: &mut Draft) -> Head<'static> {
        let outline = self.outline(number, revisions);
        draft.id = draft.span(|out| out.extend_from_slice(&self.id(number)));
        let mut kinds = self.dice(number, Purpose::Kind);
        if outline.transferred {
            draft.second = usize::try_from(outline.messages / 2).ok();
        }
        let ids = mix(mix(self.seed, number), Purpose::MessageId as u64);
        let mut speaker = Speaker::new(&outline, self.dice(number, Purpose::Words));
        for (index, time) in outline.times.iter().enumerate() {
            let index = index as u64;
            let guest = speaker.is_guest(index);
            let kind = message_kind(&mut kinds, index, guest);
            let message = Message {
                id: draft.span(|out| write_id(out, mix(ids, 2 * index), mix(ids, 2 * index + 1))),
                guest,
                kind: draft.span(|out| out.extend_from_slice(kind.as_bytes())),
                text: draft.span(|out| speaker.say(index, guest, out)),
                timestamp: draft.span(|out| write_time(out, *time)),
            };
            draft.messages.push(message);
        }
        outline.head
    }

    fn dice(&self, number: u64, purpose: Purpose) -> Dice {
        Dice::new(self.seed, number, purpose as u64)
    }

    fn outline(&self, number: u64, revisions: u32) -> Outline {
        let mut dice = self.dice(number, Purpose::Facts);
        let topic = dice.index(TOPICS.len());
        let language = &LANGUAGES[if dice.percent(55) { 0 } else { dice.index(LANGUAGES.len()) }];
        let kind = if dice.percent(80) { "message" } else { dice.pick(&["voice", "email"]) };
        let direction = if kind == "voice" && dice.percent(30) { "outbound" } else { "inbound" };
        let agent = 1 + dice.below(AGENTS);
        let source = dice.pick(&SOURCES);
        let services = dice.pick(TOPICS[topic].services);
        let messages = FEWEST_MESSAGES + dice.below(MOST_MESSAGES - FEWEST_MESSAGES + 1);
        let transferred = messages >= 8 && dice.percent(12);
        let start = self.start(number);
        let times = self.times(number, start, messages, revisions);
        let head = Head {
            kind,
            direction,
            start,
            end: times.last().copied().unwrap_or(start),
            queue: TOPICS[topic].queue,
            agent,
            language: language.tag,
            services: Cow::Borrowed(services),
            source,
        };
        Outline { head, language, topic, messages, transferred, times }
    }

    /// People take 1 to 45 s to answer; whoever adds a message later comes back after hours.
    fn times(&self, number: u64, start: i64, messages: u64, revisions: u32) -> Vec<i64> {
        let mut pace = self.dice(number, Purpose::Pace);
        let mut time = start;
        let mut gap = |shortest: u64, longest: u64| {
            let millis = shortest + pace.below(longest - shortest);
            time = time.saturating_add(i64::try_from(millis).unwrap_or(0) * MILLI);
            time
        };
        let mut times: Vec<i64> = (0..messages).map(|_| gap(1_200, 45_000)).collect();
        times.extend((0..revisions).map(|_| gap(3_600_000, 36_000_000)));
        times
    }
}

impl Outline {
    /// Of a conversation that is still going on, in English.
    pub(super) fn endless(seed: u64, start: i64) -> Self {
        let mut dice = Dice::new(seed, 0, Purpose::Facts as u64);
        let topic = dice.index(TOPICS.len());
        let head = Head {
            kind: "message",
            direction: "inbound",
            start,
            end: start,
            queue: TOPICS[topic].queue,
            agent: 1 + dice.below(AGENTS),
            language: LANGUAGES[0].tag,
            services: Cow::Borrowed(TOPICS[topic].services[0]),
            source: SOURCES[0],
        };
        let language = &LANGUAGES[0];
        Self { head, language, topic, messages: u64::MAX, transferred: false, times: Vec::new() }
    }
}

/// Guests show pictures and agents send papers, each with the words that go with it; the first word is
/// always a word.
pub(super) fn message_kind(dice: &mut Dice, index: u64, guest: bool) -> &'static str {
    match (dice.below(100), guest) {
        _ if index == 0 => "text",
        (..8, true) | (..2, false) => "image",
        (8..11, true) | (2..9, false) => "file",
        (11..15, true) => "button",
        _ => "text",
    }
}

/// Who says what, message by message.
pub(super) struct Speaker<'a> {
    outline: &'a Outline,
    dice: Dice,
    /// The exchanges of the topic and the general ones, taken in an order of their own.
    offset: usize,
    step: usize,
    order_number: u64,
    name: &'static str,
    city: &'static str,
}

impl<'a> Speaker<'a> {
    pub(super) fn new(outline: &'a Outline, mut dice: Dice) -> Self {
        let exchanges = outline.language.exchanges(outline.topic);
        Self {
            outline,
            offset: dice.index(exchanges),
            // The number of exchanges is a prime, so every step visits all of them (tested).
            step: 1 + dice.index(exchanges - 1),
            order_number: 100_000 + dice.below(900_000),
            name: dice.pick(&SLOTS.names),
            city: dice.pick(&SLOTS.cities),
            dice,
        }
    }

    /// Guest and agent take turns; who comes back later is the guest.
    fn is_guest(&self, index: u64) -> bool {
        index.is_multiple_of(2) || index >= self.outline.messages
    }

    pub(super) fn say(&mut self, index: u64, guest: bool, out: &mut Vec<u8>) {
        let language = self.outline.language;
        let left = self.outline.messages.saturating_sub(index);
        let template = match index {
            0 => self.dice.pick(language.topics[self.outline.topic].openings),
            1 => self.dice.pick(language.greetings),
            _ if left == 0 => self.dice.pick(language.returns),
            _ if left <= 2 && guest => self.dice.pick(language.thanks),
            _ if left == 1 => self.dice.pick(language.goodbyes),
            _ => {
                let turn = usize::try_from(index / 2 - 1).unwrap_or(0);
                let exchanges = language.exchanges(self.outline.topic);
                let (question, answer) = language
                    .exchange(self.outline.topic, (self.offset + turn % exchanges * self.step) % exchanges);
                if guest { question } else { answer }
            }
        };
        self.fill(template, out);
        if guest && self.dice.percent(9) {
            out.push(b' ');
            out.extend_from_slice(self.dice.pick(&SLOTS.emoji).as_bytes());
        }
    }

    /// Copies a template and fills its slots. Templates and fillings need no escaping (tested).
    fn fill(&mut self, template: &str, out: &mut Vec<u8>) {
        let mut rest = template;
        while let Some((before, slot)) = rest.split_once('{') {
            out.extend_from_slice(before.as_bytes());
            let (name, after) = slot.split_once('}').unwrap_or((slot, ""));
            match name {
                "order" => write_number(out, self.order_number),
                "name" => out.extend_from_slice(self.name.as_bytes()),
                "city" => out.extend_from_slice(self.city.as_bytes()),
                "amount" => {
                    write_number(out, 5 + self.dice.below(395));
                    out.extend_from_slice(self.dice.pick(&[".00", ".50", ".90", ".99"]).as_bytes());
                }
                // "day", and the tests see to it that there is no other.
                _ => write_number(out, 1 + self.dice.below(28)),
            }
            rest = after;
        }
        out.extend_from_slice(rest.as_bytes());
    }
}
