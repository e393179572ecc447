//! The machine stops at every step, and the process is killed at any: what was acknowledged stays (R2, R15).

use std::sync::Arc;

use frontdesk_archive::Error;
use frontdesk_durable::testing::FaultyDir;
use proptest::prelude::*;

use crate::support::{conversation, noise};
use crate::world::{Catalog, Model, World, open};

/// Puts that touch every path: new segments in several months, sealing, versions, unchanged records, two runs.
fn workload(
    model: &mut Model,
    mut writer: impl FnMut() -> Result<frontdesk_archive::Writer, Error>,
) -> Result<(), Error> {
    for run in 0..2_u64 {
        let open = writer()?;
        for batch in 0..3_u64 {
            let lines: Vec<Vec<u8>> = (0..4)
                .map(|n| {
                    let text = noise(run * 100 + batch * 10 + n, 300);
                    conversation(&format!("c-{}", (batch * 4 + n) % 9), 1 + (n % 2) as u8, &text)
                })
                .collect();
            model.put(&open, &lines)?;
            model.put(&open, &lines[..1])?;
        }
        open.close()?;
    }
    Ok(())
}

#[test]
fn nothing_acknowledged_is_lost_when_the_machine_stops_at_any_step() {
    let steps = {
        let world = World::new();
        let dir = FaultyDir::new(world.memory.clone());
        let mut model = Model::default();
        workload(&mut model, || open(Arc::new(dir.clone()))).unwrap();
        model.check(&world);
        dir.steps()
    };
    assert!(steps > 100, "{steps}");
    for step in 1..=steps {
        let world = World::new();
        let dir = FaultyDir::new(world.memory.clone()).crash_at(step);
        let mut model = Model::default();
        let _stopped = workload(&mut model, || open(Arc::new(dir.clone())));
        assert!(dir.struck(), "step {step}");
        // A different fate of the unsynced bytes at each step; the catalog survives every other time.
        let seed = step.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 8;
        let catalog = if seed % 2 == 0 { Catalog::Kept } else { Catalog::Gone };
        let after = world.after_power_loss(seed / 2, catalog);
        let resumed = after.writer().unwrap_or_else(|error| panic!("step {step}, seed {seed}: {error}"));
        if let Err(lost) = model.compare(&after.reader()) {
            panic!("step {step}, seed {seed}, {catalog:?}: {lost}");
        }
        resumed.close().unwrap();
        // The same again, to the end.
        workload(&mut model, || after.writer()).unwrap();
        model.check(&after);
    }
}

#[test]
fn a_disk_that_lies_about_fsync_is_noticed() {
    let mut noticed = 0;
    for seed in 0..16 {
        let world = World::new();
        let dir = FaultyDir::new(world.memory.clone()).lying_sync();
        let mut model = Model::default();
        workload(&mut model, || open(Arc::new(dir.clone()))).unwrap();
        let after = world.after_power_loss(seed, Catalog::Gone);
        let lost = match after.writer() {
            Err(_) => true,
            Ok(_writer) => model.compare(&after.reader()).is_err(),
        };
        noticed += usize::from(lost);
    }
    // A crash may keep everything that was not synced; mostly it does not.
    assert!(noticed >= 8, "the test of durability proves nothing: {noticed} of 16 noticed");
}

#[test]
fn a_catalog_that_knows_more_than_the_segments_keeps_the_archive_from_being_written() {
    let world = World::new();
    let dir = FaultyDir::new(world.memory.clone()).lying_sync();
    let mut model = Model::default();
    workload(&mut model, || open(Arc::new(dir.clone()))).unwrap();
    // Names are kept, nothing else: the ledger is empty, the catalog is not.
    let after = world.after_power_loss(1, Catalog::Kept);
    let error = after.writer().unwrap_err();
    assert!(error.is_integrity_failure(), "{error}");
}

#[derive(Debug, Clone)]
enum Step {
    Put(Vec<(u8, u8)>),
    Reopen,
    Kill(bool),
    PowerLoss(u64, bool),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let put = proptest::collection::vec((0..6_u8, 0..3_u8), 1..8).prop_map(Step::Put);
    let step = prop_oneof![
        6 => put,
        1 => Just(Step::Reopen),
        1 => any::<bool>().prop_map(Step::Kill),
        1 => (any::<u64>(), any::<bool>()).prop_map(|(seed, kept)| Step::PowerLoss(seed, kept)),
    ];
    proptest::collection::vec(step, 1..12)
}

fn kept(kept: bool) -> Catalog {
    if kept { Catalog::Kept } else { Catalog::Gone }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_sequence_of_puts_and_crashes_agrees_with_a_simple_model(steps in steps()) {
        let mut world = World::new();
        let mut model = Model::default();
        let mut writer = world.writer().unwrap();
        for step in steps {
            match step {
                Step::Put(records) => {
                    let lines: Vec<Vec<u8>> = records
                        .iter()
                        .map(|(id, text)| conversation(&format!("c-{id}"), 1 + id % 3, &noise((*text).into(), 200)))
                        .collect();
                    model.put(&writer, &lines).unwrap();
                }
                Step::Reopen => {
                    writer.close().unwrap();
                    writer = world.writer().unwrap();
                }
                Step::Kill(keep) => {
                    let after = world.after_kill(kept(keep));
                    drop(writer);
                    world = after;
                    writer = world.writer().unwrap();
                    model.compare(&world.reader()).unwrap();
                }
                Step::PowerLoss(seed, keep) => {
                    let after = world.after_power_loss(seed, kept(keep));
                    drop(writer);
                    world = after;
                    writer = world.writer().unwrap();
                    model.compare(&world.reader()).unwrap();
                }
            }
        }
        writer.close().unwrap();
        model.check(&world);
    }
}

#[test]
fn the_machine_may_stop_again_while_what_it_left_is_settled() {
    let crashed = || {
        let world = World::new();
        let mut model = Model::default();
        let writer = world.writer().unwrap();
        for n in 0..3_u64 {
            let lines: Vec<Vec<u8>> = (0..3)
                .map(|m| conversation(&format!("c-{m}"), 1 + (m % 2) as u8, &noise(n * 10 + m, 200)))
                .collect();
            model.put(&writer, &lines).unwrap();
        }
        (world.after_kill(Catalog::Kept), model)
    };
    for step in 1.. {
        let (world, mut model) = crashed();
        let dir = FaultyDir::new(world.memory.clone()).crash_at(step);
        let opened = open(Arc::new(dir.clone())).and_then(frontdesk_archive::Writer::close);
        if !dir.struck() {
            opened.unwrap();
            assert!(step > 40, "{step}");
            break;
        }
        let catalog = if step % 2 == 0 { Catalog::Kept } else { Catalog::Gone };
        let after = world.after_power_loss(step.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 8, catalog);
        after.writer().unwrap_or_else(|error| panic!("step {step}: {error}")).close().unwrap();
        model.compare(&after.reader()).unwrap_or_else(|lost| panic!("step {step}: {lost}"));
        model.check(&after);
        assert!(
            after.memory.files().keys().filter(|path| path.ends_with(".ndjson.gz")).count() <= 4,
            "step {step}"
        );
    }
}
