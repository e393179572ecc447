//! A session that its guest ends, with its token, against the sandbox on real sockets (platform contract C.2.6).

use frontdesk_api::{EndReply, ErrorKind, GuestLook, GuestSessions as _, OwnEnd};
use frontdesk_domain::{Ending, EndingDraft, GuestId};
use serde_json::json;
use uuid::Uuid;

use crate::platform_openings::{Tenant, opened, opening};

fn ending(guest: &str, retain: bool) -> Ending {
    EndingDraft::new().guest_id(guest).reason("customer_initiated").retain_data(retain).check().unwrap()
}

async fn state(own: &OwnEnd, guest: &str) -> String {
    let guest: GuestId = guest.parse().unwrap();
    match own.guest(&guest).await.unwrap() {
        GuestLook::Found(guest) => guest.state.as_str().to_owned(),
        GuestLook::Missing => "missing".to_owned(),
    }
}

/// The sandbox's word on the first session: whether it is open.
fn is_open(tenant: &Tenant) -> bool {
    tenant.sessions()[0]["state"] != "closed"
}

#[tokio::test]
async fn whoever_has_the_token_ends_the_session_itself() {
    let tenant = Tenant::new().await;
    let openings = tenant.openings(Some("Hello"));
    let opening = opening("a");
    let first = opened(&openings, &opening).await;
    let conversation = first.session_id.as_str();
    let own = OwnEnd::new(openings.clone(), opening.key);
    assert_eq!(state(&own, conversation).await, "active");

    // The guest is another one's: nothing is ended.
    assert_eq!(state(&own, "another").await, "another_session");
    let refused = own.end(&ending("another", true)).await.unwrap_err();
    assert!(matches!(refused.kind(), ErrorKind::Unsendable { .. }), "{refused}");
    assert!(!refused.may_have_been_processed() && is_open(&tenant));

    assert_eq!(own.end(&ending(conversation, true)).await.unwrap(), EndReply::Done);
    assert!(!is_open(&tenant));
    assert_eq!(state(&own, conversation).await, "closed");
    let again = own.end(&ending(conversation, true)).await.unwrap();
    assert_eq!(again, EndReply::Missing { after_lost_reply: false });
    assert!(!format!("{own:?}").contains(&opening.key.to_string()), "the token is nobody's to see");
    tenant.running.stop().await;
}

#[tokio::test]
async fn a_token_of_no_session_leaves_none_behind() {
    let tenant = Tenant::new().await;
    let own = OwnEnd::new(tenant.openings(None), Uuid::from_u128(99));
    assert_eq!(state(&own, "c-1").await, "not_found");
    // The session that asking made was closed again: it can only be read.
    assert_eq!(state(&own, "c-1").await, "closed");
    assert!(tenant.sessions().is_empty());
    tenant.running.stop().await;
}

#[tokio::test]
async fn data_to_be_forgotten_is_cleared_where_the_deployment_does_that() {
    for (clears, told) in [(true, "was cleared"), (false, "clears no conversations")] {
        let tenant = Tenant::new().await;
        tenant.door("POST", "deployment", &json!({"conversation_clear": clears}));
        let openings = tenant.openings(Some("Hello"));
        let first = opened(&openings, &opening("a")).await;
        let own = OwnEnd::new(openings, opening("a").key);
        let reply = own.end(&ending(first.session_id.as_str(), false)).await.unwrap();
        let EndReply::DoneKeeping { what } = reply else { panic!("{reply:?}") };
        assert!(what.contains(told) && what.contains("keeps the messages"), "{what}");
        assert!(!is_open(&tenant), "{clears}");
        tenant.running.stop().await;
    }
}

/// The answer to the end is lost, or the end never came to the platform.
#[tokio::test]
async fn an_end_whose_answer_is_lost_is_looked_for() {
    for (action, retain) in [("closeSession", true), ("onMessage", false)] {
        for (then, is_done) in [(json!({"cut": "before_head"}), true), (json!({"unheard": "cut"}), false)] {
            let tenant = Tenant::new().await;
            let openings = tenant.openings(Some("Hello"));
            let first = opened(&openings, &opening("a")).await;
            let rule = json!({"rules": [{"when": {"path": action, "nth": 1}, "then": then}]});
            tenant.door("POST", "faults", &rule);
            let own = OwnEnd::new(openings, opening("a").key);
            let reply = own.end(&ending(first.session_id.as_str(), retain)).await;
            assert_eq!(reply.is_ok(), is_done, "{action} {then}: {reply:?}");
            assert_eq!(is_open(&tenant), !is_done, "{action} {then}");
            if let Err(error) = reply {
                assert!(error.may_have_been_processed(), "{action} {then}: {error}");
            }
            tenant.running.stop().await;
        }
    }
}
