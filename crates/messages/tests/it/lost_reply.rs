//! Lost replies (R20): whatever is lost, a message is sent once, and it is known whether it was.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use frontdesk_api::{CallOptions, Cancel};
use frontdesk_messages::{Line, Lines, OutcomeKind, Silent};
use http::Method;

use crate::support::{Loss, Office, Tenant, input, line, ready};

fn lines(tenant: &Tenant, count: usize) -> Vec<String> {
    let talks = tenant.talks(count.min(20));
    (0..count)
        .map(|k| {
            let (id, agent) = &talks[k % talks.len()];
            line(id, agent, &format!("message {k}"))
        })
        .collect()
}

/// The reply to the POST is lost at every byte; the call itself settles it under the same client id.
#[tokio::test(start_paused = true)]
async fn the_reply_is_lost_at_every_byte() {
    let tenant = Tenant::unlimited();
    let office = Office::new(&tenant).no_wait();
    let (id, agent, _) = tenant.talk("webchat");
    // The body of a reply has fewer bytes than this; a cut beyond its end is none.
    for at in 0..120_usize {
        tenant.losses(move |method, _, _| if *method == Method::POST { Loss::Cut(at) } else { Loss::None });
        let lost = Arc::new(Mutex::new(0));
        let count = Arc::clone(&lost);
        tenant.losses(move |method, _, _| {
            let mut count = count.lock().unwrap();
            if *method == Method::POST && *count == 0 {
                *count += 1;
                return if at == 0 { Loss::Reset } else { Loss::Cut(at) };
            }
            Loss::None
        });
        let before = tenant.totals();
        let (report, sent) = office.send(input(&[line(&id, &agent, &format!("at {at}"))])).await;
        assert_eq!(report.counts.sent, 1, "at byte {at}: {sent:?}");
        let after = tenant.totals();
        assert_eq!(after.0, before.0 + 1, "at byte {at}");
    }
    assert!(tenant.totals().1 > 40, "replies were lost, and the POST repeated under its client id");
}

/// A thousand seeds: every request may be lost before or after it is carried out, cut, replaced by a 502, or left
/// without an answer, in every run; at the end the network heals, and one more run settles what is unknown.
#[tokio::test(start_paused = true)]
async fn a_thousand_seeds() {
    let tenant = Tenant::unlimited();
    let mut office = Office::new(&tenant).no_wait();
    // Few attempts, so that calls do end in doubt.
    office.options = CallOptions::default().attempts(2).deadline(Duration::from_secs(20));
    let talks = tenant.talks(20);
    let mut doubts = 0;
    for seed in 0..1_000_u64 {
        // Two of the three go into one conversation.
        let all: Vec<_> = (0..3)
            .map(|k| {
                let (id, agent) = &talks[usize::try_from(seed + k / 2).unwrap() % talks.len()];
                line(id, agent, &format!("seed {seed}, message {k}"))
            })
            .collect();
        let (before, _) = tenant.totals();
        let mut draws = seed;
        tenant.losses(move |_, _, _| {
            draws = draws.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            match (draws >> 33) % 12 {
                0 | 1 => Loss::Reset,
                2 | 3 => Loss::Status(502),
                4 => Loss::Cut(usize::try_from((draws >> 40) % 60).unwrap()),
                5 => Loss::Silence,
                6 => Loss::Before,
                7 => Loss::Refused(503, 0),
                _ => Loss::None,
            }
        });
        let mut known: HashMap<u64, OutcomeKind> = HashMap::new();
        for _ in 0..2 {
            let (report, sent) = office.send(input(&all)).await;
            doubts += report.counts.unknown;
            for message in sent {
                let kind = message.outcome.kind();
                // What was known to be sent stays so.
                let before = known.insert(message.line.unwrap(), kind);
                assert!(before != Some(OutcomeKind::Sent) || kind == OutcomeKind::Sent, "seed {seed}");
            }
            let messages = tenant.totals().0 - before;
            let of = |wanted| known.values().filter(|kind| **kind == wanted).count() as u64;
            let (sent, unknown) = (of(OutcomeKind::Sent), of(OutcomeKind::Unknown));
            // At most one a line; all that are told to be sent are there, and none that is told not to be.
            assert!(
                messages <= 3 && sent <= messages && messages <= sent + unknown,
                "seed {seed}: {known:?}, {messages}"
            );
        }
        tenant.losses(|_, _, _| Loss::None);
        let (report, _) = office.send(input(&all)).await;
        assert_eq!((report.counts.sent, tenant.totals().0 - before), (3, 3), "seed {seed}");
    }
    assert!(doubts > 50, "{doubts}");
    let reader = office.journal.reader().unwrap();
    assert!(reader.open_intents(frontdesk_messages::INTENT).unwrap().is_empty());
}

/// A process that dies between the call and its record: the next one finds the intent, and sends under its client id.
#[tokio::test(start_paused = true)]
async fn a_dropped_call_is_settled_by_the_next_run() {
    let tenant = Tenant::unlimited();
    let office = Office::new(&tenant).no_wait();
    let all = lines(&tenant, 1);
    tenant.losses(|method, _, _| if *method == Method::POST { Loss::Silence } else { Loss::None });
    let courier = office.courier(1, Cancel::never());
    let one = std::num::NonZeroUsize::MIN;
    let dropped =
        tokio::time::timeout(Duration::from_secs(1), courier.send_all(ready(&all), one, &Silent)).await;
    assert!(dropped.is_err());
    assert_eq!(tenant.totals(), (1, 0));
    let reader = office.journal.reader().unwrap();
    assert_eq!(reader.open_intents(frontdesk_messages::INTENT).unwrap().len(), 1);
    // Until then it is shown as what it is.
    let status = courier.look_again(false, &Silent).await.unwrap();
    assert_eq!(status.counts.unknown, 1);
    tenant.losses(|_, _, _| Loss::None);
    let (report, _) = office.send(input(&all)).await;
    assert_eq!(report.counts.sent, 1);
    assert_eq!(tenant.totals(), (1, 1));
    assert!(reader.open_intents(frontdesk_messages::INTENT).unwrap().is_empty());
}

/// A process that dies while a request is on its way, carried out or not, for each of its requests: the next one sends
/// what is not there, and nothing twice.
#[tokio::test(start_paused = true)]
async fn a_process_dies_at_each_of_its_requests() {
    // Two looks and three POSTs.
    const REQUESTS: u64 = 5;
    for (nth, loss) in (0..REQUESTS).flat_map(|nth| [(nth, Loss::Dead), (nth, Loss::Silence)]) {
        let tenant = Tenant::unlimited();
        let office = Office::new(&tenant).no_wait();
        let talks = tenant.talks(2);
        let text = |k: usize| line(&talks[k / 2].0, &talks[k / 2].1, &format!("message {k}"));
        let all: Vec<_> = (0..3).map(text).collect();
        let mut count = 0;
        tenant.losses(move |_, _, _| {
            count += 1;
            if count > nth { loss } else { Loss::None }
        });
        let courier = office.courier(1, Cancel::never());
        let run = courier.send_all(ready(&all), std::num::NonZeroUsize::MIN, &Silent);
        let died = tokio::time::timeout(Duration::from_secs(1), run).await.is_err();
        assert!(died, "{nth}, {loss:?}: it ended before it died");
        let (there, _) = tenant.totals();
        let reader = office.journal.reader().unwrap();
        let open = reader.open_intents(frontdesk_messages::INTENT).unwrap().len() as u64;
        assert!(there < 4 && open <= 1, "{nth}, {loss:?}: {there} messages, {open} intents");
        tenant.losses(|_, _, _| Loss::None);
        let (report, _) = office.send(ready(&all)).await;
        assert_eq!((report.counts.sent, tenant.totals().0), (3, 3), "{nth}, {loss:?}");
        assert!(reader.open_intents(frontdesk_messages::INTENT).unwrap().is_empty(), "{nth}, {loss:?}");
    }
}

/// Two runs of the same lines at the same time send each of them once.
#[tokio::test(start_paused = true)]
async fn two_runs_at_once_send_each_message_once() {
    let tenant = Tenant::unlimited();
    let office = Office::new(&tenant).no_wait();
    let all = lines(&tenant, 40);
    let (one, other) = tokio::join!(office.try_send(input(&all)), office.try_send(input(&all)));
    let counts = [one.unwrap().0.counts, other.unwrap().0.counts];
    assert!(counts.iter().all(|counts| counts.sent == 40), "{counts:?}");
    assert_eq!(tenant.totals().0, 40);
}

/// A single message is another one each time, unless the one before is in doubt.
#[tokio::test(start_paused = true)]
async fn a_single_message_is_settled_before_it_is_sent_again() {
    use frontdesk_domain::outbound::MessageDraft;
    let tenant = Tenant::unlimited();
    let mut office = Office::new(&tenant).no_wait();
    office.options = CallOptions::default().attempts(1);
    let (id, agent, customer) = tenant.talk("webchat");
    let draft =
        MessageDraft::new().conversation_id(id).from(agent).to(customer).kind("text/plain").text("Hello");
    let single = || Lines::of(vec![Line::single(draft.clone())]);
    tenant.losses(|method, _, _| if *method == Method::POST { Loss::Reset } else { Loss::None });
    let (report, _) = office.send(single()).await;
    assert_eq!((report.counts.unknown, tenant.totals().0), (1, 1));
    tenant.losses(|_, _, _| Loss::None);
    let (report, _) = office.send(single()).await;
    assert_eq!((report.counts.sent, tenant.totals().0), (1, 1));
    let (report, _) = office.send(single()).await;
    assert_eq!((report.counts.sent, tenant.totals().0), (1, 2));
}
