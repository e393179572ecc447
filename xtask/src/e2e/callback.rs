//! Callbacks from the platform (row R47): each is one event at the CRM, however often it comes and whatever dies, and
//! whatever the CRM does.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::Scenario;
use super::caller::{Caller, Key, Listening, request, seconds};
use super::desk::Desk;
use super::files;
use super::random::Random;
use super::scene::Scene;
use super::telling::RECEIVER;
use super::tenant::{Tenant, small};
use crate::Outcome;

/// Callbacks that are sent in all, and how many different ones they are.
const SENT: u64 = 10_000;
const DIFFERENT: u64 = 60;
/// How often the listener is killed meanwhile.
const KILLS: u64 = 3;
const CALLERS: u64 = 4;
/// What takes longer does not come to be.
const HANGS_AFTER: Duration = Duration::from_secs(60);

pub(super) fn scenarios() -> Vec<Scenario> {
    vec![
        Scenario::new(
            "callbacks: 10,000 of which most are replays, over kill -9, are one event each",
            replays,
        ),
        Scenario::new("callbacks: a CRM that is down delays, one that is gone waits, nothing is lost", crm),
        Scenario::new(
            "callbacks: without a CRM nobody listens, and serve listens beside the archive",
            settings,
        ),
    ]
}

/// A desk whose CRM is the tenant's receiver, with a key of its own.
pub(super) fn told<'s>(scene: &'s Scene<'_>, tenant: &Tenant<'_>) -> Result<Desk<'s>, String> {
    let key = Key::new(scene);
    tenant.plan_receiver(RECEIVER, &json!({"secrets": [key.text()]}))?;
    let file = Key::file(scene, "crm.key", &[&key])?;
    Ok(scene
        .desk("data")
        .with("FRONTDESK_LOCAL_ADDRESSES", "allow")
        .with("FRONTDESK_CRM_KEY_FILE", &file)
        .with("CRM_SYNC_ENDPOINT", &tenant.receiver(RECEIVER)))
}

/// The same, with callbacks that must be signed.
pub(super) fn signed<'s>(scene: &'s Scene<'_>, tenant: &Tenant<'_>, key: &Key) -> Result<Desk<'s>, String> {
    let file = Key::file(scene, "callback.key", &[key])?;
    Ok(told(scene, tenant)?.with("FRONTDESK_CALLBACK_KEY_FILE", &file))
}

pub(super) fn body(conversation: &str) -> Vec<u8> {
    json!({"conversationId": conversation, "attributes": {"source": "web_portal"}}).to_string().into_bytes()
}

/// Conversations that the CRM was told of, by the ids under which it was.
pub(super) fn sessions(tenant: &Tenant<'_>) -> Result<BTreeMap<String, BTreeSet<String>>, String> {
    let mut ids: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for received in tenant.received(RECEIVER)?.into_iter().filter(|one| one.was_taken()) {
        ensure!(received.signed != Some(false), "the CRM was told with a signature that is none");
        let event: Value =
            serde_json::from_str(&received.body).map_err(|error| format!("an event is no JSON: {error}"))?;
        let fields: BTreeSet<&str> =
            event.as_object().into_iter().flatten().map(|(name, _)| name.as_str()).collect();
        let contract = BTreeSet::from(["genesys_session_id", "event_type", "timestamp", "metadata"]);
        ensure!(fields == contract && event["event_type"] == "session.created", "{event}");
        let session = event["genesys_session_id"].as_str().ok_or("an event without a session")?;
        ids.entry(session.to_owned()).or_default().insert(received.id.unwrap_or_default());
    }
    Ok(ids)
}

/// Waits until something is so.
pub(super) fn until(what: &str, mut is_so: impl FnMut() -> Result<bool, String>) -> Outcome {
    let began = Instant::now();
    while !is_so()? {
        ensure!(began.elapsed() < HANGS_AFTER, "{what} did not come to be");
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}

fn replays(scene: &Scene<'_>) -> Outcome {
    let tenant = scene.tenant(small(scene))?;
    let key = Key::new(scene);
    let desk = signed(scene, &tenant, &key)?;
    let sent = AtomicU64::new(0);
    let repeated = AtomicU64::new(0);
    let acknowledged: Mutex<BTreeSet<u64>> = Mutex::default();
    for round in 0..=KILLS {
        let listening = Listening::start(&desk, &[])?;
        let goal = if round == KILLS {
            SENT
        } else {
            let share = SENT / (KILLS + 1);
            round * share + share / 4 + scene.random().below(share / 2)
        };
        let address = listening.address.clone();
        let calls = |seed: u64| -> Outcome {
            let mut random = Random::new(seed, "callbacks");
            let mut caller = Caller::new(&address)?;
            let at = seconds();
            while round < KILLS || sent.load(Ordering::Relaxed) < goal {
                let which = random.below(DIFFERENT);
                let body = body(&format!("c-{which}"));
                let fields = key.fields(&format!("msg-{which}"), at, &body)?;
                let answer = match caller.send(&request(&fields, &body)) {
                    Ok(answer) => answer,
                    // It was killed, with this one on its way.
                    Err(_) if round < KILLS => return Ok(()),
                    Err(error) => return Err(error),
                };
                ensure!(answer.status == 200, "a good callback: {}", answer.head);
                sent.fetch_add(1, Ordering::Relaxed);
                let is_new = acknowledged.lock().unwrap_or_else(PoisonError::into_inner).insert(which);
                repeated.fetch_add(u64::from(!is_new), Ordering::Relaxed);
            }
            Ok(())
        };
        let seeds: Vec<u64> = (0..CALLERS).map(|_| scene.seed()).collect();
        std::thread::scope(|scope| {
            let calling: Vec<_> = seeds.iter().map(|seed| scope.spawn(|| calls(*seed))).collect();
            if round < KILLS {
                until("so many callbacks", || Ok(sent.load(Ordering::Relaxed) >= goal))?;
                listening.kill()?;
            } else {
                until("all callbacks", || Ok(calling.iter().all(|caller| caller.is_finished())))?;
                listening.stop()?;
            }
            calling
                .into_iter()
                .try_for_each(|caller| caller.join().unwrap_or_else(|_| Err("a caller panicked".into())))
        })?;
    }
    desk.run(&["webhook", "drain", "--until-empty", "--for", "60s"])?.exits(0)?;
    let acknowledged = acknowledged.into_inner().unwrap_or_default();
    let sessions = sessions(&tenant)?;
    ensure!(repeated.into_inner() > SENT / 2, "hardly anything was a replay");
    let expected: BTreeSet<String> = acknowledged.iter().map(|which| format!("c-{which}")).collect();
    let told: BTreeSet<String> = sessions.keys().cloned().collect();
    ensure!(told == expected, "{} were acknowledged, and the CRM knows {}", expected.len(), told.len());
    let twice = sessions.iter().find(|(_, ids)| ids.len() != 1);
    ensure!(twice.is_none(), "a callback is two events: {twice:?}");
    let stored = desk.counted("delivered")? + desk.counted("pending")? + desk.counted("dead")?;
    ensure!(stored == expected.len() as u64, "{stored} events are stored for {} callbacks", expected.len());
    Ok(())
}

fn crm(scene: &Scene<'_>) -> Outcome {
    let tenant = scene.tenant(small(scene))?;
    let desk = told(scene, &tenant)?.with("FRONTDESK_TEST_CLOCK", &tenant.base_url);
    let does = |status: u16| {
        tenant.plan_receiver(
            RECEIVER,
            &json!({"faults": {"rules": [{"then": {"status": {"status": status}}}]}}),
        )
    };
    let well = || tenant.plan_receiver(RECEIVER, &json!({}));
    let post = |listening: &Listening<'_>, id: &str| -> Result<u16, String> {
        let fields = [("webhook-id", id.to_owned())];
        Ok(listening.call(&request(&fields, &body(id)))?.status)
    };
    let knows = |id: &str| Ok::<_, String>(sessions(&tenant)?.contains_key(id));

    does(503)?;
    let listening = Listening::start(&desk, &[])?;
    ensure!(post(&listening, "m-1")? == 200, "stored is taken, whatever the CRM says");
    until("an attempt", || Ok(!tenant.received(RECEIVER)?.is_empty()))?;
    well()?;
    until("the CRM knows it", || {
        tenant.advance_clock(60)?;
        knows("m-1")
    })?;
    listening.stop()?;

    // Whoever wants to know before the answer is told; the event is there all the same.
    let listening =
        Listening::start(&desk.clone().with("FRONTDESK_CALLBACK_RESPOND", "after_delivery"), &[])?;
    ensure!(post(&listening, "m-2")? == 200, "the CRM is well");
    ensure!(knows("m-2")?, "it was answered before the CRM knew it");
    does(503)?;
    ensure!(post(&listening, "m-3")? == 502, "the CRM refuses");
    well()?;
    until("a repetition hears that it was taken", || {
        tenant.advance_clock(60)?;
        Ok(post(&listening, "m-3")? == 200)
    })?;

    // Gone: what comes waits until somebody takes the CRM into service again.
    does(410)?;
    ensure!(post(&listening, "m-4")? == 502, "the CRM is gone");
    ensure!(post(&listening, "m-5")? == 502, "the CRM is still gone");
    well()?;
    desk.json(&["webhook", "endpoints", "enable", "ep_crm"])?.exits(0)?;
    desk.json(&["webhook", "replay", "--state", "dead"])?.exits(0)?;
    until("what came meanwhile is known", || Ok(knows("m-4")? && knows("m-5")?))?;
    // Removed: it is added again, and what was refused meanwhile may come again.
    desk.json(&["webhook", "endpoints", "remove", "ep_crm", "--yes"])?.exits(0)?;
    until("the listener has its CRM again", || Ok(post(&listening, "m-6")? == 200))?;
    listening.stop()?;
    let sessions = sessions(&tenant)?;
    ensure!(sessions.len() == 6 && sessions.values().all(|ids| ids.len() == 1), "{sessions:?}");
    Ok(())
}

fn settings(scene: &Scene<'_>) -> Outcome {
    let tenant = scene.tenant(small(scene))?;
    let key = Key::new(scene);
    let file = Key::file(scene, "callback.key", &[&key, &Key::new(scene)])?;
    let nothing = scene.desk("data");
    let listen = ["webhook", "listen", "--addr", "127.0.0.1:0"];
    nothing.json(&listen)?.exits(2)?.says(&["crm_endpoint", "FRONTDESK_CRM_ENDPOINT"])?;
    let keyed = nothing.clone().with("FRONTDESK_CALLBACK_KEY_FILE", &file);
    keyed.json(&["serve", "--addr", "127.0.0.1:0"])?.exits(2)?.says(&["crm_endpoint"])?;
    let desk = told(scene, &tenant)?;
    desk.clone().without("FRONTDESK_LOCAL_ADDRESSES").json(&listen)?.exits(2)?.says(&["crm_endpoint"])?;
    let odd = desk.clone().with("FRONTDESK_CALLBACK_RESPOND", "never");
    odd.json(&listen)?.exits(2)?.says(&["after_storing"])?;
    // Other machines only where signatures are asked for, and never the archive.
    let everywhere = ["webhook", "listen", "--addr", "0.0.0.0:0"];
    let run = desk.json(&everywhere)?.exits(2)?;
    ensure!(
        run.error().unwrap_or_default()["kind"] == "not_loopback",
        "{}",
        run.wrong("the reason is missing")
    );
    let signed = desk.clone().with("FRONTDESK_CALLBACK_KEY_FILE", &file);
    signed.json(&["serve", "--addr", "0.0.0.0:0"])?.exits(2)?.says(&["TLS"])?;
    let open = Listening::of(signed.start(&[&["--json"], &everywhere[..]].concat())?)?;
    open.stop()?;
    // A key that others can read, and one of a kind that is not supported.
    let exposed = scene.hidden("exposed.key");
    files::write(&exposed, key.text().as_bytes())?;
    desk.shell(&format!("chmod 644 '{}'", exposed.display()))?;
    let exposed = exposed.display().to_string();
    desk.clone()
        .with("FRONTDESK_CALLBACK_KEY_FILE", &exposed)
        .json(&listen)?
        .exits(2)?
        .says(&["chmod 600"])?;
    let public = scene.hidden("public.key");
    files::write_private(&public, key.text().replace("whsec_", "whpk_").as_bytes())?;
    let public = public.display().to_string();
    desk.clone()
        .with("FRONTDESK_CALLBACK_KEY_FILE", &public)
        .json(&listen)?
        .exits(2)?
        .says(&["v1a", "not supported"])?;

    // `serve` listens, and searches: neither takes anything from the other.
    let serving = Listening::of(signed.start(&["--json", "serve", "--addr", "127.0.0.1:0"])?)?;
    let body = body("c-served");
    let answer = serving.call(&request(&key.fields("msg-1", seconds(), &body)?, &body))?;
    ensure!(answer.status == 200, "{}", answer.head);
    ensure!(serving.call(&request(&[], &body))?.status == 401, "an unsigned callback was taken");
    until("the CRM knows it", || Ok(sessions(&tenant)?.contains_key("c-served")))?;
    let mut caller = Caller::new(&serving.address)?;
    let health = caller.send(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")?;
    ensure!(health.status == 200, "{}", health.head);
    serving.stop()?;
    // Without a CRM it does not listen.
    let serving = Listening::of(nothing.start(&["--json", "serve", "--addr", "127.0.0.1:0"])?)?;
    ensure!(serving.call(&request(&[], &body))?.status == 404, "serve listens without a CRM");
    serving.stop()?;
    Ok(())
}
