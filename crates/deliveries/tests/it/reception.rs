//! Callbacks: on the disk once, and at the CRM in the end.

use std::sync::Arc;
use std::time::Duration;

use frontdesk_api::Cancel;
use frontdesk_api::transport::memory::Reply;
use frontdesk_deliveries::{CRM, DrainOptions, Reception, Silent};
use frontdesk_domain::callback::{CallbackKey, SessionCallback};
use frontdesk_domain::signature::SigningSecret;
use frontdesk_journal::outbox::DeliveryState;
use frontdesk_journal::{Change, Error, ErrorKind};

use crate::support::{World, secret};

const URL: &str = "https://crm.example/sessions";
const PATIENCE: Duration = Duration::from_secs(30);

fn reception(world: &World) -> Arc<Reception> {
    Arc::new(Reception::open(Arc::clone(&world.journal), URL, &secret(), world.time()).unwrap())
}

fn callback(id: &str) -> SessionCallback {
    SessionCallback::parse(format!(r#"{{"conversationId":"{id}"}}"#).as_bytes()).unwrap()
}

fn key(id: &str) -> CallbackKey {
    CallbackKey::of_id(id).unwrap()
}

async fn drain(world: &World) {
    world.drain.run(&DrainOptions::default(), &Cancel::never(), &Silent).await.unwrap();
}

async fn taken(reception: &Arc<Reception>, id: &str) -> bool {
    reception.taken(id, PATIENCE).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_callback_reaches_the_crm_once_however_often_it_came() {
    let world = World::new(|_, _| Reply::status(200));
    let first = {
        let reception = reception(&world);
        let first = reception.store(&callback("c-1"), &key("m-1")).unwrap();
        assert!(!first.repeated);
        first
    };
    // Another listener, and another body under the same id.
    let reception = reception(&world);
    for _ in 0..10 {
        let again = reception.store(&callback("c-2"), &key("m-1")).unwrap();
        assert!(again.repeated);
        assert_eq!(again.webhook_id, first.webhook_id);
    }
    let body = CallbackKey::of_body(b"{}");
    assert!(!reception.store(&callback("c-3"), &body).unwrap().repeated);
    assert!(reception.store(&callback("c-3"), &body).unwrap().repeated);
    drain(&world).await;
    let arrivals = world.arrivals("crm.example");
    assert_eq!(arrivals.len(), 2);
    assert_eq!(arrivals[0].id, first.webhook_id);
    let body: serde_json::Value = serde_json::from_slice(&arrivals[0].body).unwrap();
    assert_eq!(
        body,
        serde_json::json!({
            "genesys_session_id": "c-1",
            "event_type": "session.created",
            "timestamp": world.now().to_string(),
            "metadata": null
        })
    );
    // After a day an equal body is another event.
    tokio::time::advance(Duration::from_secs(24 * 3600)).await;
    let body = CallbackKey::of_body(b"{}");
    assert!(!reception.store(&callback("c-3"), &body).unwrap().repeated);
    assert!(reception.store(&callback("c-1"), &key("m-1")).unwrap().repeated, "an id is for ever");
}

#[tokio::test(start_paused = true)]
async fn who_waits_hears_whether_the_crm_took_it() {
    let world = World::new(|_, before| Reply::status(if before == 1 { 503 } else { 204 }));
    let reception = reception(&world);
    let good = reception.store(&callback("c-1"), &key("m-1")).unwrap().webhook_id;
    let (is_taken, ()) = tokio::join!(taken(&reception, &good), drain(&world));
    assert!(is_taken);
    // The second attempt of all is answered 503: it is due again later, so nobody waits for that.
    let bad = reception.store(&callback("c-2"), &key("m-2")).unwrap().webhook_id;
    let began = world.now();
    let (is_taken, ()) = tokio::join!(taken(&reception, &bad), drain(&world));
    assert!(!is_taken);
    assert!(world.now().since(began) < PATIENCE, "it was not waited in vain");
    assert!(!taken(&reception, &bad).await, "not yet");
    tokio::time::advance(Duration::from_secs(60)).await;
    drain(&world).await;
    assert!(taken(&reception, &bad).await, "a repetition hears that it was taken meanwhile");
    // Nobody delivers: patience ends.
    let stuck = reception.store(&callback("c-3"), &key("m-3")).unwrap().webhook_id;
    assert!(!taken(&reception, &stuck).await);
    // Long after it was taken its delivery is not there any more: still, nobody is told to come again.
    world.journal.prune(world.now()).unwrap();
    assert!(!world.deliveries().iter().any(|delivery| delivery.webhook_id == good));
    assert!(taken(&reception, &good).await);
    assert!(!taken(&reception, &stuck).await, "what waits is not taken away");
}

#[tokio::test(start_paused = true)]
async fn a_crm_that_is_gone_loses_nothing() {
    let world = World::new(|_, before| Reply::status(if before == 0 { 410 } else { 200 }));
    let reception = reception(&world);
    reception.store(&callback("c-1"), &key("m-1")).unwrap();
    drain(&world).await;
    let during = reception.store(&callback("c-2"), &key("m-2")).unwrap().webhook_id;
    assert!(!taken(&reception, &during).await, "it is out of service");
    let endpoint = world.journal.reader().unwrap().endpoints().unwrap().remove(0);
    assert_eq!(endpoint.id, CRM);
    world.journal.record(Change::new().enable_endpoint(&endpoint, world.now())).unwrap();
    drain(&world).await;
    assert!(taken(&reception, &during).await);
    let states: Vec<_> = world.deliveries().into_iter().map(|delivery| delivery.state).collect();
    assert_eq!(states, [DeliveryState::Dead, DeliveryState::Delivered]);
    // Removed while somebody listens: what comes then is refused, so that it comes again.
    world.journal.record(Change::new().remove_endpoint(&endpoint, world.now())).unwrap();
    let refused: Error = reception.store(&callback("c-3"), &key("m-3")).unwrap_err();
    assert!(matches!(refused.kind(), ErrorKind::Unknown { .. }), "{refused}");
}

#[tokio::test(start_paused = true)]
async fn the_settings_decide_where_the_crm_is_and_what_signs() {
    let world = World::new(|_, _| Reply::status(200));
    drop(reception(&world));
    let reader = world.journal.reader().unwrap();
    let entries = || reader.head().unwrap().count;
    let before = entries();
    drop(reception(&world));
    assert_eq!(entries(), before, "nothing new, so nothing recorded");
    let new = SigningSecret::from_bytes(&[9; 32]).unwrap();
    let elsewhere = "https://new.example/x";
    drop(Reception::open(Arc::clone(&world.journal), elsewhere, &new, world.time()).unwrap());
    assert_eq!(reader.endpoints().unwrap()[0].url, elsewhere);
    // The old one signs beside it for a day, as with every rotation.
    assert_eq!(reader.secrets(CRM, world.now()).unwrap(), [new, secret()]);
}
