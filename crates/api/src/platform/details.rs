//! The conversations of a range: by the synchronous query, or by a job where there are many (platform contract C.7, C.8).
//!
//! A range is asked for in slices of whole days, one query or job after the other. The first page of a slice says about how
//! many conversations there are, and so whether a job is the better way. Whole days are matched, so what began outside of the
//! range is left out here, and so is what a filter does not mean and the platform has no form to ask for. Pages drift while
//! data arrive: an id that was met is no news, and a page that repeats ids, or lacks some by the count, is read once more.

use std::num::NonZeroU32;
use std::sync::atomic::Ordering;
use std::time::Duration;

use frontdesk_domain::filter::platform::{Parts, matches, needs_attributes};
use frontdesk_domain::{Filter, PageToken, PathSegment, TimeRange, Timestamp};
use futures_util::stream::{self, Stream};
use http::StatusCode;
use tokio::time::{sleep, timeout};

use super::Platform;
use super::details_query::{DetailsQueryPage, DetailsResult};
use super::job::{ReadAvailability, ReadJob, ReadResults, SubmitJob};
use super::loose;
use super::place::Place;
use crate::circle::Circle;
use crate::endpoint::Endpoint;
use crate::error::{Error, ErrorKind};
use crate::source::{Conversation, ConversationPage, DetailsQuery, Rejected};

/// The largest page of the query (C.7.3).
const MOST_PER_PAGE: u32 = 100;
/// How often a page is read again that repeats some of what the one before had: any reading may have drifted by itself, and
/// what moved out of all of them is on no other page.
const MOST_READINGS: u32 = 6;
/// The same where it has nothing else: that is no drift.
const MOST_READINGS_OF_A_CIRCLE: u32 = 2;
/// How many hits of one query can be paged through, by what is widely said (C.7.3).
const DEPTH: u64 = 100_000;
const DAY: Duration = Duration::from_secs(86_400);
/// A job is asked after this often at first, and then less and less often.
const FIRST_POLL: Duration = Duration::from_secs(1);
const SLOWEST_POLL: Duration = Duration::from_secs(3);

/// How conversations are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum DetailsWay {
    /// By the query, and by a job where there are many and a job's data reach that far.
    #[default]
    Auto,
    /// By the query alone.
    Query,
    /// By jobs alone.
    Jobs,
}

impl std::str::FromStr for DetailsWay {
    type Err = UnknownWay;

    fn from_str(text: &str) -> Result<Self, UnknownWay> {
        match text {
            "auto" => Ok(Self::Auto),
            "query" => Ok(Self::Query),
            "jobs" => Ok(Self::Jobs),
            _ => Err(UnknownWay),
        }
    }
}

/// A text that names no way of asking for conversations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the ways of asking for conversations are auto, query and jobs")]
pub struct UnknownWay;

/// What the vendor does not promise about listings of conversations, and an organisation may find otherwise (platform
/// contract F).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct DetailsOptions {
    /// Query or jobs.
    pub way: DetailsWay,
    /// A slice with more conversations than this is a matter for a job; 10,000 by default.
    pub jobs_above: u64,
    /// Days of one query; 7 by default, and 31 are said to work.
    pub query_days: NonZeroU32,
    /// Days of one job; 31 by default.
    pub job_days: NonZeroU32,
    /// Conversations on a page of a job's results; 1,000 by default.
    pub job_page_size: u32,
    /// How long a job may take; ten minutes by default.
    pub job_patience: Duration,
}

impl Default for DetailsOptions {
    fn default() -> Self {
        Self {
            way: DetailsWay::default(),
            jobs_above: 10_000,
            query_days: NonZeroU32::new(7).unwrap_or(NonZeroU32::MIN),
            job_days: NonZeroU32::new(31).unwrap_or(NonZeroU32::MIN),
            job_page_size: 1_000,
            job_patience: Duration::from_secs(600),
        }
    }
}

/// The pages of `query`: each is fetched when it is asked for, whole or not at all.
pub(super) fn pages(
    platform: Platform,
    query: DetailsQuery,
) -> impl Stream<Item = Result<ConversationPage, Error>> + Send + 'static {
    let listing = Listing::new(platform, query);
    stream::unfold(listing, |mut listing| async move {
        let item = listing.next().await?;
        Some((item, listing))
    })
}

/// What is to be done at the next poll.
enum Step {
    Fetch(Next),
    /// No conversation can be meant: an empty page says so, and nothing is asked.
    Nothing,
    Fail(Error),
    End,
}

/// The page to ask for.
enum Next {
    /// The first of a slice, by whichever way turns out to be the right one.
    Slice(TimeRange),
    At(Place),
}

impl Next {
    fn of(place: Place) -> Self {
        match place {
            Place::Query { slice, page: 1 } => Self::Slice(slice),
            place => Self::At(place),
        }
    }
}

struct Listing {
    platform: Platform,
    options: DetailsOptions,
    range: TimeRange,
    size: u32,
    filters: Parts,
    /// Only the results of a job say what the filter asks about.
    jobs_only: bool,
    circle: Circle,
    pages_left: u64,
    number: u64,
    /// The token of the page that is asked for; none for the first of the listing.
    token: Option<PageToken>,
    /// Marks of the page before.
    previous: Vec<u64>,
    step: Step,
    /// How far the data of jobs reach, once it was asked.
    watermark: Option<Option<Timestamp>>,
    /// Whether a job that was gone was begun anew already.
    begun_anew: bool,
    /// Whether a job came to nothing: the rest of the listing is for the query.
    jobs_failed: bool,
}

impl Listing {
    fn new(platform: Platform, query: DetailsQuery) -> Self {
        let DetailsQuery { range, size, filter, resume, max_pages, seen } = query;
        let options = platform.details;
        let filters = filter.as_ref().map(|filter| Parts::of(filter.expr())).unwrap_or_default();
        let asks_attributes = filter.as_ref().map(Filter::expr).is_some_and(needs_attributes);
        let jobs_only = options.way == DetailsWay::Jobs || asks_attributes;
        let step = match (&resume, filters.narrowed(range)) {
            _ if max_pages == Some(0) => Step::End,
            _ if asks_attributes && options.way == DetailsWay::Query => Step::Fail(unsendable(
                "the filter asks about attributes of participants, which only jobs bring, and jobs are switched off",
            )),
            (Some(token), _) => match Place::read(token) {
                Some(place) => Step::Fetch(Next::of(place)),
                None => Step::Fail(unsendable("the page token is not one of the platform contract")),
            },
            (None, Some(range)) => Step::Fetch(Next::Slice(first_slice(range, options, jobs_only))),
            (None, None) => Step::Nothing,
        };
        Self {
            circle: Circle::starting_at(resume.as_ref(), seen),
            platform,
            options,
            range,
            size: u32::from(size.get()).min(MOST_PER_PAGE),
            filters,
            jobs_only,
            pages_left: max_pages.unwrap_or(u64::MAX),
            number: 0,
            token: resume,
            previous: Vec::new(),
            step,
            watermark: None,
            begun_anew: false,
            jobs_failed: false,
        }
    }

    async fn next(&mut self) -> Option<Result<ConversationPage, Error>> {
        let mut next = match std::mem::replace(&mut self.step, Step::End) {
            Step::End => return None,
            Step::Fail(error) => return Some(Err(error)),
            Step::Nothing => return Some(Ok(self.deliver(Raw::nothing()))),
            Step::Fetch(next) => next,
        };
        loop {
            let fetched = match next {
                Next::Slice(slice) => self.first(slice).await,
                Next::At(Place::Query { slice, page }) => self.query(slice, page).await,
                Next::At(Place::Job { slice, job, cursor }) => self.results(slice, job, cursor).await,
            };
            match fetched {
                Err(error) => return Some(Err(error)),
                Ok(Fetched::Other(other)) => next = other,
                Ok(Fetched::Page(page)) => return Some(Ok(self.deliver(*page))),
            }
        }
    }

    /// The first page of a slice.
    async fn first(&mut self, slice: TimeRange) -> Result<Fetched, Error> {
        if self.jobs_only {
            return self.submit(slice).await;
        }
        let page = match self.query(slice, 1).await {
            Ok(Fetched::Page(page)) => page,
            Ok(other) => return Ok(other),
            // The platform takes too long over many conversations: it is asked for fewer days (C.7.3).
            Err(error) if error.status() == Some(StatusCode::GATEWAY_TIMEOUT) => {
                let shorter = shorter(slice).ok_or(error)?;
                // The days after them are no easier.
                self.options.query_days = days(shorter);
                return Ok(Fetched::Other(Next::Slice(shorter)));
            }
            Err(error) => return Err(error),
        };
        let hits = page.result.total_hits.unwrap_or_default();
        if self.options.way == DetailsWay::Query || hits <= self.options.jobs_above.min(DEPTH) {
            return Ok(Fetched::Page(page));
        }
        let reached = !self.jobs_failed && self.watermark().await?.is_some_and(|until| slice.to() <= until);
        if reached {
            return self.submit(slice).await;
        }
        if hits <= DEPTH {
            return Ok(Fetched::Page(page));
        }
        // Too many to page through, and too new for a job, or jobs come to nothing: day by day, and of a single day what a
        // job has.
        match shorter(slice) {
            Some(shorter) => Ok(Fetched::Other(Next::Slice(shorter))),
            None => self.submit(slice).await,
        }
    }

    async fn query(&mut self, slice: TimeRange, page: u32) -> Result<Fetched, Error> {
        // The first page of a slice follows no other.
        if page == 1 {
            self.previous.clear();
        }
        let filters = self.filters.clone();
        let request = DetailsQueryPage { interval: in_millis(slice), filters, size: self.size, page };
        let (mut result, mut took) = self.ask(&request).await?;
        let (mut repeats, lacks) = (self.repeats(&result), self.lacks(&result, page));
        let at_first = result.marks.len();
        for reading in 0..MOST_READINGS {
            let goes_on = reading < MOST_READINGS_OF_A_CIRCLE || self.has_news(&result);
            if !goes_on || !repeats && !lacks {
                break;
            }
            let (again, longer) = self.ask(&request).await?;
            took += longer;
            repeats = repeats && self.repeats(&again);
            merge(&mut result, again);
            // What the count says is about right only, so a page that lacks something is asked for once more at most.
            if !repeats {
                break;
            }
        }
        if lacks && result.marks.len() == at_first {
            // There was nothing more: the count is off by so much, and need not be doubted for it again.
            self.platform.count_error.fetch_max(self.missing(&result, page), Ordering::Relaxed);
        }
        self.previous.clone_from(&result.marks);
        // A page that is not full is the last one, unless the count says that there is another; an empty one always is.
        let (length, size) = (result.conversations.len() as u64, u64::from(self.size));
        let another = result.total_hits.is_some_and(|hits| hits > u64::from(page) * size);
        let more = length > 0 && (length >= size || another);
        let next = match page.checked_add(1).filter(|_| more) {
            Some(page) => Some(Place::Query { slice, page }),
            None => self.after(slice),
        };
        Ok(Fetched::Page(Box::new(Raw { result, next, available_until: None, took })))
    }

    /// Whether a page repeats what the one before had: something else may have moved out of both.
    fn repeats(&self, result: &DetailsResult) -> bool {
        result.marks.iter().any(|mark| self.previous.contains(mark))
    }

    /// Whether a page has anything that the one before had not.
    fn has_news(&self, result: &DetailsResult) -> bool {
        result.marks.iter().any(|mark| !self.previous.contains(mark))
    }

    /// Whether a page lacks more of what there is by the count than the count was found to be off.
    fn lacks(&self, result: &DetailsResult, page: u32) -> bool {
        self.missing(result, page) > self.platform.count_error.load(Ordering::Relaxed)
    }

    /// How many conversations a page has fewer than by the count.
    fn missing(&self, result: &DetailsResult, page: u32) -> u64 {
        let size = u64::from(self.size);
        let due = result.total_hits.unwrap_or_default().saturating_sub(u64::from(page - 1) * size).min(size);
        due.saturating_sub(result.marks.len() as u64)
    }

    /// Submits a job over a slice and waits until its results are there; they begin with the page that comes next.
    async fn submit(&mut self, slice: TimeRange) -> Result<Fetched, Error> {
        let filters = self.filters.clone();
        let (job, _) = self.ask(&SubmitJob { interval: in_millis(slice), filters }).await?;
        self.watermark().await?;
        let waited = timeout(self.options.job_patience, self.fulfilled(&job)).await;
        match waited.unwrap_or_else(|_| Err(Error::of_kind(ReadJob::OPERATION, ErrorKind::Deadline))) {
            Ok(()) => {
                Ok(Fetched::Other(Next::At(Place::Job { slice, job: job.as_str().to_owned(), cursor: None })))
            }
            Err(error) => self.without_results(slice, error),
        }
    }

    /// What is asked for instead of a job that failed, was cancelled, has expired or takes too long: the query; and where only
    /// jobs will do, one more job.
    fn without_results(&mut self, slice: TimeRange, error: Error) -> Result<Fetched, Error> {
        let came_to_nothing = matches!(error.kind(), ErrorKind::JobEnded { .. } | ErrorKind::Deadline);
        if !came_to_nothing || error.operation() != ReadJob::OPERATION || self.jobs_failed {
            return Err(error);
        }
        self.jobs_failed = true;
        tracing::debug!(
            error = error.in_our_words(),
            "a job came to nothing: its days are asked for once more"
        );
        Ok(Fetched::Other(Next::Slice(slice)))
    }

    /// Asks after a job until its results are there.
    async fn fulfilled(&self, job: &PathSegment) -> Result<(), Error> {
        let mut wait = FIRST_POLL;
        loop {
            let (status, _) = self.ask(&ReadJob { job: job.clone() }).await?;
            if status.is_fulfilled() {
                return Ok(());
            }
            if status.is_over() {
                let state = crate::error::text::tame(&status.state, &[]);
                return Err(Error::of_kind(ReadJob::OPERATION, ErrorKind::JobEnded { state }));
            }
            tokio::select! {
                () = self.platform.call().cancel.cancelled() => {
                    return Err(Error::of_kind(ReadJob::OPERATION, ErrorKind::Cancelled));
                }
                () = sleep(wait) => {}
            }
            wait = (wait + FIRST_POLL / 2).min(SLOWEST_POLL);
        }
    }

    async fn results(
        &mut self,
        slice: TimeRange,
        job: String,
        cursor: Option<String>,
    ) -> Result<Fetched, Error> {
        let malformed = |_| unsendable("the page token names no job");
        let id = PathSegment::new(job.clone()).map_err(malformed)?;
        let request = ReadResults { job: id, cursor, size: self.options.job_page_size };
        let (result, took) = match self.ask(&request).await {
            // Results do not live for ever: the job is begun anew, and what was met is no news.
            Err(error) if !self.begun_anew && is_gone(&error) => {
                self.begun_anew = true;
                // It brings again what this session has met.
                self.circle.may_repeat(self.number);
                return self.submit(slice).await;
            }
            result => result?,
        };
        let next = match &result.cursor {
            Some(cursor) => Some(Place::Job { slice, job, cursor: Some(cursor.clone()) }),
            None => self.after(slice),
        };
        let available_until = match result.available_until {
            Some(until) => Some(until),
            None => self.watermark().await?,
        };
        Ok(Fetched::Page(Box::new(Raw { result, next, available_until, took })))
    }

    /// How far the data of jobs reach. Asked for once.
    async fn watermark(&mut self) -> Result<Option<Timestamp>, Error> {
        if let Some(known) = self.watermark {
            return Ok(known);
        }
        let (until, _) = self.ask(&ReadAvailability).await?;
        self.watermark = Some(until);
        Ok(until)
    }

    async fn ask<E: Endpoint>(&self, endpoint: &E) -> Result<(E::Output, Duration), Error> {
        self.platform.client.send_timed(endpoint, self.platform.call()).await
    }

    /// Where the listing goes on after a slice: with the first page of the next one.
    fn after(&self, slice: TimeRange) -> Option<Place> {
        let range = self.filters.narrowed(self.range)?;
        let rest = TimeRange::new(slice.to(), range.to()).ok()?;
        Some(Place::Query { slice: first_slice(rest, self.options, self.jobs_only), page: 1 })
    }

    fn deliver(&mut self, page: Raw) -> ConversationPage {
        let Raw { result, next, available_until, took } = page;
        let DetailsResult { conversations, body_bytes, marks, .. } = result;
        let next_token = next.as_ref().and_then(Place::token);
        // An empty page ends a slice here, and is no sign of a circle; but not where a job goes on behind it.
        let ends_slice = marks.is_empty() && !matches!(next, Some(Place::Job { cursor: Some(_), .. }));
        let news = if ends_slice { Vec::new() } else { self.circle.take(&marks) };
        self.pages_left -= 1;
        self.number += 1;
        self.step = match (next, &next_token) {
            (Some(_), Some(token)) if !ends_slice && self.circle.closes_with(token) => {
                let kind = ErrorKind::LoopingPagination { token: token.clone() };
                Step::Fail(Error::of_kind(DetailsQueryPage::OPERATION, kind))
            }
            (Some(place), _) if self.pages_left > 0 => Step::Fetch(Next::of(place)),
            _ => Step::End,
        };
        let mut kept = Vec::with_capacity(conversations.len());
        for (index, (conversation, is_new)) in conversations.into_iter().zip(news).enumerate() {
            match conversation {
                Ok(conversation) if !self.is_meant(&conversation) => {}
                Ok(conversation) => kept.push(Ok(Conversation { is_new, ..conversation })),
                Err(error) => kept.push(Err(Rejected { index, error })),
            }
        }
        ConversationPage {
            number: self.number,
            token: std::mem::replace(&mut self.token, next_token.clone()),
            next: next_token,
            conversations: kept,
            available_until,
            body_bytes,
            took,
        }
    }

    /// Whether a conversation of a page is one that was asked for. One without a start cannot be told from such.
    fn is_meant(&self, conversation: &Conversation) -> bool {
        let in_range = conversation.facts.started_at.is_none_or(|start| self.range.contains(start));
        in_range
            && self.filters.rest.as_ref().is_none_or(|rest| {
                // A record is JSON that was checked. What is nested too deep to be looked into may be meant.
                loose::value(conversation.record.bytes())
                    .map_or(true, |conversation| matches(rest, &conversation))
            })
    }
}

/// What asking for a page came to.
enum Fetched {
    Page(Box<Raw>),
    /// Something else is to be asked for.
    Other(Next),
}

/// A page before it is looked through.
struct Raw {
    result: DetailsResult,
    next: Option<Place>,
    available_until: Option<Timestamp>,
    took: Duration,
}

impl Raw {
    fn nothing() -> Self {
        Self { result: DetailsResult::default(), next: None, available_until: None, took: Duration::ZERO }
    }
}

/// Adds what a second reading of the same page brought beside the first.
fn merge(first: &mut DetailsResult, second: DetailsResult) {
    for (conversation, mark) in second.conversations.into_iter().zip(second.marks) {
        if !first.marks.contains(&mark) {
            first.marks.push(mark);
            first.conversations.push(conversation);
        }
    }
    first.total_hits = second.total_hits;
    first.body_bytes += second.body_bytes;
}

/// The first days of a range, as many as one query or job takes.
fn first_slice(range: TimeRange, options: DetailsOptions, jobs: bool) -> TimeRange {
    let days = if jobs { options.job_days } else { options.query_days };
    let length = DAY * days.get();
    let cut = range.from().start_of_day().checked_add(length).unwrap_or(range.to());
    TimeRange::new(range.from(), cut.min(range.to())).unwrap_or(range)
}

/// The days (UTC) a slice touches.
fn days(slice: TimeRange) -> NonZeroU32 {
    let days = slice.to().since(slice.from().start_of_day()).as_secs().div_ceil(DAY.as_secs());
    u32::try_from(days).ok().and_then(NonZeroU32::new).unwrap_or(NonZeroU32::MIN)
}

/// The first half of a slice, by whole days; none of a slice within one day.
fn shorter(slice: TimeRange) -> Option<TimeRange> {
    let half = Some(days(slice).get() / 2).filter(|half| *half > 0)?;
    TimeRange::new(slice.from(), slice.from().start_of_day().checked_add(DAY * half)?).ok()
}

/// The interval as it is sent: times have milliseconds at most (platform contract B.2), and nothing of the range is lost.
fn in_millis(range: TimeRange) -> TimeRange {
    const MILLI: i128 = 1_000_000;
    let from = range.from().as_nanos().div_euclid(MILLI) * MILLI;
    let to = -((-range.to().as_nanos()).div_euclid(MILLI)) * MILLI;
    let bounds = (Timestamp::from_nanos(from), Timestamp::from_nanos(to));
    match bounds {
        (Ok(from), Ok(to)) => TimeRange::new(from, to).unwrap_or(range),
        _ => range,
    }
}

/// Whether the results of a job are not there any more.
fn is_gone(error: &Error) -> bool {
    *error.kind() == ErrorKind::Rejected && !error.is_auth()
}

fn unsendable(what: &str) -> Error {
    Error::of_kind(DetailsQueryPage::OPERATION, ErrorKind::Unsendable { what: what.to_owned() })
}
