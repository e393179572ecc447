//! What is received twice is recorded once, by whomever; and what it must reach, it reaches.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Barrier};
use std::time::Duration;

use frontdesk_domain::audit::AuditKind;
use frontdesk_domain::signature::SigningSecret;
use frontdesk_domain::{Event, EventKind, Timestamp};
use frontdesk_journal::outbox::{
    Attempt, DeliveryFilter, DeliveryState, NewEndpoint, Outcome, Settlement, new_webhook_id,
};
use frontdesk_journal::{Change, Clock, ErrorKind, Journal, Reader};

use crate::support::{Folder, clock, now, settings};

const DAY: Duration = Duration::from_secs(24 * 3600);
const CRM: &str = "ep_crm";

fn open(folder: &Folder) -> Journal {
    Journal::open(&folder.root(), &settings(), clock()).unwrap()
}

fn crm(url: &str) -> NewEndpoint {
    NewEndpoint::new(url, SigningSecret::from_bytes(&[3; 32]).unwrap(), [EventKind::SessionCreated])
        .named(CRM)
}

/// A callback, as it is recorded: the item that is set once, and its event.
fn received(key: &str, within: Option<Duration>) -> (Change, String) {
    let id = new_webhook_id();
    let event = Event::session_created(key, None, now());
    let change = Change::new().item_once("callback", key, "stored", &id, within).unwrap();
    (change.event_to(CRM, id.clone(), event), id)
}

fn count(reader: &Reader) -> usize {
    let mut count = 0;
    let each = &mut |_| {
        count += 1;
        ControlFlow::Continue(())
    };
    reader.deliveries(&DeliveryFilter::default(), each).unwrap();
    count
}

#[test]
fn of_many_callers_in_two_processes_one_records_it() {
    let folder = Folder::new();
    // Two journals of one folder are what two processes have.
    let journals = [open(&folder), open(&folder)];
    journals[0].record(Change::new().add_endpoint(crm("https://crm.example"), now())).unwrap();
    let barrier = Barrier::new(16);
    let taken: usize = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..16)
            .map(|number| {
                let (journal, barrier) = (&journals[number % 2], &barrier);
                scope.spawn(move || {
                    barrier.wait();
                    let outcomes = (0..20).map(|key| journal.record(received(&format!("c-{key}"), None).0));
                    outcomes
                        .filter(|outcome| match outcome {
                            Ok(recorded) => recorded.deliveries == 1,
                            Err(error) => {
                                assert_eq!(*error.kind(), ErrorKind::Repeated);
                                false
                            }
                        })
                        .count()
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    assert_eq!(taken, 20);
    assert_eq!(count(&folder.reader()), 20);
    let [first, second] = journals;
    first.close().unwrap();
    second.close().unwrap();
    // Also for those who come later.
    let journal = open(&folder);
    assert_eq!(*journal.record(received("c-7", None).0).unwrap_err().kind(), ErrorKind::Repeated);
}

#[test]
fn what_is_old_enough_is_not_the_same_any_more() {
    let folder = Folder::new();
    let offset = Arc::new(AtomicI64::new(0));
    let shown = Arc::clone(&offset);
    let clock: Clock = Arc::new(move || {
        Timestamp::from_micros(now().as_micros() + shown.load(Ordering::SeqCst) * 1_000_000).unwrap()
    });
    let journal = Journal::open(&folder.root(), &settings(), clock).unwrap();
    journal.record(Change::new().add_endpoint(crm("https://crm.example"), now())).unwrap();
    let day = 24 * 3600;
    for (second, is_new) in [
        (0, true),
        (1, false),
        (day - 1, false),
        (day, true),
        (day - 5, false),
        (2 * day - 1, false),
        (2 * day, true),
    ] {
        offset.store(second, Ordering::SeqCst);
        assert_eq!(journal.record(received("b", Some(DAY)).0).is_ok(), is_new, "after {second} s");
    }
    assert_eq!(count(&folder.reader()), 3);
}

#[test]
fn an_event_for_an_endpoint_waits_while_that_is_out_of_service() {
    let folder = Folder::new();
    let journal = open(&folder);
    // Without the endpoint nothing is stored, so nothing is lost by thinking so.
    let refused = journal.record(received("c", None).0).unwrap_err();
    assert!(matches!(refused.kind(), ErrorKind::Unknown { .. }), "{refused}");
    let reader = folder.reader();
    assert!(reader.item("callback", "c").unwrap().is_none());
    journal.record(Change::new().add_endpoint(crm("https://crm.example/k3y"), now())).unwrap();
    // Adding it again, as a second process does, changes nothing.
    journal.record(Change::new().add_endpoint(crm("https://other.example"), now())).unwrap();
    let endpoint = |reader: &Reader| reader.endpoints().unwrap().pop().unwrap();
    assert_eq!(endpoint(&reader).origin(), "https://crm.example");
    assert_eq!(reader.secrets(CRM, now()).unwrap().len(), 1);

    let (change, id) = received("c", None);
    journal.record(change).unwrap();
    let delivery = reader.due(CRM, now(), 9).unwrap().pop().unwrap();
    assert_eq!(delivery.webhook_id, id);
    let attempt = Attempt { at: now(), took_ms: 1, status: Some(410), error: Some("status 410".to_owned()) };
    journal.record(Change::new().settle(Settlement { delivery, attempt, outcome: Outcome::Gone })).unwrap();
    assert!(endpoint(&reader).disabled.is_some());
    assert_eq!(reader.delivery(CRM, &id).unwrap().unwrap().state, DeliveryState::Dead);

    let (change, id) = received("d", None);
    assert_eq!(journal.record(change).unwrap().deliveries, 1);
    assert!(reader.due(CRM, now(), 9).unwrap().is_empty(), "it is out of service");
    journal.record(Change::new().enable_endpoint(&endpoint(&reader), now())).unwrap();
    assert_eq!(reader.due(CRM, now(), 9).unwrap()[0].webhook_id, id);
    assert_eq!(reader.delivery(CRM, "msg_of_nobody").unwrap(), None);

    // What is open goes where the endpoint is now, and the audit log says where that is, without its path.
    journal
        .record(Change::new().move_endpoint(&endpoint(&reader), "https://new.example/k3y", now()))
        .unwrap();
    assert_eq!(endpoint(&reader).url, "https://new.example/k3y");
    let mut told = Vec::new();
    reader
        .entries(0, Some(AuditKind::Endpoint), &mut |entry| {
            told.push(entry.record().unwrap());
            ControlFlow::Continue(())
        })
        .unwrap();
    let last = told.last().unwrap();
    assert!(last.contains(r#""event":"moved""#) && last.contains(r#""https://new.example""#), "{last}");
}
