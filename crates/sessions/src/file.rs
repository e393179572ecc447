//! Files of lines, written and read piece by piece, so that their length is no matter of memory.

use std::io::{self, BufRead, Read as _};
use std::sync::Arc;

use frontdesk_domain::{Violation, Violations, hex};
use frontdesk_durable::{Dir, ReadAt, WriteAt, parent};
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

/// Bytes written or read at once.
const PIECE: usize = 64 << 10;

/// The longest line there is, in bytes: two texts of 1,024 bytes, each byte six in JSON, and what is around them.
pub(crate) const LONGEST_LINE: usize = 64 << 10;

/// A file that is being written. Under its name it is visible only after [`Writing::publish`]; dropped before, it goes away.
pub(crate) struct Writing<'d> {
    dir: &'d dyn Dir,
    stage: String,
    name: String,
    file: Option<Box<dyn WriteAt>>,
    offset: u64,
    buffer: Vec<u8>,
    digest: Sha256,
}

impl<'d> Writing<'d> {
    /// Begins a file.
    pub(crate) fn create(dir: &'d dyn Dir, name: &str) -> io::Result<Self> {
        let stage = stage_of(name);
        let file = match dir.create(&stage) {
            // Left by a run that was killed.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                dir.remove(&stage)?;
                dir.create(&stage)?
            }
            created => created?,
        };
        let (buffer, digest) = (Vec::with_capacity(PIECE), Sha256::new());
        Ok(Self { dir, stage, name: name.to_owned(), file: Some(file), offset: 0, buffer, digest })
    }

    /// Begins a file that has no name: it goes away with the last who reads it, also when the process is killed.
    pub(crate) fn nameless(dir: &'d dyn Dir, name: &str) -> io::Result<Self> {
        let mut writing = Self::create(dir, name)?;
        dir.remove(&writing.stage)?;
        writing.stage.clear();
        Ok(writing)
    }

    /// Adds a line; `line` is without its end.
    pub(crate) fn line(&mut self, line: &[u8]) -> io::Result<()> {
        self.digest.update(line);
        self.digest.update(b"\n");
        self.buffer.extend_from_slice(line);
        self.buffer.push(b'\n');
        if self.buffer.len() >= PIECE { self.flush() } else { Ok(()) }
    }

    /// SHA-256 over the lines so far, in hexadecimal.
    pub(crate) fn digest(&self) -> String {
        hex(&self.digest.clone().finalize())
    }

    /// Makes it durable under its name.
    pub(crate) fn publish(mut self) -> io::Result<()> {
        self.flush()?;
        if let Some(mut file) = self.file.take() {
            file.sync_all()?;
        }
        self.dir.rename(&self.stage, &self.name)?;
        let folder = parent(&self.name).to_owned();
        self.stage.clear();
        self.dir.sync_dir(&folder)
    }

    /// The file as it is now, to be read.
    pub(crate) fn read_back(mut self) -> io::Result<Arc<dyn ReadAt>> {
        self.flush()?;
        let file = self.file.take().ok_or_else(|| io::Error::other("the file is closed"))?;
        Ok(Arc::<dyn WriteAt>::from(file))
    }

    fn flush(&mut self) -> io::Result<()> {
        if let Some(file) = &mut self.file {
            file.write_at(self.offset, &self.buffer)?;
            self.offset += self.buffer.len() as u64;
            self.buffer.clear();
        }
        Ok(())
    }
}

impl Drop for Writing<'_> {
    fn drop(&mut self) {
        if !self.stage.is_empty() {
            self.file = None;
            // Best effort: what stays is taken away by the next one of the same name.
            let _ = self.dir.remove(&self.stage);
        }
    }
}

/// The lines of a file, one after the other, with a digest over those that were read.
pub(crate) struct Reading {
    file: Arc<dyn ReadAt>,
    longest: usize,
    offset: u64,
    buffer: Vec<u8>,
    start: usize,
    digest: Sha256,
}

impl Reading {
    pub(crate) fn open(dir: &dyn Dir, name: &str) -> io::Result<Self> {
        Ok(Self::over(Arc::from(dir.open_read(name)?), LONGEST_LINE))
    }

    /// The same for a file that is open, with lines of at most so many bytes.
    pub(crate) fn over(file: Arc<dyn ReadAt>, longest: usize) -> Self {
        Self { file, longest, offset: 0, buffer: Vec::new(), start: 0, digest: Sha256::new() }
    }

    /// The next line without its end; `None` at the end of the file.
    ///
    /// # Errors
    /// What the system says; `InvalidData` for a line that is too long, or that has no end.
    pub(crate) fn line(&mut self) -> io::Result<Option<Vec<u8>>> {
        loop {
            let rest = &self.buffer[self.start..];
            if let Some(at) = rest.iter().position(|byte| *byte == b'\n') {
                let line = rest[..at].to_vec();
                self.start += at + 1;
                return Ok(Some(line));
            }
            if rest.len() > self.longest {
                return Err(io::Error::new(io::ErrorKind::InvalidData, "a line is too long"));
            }
            self.buffer.drain(..self.start);
            self.start = 0;
            let held = self.buffer.len();
            self.buffer.resize(held + PIECE, 0);
            let read = self.file.read_at(self.offset, &mut self.buffer[held..])?;
            self.buffer.truncate(held + read);
            self.offset += read as u64;
            if read == 0 {
                if held == 0 {
                    return Ok(None);
                }
                return Err(io::Error::new(io::ErrorKind::InvalidData, "its last line has no end"));
            }
        }
    }

    /// Counts a line into the digest.
    pub(crate) fn digest_line(&mut self, line: &[u8]) {
        self.digest.update(line);
        self.digest.update(b"\n");
    }

    /// SHA-256 over the lines that were counted in, in hexadecimal.
    pub(crate) fn digest(&self) -> String {
        hex(&self.digest.clone().finalize())
    }
}

/// The next line without its end; of one beyond the bound only the beginning, which is more than may be.
pub(crate) fn next_line(input: &mut impl BufRead, line: &mut Vec<u8>, longest: usize) -> io::Result<bool> {
    line.clear();
    let bound = longest as u64 + 1;
    if input.by_ref().take(bound).read_until(b'\n', line)? == 0 {
        return Ok(false);
    }
    if line.last() == Some(&b'\n') {
        line.pop();
    } else if line.len() > longest {
        skip_line(input)?;
    }
    Ok(true)
}

/// Leaves out what is left of a line.
fn skip_line(input: &mut impl BufRead) -> io::Result<()> {
    loop {
        let buffer = input.fill_buf()?;
        if buffer.is_empty() {
            return Ok(());
        }
        let end = buffer.iter().position(|byte| *byte == b'\n');
        let used = end.map_or(buffer.len(), |at| at + 1);
        input.consume(used);
        if end.is_some() {
            return Ok(());
        }
    }
}

/// A line from outside as the draft it holds; none for an empty one.
///
/// # Errors
/// That it is longer than `longest` bytes, or no JSON object.
pub(crate) fn read_line<T: DeserializeOwned>(line: &[u8], longest: usize) -> Result<Option<T>, Violations> {
    if line.len() > longest {
        let message = format!("it has more than {longest} bytes");
        return Err(Violation::new("", "line.length", message).into());
    }
    if line.trim_ascii().is_empty() {
        return Ok(None);
    }
    serde_json::from_slice(line).map(Some).map_err(|error| {
        let message = if error.is_data() {
            "it is no JSON object".to_owned()
        } else {
            format!("it is not JSON (column {})", error.column())
        };
        Violation::new("", "line.json", message).into()
    })
}

/// The name a file has until it is whole.
fn stage_of(name: &str) -> String {
    match name.rsplit_once('/') {
        Some((folder, name)) => format!("{folder}/.{name}.part"),
        None => format!(".{name}.part"),
    }
}

#[cfg(test)]
mod tests {
    use frontdesk_durable::testing::MemoryDir;

    use super::*;

    fn all(dir: &dyn Dir, name: &str) -> io::Result<(Vec<Vec<u8>>, String)> {
        let mut reading = Reading::open(dir, name)?;
        let mut lines = Vec::new();
        while let Some(line) = reading.line()? {
            reading.digest_line(&line);
            lines.push(line);
        }
        Ok((lines, reading.digest()))
    }

    #[test]
    fn lines_of_any_length_come_back_with_their_digest() {
        let dir = MemoryDir::new();
        let lines: Vec<Vec<u8>> = (0..400).map(|n| vec![b'x'; (n * 997) % 5_000]).collect();
        let mut writing = Writing::create(&dir, "plan").unwrap();
        lines.iter().for_each(|line| writing.line(line).unwrap());
        let digest = writing.digest();
        assert!(dir.metadata("plan").is_err(), "not there before it is whole");
        writing.publish().unwrap();
        assert_eq!(all(&dir, "plan").unwrap(), (lines, digest));
        assert_eq!(dir.list("").unwrap().len(), 1);
    }

    #[test]
    fn what_is_not_whole_goes_away_and_a_dead_ones_part_is_no_obstacle() {
        let dir = MemoryDir::new();
        drop(Writing::create(&dir, "plan").unwrap());
        assert_eq!(dir.list("").unwrap(), []);
        drop(dir.create(".plan.part").unwrap());
        Writing::create(&dir, "plan").unwrap().publish().unwrap();
        assert_eq!(all(&dir, "plan").unwrap().0, Vec::<Vec<u8>>::new());
    }

    #[test]
    fn a_line_without_end_or_beyond_the_bound_is_refused() {
        let dir = MemoryDir::new();
        dir.create("cut").unwrap().write_at(0, b"a\nb").unwrap();
        assert_eq!(all(&dir, "cut").unwrap_err().kind(), io::ErrorKind::InvalidData);
        dir.create("long").unwrap().write_at(0, &vec![b'y'; LONGEST_LINE * 3]).unwrap();
        assert_eq!(all(&dir, "long").unwrap_err().kind(), io::ErrorKind::InvalidData);
    }
}
