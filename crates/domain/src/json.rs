//! JSON as bytes: checked, measured and compacted, never turned into a tree.
//!
//! A record is kept byte for byte, so what the archive needs to know of JSON is where things are. One push machine
//! walks the bytes once, without recursion, whatever the chunks they come in; [`scan`], [`compact`], [`Splitter`] and
//! the extractors of [`payload`](crate::payload) are listeners to it.
//!
//! It is RFC 8259, strictly. What the RFC leaves to the implementation is decided here, once:
//!
//! | class | decision |
//! |---|---|
//! | nesting | 128 containers ([`MAX_DEPTH`]) are accepted, 129 are refused |
//! | any value at the top, scalars too | accepted |
//! | byte order mark, UTF-16, UTF-32 | refused |
//! | UTF-8 | checked: no overlong form, no surrogate, nothing past U+10FFFF, nothing cut off |
//! | non-characters (U+FFFF, U+FDD0), U+2028, U+007F in strings | accepted |
//! | escaped lone surrogates (`"\ud800"`) | accepted and kept as they came; read as U+FFFD by [`text`] |
//! | NUL | refused raw, accepted escaped (`"\u0000"`) |
//! | numbers of any size and precision (`1e999999`, `-0`, 400 digits) | accepted and kept as text; nobody computes with them |
//! | duplicate keys, empty keys | accepted and kept; the last one wins on reading |
//! | white space | the four of the RFC; a form feed, U+00A0 and U+2060 are refused |
//! | empty input, several values, anything after the value | refused |
//!
//! ```
//! use frontdesk_domain::json;
//!
//! assert_eq!(&*json::compact(b"{ \"a\" : [1, 2] }")?, br#"{"a":[1,2]}"#);
//! let error = json::scan(b"{\"a\":tru}").unwrap_err();
//! assert_eq!(error.to_string(), "malformed JSON at byte 8: expected `true`, `false` or `null`");
//! # Ok::<(), frontdesk_domain::json::JsonError>(())
//! ```

mod compact;
mod error;
mod machine;
mod quoted;
mod scan;
mod splitter;
mod text;

pub(crate) use compact::Gaps;
pub use compact::compact;
pub use error::{JsonError, JsonFault};
pub use machine::MAX_DEPTH;
pub(crate) use machine::{Machine, Sink};
pub use scan::{Member, Scan, scan};
pub use splitter::{MAX_ELEMENT_BYTES, MAX_TAIL_BYTES, Splitter, Tail};
pub use text::text;
pub(crate) use text::{TextFault, append_text, is_key, whole_text, with_key};
