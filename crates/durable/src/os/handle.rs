//! A file handle that finishes what it begins and stops at the first failure.

use std::fmt;
use std::fs::File;
use std::io;
use std::path::PathBuf;

use crate::dir::{ReadAt, WriteAt};
use crate::failure::{Poison, during};

/// One system call each: may be interrupted, may do less than asked.
pub(super) trait RawFile: Send + Sync + fmt::Debug {
    fn read_some(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize>;
    fn write_some(&self, offset: u64, bytes: &[u8]) -> io::Result<usize>;
    fn sync(&self, data_only: bool) -> io::Result<()>;
    fn resize(&self, len: u64) -> io::Result<()>;
    fn length(&self) -> io::Result<u64>;
}

impl RawFile for File {
    #[cfg(unix)]
    fn read_some(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        std::os::unix::fs::FileExt::read_at(self, buffer, offset)
    }

    #[cfg(unix)]
    fn write_some(&self, offset: u64, bytes: &[u8]) -> io::Result<usize> {
        std::os::unix::fs::FileExt::write_at(self, bytes, offset)
    }

    // These move the file's position too, which nothing here uses.
    #[cfg(windows)]
    fn read_some(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        std::os::windows::fs::FileExt::seek_read(self, buffer, offset)
    }

    #[cfg(windows)]
    fn write_some(&self, offset: u64, bytes: &[u8]) -> io::Result<usize> {
        std::os::windows::fs::FileExt::seek_write(self, bytes, offset)
    }

    fn sync(&self, data_only: bool) -> io::Result<()> {
        if data_only { self.sync_data() } else { self.sync_all() }
    }

    fn resize(&self, len: u64) -> io::Result<()> {
        self.set_len(len)
    }

    fn length(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }
}

/// An open file under the contract of [`WriteAt`].
#[derive(Debug)]
pub(super) struct Handle<R> {
    raw: R,
    path: PathBuf,
    poison: Poison,
}

impl<R: RawFile> Handle<R> {
    pub(super) fn new(raw: R, path: PathBuf) -> Self {
        Self { raw, path, poison: Poison::default() }
    }
}

/// Repeats a call for as long as a signal interrupts it.
fn uninterrupted<T>(mut call: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match call() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            other => return other,
        }
    }
}

impl<R: RawFile> ReadAt for Handle<R> {
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        uninterrupted(|| self.raw.read_some(offset, buffer)).map_err(during("read", &self.path))
    }

    fn len(&self) -> io::Result<u64> {
        self.raw.length().map_err(during("look at", &self.path))
    }
}

impl<R: RawFile> WriteAt for Handle<R> {
    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let raw = &self.raw;
        self.poison.guard("write", &self.path, || {
            let mut done = 0;
            while done < bytes.len() {
                match uninterrupted(|| raw.write_some(offset + done as u64, &bytes[done..]))? {
                    0 => return Err(io::ErrorKind::WriteZero.into()),
                    written => done += written,
                }
            }
            Ok(())
        })
    }

    fn sync_data(&mut self) -> io::Result<()> {
        self.poison.guard("fdatasync", &self.path, || uninterrupted(|| self.raw.sync(true)))
    }

    fn sync_all(&mut self) -> io::Result<()> {
        self.poison.guard("fsync", &self.path, || uninterrupted(|| self.raw.sync(false)))
    }

    fn set_len(&mut self, len: u64) -> io::Result<()> {
        self.poison.guard("truncate", &self.path, || uninterrupted(|| self.raw.resize(len)))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::sync::{Arc, Mutex};

    use super::*;
    use crate::failure::{Failure, is_poisoned, os_code};

    const EIO: i32 = 5;
    const EINTR: i32 = 4;

    /// A file whose next answers are given: bytes done, or an errno. Notes the calls.
    #[derive(Debug, Clone, Default)]
    struct Scripted(Arc<Mutex<Script>>);

    #[derive(Debug, Default)]
    struct Script {
        answers: VecDeque<Result<usize, i32>>,
        calls: Vec<String>,
    }

    impl Scripted {
        fn answers(answers: impl IntoIterator<Item = Result<usize, i32>>) -> Self {
            let scripted = Self::default();
            scripted.0.lock().unwrap().answers.extend(answers);
            scripted
        }

        fn call(&self, call: String) -> io::Result<usize> {
            let mut script = self.0.lock().unwrap();
            script.calls.push(call);
            script.answers.pop_front().unwrap_or(Ok(usize::MAX)).map_err(io::Error::from_raw_os_error)
        }

        fn calls(&self) -> Vec<String> {
            self.0.lock().unwrap().calls.clone()
        }

        fn handle(&self) -> Handle<Self> {
            Handle::new(self.clone(), PathBuf::from("log"))
        }
    }

    impl RawFile for Scripted {
        fn read_some(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
            Ok(self.call(format!("read {offset}+{}", buffer.len()))?.min(buffer.len()))
        }
        fn write_some(&self, offset: u64, bytes: &[u8]) -> io::Result<usize> {
            Ok(self.call(format!("write {offset}+{}", bytes.len()))?.min(bytes.len()))
        }
        fn sync(&self, data_only: bool) -> io::Result<()> {
            self.call(format!("sync {data_only}")).map(drop)
        }
        fn resize(&self, len: u64) -> io::Result<()> {
            self.call(format!("resize {len}")).map(drop)
        }
        fn length(&self) -> io::Result<u64> {
            Ok(0)
        }
    }

    #[test]
    fn short_and_interrupted_writes_are_completed() {
        let raw = Scripted::answers([Ok(1), Err(EINTR), Ok(3), Err(EINTR)]);
        raw.handle().write_at(100, b"0123456789").unwrap();
        assert_eq!(raw.calls(), ["write 100+10", "write 101+9", "write 101+9", "write 104+6", "write 104+6"]);
    }

    #[test]
    fn short_and_interrupted_reads_are_completed() {
        let raw = Scripted::answers([Err(EINTR), Ok(2), Ok(1), Ok(0)]);
        let error = raw.handle().read_exact_at(7, &mut [0; 4]).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
        assert_eq!(raw.calls(), ["read 7+4", "read 7+4", "read 9+2", "read 10+1"]);
    }

    #[test]
    fn a_write_of_nothing_is_an_error_and_not_a_loop() {
        let error = Scripted::answers([Ok(0)]).handle().write_at(0, b"x").unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::WriteZero);
    }

    #[test]
    fn an_interrupted_sync_is_repeated_since_nothing_failed() {
        let raw = Scripted::answers([Err(EINTR), Ok(0)]);
        raw.handle().sync_data().unwrap();
        assert_eq!(raw.calls(), ["sync true", "sync true"]);
    }

    #[test]
    fn any_failed_change_poisons_the_handle_and_the_system_is_not_asked_again() {
        type Change = fn(&mut Handle<Scripted>) -> io::Result<()>;
        let changes: [(&str, Change); 4] = [
            ("write", |file| file.write_at(0, b"x")),
            ("fdatasync", |file| file.sync_data()),
            ("fsync", |file| file.sync_all()),
            ("truncate", |file| file.set_len(0)),
        ];
        for (name, change) in changes {
            let raw = Scripted::answers([Err(EIO)]);
            let mut file = raw.handle();
            let first = change(&mut file).unwrap_err();
            assert!(!is_poisoned(&first), "the first error is the cause itself");
            assert_eq!(os_code(&first), Some(EIO));
            assert_eq!(Failure::of(&first).unwrap().operation(), name);
            for (_, again) in changes {
                assert!(is_poisoned(&again(&mut file).unwrap_err()));
            }
            assert_eq!(raw.calls().len(), 1, "{name}: {:?}", raw.calls());
            assert_eq!(file.read_at(0, &mut [0; 1]).unwrap(), 1, "reading goes on");
        }
    }

    #[test]
    fn errors_name_operation_and_file_and_keep_their_cause() {
        let error = Scripted::answers([Err(28)]).handle().write_at(0, b"x").unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
        assert_eq!(error.to_string(), "write failed on log");
        let cause = std::error::Error::source(&error).unwrap();
        assert!(cause.to_string().contains("os error 28"), "{cause}");
    }
}
