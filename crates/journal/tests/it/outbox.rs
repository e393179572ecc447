//! The outbox: what is stored, in which order it is due, and what becomes of it.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use frontdesk_domain::audit::AuditKind;
use frontdesk_domain::signature::SigningSecret;
use frontdesk_domain::{Event, EventKind, Timestamp};
use frontdesk_journal::outbox::schedule;
use frontdesk_journal::outbox::{
    Attempt, Delivery, DeliveryFilter, DeliveryState, DeliveryStatus, NewEndpoint, Outbox, Outcome,
    Settlement,
};
use frontdesk_journal::{Change, Clock, Journal, Reader};
use proptest::prelude::*;

use crate::support::{Folder, now, page, settings};

pub(crate) const SECOND: Duration = Duration::from_secs(1);
pub(crate) const HOUR: Duration = Duration::from_secs(3600);

/// A journal whose clock is set by hand.
pub(crate) struct Desk {
    pub(crate) folder: Folder,
    time: Arc<Mutex<Timestamp>>,
    pub(crate) journal: Journal,
    pub(crate) reader: Reader,
}

impl Desk {
    pub(crate) fn new() -> Self {
        let folder = Folder::new();
        let time = Arc::new(Mutex::new(now()));
        let shown = Arc::clone(&time);
        let clock: Clock = Arc::new(move || *shown.lock().unwrap());
        let journal = Journal::open(&folder.root(), &settings(), clock).unwrap();
        let reader = folder.reader();
        Self { folder, time, journal, reader }
    }

    pub(crate) fn now(&self) -> Timestamp {
        *self.time.lock().unwrap()
    }

    pub(crate) fn pass(&self, time: Duration) {
        let mut now = self.time.lock().unwrap();
        *now = now.checked_add(time).unwrap();
    }

    pub(crate) fn endpoint(&self, kinds: &[EventKind]) -> String {
        let new = NewEndpoint::new("https://hooks.example.com/k3y", secret(1), kinds.iter().copied());
        let id = new.id().to_owned();
        self.journal.record(Change::new().add_endpoint(new, self.now())).unwrap();
        id
    }

    /// Stores the end of a guest's session. `mark` is in the body.
    pub(crate) fn store(&self, guest: &str, mark: &str) -> u64 {
        let event = Event::session_terminated(guest, mark, self.now());
        self.journal.record(Change::new().event(event)).unwrap().deliveries
    }

    pub(crate) fn due(&self, endpoint: &str) -> Vec<Delivery> {
        self.reader.due(endpoint, self.now(), 1_000).unwrap()
    }

    pub(crate) fn settle(&self, delivery: Delivery, status: Option<u16>, outcome: Outcome) {
        let error = (outcome != Outcome::Delivered).then(|| "it failed".to_owned());
        let attempt = Attempt { at: self.now(), took_ms: 7, status, error };
        self.journal.record(Change::new().settle(Settlement { delivery, attempt, outcome })).unwrap();
    }

    pub(crate) fn all(&self, filter: &DeliveryFilter) -> Vec<DeliveryStatus> {
        let mut all = Vec::new();
        self.reader
            .deliveries(filter, &mut |delivery| {
                all.push(delivery);
                ControlFlow::Continue(())
            })
            .unwrap();
        all
    }

    fn records(&self, kind: AuditKind) -> Vec<String> {
        let mut records = Vec::new();
        self.reader
            .entries(0, Some(kind), &mut |entry| {
                records.push(entry.record().unwrap());
                ControlFlow::Continue(())
            })
            .unwrap();
        records
    }
}

fn secret(byte: u8) -> SigningSecret {
    SigningSecret::from_bytes(&[byte; 32]).unwrap()
}

fn marks(deliveries: &[Delivery]) -> Vec<String> {
    deliveries
        .iter()
        .map(|delivery| {
            let body: serde_json::Value = serde_json::from_slice(&delivery.body).unwrap();
            body["reason"].as_str().unwrap().to_owned()
        })
        .collect()
}

#[test]
fn an_event_is_stored_for_every_endpoint_that_takes_it_with_its_change_or_not_at_all() {
    let desk = Desk::new();
    assert_eq!(desk.store("g-1", "nobody"), 0, "nobody takes it");
    let first = desk.endpoint(&[EventKind::SessionTerminated]);
    let second = desk.endpoint(&[EventKind::SessionTerminated, EventKind::SlaMissed]);
    let other = desk.endpoint(&[EventKind::HistoryBatchSync]);
    assert_eq!(desk.store("g-1", "a"), 2);
    let (one, two) = (desk.due(&first), desk.due(&second));
    assert_eq!((marks(&one), marks(&two)), (vec!["a".to_owned()], vec!["a".to_owned()]));
    assert_eq!(one[0].webhook_id, two[0].webhook_id, "one event, one id");
    assert!(one[0].webhook_id.starts_with("msg_"));
    assert!(desk.due(&other).is_empty());
    // A change that is refused takes its event with it.
    let event = Event::session_terminated("g-2", "b", desk.now());
    desk.journal.record(Change::new().event(event).settle_intent("nothing", "done")).unwrap_err();
    assert_eq!(desk.all(&DeliveryFilter::default()).len(), 2);
}

#[test]
fn one_key_is_one_order_and_keys_do_not_wait_for_each_other() {
    let desk = Desk::new();
    let endpoint = desk.endpoint(&[EventKind::SessionTerminated]);
    for (guest, mark) in [("g-1", "1a"), ("g-2", "2a"), ("g-1", "1b"), ("g-2", "2b"), ("g-1", "1c")] {
        desk.store(guest, mark);
    }
    let due = desk.due(&endpoint);
    assert_eq!(marks(&due), ["1a", "2a"]);
    let retry = Outcome::Retry { due: desk.now().checked_add(HOUR).unwrap(), pause: None };
    desk.settle(due[0].clone(), Some(500), retry);
    desk.settle(due[1].clone(), Some(200), Outcome::Delivered);
    assert_eq!(marks(&desk.due(&endpoint)), ["2b"], "1b waits for 1a");
    desk.pass(HOUR);
    let due = desk.due(&endpoint);
    assert_eq!((marks(&due), due[0].tries), (vec!["1a".to_owned(), "2b".to_owned()], 1));
    // A dead letter no longer stands in the way; replayed, it goes first again.
    desk.settle(due[0].clone(), None, Outcome::Dead);
    assert_eq!(marks(&desk.due(&endpoint)), ["1b", "2b"]);
    let dead = desk.all(&DeliveryFilter { state: Some(DeliveryState::Dead), ..DeliveryFilter::default() });
    assert_eq!((dead.len(), dead[0].attempts, dead[0].last_error.as_deref()), (1, 2, Some("it failed")));
    desk.journal.record(Change::new().replay(&dead[0], desk.now())).unwrap();
    let due = desk.due(&endpoint);
    assert_eq!((marks(&due), due[0].tries), (vec!["1a".to_owned(), "2b".to_owned()], 0));
    assert_eq!(due[0].webhook_id, dead[0].webhook_id);
    let steps = desk.records(AuditKind::Delivery);
    assert!(
        steps[0].contains(r#""event":"dead""#) && steps[1].contains(r#""event":"replayed""#),
        "{steps:?}"
    );
    assert_eq!(desk.reader.attempts(&endpoint, dead[0].event).unwrap().len(), 2);
}

#[test]
fn an_endpoint_that_is_gone_or_wants_a_rest_is_left_alone() {
    let desk = Desk::new();
    let endpoint = desk.endpoint(&[EventKind::SessionTerminated]);
    for guest in ["g-1", "g-2", "g-3"] {
        desk.store(guest, guest);
    }
    let due = desk.due(&endpoint);
    let later = desk.now().checked_add(60 * SECOND).unwrap();
    desk.settle(due[0].clone(), Some(429), Outcome::Retry { due: later, pause: Some(later) });
    assert!(desk.due(&endpoint).is_empty(), "Retry-After is for the whole endpoint");
    assert_eq!(desk.reader.next_due().unwrap(), Some(later));
    // An answer to what was on its way already asks for less: the longest wait holds.
    let sooner = desk.now().checked_add(2 * SECOND).unwrap();
    desk.settle(due[1].clone(), Some(429), Outcome::Retry { due: sooner, pause: Some(sooner) });
    assert_eq!(desk.reader.next_due().unwrap(), Some(later));
    desk.pass(60 * SECOND);
    let due = desk.due(&endpoint);
    assert_eq!(due.len(), 3);
    desk.settle(due[0].clone(), Some(410), Outcome::Gone);
    assert!(desk.due(&endpoint).is_empty());
    assert_eq!(desk.reader.next_due().unwrap(), None);
    assert_eq!(desk.store("g-4", "late"), 0, "nothing is stored for an endpoint that is out of service");
    let found = desk.reader.endpoints().unwrap();
    assert_eq!((found[0].disabled, found[0].reason.as_deref()), (Some(desk.now()), Some("it answered 410")));
    assert!(desk.records(AuditKind::Endpoint)[1].contains(r#""event":"disabled""#));
    desk.journal.record(Change::new().enable_endpoint(&found[0], desk.now())).unwrap();
    assert_eq!(desk.due(&endpoint).len(), 2, "what was open is due again");
    desk.journal.record(Change::new().remove_endpoint(&found[0], desk.now())).unwrap();
    assert!(desk.reader.endpoints().unwrap().is_empty() && desk.all(&DeliveryFilter::default()).is_empty());
}

#[test]
fn a_replaced_secret_signs_for_a_day_more_and_none_is_shown() {
    let desk = Desk::new();
    let endpoint = desk.endpoint(&[EventKind::SessionTerminated]);
    let found = desk.reader.endpoints().unwrap().remove(0);
    desk.journal.record(Change::new().rotate_secret(&found, &secret(2), desk.now())).unwrap();
    let secrets = |desk: &Desk| desk.reader.secrets(&endpoint, desk.now()).unwrap();
    assert_eq!(secrets(&desk), [secret(2), secret(1)]);
    desk.pass(24 * HOUR - SECOND);
    assert_eq!(secrets(&desk).len(), 2);
    desk.pass(SECOND);
    assert_eq!(secrets(&desk), [secret(2)]);
    let shown = format!("{found:?} {:?} {:?}", desk.records(AuditKind::Endpoint), secrets(&desk));
    assert!(!shown.contains("whsec_") && !shown.contains("k3y"), "{shown}");
}

#[test]
fn one_process_at_a_time_delivers() {
    let desk = Desk::new();
    let root = desk.folder.root();
    let held = Outbox::claim(&root, "the first").unwrap().unwrap();
    assert!(Outbox::claim(&root, "the second").unwrap().is_none());
    drop(held);
    assert!(Outbox::claim(&root, "the third").unwrap().is_some());
}

#[test]
fn audit_batches_have_fifty_entries_or_are_five_seconds_old_and_leave_no_gap() {
    let desk = Desk::new();
    desk.journal.record(Change::new().audit(page(0))).unwrap();
    let endpoint = desk.endpoint(&[EventKind::AuditBatch]);
    let batch = |flush| desk.journal.record(Change::new().batch_audit(flush)).unwrap().deliveries;
    // What was recorded until it was added is not its business.
    let first = desk.reader.head().unwrap().count + 1;
    for count in 1..=120 {
        desk.journal.record(Change::new().audit(page(count))).unwrap();
    }
    assert_eq!(desk.reader.next_due().unwrap(), Some(Timestamp::UNIX_EPOCH), "full ones are due at once");
    assert_eq!(batch(false), 2, "120 entries are two full batches, the rest waits");
    assert_eq!(batch(false), 0);
    desk.pass(5 * SECOND);
    assert!(desk.reader.next_due().unwrap().unwrap() <= desk.now());
    assert_eq!((batch(false), batch(false)), (1, 0));
    desk.journal.record(Change::new().audit(page(121))).unwrap();
    assert_eq!((batch(false), batch(true)), (0, 1), "a flush does not wait");

    let mut next = first;
    let mut count = 0;
    while let Some(delivery) = desk.due(&endpoint).pop() {
        let records: Vec<serde_json::Value> = serde_json::from_slice(&delivery.body).unwrap();
        let last = next + records.len() as u64 - 1;
        assert_eq!(delivery.entries.as_deref(), Some(format!("{next}-{last}").as_str()));
        for record in &records {
            if record["event"] == "page_processed" {
                count += 1;
                assert_eq!(record["messageCount"], count);
            }
        }
        next = last + 1;
        // Failed once: the same bytes under the same id.
        let (id, body) = (delivery.webhook_id.clone(), delivery.body.clone());
        desk.settle(delivery, Some(500), Outcome::Retry { due: desk.now(), pause: None });
        let again = desk.due(&endpoint).pop().unwrap();
        assert_eq!((&again.webhook_id, &again.body), (&id, &body));
        desk.settle(again, Some(200), Outcome::Delivered);
    }
    assert_eq!(count, 121);
    assert_eq!(next - 1, desk.reader.head().unwrap().count);
}

/// Row R41: an endpoint that is down for 76 hours gets everything afterwards, each key in order, and is asked no more
/// often than the schedule says.
#[test]
fn an_endpoint_that_is_down_for_76_hours_gets_everything_in_order() {
    let desk = Desk::new();
    let endpoint = desk.endpoint(&[EventKind::SessionTerminated]);
    let (start, up) = (desk.now(), desk.now().checked_add(76 * HOUR).unwrap());
    let (mut stored, mut draw) = (0_u32, 1_u64);
    let mut attempts: BTreeMap<String, Vec<Timestamp>> = BTreeMap::new();
    let mut taken: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for _ in 0..2_000 {
        // Now and then something happens, for the first two days.
        if desk.now().since(start) < 48 * HOUR && stored < 60 {
            desk.store(&format!("g-{}", stored % 7), &format!("{stored:03}"));
            stored += 1;
        }
        for delivery in desk.due(&endpoint) {
            attempts.entry(delivery.webhook_id.clone()).or_default().push(desk.now());
            draw = draw.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            if desk.now() >= up {
                taken.entry(delivery.key.clone()).or_default().extend(marks(std::slice::from_ref(&delivery)));
                desk.settle(delivery, Some(204), Outcome::Delivered);
            } else {
                let due = schedule::next(delivery.tries + 1, desk.now(), None, draw >> 33).unwrap();
                desk.settle(delivery, None, Outcome::Retry { due, pause: None });
            }
        }
        let Some(due) = desk.reader.next_due().unwrap() else { break };
        let wait = if stored < 60 { due.since(desk.now()).min(HOUR / 2) } else { due.since(desk.now()) };
        desk.pass(wait.max(Duration::from_millis(1)));
    }
    let all = desk.all(&DeliveryFilter::default());
    assert_eq!((stored, all.len()), (60, 60));
    assert!(all.iter().all(|delivery| delivery.state == DeliveryState::Delivered), "0 lost");
    for (guest, marks) in &taken {
        assert!(marks.is_sorted(), "{guest}: {marks:?}");
    }
    assert_eq!(taken.values().map(Vec::len).sum::<usize>(), 60);
    // The first event's attempts: at once, and then within 20 % of the schedule.
    let first = &attempts[&all[0].webhook_id];
    assert!(first.len() >= 9 && first[0] == start, "{first:?}");
    for (index, pair) in first.windows(2).enumerate() {
        let planned = schedule::wait(u32::try_from(index).unwrap() + 1).unwrap();
        let waited = pair[1].since(pair[0]);
        // The loop above looks no more often than every half hour while things happen.
        assert!(waited >= planned * 8 / 10, "attempt {index}: {waited:?} of {planned:?}");
        assert!(waited <= planned * 12 / 10 + HOUR / 2, "attempt {index}: {waited:?} of {planned:?}");
    }
}

#[test]
fn the_schedule_ends_on_the_seventh_day() {
    let waits: Vec<u64> = (0..).map_while(schedule::wait).map(|wait| wait.as_secs()).collect();
    let hours = |hours: u64| hours * 3_600;
    assert_eq!(
        waits,
        [
            0,
            5,
            300,
            1_800,
            hours(2),
            hours(5),
            hours(10),
            hours(14),
            hours(20),
            hours(24),
            hours(24),
            hours(24),
            hours(24)
        ]
    );
    assert!(
        waits.iter().sum::<u64>() <= hours(7 * 24) && waits.iter().sum::<u64>() + hours(24) > hours(7 * 24)
    );
}

proptest! {
    #[test]
    fn a_wait_stays_within_a_fifth_and_never_undercuts_a_named_one(
        tries in 1..20_u32,
        draw: u64,
        named in proptest::option::of(0..2_000_000_u64),
    ) {
        let named = named.map(Duration::from_secs);
        let Some(due) = schedule::next(tries, now(), named, draw) else {
            prop_assert!(tries > 12);
            return Ok(());
        };
        let (planned, waited) = (schedule::wait(tries).unwrap(), due.since(now()));
        prop_assert!(waited >= planned * 8 / 10);
        prop_assert!(waited <= (planned * 12 / 10).max(named.unwrap_or_default()));
        prop_assert!(waited >= named.unwrap_or_default().min(7 * 24 * HOUR));
    }
}
