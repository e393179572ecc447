//! A channel where nothing makes two posts one (R20 on the published contract): at most one message an intent, whatever is
//! lost; what is not found is unknown, and settled.

use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::time::Duration;

use frontdesk_api::{CallOptions, Cancel};
use frontdesk_messages::{Delivery, Lines, OutcomeKind, Silent, Watching};
use serde_json::json;

use crate::leg_support::{AGENT, CONVERSATION, Counter, Fate, Mini, PATIENCE};
use crate::support::{line, ready};

fn text(text: &str) -> String {
    line(CONVERSATION, AGENT, text)
}

fn one(words: &str) -> Lines {
    ready(&[text(words)])
}

/// Words whose posts are lost in every way there is.
#[tokio::test(start_paused = true)]
async fn a_lost_reply_is_found_in_the_conversation() {
    for fate in [Fate::Lost, Fate::Silence, Fate::Replaced(502), Fate::Replaced(200), Fate::Taken] {
        let mini = Mini::new();
        let counter = Counter::new(&mini);
        // The same words were there before, from this agent and from another one.
        mini.write("k2", Some("Hello"), None);
        tokio::time::sleep(Duration::from_secs(1)).await;
        mini.post_fates(move || fate);
        let (report, sent) = counter.send(one("Hello")).await;
        mini.write("k3", Some("Hello"), None);
        assert_eq!(report.counts.sent, 1, "{fate:?}: {sent:?}");
        assert_eq!(sent[0].message_id.as_ref().unwrap().as_str(), format!("{:032x}", 2), "{fate:?}");
        assert_eq!((mini.posts.load(std::sync::atomic::Ordering::Relaxed), counter.open_intents()), (1, 0));
        // And it stays so.
        let (report, _) = counter.send(one("Hello")).await;
        assert_eq!((report.counts.sent, report.counts.earlier, mini.count()), (1, 1, 3), "{fate:?}");
    }
}

/// The reply to the post breaks off after every byte it has: the message is there once, and known to be.
#[tokio::test(start_paused = true)]
async fn a_reply_that_breaks_off_at_every_byte_is_found_in_the_conversation() {
    let calm = Mini::new();
    let (report, _) = Counter::new(&calm).send(one("Hello")).await;
    assert_eq!(report.counts.sent, 1);
    let calm = calm.requests.lock().unwrap().len();
    let mut broken = 0;
    for at in 0..600_usize {
        let mini = Mini::new();
        let counter = Counter::new(&mini);
        mini.post_fates(move || Fate::Cut(at));
        let (report, sent) = counter.send(one("Hello")).await;
        assert_eq!(report.counts.sent, 1, "at byte {at}: {sent:?}");
        let posts = mini.posts.load(std::sync::atomic::Ordering::Relaxed);
        assert_eq!((posts, mini.count(), counter.open_intents()), (1, 1, 0), "at byte {at}");
        if mini.requests.lock().unwrap().len() == calm {
            // The reply has no more bytes than this: nothing is looked for.
            break;
        }
        broken += 1;
    }
    assert!((40..600).contains(&broken), "{broken} replies broke off");
}

#[tokio::test(start_paused = true)]
async fn what_is_not_there_is_unknown_and_settled_by_the_next_run_after_the_patience() {
    let mini = Mini::new();
    let counter = Counter::new(&mini);
    mini.post_fates(|| Fate::Before);
    let (report, _) = counter.send(one("Hello")).await;
    assert_eq!((report.counts.unknown, counter.open_intents(), mini.count()), (1, 1, 0));
    mini.fates(|_, _| Fate::Fine);
    // Before the patience it may still turn up.
    let (report, _) = counter.send(one("Hello")).await;
    assert_eq!((report.counts.unknown, counter.open_intents(), mini.count()), (1, 1, 0));
    tokio::time::sleep(PATIENCE).await;
    // Somebody else says the same: another agent, the customer, and this one when it can no longer be ours.
    for leg in ["k1", "k3", "k2"] {
        mini.write(leg, Some("Hello"), None);
    }
    for _ in 0..3 {
        let (report, sent) = counter.send(one("Hello")).await;
        assert_eq!((report.counts.unknown, counter.open_intents(), mini.count()), (1, 0, 3), "{sent:?}");
    }
    assert_eq!(mini.posts.load(std::sync::atomic::Ordering::Relaxed), 0);
}

#[tokio::test(start_paused = true)]
async fn a_message_whose_text_comes_late_is_not_given_up() {
    let mini = Mini::new();
    let counter = Counter::new(&mini);
    *mini.late.lock().unwrap() = Duration::from_secs(3_600);
    mini.post_fates(|| Fate::Lost);
    let (report, _) = counter.send(one("Hello")).await;
    assert_eq!((report.counts.unknown, counter.open_intents(), mini.count()), (1, 1, 1));
    tokio::time::sleep(PATIENCE).await;
    let (report, _) = counter.send(one("Hello")).await;
    assert_eq!((report.counts.unknown, counter.open_intents(), mini.count()), (1, 1, 1));
    tokio::time::sleep(Duration::from_secs(3_600)).await;
    let (report, _) = counter.send(one("Hello")).await;
    assert_eq!((report.counts.sent, counter.open_intents(), mini.count()), (1, 0, 1));
}

#[tokio::test(start_paused = true)]
async fn two_equal_texts_in_doubt_have_a_message_each() {
    let mini = Mini::new();
    let mut counter = Counter::new(&mini);
    counter.options = CallOptions::default().deadline(Duration::from_secs(20));
    mini.post_fates(|| Fate::Lost);
    let lines = [text("Hello"), text("Hello"), text("Hello")];
    let (report, sent) = counter.send(ready(&lines)).await;
    let ids: std::collections::HashSet<_> =
        sent.iter().map(|sent| sent.message_id.clone().unwrap()).collect();
    assert_eq!((report.counts.sent, ids.len(), mini.count()), (3, 3, 3));
}

#[tokio::test(start_paused = true)]
async fn text_and_files_are_posts_of_their_own_and_each_is_made_once() {
    let draft = json!({"conversation_id": CONVERSATION, "from": AGENT, "to": ["guest"], "type": "text/plain",
        "content": "Your map", "attachments": [
            {"type": "image/png", "filename": "map.png", "content": "UE5H"},
            {"type": "image/png", "filename": "map2.png", "content": "UE5HMg=="}]});
    let lines = [draft.to_string()];
    // The reply to each of the three posts is lost, and to none.
    for lost in 0..4_usize {
        let mini = Mini::new();
        let counter = Counter::new(&mini);
        let mut post = 0;
        mini.post_fates(move || {
            post += 1;
            if post == lost { Fate::Lost } else { Fate::Fine }
        });
        let (report, sent) = counter.send(ready(&lines)).await;
        assert_eq!((report.counts.sent, mini.count(), counter.open_intents()), (1, 3, 0), "{lost}: {sent:?}");
        let messages = mini.messages.lock().unwrap();
        let said: Vec<_> =
            messages.iter().map(|one| (one.text.clone(), one.file.clone().map(|file| file.1))).collect();
        let file = |name: &str| (None, Some(name.to_owned()));
        assert_eq!(said, [(Some("Your map".to_owned()), None), file("map.png"), file("map2.png")]);
        assert_eq!(mini.uploads.lock().unwrap()[1].2, b"PNG2");
    }
    // A file is refused after the text is there: it is told, and the rest goes on by the next run.
    let mini = Mini::new();
    let counter = Counter::new(&mini);
    let mut post = 0;
    mini.post_fates(move || {
        post += 1;
        if post == 2 { Fate::Refused(400) } else { Fate::Fine }
    });
    let (report, sent) = counter.send(ready(&lines)).await;
    assert_eq!((report.counts.refused, mini.count(), counter.open_intents()), (1, 1, 0));
    assert!(sent[0].outcome.why().unwrap().text.starts_with("1 of its 3 posts are there"), "{sent:?}");
    let (report, _) = counter.send(ready(&lines)).await;
    assert_eq!((report.counts.sent, mini.count(), counter.open_intents()), (1, 3, 0));
}

#[tokio::test(start_paused = true)]
async fn rules_of_the_leg_are_told_before_anything_is_posted() {
    let mini = Mini::new();
    let counter = Counter::new(&mini);
    let html = json!({"conversation_id": CONVERSATION, "from": AGENT, "to": ["guest"], "type": "text/html", "content": "<p>"});
    let lines = [
        html.to_string(),
        line(CONVERSATION, "u-nobody", "Hi"),
        line(CONVERSATION, "p1", "Hi"),
        text(&"x".repeat(4_001)),
    ];
    let (report, sent) = counter.send(ready(&lines)).await;
    let mut rules: Vec<_> =
        sent.iter().map(|sent| sent.violations.as_ref().unwrap().iter().next().unwrap().rule).collect();
    rules.sort_unstable();
    assert_eq!(rules, ["channel.plain_text", "channel.text_length", "sender.absent", "sender.role"]);
    *mini.state.lock().unwrap() = "disconnected";
    let (_, sent) = counter.send(one("Hi")).await;
    assert_eq!(sent[0].violations.as_ref().unwrap().iter().next().unwrap().rule, "leg.not_connected");
    *mini.state.lock().unwrap() = "connected";
    *mini.channel.lock().unwrap() = "sms";
    let (_, sent) = counter.send(one(&"x".repeat(766))).await;
    assert_eq!(sent[0].violations.as_ref().unwrap().iter().next().unwrap().rule, "channel.text_length");
    assert_eq!((report.counts.refused, mini.count(), counter.open_intents()), (4, 0, 0));
}

#[tokio::test(start_paused = true)]
async fn receipts_give_the_times() {
    let mini = Mini::new();
    let mut counter = Counter::new(&mini);
    counter.watching = Watching::default();
    let watched = std::sync::Arc::clone(&mini);
    let mut looks = 0;
    mini.fates(move |method, path| {
        if *method == http::Method::GET && path.ends_with(CONVERSATION) {
            looks += 1;
            if looks == 3 {
                watched.messages.lock().unwrap()[0].status = "delivery-success";
            }
        }
        Fate::Fine
    });
    let (report, sent) = counter.send(one("Hello")).await;
    assert_eq!((report.counts.delivered, report.counts.sla_met), (1, 1), "{sent:?}");
    assert_eq!(sent[0].delivery, Some(Delivery::Delivered));
    assert_eq!(sent[0].sla.as_ref().unwrap().elapsed_time_sec.unwrap().as_micros(), 2_000_000);
}

/// A process that dies at any of its requests, carried out or not: no run after it posts again what it posted.
#[tokio::test(start_paused = true)]
async fn a_process_dies_at_each_of_its_requests() {
    for (nth, fate) in (0..4).flat_map(|nth| [(nth, Fate::Silence), (nth, Fate::Before)]) {
        let mini = Mini::new();
        let counter = Counter::new(&mini);
        let all = [text("one"), text("two")];
        let mut count = 0;
        mini.fates(move |_, _| {
            count += 1;
            if count > nth { fate } else { Fate::Fine }
        });
        let courier = counter.courier(Cancel::never());
        let run = courier.send_all(ready(&all), NonZeroUsize::MIN, &Silent);
        let _ = tokio::time::timeout(Duration::from_secs(1), run).await;
        drop(courier);
        mini.fates(|_, _| Fate::Fine);
        tokio::time::sleep(PATIENCE).await;
        let (report, _) = counter.send(ready(&all)).await;
        let posts = mini.posts.load(std::sync::atomic::Ordering::Relaxed);
        assert_eq!(report.counts.total(), 2, "{nth}, {fate:?}");
        assert_eq!(
            (mini.count(), posts as u64, counter.open_intents()),
            (posts, report.counts.sent, 0),
            "{nth}, {fate:?}"
        );
    }
}

/// Two runs of the same lines at the same time post each of them once, and both know.
#[tokio::test(start_paused = true)]
async fn two_runs_at_once_post_each_message_once() {
    let mini = Mini::new();
    let counter = Counter::new(&mini);
    let all: Vec<_> = (0..12).map(|k| text(&format!("message {k}"))).collect();
    let (one, other) = tokio::join!(counter.send(ready(&all)), counter.send(ready(&all)));
    assert_eq!((one.0.counts.sent, other.0.counts.sent, mini.count()), (12, 12, 12));
}

/// A thousand seeds: every request may be lost before or after it is carried out, replaced, refused, left without an answer
/// or answered 202 alone, in every run; the texts are equal as often as not. In the end the network heals, and one more run
/// after the patience settles what is unknown.
#[tokio::test(start_paused = true)]
async fn a_thousand_seeds() {
    let mini = Mini::new();
    let mut counter = Counter::new(&mini);
    counter.options = CallOptions::default().attempts(2).deadline(Duration::from_secs(20));
    let (mut unknown, mut known_sent) = (0, 0);
    for seed in 0..1_000_u64 {
        mini.messages.lock().unwrap().clear();
        let all: Vec<_> = (0..3).map(|k| text(&format!("seed {seed}, {}", (k * seed) % 3))).collect();
        let mut draws = seed;
        mini.fates(move |_, _| {
            draws = draws.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            match (draws >> 33) % 14 {
                0 | 1 => Fate::Lost,
                2 => Fate::Replaced(502),
                3 => Fate::Replaced(200),
                4 => Fate::Silence,
                5 | 6 => Fate::Before,
                7 => Fate::Refused(503),
                8 => Fate::Taken,
                _ => Fate::Fine,
            }
        });
        let mut known: HashMap<u64, OutcomeKind> = HashMap::new();
        for run in 0..3 {
            if run == 2 {
                mini.fates(|_, _| Fate::Fine);
                tokio::time::sleep(PATIENCE).await;
            }
            let (_, sent) = counter.send(ready(&all)).await;
            for message in sent {
                let kind = message.outcome.kind();
                let before = known.insert(message.line.unwrap(), kind);
                assert!(before != Some(OutcomeKind::Sent) || kind == OutcomeKind::Sent, "seed {seed}");
            }
            let of = |wanted| known.values().filter(|kind| **kind == wanted).count();
            let (sent, doubted, there) = (of(OutcomeKind::Sent), of(OutcomeKind::Unknown), mini.count());
            // At most one an intent; all that are told to be sent are there, and none that is told not to be.
            assert!(
                there <= 3 && sent <= there && there <= sent + doubted,
                "seed {seed}: {known:?}, {there}"
            );
        }
        let of = |wanted| known.values().filter(|kind| **kind == wanted).count();
        // In the end what is there is known to be there, and everything is settled.
        assert_eq!(
            (of(OutcomeKind::Sent), counter.open_intents()),
            (mini.count(), 0),
            "seed {seed}: {known:?}"
        );
        assert_eq!(of(OutcomeKind::Sent) + of(OutcomeKind::Unknown), 3, "seed {seed}: {known:?}");
        unknown += of(OutcomeKind::Unknown);
        known_sent += of(OutcomeKind::Sent);
    }
    let posted = mini.posts.load(std::sync::atomic::Ordering::Relaxed);
    assert!(unknown > 100 && known_sent > 2_000 && posted == known_sent, "{unknown} {known_sent} {posted}");
}
