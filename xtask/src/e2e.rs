//! `cargo xtask e2e`: the real binary against a real socket and a real disk, one scenario at a time.
//!
//! A scenario asks the binary for something, breaks something around it, and compares what is on disk with a truth the
//! binary had no hand in. Nothing here measures time. Where a scenario could pass because nothing happened (no fault
//! fired, no segment was sealed, no process was killed in time) it counts what happened and fails on zero.
#![expect(
    clippy::disallowed_methods,
    reason = "this breaks files, sets environments and waits, so it has to pass by the doors of the binary it tests"
)]

/// Ends a scenario with a message unless the condition holds.
macro_rules! ensure {
    ($condition:expr, $($message:tt)+) => {
        if !$condition {
            return Err(format!($($message)+));
        }
    };
}

mod aged;
mod archive;
mod audit;
mod bad_input;
mod bad_pages;
mod besieged;
mod binary;
mod bomb;
mod busy;
mod callback;
mod caller;
mod canary;
mod cli;
mod closing;
mod console;
mod corpus;
mod crowd;
mod damage;
mod demo;
mod desk;
mod faults;
mod files;
mod forged;
mod fsync;
mod history;
mod hostile;
mod house;
mod keeping;
mod kept_histories;
mod keys;
mod kill;
mod kill_sessions;
mod lost_reply;
mod memory;
mod mount;
mod once;
mod opening;
mod options;
mod platform_archive;
mod platform_corpus;
mod platform_events;
mod platform_guests;
mod platform_messages;
mod platform_requests;
mod platform_texts;
mod platform_ways;
mod process;
mod pull;
mod random;
mod registered;
mod removal;
mod repair;
mod retention;
mod sandbox;
mod scene;
mod search;
mod sending;
mod serve;
mod sessions;
mod stock_tools;
mod stopping;
mod storage;
mod strace;
mod telling;
mod ten_thousand;
mod tenant;
mod truth;
mod webhooks;

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use house::House;
use options::Options;
use scene::Scene;

use crate::Outcome;

pub(crate) use binary::build;

/// How many scenarios run at the same time: one more than CI has cores, since they often wait.
const AT_ONCE: usize = 3;

/// Something that must be so.
pub(crate) struct Scenario {
    name: String,
    body: Box<dyn Fn(&Scene<'_>) -> Outcome + Send + Sync>,
}

impl Scenario {
    fn new(name: impl Into<String>, body: impl Fn(&Scene<'_>) -> Outcome + Send + Sync + 'static) -> Self {
        Self { name: name.into(), body: Box::new(body) }
    }
}

/// Runs the scenarios that the arguments ask for.
pub(crate) fn run(arguments: &[String]) -> Outcome {
    let options = Options::read(arguments)?;
    let chosen: Vec<Scenario> =
        all(&options).into_iter().filter(|scenario| options.wants(&scenario.name)).collect();
    if options.list {
        chosen.iter().for_each(|scenario| println!("{}", scenario.name));
        return Ok(());
    }
    if chosen.is_empty() {
        return Err(format!("no scenario has {:?} in its name; --list shows them", options.filter));
    }
    let house = House::open(options)?;
    println!(
        "e2e: {} scenarios, tier {}, seed {} (again: cargo xtask e2e --seed {})",
        chosen.len(),
        house.options.tier,
        house.options.seed,
        house.options.seed
    );
    let (passed, failed) = run_all(&house, chosen);
    for notice in house.notices() {
        println!("NOTE: {notice}");
    }
    println!("{passed} passed, {failed} failed");
    if failed == 0 { Ok(()) } else { Err(format!("{failed} end-to-end scenarios failed")) }
}

/// Every scenario. Long ones first, so that the short ones fill the gaps.
fn all(options: &Options) -> Vec<Scenario> {
    let mut all = Vec::new();
    all.extend(platform_corpus::scenarios());
    all.extend(ten_thousand::scenarios());
    all.extend(memory::scenarios());
    all.extend(kill::scenarios(options));
    all.extend(kill_sessions::scenarios(options));
    all.extend(lost_reply::scenarios(options));
    all.extend(removal::scenarios());
    all.extend(serve::scenarios());
    all.extend(stopping::scenarios());
    all.extend(besieged::scenarios());
    all.extend(console::scenarios());
    all.extend(fsync::scenarios());
    all.extend(faults::scenarios());
    all.extend(sessions::scenarios());
    all.extend(history::scenarios());
    all.extend(kept_histories::scenarios());
    all.extend(sending::scenarios());
    all.extend(closing::scenarios());
    all.extend(opening::scenarios());
    all.extend(webhooks::scenarios());
    all.extend(callback::scenarios());
    all.extend(forged::scenarios());
    all.extend(registered::scenarios());
    all.extend(keys::scenarios());
    all.extend(pull::scenarios());
    all.extend(platform_archive::scenarios());
    all.extend(platform_requests::scenarios());
    all.extend(platform_messages::scenarios());
    all.extend(platform_ways::scenarios());
    all.extend(platform_guests::scenarios());
    all.extend(platform_events::scenarios());
    all.extend(keeping::scenarios());
    all.extend(repair::scenarios());
    all.extend(stock_tools::scenarios());
    all.extend(bad_pages::scenarios());
    all.extend(bad_input::scenarios());
    all.extend(audit::scenarios());
    all.extend(storage::scenarios());
    all.extend(damage::scenarios());
    all.extend(busy::scenarios());
    all.extend(crowd::scenarios());
    all.extend(demo::scenarios());
    all.extend(search::scenarios());
    all.extend(retention::scenarios());
    all.extend(sandbox::scenarios());
    all.extend(cli::scenarios());
    all.extend(canary::scenarios());
    all
}

fn run_all(house: &House, scenarios: Vec<Scenario>) -> (usize, usize) {
    let queue = Mutex::new(VecDeque::from(scenarios));
    let failures = Mutex::new(0);
    let passes = Mutex::new(0);
    let count = |counter: &Mutex<usize>| *counter.lock().unwrap_or_else(PoisonError::into_inner) += 1;
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                loop {
                    // The lock is for taking one, not for running it.
                    let next = queue.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
                    let Some(scenario) = next else { break };
                    let started = Instant::now();
                    let outcome = one(house, &scenario);
                    let seconds = started.elapsed().as_secs_f64();
                    match outcome {
                        Ok(()) => {
                            count(&passes);
                            println!("ok    {} ({seconds:.1} s)", scenario.name);
                        }
                        Err(message) => {
                            count(&failures);
                            let message = message.replace('\n', "\n      ");
                            println!("FAIL  {} ({seconds:.1} s)\n      {message}", scenario.name);
                        }
                    }
                }
            });
        }
    });
    (passes.into_inner().unwrap_or_default(), failures.into_inner().unwrap_or_default())
}

fn one(house: &House, scenario: &Scenario) -> Outcome {
    let scene = Scene::open(house, &scenario.name)?;
    let body = std::panic::AssertUnwindSafe(|| (scenario.body)(&scene));
    let outcome =
        std::panic::catch_unwind(body).unwrap_or_else(|_| Err("the scenario itself panicked".into()));
    // What was found first is what to read; a leak is looked for in any case.
    match (outcome, scene.close()) {
        (Err(message), Err(leak)) => Err(format!("{message}\nand: {leak}")),
        (Err(message), Ok(())) | (Ok(()), Err(message)) => Err(message),
        (Ok(()), Ok(())) => Ok(()),
    }
}
