//! Ids of what the published contract names and the gateway does not. All are functions of names that
//! both sides know, so that no table of them is kept.

use crate::random::{hash_text, mix, write_id};

/// A UUID that always stands for this text.
pub(crate) fn uuid_of(text: &str) -> String {
    let hash = hash_text(text.as_bytes());
    uuid(hash, mix(hash, 0x7569_6473))
}

fn uuid(high: u64, low: u64) -> String {
    let mut id = Vec::with_capacity(36);
    write_id(&mut id, high, low);
    String::from_utf8_lossy(&id).into_owned()
}

/// The participant with this role: the same id as on the gateway's side.
pub(crate) fn participant(conversation: &str, role: &str) -> String {
    let hash = mix(hash_text(conversation.as_bytes()), hash_text(role.as_bytes()));
    uuid(hash, mix(hash, 1))
}

/// The communication of the participant with this role.
pub(crate) fn communication(conversation: &str, role: &str) -> String {
    let hash = mix(hash_text(conversation.as_bytes()), hash_text(role.as_bytes()));
    uuid(mix(hash, 2), mix(hash, 3))
}

/// A message's id as the published contract writes it: 32 hex digits (B.2), those of the gateway's id
/// where that is a UUID.
pub(crate) fn message(id: &str) -> String {
    match uuid::Uuid::try_parse(id) {
        Ok(id) => id.simple().to_string(),
        Err(_) => {
            let hash = hash_text(id.as_bytes());
            format!("{hash:016x}{:016x}", mix(hash, 0x6D73_6769))
        }
    }
}

/// The user that an agent is.
pub(crate) fn user(agent: u64) -> String {
    uuid_of(&format!("agent-{agent}"))
}

/// A queue by its name.
pub(crate) fn queue(name: &str) -> String {
    uuid_of(&format!("queue {name}"))
}

/// A language by its tag.
pub(crate) fn language(tag: &str) -> String {
    uuid_of(&format!("language {tag}"))
}

/// The one division.
pub(crate) fn division() -> String {
    uuid_of("division")
}

/// The wrap-up code of this name.
pub(crate) fn wrap_up(name: &str) -> String {
    uuid_of(&format!("wrap-up {name}"))
}

/// The contact that a customer is.
pub(crate) fn contact(customer: &str) -> String {
    uuid_of(&format!("contact {customer}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn message_ids_are_32_hex_digits_whatever_they_were() {
        assert_eq!(message("00000000-0000-4001-8000-00000000000a"), "0000000000004001800000000000000a");
        for id in ["m-1", "", "Ünicode"] {
            let id = message(id);
            assert!(id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit()));
        }
        assert_ne!(message("m-1"), message("m-2"));
    }
}
