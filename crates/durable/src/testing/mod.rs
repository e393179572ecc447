//! Directories for tests: one that crashes, one that fails, one that records.
