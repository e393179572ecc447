//! Open messaging: integrations, what the customer's side posts, and the webhook that is posted to
//! (platform contract C.3, E.10).

mod inbound;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::{Method, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use sha2::Sha256;

use super::ids;
use super::refusal::Refusal;
use super::route::{Access, Operation};
use super::time::Time;
use super::visit::{Call, json};
use crate::messages::Message;
use crate::moment::Moment;
use crate::random::mix;
use crate::reply::{Body, Reply};
use crate::sandbox::{Sandbox, State};

const INTEGRATIONS: &str = "/api/v2/conversations/messaging/integrations/open";
const INTEGRATION: &str = "/api/v2/conversations/messaging/integrations/open/{integrationId}";

pub(super) use inbound::ROUTES as INBOUND;

pub(super) const ROUTES: &[Operation] = &[
    Operation {
        method: Method::POST,
        template: INTEGRATIONS,
        access: Access::Client(&["messaging:integration:add"]),
        answer: make,
    },
    Operation {
        method: Method::GET,
        template: INTEGRATIONS,
        access: Access::Client(&["messaging:integration:view"]),
        answer: list,
    },
    Operation {
        method: Method::GET,
        template: INTEGRATION,
        access: Access::Client(&["messaging:integration:view"]),
        answer: one,
    },
    Operation {
        method: Method::PATCH,
        template: INTEGRATION,
        access: Access::Client(&["messaging:integration:edit"]),
        answer: change,
    },
    Operation {
        method: Method::DELETE,
        template: INTEGRATION,
        access: Access::Client(&["messaging:integration:delete"]),
        answer: delete,
    },
];

/// All integrations, and what came in over them.
#[derive(Debug, Default)]
pub(crate) struct Integrations {
    all: BTreeMap<String, Integration>,
    made: u64,
    /// What was taken, by the provider's id and time: the message's id and its conversation.
    taken: HashMap<(String, String), (String, String)>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Integration {
    name: String,
    outbound_notification_webhook_url: String,
    /// Never told again.
    #[serde(skip_serializing)]
    outbound_notification_webhook_signature_secret_token: String,
    #[serde(default)]
    webhook_headers: BTreeMap<String, String>,
}

impl Integration {
    fn check(&self) -> Result<(), Refusal> {
        if self.name.is_empty() {
            return Err(Refusal::invalid_value("name", "The name is empty."));
        }
        if self.outbound_notification_webhook_signature_secret_token.chars().count() <= 15 {
            let field = "outboundNotificationWebhookSignatureSecretToken";
            return Err(Refusal::invalid_value(field, "The secret token is not longer than 15 characters."));
        }
        Ok(())
    }

    fn wire(&self, id: &str) -> Value {
        let mut wire = serde_json::to_value(self).unwrap_or_default();
        wire["id"] = id.into();
        wire["status"] = "Active".into();
        wire["createStatus"] = "Completed".into();
        wire["selfUri"] = format!("{INTEGRATIONS}/{id}").into();
        wire
    }
}

fn make(call: &Call<'_>) -> Result<Reply, Refusal> {
    let integration: Integration = call.body()?;
    integration.check()?;
    let mut state = call.sandbox.state();
    let all = &mut state.platform.integrations;
    all.made += 1;
    // The first is the one that conversations of the start came in over.
    let id = match all.made {
        1 => ids::uuid_of("open integration"),
        made => super::guest::id(mix(call.sandbox.config().seed, 0x6F70_656E), made),
    };
    all.all.insert(id.clone(), integration.clone());
    json(&integration.wire(&id))
}

fn list(call: &Call<'_>) -> Result<Reply, Refusal> {
    let state = call.sandbox.state();
    let all = &state.platform.integrations.all;
    let entities: Vec<_> = all.iter().map(|(id, integration)| integration.wire(id)).collect();
    json(
        &json!({"pageSize": 25, "pageNumber": 1, "pageCount": 1, "total": entities.len(), "entities": entities}),
    )
}

fn known(state: &State, id: &str) -> Result<Integration, Refusal> {
    let integration = state.platform.integrations.all.get(id).cloned();
    integration.ok_or_else(|| Refusal::not_found("integration", id))
}

fn one(call: &Call<'_>) -> Result<Reply, Refusal> {
    json(&known(&call.sandbox.state(), call.id(0))?.wire(call.id(0)))
}

fn change(call: &Call<'_>) -> Result<Reply, Refusal> {
    let change: Map<String, Value> = call.body()?;
    let mut state = call.sandbox.state();
    let integration = known(&state, call.id(0))?;
    let mut whole = serde_json::to_value(&integration).unwrap_or_default();
    whole["outboundNotificationWebhookSignatureSecretToken"] =
        integration.outbound_notification_webhook_signature_secret_token.into();
    if let Some(whole) = whole.as_object_mut() {
        whole.extend(change);
    }
    let changed: Integration = serde_json::from_value(whole)
        .map_err(|error| Refusal::bad_request(format!("The request could not be understood: {error}")))?;
    changed.check()?;
    state.platform.integrations.all.insert(call.id(0).to_owned(), changed.clone());
    json(&changed.wire(call.id(0)))
}

fn delete(call: &Call<'_>) -> Result<Reply, Refusal> {
    let removed = call.sandbox.state().platform.integrations.all.remove(call.id(0));
    removed.ok_or_else(|| Refusal::not_found("integration", call.id(0)))?;
    Ok(Reply::new(StatusCode::NO_CONTENT, "application/json", Body::default()))
}

impl Sandbox {
    /// Posts what is said to a customer of open messaging to the integration's webhook (C.3.3), where
    /// there is one. It is called like everybody who registered.
    pub(crate) fn tell_open(&self, state: &mut State, message: &Arc<Message>) {
        if message.by_guest || message.channel != "open" {
            return;
        }
        let Some((id, integration)) = state.platform.integrations.all.iter().next() else { return };
        let told = ids::message(&message.id);
        let body = json!({"id": told, "conversationId": message.conversation, "direction": "Outbound",
            "originatingEntity": "Human", "type": "Text", "text": message.text, "content": [],
            "channel": {"id": id, "platform": "Open", "type": "Private", "messageId": told,
                "time": Time(message.created), "to": {"id": message.to.first(), "idType": "Opaque"},
                "from": {"id": id, "idType": "Opaque"}}});
        let body = body.to_string().into_bytes();
        let key = integration.outbound_notification_webhook_signature_secret_token.as_bytes();
        let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("a key of any length will do");
        mac.update(&body);
        let signature = format!("sha256={}", STANDARD.encode(mac.finalize().into_bytes()));
        let mut headers: Vec<_> = integration.webhook_headers.clone().into_iter().collect();
        headers.push(("x-hub-signature-256".to_owned(), signature));
        let uri = integration.outbound_notification_webhook_url.clone();
        // Due at once, whatever the host's clock says.
        state.subscriptions.call(&uri, headers, body, self.config().seed, Moment::UNIX_EPOCH);
        self.wake_calls();
    }
}
