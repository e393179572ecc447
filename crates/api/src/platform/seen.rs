//! A live conversation in the words of the ports: its channel, who takes part, how its messages stand.

use std::collections::HashMap;

use frontdesk_domain::conversation::{ChannelType, Conversation, Participant, Role};
use frontdesk_domain::delivery::{MessageId, Observation, Status, StatusTimes};
use serde_json::{Map, Value};

use super::conversation::{LiveConversation, LiveParticipant};

impl LiveConversation {
    /// The conversation as sending and opening look at it.
    ///
    /// A participant is one for each name it goes by: user id, participant id. `webmessaging` is the channel that the gateway
    /// contract calls `webchat`. Of a message that several legs list the highest status counts.
    #[must_use]
    pub fn seen(&self) -> Conversation {
        let channel = self.legs().find_map(|(_, leg)| leg.channel.clone()).map(|name| match &*name {
            "webmessaging" => ChannelType::Webchat,
            _ => ChannelType::from(name),
        });
        let mut participants = Vec::new();
        for participant in &self.participants {
            for name in names(participant) {
                participants.push(Participant {
                    id: Some(participant.id.clone()),
                    role: role(&participant.purpose),
                    from_id: Some(name.to_owned()),
                });
            }
        }
        let mut messages: Vec<Observation> = Vec::new();
        let mut known: HashMap<&str, usize> = HashMap::new();
        for message in self.legs().flat_map(|(_, leg)| &leg.messages) {
            let status = message.status.as_deref().and_then(Status::of_published);
            if let Some(index) = known.get(&*message.id) {
                let seen = &mut messages[*index];
                seen.status = seen.status.into_iter().chain(status).reduce(Status::join);
                seen.created = seen.created.into_iter().chain(message.at).min();
            } else if let Ok(id) = MessageId::new(&*message.id) {
                known.insert(&message.id, messages.len());
                messages.push(Observation { id, status, created: message.at, times: StatusTimes::default() });
            }
        }
        let mut attributes = Map::new();
        let customers = self.participants.iter().filter(|one| role(&one.purpose) == Role::Customer);
        for (key, value) in customers.flat_map(|one| &one.attributes) {
            attributes.entry(key.clone()).or_insert_with(|| Value::from(value.as_str()));
        }
        Conversation {
            id: self.id.clone(),
            channel_type: channel,
            participants,
            messages,
            guest_id: Some(self.id.as_str().to_owned()),
            attributes,
        }
    }
}

/// The names a participant is known by to those who send.
pub(super) fn names(participant: &LiveParticipant) -> impl Iterator<Item = &str> {
    participant.user_id.as_deref().into_iter().chain([participant.id.as_str()])
}

fn role(purpose: &str) -> Role {
    match purpose {
        "agent" | "user" => Role::Agent,
        "customer" | "external" => Role::Customer,
        other => Role::from(other),
    }
}
