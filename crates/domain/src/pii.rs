//! What gives a person away in the attributes of a session, and in any text (contract §3).
//!
//! | file | what it is |
//! |---|---|
//! | `kind` | what is told apart, and what is done about it |
//! | `keys` | names of attributes that promise such a value |
//! | `policy` | both together, as a profile sets them |
//! | `scan` | one pass over a text: where something begins, and which recogniser looks at it |
//! | `digits` | groups of digits as people write them, whatever separates them |
//! | `context` | what the words before a number say about it |
//! | `email`, `phone`, `card`, `iban`, `ssn`, `ip` | one recogniser each |
//! | `numbering` | which digits are a phone number of a country |
//! | `region` | the region whose phone numbers need no `+` |
//! | `redact` | a text without what was found |
//!
//! A text is read once, from left to right; what a recogniser may look at around a place is bounded. So the time is
//! linear in the length of the text, whatever is in it. `docs/pii.md` says what each recogniser accepts and what it
//! finds on labelled text.
//!
//! ```
//! use frontdesk_domain::pii::{PiiKind, PiiPolicy, find, redact};
//!
//! let text = "write to ana@example.org, card 4111 1111 1111 1111";
//! let kinds: Vec<_> = find(text, None).map(|found| found.kind).collect();
//! assert_eq!(kinds, [PiiKind::Email, PiiKind::Card]);
//! assert_eq!(redact(text, None), "write to [email], card [card]");
//! assert!(PiiPolicy::default().blocked_key("customerEmail").is_some());
//! ```

mod card;
mod context;
mod digits;
mod email;
mod iban;
mod ip;
mod keys;
mod kind;
mod numbering;
mod phone;
mod policy;
mod redact;
mod region;
mod scan;
mod ssn;

pub use self::keys::{KeyMode, KeyPattern};
pub use self::kind::{Action, PiiFinding, PiiKind, PiiMatch, UnknownWord};
pub use self::policy::PiiPolicy;
pub use self::redact::redact;
pub use self::region::{Region, RegionError};
pub use self::scan::{Matches, find};
