//! Calls that fail: nothing is acknowledged that is not durable, then or later (R4, R5).

use std::error::Error as _;
use std::sync::Arc;

use frontdesk_archive::{Error, ErrorKind, Writer};
use frontdesk_durable::testing::{EIO, ENOSPC, FaultyDir};

use crate::support::{conversation, noise, prepared};
use crate::world::{Catalog, Model, World, open};

fn batches(run: u64) -> Vec<Vec<Vec<u8>>> {
    let line = |batch: u64, n: u64| {
        conversation(
            &format!("c-{}", (batch * 3 + n) % 7),
            1 + (n % 2) as u8,
            &noise(run * 100 + batch * 10 + n, 300),
        )
    };
    (0..3).map(|batch| (0..3).map(|n| line(batch, n)).collect()).collect()
}

/// Puts everything; after the first failure, nothing more is taken.
fn put_all(model: &mut Model, writer: &Writer, run: u64) -> Result<(), Error> {
    for lines in batches(run) {
        if let Err(error) = model.put(writer, &lines) {
            for _ in 0..2 {
                let later = writer.put(vec![prepared(&conversation("later", 5, "later"))]).unwrap_err();
                assert!(later.is_storage_failure(), "{later}");
                assert_eq!(*later.kind(), ErrorKind::Poisoned);
                let cause = later.source().map(ToString::to_string);
                assert_eq!(cause, Some(error.to_string()), "the first failure is not told");
            }
            return Err(error);
        }
    }
    Ok(())
}

fn run(model: &mut Model, dir: &FaultyDir<frontdesk_durable::testing::MemoryDir>) -> Result<(), Error> {
    for number in 0..2 {
        let writer = open(Arc::new(dir.clone()))?;
        put_all(model, &writer, number)?;
        writer.close()?;
    }
    Ok(())
}

fn fail_everywhere(errno: i32, short_writes: bool) {
    let mut failed = 0;
    for step in 1.. {
        let world = World::new();
        let memory = world.memory.clone();
        let mut dir = FaultyDir::new(world.memory.clone())
            .fail_at(step, errno)
            // The system drops what it could not write, and calls the next fsync a success.
            .on_failed_sync(move |path| memory.forget_unsynced(path));
        if short_writes {
            dir = dir.short_writes();
        }
        let mut model = Model::default();
        let result = run(&mut model, &dir);
        if !dir.struck() {
            break;
        }
        if let Err(error) = &result {
            failed += 1;
            assert!(
                error.is_storage_failure() || *error.kind() == ErrorKind::ReadOnly,
                "step {step}: {error:?}"
            );
        }
        // The process is gone, the machine is not: what it shows is not what the disk has.
        let after = world.after_kill(Catalog::Kept);
        let writer = after.writer().unwrap_or_else(|error| panic!("step {step}: {error}"));
        model.compare(&after.reader()).unwrap_or_else(|lost| panic!("step {step}: {lost}"));
        put_all(&mut model, &writer, 2).unwrap();
        // And now the machine goes too. Everything acknowledged must be on the disk by now.
        let later = after.after_power_loss(0, Catalog::Gone);
        drop(writer);
        let writer = later.writer().unwrap_or_else(|error| panic!("step {step}, power loss: {error}"));
        model.compare(&later.reader()).unwrap_or_else(|lost| panic!("step {step}, power loss: {lost}"));
        writer.close().unwrap();
        model.check(&later);
    }
    assert!(failed > 50, "{failed}");
}

#[test]
fn a_call_that_fails_once_costs_no_acknowledged_record() {
    fail_everywhere(EIO, false);
}

#[test]
fn a_full_disk_costs_no_acknowledged_record() {
    fail_everywhere(ENOSPC, true);
}
