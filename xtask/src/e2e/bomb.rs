//! A gigabyte in a small gzip file, made without ever having the gigabyte.

use std::io::Write;

use flate2::{Compress, Compression, Crc, FlushCompress};

use super::hostile::{Answer, Hostile};
use super::scene::Scene;
use crate::Outcome;

const GIB: u64 = 1 << 30;
const CHUNK: usize = 16 << 20;
/// What the client accepts of one body after unpacking.
const CAP_KIB: u64 = 64 << 10;
/// What it may need beside the cap (R28).
const BESIDE_KIB: u64 = 32 << 10;

/// One gzip member that unpacks to `prefix` and a gigabyte of `filler`. Small pieces, the second sent many times.
pub(super) fn bomb(prefix: &[u8], filler: u8) -> Result<Vec<(Vec<u8>, u64)>, String> {
    let chunk = vec![filler; CHUNK];
    let times = GIB / CHUNK as u64;
    let mut head = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    head.extend(deflated(prefix)?);
    let mut crc = Crc::new();
    crc.update(prefix);
    let mut of_chunk = Crc::new();
    of_chunk.update(&chunk);
    for _ in 0..times {
        crc.combine(&of_chunk);
    }
    // An empty final block with fixed codes, then CRC and length.
    let mut tail = vec![0x03, 0x00];
    tail.extend(crc.sum().to_le_bytes());
    tail.extend(crc.amount().to_le_bytes());
    Ok(vec![(head, 1), (deflated(&chunk)?, times), (tail, 1)])
}

/// Whole deflate blocks that refer to nothing before them and end on a byte.
fn deflated(bytes: &[u8]) -> Result<Vec<u8>, String> {
    let mut compress = Compress::new(Compression::best(), false);
    let mut out = Vec::with_capacity(bytes.len() / 500 + 1_024);
    compress
        .compress_vec(bytes, &mut out, FlushCompress::Full)
        .map_err(|error| format!("cannot deflate: {error}"))?;
    ensure!(compress.total_in() == bytes.len() as u64, "the room for the deflated bytes was too small");
    Ok(out)
}

/// Whatever a gigabyte is made of, the client stops at its cap and has stored nothing of it.
pub(super) fn goes_off_unheard(scene: &Scene<'_>) -> Outcome {
    let usual = {
        let gateway =
            Hostile::start(|_, _| Answer::json(r#"{"conversations":[{"id":"a","interactions":[]}]}"#))?;
        let desk = scene.desk("usual").at(&gateway.base_url);
        let run = desk.json(&["archive", "pull", "--from", "2025-03-01", "--to", "2025-03-02"])?.exits(0)?;
        ensure!(run.peak_kib > 0, "no memory was measured");
        run.peak_kib
    };
    let kinds: [(&str, &[u8], u8); 4] = [
        ("zeros", b"", 0),
        ("white space", b"{\"conversations\":[", b' '),
        ("one text", b"{\"conversations\":[{\"id\":\"a\",\"x\":\"", b'x'),
        ("one key outside of the list", b"{\"conversations\":[],\"", b'k'),
    ];
    for (kind, prefix, filler) in kinds {
        let pieces = bomb(prefix, filler)?;
        let gateway = Hostile::start(move |_, _| Answer::gzip(pieces.clone()))?;
        let desk = scene.desk(&format!("bomb of {kind}")).at(&gateway.base_url);
        let run = desk.json(&["archive", "pull", "--from", "2025-03-01", "--to", "2025-03-02"])?.exits(5)?;
        ensure!(gateway.queries() > 0, "nobody asked for the bomb");
        let most = usual + CAP_KIB + BESIDE_KIB;
        ensure!(
            run.peak_kib <= most,
            "{}",
            run.wrong(&format!("a bomb of {kind} took {} KiB, {most} are allowed", run.peak_kib))
        );
        ensure!(desk.list()?.is_empty(), "a record came out of a bomb of {kind}");
    }
    // The control: the same bytes are what they are said to be, so it was the cap that stopped them.
    let mut unpacked = flate2::write::GzDecoder::new(Count(0));
    for (piece, times) in bomb(b"{", b' ')? {
        for _ in 0..times {
            unpacked.write_all(&piece).map_err(|error| format!("the bomb is no gzip: {error}"))?;
        }
    }
    let count = unpacked.finish().map_err(|error| format!("the bomb is no gzip: {error}"))?;
    ensure!(count.0 == GIB + 1, "the bomb unpacks to {} bytes", count.0);
    Ok(())
}

struct Count(u64);

impl Write for Count {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0 += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
