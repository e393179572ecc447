//! Sending on an agent's leg, and typing (platform contract C.5.1, C.5.3, E.9).

use http::{Method, StatusCode};
use serde::Deserialize;
use serde_json::Value;

use super::ids;
use super::message_data::MessageData;
use super::refusal::Refusal;
use super::route::{Access, Operation};
use super::talk::{Leg, Medium, Messenger, Purpose, Talk};
use super::visit::{Call, json};
use crate::messages::{Attachment, Message};
use crate::reply::{Body, Reply};
use crate::sandbox::State;

/// Any of these lets send on a leg.
const SEND: Access = Access::Client(&["conversation:message:create", "conversation:webmessaging:create"]);

pub(super) const ROUTES: &[Operation] = &[
    Operation {
        method: Method::POST,
        template: "/api/v2/conversations/messages/{conversationId}/communications/{communicationId}/messages",
        access: SEND,
        answer: send,
    },
    Operation {
        method: Method::POST,
        template: "/api/v2/conversations/messages/{conversationId}/communications/{communicationId}/typing",
        access: SEND,
        answer: typing,
    },
];

/// Agents may type so often a minute in a conversation (C.18).
const TYPING_A_MINUTE: u64 = 12;

/// One kind of body, exactly.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Sending {
    #[serde(default)]
    text_body: Option<String>,
    #[serde(default)]
    media_ids: Option<Vec<String>>,
    #[serde(default)]
    messaging_template: Option<Template>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Template {
    response_id: String,
}

/// What is said on a leg.
enum Words {
    Text(String),
    Media(Vec<String>),
}

impl Sending {
    /// The one kind of body there is; an empty text is none.
    fn words(self) -> Result<Words, Refusal> {
        let text = self.text_body.filter(|text| !text.is_empty());
        let media = self.media_ids.filter(|ids| !ids.is_empty());
        match (text, media, self.messaging_template) {
            (Some(text), None, None) => Ok(Words::Text(text)),
            (None, Some(ids), None) => Ok(Words::Media(ids)),
            (None, None, Some(template)) => Ok(Words::Text(template.text())),
            (None, None, None) => Err(invalid("textBody", "The message has no body.")),
            (_, Some(_), _) => Err(invalid("mediaIds", "A message has one kind of body.")),
            (_, None, _) => Err(invalid("messagingTemplate", "A message has one kind of body.")),
        }
    }
}

impl Template {
    /// What a template says; the sandbox knows none, so it says which one it is.
    pub(super) fn text(&self) -> String {
        format!("[template {}]", self.response_id)
    }
}

/// 400 `bad.request` that names the field.
pub(super) fn invalid(field: &str, message: &str) -> Refusal {
    Refusal::bad_request(message).field("bad.request", field)
}

/// What a messenger takes, in characters (C.18).
pub(super) fn check_length(text: &str, messenger: Messenger) -> Result<(), Refusal> {
    let most = match messenger {
        Messenger::Sms => 765,
        Messenger::Web | Messenger::Open => 4_000,
    };
    if text.chars().count() > most {
        let refusal = Refusal::bad_request("The text is longer than {most} characters.");
        return Err(refusal.param("most", most.to_string()).field("bad.request", "textBody"));
    }
    Ok(())
}

impl Call<'_> {
    /// The conversation of the first id in the path, which is one of messages.
    pub(super) fn messaging(&self, state: &State) -> Result<Talk, Refusal> {
        let talk = Talk::find(self.sandbox, state, self.id(0), self.now());
        let talk = talk.filter(|talk| matches!(talk.medium, Medium::Message(_)));
        talk.ok_or_else(|| Refusal::not_found("conversation", self.id(0)))
    }

    /// The leg of an agent, by its communication, as long as it is connected.
    pub(super) fn connected(&self, talk: &Talk, communication: &str) -> Result<Leg, Refusal> {
        let leg = talk.legs(talk.ended).into_iter().find(|leg| leg.communication == communication);
        let leg = leg.ok_or_else(|| Refusal::not_found("communication", communication))?;
        if leg.purpose != Purpose::Agent {
            return Err(invalid("communicationId", "The communication is not an agent's."));
        }
        if leg.end.is_some() {
            let message = "The communication is not connected.";
            return Err(Refusal::conflict("conversation.error.wrong.state", message)
                .about("communication", communication));
        }
        Ok(leg)
    }

    /// Says something in a conversation, as whoever is its agent.
    pub(super) fn say(
        &self,
        state: &mut State,
        conversation: &str,
        text: &str,
        attachments: Vec<Attachment>,
    ) -> Result<std::sync::Arc<Message>, Refusal> {
        let view = self.sandbox.conversation(state, conversation)?;
        let (plan, seed) = (state.receipt_plan, self.sandbox.config().seed);
        let message = state.messages.post(&view, text, attachments, plan, seed, self.now());
        self.sandbox.add(state, &message);
        Ok(message)
    }

    /// A message that was just taken, as it is told.
    pub(super) fn told(&self, conversation: &str, message: &Message) -> Result<Value, Refusal> {
        let talk = self.talk(conversation)?;
        let id = ids::message(&message.id);
        let line = talk.lines.iter().find(|line| line.id == id);
        let line = line.ok_or_else(|| Refusal::not_found("message", &id))?;
        Ok(serde_json::to_value(MessageData::of(&talk, line, self)).unwrap_or_default())
    }
}

/// `POST …/communications/{communicationId}/messages`
fn send(call: &Call<'_>) -> Result<Reply, Refusal> {
    let words = call.body::<Sending>()?.words()?;
    let mut state = call.sandbox.state();
    let talk = call.messaging(&state)?;
    call.connected(&talk, call.id(1))?;
    let messenger = talk.medium.messenger().ok_or_else(|| {
        Refusal::bad_request("Nothing can be sent to a conversation of an unknown messenger.")
    })?;
    let (text, attachments) = match words {
        Words::Text(text) => {
            check_length(&text, messenger)?;
            (text, Vec::new())
        }
        Words::Media(wanted) => (String::new(), state.platform.uploads.ready(&talk.id, &wanted)?),
    };
    let message = call.say(&mut state, &talk.id, &text, attachments)?;
    let accepted = state.platform.plan.silent_sends;
    drop(state);
    if crate::random::fraction(crate::random::hash_text(message.id.as_bytes()), 0x3230) < accepted {
        return Ok(Reply::new(StatusCode::ACCEPTED, "application/json", Body::default()));
    }
    json(&call.told(&talk.id, &message)?)
}

#[derive(Deserialize)]
struct Typing {
    typing: Value,
}

/// `POST …/communications/{communicationId}/typing`
fn typing(call: &Call<'_>) -> Result<Reply, Refusal> {
    let Typing { typing } = call.body()?;
    if typing["type"] != "On" {
        return Err(invalid("typing.type", "Typing is On and nothing else."));
    }
    let mut state = call.sandbox.state();
    let talk = call.messaging(&state)?;
    call.connected(&talk, call.id(1))?;
    let window = state.platform.typing.entry(talk.id.clone()).or_default();
    let minute = std::time::Duration::from_secs(60);
    window
        .take(TYPING_A_MINUTE, minute, call.now())
        .map_err(|wait| Refusal::too_many_requests(wait, TYPING_A_MINUTE))?;
    state.tell_typing(&talk.id, typing, call.sandbox.config().seed, call.now());
    Ok(Reply::new(StatusCode::NO_CONTENT, "application/json", Body::default()))
}
