//! Page after page, of whatever is listed.

use std::time::Duration;

use frontdesk_domain::PageToken;
use futures_util::stream::{self, Stream};

use crate::circle::Circle;
use crate::client::Client;
use crate::endpoint::Endpoint;
use crate::error::{Error, ErrorKind};
use crate::options::CallOptions;
use crate::seen::SeenIds;

/// A request for one page of a listing.
pub(crate) trait Listed: Endpoint<Output: PageBody> + 'static {
    /// A page as it is handed out.
    type Page: Send;

    /// The token of the page to ask for.
    fn token(&mut self) -> &mut Option<PageToken>;

    /// The page that came.
    fn page(body: Self::Output, fetched: Fetched) -> Self::Page;
}

/// A page as the gateway sent it.
pub(crate) trait PageBody {
    /// The token of the next page; none on the last.
    fn next(&self) -> Option<&PageToken>;

    /// A 64-bit hash per element, in their order, by which a listing sees what it has seen before.
    fn marks(&self) -> &[u64];
}

/// What a listing knows of a page that its body does not say.
pub(crate) struct Fetched {
    /// Counted from 1.
    pub(crate) number: u64,
    /// The token that fetched it.
    pub(crate) token: Option<PageToken>,
    /// Which of its elements the listing brought for the first time.
    pub(crate) news: Vec<bool>,
    /// Whether another page will be asked for.
    pub(crate) more: bool,
    /// From when the request went until the page was read.
    pub(crate) took: Duration,
}

/// What is to be done at the next poll.
enum Step {
    Fetch,
    Fail(Error),
    End,
}

struct Listing<R> {
    client: Client,
    options: CallOptions,
    request: R,
    pages_left: u64,
    number: u64,
    circle: Circle,
    step: Step,
}

/// The pages that begin with `request`: each is fetched when it is asked for, whole or not at all. A page that closes a
/// circle is still delivered; the error comes after it.
pub(crate) fn pages<R: Listed>(
    client: Client,
    options: CallOptions,
    mut request: R,
    max_pages: Option<u64>,
    seen: SeenIds,
) -> impl Stream<Item = Result<R::Page, Error>> + Send + 'static {
    let listing = Listing {
        client,
        options,
        circle: Circle::starting_at(request.token().as_ref(), seen),
        request,
        pages_left: max_pages.unwrap_or(u64::MAX),
        number: 0,
        step: if max_pages == Some(0) { Step::End } else { Step::Fetch },
    };
    stream::unfold(listing, |mut listing| async move {
        let item = listing.next().await?;
        Some((item, listing))
    })
}

impl<R: Listed> Listing<R> {
    async fn next(&mut self) -> Option<Result<R::Page, Error>> {
        match std::mem::replace(&mut self.step, Step::End) {
            Step::End => return None,
            Step::Fail(error) => return Some(Err(error)),
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

    fn deliver(&mut self, page: R::Output, took: Duration) -> R::Page {
        let token = std::mem::replace(self.request.token(), page.next().cloned());
        let news = self.circle.take(page.marks());
        self.step = match page.next() {
            Some(next) if self.circle.closes_with(next) => {
                let kind = ErrorKind::LoopingPagination { token: next.clone() };
                Step::Fail(Error::of_kind(R::OPERATION, kind))
            }
            Some(_) if self.pages_left > 0 => Step::Fetch,
            _ => Step::End,
        };
        let more = matches!(self.step, Step::Fetch);
        R::page(page, Fetched { number: self.number, token, news, more, took })
    }
}
