//! Triggers: how the platform is asked to act when a conversation was created (platform contract C.13.1).
//!
//! A trigger cannot call an address. It runs a workflow of the organisation, whose data action does.

use bytes::Bytes;
use http::{Method, response};
use serde::Deserialize;
use serde_json::json;

use super::Platform;
use crate::base_url::BaseUrl;
use crate::endpoint::{Auth, BodyReader, DecodeError, EncodeError, Endpoint, Repeat};
use crate::error::{Error, ErrorKind};
use crate::object::SmallObject;
use crate::percent::encoded;
use crate::request;
use crate::subscriptions::Registered;

const PATH: &str = "/api/v2/processautomation/triggers";
/// What happens when a customer joins a conversation: the published counterpart of `conversation.created` (D.3).
const TOPIC: &str = "v2.detail.events.conversation.{id}.customer.start";
/// No page of triggers is larger, in bytes.
const MOST_BYTES: usize = 8 << 20;
/// Pages of triggers that are read: 200 each.
const MOST_PAGES: usize = 50;

/// A trigger that is wanted: it runs this workflow when a customer starts a messaging conversation.
///
/// ```
/// use frontdesk_api::TriggerWish;
///
/// let wish = TriggerWish { name: "CRM_Session_Sync".to_owned(), workflow: "3c5e0b8e-…".to_owned() };
/// # let _ = wish;
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TriggerWish {
    /// Its name.
    pub name: String,
    /// The workflow (an Architect flow) it runs: its id.
    pub workflow: String,
}

impl Platform {
    /// Sees to it that there is such a trigger: looks whether one with this name and workflow is there, and creates it where
    /// none is. The same wish again changes nothing.
    ///
    /// # Cancel safety
    /// A dropped call may have created the trigger; to ask again does no harm.
    ///
    /// # Errors
    /// When the platform does not say that the trigger is there.
    pub async fn trigger(&self, wish: &TriggerWish) -> Result<Registered, Error> {
        if let Some(id) = self.find_trigger(wish).await? {
            return Ok(Registered { id, is_new: false });
        }
        match self.client.send(&CreateTrigger { wish: wish.clone() }, &self.options).await {
            Ok(id) => Ok(Registered { id, is_new: true }),
            // Nothing makes two of these calls one, so after a lost answer the list says what came of it.
            Err(error) if error.may_have_been_processed() || is_conflict(&error) => {
                let is_new = error.may_have_been_processed();
                self.find_trigger(wish).await?.map(|id| Registered { id, is_new }).ok_or(error)
            }
            Err(error) => Err(error),
        }
    }

    async fn find_trigger(&self, wish: &TriggerWish) -> Result<Option<String>, Error> {
        let mut next = Some(format!("{PATH}?pageSize=200&topicName={}", encoded(TOPIC)));
        for _ in 0..MOST_PAGES {
            let Some(path) = next.take() else { return Ok(None) };
            let page = self.client.send(&ListTriggers { path }, &self.options).await?;
            let found = page.entities.into_iter().find(|trigger| {
                trigger.name.as_deref() == Some(&*wish.name)
                    && trigger.target.as_ref().and_then(|target| target.id.as_deref())
                        == Some(&*wish.workflow)
            });
            if let Some(id) = found.and_then(|trigger| trigger.id) {
                return Ok(Some(id));
            }
            next = page.next_uri.filter(|uri| uri.starts_with(PATH));
        }
        Ok(None)
    }
}

fn is_conflict(error: &Error) -> bool {
    *error.kind() == ErrorKind::Rejected && error.status() == Some(http::StatusCode::CONFLICT)
}

/// Asks for a page of triggers.
#[derive(Debug, Clone)]
struct ListTriggers {
    path: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct TriggerPage {
    #[serde(default)]
    entities: Vec<Trigger>,
    #[serde(default)]
    next_uri: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Trigger {
    #[serde(default)]
    id: Option<String>,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    target: Option<TriggerTarget>,
}

#[derive(Debug, Deserialize)]
struct TriggerTarget {
    #[serde(default)]
    id: Option<String>,
}

impl Endpoint for ListTriggers {
    type Output = TriggerPage;
    type Reader = PageReader;

    const OPERATION: &'static str = "triggers listing";
    const REPEAT: Repeat = Repeat::Safe;
    const AUTH: Auth = Auth::Bearer;
    const SCOPE: Option<&'static str> = None;
    const PERMISSIONS: &'static [&'static str] =
        &["processautomation:trigger:view", "processautomation:trigger:edit"];

    fn request(&self, base: &BaseUrl) -> Result<http::Request<Bytes>, EncodeError> {
        request::get(base, &self.path, "the listing's path")
    }

    fn reader(&self, head: &response::Parts) -> Result<PageReader, DecodeError> {
        match head.status.as_u16() {
            200 => Ok(PageReader(SmallObject::about("triggers", MOST_BYTES))),
            other => Err(DecodeError::status(other, "200")),
        }
    }
}

/// Collects a page of triggers.
#[derive(Debug)]
struct PageReader(SmallObject);

impl BodyReader for PageReader {
    type Output = TriggerPage;

    fn push(&mut self, chunk: &[u8]) -> Result<(), DecodeError> {
        self.0.push(chunk)
    }

    fn finish(self) -> Result<TriggerPage, DecodeError> {
        self.0.read("it is no listing of triggers")
    }
}

/// Creates a trigger. Said twice, there are two.
#[derive(Debug, Clone)]
struct CreateTrigger {
    wish: TriggerWish,
}

impl Endpoint for CreateTrigger {
    type Output = String;
    type Reader = CreatedReader;

    const OPERATION: &'static str = "trigger creation";
    const REPEAT: Repeat = Repeat::Once;
    const AUTH: Auth = Auth::Bearer;
    const SCOPE: Option<&'static str> = None;
    const PERMISSIONS: &'static [&'static str] = &["processautomation:trigger:add"];

    fn request(&self, base: &BaseUrl) -> Result<http::Request<Bytes>, EncodeError> {
        let TriggerWish { name, workflow } = &self.wish;
        let body = json!({
            "name": name,
            "topicName": TOPIC,
            "enabled": true,
            "target": {
                "type": "Workflow",
                "id": workflow,
                "workflowTargetSettings": {"dataFormat": "TopLevelPrimitives"},
            },
            "matchCriteria": [{"jsonPath": "mediaType", "operator": "Equal", "value": "MESSAGE"}],
        });
        request::json(Method::POST, base, PATH, body.to_string(), "the path")
    }

    fn reader(&self, head: &response::Parts) -> Result<CreatedReader, DecodeError> {
        match head.status.as_u16() {
            200 | 201 => Ok(CreatedReader(SmallObject::about("a trigger", MOST_BYTES))),
            other => Err(DecodeError::status(other, "200")),
        }
    }
}

/// Collects what the platform says of a trigger it made.
#[derive(Debug)]
struct CreatedReader(SmallObject);

impl BodyReader for CreatedReader {
    type Output = String;

    fn push(&mut self, chunk: &[u8]) -> Result<(), DecodeError> {
        self.0.push(chunk)
    }

    fn finish(self) -> Result<String, DecodeError> {
        #[derive(Deserialize)]
        struct Answer {
            id: String,
        }
        let Answer { id } = self.0.read("it is no object with an id as text")?;
        Ok(id)
    }
}
