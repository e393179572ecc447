//! Cuts an NDJSON stream, plain or gzip, into parts of whole lines.

use std::io::{self, BufRead, BufReader, Read};

use flate2::bufread::MultiGzDecoder;
use memchr::{memchr, memchr_iter, memrchr};

/// Parts are about this large: enough work to hand to another thread, little memory.
const PART_BYTES: usize = 256 << 10;
/// A line beyond this is left out and counted: the bound that response bodies have, too (contract §7).
pub(crate) const LONGEST_LINE: usize = 64 << 20;

/// Whole lines, in the order of the stream.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Part {
    /// Counted from 0.
    pub(crate) number: u64,
    /// The number of the first line, counted from 1.
    pub(crate) first_line: u64,
    /// The lines with their ends; the very last may have none.
    pub(crate) bytes: Vec<u8>,
    /// A line beyond the bound followed these lines and is left out.
    pub(crate) oversized: bool,
}

impl Part {
    /// How many lines, the one that was left out included.
    pub(crate) fn lines(&self) -> u64 {
        let unfinished = self.bytes.last().is_some_and(|byte| *byte != b'\n');
        newlines(&self.bytes) + u64::from(unfinished) + u64::from(self.oversized)
    }
}

/// The stream.
pub(crate) struct Lines<R> {
    input: Input<R>,
    rest: Vec<u8>,
    skipping: bool,
    number: u64,
    next_line: u64,
    longest: usize,
    /// Told after the whole lines that came before it.
    failure: Option<io::Error>,
}

enum Input<R> {
    Plain(BufReader<R>),
    Gzip(Box<MultiGzDecoder<BufReader<R>>>),
}

impl<R: Read> Read for Input<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(input) => input.read(buffer),
            Self::Gzip(input) => input.read(buffer),
        }
    }
}

impl<R: Read> Lines<R> {
    /// Begins to read; gzip is told by its first two bytes.
    pub(crate) fn new(input: R) -> io::Result<Self> {
        let mut input = BufReader::with_capacity(64 << 10, input);
        let input = if input.fill_buf()?.starts_with(&[0x1f, 0x8b]) {
            Input::Gzip(Box::new(MultiGzDecoder::new(input)))
        } else {
            Input::Plain(input)
        };
        Ok(Self {
            input,
            rest: Vec::new(),
            skipping: false,
            number: 0,
            next_line: 1,
            longest: LONGEST_LINE,
            failure: None,
        })
    }

    /// The next part, or nothing at the end. Whole lines before a failure come first; the line it cuts does not.
    pub(crate) fn next_part(&mut self) -> io::Result<Option<Part>> {
        if let Some(failure) = self.failure.take() {
            return Err(failure);
        }
        let mut bytes = std::mem::take(&mut self.rest);
        loop {
            let held = bytes.len();
            bytes.reserve(PART_BYTES);
            let read = self.input.by_ref().take(PART_BYTES as u64).read_to_end(&mut bytes);
            if let Err(failure) = read {
                return self.fail(bytes, failure);
            }
            let at_end = bytes.len() == held;
            if self.skipping {
                // `bytes` was empty before this read.
                match memchr(b'\n', &bytes) {
                    Some(at) => {
                        bytes.drain(..=at);
                        self.skipping = false;
                    }
                    None if at_end => return Ok(None),
                    None => {
                        bytes.clear();
                        continue;
                    }
                }
            }
            if at_end {
                return Ok((!bytes.is_empty()).then(|| self.part(bytes, false)));
            }
            let end = memrchr(b'\n', &bytes[held.min(bytes.len())..]);
            let end = end.map_or(0, |at| held.min(bytes.len()) + at + 1);
            let unfinished = bytes.len() - end;
            if unfinished > self.longest {
                bytes.truncate(end);
                self.skipping = true;
                return Ok(Some(self.part(bytes, true)));
            }
            if end > 0 {
                self.rest = bytes.split_off(end);
                return Ok(Some(self.part(bytes, false)));
            }
        }
    }

    fn fail(&mut self, mut bytes: Vec<u8>, failure: io::Error) -> io::Result<Option<Part>> {
        match memrchr(b'\n', &bytes) {
            Some(at) if !self.skipping => {
                bytes.truncate(at + 1);
                self.failure = Some(failure);
                Ok(Some(self.part(bytes, false)))
            }
            _ => Err(failure),
        }
    }

    fn part(&mut self, bytes: Vec<u8>, oversized: bool) -> Part {
        let part = Part { number: self.number, first_line: self.next_line, bytes, oversized };
        self.number += 1;
        self.next_line += part.lines();
        part
    }
}

fn newlines(bytes: &[u8]) -> u64 {
    memchr_iter(b'\n', bytes).count() as u64
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    /// Gives at most `step` bytes a read.
    struct Slow<'a>(&'a [u8], usize);

    impl Read for Slow<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let n = self.1.min(buffer.len()).min(self.0.len());
            buffer[..n].copy_from_slice(&self.0[..n]);
            self.0 = &self.0[n..];
            Ok(n)
        }
    }

    fn all<R: Read>(mut lines: Lines<R>) -> Vec<Part> {
        std::iter::from_fn(|| lines.next_part().unwrap()).collect()
    }

    fn text() -> Vec<u8> {
        let mut text = Vec::new();
        for line in 0..60_000 {
            text.extend(format!("line {line} {}\n", "x".repeat(line % 97)).bytes());
        }
        text.extend(b"the last line has no end");
        text
    }

    #[test]
    fn parts_are_whole_lines_and_concatenate_to_the_stream() {
        let text = text();
        for step in [7_919, 1 << 16, usize::MAX] {
            let parts = all(Lines::new(Slow(&text, step)).unwrap());
            assert!(parts.len() > 2);
            let mut next_line = 1;
            let mut joined = Vec::new();
            for (number, part) in parts.iter().enumerate() {
                assert_eq!(part.number, number as u64);
                assert_eq!(part.first_line, next_line);
                next_line += part.lines();
                assert!(number + 1 == parts.len() || part.bytes.ends_with(b"\n"));
                joined.extend_from_slice(&part.bytes);
            }
            assert_eq!(next_line, 60_002);
            assert!(joined == text);
        }
    }

    #[test]
    fn gzip_is_told_by_its_first_bytes_and_may_have_members() {
        let mut packed = Vec::new();
        for half in [&b"a\nb\n"[..], b"c\n"] {
            let mut encoder = GzEncoder::new(&mut packed, Compression::fast());
            encoder.write_all(half).unwrap();
            encoder.finish().unwrap();
        }
        let parts = all(Lines::new(&packed[..]).unwrap());
        assert_eq!(parts[0].bytes, b"a\nb\nc\n");
        packed.truncate(packed.len() - 3);
        let mut cut = Lines::new(&packed[..]).unwrap();
        assert_eq!(cut.next_part().unwrap().unwrap().bytes, b"a\nb\nc\n", "what came before the cut");
        assert_eq!(cut.next_part().unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    }

    #[test]
    fn a_line_beyond_the_bound_is_left_out_and_counted() {
        let mut text = b"first\n".to_vec();
        text.extend(vec![b'y'; 3 << 20]);
        text.extend(b"\nlast\n");
        let mut lines = Lines::new(&text[..]).unwrap();
        lines.longest = 2 << 20;
        let parts = all(lines);
        let kept: Vec<&[u8]> = parts.iter().map(|part| &part.bytes[..]).collect();
        assert_eq!(kept, [&b"first\n"[..], b"", b"last\n"]);
        assert_eq!(parts.iter().map(|part| part.oversized).collect::<Vec<_>>(), [false, true, false]);
        assert_eq!(parts[2].first_line, 3);

        let mut lines = Lines::new(&text[..]).unwrap();
        lines.longest = 4 << 20;
        assert!(all(lines).iter().all(|part| !part.oversized), "one within the bound is kept");
    }

    #[test]
    fn an_empty_stream_has_no_parts() {
        assert_eq!(all(Lines::new(&b""[..]).unwrap()), []);
    }
}
