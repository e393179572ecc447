//! Random sequences of puts, holds, releases, removals, clock jumps and crashes against a simple model (R60).
//!
//! `FRONTDESK_RETENTION_SEQUENCES` raises the number of sequences, `FRONTDESK_RETENTION_SEED` repeats one run.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use frontdesk_archive::{
    ClockTrust, Error, ErrorKind, Maintenance, PutOutcome, Reader, Removal, Removed, Settings, Writer,
};
use frontdesk_domain::retention::{Policies, Policy, Subject, Verdict, verdict};
use frontdesk_domain::{MatterName, Timestamp};

use crate::support::{key, prepared, settings, verify};
use crate::world::{Catalog, World};

const DAY: u64 = 24;

/// The truth as it should be.
#[derive(Default)]
struct Model {
    /// Latest bytes and day of the end, by conversation.
    there: BTreeMap<u8, (Vec<u8>, i64)>,
    held: BTreeSet<(u8, u8)>,
    gone: BTreeSet<u8>,
}

struct Dice(u64);

impl Dice {
    fn below(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % n
    }
}

fn at(day: i64) -> Timestamp {
    Timestamp::from_micros(day * 86_400_000_000).unwrap()
}

fn line(id: u8, day: i64, text: u64) -> Vec<u8> {
    format!(r#"{{"id":"c-{id}","endTime":"{}","t":{text}}}"#, at(day)).into_bytes()
}

fn matter(n: u8) -> MatterName {
    MatterName::new(format!("m-{n}")).unwrap()
}

fn config() -> Settings {
    Settings { segment_size: 600, workers: 1, ..settings() }
}

/// One sequence; gives how many conversations were removed. `believes`: whether holds are looked at by the model.
fn sequence(seed: u64, believes: bool) -> Result<u64, String> {
    let mut dice = Dice(seed | 1);
    let mut world = World::new();
    let mut model = Model::default();
    let mut today = 20_000_i64;
    let mut removed = 0;
    let mut days = 30;
    for _ in 0..(4 + dice.below(10)) {
        let now = at(today);
        let clock: frontdesk_archive::Clock = Arc::new(move || now);
        match dice.below(9) {
            0..=2 => {
                let writer = Writer::open_in(world.dir(), &config(), clock).map_err(|e| e.to_string())?;
                for _ in 0..=dice.below(4) {
                    let (id, day) = (dice.below(6) as u8, today - dice.below(80) as i64);
                    let bytes = line(id, day, dice.below(1_000));
                    let outcome = writer.put(vec![prepared(&bytes)]).map_err(|e| e.to_string())?[0];
                    if (outcome == PutOutcome::Expired) != model.gone.contains(&id) {
                        return Err(format!("c-{id} was removed or not, and put says {outcome:?}"));
                    }
                    if !model.gone.contains(&id) {
                        model.there.insert(id, (bytes, day));
                    }
                }
                if dice.below(3) > 0 {
                    writer.close().map_err(|e| e.to_string())?;
                } else {
                    let after = world.after_kill(catalog(&mut dice));
                    drop(writer);
                    world = after;
                }
            }
            3 if world.reader_is_possible() => {
                let (id, m) = (dice.below(6) as u8, dice.below(2) as u8);
                let mut maintenance = open(&world, &clock)?;
                let done = maintenance.hold(&matter(m), &[key(&format!("c-{id}")).id], None, "model");
                match done {
                    Ok(_) if model.there.contains_key(&id) => drop(model.held.insert((id, m))),
                    Err(error)
                        if matches!(error.kind(), ErrorKind::Unknown { .. })
                            && !model.there.contains_key(&id) => {}
                    other => return Err(format!("hold of c-{id}: {other:?}")),
                }
                maintenance.close().map_err(|e| e.to_string())?;
            }
            4 if world.reader_is_possible() => {
                let m = dice.below(2) as u8;
                let mut maintenance = open(&world, &clock)?;
                let expected = model.held.iter().filter(|(_, by)| *by == m).count() as u64;
                let released = maintenance.release(&matter(m), None, "model").unwrap_or(0);
                if released != expected {
                    return Err(format!("{released} released, {expected} held"));
                }
                model.held.retain(|(_, by)| *by != m);
                maintenance.close().map_err(|e| e.to_string())?;
            }
            5 => days = 1 + dice.below(60) as u32,
            6 => today += [1, 1, 20, -5, 3_650][dice.below(5) as usize],
            _ if world.reader_is_possible() => {
                removed += expire(&mut world, &mut model, &mut dice, days, today, believes)?;
            }
            _ => {}
        }
        if world.reader_is_possible() {
            compare(&world.reader(), &model)?;
        }
    }
    if world.reader_is_possible() {
        open(&world, &(Arc::new(move || at(today)) as frontdesk_archive::Clock))?
            .close()
            .map_err(|e| e.to_string())?;
        let report = verify(&world.reader());
        if !report.damaged.is_empty() {
            return Err(format!("{report:?}"));
        }
        compare(&world.after_kill(Catalog::Gone).reader(), &model)?;
    }
    Ok(removed)
}

fn catalog(dice: &mut Dice) -> Catalog {
    if dice.below(2) == 0 { Catalog::Kept } else { Catalog::Gone }
}

fn open(world: &World, clock: &frontdesk_archive::Clock) -> Result<Maintenance, String> {
    Maintenance::open_in(world.dir(), &config(), clock.clone()).map_err(|error| error.to_string())
}

/// One retention run with everything that is there as its plan: the archive must remove what is due and no more.
fn expire(
    world: &mut World,
    model: &mut Model,
    dice: &mut Dice,
    days: u32,
    today: i64,
    believes: bool,
) -> Result<u64, String> {
    let now = at(today);
    let policies = Policies::new(vec![Policy::all("p".parse().unwrap(), days).unwrap()]).unwrap();
    let mut removals = Vec::new();
    {
        let reader = world.reader();
        for id in model.there.keys() {
            let record = reader.show(&key(&format!("c-{id}")), None).map_err(|e| e.to_string())?;
            let record = record.ok_or_else(|| format!("c-{id} is gone"))?;
            if let Verdict::Expire { policy, since, .. } =
                verdict(&Subject::of(&record.bytes), &policies, &[], now)
            {
                removals.push(Removal {
                    id: record.key.id,
                    version: record.version,
                    sha256: record.sha256,
                    policy,
                    since,
                });
            }
        }
    }
    let clock: frontdesk_archive::Clock = Arc::new(move || now);
    let mut maintenance = open(world, &clock)?;
    let trust = ClockTrust { limit: Duration::from_hours(40 * DAY), confirmed: dice.below(3) == 0 };
    match maintenance.expire(&removals, "model", trust) {
        Err(error) if matches!(error.kind(), ErrorKind::ClockAhead { .. }) => {
            if trust.confirmed {
                return Err("a clock that was confirmed is refused".to_owned());
            }
            maintenance.close().map_err(|e| e.to_string())?;
            return Ok(0);
        }
        Err(error) => return Err(error.to_string()),
        Ok((outcomes, _)) => {
            for (removal, outcome) in removals.iter().zip(&outcomes) {
                let id: u8 = removal.id.as_str()[2..].parse().unwrap();
                let held = believes && model.held.iter().any(|(held, _)| *held == id);
                if matches!(outcome, Removed::Expired { .. }) == held {
                    return Err(format!("c-{id}: held is {held}, and {outcome:?}"));
                }
                if !held {
                    model.there.remove(&id);
                    model.gone.insert(id);
                }
            }
            // By the record's own time, computed here in whole days: nothing due stays, nothing young goes.
            for (id, (_, day)) in &model.there {
                if today - day >= i64::from(days) && !model.held.iter().any(|(held, _)| held == id) {
                    return Err(format!("c-{id} is due and stays"));
                }
            }
        }
    }
    if dice.below(2) == 0 {
        maintenance.close().map_err(|e| e.to_string())?;
    } else {
        let after = world.after_power_loss(dice.below(1_000), catalog(dice));
        drop(maintenance);
        *world = after;
    }
    Ok(removals.len() as u64)
}

fn compare(reader: &Reader, model: &Model) -> Result<(), String> {
    for id in 0..6_u8 {
        let found = reader.show(&key(&format!("c-{id}")), None).map_err(|e| e.to_string())?;
        if found.map(|record| record.bytes).as_ref() != model.there.get(&id).map(|(bytes, _)| bytes) {
            return Err(format!("c-{id} is not what it should be"));
        }
        let stone = reader.tombstone(&key(&format!("c-{id}")).id).map_err(|e| e.to_string())?;
        if stone.is_some() != model.gone.contains(&id) {
            return Err(format!("the tombstone of c-{id} is wrong"));
        }
    }
    let mut held = BTreeSet::new();
    reader
        .holds::<Error>(None, |hold| {
            let number = |text: &str| text[2..].parse::<u8>().unwrap();
            held.insert((number(hold.id.as_str()), number(hold.matter.as_str())));
            Ok(())
        })
        .map_err(|e| e.to_string())?;
    if held == model.held { Ok(()) } else { Err(format!("held {held:?}, not {:?}", model.held)) }
}

#[expect(clippy::disallowed_methods, reason = "how many sequences a night runs is no setting of the program")]
fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

#[test]
fn nothing_held_or_too_young_is_removed_and_nothing_due_stays() {
    let sequences = number("FRONTDESK_RETENTION_SEQUENCES").unwrap_or(1_000);
    let first = number("FRONTDESK_RETENTION_SEED").unwrap_or(1);
    let mut removed = 0;
    for seed in first..first + sequences {
        match sequence(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15), true) {
            Ok(here) => removed += here,
            Err(what) => panic!("FRONTDESK_RETENTION_SEED={seed}: {what}"),
        }
    }
    assert!(removed > sequences / 4, "the test removes too little to prove anything: {removed}");
}

#[test]
fn a_model_that_ignores_holds_disagrees_soon() {
    let disagrees =
        (1..300_u64).any(|seed| sequence(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15), false).is_err());
    assert!(disagrees, "the test would not notice a hold that is ignored");
}
