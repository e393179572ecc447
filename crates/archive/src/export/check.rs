//! Reading an export again before it is called whole, as a stranger would: by its checksums, and by inflating every file.

use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use flate2::read::MultiGzDecoder;
use frontdesk_durable::{Dir, ReadAt, from_hex, to_hex};
use sha2::{Digest, Sha256};

use super::folder::{SUMS, shown};
use crate::error::{Action, During, Error};
use crate::name;

/// Lines of the checksum file that are worked through at a time.
const LINES: usize = 4_096;

/// # Errors
/// `Damage` for the first file that is not what its checksum says or does not inflate; what the file system says.
pub(super) fn check(dir: &Arc<dyn Dir>, threads: usize) -> Result<(), Error> {
    let place = shown(&**dir, SUMS);
    let file = dir.open_read(SUMS).during(Action::Export, &place)?;
    let mut reader = io::BufReader::new(Positioned { file: &*file, at: 0 });
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        let read = io::BufRead::read_line(&mut reader, &mut line).during(Action::Export, &place)?;
        if read > 0 {
            lines.push(line);
        }
        if lines.len() >= LINES || (read == 0 && !lines.is_empty()) {
            check_lines(&**dir, &lines, threads)?;
            lines.clear();
        }
        if read == 0 {
            return Ok(());
        }
    }
}

fn check_lines(dir: &dyn Dir, lines: &[String], threads: usize) -> Result<(), Error> {
    let next = AtomicUsize::new(0);
    let run = || -> Result<(), Error> {
        while let Some(line) = lines.get(next.fetch_add(1, Ordering::Relaxed)) {
            let split = line.trim_end_matches('\n').split_once("  ");
            let sum = split.and_then(|(sum, file)| Some((from_hex(sum.as_bytes())?, file)));
            let Some((sum, file)) = sum else {
                return Err(Error::damage(
                    Action::Export,
                    shown(dir, SUMS),
                    "a line of it reads differently",
                ));
            };
            if let Some(what) = check_file(dir, file, &sum).during(Action::Export, &shown(dir, file))? {
                return Err(Error::damage(Action::Export, shown(dir, file), what));
            }
        }
        Ok(())
    };
    std::thread::scope(|scope| {
        let running: Vec<_> = (0..threads.max(1)).map(|_| scope.spawn(run)).collect();
        running
            .into_iter()
            .try_for_each(|thread| thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
    })
}

/// What is wrong with a file, if anything.
fn check_file(dir: &dyn Dir, file: &str, sum: &[u8; 32]) -> io::Result<Option<&'static str>> {
    let source = dir.open_read(file)?;
    let mut packed = Hashing { input: Positioned { file: &*source, at: 0 }, digest: Sha256::new() };
    if file.ends_with(".gz") {
        let mut content = Sha256::new();
        let mut decoder = MultiGzDecoder::new(&mut packed);
        let mut buffer = vec![0; 64 * 1024];
        loop {
            match decoder.read(&mut buffer) {
                Ok(0) => break,
                Ok(read) => content.update(&buffer[..read]),
                Err(_) => return Ok(Some("it does not inflate")),
            }
        }
        if let Some(stem) = file.strip_suffix(name::SUFFIX) {
            let content: [u8; 32] = content.finalize().into();
            let stated = stem.rsplit_once('_').map_or("", |(_, digits)| digits);
            if stated.is_empty() || !to_hex(&content).starts_with(stated) {
                return Ok(Some("its content is not what its name says"));
            }
        }
    }
    io::copy(&mut packed, &mut io::sink())?;
    let found: [u8; 32] = packed.digest.finalize().into();
    Ok((found != *sum).then_some("its checksum is not the one that was written down"))
}

/// Reads a file from its beginning on.
struct Positioned<'f> {
    file: &'f dyn ReadAt,
    at: u64,
}

impl Read for Positioned<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read_at(self.at, buffer)?;
        self.at += read as u64;
        Ok(read)
    }
}

/// Hashes what is read through it.
struct Hashing<R> {
    input: R,
    digest: Sha256,
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.input.read(buffer)?;
        self.digest.update(&buffer[..read]);
        Ok(read)
    }
}
