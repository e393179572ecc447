//! Keys of webhooks: what they verify, how they are changed, and who delivers with them.

use frontdesk_sandbox::{Config, GuestPlan};
use serde_json::{Value, json};

use super::callback::until;
use super::caller::{Key, Listening, seconds};
use super::desk::Desk;
use super::scene::Scene;
use super::telling::{RECEIVER, drained, ended_are_told};
use super::tenant::{Tenant, small};
use super::webhooks::end;
use super::{Scenario, files};
use crate::Outcome;

/// How long a replaced key signs beside the new one, and a bit more.
const ROTATED_SECONDS: u64 = 24 * 3_600 + 60;

pub(super) fn scenarios() -> Vec<Scenario> {
    vec![
        Scenario::new("webhooks: verify tells what was signed from what was not, and why", verify),
        Scenario::new("webhooks: a rotated key signs at once, the old one a day longer", rotate),
        Scenario::new("webhooks: serve delivers what commands stored, and goes on after enable", serve),
    ]
}

/// The files of a webhook that was received.
struct Saved<'s> {
    desk: Desk<'s>,
    key: String,
}

impl Saved<'_> {
    fn path(&self, name: &str) -> String {
        self.desk.scene.hidden(name).display().to_string()
    }

    /// Whether this is what was signed, and why not; with the exit code that says the same.
    fn valid(&self, fields: &[(&str, String)], body: &[u8], more: &[&str]) -> Result<(bool, String), String> {
        let text: String = fields.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        files::write_private(&self.desk.scene.hidden("headers.txt"), text.as_bytes())?;
        files::write_private(&self.desk.scene.hidden("body"), body)?;
        let (headers, body) = (self.path("headers.txt"), self.path("body"));
        let verify = ["webhook", "verify", "--key-file", &self.key, "--headers", &headers, "--body", &body];
        let run = self.desk.json(&[&verify, more].concat())?;
        let answer = run.last()?;
        let valid = answer["valid"] == true;
        ensure!(run.exit == Some(if valid { 0 } else { 6 }), "{}", run.wrong("the exit says something else"));
        Ok((valid, answer["why"].as_str().unwrap_or_default().to_owned()))
    }
}

fn verify(scene: &Scene<'_>) -> Outcome {
    let key = Key::new(scene);
    let file = Key::file(scene, "hook.key", &[&key])?;
    let saved = Saved { desk: scene.desk("data"), key: file };
    let body: &[u8] = "{\"event\":\"session.terminated\",\"guest_id\":\"gäst\"}".as_bytes();
    let now = seconds();
    let good = key.fields("msg_1", now, body)?;
    ensure!(saved.valid(&good, body, &[])? == (true, String::new()), "what was signed is not valid");
    // As a proxy may write them.
    let mut shouted = good.to_vec();
    shouted[0].0 = "WEBHOOK-ID";
    ensure!(saved.valid(&shouted, body, &[])?.0, "the case of a header's name matters");
    // Ours among signatures of other kinds, and those of other kinds alone.
    let beside = |signature: String| [good[0].clone(), good[1].clone(), (good[2].0, signature)];
    ensure!(saved.valid(&beside(format!("v1a,AAAA {} v2,x", good[2].1)), body, &[])?.0, "v1 beside others");
    let stranger = Key::new(scene).fields("msg_1", now, body)?;
    let without: Vec<_> = good[..2].to_vec();
    let twice = [&good[..], &good[..1]].concat();
    let old = key.fields("msg_1", now - 4_000, body)?;
    let early = key.fields("msg_1", now + 4_000, body)?;
    let garbled = [good[0].clone(), (good[1].0, "yesterday".into()), good[2].clone()];
    for (what, fields, changed, why) in [
        ("another body", &good[..], &b"{}"[..], "no signature fits"),
        ("another key", &stranger, body, "no signature fits"),
        ("v1a alone", &beside(good[2].1.replace("v1,", "v1a,")), body, "no signature fits"),
        ("no signature", &without, body, "there is no header webhook-signature"),
        ("an id twice", &twice, body, "the header webhook-id is there twice"),
        ("too old", &old, body, "older than five minutes"),
        ("too early", &early, body, "more than five minutes ahead"),
        ("no time", &garbled, body, "no number of seconds"),
    ] {
        let (valid, said) = saved.valid(fields, changed, &[])?;
        ensure!(!valid && said.contains(why), "{what}: {said:?}");
    }
    // It was received then, says whoever kept it.
    ensure!(
        saved.valid(&key.fields("msg_1", 1_740_823_200, body)?, body, &["--at", "2025-03-01T10:00:00Z"])?.0,
        "--at"
    );
    // From a pipe, in words, and without the key in any of them.
    saved.valid(&good, body, &[])?;
    let script = format!(
        "cat '{}' | \"$FRONTDESK\" -vvv webhook verify --key-file '{}' --headers '{}' --body - 2>&1",
        saved.path("body"),
        saved.key,
        saved.path("headers.txt")
    );
    let said = saved.desk.shell(&script)?;
    ensure!(said.contains("msg_1 is what was signed") && !said.contains(&key.text()[6..]), "{said}");
    // Keys that cannot be used are refused, and not repeated.
    for (name, text, why) in [
        ("public.key", key.text().replace("whsec_", "whpk_"), "v1a"),
        ("bare.key", key.text().replace("whsec_", ""), "begins with whsec_"),
        ("short.key", "whsec_AAAA".to_owned(), "24 to 64 bytes"),
    ] {
        files::write_private(&scene.hidden(name), text.as_bytes())?;
        let (path, other) = (saved.path(name), saved.path("headers.txt"));
        let verify = ["webhook", "verify", "--key-file", &path, "--headers", &other, "--body", &other];
        let run = saved.desk.json(&verify)?.exits(2)?.says(&[why])?;
        ensure!(!run.stderr.contains(&key.text()[6..]), "{}", run.wrong("the key is repeated"));
    }
    Ok(())
}

/// A tenant of active guests, and a desk that tells of those it ends.
fn opened<'s, 'h>(scene: &'s Scene<'h>) -> Result<(Tenant<'h>, Desk<'s>), String> {
    let guest_plan = GuestPlan { active: 1.0, ..GuestPlan::default() };
    let tenant = scene.tenant(Config { guests: 6, guest_plan, ..small(scene) })?;
    let desk = scene.desk("data").connected(&tenant).tells(&tenant, "session.terminated")?;
    Ok((tenant, desk))
}

fn endpoint(desk: &Desk<'_>) -> Result<Value, String> {
    desk.json(&["webhook", "endpoints", "list"])?.exits(0)?.last()
}

fn id(endpoint: &Value) -> Result<&str, String> {
    endpoint["id"].as_str().ok_or_else(|| format!("an endpoint without an id: {endpoint}"))
}

fn rotate(scene: &Scene<'_>) -> Outcome {
    let (tenant, desk) = opened(scene)?;
    let guests = tenant.guests()?;
    let read = |name: &str| -> Result<String, String> {
        Ok(String::from_utf8_lossy(&files::read(&scene.hidden(name))?).trim().to_owned())
    };
    let old = read(&format!("{RECEIVER}.key"))?;
    let listed = endpoint(&desk)?;
    let id = id(&listed)?;
    // The key is made where there is none, for its owner alone.
    let file = scene.hidden("new.key").display().to_string();
    let run = desk.json(&["webhook", "endpoints", "rotate", id, "--key-file", &file])?.exits(0)?;
    ensure!(run.last()? == json!({"id": id, "done": "rotated"}), "{}", run.wrong("it says something else"));
    let new = read("new.key")?;
    ensure!(new != old && new.starts_with("whsec_"), "the key is not new");
    let mode = desk.shell(&format!("stat -c %a '{file}'"))?;
    ensure!(mode.trim() == "600", "the key's file is {mode}");
    // A key that signs already is none to change to, neither the new one nor the one that is replaced.
    for known in [&file, &scene.hidden(&format!("{RECEIVER}.key")).display().to_string()] {
        desk.json(&["webhook", "endpoints", "rotate", id, "--key-file", known])?
            .exits(2)?
            .says(&["signs with this key already"])?;
    }
    let knows = |key: &str| tenant.plan_receiver(RECEIVER, &json!({"secrets": [key]}));
    // A receiver that knows either accepts what comes, until the day is over.
    let mut ended = std::collections::BTreeMap::new();
    for (key, guest) in [&old, &new].into_iter().zip(&guests) {
        knows(key)?;
        ended.extend(end(&desk, &guest.id)?);
        drained(&desk, &tenant)?;
    }
    let refused = |tenant: &Tenant<'_>| -> Result<usize, String> {
        Ok(tenant.received(RECEIVER)?.iter().filter(|one| one.signed == Some(false)).count())
    };
    ensure!(refused(&tenant)? == 0, "a delivery was refused while both keys are good");
    tenant.advance_clock(ROTATED_SECONDS)?;
    knows(&old)?;
    ended.extend(end(&desk, &guests[2].id)?);
    ensure!(refused(&tenant)? == 1, "the old key still signs after a day");
    knows(&new)?;
    drained(&desk, &tenant)?;
    let told = tenant.received(RECEIVER)?.iter().filter(|one| one.was_taken()).count();
    ensure!(told == 3 && ended.len() == 3, "{told} of 3 events were taken");
    // Nobody's endpoint, and a key that others can read.
    for change in [&["rotate", "ep_nobody", "--key-file", &file][..], &["enable", "ep_nobody"]] {
        desk.json(&[&["webhook", "endpoints"], change].concat())?
            .exits(2)?
            .says(&["there is no endpoint"])?;
    }
    desk.shell(&format!("chmod 644 '{file}'"))?;
    let run = desk.json(&["webhook", "endpoints", "rotate", id, "--key-file", &file])?.exits(2)?;
    ensure!(!run.stderr.contains(&new[6..]), "{}", run.wrong("the key is repeated"));
    // The audit log knows that it was changed, and neither key.
    let log = desk.json(&["audit", "tail", "--lines", "1000"])?.exits(0)?;
    let text = String::from_utf8_lossy(&log.stdout).into_owned();
    ensure!(text.contains("secret_rotated"), "{}", log.wrong("the change is not in the audit log"));
    ensure!(!text.contains(&new[6..]) && !text.contains(&old[6..]), "a key is in the audit log");
    Ok(())
}

fn serve(scene: &Scene<'_>) -> Outcome {
    let (tenant, desk) = opened(scene)?;
    let guests = tenant.guests()?;
    let does = |status: u16| {
        let effect = json!({"status": {"status": status}});
        tenant.plan_receiver(RECEIVER, &json!({"faults": {"rules": [{"then": effect}]}}))
    };
    let well = || tenant.plan_receiver(RECEIVER, &json!({}));
    let taken = || -> Result<usize, String> {
        Ok(tenant.received(RECEIVER)?.iter().filter(|one| one.was_taken()).count())
    };
    does(503)?;
    let mut ended = end(&desk, &guests[0].id)?;
    // Stored by a command that could not deliver it, before `serve` began and while it runs.
    let serving = Listening::of(desk.start(&["--json", "serve", "--addr", "127.0.0.1:0"])?)?;
    ended.extend(end(&desk, &guests[1].id)?);
    well()?;
    until("serve delivers both", || {
        tenant.advance_clock(60)?;
        Ok(taken()? == 2)
    })?;
    // Gone, and taken into service again while it runs.
    does(410)?;
    ended.extend(end(&desk, &guests[2].id)?);
    until("the endpoint is out of service", || Ok(endpoint(&desk)?["disabled"].is_string()))?;
    well()?;
    let listed = endpoint(&desk)?;
    let run = desk.json(&["webhook", "endpoints", "enable", id(&listed)?])?.exits(0)?;
    ensure!(run.last()?["done"] == "enabled", "{}", run.wrong("it says something else"));
    ensure!(endpoint(&desk)?["disabled"].is_null(), "it is still out of service");
    desk.json(&["webhook", "replay", "msg_unknown"])?
        .exits(2)?
        .says(&["msg_unknown", "nothing was replayed"])?;
    desk.json(&["webhook", "replay", "--state", "dead"])?.exits(0)?;
    until("serve delivers what was given up", || Ok(taken()? == 3))?;
    // Enabled twice is enabled.
    desk.json(&["webhook", "endpoints", "enable", id(&listed)?])?.exits(0)?;
    serving.stop()?;
    ended_are_told(&tenant, &ended)
}
