//! A conversation as an answer shows it: what is read, what is left out, what is refused.

use frontdesk_domain::ConversationId;
use frontdesk_domain::conversation::{Conversation, Participant};
use serde::Deserialize;

use crate::snapshot::{of_area, shown};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Bodies {
    bodies: Vec<String>,
}

#[test]
fn cases() {
    let id = ConversationId::new("c-1").unwrap();
    let report = of_area::<Bodies>("conversation", |case| {
        let mut lines = Vec::new();
        for body in &case.body.bodies {
            lines.push(shown(body.as_bytes()));
            match Conversation::read(&id, body.as_bytes()) {
                Err(error) => lines.push(format!("  refused: {error}")),
                Ok(conversation) => lines.extend(told(&conversation)),
            }
        }
        lines
    });
    insta::assert_snapshot!(report);
}

fn told(conversation: &Conversation) -> Vec<String> {
    let mut lines = vec![format!(
        "  channel {:?}, guest {:?}, {} attributes",
        conversation.channel_type,
        conversation.guest_id,
        conversation.attributes.len()
    )];
    for Participant { id, role, from_id } in &conversation.participants {
        lines.push(format!("  participant {id:?} {role:?} from {from_id:?}"));
    }
    for message in &conversation.messages {
        lines.push(format!(
            "  message {} {:?} created {:?} {}",
            message.id,
            message.status,
            message.created.map(|time| time.to_string()),
            serde_json::to_string(&message.times).unwrap()
        ));
    }
    lines
}

#[test]
fn nothing_of_a_person_is_in_debug() {
    let id = ConversationId::new("c-1").unwrap();
    let body = r#"{"id": "c-1", "guestId": "canary", "attributes": {"k": "canary"}, "participants":
        [{"id": "canary", "role": "agent", "from": {"id": "canary"}}]}"#;
    let conversation = Conversation::read(&id, body.as_bytes()).unwrap();
    let text = format!("{conversation:?} {:?}", conversation.participants);
    assert!(!text.contains("canary"), "{text}");
    assert_eq!(conversation.senders("canary").count(), 1);
    assert_eq!(conversation.senders("nobody").count(), 0);
}
