//! Receipts, thresholds, clocks: what is known of a message after it was sent.

use std::num::NonZeroUsize;
use std::sync::atomic::Ordering;
use std::time::Duration;

use frontdesk_api::Cancel;
use frontdesk_domain::EventKind;
use frontdesk_domain::delivery::SlaState;
use frontdesk_messages::{Delivery, Monitor, Outcome, Sent, Silent, SlaReport};
use serde_json::{Value, json};

use crate::support::{Office, Tenant, input, line, now};

/// Does something when so many messages have been sent.
struct AtSent<F>(u64, F);

impl<F: Fn() + Send + Sync> Monitor for AtSent<F> {
    fn sent(&self, _: &Sent, sent: u64) {
        if sent == self.0 {
            (self.1)();
        }
    }
}

fn lines(tenant: &Tenant, count: usize) -> Vec<String> {
    let talks = tenant.talks(2);
    (0..count)
        .map(|k| {
            let (id, agent) = &talks[k % 2];
            line(id, agent, &format!("message {k}"))
        })
        .collect()
}

#[tokio::test(start_paused = true)]
async fn a_message_is_sent_and_followed_until_it_arrives() {
    let tenant = Tenant::unlimited();
    let office = Office::new(&tenant);
    let (report, sent) = office.send(input(&lines(&tenant, 6))).await;
    assert_eq!((report.counts.sent, report.counts.delivered, report.counts.sla_met), (6, 6, 6));
    assert_eq!(tenant.totals(), (6, 0));
    for message in &sent {
        assert_eq!(message.outcome, Outcome::Sent);
        let sla = message.sla.as_ref().unwrap();
        assert_eq!(sla.state, SlaState::Met);
        assert!(sla.elapsed_time_sec.unwrap().as_f64() <= 1.5);
    }
    // Two conversations: a look before, and one after two seconds that serves all messages of each.
    assert_eq!((tenant.looks(), report.polls), (4, 2));
    let audit = office.audit();
    assert_eq!(audit.len(), 6);
    let names: Vec<_> = audit[0].as_object().unwrap().keys().cloned().collect();
    let mut wanted =
        ["elapsed_seconds", "message_id", "receiver", "sender", "sla_violation", "status", "timestamp"]
            .map(str::to_owned);
    wanted.sort();
    assert_eq!(
        {
            let mut names = names;
            names.sort();
            names
        },
        wanted
    );
    assert!(audit.iter().all(|record| ["delivered", "read"].contains(&record["status"].as_str().unwrap())));
    // The same lines again: nothing is sent, nothing is looked for.
    let (again, _) = office.send(input(&lines(&tenant, 6))).await;
    assert_eq!((again.counts.sent, again.counts.earlier, again.counts.delivered), (6, 6, 6));
    assert_eq!((tenant.totals(), tenant.looks()), ((6, 0), 4));
    assert_eq!(office.audit().len(), 6);
}

#[tokio::test(start_paused = true)]
async fn a_file_with_lines_added_sends_those_only_and_equal_lines_are_two_messages() {
    let tenant = Tenant::unlimited();
    let office = Office::new(&tenant).no_wait();
    let mut lines = lines(&tenant, 3);
    office.send(input(&lines)).await;
    lines.insert(0, lines[1].clone());
    lines.push(lines[2].clone());
    let (report, _) = office.send(input(&lines)).await;
    assert_eq!((report.counts.sent, report.counts.earlier), (5, 3));
    assert_eq!(tenant.totals(), (5, 0));
}

#[tokio::test(start_paused = true)]
async fn without_a_receipt_it_is_given_up_and_found_later() {
    let tenant = Tenant::unlimited();
    tenant.receipts(&json!({"late": 1.0, "late_ms": [60_000, 60_000], "read": 0.0}));
    let office = Office::new(&tenant);
    office.endpoint(EventKind::SlaMissed);
    let start = now();
    let (report, sent) = office.send(input(&lines(&tenant, 2))).await;
    assert_eq!((report.counts.timeout, report.counts.sla_missed), (2, 2));
    let took = (now() - start).as_secs();
    assert!((20..=22).contains(&took), "{took}");
    assert!(
        sent.iter()
            .all(|message| message.message_id.is_some() && message.delivery == Some(Delivery::Timeout))
    );
    // The event went out once for each, when the threshold had passed.
    let reader = office.journal.reader().unwrap();
    assert!(reader.next_due().unwrap().is_some());
    let statuses = |office: &Office| -> Vec<String> {
        office.audit().iter().map(|record| record["status"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(statuses(&office), ["timeout", "timeout"]);
    tokio::time::sleep(Duration::from_secs(60)).await;
    let courier = office.courier(2, Cancel::never());
    let later = courier.look_again(false, &Silent).await.unwrap();
    assert_eq!((later.counts.delivered, later.counts.sla_missed, later.looks), (2, 2, 2));
    assert_eq!(statuses(&office), ["timeout", "timeout", "delivered", "delivered"]);
    let missed = office.audit().iter().all(|record| record["sla_violation"] == Value::Bool(true));
    assert!(missed);
    assert_eq!(courier.look_again(false, &Silent).await.unwrap().looks, 0);
}

#[tokio::test(start_paused = true)]
async fn a_failed_message_ends_at_once_and_every_outcome_is_in_the_report() {
    let tenant = Tenant::unlimited();
    tenant.receipts(&json!({"failed": 1.0}));
    let office = Office::new(&tenant);
    let start = now();
    let (report, _) = office.send(input(&lines(&tenant, 4))).await;
    assert_eq!((report.counts.failed, report.counts.sla_missed), (4, 4));
    assert!((now() - start).as_secs() <= 5);
    let reader = office.journal.reader().unwrap();
    let threshold = office.watching.threshold;
    let mut told = 0;
    let wall = frontdesk_api::clock::Clock::now(&*tenant.clock);
    let sla = SlaReport::read(&reader, wall, threshold, (None, None), &mut |_, _| told += 1).unwrap();
    assert_eq!((told, sla.all.missed, sla.all.messages()), (4, 4, 4));
    assert_eq!(sla.channels["webchat"].missed, 4);
    assert_eq!(sla.hours.len(), 1);
    assert!(sla.all.percentiles().is_none());
}

#[tokio::test(start_paused = true)]
async fn receipts_that_contradict_or_come_in_any_order_join_to_the_highest() {
    let tenant = Tenant::unlimited();
    tenant.receipts(&json!({"contradictory": 0.4, "jumbled": 0.3, "undated": 0.2, "hurried": 0.5}));
    let office = Office::new(&tenant);
    let (report, sent) = office.send(input(&lines(&tenant, 60))).await;
    assert_eq!(report.counts.sent, 60);
    assert_eq!(tenant.totals(), (60, 0));
    assert!(sent.iter().any(|message| message.receipts.is_contradictory()));
    for message in sent {
        if message.receipts.is_contradictory() {
            assert!(message.delivery.unwrap().is_arrived());
        }
    }
}

/// A clock that is off is measured, corrected and shown; what is pending is judged by the platform's clock.
#[tokio::test(start_paused = true)]
async fn clocks_that_differ_are_measured_and_corrected() {
    for ahead_ms in [0, 3_600_000] {
        let tenant = Tenant::unlimited();
        tenant.ahead_ms.store(ahead_ms, Ordering::Relaxed);
        tenant.receipts(&json!({"late": 1.0, "late_ms": [5_000, 5_000], "read": 0.0}));
        let office = Office::new(&tenant);
        office.endpoint(EventKind::SlaMissed);
        let (report, _) = office.send(input(&lines(&tenant, 4))).await;
        assert_eq!((report.counts.delivered, report.counts.sla_met), (4, 4), "{ahead_ms}");
        let skew = report.skew.unwrap();
        assert!(
            skew.ahead_ms.abs_diff(i64::try_from(ahead_ms).unwrap())
                <= u64::try_from(skew.within_ms).unwrap() + 1,
            "{skew:?}"
        );
        // Uncorrected, every message that waits would look an hour old, and its event would have gone out.
        assert_eq!(office.journal.reader().unwrap().next_due().unwrap(), None);
        assert_eq!(report.jumps, 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_jumps_midway_is_noticed_and_delays_nothing() {
    let tenant = Tenant::unlimited();
    tenant.receipts(&json!({"late": 1.0, "late_ms": [7_000, 7_000], "read": 0.0}));
    let office = Office::new(&tenant);
    let clock = std::sync::Arc::clone(&tenant.clock);
    // The first look for receipts is what comes after it.
    let monitor = AtSent(2, move || clock.jump_back(Duration::from_secs(86_400)));
    let courier = office.courier(1, Cancel::never());
    let lines = input(&lines(&tenant, 2));
    let report = courier.send_all(lines, NonZeroUsize::MIN, &monitor).await.unwrap();
    assert_eq!((report.counts.delivered, report.counts.sla_met), (2, 2));
    assert!(report.jumps >= 1);
}

#[tokio::test(start_paused = true)]
async fn the_signal_to_stop_ends_it_and_the_same_call_goes_on() {
    let tenant = Tenant::unlimited();
    tenant.receipts(&json!({"late": 1.0, "late_ms": [7_000, 7_000], "read": 0.0}));
    let office = Office::new(&tenant);
    let (stop, cancel) = Cancel::pair();
    let courier = office.courier(3, cancel);
    let all = lines(&tenant, 8);
    let monitor = AtSent(8, move || stop.cancel());
    let report = courier.send_all(input(&all), NonZeroUsize::new(4).unwrap(), &monitor).await.unwrap();
    assert_eq!((report.counts.sent, report.counts.pending), (8, 8));
    assert_eq!(report.stop, Some(frontdesk_messages::Stop::Interrupted));
    let (report, _) = office.send(input(&all)).await;
    assert_eq!((report.counts.delivered, report.counts.earlier), (8, 8));
    assert_eq!(tenant.totals(), (8, 0));
}
