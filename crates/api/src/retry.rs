//! The one retry loop, over a pure table.
//!
//! | file | what it is |
//! |---|---|
//! | [`classify`] | from a status or a transport error to a [`classify::Fault`] |
//! | [`decide`] | the table: fault × kind of call × state so far → verdict |
//! | [`backoff`] | full jitter, where the server named no wait |
//! | [`retry_after`] | the wait the server named, in every form |
//! | [`budget`] | repeats a host has left |
//! | [`run`] | the loop |

pub(crate) mod backoff;
pub(crate) mod budget;
pub(crate) mod classify;
pub(crate) mod decide;
pub(crate) mod retry_after;
pub(crate) mod run;
