//! The whole text of a conversation (platform contract C.4.4): its message ids, their texts in bulk, what is missing one by
//! one.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use frontdesk_domain::json::compact;
use frontdesk_domain::message::{Message, SortKey};
use frontdesk_domain::{ConversationId, PathSegment, RawRecord, RecordId, RecordKey, RecordKind, payload};

use super::Platform;
use super::conversation::{LiveConversation, ReadLive};
use super::messages::{MOST_IDS, ReadMessage, ReadMessages};
use crate::endpoint::Endpoint;
use crate::error::{Error, ErrorKind};
use crate::transcripts::{Singles, Transcript, TranscriptLook};

/// The most bytes of one conversation's texts: a page of the archive holds a record whole.
const MOST_BYTES: u64 = 64 << 20;

/// Name of the recipe as an operation, where no single request stands for a failure.
const OPERATION: &str = "transcript";

/// The text of `id`, as far as it is to be had.
pub(super) async fn transcript(
    platform: &Platform,
    id: &ConversationId,
    singles: Singles,
) -> Result<TranscriptLook, Error> {
    let mut texts = Texts { platform, id, singles, requests: 0, took: Duration::ZERO };
    let Some(conversation) = texts.found(&ReadLive { id: id.clone() }).await? else {
        return Ok(TranscriptLook::Missing);
    };
    let read = texts.read(&conversation).await?;
    let Texts { requests, took, .. } = texts;
    let absent = conversation.message_ids().len() as u64 - read.len() as u64;
    let record = record(&conversation, &read)?;
    let facts = payload::facts(RecordKind::Transcript, record.bytes());
    Ok(TranscriptLook::Found(Box::new(Transcript {
        record,
        facts,
        messages: read.len() as u64,
        absent,
        ended_at: conversation.ended_at,
        requests,
        took,
    })))
}

/// The texts of one conversation, being read.
struct Texts<'p> {
    platform: &'p Platform,
    id: &'p ConversationId,
    singles: Singles,
    requests: u64,
    took: Duration,
}

impl Texts<'_> {
    /// What a read gave; none where it was answered 404.
    async fn found<E: Endpoint>(&mut self, endpoint: &E) -> Result<Option<E::Output>, Error> {
        self.requests += 1;
        match self.platform.client.send_timed(endpoint, self.platform.call()).await {
            Ok((output, took)) => {
                self.took += took;
                Ok(Some(output))
            }
            Err(error) if error.is_missing() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Every message that is to be had, in the record's order.
    async fn read(&mut self, conversation: &LiveConversation) -> Result<Vec<Message>, Error> {
        let ids = conversation.message_ids();
        let mut kept = BTreeMap::new();
        let mut bytes = 0;
        for chunk in ids.chunks(MOST_IDS) {
            let mut wanted: HashSet<&str> = chunk.iter().copied().collect();
            let bulk = ReadMessages {
                conversation: self.id.clone(),
                ids: chunk.iter().map(|id| (*id).to_owned()).collect(),
            };
            // 404 would be about the conversation, which was there a moment ago: its messages are asked for one by one.
            for message in self.found(&bulk).await?.unwrap_or_default() {
                if wanted.remove(message.id().as_str()) {
                    keep(&mut kept, &mut bytes, message)?;
                }
            }
            for id in chunk.iter().filter(|id| wanted.contains(*id)) {
                // An id that no path can carry is not to be had.
                let Ok(id) = PathSegment::new(*id) else { continue };
                if !self.platform.singles.take(self.singles) {
                    break;
                }
                let single = ReadMessage { conversation: self.id.clone(), id };
                let asked =
                    self.found(&single).await?.filter(|message| wanted.contains(message.id().as_str()));
                if let Some(message) = asked {
                    self.platform.singles.found();
                    keep(&mut kept, &mut bytes, message)?;
                }
            }
        }
        Ok(kept.into_values().collect())
    }
}

/// Adds a message to those that are kept, as long as they are not too many.
fn keep(kept: &mut BTreeMap<SortKey, Message>, bytes: &mut u64, message: Message) -> Result<(), Error> {
    *bytes += message.bytes().len() as u64;
    if *bytes > MOST_BYTES {
        return Err(Error::of_kind(OPERATION, ErrorKind::TooLarge { limit: MOST_BYTES }));
    }
    kept.insert(message.sort_key(), message);
    Ok(())
}

/// The record: the conversation and its messages, each as it came.
fn record(conversation: &LiveConversation, messages: &[Message]) -> Result<RawRecord, Error> {
    let malformed = |what: String| Error::of_kind(OPERATION, ErrorKind::Malformed { what });
    let body = compact(&conversation.body).map_err(|error| malformed(error.to_string()))?;
    let id = RecordId::new(conversation.id.as_str()).map_err(|error| malformed(error.to_string()))?;
    let length: usize = messages.iter().map(|message| message.bytes().len() + 1).sum();
    let mut bytes = Vec::with_capacity(body.len() + length + 40);
    bytes.extend_from_slice(br#"{"conversation":"#);
    bytes.extend_from_slice(&body);
    bytes.extend_from_slice(br#","entities":["#);
    for (index, message) in messages.iter().enumerate() {
        if index > 0 {
            bytes.push(b',');
        }
        bytes.extend_from_slice(message.bytes());
    }
    bytes.extend_from_slice(b"]}");
    let key = RecordKey { kind: RecordKind::Transcript, id };
    RawRecord::from_parts(key, bytes).map_err(|error| malformed(error.to_string()))
}
