//! Deflate and inflate of one block, with gzip's trailer.
//!
//! libdeflate does both on the hot paths; flate2 reads the same bytes in the tests, so that the two
//! cannot share a mistake.

use libdeflater::{CompressionLvl, Compressor, Decompressor};

/// CRC-32 and length of the raw bytes, little endian: the end of every gzip member.
const TRAILER: usize = 8;

/// Bytes that one symbol of a deflate stream stands for, at most.
const LONGEST_MATCH: usize = 258;

/// How hard files that are handed out are packed.
const GZIP_LEVEL: u8 = 6;

/// Turns blocks into packed bytes. Keep one per thread: making one costs more than a block.
pub(crate) struct Packer {
    compressor: Compressor,
}

impl Packer {
    /// `level` is libdeflate's, 1 (fast) to 12 (small).
    pub(crate) fn new(level: u8) -> Self {
        let level = CompressionLvl::new(i32::from(level.clamp(1, 12))).unwrap_or_default();
        Self { compressor: Compressor::new(level) }
    }

    /// The deflate stream of `raw` and the gzip trailer; `None` when libdeflate does not keep the bound it promises.
    pub(crate) fn pack(&mut self, raw: &[u8]) -> Option<Vec<u8>> {
        let bound = self.compressor.deflate_compress_bound(raw.len());
        self.pack_within(raw, bound)
    }

    fn pack_within(&mut self, raw: &[u8], bound: usize) -> Option<Vec<u8>> {
        let mut packed = vec![0; bound + TRAILER];
        let length = self.compressor.deflate_compress(raw, &mut packed[..bound]).ok()?;
        packed[length..length + 4].copy_from_slice(&libdeflater::crc32(raw).to_le_bytes());
        packed[length + 4..length + TRAILER].copy_from_slice(&(raw.len() as u32).to_le_bytes());
        packed.truncate(length + TRAILER);
        packed.shrink_to_fit();
        Some(packed)
    }
}

/// A whole gzip file of `raw`, always the same for the same bytes: no name, no time. `None` as [`Packer::pack`].
pub(crate) fn gzip(raw: &[u8]) -> Option<Vec<u8>> {
    // What is left of a gzip header when nothing is stated: magic, deflate, no flags, no time, unknown system.
    const HEADER: [u8; 10] = [0x1f, 0x8b, 0x08, 0, 0, 0, 0, 0, 0, 0xff];
    let mut file = HEADER.to_vec();
    file.append(&mut Packer::new(GZIP_LEVEL).pack(raw)?);
    Some(file)
}

/// Turns packed bytes back into blocks, into a buffer it keeps.
pub(crate) struct Unpacker {
    decompressor: Decompressor,
    buffer: Vec<u8>,
}

impl Unpacker {
    pub(crate) fn new() -> Self {
        Self { decompressor: Decompressor::new(), buffer: Vec::new() }
    }

    /// The block that `packed` (deflate stream and trailer) holds, which must be `raw_length` bytes
    /// long; never more is produced.
    ///
    /// # Errors
    /// Says what does not match.
    pub(crate) fn unpack(&mut self, packed: &[u8], raw_length: usize) -> Result<&[u8], &'static str> {
        let Some((deflate, trailer)) = packed.split_last_chunk::<TRAILER>() else {
            return Err("a member is cut short");
        };
        if self.buffer.len() < raw_length {
            self.buffer.resize(raw_length, 0);
        }
        let block = &mut self.buffer[..raw_length];
        match self.decompressor.deflate_decompress(deflate, block) {
            Ok(produced) if produced == raw_length => {}
            Ok(_) => return Err("a member inflates to fewer bytes than it states"),
            Err(libdeflater::DecompressionError::InsufficientSpace) => {
                return Err("a member inflates to more bytes than it states");
            }
            Err(_) => return Err("a member does not inflate"),
        }
        let block = &self.buffer[..raw_length];
        if trailer[..4] != libdeflater::crc32(block).to_le_bytes() {
            return Err("the checksum of a member's contents does not match");
        }
        if trailer[4..] != (raw_length as u32).to_le_bytes() {
            return Err("the length at the end of a member does not match");
        }
        Ok(block)
    }

    /// At least the first `wanted` bytes of the same block, which nothing was compared with yet: it is for who has a hash of
    /// what is wanted. `None` where they do not come out so; then [`Unpacker::unpack`] says why.
    pub(crate) fn unpack_first(&mut self, packed: &[u8], wanted: usize, raw_length: usize) -> Option<&[u8]> {
        let room = wanted.saturating_add(LONGEST_MATCH).min(raw_length);
        if self.buffer.len() < room {
            self.buffer.resize(room, 0);
        }
        match self.decompressor.deflate_decompress(packed, &mut self.buffer[..room]) {
            // It stops at the first symbol that would go beyond the room, and has written all before it.
            Ok(_) | Err(libdeflater::DecompressionError::InsufficientSpace) => {
                self.buffer.get(..wanted.min(room))
            }
            Err(_) => None,
        }
    }

    /// Gives memory back after a very large block, so that one does not stay resident for ever.
    pub(crate) fn shrink(&mut self, keep: usize) {
        if self.buffer.len() > keep {
            self.buffer = Vec::new();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_cannot_be_packed_is_no_member() {
        assert_eq!(Packer::new(4).pack_within(b"0123456789abcdef", 3), None);
        assert!(Packer::new(4).pack(b"").is_some());
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn flate2_reads_what_libdeflate_wrote(raw in proptest::collection::vec(0..8_u8, 1..5_000), level in 1..=12_u8) {
            let packed = Packer::new(level).pack(&raw).unwrap();
            let mut member = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];
            member.extend_from_slice(&packed);
            let mut read = Vec::new();
            flate2::read::GzDecoder::new(&member[..]).read_to_end(&mut read).unwrap();
            prop_assert_eq!(&read, &raw);
            let mut unpacker = Unpacker::new();
            prop_assert_eq!(unpacker.unpack(&packed, raw.len()), Ok(&raw[..]));
        }

        #[test]
        fn the_first_bytes_are_those_of_the_whole(
            raw in proptest::collection::vec(0..8_u8, 1..40_000),
            wanted in any::<prop::sample::Index>(),
            level in 1..=12_u8,
        ) {
            let packed = Packer::new(level).pack(&raw).unwrap();
            let wanted = 1 + wanted.index(raw.len());
            let mut unpacker = Unpacker::new();
            let first = unpacker.unpack_first(&packed, wanted, raw.len()).map(<[u8]>::to_vec);
            prop_assert_eq!(first.as_deref(), Some(&raw[..wanted]));
            prop_assert_eq!(unpacker.unpack(&packed, raw.len()), Ok(&raw[..]));
        }

        #[test]
        fn never_more_than_stated_and_never_less(raw in proptest::collection::vec(0..4_u8, 2..2_000)) {
            let packed = Packer::new(4).pack(&raw).unwrap();
            let mut unpacker = Unpacker::new();
            prop_assert!(unpacker.unpack(&packed, raw.len() - 1).is_err());
            prop_assert!(unpacker.unpack(&packed, raw.len() + 1).is_err());
            prop_assert!(unpacker.unpack(&packed[..packed.len() - 1], raw.len()).is_err());
        }
    }
}
