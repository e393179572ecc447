//! Sets of a file's documents as a bit each: what many lists and sets are united in.

use roaring::RoaringBitmap;

use super::blocks::{Fault, Result};

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
    use proptest::prelude::*;

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
