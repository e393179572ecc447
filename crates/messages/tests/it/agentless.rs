//! Messages to an address (platform contract C.5.4): each posted once, and found in a conversation nobody knew before.

use std::sync::atomic::Ordering;
use std::time::Duration;

use frontdesk_messages::{Delivery, Lines, OutcomeKind, Watching};
use serde_json::json;

use crate::leg_support::{ADDRESS, CONVERSATION, Counter, Fate, Mini, NO_LEG, PATIENCE};
use crate::support::ready;

fn lines(words: &[&str]) -> Lines {
    let line = |words: &&str| {
        let draft = json!({"messenger": "open", "from": "integration-1", "to": [ADDRESS], "type": "text/plain",
            "content": words});
        draft.to_string()
    };
    ready(&words.iter().map(line).collect::<Vec<_>>())
}

#[tokio::test(start_paused = true)]
async fn it_is_sent_without_a_look_and_followed_in_the_conversation_the_platform_names() {
    let mini = Mini::new();
    let mut counter = Counter::new(&mini);
    counter.watching = Watching { interval: Duration::from_secs(1), ..Watching::default() };
    let asked = std::sync::Arc::clone(&mini);
    mini.fates(move |method, _| {
        // Whoever looks sees it arrived.
        if *method == http::Method::GET {
            asked.messages.lock().unwrap().iter_mut().for_each(|message| message.status = "delivery-success");
        }
        Fate::Fine
    });
    let (report, sent) = counter.send(lines(&["Your order shipped"])).await;
    assert_eq!((report.counts.sent, report.counts.delivered, counter.open_intents()), (1, 1, 0), "{sent:?}");
    assert_eq!(sent[0].conversation.as_deref(), Some(CONVERSATION));
    assert_eq!(sent[0].delivery, Some(Delivery::Delivered));
    let requests = mini.requests.lock().unwrap().clone();
    assert_eq!(requests[1], "POST /api/v2/conversations/messages/agentless", "{requests:?}");
    assert!(requests.iter().all(|request| !request.contains("analytics")), "{requests:?}");
}

#[tokio::test(start_paused = true)]
async fn a_lost_reply_is_found_in_a_conversation_of_the_address() {
    for fate in [Fate::Lost, Fate::Silence, Fate::Replaced(502), Fate::Replaced(200), Fate::Taken] {
        let mini = Mini::new();
        let counter = Counter::new(&mini);
        // The same words went there before.
        mini.write(NO_LEG, Some("Hello"), None);
        tokio::time::sleep(Duration::from_secs(300)).await;
        mini.post_fates(move || fate);
        let (report, sent) = counter.send(lines(&["Hello"])).await;
        assert_eq!(report.counts.sent, 1, "{fate:?}: {sent:?}");
        assert_eq!(sent[0].message_id.as_ref().unwrap().as_str(), format!("{:032x}", 2), "{fate:?}");
        assert_eq!(sent[0].conversation.as_deref(), Some(CONVERSATION), "{fate:?}");
        assert_eq!((mini.posts.load(Ordering::Relaxed), counter.open_intents()), (1, 0));
        let (report, _) = counter.send(lines(&["Hello"])).await;
        assert_eq!((report.counts.sent, report.counts.earlier, mini.count()), (1, 1, 2), "{fate:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_not_there_is_unknown_and_never_posted_again() {
    let mini = Mini::new();
    let counter = Counter::new(&mini);
    mini.post_fates(|| Fate::Before);
    let (report, sent) = counter.send(lines(&["Hello"])).await;
    assert_eq!((report.counts.unknown, counter.open_intents(), mini.count()), (1, 1, 0));
    assert_eq!(sent[0].conversation, None);
    mini.fates(|_, _| Fate::Fine);
    tokio::time::sleep(PATIENCE).await;
    // Somebody else says the same, when it can no longer be ours.
    mini.write(NO_LEG, Some("Hello"), None);
    for _ in 0..3 {
        let (report, sent) = counter.send(lines(&["Hello"])).await;
        assert_eq!((report.counts.unknown, counter.open_intents(), mini.count()), (1, 0, 1), "{sent:?}");
    }
    assert_eq!(mini.posts.load(Ordering::Relaxed), 0);
}

#[tokio::test(start_paused = true)]
async fn who_may_not_query_conversations_settles_nothing_and_posts_nothing_again() {
    let mini = Mini::new();
    let counter = Counter::new(&mini);
    mini.fates(|_, path| match path {
        path if path.ends_with("/agentless") => Fate::Lost,
        path if path.contains("/analytics/") => Fate::Refused(403),
        _ => Fate::Fine,
    });
    for _ in 0..2 {
        let (report, _) = counter.send(lines(&["Hello"])).await;
        assert_eq!((report.counts.unknown, counter.open_intents(), mini.count()), (1, 1, 1));
        tokio::time::sleep(PATIENCE).await;
    }
    // Once it may, the message is found, however late.
    mini.fates(|_, _| Fate::Fine);
    let (report, _) = counter.send(lines(&["Hello"])).await;
    assert_eq!((report.counts.sent, counter.open_intents(), mini.count()), (1, 0, 1));
    assert_eq!(mini.posts.load(Ordering::Relaxed), 1);
}

#[tokio::test(start_paused = true)]
async fn equal_texts_to_one_address_go_one_after_the_other_and_are_told_apart() {
    let mini = Mini::new();
    let counter = Counter::new(&mini);
    mini.post_fates(|| Fate::Lost);
    let (report, sent) = counter.send(lines(&["Hello", "Hello", "Hello"])).await;
    let ids: std::collections::HashSet<_> =
        sent.iter().map(|sent| sent.message_id.clone().unwrap()).collect();
    assert_eq!((report.counts.sent, ids.len(), mini.count()), (3, 3, 3), "{sent:?}");
}

#[tokio::test(start_paused = true)]
async fn what_the_platform_refuses_is_refused_and_said_once() {
    let mini = Mini::new();
    let counter = Counter::new(&mini);
    mini.post_fates(|| Fate::Refused(409));
    let (report, sent) = counter.send(lines(&["Hello"])).await;
    assert_eq!((report.counts.refused, counter.open_intents(), mini.count()), (1, 0, 0));
    assert_eq!(sent[0].outcome.kind(), OutcomeKind::Refused);
}
