//! What is over is taken away after a time, and nothing else is.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::sync::Arc;

use frontdesk_domain::{Event, EventKind, Timestamp};
use frontdesk_journal::outbox::{Delivery, DeliveryFilter, DeliveryState, Outcome};
use frontdesk_journal::{Change, Clock, Intent, KeyRing, Shredded, VerifyOptions, shred};
use proptest::prelude::*;

use crate::outbox::{Desk, HOUR, SECOND};
use crate::support::{ended, now, settings};

/// What of `text` is in which file of the journal.
fn files_with(desk: &Desk, text: &str) -> Vec<String> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(desk.folder.root()).unwrap() {
        let path = entry.unwrap().path();
        let bytes = std::fs::read(&path).unwrap();
        if bytes.windows(text.len()).any(|window| window == text.as_bytes()) {
            names.push(path.file_name().unwrap().to_string_lossy().into_owned());
        }
    }
    names
}

fn rows(desk: &Desk, table: &str) -> u64 {
    let connection = rusqlite::Connection::open(desk.folder.root().join("journal.sqlite")).unwrap();
    connection.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0)).unwrap()
}

fn intent(id: &str, guest: &str, at: Timestamp) -> Intent {
    Intent::new(id, "session.close", guest, &serde_json::json!({ "guest_id": guest, "id": id }), at).unwrap()
}

fn is_sound(desk: &Desk) {
    let keys = Some(KeyRing::read(&desk.folder.root().join("keys")).unwrap());
    let options = VerifyOptions { keys, ..VerifyOptions::default() };
    let verified = desk.reader.verify(&options, &mut |_| ControlFlow::Continue(())).unwrap();
    assert_eq!(verified.findings, []);
}

#[test]
fn what_was_delivered_is_taken_away_after_a_time_and_what_was_not_stays() {
    let desk = Desk::new();
    let endpoint = desk.endpoint(&[EventKind::SessionTerminated]);
    for n in 0..1_200 {
        desk.store(&format!("guest-of-old-{n}"), "timeout");
    }
    desk.store("dead", "timeout");
    desk.store("pending", "timeout");
    for delivery in desk.reader.due(&endpoint, desk.now(), 2_000).unwrap() {
        match delivery.key.as_str() {
            "pending" => {}
            "dead" => desk.settle(delivery, Some(500), Outcome::Dead),
            _ => desk.settle(delivery, Some(200), Outcome::Delivered),
        }
    }
    let made = desk.now();
    assert!(!desk.reader.has_settled_before(made).unwrap(), "nothing is older than itself");
    assert_eq!(desk.journal.prune(made).unwrap(), 0);
    desk.pass(HOUR);
    desk.store("g-new", "timeout");
    for delivery in desk.due(&endpoint).into_iter().filter(|delivery| delivery.key == "g-new") {
        desk.settle(delivery, Some(200), Outcome::Delivered);
    }
    let before = made.checked_add(SECOND).unwrap();
    assert!(desk.reader.has_settled_before(before).unwrap());
    let once = desk.journal.record(Change::new().prune(before)).unwrap();
    assert_eq!(once.pruned, 1_000, "so many at a time");
    assert_eq!(desk.journal.prune(before).unwrap(), 200);
    assert!(!desk.reader.has_settled_before(before).unwrap());
    let left = desk.all(&DeliveryFilter::default());
    assert_eq!(left.len(), 3, "{left:?}");
    assert_eq!(["events", "deliveries", "attempts"].map(|table| rows(&desk, table)), [3, 3, 2]);
    // The journal is open all the while, and not a byte is left: neither in the database nor in its log.
    assert_eq!(files_with(&desk, "guest-of-old"), Vec::<String>::new());
    is_sound(&desk);
}

#[test]
fn settled_intents_are_taken_away_after_a_time_and_open_ones_never() {
    let desk = Desk::new();
    let at = desk.now();
    for id in ["settled", "open"] {
        desk.journal.record(Change::new().open_intent(intent(id, &format!("guest-{id}"), at))).unwrap();
    }
    desk.journal.record(Change::new().settle_intent("settled", "ended")).unwrap();
    desk.pass(HOUR);
    assert_eq!(desk.journal.prune(at).unwrap(), 0);
    assert_eq!(desk.journal.prune(desk.now()).unwrap(), 1);
    assert!(desk.reader.intent("settled").unwrap().is_none());
    assert!(desk.reader.intent("open").unwrap().is_some());
    assert_eq!(files_with(&desk, "guest-settled"), Vec::<String>::new());
    assert_eq!(files_with(&desk, "guest-open").len(), 1);
    is_sound(&desk);
}

#[test]
fn a_journal_of_an_earlier_version_is_pruned_too() {
    let desk = Desk::new();
    let endpoint = desk.endpoint(&[EventKind::SessionTerminated]);
    desk.store("guest", "timeout");
    desk.settle(desk.due(&endpoint).remove(0), Some(200), Outcome::Delivered);
    let connection = rusqlite::Connection::open(desk.folder.root().join("journal.sqlite")).unwrap();
    connection.execute_batch("DROP INDEX deliveries_made; DROP INDEX intents_settled").unwrap();
    drop(connection);
    desk.pass(HOUR);
    assert_eq!(desk.journal.prune(desk.now()).unwrap(), 1);
    assert_eq!(rows(&desk, "sqlite_schema WHERE name IN ('deliveries_made', 'intents_settled')"), 2);
}

#[test]
fn whom_an_event_is_about_can_be_forgotten_once_it_was_delivered() {
    let desk = Desk::new();
    let endpoint = desk.endpoint(&[EventKind::SessionTerminated]);
    for guest in ["guest-of-interest", "guest-2", "guest-of-interest"] {
        desk.store(guest, "timeout");
    }
    for id in ["over", "open"] {
        desk.journal.record(Change::new().open_intent(intent(id, "guest-of-interest", now()))).unwrap();
    }
    desk.journal.record(Change::new().settle_intent("over", "ended")).unwrap();
    let first = desk.due(&endpoint).remove(0);
    assert_eq!(first.key, "guest-of-interest");
    desk.settle(first, Some(200), Outcome::Delivered);
    let forget = || -> Shredded {
        let clock: Clock = Arc::new(now);
        shred(&desk.folder.root(), &settings(), clock, "guest-of-interest", "asked for").unwrap()
    };
    let shredded = forget();
    assert_eq!((shredded.events, shredded.events_waiting, shredded.values), (1, 1, 0));
    assert_eq!((shredded.intents, shredded.intents_open), (1, 1));
    assert!(shredded.entry.is_some(), "an entry says that something was destroyed");
    let second =
        desk.due(&endpoint).into_iter().find(|delivery| delivery.key == "guest-of-interest").unwrap();
    desk.settle(second, Some(200), Outcome::Delivered);
    desk.journal.record(Change::new().settle_intent("open", "ended")).unwrap();
    let shredded = forget();
    assert_eq!((shredded.events, shredded.events_waiting), (1, 0));
    assert_eq!((shredded.intents, shredded.intents_open, shredded.log_emptied), (1, 0, true));
    assert_eq!(files_with(&desk, "guest-of-interest"), Vec::<String>::new());
    is_sound(&desk);
}

#[test]
fn a_batch_of_entries_is_forgotten_with_the_values_in_it() {
    let desk = Desk::new();
    let endpoint = desk.endpoint(&[EventKind::AuditBatch]);
    for guest in ["guest-of-interest", "guest-2"] {
        desk.journal.record(Change::new().audit(ended(guest))).unwrap();
    }
    desk.journal.record(Change::new().batch_audit(true)).unwrap();
    let batch = desk.due(&endpoint).remove(0);
    assert!(String::from_utf8_lossy(&batch.body).contains("guest-of-interest"));
    desk.settle(batch, Some(200), Outcome::Delivered);
    let clock: Clock = Arc::new(now);
    let shredded = shred(&desk.folder.root(), &settings(), clock, "guest-of-interest", "asked for").unwrap();
    assert_eq!((shredded.events, shredded.values), (1, 2));
    assert_eq!(files_with(&desk, "guest-of-interest"), Vec::<String>::new());
    is_sound(&desk);
}

/// A step of the model.
#[derive(Debug, Clone)]
enum Step {
    Store(u8),
    /// Of what is due now the first one: delivered or dead.
    Settle {
        first: bool,
        delivered: bool,
    },
    Replay(usize),
    Open,
    SettleIntent(usize),
    Pass(u8),
    Prune {
        age: u8,
    },
    RemoveSecond,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..4_u8).prop_map(Step::Store),
        6 => (any::<bool>(), prop::bool::weighted(0.8))
            .prop_map(|(first, delivered)| Step::Settle { first, delivered }),
        1 => any::<usize>().prop_map(Step::Replay),
        2 => Just(Step::Open),
        2 => any::<usize>().prop_map(Step::SettleIntent),
        3 => (0..5_u8).prop_map(Step::Pass),
        3 => (0..6_u8).prop_map(|age| Step::Prune { age }),
        1 => Just(Step::RemoveSecond),
    ]
}

/// What must be there: of each endpoint and event how it came out and when, and of each intent when it was settled.
#[derive(Default)]
struct Model {
    deliveries: BTreeMap<(String, String), (DeliveryState, Option<Timestamp>)>,
    intents: BTreeMap<String, Option<Timestamp>>,
}

impl Model {
    fn prune(&mut self, before: Timestamp) -> u64 {
        let all = self.deliveries.len() + self.intents.len();
        let over = |at: &Option<Timestamp>| at.is_some_and(|at| at < before);
        self.deliveries.retain(|_, (state, at)| *state != DeliveryState::Delivered || !over(at));
        self.intents.retain(|_, at| !over(at));
        (all - self.deliveries.len() - self.intents.len()) as u64
    }
}

fn settle_one(desk: &Desk, model: &mut Model, delivery: Delivery, delivered: bool) {
    let state = if delivered { DeliveryState::Delivered } else { DeliveryState::Dead };
    let key = (delivery.endpoint.clone(), delivery.webhook_id.clone());
    model.deliveries.insert(key, (state, Some(desk.now())));
    let outcome = if delivered { Outcome::Delivered } else { Outcome::Dead };
    desk.settle(delivery, Some(if delivered { 200 } else { 500 }), outcome);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn pruning_takes_what_is_over_and_nothing_else(steps in prop::collection::vec(step(), 1..60)) {
        let desk = Desk::new();
        let mut model = Model::default();
        let endpoints = [0; 2].map(|_| desk.endpoint(&[EventKind::SessionTerminated]));
        let mut second_is_there = true;
        for (number, step) in steps.into_iter().enumerate() {
            match step {
                Step::Store(guest) => {
                    let event = Event::session_terminated(&format!("guest-{guest}"), "timeout", desk.now());
                    let known: Vec<_> = desk.all(&DeliveryFilter::default());
                    desk.journal.record(Change::new().event(event)).unwrap();
                    for delivery in desk.all(&DeliveryFilter::default()) {
                        let is_new = !known.iter().any(|old| {
                            (&old.webhook_id, &old.endpoint) == (&delivery.webhook_id, &delivery.endpoint)
                        });
                        if is_new {
                            let key = (delivery.endpoint, delivery.webhook_id);
                            model.deliveries.insert(key, (DeliveryState::Pending, None));
                        }
                    }
                }
                Step::Settle { first, delivered } => {
                    let endpoint = &endpoints[usize::from(!first && second_is_there)];
                    if let Some(delivery) = desk.due(endpoint).into_iter().next() {
                        settle_one(&desk, &mut model, delivery, delivered);
                    }
                }
                Step::Replay(which) => {
                    let over: Vec<_> = desk
                        .all(&DeliveryFilter::default())
                        .into_iter()
                        .filter(|delivery| delivery.state != DeliveryState::Pending)
                        .collect();
                    if let Some(delivery) = over.get(which % over.len().max(1)) {
                        desk.journal.record(Change::new().replay(delivery, desk.now())).unwrap();
                        let key = (delivery.endpoint.clone(), delivery.webhook_id.clone());
                        model.deliveries.insert(key, (DeliveryState::Pending, None));
                    }
                }
                Step::Open => {
                    let id = format!("intent-{number}");
                    desk.journal.record(Change::new().open_intent(intent(&id, "guest-1", desk.now()))).unwrap();
                    model.intents.insert(id, None);
                }
                Step::SettleIntent(which) => {
                    let open: Vec<_> =
                        model.intents.iter().filter(|(_, at)| at.is_none()).map(|(id, _)| id.clone()).collect();
                    if let Some(id) = open.get(which % open.len().max(1)) {
                        desk.journal.record(Change::new().settle_intent(id, "ended")).unwrap();
                        model.intents.insert(id.clone(), Some(desk.now()));
                    }
                }
                Step::Pass(hours) => desk.pass(HOUR * u32::from(hours)),
                Step::Prune { age } => {
                    let before = desk.now().checked_sub(HOUR * u32::from(age)).unwrap();
                    let due = desk.reader.has_settled_before(before).unwrap();
                    let expected = model.prune(before);
                    prop_assert_eq!(due, expected > 0);
                    prop_assert_eq!(desk.journal.prune(before).unwrap(), expected);
                }
                Step::RemoveSecond => {
                    if second_is_there {
                        let all = desk.reader.endpoints().unwrap();
                        let second = all.iter().find(|endpoint| endpoint.id == endpoints[1]).unwrap();
                        desk.journal.record(Change::new().remove_endpoint(second, desk.now())).unwrap();
                        model.deliveries.retain(|(endpoint, _), _| *endpoint != endpoints[1]);
                        second_is_there = false;
                    }
                }
            }
            let there: BTreeMap<_, _> = desk
                .all(&DeliveryFilter::default())
                .into_iter()
                .map(|delivery| ((delivery.endpoint, delivery.webhook_id), delivery.state))
                .collect();
            let states: BTreeMap<_, _> =
                model.deliveries.iter().map(|(key, (state, _))| (key.clone(), *state)).collect();
            prop_assert_eq!(&there, &states);
            for id in model.intents.keys() {
                prop_assert!(desk.reader.intent(id).unwrap().is_some(), "{} is gone", id);
            }
            prop_assert_eq!(rows(&desk, "intents"), model.intents.len() as u64);
            // An event is there for as long as one endpoint has it.
            let events: BTreeSet<_> = states.into_keys().map(|(_, event)| event).collect();
            prop_assert_eq!(rows(&desk, "events"), events.len() as u64);
        }
        is_sound(&desk);
    }
}
