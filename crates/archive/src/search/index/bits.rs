//! Sets of a file's documents as a bit each: what many lists and sets are united in.

use roaring::RoaringBitmap;

use super::blocks::{Fault, Result, Span, Window};

/// Documents of which the bits lie in one container of a serialised set.
const CONTAINER: usize = 1 << 16;

/// Members up to which a container is a list of them.
const LISTED: usize = 4096;

/// Members that are handed on at once. A whole part of a container.
const PIECE: usize = LISTED;

/// How a serialised set without containers of runs begins. Postings have none: they are made from bits.
const PLAIN: u32 = 12_346;

const OUTSIDE: Fault = Fault::Damaged("a document lies beyond the last");
const MALFORMED: Fault = Fault::Damaged("a set cannot be understood");

/// A set of the documents of one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Bits {
    documents: u32,
    /// The lowest bit of the first byte is document 0. As many bytes as whole containers have.
    bytes: Vec<u8>,
}

impl Bits {
    pub(super) fn new(documents: u32) -> Self {
        Self { documents, bytes: vec![0; (documents as usize).next_multiple_of(64) / 8] }
    }

    /// Bytes of memory.
    pub(super) fn memory(&self) -> usize {
        self.bytes.len()
    }

    pub(super) fn clear(&mut self) {
        self.bytes.fill(0);
    }

    #[inline]
    pub(super) fn insert(&mut self, document: u32) -> Result<()> {
        if document >= self.documents {
            return Err(OUTSIDE);
        }
        self.bytes[document as usize / 8] |= 1 << (document % 8);
        Ok(())
    }

    pub(super) fn unite(&mut self, other: &Self) {
        unite(&mut self.bytes, &other.bytes);
    }

    /// Adds what a set in its portable serialisation has: as it lies there, without making a set of it first.
    pub(super) fn unite_serialized(&mut self, bytes: &[u8]) -> Result<()> {
        containers(bytes, |base, container| match container {
            Container::List(members) => members.iter().try_for_each(|member| {
                self.insert(base.saturating_add(u32::from(u16::from_le_bytes(*member))))
            }),
            Container::Bits(container) => {
                let bits = self.bytes.get_mut(base as usize / 8..).ok_or(OUTSIDE)?;
                let (inside, outside) = container.split_at(bits.len().min(container.len()));
                if outside.iter().any(|byte| *byte != 0) {
                    return Err(OUTSIDE);
                }
                unite(bits, inside);
                Ok(())
            }
        })
    }

    /// Appends the set in its portable serialisation.
    ///
    /// Not by way of `RoaringBitmap::from_lsb0_bytes`: of bits with exactly 4096 members roaring 0.11 makes a container
    /// that it writes as bits and everybody reads as a list.
    pub(super) fn serialize(&self, out: &mut Vec<u8>) {
        let containers = || {
            let containers = self.bytes.chunks(CONTAINER / 8).enumerate();
            containers.filter_map(|(key, bits)| match count(bits) {
                0 => None,
                members => Some((key as u16, bits, members)),
            })
        };
        let how_many = containers().count();
        out.extend_from_slice(&PLAIN.to_le_bytes());
        out.extend_from_slice(&(how_many as u32).to_le_bytes());
        for (key, _, members) in containers() {
            out.extend_from_slice(&key.to_le_bytes());
            out.extend_from_slice(&((members - 1) as u16).to_le_bytes());
        }
        let mut offset = 8 + 8 * how_many;
        for (_, _, members) in containers() {
            out.extend_from_slice(&(offset as u32).to_le_bytes());
            offset += container_length(members);
        }
        for (_, bits, members) in containers() {
            if members <= LISTED {
                each_bit(bits, |member| out.extend_from_slice(&(member as u16).to_le_bytes()));
            } else {
                out.extend_from_slice(bits);
                out.resize(out.len() + CONTAINER / 8 - bits.len(), 0);
            }
        }
    }

    /// The set; damage when it has a document that the file has not.
    pub(super) fn into_set(self) -> Result<RoaringBitmap> {
        let mut bytes = Vec::new();
        self.serialize(&mut bytes);
        let set = RoaringBitmap::deserialize_from(&bytes[..]).map_err(|_| MALFORMED)?;
        if set.max().is_some_and(|last| last >= self.documents) { Err(OUTSIDE) } else { Ok(set) }
    }
}

/// Calls `each` with what a set in its portable serialisation has, in order, in pieces that fit into `room`: of 4,096
/// members, however many there are.
pub(super) fn pieces_of_serialized(
    bytes: &[u8],
    room: &mut Vec<u32>,
    each: &mut dyn FnMut(&[u32]) -> Result<()>,
) -> Result<()> {
    containers(bytes, |base, container| match container {
        Container::List(members) => {
            room.clear();
            room.extend(members.iter().map(|member| base | u32::from(u16::from_le_bytes(*member))));
            each(room)
        }
        Container::Bits(bits) => (0..).zip(bits.chunks(PIECE / 8)).try_for_each(|(at, bits)| {
            room.clear();
            let base = base | (at * PIECE as u32);
            each_bit(bits, |member| room.push(base | member));
            each(room)
        }),
    })
}

/// A set in its portable serialisation that is read where it lies in a file, container by container and no further than
/// it is asked.
pub(super) struct SetReader<'f> {
    window: Window<'f>,
    /// For each container its first possible member, how many it has, and where it lies.
    containers: Vec<(u32, usize, Span)>,
    /// Those before it have nothing more to say.
    at: usize,
}

impl<'f> SetReader<'f> {
    /// The set that lies in `span`.
    pub(super) fn new(mut window: Window<'f>, span: Span) -> Result<Self> {
        let head: [u8; 8] = window.array(span, 0)?;
        let [cookie, count] =
            [head.first_chunk(), head.last_chunk()].map(|four| four.copied().map_or(0, u32::from_le_bytes));
        if cookie != PLAIN || count > CONTAINER as u32 {
            return Err(MALFORMED);
        }
        let keys = window.read(span.within(8, u64::from(count) * 4)?)?;
        // They follow each other behind the keys and the places, which nobody needs who adds up lengths.
        let mut place = 8 + u64::from(count) * 8;
        let mut containers = Vec::with_capacity(keys.len() / 4);
        for [low, high, fewer, fewer_high] in keys.as_chunks::<4>().0 {
            let base = u32::from(u16::from_le_bytes([*low, *high])) << 16;
            let members = usize::from(u16::from_le_bytes([*fewer, *fewer_high])) + 1;
            let length = container_length(members) as u64;
            containers.push((base, members, span.within(place, length)?));
            place += length;
        }
        Ok(Self { window, containers, at: 0 })
    }

    /// The first member that is not less than `least`, which is never less than the one before.
    pub(super) fn from(&mut self, least: u32) -> Result<Option<u32>> {
        while let Some(&(base, members, span)) = self.containers.get(self.at) {
            if base.saturating_add(CONTAINER as u32 - 1) >= least {
                let low = least.saturating_sub(base) as usize;
                let bytes = self.window.read(span)?;
                let found = if members <= LISTED {
                    let members = bytes.as_chunks::<2>().0;
                    let at = members.partition_point(|member| usize::from(u16::from_le_bytes(*member)) < low);
                    members.get(at).map(|member| u32::from(u16::from_le_bytes(*member)))
                } else {
                    first_bit(bytes, low)
                };
                if let Some(member) = found {
                    return Ok(Some(base | member));
                }
            }
            self.at += 1;
        }
        Ok(None)
    }
}

/// The first bit that is set from `low` on.
fn first_bit(bits: &[u8], low: usize) -> Option<u32> {
    let words = bits.as_chunks::<8>().0;
    let mut at = low / 64;
    let mut word = u64::from_le_bytes(*words.get(at)?) & (u64::MAX << (low % 64));
    while word == 0 {
        at += 1;
        word = u64::from_le_bytes(*words.get(at)?);
    }
    Some(64 * at as u32 + word.trailing_zeros())
}

/// The members of a set that share their upper half.
enum Container<'b> {
    /// Their lower halves, in order.
    List(&'b [[u8; 2]]),
    /// A bit for each that could be there.
    Bits(&'b [u8]),
}

/// Calls `each` with the first possible member of each container, and the container.
fn containers<'b>(bytes: &'b [u8], mut each: impl FnMut(u32, Container<'b>) -> Result<()>) -> Result<()> {
    let (cookie, rest) = bytes.split_first_chunk::<4>().ok_or(MALFORMED)?;
    if u32::from_le_bytes(*cookie) != PLAIN {
        return Err(MALFORMED);
    }
    let (count, rest) = rest.split_first_chunk::<4>().ok_or(MALFORMED)?;
    let size = (u32::from_le_bytes(*count) as usize).checked_mul(4).ok_or(MALFORMED)?;
    let (keys, rest) = rest.split_at_checked(size).ok_or(MALFORMED)?;
    // Where each container begins; they follow each other, so that nobody needs it who reads all.
    let (_, mut rest) = rest.split_at_checked(size).ok_or(MALFORMED)?;
    for [low, high, fewer, fewer_high] in keys.as_chunks::<4>().0 {
        let base = u32::from(u16::from_le_bytes([*low, *high])) << 16;
        let members = usize::from(u16::from_le_bytes([*fewer, *fewer_high])) + 1;
        let (container, behind) = rest.split_at_checked(container_length(members)).ok_or(MALFORMED)?;
        rest = behind;
        each(
            base,
            if members <= LISTED {
                Container::List(container.as_chunks().0)
            } else {
                Container::Bits(container)
            },
        )?;
    }
    Ok(())
}

/// Bytes of a container.
fn container_length(members: usize) -> usize {
    if members <= LISTED { 2 * members } else { CONTAINER / 8 }
}

fn count(bits: &[u8]) -> usize {
    bits.as_chunks::<8>().0.iter().map(|word| u64::from_le_bytes(*word).count_ones() as usize).sum()
}

fn each_bit(bits: &[u8], mut each: impl FnMut(u32)) {
    for (at, word) in bits.as_chunks::<8>().0.iter().enumerate() {
        let mut word = u64::from_le_bytes(*word);
        while word != 0 {
            each(64 * at as u32 + word.trailing_zeros());
            word &= word - 1;
        }
    }
}

fn unite(bits: &mut [u8], others: &[u8]) {
    bits.iter_mut().zip(others).for_each(|(bits, others)| *bits |= others);
}

#[cfg(test)]
mod tests {
    use frontdesk_durable::Dir;
    use frontdesk_durable::testing::MemoryDir;
    use proptest::prelude::*;

    use super::super::blocks::{BlockWriter, Blocks};
    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn what_is_united_is_what_the_sets_have(
            documents in 1..200_000_u32,
            sets in proptest::collection::vec((prop_oneof![1..9_000_usize, 4_090..4_100_usize], 1..70_u32, any::<u32>()), 0..5),
        ) {
            let (mut bits, mut expected) = (Bits::new(documents), RoaringBitmap::new());
            for (count, step, start) in sets {
                let members = (0..count as u32).map(|n| (start % documents).saturating_add(n * step));
                let set: RoaringBitmap = members.take_while(|member| *member < documents).collect();
                let mut bytes = Vec::new();
                set.serialize_into(&mut bytes).unwrap();
                bits.unite_serialized(&bytes).unwrap();
                prop_assert!(bits.clone().unite_serialized(&bytes[..bytes.len() - 1]).is_err());
                let mut listed = Vec::new();
                let mut longest = 0;
                pieces_of_serialized(&bytes, &mut Vec::new(), &mut |piece| {
                    longest = longest.max(piece.len());
                    listed.extend_from_slice(piece);
                    Ok(())
                })
                .unwrap();
                prop_assert!(longest <= PIECE);
                prop_assert!(set.iter().eq(listed));
                let mut alone = Bits::new(documents);
                alone.unite_serialized(&bytes).unwrap();
                let mut again = Vec::new();
                alone.serialize(&mut again);
                prop_assert!(again == bytes);
                expected |= set;
            }
            prop_assert_eq!(bits.into_set().unwrap(), expected);
        }
    }

    /// A file that has these bytes behind some others.
    fn with_blocks<T>(bytes: &[u8], before: usize, look: impl FnOnce(&Blocks, Span) -> T) -> T {
        let dir = MemoryDir::new();
        let mut writer = BlockWriter::create(&dir, "file").unwrap();
        writer.write(&vec![1; before]).unwrap();
        writer.write(bytes).unwrap();
        let (_, length, sums) = writer.finish().unwrap();
        let blocks = Blocks::new(dir.open_read("file").unwrap(), length, sums, None);
        look(&blocks, Span { offset: before as u64, length: bytes.len() as u64 })
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn a_set_that_is_read_where_it_lies_has_the_same_members(
            sets in proptest::collection::vec((1..9_000_usize, 1..70_u32, 0..400_000_u32), 1..4),
            before in 0..40_000_usize,
            steps in proptest::collection::vec(0..90_000_u32, 1..60),
        ) {
            let mut bits = Bits::new(2_000_000);
            for (count, step, start) in sets {
                (0..count as u32).for_each(|n| bits.insert(start + n * step).unwrap());
            }
            let mut bytes = Vec::new();
            bits.serialize(&mut bytes);
            let set = bits.into_set().unwrap();
            with_blocks(&bytes, before, |blocks, span| {
                let mut reader = SetReader::new(blocks.window(), span).unwrap();
                let mut least = 0;
                for step in steps {
                    let expected = set.range(least..).next();
                    assert_eq!(reader.from(least).unwrap(), expected, "{least}");
                    least = expected.unwrap_or(least).saturating_add(step);
                }
                let short = Span { length: span.length - 1, ..span };
                assert!(SetReader::new(blocks.window(), short).is_err());
            });
        }
    }

    #[test]
    fn as_many_members_as_a_list_may_have_are_a_list() {
        for members in [LISTED - 1, LISTED, LISTED + 1] {
            let mut bits = Bits::new(20_000);
            (0..members as u32).for_each(|member| bits.insert(member * 3).unwrap());
            let mut bytes = Vec::new();
            bits.serialize(&mut bytes);
            let set = RoaringBitmap::deserialize_from(&bytes[..]).unwrap();
            assert!(set.iter().eq((0..members as u32).map(|member| member * 3)), "{members}");
        }
    }

    #[test]
    fn a_document_beyond_the_last_is_damage() {
        for last in [1_000, 1_001, 70_000] {
            for few in [true, false] {
                let mut set: RoaringBitmap = (0..if few { 10 } else { 1_000 }).collect();
                set.insert_range(last / CONTAINER as u32 * CONTAINER as u32..=last);
                let mut bytes = Vec::new();
                set.serialize_into(&mut bytes).unwrap();
                let mut bits = Bits::new(1_000);
                assert!(bits.unite_serialized(&bytes).and_then(|()| bits.into_set()).is_err(), "{last}");
            }
        }
        assert!(Bits::new(8).insert(8).is_err());
    }
}
