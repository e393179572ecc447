//! The staff's view of a conversation's messages (platform contract C.4.4), page by page.
//!
//! The platform lists a conversation's messages whole, without their texts, and gives the texts by id. So a history is one
//! look at the conversation, its ids in the order of their times, and their texts a thousand at a time; a page of it is as
//! many of them as were asked for, and its token says how many came before.

use std::collections::{HashMap, HashSet, VecDeque};
use std::time::Duration;

use frontdesk_domain::message::Message;
use frontdesk_domain::{ConversationId, PageToken, PathSegment};
use futures_util::stream::{self, Stream};

use super::Platform;
use super::conversation::ReadLive;
use super::messages::{MOST_IDS, ReadMessage, ReadMessages};
use crate::endpoint::Endpoint;
use crate::error::{Error, ErrorKind};
use crate::history::{HistoryMessage, HistoryPage, HistoryQuery};
use crate::seen::id_hash;

/// Name of the recipe as an operation, where no single request stands for a failure.
const OPERATION: &str = "message history";

/// The pages of `query`: each is fetched when it is asked for, whole or not at all.
pub(super) fn pages(
    platform: Platform,
    query: HistoryQuery,
) -> impl Stream<Item = Result<HistoryPage, Error>> + Send + 'static {
    let listing = Listing {
        platform,
        pages_left: query.depth.get(),
        number: 0,
        token: query.resume.clone(),
        query,
        ids: None,
        at: 0,
        texts: VecDeque::new(),
        ended: false,
    };
    stream::unfold(listing, |mut listing| async move {
        if listing.ended {
            return None;
        }
        let page = listing.next().await;
        listing.ended |= page.is_err();
        Some((page, listing))
    })
}

struct Listing {
    platform: Platform,
    query: HistoryQuery,
    pages_left: u32,
    number: u64,
    /// The token of the page that is asked for.
    token: Option<PageToken>,
    /// The conversation and the ids of its messages, once it was looked at.
    ids: Option<(ConversationId, Vec<String>)>,
    /// How many of the ids were handed out.
    at: usize,
    /// Texts that were fetched and not handed out yet, beginning with the id at `at`; none where it is not to be had.
    texts: VecDeque<Option<Message>>,
    ended: bool,
}

impl Listing {
    async fn next(&mut self) -> Result<HistoryPage, Error> {
        let mut took = Duration::ZERO;
        let (id, ids) = match self.ids.take() {
            Some(known) => known,
            None => self.look(&mut took).await?,
        };
        let size = usize::from(self.query.size.get());
        let end = (self.at + size).min(ids.len());
        while self.texts.len() < end - self.at {
            let from = self.at + self.texts.len();
            let chunk = &ids[from..(from + MOST_IDS).min(ids.len())];
            let texts = self.read(&id, chunk, &mut took).await?;
            self.texts.extend(texts);
        }
        let mut body_bytes = 0;
        let mut messages = Vec::with_capacity(end - self.at);
        for message in self.texts.drain(..end - self.at).flatten() {
            body_bytes += message.bytes().len() as u64;
            let id_hash = id_hash(message.id().as_str());
            let is_new = self.query.seen.insert(id_hash);
            messages.push(Ok(HistoryMessage { message, id_hash, is_new }));
        }
        self.at = end;
        self.number += 1;
        self.pages_left = self.pages_left.saturating_sub(1);
        let next = if end < ids.len() { PageToken::new(format!("after {end}")).ok() } else { None };
        let more = next.is_some() && self.pages_left > 0;
        self.ended = !more;
        let total = Some(ids.len() as u64);
        self.ids = Some((id, ids));
        let token = std::mem::replace(&mut self.token, next.clone());
        Ok(HistoryPage { number: self.number, token, next, messages, more, total, body_bytes, took })
    }

    /// The ids of the conversation's messages, by time and then by id.
    async fn look(&mut self, took: &mut Duration) -> Result<(ConversationId, Vec<String>), Error> {
        let unsendable =
            |what: &str| Error::of_kind(OPERATION, ErrorKind::Unsendable { what: what.to_owned() });
        self.at = match &self.query.resume {
            None => 0,
            Some(token) => {
                let number = token.as_str().strip_prefix("after ").and_then(|number| number.parse().ok());
                number.ok_or_else(|| unsendable("the page token is not one of the platform contract"))?
            }
        };
        let id = ConversationId::new(self.query.target.conversation().as_str())
            .map_err(|_| unsendable("the conversation id"))?;
        let conversation = self.ask(&ReadLive { id: id.clone() }, took).await?;
        let mut times = HashMap::new();
        for message in conversation.legs().flat_map(|(_, leg)| &leg.messages) {
            times.entry(message.id.as_str()).or_insert(message.at);
        }
        let mut ids = conversation.message_ids();
        // Those whose time is not told come last.
        ids.sort_by_key(|id| {
            let at = times.get(id).copied().flatten();
            (at.is_none(), at, *id)
        });
        let ids: Vec<String> = ids.into_iter().map(str::to_owned).collect();
        self.at = self.at.min(ids.len());
        Ok((id, ids))
    }

    /// The texts of these messages, in their order.
    async fn read(
        &self,
        conversation: &ConversationId,
        ids: &[String],
        took: &mut Duration,
    ) -> Result<Vec<Option<Message>>, Error> {
        let bulk = ReadMessages { conversation: conversation.clone(), ids: ids.to_vec() };
        let wanted: HashSet<&str> = ids.iter().map(String::as_str).collect();
        let mut found = HashMap::new();
        for message in self.ask(&bulk, took).await? {
            if wanted.contains(message.id().as_str()) {
                found.insert(message.id().as_str().to_owned(), message);
            }
        }
        let mut texts = Vec::with_capacity(ids.len());
        for id in ids {
            let text = match found.remove(id) {
                Some(message) => Some(message),
                None => self.single(conversation, id, took).await?,
            };
            texts.push(text);
        }
        Ok(texts)
    }

    /// The text of a message that the bulk read left out; none where it is not to be had.
    async fn single(
        &self,
        conversation: &ConversationId,
        id: &str,
        took: &mut Duration,
    ) -> Result<Option<Message>, Error> {
        let Ok(segment) = PathSegment::new(id) else { return Ok(None) };
        let request = ReadMessage { conversation: conversation.clone(), id: segment };
        match self.ask(&request, took).await {
            Ok(message) => Ok(Some(message).filter(|message| message.id().as_str() == id)),
            Err(error) if error.is_missing() => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn ask<E: Endpoint>(&self, endpoint: &E, took: &mut Duration) -> Result<E::Output, Error> {
        let (output, own) = self.platform.client.send_timed(endpoint, self.platform.call()).await?;
        *took += own;
        Ok(output)
    }
}
