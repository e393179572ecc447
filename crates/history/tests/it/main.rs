//! The job from outside: a source that is a script, a journal and working files that are real.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on may panic")]
#![expect(
    clippy::disallowed_methods,
    reason = "a test plays the process that died and the disk that lost something"
)]

mod desk;

mod crash;
mod media;
mod order;
mod pull;
mod storage;
