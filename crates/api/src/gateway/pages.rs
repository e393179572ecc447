//! Page after page.

use std::time::Duration;

use futures_util::stream::{self, Stream};

use super::circle::Circle;
use super::details_query::{DetailsPage, DetailsRequest};
use crate::client::Client;
use crate::endpoint::Endpoint as _;
use crate::error::{Error, ErrorKind};
use crate::options::CallOptions;
use crate::source::{ConversationPage, DetailsQuery};

/// What is to be done at the next poll.
enum Step {
    Fetch,
    Fail(Error),
    End,
}

struct Listing {
    client: Client,
    options: CallOptions,
    request: DetailsRequest,
    pages_left: u64,
    number: u64,
    circle: Circle,
    step: Step,
}

/// The pages of `query`: each is fetched when it is asked for, whole or not at all. A page that closes a circle is still
/// delivered; the error comes after it.
pub(super) fn pages(
    client: Client,
    options: CallOptions,
    query: DetailsQuery,
) -> impl Stream<Item = Result<ConversationPage, Error>> + Send + 'static {
    let DetailsQuery { range, size, filter, resume, max_pages, seen } = query;
    let listing = Listing {
        client,
        options,
        circle: Circle::starting_at(resume.as_ref(), seen),
        request: DetailsRequest { range, size, filter, token: resume },
        pages_left: max_pages.unwrap_or(u64::MAX),
        number: 0,
        step: Step::Fetch,
    };
    stream::unfold(listing, |mut listing| async move {
        let item = listing.next().await?;
        Some((item, listing))
    })
}

impl Listing {
    async fn next(&mut self) -> Option<Result<ConversationPage, Error>> {
        match std::mem::replace(&mut self.step, Step::End) {
            Step::End => return None,
            Step::Fail(error) => return Some(Err(error)),
            Step::Fetch if self.pages_left == 0 => return None,
            Step::Fetch => {}
        }
        let (page, took) = match self.client.send_timed(&self.request, &self.options).await {
            Ok(page) => page,
            Err(error) => return Some(Err(error)),
        };
        self.pages_left -= 1;
        self.number += 1;
        Some(Ok(self.deliver(page, took)))
    }

    fn deliver(&mut self, page: DetailsPage, took: Duration) -> ConversationPage {
        let DetailsPage { mut conversations, next, body_bytes, marks } = page;
        let token = std::mem::replace(&mut self.request.token, next.clone());
        for (conversation, is_new) in conversations.iter_mut().zip(self.circle.take(&marks)) {
            if let Ok(conversation) = conversation {
                conversation.is_new = is_new;
            }
        }
        if let Some(next) = &next {
            self.step = if self.circle.closes_with(next) {
                let kind = ErrorKind::LoopingPagination { token: next.clone() };
                Step::Fail(Error::of_kind(DetailsRequest::OPERATION, kind))
            } else {
                Step::Fetch
            };
        }
        ConversationPage { number: self.number, token, next, conversations, body_bytes, took }
    }
}
