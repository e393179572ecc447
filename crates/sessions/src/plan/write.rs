//! Writing a plan.

use std::io;

use frontdesk_durable::Dir;
use serde::Serialize;

use super::{Outset, PlanCounts, Planned, Seal, seal};
use crate::file::Writing;

/// A plan that is being written. It is there under its name only after [`PlanWriter::finish`].
pub struct PlanWriter<'d> {
    writing: Writing<'d>,
    counts: PlanCounts,
}

impl<'d> PlanWriter<'d> {
    /// Begins the plan `name` in `dir`.
    ///
    /// # Errors
    /// `AlreadyExists` when the name is taken: a plan is not replaced. Else what the system says.
    pub fn create(dir: &'d dyn Dir, name: &str, outset: &Outset) -> io::Result<Self> {
        if dir.metadata(name).is_ok() {
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, "a file of this name is there already"));
        }
        let mut writer = Self { writing: Writing::create(dir, name)?, counts: PlanCounts::default() };
        writer.line(outset)?;
        Ok(writer)
    }

    /// Adds a guest.
    ///
    /// # Errors
    /// What the system says.
    pub fn add(&mut self, planned: &Planned) -> io::Result<()> {
        self.counts.add(&planned.planned);
        self.line(planned)
    }

    /// Seals the plan and makes it durable. `repeated` lines of the input named a guest again.
    ///
    /// # Errors
    /// What the system says; there is no plan then.
    pub fn finish(mut self, repeated: u64) -> io::Result<PlanCounts> {
        self.counts.repeated = repeated;
        let sha256 = seal(&self.writing.digest(), &self.counts);
        let counts = self.counts.clone();
        self.line(&Seal { counts: counts.clone(), sha256 })?;
        self.writing.publish()?;
        Ok(counts)
    }

    fn line<T: Serialize>(&mut self, value: &T) -> io::Result<()> {
        self.writing.line(&serde_json::to_vec(value).map_err(io::Error::other)?)
    }
}

impl std::fmt::Debug for PlanWriter<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PlanWriter").field("counts", &self.counts).finish_non_exhaustive()
    }
}
