//! The right to deliver.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use frontdesk_durable::{Lock, LockError, OsDir};

use crate::error::{Action, During, Error, ErrorKind};
use crate::layout;

/// The right to deliver what is in the outbox: one process at a time has it. It ends with the value, or with the
/// process, however that ends.
///
/// Without it two processes would send the same webhook twice and out of order. The other way, a lease in the database,
/// would let what a killed process was sending wait until the lease is over.
#[derive(Debug)]
pub struct Outbox {
    _lock: Lock,
}

impl Outbox {
    /// Takes the right to deliver for the journal in the folder `root`; `None` when another process has it, which then
    /// delivers what this one stores.
    ///
    /// # Errors
    /// `ReadOnly` and `Storage`.
    pub fn claim(root: &Path, holder: &str) -> Result<Option<Self>, Error> {
        let dir = OsDir::open(root).during(Action::Open, layout::OUTBOX_LOCK)?;
        let wait = Duration::ZERO;
        match Lock::acquire(Arc::new(dir), layout::OUTBOX_LOCK, holder, wait, &mut |_| {}) {
            Ok(lock) => Ok(Some(Self { _lock: lock })),
            Err(LockError::Busy { .. }) => Ok(None),
            Err(error @ LockError::NotWritable { .. }) => {
                Err(Error::with_source(Action::Open, layout::OUTBOX_LOCK, ErrorKind::ReadOnly, error))
            }
            Err(error) => {
                Err(Error::with_source(Action::Open, layout::OUTBOX_LOCK, ErrorKind::Storage, error))
            }
        }
    }
}
