//! The job against a tenant in process: no socket, virtual time, a real archive on disk.
#![expect(clippy::unwrap_used, reason = "a test ends where something is not as it must be")]

mod flight;
mod import;
mod layout;
mod past;
mod platform;
mod pull;
mod resume;
mod retain;
mod tenant;
mod transcripts;
