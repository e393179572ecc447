//! What a fault does.

use std::time::Duration;

use http::{HeaderValue, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::moment::Moment;
use crate::random::fraction;
use crate::reply::{Break, Ending, Reply};
use crate::route::Endpoint;

/// What happens to a request or its answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Effect {
    /// Another status instead of the answer; the request is not looked at.
    Status {
        /// 200 to 599.
        status: u16,
        /// Each becomes a `Retry-After` header.
        #[serde(default)]
        retry_after: Vec<RetryAfter>,
        /// A body of another kind than the JSON error.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        body: Option<String>,
    },
    /// The request is carried out, and its answer is replaced by one with another status: whoever asked
    /// cannot know that it was.
    CommittedThen {
        /// 200 to 599.
        status: u16,
    },
    /// The connection breaks before the first byte of an answer, and the request is not carried out.
    Unheard(Break),
    /// The connection is reset; the request was carried out, as with every break that follows.
    Reset(Point),
    /// The connection is closed in order, too early.
    Cut(Point),
    /// The connection falls silent and stays open.
    Stall(Point),

    // "A page" is one of a details query or of a history.
    /// A page whose next token is the one that fetched it (A → A).
    RepeatToken,
    /// A page whose next token is that of the page before (A → B → A).
    LoopToken,
    /// A page whose next token is a new one for the same page; when it fires on every
    /// request there are new tokens for ever.
    SamePage,
    /// A page without records and with a next token; when it fires on every request
    /// there are empty pages for ever, otherwise nothing is lost.
    EmptyPage,
    /// A page of fewer records than were asked for; nothing is lost.
    ShortPage {
        /// At most so many, at least one.
        records: u64,
    },
    /// A page that begins early: records served already come again, as if new ones had pushed
    /// them back. Nothing is skipped.
    Drift {
        /// So many; less than the page size in any case, so that the pages get on.
        records: u64,
    },
    /// A page with this text as its next token.
    NextPage(String),

    /// A history page without its `meta`.
    PageWithoutMeta,
    /// A history page without its `entities`.
    PageWithoutEntities,
    /// A page with one more record, which has no id.
    RecordWithoutId,
    /// A page with one more record for each of these ids.
    Ids(Vec<String>),
    /// A page with one more record, whose transcript or text is this long.
    LongTranscript {
        /// Bytes of it.
        bytes: u64,
    },

    /// A token answer with this `expires_in`; `null` leaves it out.
    ExpiresIn(Option<Value>),

    /// A redirect.
    Redirect {
        /// 300 to 399.
        status: u16,
        /// The `Location` header.
        location: String,
    },
    /// 200 with a body that is no JSON but says it is.
    NotJson,
    /// 200 with a page for people.
    Html,
    /// 200 without a body.
    Empty,
    /// 200 with a details page in which arrays are nested.
    Deep {
        /// This deep.
        levels: u64,
    },
    /// 200 with zeros packed by gzip.
    GzipBomb {
        /// Bytes after unpacking.
        bytes: u64,
    },
    /// 200 with this text as JSON.
    Text(String),
    /// 200 with so many bytes of no meaning.
    Large {
        /// Bytes of the body.
        bytes: u64,
    },
    /// The body arrives byte by byte.
    Trickle {
        /// How long each byte takes, in milliseconds.
        every_ms: u64,
    },
}

/// Where in an answer something happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Point {
    /// Before the first byte.
    BeforeHead,
    /// After the head and so many bytes of the body; a body that is no longer than that stays whole.
    Byte(u64),
    /// After the head, at a byte of the body that the seed chooses.
    Anywhere,
}

/// The value of a `Retry-After` header.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum RetryAfter {
    /// As it is.
    Text(String),
    /// An HTTP date so many seconds after the sandbox's now.
    Date {
        /// May be negative.
        date_in_seconds: i64,
        /// Which of the three forms of RFC 9110.
        #[serde(default)]
        form: DateForm,
    },
}

/// The three forms of an HTTP date (RFC 9110 §5.6.7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DateForm {
    /// `Sun, 06 Nov 1994 08:49:37 GMT`
    #[default]
    Imf,
    /// `Sunday, 06-Nov-94 08:49:37 GMT`
    Rfc850,
    /// `Sun Nov  6 08:49:37 1994`
    Asctime,
}

impl RetryAfter {
    pub(super) fn is_header_value(&self) -> bool {
        match self {
            RetryAfter::Text(text) => HeaderValue::from_str(text).is_ok(),
            RetryAfter::Date { .. } => true,
        }
    }

    pub(super) fn value(&self, now: Moment) -> String {
        match self {
            RetryAfter::Text(text) => text.clone(),
            RetryAfter::Date { date_in_seconds, form } => {
                let format = match form {
                    DateForm::Imf => "%a, %d %b %Y %H:%M:%S GMT",
                    DateForm::Rfc850 => "%A, %d-%b-%y %H:%M:%S GMT",
                    DateForm::Asctime => "%a %b %e %H:%M:%S %Y",
                };
                let date = now.shifted(jiff::SignedDuration::from_secs(*date_in_seconds));
                date.timestamp().strftime(format).to_string()
            }
        }
    }
}

impl Effect {
    pub(super) fn check(&self) -> Result<(), String> {
        match self {
            Effect::Status { status, retry_after, .. } => {
                if !(200..600).contains(status) || StatusCode::from_u16(*status).is_err() {
                    return Err(format!("{status} is no status"));
                }
                if retry_after.iter().all(RetryAfter::is_header_value) {
                    Ok(())
                } else {
                    Err("a Retry-After is not fit for a header".to_owned())
                }
            }
            Effect::CommittedThen { status } => match (200..600).contains(status) {
                true => Ok(()),
                false => Err(format!("{status} is no status")),
            },
            Effect::Redirect { status, location } => {
                let fit = (300..400).contains(status) && HeaderValue::from_str(location).is_ok();
                if fit { Ok(()) } else { Err("not a redirect's status, or not fit for a header".to_owned()) }
            }
            _ => Ok(()),
        }
    }

    /// Its name in the statistics.
    pub(crate) fn name(&self) -> String {
        match self {
            Effect::Status { status, .. } => format!("status_{status}"),
            Effect::CommittedThen { status } => format!("committed_then_{status}"),
            Effect::Unheard(_) => "unheard".to_owned(),
            Effect::Reset(_) => "reset".to_owned(),
            Effect::Cut(_) => "cut".to_owned(),
            Effect::Stall(_) => "stall".to_owned(),
            Effect::RepeatToken => "repeat_token".to_owned(),
            Effect::LoopToken => "loop_token".to_owned(),
            Effect::SamePage => "same_page".to_owned(),
            Effect::EmptyPage => "empty_page".to_owned(),
            Effect::ShortPage { .. } => "short_page".to_owned(),
            Effect::Drift { .. } => "drift".to_owned(),
            Effect::NextPage(_) => "next_page".to_owned(),
            Effect::PageWithoutMeta => "page_without_meta".to_owned(),
            Effect::PageWithoutEntities => "page_without_entities".to_owned(),
            Effect::Redirect { status, .. } => format!("redirect_{status}"),
            Effect::RecordWithoutId => "record_without_id".to_owned(),
            Effect::Ids(_) => "ids".to_owned(),
            Effect::LongTranscript { .. } => "long_transcript".to_owned(),
            Effect::ExpiresIn(_) => "expires_in".to_owned(),
            Effect::NotJson => "not_json".to_owned(),
            Effect::Html => "html".to_owned(),
            Effect::Empty => "empty".to_owned(),
            Effect::Deep { .. } => "deep".to_owned(),
            Effect::GzipBomb { .. } => "gzip_bomb".to_owned(),
            Effect::Text(_) => "text".to_owned(),
            Effect::Large { .. } => "large".to_owned(),
            Effect::Trickle { .. } => "trickle".to_owned(),
        }
    }

    /// Whether it makes sense there: page faults only where there are pages, token faults only in tokens.
    pub(super) fn suits(&self, endpoint: Option<Endpoint>) -> bool {
        match self {
            Effect::ExpiresIn(_) => endpoint == Some(Endpoint::Token),
            Effect::RepeatToken
            | Effect::LoopToken
            | Effect::SamePage
            | Effect::EmptyPage
            | Effect::ShortPage { .. }
            | Effect::Drift { .. }
            | Effect::NextPage(_)
            | Effect::RecordWithoutId
            | Effect::Ids(_)
            | Effect::LongTranscript { .. } => {
                matches!(endpoint, Some(Endpoint::Details | Endpoint::History))
            }
            Effect::PageWithoutMeta | Effect::PageWithoutEntities => endpoint == Some(Endpoint::History),
            _ => true,
        }
    }

    /// Breaks the answer off, or slows it down, when that is what it does. `chance` chooses a byte for
    /// `anywhere`.
    pub(crate) fn break_off(&self, reply: &mut Reply, chance: u64) {
        let (how, point) = match self {
            Effect::Trickle { every_ms } => {
                reply.pace = Some(Duration::from_millis(*every_ms));
                return;
            }
            Effect::Reset(point) => (Break::Reset, *point),
            Effect::Cut(point) => (Break::Cut, *point),
            Effect::Stall(point) => (Break::Stall, *point),
            _ => return,
        };
        let length = reply.response.body().len();
        let after = match point {
            Point::BeforeHead => None,
            Point::Byte(byte) => Some(byte),
            Point::Anywhere => Some((fraction(chance, 0) * length as f64) as u64),
        };
        // Whoever has all of the body has the answer, whatever comes after.
        if after.is_none_or(|after| after < length) {
            reply.ending = Ending::Broken { how, after };
        }
    }
}
