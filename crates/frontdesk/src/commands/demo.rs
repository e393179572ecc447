//! `frontdesk demo`: everything, against a tenant in this process.
//!
//! First ([`story`]) one guest, from the opening of a session to its end; then a pull of this and two thousand other
//! conversations, its certificate and a search; then ([`jobs`]) histories and the end of sessions, many at once; then
//! ([`kept`]) what becomes of what is kept.
//! Ignores profile and environment on purpose: a demonstration never touches a real tenant or a real archive.

mod jobs;
mod kept;
mod ports;
mod story;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use frontdesk_api::Cancel;
use frontdesk_archive::{Expression, Search, SearchHit, Settings as StoreSettings, VerifyOptions};
use frontdesk_archiver::{Pull, PullRequest, Silent as SilentPull, Transcripts};
use frontdesk_domain::{OrganizationId, PageSize, RunState, TimeRange, Timestamp};
use frontdesk_durable::{OsDir, publish};
use frontdesk_sandbox::{Addresses, Config, GuestPlan, Running, Sandbox, Untidy, serve_contracts};
use frontdesk_shell::clock::Stopwatch;
use frontdesk_shell::quantity::{show_count, show_size};
use frontdesk_shell::{Environment, Exit, Failure, Printer};
use serde::Serialize;

use crate::args::{DemoArgs, DemoContract, GlobalArgs};
use crate::clock::WallClock;
use crate::commands::archive_pull;
use crate::commands::archive_search;
use crate::commands::watch::{Unit, Watch};
use crate::context::{self, Context};
use crate::interruption::heeding;
use crate::{failures, store};

const FOLDER: &str = "frontdesk-demo";
/// The file that tells the folder is ours.
const MARK: &str = "DEMO.txt";
const MARK_TEXT: &str = "This folder was made by `frontdesk demo` and may be deleted.\n";
const CONVERSATIONS: u64 = 2_000;
const RATE_PER_MINUTE: u32 = 60_000;
/// How long a conversation may still change after it started, or be taken up again.
const LOOK_BACK: Duration = Duration::from_secs(72 * 3600);
/// The tenant's first days, which `serve --demo` removes but for what is held.
const EXPIRED_DAYS: u64 = 10;
/// A word that the sandbox's guests use.
const SEARCHED: &str = "invoice";

#[derive(Serialize)]
struct Summary<'a> {
    folder: &'a str,
    state: RunState,
    run_id: &'a str,
    stored: u64,
    unchanged: u64,
    raw_bytes: u64,
    packed_bytes: u64,
    ratio: f64,
    verified: u64,
    damaged: usize,
    searched: &'a str,
    found: u64,
    search_us: u64,
    #[serde(flatten)]
    kept: &'a kept::Kept,
    #[serde(flatten)]
    jobs: &'a jobs::Jobs,
    story: &'a story::Story,
    elapsed_ms: u64,
}

/// A flag that would be ignored is refused: whoever gave it expects his own archive or profile to be used.
fn refuse_settings(global: &GlobalArgs) -> Result<(), Failure> {
    let given = [
        ("--data-dir", global.data_dir.is_some()),
        ("--config", global.config.is_some()),
        ("--profile", global.profile.is_some()),
    ];
    let Some((flag, _)) = given.into_iter().find(|(_, given)| *given) else { return Ok(()) };
    let message = format!("demo takes no {flag}: it never touches a real tenant or a real archive");
    Err(Failure::new(Exit::Usage, "bad_argument", message)
        .hint(format!("leave it out; everything is written to ./{FOLDER} in the folder you are in")))
}

/// No environment and no profile; of the flags only those about printing.
fn own(global: &GlobalArgs) -> GlobalArgs {
    GlobalArgs {
        output: global.output,
        json: global.json,
        quiet: global.quiet,
        verbose: global.verbose,
        no_progress: global.no_progress,
        data_dir: Some(PathBuf::from(FOLDER)),
        ..GlobalArgs::default()
    }
}

/// The webhook that is told of it is on this machine.
fn receiver_here() -> Vec<(&'static str, Option<String>)> {
    vec![("local_addresses", Some("allow".to_owned()))]
}

/// A demonstration that was given, and its tenant, which takes webhooks as long as it is there.
pub(crate) struct Given {
    exit: Exit,
    tenant: Running,
}

impl Given {
    /// What a command has at hand that goes on with what the demonstration left, and with nothing else: its receiver, and a
    /// policy by which only the tenant's first days are due, so that there is something to preview and something removed.
    pub(crate) fn context<'p>(
        &self,
        global: &GlobalArgs,
        printer: &'p Printer,
    ) -> Result<Context<'p>, Failure> {
        let now = WallClock::system().now();
        let first: Timestamp = self.tenant.ready().from.to_string().parse().unwrap_or(now);
        let age = now.since(first).as_secs() / (24 * 3600);
        let days = age.saturating_sub(EXPIRED_DAYS).max(1);
        let policy = format!(r#"[{{"name":"all","days":{days}}}]"#);
        let environment = Environment::from_iter([("FRONTDESK_RETENTION", policy)]);
        Context::new(&own(global), None, receiver_here(), environment, printer)
    }

    /// Ends the tenant.
    pub(crate) async fn end(self) -> Exit {
        self.tenant.stop().await;
        self.exit
    }
}

pub(crate) async fn run(
    global: &GlobalArgs,
    arguments: &DemoArgs,
    printer: &Printer,
) -> Result<Exit, Failure> {
    Ok(give(global, arguments.contract, printer).await?.end().await)
}

/// Shows everything, and leaves the tenant running.
pub(crate) async fn give(
    global: &GlobalArgs,
    contract: DemoContract,
    printer: &Printer,
) -> Result<Given, Failure> {
    let watch = Stopwatch::start();
    refuse_settings(global)?;
    let own = own(global);
    claim(Path::new(FOLDER))?;

    let unexpected = |what: &'static str, error: &dyn std::error::Error| {
        Failure::new(Exit::Unexpected, "demo", what).caused_by(error)
    };
    // A generous rate: what is shown is the work, not the waiting.
    let config = Config {
        conversations: Some(CONVERSATIONS),
        rate_limit_per_min: RATE_PER_MINUTE,
        untidy: Untidy::evenly(0.1),
        // Some sessions are over or idle, and some end between the plan and its turn.
        guest_plan: GuestPlan { active: 0.7, closing: 0.2, ..GuestPlan::default() },
        ..Config::default()
    };
    let sandbox = Sandbox::new(config).map_err(|error| unexpected("cannot make the sandbox", &error))?;
    let sandbox = Arc::new(sandbox);
    let here = ([127, 0, 0, 1], 0).into();
    // The receiver of webhooks is at the gateway's address, whichever contract is spoken.
    let addresses = Addresses {
        platform: (contract == DemoContract::Platform).then_some(here),
        ..Addresses::gateway(here)
    };
    let running = serve_contracts(Arc::clone(&sandbox), addresses)
        .await
        .map_err(|error| unexpected("cannot listen on this machine's own address", &error))?;
    let ready = running.ready().clone();
    let context = Context::new(&own, None, receiver_here(), ports::settings(&ready, contract), printer)?;
    printer.talk(format_args!(
        "a tenant with {} conversations answers at {}",
        show_count(CONVERSATIONS),
        ready.platform_url.as_deref().unwrap_or(&ready.base_url)
    ));

    let clock = WallClock::system();
    let shutdown = context::signals()?;
    let (stop, cancel) = Cancel::pair();
    let doors = ports::Ports::new(&context, &clock, contract, &cancel)?;
    let place = jobs::Place { context: &context, clock: &clock, sandbox: &sandbox, ready: &ready, cancel };
    let journal = place.journal()?;
    let began = clock.now();
    let mut story = heeding(shutdown.requested(), &stop, place.story(&doors, &journal)).await?;
    let root = context.archive_root()?;
    let organization: OrganizationId = ready
        .organization_id
        .parse()
        .map_err(|error| unexpected("the sandbox's organisation has no name", &error))?;
    let settings = StoreSettings {
        organization: organization.clone(),
        holder: format!("pid {}: frontdesk demo", std::process::id()),
        workers: store::workers(),
        wait: Duration::from_secs(5),
        ..StoreSettings::default()
    };
    let now = clock.source();
    let writer = Arc::new(store::open_writer(&root, &settings, Arc::clone(&now))?);
    let year = request(&ready.from.to_string(), &ready.to.to_string())?;
    let monitor = Watch::new(printer, context.progress(None), Unit::Range);
    let transcripts = doors.source.transcripts.as_deref();
    let pull = Pull::new(&*doors.source.conversations, Arc::clone(&writer), organization, &*now)
        .transcripts(transcripts.map(|source| Transcripts::new(source, LOOK_BACK)));
    let report = pull.run(&year, shutdown.requested(), &monitor).await;
    drop(monitor);
    let report = report.map_err(|error| failures::archive(&error.0))?;
    archive_pull::ended(&report, true)?;
    // The story is of today, and may still change: its certificate is provisional.
    let today = request(&began.to_string(), &now().to_string())?;
    let told = pull.run(&today, shutdown.requested(), &SilentPull).await;
    drop(pull);
    let told = told.map_err(|error| failures::archive(&error.0))?;
    archive_pull::ended(&told, false)?;
    archive_pull::close(writer)?;
    let jobs = heeding(shutdown.requested(), &stop, place.run(&doors, journal)).await?;

    let reader = store::open_reader(&root)?;
    story.archived(told.certificate.state, &reader)?;
    let stats = reader.stats().map_err(|error| failures::archive(&error))?;
    let verified =
        reader.verify(&VerifyOptions::default(), &mut |_| {}).map_err(|error| failures::archive(&error))?;
    let search_watch = Stopwatch::start();
    let query = Search::new(Expression::Contains(SEARCHED.to_owned()), 1);
    let page = reader.search(&query).map_err(|error| failures::archive(&error))?;
    let search_us = search_watch.elapsed_us();
    let kept = kept::keep(&root, &settings, Arc::clone(&now), &reader)?;
    let summary = Summary {
        folder: FOLDER,
        state: report.certificate.state,
        run_id: report.certificate.run_id.as_str(),
        stored: report.certificate.stored,
        unchanged: report.certificate.unchanged,
        raw_bytes: stats.raw_bytes,
        packed_bytes: stats.packed_bytes,
        ratio: stats.raw_bytes as f64 / stats.packed_bytes.max(1) as f64,
        verified: verified.records,
        damaged: verified.damaged.len(),
        searched: SEARCHED,
        found: page.count.unwrap_or_default(),
        search_us,
        kept: &kept,
        jobs: &jobs,
        story: &story,
        elapsed_ms: watch.elapsed_ms(),
    };
    printer.data(&summary, |summary| text(summary, page.hits.first()))?;
    let exit = match verified.damaged.is_empty() && kept.is_good() {
        true if story.is_whole() => jobs.exit(),
        true => jobs.exit().max(Exit::Partial),
        false => Exit::Integrity,
    };
    Ok(Given { exit, tenant: running })
}

/// Makes the folder, or refuses one that is not ours.
fn claim(folder: &Path) -> Result<(), Failure> {
    let refused = |why: &str| {
        Failure::new(Exit::Usage, "foreign_folder", format!("./{FOLDER} {why}"))
            .hint("move it away, or run the demonstration in another folder")
    };
    let failed = |error: &io::Error| {
        Failure::new(Exit::Storage, "storage", format!("cannot make ./{FOLDER}")).caused_by(error)
    };
    match fs::read_dir(folder) {
        Ok(mut entries) => {
            let ours = fs::read_to_string(folder.join(MARK)).is_ok_and(|text| text == MARK_TEXT);
            if !ours && entries.next().is_some() {
                return Err(refused("is there and was not made by this command"));
            }
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => return Err(refused("is not a folder")),
        Err(error) => return Err(failed(&error)),
    }
    let dir = OsDir::open_or_create(folder).map_err(|error| failed(&error))?;
    publish(&dir, MARK, MARK_TEXT.as_bytes()).map_err(|error| failed(&error))
}

fn request(from: &str, to: &str) -> Result<PullRequest, Failure> {
    let broken = |what: String| Failure::new(Exit::Unexpected, "demo", what);
    let time = |text: &str| text.parse::<Timestamp>().map_err(|error| broken(error.to_string()));
    let range = TimeRange::new(time(from)?, time(to)?).map_err(|violation| broken(violation.message))?;
    Ok(PullRequest {
        range,
        filter: None,
        page_size: PageSize::default(),
        look_back: LOOK_BACK,
        in_flight: archive_pull::IN_FLIGHT,
    })
}

fn text(summary: &Summary<'_>, newest: Option<&SearchHit>) -> String {
    format!(
        "\
One guest
{story}

Two thousand
certificate   {state} (run {run})
archive       ./{folder}: {stored} stored, {unchanged} unchanged, {raw} in {packed} ({ratio:.1} : 1)
verified      {verified} records, {damaged} damaged
search        {searched:?}: {found} found in {millis:.1} ms, the newest:
              {newest}
{kept}
{jobs}

Took {seconds:.1} s. Try next:
  {program} --data-dir {folder} archive search 'refund* queue:billing from:2025-06-01' --facets
  {program} --data-dir {folder} archive search --contains 'thank you'
  {program} --data-dir {folder} archive report --summary | tail
  {program} --data-dir {folder} archive hold list | head
  {program} --data-dir {folder} archive retain --days 30
  {program} --data-dir {folder} session list
  {program} --data-dir {folder} message sla
  {program} --data-dir {folder} audit tail
  {program} --data-dir {folder} webhook deliveries | tail
  {program} --data-dir {folder} serve        then open http://127.0.0.1:8080/?q=invoice
  zcat {folder}/archive/segments/*/*.gz | head -1
  {program} sandbox serve        a tenant to pull from yourself",
        program = program(),
        state = summary.state,
        run = summary.run_id,
        folder = summary.folder,
        stored = show_count(summary.stored),
        unchanged = show_count(summary.unchanged),
        raw = show_size(summary.raw_bytes),
        packed = show_size(summary.packed_bytes),
        ratio = summary.ratio,
        verified = show_count(summary.verified),
        damaged = summary.damaged,
        searched = summary.searched,
        found = show_count(summary.found),
        millis = summary.search_us as f64 / 1000.0,
        newest = newest
            .map_or_else(String::new, |hit| archive_search::line(hit, false))
            .replace('\n', "\n              "),
        story = summary.story.text(),
        kept = summary.kept.text(),
        jobs = summary.jobs.text(),
        seconds = summary.elapsed_ms as f64 / 1000.0,
    )
}

/// This program as it was called, so that what is printed can be typed.
fn program() -> String {
    std::env::args().next().unwrap_or_else(|| String::from("frontdesk"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flag_that_would_be_ignored_is_refused() {
        let path = || Some(PathBuf::from("mine"));
        for (flag, global) in [
            ("--data-dir", GlobalArgs { data_dir: path(), ..GlobalArgs::default() }),
            ("--config", GlobalArgs { config: path(), ..GlobalArgs::default() }),
            ("--profile", GlobalArgs { profile: Some("mine".parse().unwrap()), ..GlobalArgs::default() }),
        ] {
            let refused = refuse_settings(&global).unwrap_err();
            assert_eq!(refused.exit(), Exit::Usage);
            assert!(refused.one_line().contains(flag), "{}", refused.one_line());
        }
        assert!(refuse_settings(&GlobalArgs { json: true, quiet: true, ..GlobalArgs::default() }).is_ok());
    }
}
