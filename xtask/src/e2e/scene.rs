//! Where one scenario happens: its folder, its chances, its tenants.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use frontdesk_sandbox::Config;
use tempfile::TempDir;

use super::desk::Desk;
use super::files;
use super::house::House;
use super::random::Random;
use super::tenant::Tenant;
use crate::Outcome;

/// One scenario's surroundings.
pub(super) struct Scene<'h> {
    pub(super) house: &'h House,
    folder: TempDir,
    random: Mutex<Random>,
}

impl<'h> Scene<'h> {
    pub(super) fn open(house: &'h House, name: &str) -> Result<Self, String> {
        let mut folder = tempfile::Builder::new()
            .prefix("frontdesk-e2e-")
            .tempdir()
            .map_err(|error| format!("no folder: {error}"))?;
        folder.disable_cleanup(house.options.keep);
        let scene = Self { house, folder, random: Mutex::new(Random::new(house.options.seed, name)) };
        files::create_folder(&scene.path("home"))?;
        files::create_folder(&scene.hidden(""))?;
        Ok(scene)
    }

    /// A place for what the binary writes. All of it is searched for secrets at the end.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.world().join(name)
    }

    /// A place for what the scenario writes itself, secrets too.
    pub(super) fn hidden(&self, name: &str) -> PathBuf {
        self.folder.path().join("hidden").join(name)
    }

    /// The folder that holds everything the binary was told to write to, and so must hold everything it wrote.
    pub(super) fn world(&self) -> &Path {
        self.folder.path()
    }

    pub(super) fn random(&self) -> MutexGuard<'_, Random> {
        self.random.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The binary, with a data folder of its own and nothing in its environment.
    pub(super) fn desk(&self, data: &str) -> Desk<'_> {
        Desk::new(self, self.path(data))
    }

    /// Starts a tenant that knows its client by the house's canary.
    pub(super) fn tenant(&self, config: Config) -> Result<Tenant<'h>, String> {
        Tenant::start(self.house, config)
    }

    /// Starts one that serves the vendor's published contract too.
    pub(super) fn tenant_of_both(&self, config: Config) -> Result<Tenant<'h>, String> {
        Tenant::start_both(self.house, config)
    }

    /// A seed for a sandbox.
    pub(super) fn seed(&self) -> u64 {
        self.random().next()
    }

    /// Looks for secrets in what is left.
    pub(super) fn close(&self) -> Outcome {
        for path in files::below(self.world())? {
            if !path.starts_with(self.hidden("")) {
                self.house.canary.check_file(&path)?;
            }
        }
        Ok(())
    }
}
