//! Guests who come in over the web deployment: their sockets (platform contract C.2), what they bring
//! along, and their history (C.1). A guest's session is one of the sandbox's sessions, seen by everybody
//! else as if it had been opened by a request.

mod files;
mod frame;
mod history;
mod jwt;
mod plan;
mod protocol;
mod request;
mod session;
mod talking;
mod upload;
mod window;

pub(crate) use frame::Frame;
pub(super) use history::ROUTES as HISTORY;
pub(crate) use jwt::{Subject, issue};
pub use plan::DeploymentPlan;
pub(crate) use protocol::Barred;
pub(crate) use session::WebGuests;
pub(super) use upload::ROUTES as UPLOADS;
pub(super) use window::Window;

use crate::random::{mix, write_id};

/// A UUID made from two numbers.
pub(crate) fn id(seed: u64, number: u64) -> String {
    let mut id = Vec::with_capacity(36);
    write_id(&mut id, mix(seed, number), mix(number, seed));
    String::from_utf8_lossy(&id).into_owned()
}
