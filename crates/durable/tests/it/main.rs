//! The tests of the durable room: what every directory must do, the exact steps of each operation, and each operation
//! with a failure and a crash at each of its steps.
#![expect(clippy::unwrap_used, reason = "tests")]

mod conformance;
mod damage;
mod lock;
mod model;
mod sequence;
mod steps;
mod system;

use std::sync::Arc;

use frontdesk_durable::{Dir, LogError, LogReader, Members, Sha256Hash, sha256};
use serde_json::{Value, json};

/// The seed of every log in these tests, so that a log under another seed is foreign.
fn seed() -> Sha256Hash {
    sha256(b"archive 5f0c")
}

/// A line that tells which one it is and has about `size` bytes.
fn entry(id: u64, size: usize) -> Members {
    Members::new(&json!({"id": id, "text": "x".repeat(size)})).unwrap()
}

/// The ids of the lines of a log, as a reader sees them.
fn ids(dir: &dyn Dir, path: &str) -> Result<Vec<u64>, LogError> {
    LogReader::open(dir, path, seed())?.lines().map(|line| Ok(id_of(&line?.members().unwrap()))).collect()
}

fn id_of(members: &serde_json::Map<String, Value>) -> u64 {
    members["id"].as_u64().unwrap()
}

fn shared(dir: impl Dir + 'static) -> Arc<dyn Dir> {
    Arc::new(dir)
}
