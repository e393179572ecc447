//! Messages that begin a conversation: without an agent, and for one (platform contract C.5.4, C.5.5).

use http::{Method, StatusCode};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::ids;
use super::refusal::Refusal;
use super::route::{Access, Operation};
use super::sending::{Template, check_length, invalid};
use super::talk::Messenger;
use super::time::Time;
use super::visit::{Call, json};
use crate::reply::Reply;
use crate::sandbox::State;
use crate::sessions::Beginning;

const CREATE: Access = Access::Client(&["conversation:message:create"]);

pub(super) const ROUTES: &[Operation] = &[
    Operation {
        method: Method::POST,
        template: "/api/v2/conversations/messages/agentless",
        access: CREATE,
        answer: agentless,
    },
    Operation {
        method: Method::POST,
        template: "/api/v2/conversations/messages",
        access: CREATE,
        answer: open,
    },
];

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Agentless {
    from_address: String,
    #[serde(default)]
    to_address: Option<String>,
    #[serde(default)]
    external_contact_id: Option<String>,
    to_address_messenger_type: String,
    #[serde(default)]
    text_body: Option<String>,
    #[serde(default)]
    messaging_template: Option<Template>,
    #[serde(default)]
    use_existing_active_conversation: Option<bool>,
}

/// The messengers that the tenant has something set up for.
fn messenger(name: &str) -> Result<Messenger, Refusal> {
    match name {
        "sms" => Ok(Messenger::Sms),
        "open" => Ok(Messenger::Open),
        "webmessaging" => Ok(Messenger::Web),
        "whatsapp" | "apple" => {
            Err(invalid("toAddressMessengerType", "The organization has no integration of this type."))
        }
        _ => Err(invalid("toAddressMessengerType", "The messenger type is not known.")),
    }
}

/// The guest that an address or a contact stands for.
fn guest(state: &State, agentless: &Agentless, messenger: Messenger) -> Result<String, Refusal> {
    let text = |field: &Option<String>| field.clone().filter(|text| !text.is_empty());
    if messenger == Messenger::Web {
        let contact = text(&agentless.external_contact_id)
            .ok_or_else(|| invalid("externalContactId", "Web messaging needs a contact."))?;
        let session = state.sessions.all().iter().rev().find(|one| ids::contact(&one.guest_id) == contact);
        let session = session.ok_or_else(|| Refusal::not_found("externalContact", &contact))?;
        return Ok(session.guest_id.clone());
    }
    let address =
        text(&agentless.to_address).ok_or_else(|| invalid("toAddress", "There is nobody to send to."))?;
    let phone = |address: &str| {
        address.strip_prefix('+').is_some_and(|digits| {
            (7..=15).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit())
        })
    };
    if messenger == Messenger::Sms && !phone(&address) {
        return Err(invalid("toAddress", "The address is no number in the form of E.164."));
    }
    Ok(address)
}

/// The conversation with a guest that is going on, over this messenger.
fn going_on(state: &State, guest: &str, messenger: Messenger) -> Option<String> {
    let last = state.sessions.of_guest(guest)?;
    (last.ended.is_none() && last.channel == channel(messenger)).then(|| last.id.clone())
}

/// What the gateway calls it.
fn channel(messenger: Messenger) -> &'static str {
    match messenger {
        Messenger::Web => "webchat",
        Messenger::Sms => "sms",
        Messenger::Open => "open",
    }
}

/// `POST /api/v2/conversations/messages/agentless`
fn agentless(call: &Call<'_>) -> Result<Reply, Refusal> {
    let wanted: Agentless = call.body()?;
    let messenger = messenger(&wanted.to_address_messenger_type)?;
    let text = wanted.text_body.clone().filter(|text| !text.is_empty());
    let text = match (text, &wanted.messaging_template) {
        (Some(text), None) => text,
        (None, Some(template)) if messenger != Messenger::Sms => template.text(),
        (Some(_), Some(_)) => return Err(invalid("messagingTemplate", "A message has one kind of body.")),
        _ => return Err(invalid("textBody", "The message has no body.")),
    };
    check_length(&text, messenger)?;
    if wanted.from_address.is_empty() {
        return Err(invalid("fromAddress", "There is nobody to send as."));
    }
    if messenger == Messenger::Web && wanted.from_address != call.deployment() {
        return Err(Refusal::not_found("deployment", &wanted.from_address));
    }
    let mut state = call.sandbox.state();
    let guest = guest(&state, &wanted, messenger)?;
    let existing = going_on(&state, &guest, messenger);
    let join = wanted.use_existing_active_conversation == Some(true);
    let conversation = match existing {
        Some(_) if !join => {
            let message = "A conversation with this address is going on.";
            return Err(Refusal::conflict("conversation.active", message));
        }
        Some(conversation) => conversation,
        None => begin(call, &mut state, guest, messenger, None),
    };
    let message = call.say(&mut state, &conversation, &text, Vec::new())?;
    drop(state);
    let id = ids::message(&message.id);
    let mut body = json!({
        "id": id, "conversationId": conversation, "fromAddress": wanted.from_address,
        "messengerType": messenger.name(), "useExistingActiveConversation": join,
        "message": call.told(&conversation, &message)?, "timestamp": Time(call.now()),
        "selfUri": format!("/api/v2/conversations/messages/agentless/{id}"),
    });
    if let Some(address) = &wanted.to_address {
        body["toAddress"] = address.as_str().into();
    }
    json(&body)
}

fn begin(
    call: &Call<'_>,
    state: &mut State,
    guest_id: String,
    messenger: Messenger,
    queue: Option<String>,
) -> String {
    let mut attributes = Map::new();
    attributes.extend(queue.map(|queue| ("routing.queue".to_owned(), Value::from(queue))));
    let beginning =
        Beginning { guest_id, attributes, key: None, channel: channel(messenger), outbound: true };
    call.sandbox.begin(state, beginning, call.now(), call.pass.host)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Opening {
    queue_id: String,
    to_address: String,
    to_address_messenger_type: String,
    #[serde(default)]
    use_existing_conversation: Option<bool>,
}

/// `POST /api/v2/conversations/messages`
fn open(call: &Call<'_>) -> Result<Reply, Refusal> {
    let wanted: Opening = call.body()?;
    let messenger = messenger(&wanted.to_address_messenger_type)?;
    if messenger == Messenger::Web {
        return Err(invalid("toAddressMessengerType", "Web messaging is begun by the guest."));
    }
    let queue = queue(call, &wanted.queue_id)?;
    let mut state = call.sandbox.state();
    let last = state.sessions.of_guest(&wanted.to_address).filter(|last| last.channel == channel(messenger));
    let existing = last.map(|last| (last.id.clone(), last.ended.is_some()));
    let id = match existing {
        Some((id, true)) if wanted.use_existing_conversation == Some(true) => {
            state.sessions.reopen(&id);
            id
        }
        Some(_) => {
            let message = "There is a conversation with this address.";
            return Err(Refusal::conflict("conversation.active", message));
        }
        None => begin(call, &mut state, wanted.to_address, messenger, Some(queue)),
    };
    json(&json!({"id": id, "selfUri": format!("/api/v2/conversations/messages/{id}")}))
}

/// The name of a queue, among those that the first conversations and all sessions went through.
fn queue(call: &Call<'_>, id: &str) -> Result<String, Refusal> {
    let tenant = &call.sandbox.tenant;
    let some = (0..tenant.count().min(500)).map(|number| tenant.head(number, 0).queue.to_owned());
    let state = call.sandbox.state();
    let sessions = state.sessions.all().iter().map(|session| session.queue.clone());
    let name = some.chain(sessions).find(|name| ids::queue(name) == id);
    name.ok_or_else(|| Refusal::new(StatusCode::NOT_FOUND, "not.found", "The requested queue was not found."))
}
