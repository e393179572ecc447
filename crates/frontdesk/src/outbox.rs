//! The outbox as commands use it: which addresses are called, and what is delivered before a command ends.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use frontdesk_api::Cancel;
use frontdesk_api::outward::{AddressPolicy, OutwardOptions, OutwardTransport, WebhookSender};
use frontdesk_deliveries::{Drain, DrainOptions, Silent};
use frontdesk_domain::EventKind;
use frontdesk_journal::outbox::Endpoint;
use frontdesk_journal::{Journal, Reader};
use frontdesk_shell::{Exit, Failure, Shutdown};

use crate::clock::WallClock;
use crate::context::{self, Context};
use crate::{failures, journal};

/// How long a command that stored something delivers before it ends (design, journal).
const BEFORE_EXIT: Duration = Duration::from_secs(5);

/// The folder of the journal, which the outbox is in.
pub(crate) fn root(context: &Context<'_>) -> Result<PathBuf, Failure> {
    Ok(context.settings.data_dir(&context.environment)?.join("journal"))
}

/// Opens the journal for reading.
pub(crate) fn reader(context: &Context<'_>) -> Result<Reader, Failure> {
    Reader::open(&root(context)?).map_err(|error| failures::journal(&error))
}

/// Which addresses webhooks and media may lead to: the setting `local_addresses`.
pub(crate) fn policy(context: &Context<'_>) -> Result<AddressPolicy, Failure> {
    match context.settings.text("local_addresses") {
        None | Some("refuse") => Ok(AddressPolicy::default()),
        Some("allow") => Ok(AddressPolicy::allow_local()),
        Some(other) => Err(Failure::new(Exit::Usage, "bad_setting", format!("local_addresses is {other:?}"))
            .hint("say refuse or allow")),
    }
}

/// The door for addresses that come from outside.
pub(crate) fn outward(context: &Context<'_>) -> Result<OutwardTransport, Failure> {
    let mut options = OutwardOptions::default();
    options.policy = policy(context)?;
    options.extra_roots = context.settings.parsed("ca_file", |path| fs::read(path))?;
    options.connect_timeout =
        context.settings.duration("timeout_connect")?.unwrap_or(options.connect_timeout);
    OutwardTransport::new(&options).map_err(|error| {
        Failure::from_error(Exit::Usage, "transport", &error).hint("check the ca_file setting")
    })
}

/// What delivers the outbox of a journal that is open in the folder `root`.
pub(crate) fn drain(
    context: &Context<'_>,
    journal: Arc<Journal>,
    root: &Path,
    clock: &WallClock,
) -> Result<Drain, Failure> {
    let sender = WebhookSender::new(Arc::new(outward(context)?), clock.client_clock());
    let drain = Drain::new(journal, root, sender, policy(context)?, clock.source());
    Ok(drain.keeping(journal::kept(context)?))
}

/// Delivers what is due for a few seconds, before a command ends that may have stored something. What fails, or does not
/// fit in, stays in the outbox: that takes nothing back from what the command did.
pub(crate) async fn drain_before_exit(
    context: &Context<'_>,
    journal: &Arc<Journal>,
    clock: &WallClock,
    shutdown: &Shutdown,
) -> Result<(), Failure> {
    let failed = |error: frontdesk_journal::Error| failures::journal(&error);
    let is_due = journal.reader().and_then(|reader| reader.next_due()).map_err(failed)?.is_some();
    if !is_due {
        return Ok(());
    }
    let drain = drain(context, Arc::clone(journal), &root(context)?, clock)?;
    let mut options = DrainOptions::default();
    options.time = Some(BEFORE_EXIT);
    options.flush = true;
    let never = Cancel::never();
    let report = tokio::select! {
        biased;
        () = shutdown.requested() => return Ok(()),
        report = drain.run(&options, &never, &Silent) => report.map_err(failed)?,
    };
    if report.next_due.is_some() {
        context.printer.talk("some events are not delivered yet: frontdesk webhook drain goes on with them");
    }
    Ok(())
}

/// The same after a command that leaves nothing but audit entries: batches of them are due like any event. Whatever comes
/// of it, the command ended as it ended.
pub(crate) async fn drain_after(
    context: &Context<'_>,
    ended: Result<Exit, Failure>,
) -> Result<Exit, Failure> {
    let interrupted = matches!(&ended, Err(failure) if failure.exit() == Exit::Interrupted);
    if !interrupted && let Err(failure) = drain_entries(context).await {
        let line = failure.one_line();
        context.printer.talk(format_args!("audit batches are not delivered yet: {line}"));
    }
    ended
}

async fn drain_entries(context: &Context<'_>) -> Result<(), Failure> {
    // A command that was refused, or a preview, may have made no journal.
    let Ok(reader) = Reader::open(&root(context)?) else { return Ok(()) };
    let endpoints = reader.endpoints().map_err(|error| failures::journal(&error))?;
    let takes =
        |endpoint: &Endpoint| endpoint.disabled.is_none() && endpoint.kinds.contains(&EventKind::AuditBatch);
    if !endpoints.iter().any(takes) {
        return Ok(());
    }
    drop(reader);
    let clock = WallClock::of(context).await?;
    let shutdown = context::signals()?;
    let journal = Arc::new(journal::open(context, "webhook drain", &clock)?);
    drain_before_exit(context, &journal, &clock, &shutdown).await?;
    journal::close(journal)
}
