//! `/metrics`: numbers for Prometheus, in its text format 0.0.4.

use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::middleware::Next;
use frontdesk_archive::Reader as ArchiveReader;
use frontdesk_domain::Timestamp;
use frontdesk_journal::Reader as JournalReader;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Response};

use crate::clock;
use crate::desk::Office;
use crate::problem::Problem;
use crate::timetable::Job;
use crate::view::runs::{self, RunMemory};

/// Upper bounds of the histogram of answering times, in microseconds.
const BOUNDS: [u64; 8] = [5_000, 10_000, 25_000, 50_000, 100_000, 500_000, 2_500_000, 10_000_000];
/// Runs that are looked at for how the last ones went.
const RUNS: usize = 5;

/// What the client of the pulls did with the platform so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Remote {
    /// Requests that were sent.
    pub requests: u64,
    /// Answers with status 429 among them.
    pub throttled: u64,
    /// Times it waited: for its turn, for the platform to let it go on, before a repeat.
    pub waits: u64,
    /// How long.
    pub waited: Duration,
}

/// Requests that were answered, counted.
#[derive(Debug, Default)]
pub(crate) struct Traffic {
    /// By the first digit of the status.
    answers: [AtomicU64; 6],
    /// By the first bound that is not exceeded; the last for those beyond all.
    times: [AtomicU64; BOUNDS.len() + 1],
    micros: AtomicU64,
    running: AtomicU64,
}

/// The layer: counts each request. The time is until the answer begins.
pub(crate) async fn counted(
    State(traffic): State<Arc<Traffic>>,
    request: Request,
    next: Next,
) -> Response<Body> {
    let began = clock::monotonic();
    let running = Running::begin(&traffic);
    let response = next.run(request).await;
    drop(running);
    let micros = u64::try_from(clock::monotonic().duration_since(began).as_micros()).unwrap_or(u64::MAX);
    let class = usize::from(response.status().as_u16() / 100).min(traffic.answers.len() - 1);
    let bound = BOUNDS.iter().position(|bound| micros <= *bound).unwrap_or(BOUNDS.len());
    traffic.answers[class].fetch_add(1, Ordering::Relaxed);
    traffic.times[bound].fetch_add(1, Ordering::Relaxed);
    traffic.micros.fetch_add(micros, Ordering::Relaxed);
    response
}

/// A request that is being answered; also one whose client is gone ends.
struct Running<'t>(&'t Traffic);

impl<'t> Running<'t> {
    fn begin(traffic: &'t Traffic) -> Self {
        traffic.running.fetch_add(1, Ordering::Relaxed);
        Self(traffic)
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Numbers in the text format.
#[derive(Default)]
struct Page(String);

impl Page {
    fn family(&mut self, name: &str, kind: &str, help: &str) {
        // Writing to a string does not fail.
        let _ = write!(self.0, "# HELP frontdesk_{name} {help}\n# TYPE frontdesk_{name} {kind}\n");
    }

    fn value(&mut self, name: &str, labels: &str, value: impl std::fmt::Display) {
        let _ = writeln!(self.0, "frontdesk_{name}{labels} {value}");
    }

    fn gauge(&mut self, name: &str, help: &str, value: u64) {
        self.family(name, "gauge", help);
        self.value(name, "", value);
    }

    fn traffic(&mut self, traffic: &Traffic) {
        let load = |count: &AtomicU64| count.load(Ordering::Relaxed);
        self.family("http_answers_total", "counter", "Requests that were answered, by class of status.");
        for (class, count) in traffic.answers.iter().enumerate().skip(1) {
            self.value("http_answers_total", &format!("{{class=\"{class}xx\"}}"), load(count));
        }
        self.family("http_answer_seconds", "histogram", "Time until an answer began.");
        let mut so_far = 0;
        for (bound, count) in BOUNDS.iter().zip(&traffic.times) {
            so_far += load(count);
            let label = format!("{{le=\"{}\"}}", *bound as f64 / 1e6);
            self.value("http_answer_seconds_bucket", &label, so_far);
        }
        let all: u64 = traffic.times.iter().map(load).sum();
        self.value("http_answer_seconds_bucket", "{le=\"+Inf\"}", all);
        self.value("http_answer_seconds_sum", "", load(&traffic.micros) as f64 / 1e6);
        self.value("http_answer_seconds_count", "", all);
        self.gauge("http_running", "Requests that are being answered.", load(&traffic.running));
    }

    /// A number of each job, as far as it has one.
    fn each_job<T: std::fmt::Display>(
        &mut self,
        jobs: &[Job],
        (name, kind, help): (&str, &str, &str),
        number: impl Fn(&Job) -> Option<T>,
    ) {
        self.family(name, kind, help);
        for job in jobs {
            if let Some(number) = number(job) {
                self.value(name, &format!("{{task=\"{}\"}}", job.name), number);
            }
        }
    }

    fn jobs(&mut self, jobs: &[Job]) {
        let seconds = |at: Timestamp| at.as_micros() as f64 / 1e6;
        self.each_job(jobs, ("job_every_seconds", "gauge", "How often a job is begun."), |job| {
            Some(job.every.as_secs_f64())
        });
        self.each_job(jobs, ("job_runs_total", "counter", "Times a job ended."), |job| Some(job.runs));
        self.each_job(jobs, ("job_failures_total", "counter", "Times a job failed."), |job| {
            Some(job.failures)
        });
        self.each_job(
            jobs,
            ("job_seconds_total", "counter", "How long a job took, all times together."),
            |job| Some(job.took.as_secs_f64()),
        );
        self.each_job(jobs, ("job_running", "gauge", "1 while a job is being done."), |job| {
            Some(u8::from(job.is_running))
        });
        self.each_job(jobs, ("job_begun_timestamp_seconds", "gauge", "When a job was begun last."), |job| {
            job.begun_at.map(seconds)
        });
        self.each_job(
            jobs,
            ("job_success_timestamp_seconds", "gauge", "When a job ended well last."),
            |job| job.succeeded_at.map(seconds),
        );
        self.each_job(jobs, ("job_next_timestamp_seconds", "gauge", "When a job is begun next."), |job| {
            job.next_at.map(seconds)
        });
    }

    fn remote(&mut self, remote: &Remote) {
        let counts = [
            ("remote_requests_total", "Requests to the platform by pulls.", remote.requests),
            ("remote_throttled_total", "Those that the platform answered with 429.", remote.throttled),
            ("remote_waits_total", "Times pulls waited for their turn, or before a repeat.", remote.waits),
        ];
        for (name, help, count) in counts {
            self.family(name, "counter", help);
            self.value(name, "", count);
        }
        self.family("remote_wait_seconds_total", "counter", "How long these waits took.");
        self.value("remote_wait_seconds_total", "", remote.waited.as_secs_f64());
    }

    fn archive(&mut self, reader: &ArchiveReader, memory: &RunMemory) -> Result<(), Problem> {
        let stats = reader.stats()?;
        self.gauge("archive_conversations", "Conversations that are stored.", stats.conversations);
        self.gauge("archive_records", "Records, every version counted.", stats.records);
        self.gauge("archive_raw_bytes", "Bytes of all records.", stats.raw_bytes);
        self.gauge("archive_packed_bytes", "Bytes of all segments.", stats.packed_bytes);
        self.gauge("archive_segments", "Segments.", stats.segments);
        self.gauge("archive_live", "1 where the archive's own catalog answers.", u64::from(reader.is_live()));
        self.gauge("archive_held", "Conversations that a matter holds.", reader.held()?);
        let page = runs::page(memory, reader, None, RUNS)?;
        if let Some(waiting) = page.runs.iter().find_map(|run| run.waiting) {
            self.gauge(
                "late_queue",
                "Conversations that pulls look at again, when the last one ended.",
                waiting,
            );
        }
        self.family(
            "run_late",
            "gauge",
            "Conversations that wait to be looked at again, of the newest runs.",
        );
        for run in &page.runs {
            self.value("run_late", &labels(&run.id, &run.state), run.late);
        }
        self.family("run_stored", "gauge", "Conversations that were new, of the newest runs.");
        for run in &page.runs {
            self.value("run_stored", &labels(&run.id, &run.state), run.stored);
        }
        Ok(())
    }

    fn journal(&mut self, reader: &JournalReader) -> Result<(), Problem> {
        self.gauge("journal_entries", "Entries of the audit log.", reader.head()?.count);
        let (mut pending, mut dead, mut disabled) = (0, 0, 0);
        for endpoint in reader.endpoints()? {
            let counts = reader.endpoint_counts(&endpoint.id)?;
            pending += counts.pending;
            dead += counts.dead;
            disabled += u64::from(endpoint.disabled.is_some());
        }
        self.gauge("deliveries_pending", "Deliveries that are still to be made.", pending);
        self.gauge("deliveries_dead", "Deliveries that were given up.", dead);
        if let Some(due) = reader.next_due()? {
            let help = "When the next delivery is due, or since when it is.";
            self.family("deliveries_due_timestamp_seconds", "gauge", help);
            self.value("deliveries_due_timestamp_seconds", "", due.as_micros() as f64 / 1e6);
        }
        self.gauge("endpoints_disabled", "Endpoints that are out of service.", disabled);
        Ok(())
    }
}

/// Ids and states are ours, and hold nothing that a label escapes.
fn labels(run: &str, state: &str) -> String {
    format!("{{run=\"{run}\",state=\"{state}\"}}")
}

/// `GET /metrics`. What cannot be asked is left out, and `frontdesk_up` of it is 0.
pub(crate) async fn page(State(office): State<Arc<Office>>) -> Response<Body> {
    let mut page = Page::default();
    page.traffic(&office.traffic);
    page.jobs(&office.desk.timetable.all());
    if let Some(remote) = &office.desk.remote {
        page.remote(&remote());
    }
    page.gauge("searches_waiting", "Requests that wait for a place to read the archive.", office.waiting());
    page.gauge("warnings", "Warnings of /readyz.", office.warnings.all().len() as u64);
    let memory = Arc::clone(&office.runs);
    let archive = office.archive(move |reader| {
        let mut page = Page::default();
        page.archive(reader, &memory).map(|()| page.0)
    });
    let archive = archive.await;
    let journal = office.entries(|reader| {
        let mut page = Page::default();
        page.journal(reader).map(|()| page.0)
    });
    let journal = journal.await;
    page.family("up", "gauge", "1 where a store answers.");
    page.value("up", "{store=\"archive\"}", u64::from(archive.is_ok()));
    page.value("up", "{store=\"journal\"}", u64::from(journal.is_ok()));
    for part in [archive, journal].into_iter().flatten() {
        page.0.push_str(&part);
    }
    let mut response = Response::new(Body::from(page.0));
    let kind = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response
}
