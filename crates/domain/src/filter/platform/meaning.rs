//! What a filter means for a conversation of the platform (platform contract C.9).

use serde_json::Value;

use super::super::{Comparison, Expr, Field, Op};
use super::{EXTERNAL_TAG, MESSAGE_TYPE};
use crate::Timestamp;
use crate::fold::Needle;

/// Whether a conversation, as the details query or a job gave it, is meant. What is not there, and what is no text, matches
/// only `neq`.
///
/// | field | its values |
/// |---|---|
/// | `type` | `mediaType` of every session |
/// | `direction` | `originatingDirection` |
/// | `startTime`, `endTime` | `conversationStart`, `conversationEnd` |
/// | `queue`, `language` | `queueId`, `requestedLanguageId` of every segment |
/// | `agent` | `userId` of every participant |
/// | `metadata.externalTag`, `metadata.messageType` | `externalTag`; `messageType` of every session |
/// | `metadata.KEY` | the attribute KEY of every participant |
///
/// ```
/// use frontdesk_domain::Filter;
/// use frontdesk_domain::filter::platform::matches;
///
/// let conversation = serde_json::json!({"participants": [{"userId": "u-9"}, {"userId": "u-10"}]});
/// let matches = |filter: &str| matches(filter.parse::<Filter>().unwrap().expr(), &conversation);
/// assert!(matches("agent eq 'u-10'") && matches("queue neq 'q-1'"));
/// assert!(!matches("agent neq 'u-9'") && !matches("queue eq 'q-1'"));
/// ```
#[must_use]
pub fn matches(expr: &Expr, conversation: &Value) -> bool {
    match expr {
        Expr::All(list) => list.iter().all(|part| matches(part, conversation)),
        Expr::Any(list) => list.iter().any(|part| matches(part, conversation)),
        Expr::Comparison(comparison) => {
            let values = values(&comparison.field, conversation);
            match comparison.op {
                Op::Neq => values.iter().all(|value| *value != comparison.value),
                _ => values.iter().any(|value| holds(comparison, value)),
            }
        }
    }
}

/// Whether a comparison other than `neq` holds for one value.
fn holds(Comparison { field, op, value: wanted }: &Comparison, value: &str) -> bool {
    let ordered = |compare: fn(std::cmp::Ordering) -> bool| {
        if field.is_time() {
            let times = (value.parse::<Timestamp>(), wanted.parse::<Timestamp>());
            matches!(times, (Ok(time), Ok(wanted)) if compare(time.cmp(&wanted)))
        } else {
            compare(value.as_bytes().cmp(wanted.as_bytes()))
        }
    };
    match op {
        Op::Eq => value == wanted,
        Op::Neq => value != wanted,
        Op::Gt => ordered(std::cmp::Ordering::is_gt),
        Op::Lt => ordered(std::cmp::Ordering::is_lt),
        // Everything contains nothing.
        Op::Contains => Needle::new(wanted).is_none_or(|needle| needle.find(value).is_some()),
    }
}

fn values<'v>(field: &Field, conversation: &'v Value) -> Vec<&'v str> {
    let participants = || list(conversation, "participants");
    let sessions = || participants().flat_map(|participant| list(participant, "sessions"));
    let segments = || sessions().flat_map(|session| list(session, "segments"));
    let own = |name| text(conversation, name).into_iter().collect();
    match field {
        Field::Type => sessions().filter_map(|session| text(session, "mediaType")).collect(),
        Field::Direction => own("originatingDirection"),
        Field::StartTime => own("conversationStart"),
        Field::EndTime => own("conversationEnd"),
        Field::Queue => segments().filter_map(|segment| text(segment, "queueId")).collect(),
        Field::Agent => participants().filter_map(|participant| text(participant, "userId")).collect(),
        Field::Language => segments().filter_map(|segment| text(segment, "requestedLanguageId")).collect(),
        Field::Metadata(key) => match key.as_str() {
            EXTERNAL_TAG => own("externalTag"),
            MESSAGE_TYPE => sessions().filter_map(|session| text(session, "messageType")).collect(),
            key => {
                participants().filter_map(|participant| text(participant.get("attributes")?, key)).collect()
            }
        },
    }
}

fn text<'v>(value: &'v Value, name: &str) -> Option<&'v str> {
    value.get(name)?.as_str()
}

fn list<'v>(value: &'v Value, name: &str) -> impl Iterator<Item = &'v Value> {
    value.get(name).and_then(Value::as_array).into_iter().flatten()
}
