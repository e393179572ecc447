//! Reading files: their own bytes, or an error.

use frontdesk_domain::media::MediaHash;
use frontdesk_durable::{Dir, ReadAt};
use sha2::{Digest, Sha256};

use crate::error::{Action, During, Error};
use crate::layout;
use crate::reader::Reader;

const PIECE: usize = 256 << 10;

/// What is there under a hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bytes {
    Good,
    Wrong,
    Missing,
}

/// How many files there are, each counted once however many records refer to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MediaStats {
    /// Files.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// Hashes a file.
pub(crate) fn check(dir: &dyn Dir, hash: &MediaHash, action: Action) -> Result<Bytes, Error> {
    let path = layout::media(hash);
    let file = match dir.open_read(&path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Bytes::Missing),
        other => other.during(action, &path)?,
    };
    let mut digest = Sha256::new();
    each_piece(&*file, &path, action, &mut |piece| {
        digest.update(piece);
        Ok::<(), Error>(())
    })?;
    let found: [u8; 32] = digest.finalize().into();
    Ok(if found == hash.0 { Bytes::Good } else { Bytes::Wrong })
}

fn each_piece<E: From<Error>>(
    file: &dyn ReadAt,
    path: &str,
    action: Action,
    each: &mut dyn FnMut(&[u8]) -> Result<(), E>,
) -> Result<u64, E> {
    let mut piece = vec![0; PIECE];
    let mut at = 0;
    loop {
        let read = file.read_at(at, &mut piece).during(action, path)?;
        if read == 0 {
            return Ok(at);
        }
        each(&piece[..read])?;
        at += read as u64;
    }
}

/// A file, open: its bytes were compared with its hash, and stay readable when retention removes it meanwhile.
#[derive(Debug)]
pub struct MediaBytes {
    path: String,
    file: Box<dyn ReadAt>,
    bytes: u64,
}

impl MediaBytes {
    /// How many bytes it has.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Up to `most` bytes from `offset`; none at its end.
    ///
    /// # Errors
    /// What the file system says.
    pub fn read(&self, offset: u64, most: usize) -> Result<Vec<u8>, Error> {
        let mut piece = vec![0; most];
        let read = self.file.read_at(offset, &mut piece).during(Action::Show, &self.path)?;
        piece.truncate(read);
        Ok(piece)
    }
}

impl Reader {
    /// Opens a file to be read piece by piece; `None` where no record that is there refers to it. Its hash is compared first.
    ///
    /// # Errors
    /// `Damage` where the file is missing or its bytes are others; `Catalog`, and what the file system says.
    pub fn open_media(&self, hash: &MediaHash) -> Result<Option<MediaBytes>, Error> {
        if !self.ask(|catalog| catalog.shows(&hash.0))? {
            return Ok(None);
        }
        let path = layout::media(hash);
        match check(&*self.dir, hash, Action::Show)? {
            Bytes::Good => {}
            Bytes::Wrong => return Err(Error::damage(Action::Show, path, "its bytes are others")),
            Bytes::Missing => return Err(Error::damage(Action::Show, path, "the file is missing")),
        }
        let file = self.dir.open_read(&path).during(Action::Show, &path)?;
        let bytes = file.len().during(Action::Show, &path)?;
        Ok(Some(MediaBytes { path, file, bytes }))
    }

    /// Hands the bytes of a file to `each`, piece by piece, and gives how many they were; `None` where no record that is
    /// there refers to it. Its hash is compared before the first byte is handed out.
    ///
    /// # Errors
    /// `Damage` where the file is missing or its bytes are others; `Catalog`, what the file system says, and what `each`
    /// returns.
    pub fn media<E: From<Error>>(
        &self,
        hash: &MediaHash,
        each: &mut dyn FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<Option<u64>, E> {
        let Some(MediaBytes { path, file, .. }) = self.open_media(hash)? else { return Ok(None) };
        each_piece(&*file, &path, Action::Show, each).map(Some)
    }

    /// How many files records refer to.
    ///
    /// # Errors
    /// What is wrong with the catalog.
    pub fn media_stats(&self) -> Result<MediaStats, Error> {
        let (files, bytes) = self.ask(|catalog| catalog.media_sums())?;
        Ok(MediaStats { files, bytes })
    }
}
