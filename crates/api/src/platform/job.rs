//! Asynchronous details jobs (platform contract C.8): submitted, asked after, their results page by page.

use bytes::Bytes;
use frontdesk_domain::filter::platform::Parts;
use frontdesk_domain::{PathSegment, TimeRange, Timestamp};
use http::response;
use serde::{Deserialize, Serialize};

use super::details_query::{Asked, DetailsResult, DetailsResultReader, PATH, VIEW, post};
use crate::base_url::BaseUrl;
use crate::endpoint::{Auth, BodyReader, DecodeError, EncodeError, Endpoint, Repeat};
use crate::object::SmallObject;
use crate::percent::encoded;
use crate::request;

/// The most bytes an answer about a job may have.
const MOST_BYTES: usize = 64 << 10;

/// Submits a job over the conversations that began on the days an interval touches. One that is submitted twice, because an
/// answer was lost, is left to expire: it changes nothing.
#[derive(Debug, Clone)]
pub struct SubmitJob {
    /// The interval.
    pub interval: TimeRange,
    /// What of a filter the platform looks at.
    pub filters: Parts,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Job<'a> {
    #[serde(flatten)]
    asked: Asked<'a>,
    /// Without it the job would also bring what only went on in the interval.
    start_of_day_interval_matching: bool,
}

impl Endpoint for SubmitJob {
    type Output = PathSegment;
    type Reader = SubmittedReader;

    const OPERATION: &'static str = "details job submission";
    const REPEAT: Repeat = Repeat::Safe;
    const AUTH: Auth = Auth::Bearer;
    const SCOPE: Option<&'static str> = None;
    const PERMISSIONS: &'static [&'static str] = VIEW;

    fn request(&self, base: &BaseUrl) -> Result<http::Request<Bytes>, EncodeError> {
        let asked = Asked::new(self.interval, &self.filters);
        post(base, &format!("{PATH}/jobs"), &Job { asked, start_of_day_interval_matching: true })
    }

    fn reader(&self, _: &response::Parts) -> Result<SubmittedReader, DecodeError> {
        Ok(SubmittedReader(SmallObject::about("a job", MOST_BYTES)))
    }
}

/// Reads the id of a job.
#[derive(Debug)]
pub struct SubmittedReader(SmallObject);

impl BodyReader for SubmittedReader {
    type Output = PathSegment;

    fn push(&mut self, chunk: &[u8]) -> Result<(), DecodeError> {
        self.0.push(chunk)
    }

    fn finish(self) -> Result<PathSegment, DecodeError> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Submitted {
            job_id: String,
        }
        let Submitted { job_id } = self.0.read("it has no jobId as text")?;
        // A token divides its parts by blanks.
        if job_id.contains(char::is_whitespace) {
            return Err(DecodeError::new("its jobId holds a blank"));
        }
        PathSegment::new(job_id).map_err(|_| DecodeError::new("its jobId cannot stand in a path"))
    }
}

/// How a job stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobStatus {
    /// `QUEUED`, `PENDING`, `FULFILLED`, `FAILED`, `CANCELLED`, `EXPIRED`. Any other value may come.
    pub state: String,
}

impl JobStatus {
    /// Whether its results can be had.
    #[must_use]
    pub fn is_fulfilled(&self) -> bool {
        self.state == "FULFILLED"
    }

    /// Whether its results never can be had.
    #[must_use]
    pub fn is_over(&self) -> bool {
        matches!(&*self.state, "FAILED" | "CANCELLED" | "EXPIRED")
    }
}

/// Asks how a job stands: 200, or 202 while it runs.
#[derive(Debug, Clone)]
pub struct ReadJob {
    /// Which one.
    pub job: PathSegment,
}

impl Endpoint for ReadJob {
    type Output = JobStatus;
    type Reader = JobReader;

    const OPERATION: &'static str = "details job status";
    const REPEAT: Repeat = Repeat::Safe;
    const AUTH: Auth = Auth::Bearer;
    const SCOPE: Option<&'static str> = None;
    const PERMISSIONS: &'static [&'static str] = VIEW;

    fn request(&self, base: &BaseUrl) -> Result<http::Request<Bytes>, EncodeError> {
        request::get(base, &format!("{PATH}/jobs/{}", self.job), "the job id")
    }

    fn reader(&self, _: &response::Parts) -> Result<JobReader, DecodeError> {
        Ok(JobReader(SmallObject::about("a job", MOST_BYTES)))
    }
}

/// Reads how a job stands.
#[derive(Debug)]
pub struct JobReader(SmallObject);

impl BodyReader for JobReader {
    type Output = JobStatus;

    fn push(&mut self, chunk: &[u8]) -> Result<(), DecodeError> {
        self.0.push(chunk)
    }

    fn finish(self) -> Result<JobStatus, DecodeError> {
        #[derive(Deserialize)]
        struct Status {
            state: String,
        }
        let Status { state } = self.0.read("it has no state as text")?;
        Ok(JobStatus { state })
    }
}

/// Asks for one page of a job's results.
#[derive(Debug, Clone)]
pub struct ReadResults {
    /// Whose.
    pub job: PathSegment,
    /// The page; the first without it.
    pub cursor: Option<String>,
    /// Conversations per page; 1,000 and 10,000 are in use (C.8).
    pub size: u32,
}

impl Endpoint for ReadResults {
    type Output = DetailsResult;
    type Reader = DetailsResultReader;

    const OPERATION: &'static str = "details job results";
    const REPEAT: Repeat = Repeat::Safe;
    const AUTH: Auth = Auth::Bearer;
    const SCOPE: Option<&'static str> = None;
    const PERMISSIONS: &'static [&'static str] = VIEW;

    fn request(&self, base: &BaseUrl) -> Result<http::Request<Bytes>, EncodeError> {
        let cursor = self.cursor.as_ref().map(|cursor| format!("&cursor={}", encoded(cursor)));
        let cursor = cursor.unwrap_or_default();
        request::get(
            base,
            &format!("{PATH}/jobs/{}/results?pageSize={}{cursor}", self.job, self.size),
            "the job id",
        )
    }

    fn reader(&self, head: &response::Parts) -> Result<DetailsResultReader, DecodeError> {
        match head.status.as_u16() {
            200 => Ok(DetailsResultReader::new()),
            other => Err(DecodeError::status(other, "200")),
        }
    }
}

/// Asks how far the data of jobs reach.
#[derive(Debug, Clone, Copy)]
pub struct ReadAvailability;

impl Endpoint for ReadAvailability {
    type Output = Option<Timestamp>;
    type Reader = AvailabilityReader;

    const OPERATION: &'static str = "details job availability";
    const REPEAT: Repeat = Repeat::Safe;
    const AUTH: Auth = Auth::Bearer;
    const SCOPE: Option<&'static str> = None;
    const PERMISSIONS: &'static [&'static str] = &["analytics:conversationDetail:view"];

    fn request(&self, base: &BaseUrl) -> Result<http::Request<Bytes>, EncodeError> {
        request::get(base, &format!("{PATH}/jobs/availability"), "the job id")
    }

    fn reader(&self, _: &response::Parts) -> Result<AvailabilityReader, DecodeError> {
        Ok(AvailabilityReader(SmallObject::about("the data of jobs", MOST_BYTES)))
    }
}

/// Reads how far the data of jobs reach.
#[derive(Debug)]
pub struct AvailabilityReader(SmallObject);

impl BodyReader for AvailabilityReader {
    type Output = Option<Timestamp>;

    fn push(&mut self, chunk: &[u8]) -> Result<(), DecodeError> {
        self.0.push(chunk)
    }

    fn finish(self) -> Result<Option<Timestamp>, DecodeError> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Availability {
            data_availability_date: Option<String>,
        }
        let Availability { data_availability_date } = self.0.read("its dataAvailabilityDate is no text")?;
        Ok(data_availability_date.and_then(|text| text.parse().ok()))
    }
}
