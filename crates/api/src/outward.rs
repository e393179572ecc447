//! Calls to addresses that come from outside: webhooks and media.
//!
//! Whoever names such an address must not be able to make this process call its own machine, its neighbours or a
//! cloud's metadata service. So there is one door, and behind it:
//!
//! - the URL is read once, and written anew for the connection: nobody else reads it differently ([`OutwardUrl`]);
//! - every address is judged by an [`AddressPolicy`] right before the connection, and the connection goes to the judged
//!   addresses only: a name that answers differently a moment later is not asked again;
//! - a redirect is an answer. Who follows one comes through this door again, hop by hop;
//! - no proxy, no token: this transport knows none;
//! - bodies come as they are sent, not decompressed.
//!
//! ```
//! use frontdesk_api::outward::OutwardUrl;
//! use frontdesk_domain::address::AddressPolicy;
//!
//! let policy = AddressPolicy::default();
//! assert!(OutwardUrl::webhook("https://hooks.example.com/k", policy).is_ok());
//! for hostile in ["https://2130706433/", "https://0x7f.1/", "https://[::ffff:7f00:1]/", "gopher://hooks.example.com/"] {
//!     assert!(OutwardUrl::webhook(hostile, policy).is_err(), "{hostile}");
//! }
//! ```

mod url;
mod webhook;

#[cfg(feature = "reqwest")]
mod door;

pub use frontdesk_domain::address::{AddressPolicy, Refused};

#[cfg(feature = "reqwest")]
pub use self::door::{OutwardOptions, OutwardTransport};
pub use self::url::{OutwardUrl, OutwardUrlError};
pub use self::webhook::{ATTEMPT_TIME, REPLY_BYTES, Taken, WebhookCall, WebhookSender, header_pair};
