//! What a client can and may do, asked for by calls that change nothing: its token, and each job's permission.
//!
//! A job's permission is asked about with a conversation that cannot be there (the nil id): 404 says that the call was let in,
//! 403 that it was not (platform contract A.5, B.4).

use bytes::Bytes;
use frontdesk_domain::delivery::ClockSample;
use frontdesk_domain::{TimeRange, Timestamp};
use http::{HeaderMap, Method, StatusCode, response};
use serde::Deserialize;
use serde_json::{Value, json};

use super::Platform;
use crate::base_url::BaseUrl;
use crate::date::answered_at;
use crate::endpoint::{Auth, BodyReader, DecodeError, EncodeError, Endpoint, Repeat};
use crate::error::Error;
use crate::object::SmallObject;
use crate::request;
use crate::throttle::Limit;

/// A conversation that cannot be there.
const NOBODY: &str = "00000000-0000-0000-0000-000000000000";
/// A message that cannot be there.
const NOTHING: &str = "00000000000000000000000000000000";

/// The most bytes of what is said about a token.
const MOST_BYTES: usize = 256 << 10;

/// Something that is done on the platform and needs a permission.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Job {
    /// Listing conversations by the query.
    List,
    /// Listing them by jobs.
    ListByJobs,
    /// Looking at a conversation.
    Look,
    /// Reading the texts of messages.
    Read,
    /// Sending messages.
    Send,
    /// Ending conversations.
    End,
}

impl Job {
    /// Every job, in the order in which they build on each other.
    pub const ALL: [Self; 6] = [Self::List, Self::ListByJobs, Self::Look, Self::Read, Self::Send, Self::End];

    /// What the job is, in a word.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::List => "listing",
            Self::ListByJobs => "jobs",
            Self::Look => "looking",
            Self::Read => "reading",
            Self::Send => "sending",
            Self::End => "ending",
        }
    }

    /// The permissions of which it needs one (platform contract C).
    #[must_use]
    pub fn permissions(self) -> &'static [&'static str] {
        match self {
            Self::List => super::details_query::VIEW,
            Self::ListByJobs => &["analytics:conversationDetail:view"],
            Self::Look => &["conversation:communication:view"],
            Self::Read => super::messages::VIEW,
            Self::Send => &["conversation:message:create", "conversation:webmessaging:create"],
            Self::End => &["conversation:communication:disconnect", "conversation:message:park"],
        }
    }

    fn call(self, now: Timestamp) -> (Method, String, Option<Value>) {
        let messages = format!("/api/v2/conversations/messages/{NOBODY}");
        match self {
            Self::List => {
                let before = now.checked_sub(std::time::Duration::from_secs(3_600)).unwrap_or(now);
                let millis = |time: Timestamp| {
                    Timestamp::from_nanos(time.as_nanos() / 1_000_000 * 1_000_000).unwrap_or(time)
                };
                let interval = TimeRange::new(millis(before), millis(now)).map(|range| range.to_string());
                let body = json!({"interval": interval.unwrap_or_default(), "paging": {"pageSize": 1, "pageNumber": 1}});
                (Method::POST, "/api/v2/analytics/conversations/details/query".to_owned(), Some(body))
            }
            Self::ListByJobs => {
                (Method::GET, "/api/v2/analytics/conversations/details/jobs/availability".to_owned(), None)
            }
            Self::Look => (Method::GET, format!("/api/v2/conversations/{NOBODY}"), None),
            Self::Read => (Method::GET, format!("{messages}/messages/{NOTHING}"), None),
            Self::Send => (
                Method::POST,
                format!("{messages}/communications/{NOBODY}/messages"),
                Some(json!({"textBody": ""})),
            ),
            Self::End => (Method::PATCH, messages, Some(json!({"state": "disconnected"}))),
        }
    }
}

/// What the platform says of itself beside an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sign {
    /// Its clock beside ours; none where the answer has no `Date` that can be read.
    pub clock: Option<ClockSample>,
    /// The limit the answer states; none where it states none.
    pub quota: Option<Quota>,
}

/// How much may be asked, and how much of it is used up (platform contract B.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    /// Requests of a window of a minute.
    pub allowed: u64,
    /// Those of it that are used up, where the answer says so.
    pub used: Option<u64>,
}

/// Whose token it is (platform contract A.6).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TokenInfo {
    /// The organisation's name.
    pub organization: Option<String>,
    /// The organisation's id.
    pub organization_id: Option<String>,
    /// The OAuth client's name.
    pub client: Option<String>,
}

impl Platform {
    /// Asks whose token it is.
    ///
    /// # Cancel safety
    /// Safe: a read has changed nothing.
    ///
    /// # Errors
    /// When there is no token to be had, or the platform does not say.
    pub async fn token_info(&self) -> Result<(TokenInfo, Sign), Error> {
        let ((info, head), took) = self.client.send_timed(&ReadToken, self.call()).await?;
        Ok((info, self.sign(head, took)))
    }

    /// Asks whether the client may do a job, by a call that changes nothing.
    ///
    /// # Cancel safety
    /// Safe: nothing is changed.
    ///
    /// # Errors
    /// When it may not, with the permissions that are missing; or when the platform does not say.
    pub async fn may(&self, job: Job) -> Result<Sign, Error> {
        let probe = Probe { job, now: self.client.now() };
        let (head, took) = self.client.send_timed(&probe, self.call()).await?;
        Ok(self.sign(head, took))
    }

    fn sign(&self, head: Head, took: std::time::Duration) -> Sign {
        let clock = head.date.and_then(|date| ClockSample::new(self.client.now(), took, date));
        Sign { clock, quota: head.quota }
    }
}

/// What is read of an answer's head.
#[derive(Debug, Clone, Copy)]
struct Head {
    date: Option<Timestamp>,
    quota: Option<Quota>,
}

impl Head {
    fn read(headers: &HeaderMap) -> Self {
        let quota = Limit::read(headers).map(|limit| Quota { allowed: limit.allowed, used: limit.count });
        Self { date: answered_at(headers), quota }
    }
}

/// Asks whether a job is let in.
#[derive(Debug)]
struct Probe {
    job: Job,
    now: Timestamp,
}

impl Endpoint for Probe {
    type Output = Head;
    type Reader = Admitted;

    const OPERATION: &'static str = "permission check";
    // It is about what is not there, so it changes nothing.
    const REPEAT: Repeat = Repeat::Safe;
    const AUTH: Auth = Auth::Bearer;
    const SCOPE: Option<&'static str> = None;

    /// Whoever is told that there is no such thing, or that it cannot be like this, was let in.
    fn answers(&self, status: StatusCode) -> bool {
        matches!(status.as_u16(), 400 | 404 | 409)
    }

    fn request(&self, base: &BaseUrl) -> Result<http::Request<Bytes>, EncodeError> {
        let (method, path, body) = self.job.call(self.now);
        match body {
            Some(body) => request::json(method, base, &path, body.to_string(), "the check"),
            None => request::bare(method, base, &path, "the check"),
        }
    }

    fn reader(&self, head: &response::Parts) -> Result<Admitted, DecodeError> {
        Ok(Admitted(Head::read(&head.headers)))
    }
}

/// An answer of which the head says enough.
#[derive(Debug)]
struct Admitted(Head);

impl BodyReader for Admitted {
    type Output = Head;

    fn push(&mut self, _: &[u8]) -> Result<(), DecodeError> {
        Ok(())
    }

    fn spare_bytes(&self) -> Option<u64> {
        Some(64 << 10)
    }

    fn finish(self) -> Result<Head, DecodeError> {
        Ok(self.0)
    }
}

/// Asks whose token it is.
#[derive(Debug)]
struct ReadToken;

impl Endpoint for ReadToken {
    type Output = (TokenInfo, Head);
    type Reader = TokenReader;

    const OPERATION: &'static str = "token look-up";
    const REPEAT: Repeat = Repeat::Safe;
    const AUTH: Auth = Auth::Bearer;
    const SCOPE: Option<&'static str> = None;

    fn request(&self, base: &BaseUrl) -> Result<http::Request<Bytes>, EncodeError> {
        request::get(base, "/api/v2/tokens/me", "the base URL")
    }

    fn reader(&self, head: &response::Parts) -> Result<TokenReader, DecodeError> {
        Ok(TokenReader { head: Head::read(&head.headers), object: SmallObject::about("a token", MOST_BYTES) })
    }
}

/// Reads whose token it is.
#[derive(Debug)]
struct TokenReader {
    head: Head,
    object: SmallObject,
}

impl BodyReader for TokenReader {
    type Output = (TokenInfo, Head);

    fn push(&mut self, chunk: &[u8]) -> Result<(), DecodeError> {
        self.object.push(chunk)
    }

    fn finish(self) -> Result<(TokenInfo, Head), DecodeError> {
        #[derive(Deserialize)]
        struct Me {
            #[serde(default)]
            organization: Value,
            #[serde(default, rename = "OAuthClient")]
            client: Value,
        }
        let Me { organization, client } = self.object.read("it is about no token")?;
        let text = |value: &Value, name: &str| value.get(name).and_then(Value::as_str).map(str::to_owned);
        let info = TokenInfo {
            organization: text(&organization, "name"),
            organization_id: text(&organization, "id"),
            client: text(&client, "name"),
        };
        Ok((info, self.head))
    }
}
