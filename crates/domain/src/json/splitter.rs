//! A page taken apart while it arrives: the elements of one array, and the rest.

use super::{JsonError, JsonFault, Machine, Sink, text};

/// The largest element of a page, compacted: 64 MiB, as large as a body may be (contract §7).
pub const MAX_ELEMENT_BYTES: usize = 64 << 20;

/// The most that the keys and values beside the array may have together, compacted: 4 MiB. Each counts 64 bytes more
/// than it has, so that a million empty ones are not free.
pub const MAX_TAIL_BYTES: usize = 4 << 20;

const MEMBER_BYTES: usize = 64;

/// Reads `{"<array_key>": [e1, e2, …], …}` in whatever chunks it comes and hands out each element of the array, compacted,
/// as soon as it is whole.
///
/// Holds the element in progress, and the other members for the end: never the page. When the key stands there
/// twice, the elements of both arrays are handed out: an element that came is never dropped. However the text is cut
/// into chunks, elements, tail and error are the same.
///
/// ```
/// use frontdesk_domain::json::Splitter;
///
/// let mut splitter = Splitter::new("conversations");
/// let mut elements = Vec::new();
/// splitter.push(br#"{"conversations": [{"id": 1}, {"i"#, &mut elements)?;
/// assert_eq!(elements, [br#"{"id":1}"#]);
/// splitter.push(br#"d": 2}], "nextPage": "p2"}"#, &mut elements)?;
/// assert_eq!(elements[1], br#"{"id":2}"#);
///
/// let tail = splitter.finish()?;
/// assert!(tail.array_present);
/// assert_eq!(tail.value("nextPage"), Some(&br#""p2""#[..]));
/// # Ok::<(), frontdesk_domain::json::JsonError>(())
/// ```
#[derive(Debug)]
pub struct Splitter {
    machine: Machine,
    parts: Parts,
}

/// What is left of a page when its elements are handed out.
#[derive(Clone, PartialEq, Eq)]
pub struct Tail {
    /// Whether the top-level value is an object.
    pub object: bool,
    /// Whether the array was there. Without it there were no elements, which is not the same as an empty page.
    pub array_present: bool,
    /// The other top-level members in their order, values compacted; also the array's key where its value is no
    /// array. Keys are read: escapes resolved.
    pub members: Vec<(String, Vec<u8>)>,
}

impl Tail {
    /// The value of the member called `name`, compacted JSON. Of several, the last.
    #[must_use]
    pub fn value(&self, name: &str) -> Option<&[u8]> {
        self.members.iter().rev().find(|(key, _)| key == name).map(|(_, value)| value.as_slice())
    }
}

impl std::fmt::Debug for Tail {
    /// Names the members without their values: those are a customer's.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tail")
            .field("object", &self.object)
            .field("array_present", &self.array_present)
            .field("members", &self.members.iter().map(|(key, _)| key).collect::<Vec<_>>())
            .finish()
    }
}

impl Splitter {
    /// A splitter for the array that is the member `array_key` of the top-level object.
    #[must_use]
    pub fn new(array_key: &'static str) -> Self {
        Self { machine: Machine::new(), parts: Parts::new(array_key) }
    }

    /// Reads one more chunk and appends the elements it completes to `out`, compacted and in their order.
    ///
    /// # Errors
    ///
    /// [`JsonError`] for the first fault; elements that were whole before it are in `out`. After an error the
    /// splitter only repeats it.
    pub fn push(&mut self, chunk: &[u8], out: &mut Vec<Vec<u8>>) -> Result<(), JsonError> {
        if let Some(error) = self.parts.error {
            return Err(error);
        }
        let before = self.machine.offset();
        let mut feed = Feed { chunk, before, copied: 0, parts: &mut self.parts, out };
        let read = self.machine.push(chunk, &mut feed);
        // Up to a fault in the syntax everything counts: a part may have grown too large before it.
        let end = read.as_ref().map_or_else(|error| (error.offset - before) as usize, |()| chunk.len());
        feed.copy_to(end);
        if let Err(error) = read {
            self.parts.error.get_or_insert(error);
        }
        self.parts.error.map_or(Ok(()), Err)
    }

    /// Ends the page.
    ///
    /// # Errors
    ///
    /// [`JsonError`] when the text is not whole, or was refused before.
    pub fn finish(self) -> Result<Tail, JsonError> {
        if let Some(error) = self.parts.error {
            return Err(error);
        }
        self.machine.finish()?;
        let Parts { object, array_present, members, .. } = self.parts;
        Ok(Tail { object, array_present, members })
    }
}

/// The part of the page that is being copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    None,
    Key,
    Member,
    Element,
}

/// What is kept between chunks.
struct Parts {
    array_key: &'static str,
    object: bool,
    array_present: bool,
    /// Whether the machine is in the array.
    in_array: bool,
    part: Part,
    /// The part in progress, compacted.
    buffer: Vec<u8>,
    /// The key of the member in progress.
    key: String,
    members: Vec<(String, Vec<u8>)>,
    /// Bytes of all finished keys and members.
    tail_bytes: usize,
    error: Option<JsonError>,
}

impl std::fmt::Debug for Parts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Parts")
            .field("array_key", &self.array_key)
            .field("part", &self.part)
            .field("buffered_bytes", &self.buffer.len())
            .field("error", &self.error)
            .finish_non_exhaustive()
    }
}

impl Parts {
    fn new(array_key: &'static str) -> Self {
        Self {
            array_key,
            object: false,
            array_present: false,
            in_array: false,
            part: Part::None,
            buffer: Vec::new(),
            key: String::new(),
            members: Vec::new(),
            tail_bytes: 0,
            error: None,
        }
    }

    /// How many bytes the part in progress may still grow by, and the limit that says so.
    fn room(&self) -> (usize, usize) {
        match self.part {
            Part::Element => (MAX_ELEMENT_BYTES - self.buffer.len(), MAX_ELEMENT_BYTES),
            _ => (MAX_TAIL_BYTES.saturating_sub(self.tail_bytes + self.buffer.len()), MAX_TAIL_BYTES),
        }
    }

    /// Takes the part in progress out of the buffer, without the slack it may have grown by.
    fn take(&mut self) -> Vec<u8> {
        self.part = Part::None;
        let mut bytes = std::mem::take(&mut self.buffer);
        if bytes.capacity() - bytes.len() > bytes.len() / 4 {
            bytes.shrink_to_fit();
        }
        bytes
    }
}

/// One chunk on its way.
struct Feed<'a> {
    chunk: &'a [u8],
    /// Bytes of the chunks before.
    before: u64,
    /// Up to where the chunk is copied or left out.
    copied: usize,
    parts: &'a mut Parts,
    out: &'a mut Vec<Vec<u8>>,
}

impl Feed<'_> {
    /// Copies up to `end` into the part in progress, if there is one.
    fn copy_to(&mut self, end: usize) {
        let from = std::mem::replace(&mut self.copied, end);
        if self.parts.part == Part::None || self.parts.error.is_some() {
            return;
        }
        let (room, limit) = self.parts.room();
        if end - from > room {
            let offset = self.before + (from + room) as u64;
            self.parts.error = Some(JsonError { offset, fault: JsonFault::TooLarge { limit: limit as u64 } });
            self.parts.buffer = Vec::new();
            return;
        }
        self.parts.buffer.extend_from_slice(&self.chunk[from..end]);
    }

    fn start(&mut self, at: usize, part: Part) {
        self.copied = at;
        self.parts.part = part;
    }
}

impl Sink for Feed<'_> {
    #[inline]
    fn space(&mut self, from: usize, to: usize) {
        if self.parts.part != Part::None {
            self.copy_to(from);
            self.copied = to;
        }
    }

    #[inline]
    fn key_start(&mut self, at: usize, depth: usize) {
        if depth == 1 {
            self.start(at, Part::Key);
        }
    }

    #[inline]
    fn key_end(&mut self, end: usize, depth: usize) {
        if depth != 1 {
            return;
        }
        self.copy_to(end);
        let key = self.parts.take();
        self.parts.key = text(&key).unwrap_or_default().into_owned();
    }

    #[inline]
    fn value_start(&mut self, at: usize, depth: usize, first: u8) {
        match depth {
            0 => self.parts.object = first == b'{',
            1 if !self.parts.object => {}
            1 if first == b'[' && self.parts.key == self.parts.array_key => {
                self.parts.array_present = true;
                self.parts.in_array = true;
            }
            1 => {
                self.parts.tail_bytes += self.parts.key.len() + MEMBER_BYTES;
                self.start(at, Part::Member);
            }
            2 if self.parts.in_array => self.start(at, Part::Element),
            _ => {}
        }
    }

    #[inline]
    fn value_end(&mut self, end: usize, depth: usize) {
        match (depth, self.parts.part) {
            (1, Part::Member) => {
                self.copy_to(end);
                let value = self.parts.take();
                if self.parts.error.is_none() {
                    self.parts.tail_bytes += value.len();
                    let key = std::mem::take(&mut self.parts.key);
                    self.parts.members.push((key, value));
                }
            }
            (1, _) => self.parts.in_array = false,
            (2, Part::Element) => {
                self.copy_to(end);
                let element = self.parts.take();
                if self.parts.error.is_none() {
                    self.out.push(element);
                }
            }
            _ => {}
        }
    }
}
