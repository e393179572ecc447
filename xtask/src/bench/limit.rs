//! What the machine can give: packing, and inflating and hashing, on one thread with nothing around them.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::time::{Duration, Instant};

use libdeflater::{CompressionLvl, Compressor, Decompressor};
use sha2::{Digest, Sha256};

/// Enough text for a steady figure, little enough to stay in memory.
const SAMPLE: u64 = 64 << 20;
const BLOCK: usize = 64 << 10;

/// MB (10^6 raw bytes) a second of one thread.
pub(crate) struct Limit {
    pub(crate) pack: f64,
    pub(crate) inflate_and_hash: f64,
}

/// Measures on blocks of whole lines, as the archive packs them.
pub(crate) fn measure(data: &Path, level: i32) -> Result<Limit, String> {
    let mut text = Vec::new();
    let file = File::open(data).map_err(|error| format!("{}: {error}", data.display()))?;
    file.take(SAMPLE).read_to_end(&mut text).map_err(|error| error.to_string())?;
    let level = CompressionLvl::new(level).map_err(|_| format!("{level} is no level"))?;
    let mut compressor = Compressor::new(level);
    let mut packed = Vec::new();
    let started = Instant::now();
    for block in blocks(&text) {
        let mut out = vec![0; compressor.deflate_compress_bound(block.len())];
        let length = compressor.deflate_compress(block, &mut out).map_err(|error| error.to_string())?;
        out.truncate(length);
        packed.push((out, block.len()));
    }
    let pack = rate(text.len(), started.elapsed());

    let mut inflater = Decompressor::new();
    let mut raw = vec![0; packed.iter().map(|(_, length)| *length).max().unwrap_or(0)];
    let started = Instant::now();
    for (block, length) in &packed {
        inflater.deflate_decompress(block, &mut raw[..*length]).map_err(|error| error.to_string())?;
        for line in raw[..*length].split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            std::hint::black_box(Sha256::digest(line));
        }
    }
    Ok(Limit { pack, inflate_and_hash: rate(text.len(), started.elapsed()) })
}

/// Whole lines, up to 64 KiB together.
fn blocks(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let reach = rest.len().min(BLOCK);
        let end = rest[..reach].iter().rposition(|byte| *byte == b'\n').map_or(reach, |at| at + 1);
        let (block, after) = rest.split_at(end);
        rest = after;
        Some(block)
    })
}

fn rate(bytes: usize, elapsed: Duration) -> f64 {
    bytes as f64 / 1e6 / elapsed.as_secs_f64().max(1e-9)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_whole_lines_and_the_whole_text() {
        let text: Vec<u8> = (0..20_000).flat_map(|n| format!("line {n}\n").into_bytes()).collect();
        let joined: Vec<u8> = blocks(&text).flatten().copied().collect();
        assert!(joined == text);
        assert!(blocks(&text).all(|block| block.len() <= BLOCK && block.ends_with(b"\n")));
        assert_eq!(
            blocks(&vec![b'x'; BLOCK + 1]).count(),
            2,
            "a line beyond a block is cut: this is a sample"
        );
    }
}
