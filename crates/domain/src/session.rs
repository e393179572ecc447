//! Opening guest sessions (contract §3): what is sent along, what the guest consented to, where the session is routed, and
//! what the calls say about a request.
//!
//! | file | what it is |
//! |---|---|
//! | `attributes` | the attributes of a session, and which of them may be there |
//! | `consent` | what the guest consented to, when, and to which text |
//! | `language` | language tags of BCP 47 |
//! | `routing` | priority, skills, language |
//! | `draft` | what somebody wants opened, unchecked |
//! | `request` | a draft, checked whole, becomes a [`SessionRequest`], which cannot be wrong |
//! | `outcome` | evidence becomes exactly one outcome: opened, already open, refused, failed or unknown |

mod attributes;
mod consent;
mod draft;
mod language;
mod outcome;
mod request;
mod routing;

pub use self::attributes::{Attributes, CONSENT_PREFIX};
pub use self::consent::{Consent, ConsentText};
pub use self::draft::SessionDraft;
pub use self::language::LanguageTag;
pub use self::outcome::{
    Evidence, OpenedSession, OpeningKind, OpeningOutcome, Refusal, SameSession, Verdict, judge,
};
pub use self::request::{CheckedSession, SessionRefusal, SessionRequest};
pub use self::routing::{Routing, Skill};
