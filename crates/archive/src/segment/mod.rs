//! Segments: series of gzip members that explain themselves.

pub(crate) mod check;
pub(crate) mod header;
pub(crate) mod pack;
pub(crate) mod recover;
pub(crate) mod scan;
pub(crate) mod varint;
pub(crate) mod walk;
pub(crate) mod write;
