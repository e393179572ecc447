//! Row S12's first half: audit entries on the disk, beside what the disk itself can do in the same run.
//!
//! `cargo xtask bench --rows S12` runs it: `cargo bench -p frontdesk-journal --bench record -- FOLDER SINK [ENTRIES]`. In FOLDER it
//! leaves the journal with a webhook at SINK for its audit batches, so that sending them can be measured too. Prints one
//! JSON object; rates are entries a second.
#![expect(clippy::disallowed_methods, reason = "a bench measures elapsed time and asks the disk itself")]
#![expect(clippy::print_stdout, reason = "its figures are for whoever runs it")]

use std::error::Error;
use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use frontdesk_domain::audit::TerminationRecord;
use frontdesk_domain::signature::SigningSecret;
use frontdesk_domain::{EventKind, Timestamp};
use frontdesk_journal::outbox::NewEndpoint;
use frontdesk_journal::{Change, Clock, Journal, Settings};

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

const ALONE: u64 = 500;
const THREADS: u64 = 64;
const EACH: u64 = 200;
/// Handed over by one caller, unless another number is asked for.
const MANY: u64 = 50_000;
/// What the documents' sink checks signatures with.
const SECRET: &[u8] = b"hmac-secret-key-32-bytes-long";

fn main() -> Outcome<()> {
    let mut arguments = std::env::args().skip(1).filter(|argument| !argument.starts_with("--"));
    let (folder, sink) = match (arguments.next(), arguments.next()) {
        (Some(folder), Some(sink)) => (folder, sink),
        _ => return Err("usage: record FOLDER SINK [ENTRIES]".into()),
    };
    let many = arguments.next().map_or(Ok(MANY), |many| many.parse())?;
    let folder = Path::new(&folder);
    std::fs::create_dir_all(folder)?;
    let fdatasync = disk(folder)?;
    let clock: Clock = Arc::new(now);
    let journal = Journal::open(&folder.join("journal"), &Settings::default(), clock)?;

    let started = Instant::now();
    for number in 0..ALONE {
        journal.record(change(number))?;
    }
    let alone = rate(ALONE, started);

    let started = Instant::now();
    std::thread::scope(|scope| -> Outcome<()> {
        let record = |_| {
            let record = || (0..EACH).try_for_each(|number| journal.record(change(number)).map(drop));
            scope.spawn(record)
        };
        let threads: Vec<_> = (0..THREADS).map(record).collect();
        for thread in threads {
            thread.join().map_err(|_| "a recording thread panicked")??;
        }
        Ok(())
    })?;
    let together = rate(THREADS * EACH, started);

    // What was recorded until here is not the endpoint's business; its own entry is the first that is.
    let endpoint = NewEndpoint::new(&sink, SigningSecret::from_bytes(SECRET)?, [EventKind::AuditBatch]);
    journal.record(Change::new().add_endpoint(endpoint, now()))?;
    let started = Instant::now();
    let pending: Vec<_> = (0..many).map(|number| journal.submit(change(number))).collect::<Result<_, _>>()?;
    for pending in pending {
        pending.wait()?;
    }
    let seconds = started.elapsed().as_secs_f64();
    let pipelined = rate(many, started);
    journal.close()?;
    println!(
        "{{\"fdatasync\":{fdatasync:.0},\"alone\":{alone:.0},\"together\":{together:.0},\"pipelined\":{pipelined:.0},\
         \"entries\":{many},\"seconds\":{seconds:.4}}}"
    );
    Ok(())
}

/// How often a second the disk makes 4 KiB more durable.
fn disk(folder: &Path) -> Outcome<f64> {
    let path = folder.join("fdatasync");
    let mut file = File::create(&path)?;
    let started = Instant::now();
    for _ in 0..ALONE {
        file.write_all(&[1; 4_096])?;
        file.sync_data()?;
    }
    let rate = rate(ALONE, started);
    std::fs::remove_file(path)?;
    Ok(rate)
}

/// A session that was ended (contract §6): two of its values are personal.
fn change(number: u64) -> Change {
    Change::new().audit(TerminationRecord {
        timestamp: now(),
        guest_id: format!("guest-{number:08}"),
        reason: "timeout".into(),
        retain_data: true,
        success: true,
        latency_ms: 41,
        external_ref: Some(format!("ticket-{number:08}")),
        error: None,
        duplicate_termination: None,
    })
}

fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros())
        .ok()
        .and_then(|micros| Timestamp::from_micros(micros).ok())
        .unwrap_or(Timestamp::UNIX_EPOCH)
}

fn rate(count: u64, started: Instant) -> f64 {
    count as f64 / started.elapsed().as_secs_f64().max(1e-9)
}
