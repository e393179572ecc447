//! What is refused, by whom, and what is written down of it.

use frontdesk_domain::WhyKind;
use frontdesk_messages::{OutcomeKind, Stop};
use http::Method;
use serde_json::json;

use crate::support::{Loss, Office, Tenant, input, line};

#[tokio::test(start_paused = true)]
async fn lines_that_break_rules_are_refused_and_the_others_go_on() {
    let tenant = Tenant::unlimited();
    let office = Office::new(&tenant).no_wait();
    let (sms, agent, customer) = tenant.talk("sms");
    let (nowhere, lone, _) = tenant.talk("none");
    let (web, clerk, guest) = tenant.talk("webchat");
    let html = json!({"conversation_id": sms, "from": agent, "to": ["x"], "type": "text/html", "content": "<p>Hi</p>"});
    let lines = vec![
        html.to_string(),
        line(&sms, &customer, "I am the customer"),
        line(&sms, "nobody-here", "I am not there"),
        line(&nowhere, &lone, "no channel"),
        "not json".to_owned(),
        "[]".to_owned(),
        json!({"conversation_id": "..", "from": "", "to": [], "type": "text", "contents": 1}).to_string(),
        line("no-such-conversation", "a", "404"),
        line(&web, &clerk, &format!("for {guest}")),
    ];
    let (report, sent) = office.send(input(&lines)).await;
    assert_eq!((report.counts.refused, report.counts.sent), (8, 1), "{sent:#?}");
    assert_eq!(tenant.totals(), (1, 0));
    let mut rules: Vec<_> = sent
        .iter()
        .map(|message| {
            let rules =
                message.violations.iter().flatten().map(|violation| violation.rule).collect::<Vec<_>>();
            (message.line.unwrap(), rules.join(" "))
        })
        .collect();
    rules.sort();
    insta::assert_debug_snapshot!(rules);
    // One audit record a recipient, for refused ones too; one where there is no recipient.
    let audit = office.audit();
    assert_eq!(audit.len(), 8);
    assert!(audit.iter().all(|record| record["status"] == "refused" && record["message_id"].is_null()));
    // A refused line of the batch is told again, and not written down again, unless a conversation decides it.
    office.send(input(&lines)).await;
    assert_eq!(office.audit().len(), 8 + 5);
}

#[tokio::test(start_paused = true)]
async fn what_the_platform_refuses_is_refused_and_what_hopeless_is_ends_the_run() {
    for (status, wait, kind, hopeless) in [
        (400, 0, OutcomeKind::Refused, None),
        (409, 0, OutcomeKind::Refused, None),
        (401, 0, OutcomeKind::NotSent, Some(WhyKind::Unauthorized)),
        (403, 0, OutcomeKind::NotSent, Some(WhyKind::Forbidden)),
        (429, 3_600, OutcomeKind::NotSent, Some(WhyKind::Throttled)),
    ] {
        let tenant = Tenant::unlimited();
        let office = Office::new(&tenant).no_wait();
        let (id, agent, _) = tenant.talk("webchat");
        tenant.losses(
            move |method, _, _| {
                if *method == Method::POST { Loss::Refused(status, wait) } else { Loss::None }
            },
        );
        let (report, sent) = office.send(input(&[line(&id, &agent, "Hello")])).await;
        assert_eq!(sent[0].outcome.kind(), kind, "{status}: {sent:?}");
        let stop = hopeless.map(|kind| matches!(&report.stop, Some(Stop::Hopeless(why)) if why.kind == kind));
        assert!(stop.unwrap_or(report.stop.is_none()), "{status}: {:?}", report.stop);
        assert_eq!(tenant.totals().0, 0);
        // Nothing is in doubt, so nothing stays open; the next run sends it.
        let reader = office.journal.reader().unwrap();
        assert!(reader.open_intents(frontdesk_messages::INTENT).unwrap().is_empty());
        let status_of =
            |office: &Office| office.audit().last().unwrap()["status"].as_str().unwrap().to_owned();
        assert_eq!(status_of(&office), if kind == OutcomeKind::Refused { "refused" } else { "failed" });
    }
}

/// The text of a message is nowhere in the journal, and its parties are only while a receipt may come.
#[tokio::test(start_paused = true)]
async fn the_journal_keeps_no_text() {
    let tenant = Tenant::unlimited();
    let office = Office::new(&tenant);
    let (id, agent, _) = tenant.talk("webchat");
    office.send(input(&[line(&id, &agent, "canary-of-the-text")])).await;
    let reader = office.journal.reader().unwrap();
    let items = reader.items("message", None, 10).unwrap();
    assert_eq!(items.len(), 1);
    let text = items[0].detail.get();
    assert!(!text.contains("canary") && !text.contains("parties"), "{text}");
}
