//! What is no callback (row R47): forged, skewed, doubled, written anew, cut, slow, too large, no JSON. None of it is stored.

use super::Scenario;
use super::callback::{body, sessions, signed, until};
use super::caller::{Caller, Key, Listening, request, seconds};
use super::scene::Scene;
use super::tenant::small;
use crate::Outcome;

/// Forgeries that differ in one byte from what was signed.
const FORGERIES: u64 = 60;

pub(super) fn scenarios() -> Vec<Scenario> {
    vec![Scenario::new(
        "callbacks: what is forged, cut, slow or none at all is refused and not stored",
        refused,
    )]
}

/// A request, and the status it must be answered with.
type Case = (String, Vec<u8>, u16);

/// What is not signed as it should be, drawn.
fn forgeries(scene: &Scene<'_>, key: &Key) -> Result<Vec<Case>, String> {
    let body = body("c-forged");
    let stranger = Key::new(scene);
    let now = seconds();
    let good = key.fields("msg-forged", now, &body)?;
    let mut cases: Vec<Case> = Vec::new();
    let mut add = |what: &str, fields: &[(&str, String)], body: &[u8]| {
        cases.push((what.to_owned(), request(fields, body), 401));
    };
    add("unsigned", &[], &body);
    add("another key", &stranger.fields("msg-forged", now, &body)?, &body);
    // A minute and a second more than five minutes: the clock goes on while this is sent.
    add("too old", &key.fields("msg-forged", now - 361, &body)?, &body);
    add("from tomorrow", &key.fields("msg-forged", now + 361, &body)?, &body);
    add("written anew", &good, &[b" ", &body[..]].concat());
    add("without a body", &good, b"");
    add("only a v1a signature", &[good[0].clone(), good[1].clone(), v1a(&good[2])], &body);
    for index in 0..good.len() {
        let mut without = good.to_vec();
        let field = without.remove(index);
        add(&format!("without {}", field.0), &without, &body);
        for copy in [field.1.clone(), "x".to_owned()] {
            let copy = (field.0, copy);
            add(&format!("{} twice", field.0), &[&good[..], std::slice::from_ref(&copy)].concat(), &body);
            add(&format!("{} twice, the copy first", field.0), &[&[copy], &good[..]].concat(), &body);
        }
    }
    for _ in 0..FORGERIES {
        let mut random = scene.random();
        let which = random.index(4);
        let (mut fields, mut changed) = (good.clone(), body.clone());
        if which < 3 {
            let text = &mut fields[which].1;
            // The last digits of Base64 may not matter; they are canonical or refused, which `domain` tests.
            let at = random.index(text.len() - 2);
            let old = text.as_bytes()[at];
            let new = if old.is_ascii_digit() { "0123456789" } else { "abcdefghij" };
            let new = new.bytes().filter(|byte| *byte != old).nth(random.index(9)).unwrap_or(b'x');
            text.replace_range(at..=at, &char::from(new).to_string());
        } else {
            let at = random.index(changed.len());
            changed[at] ^= 1 << random.index(7);
        }
        add("one byte changed", &fields, &changed);
    }
    Ok(cases)
}

fn v1a((name, value): &(&'static str, String)) -> (&'static str, String) {
    (*name, value.replace("v1,", "v1a,"))
}

/// What is signed, and no callback.
fn misfits(key: &Key) -> Result<Vec<Case>, String> {
    let mut cases: Vec<Case> = Vec::new();
    for body in
        ["", "x", "[]", r#"["c",{}]"#, "7", "{}", r#"{"conversationId":7}"#, r#"{"conversationId":""}"#]
    {
        let fields = key.fields("msg-misfit", seconds(), body.as_bytes())?;
        cases.push((format!("the body {body:?}"), request(&fields, body.as_bytes()), 400));
    }
    for mib in [2, 10] {
        let large = vec![b'x'; mib << 20];
        cases.push((
            format!("{mib} MiB"),
            request(&key.fields("msg-large", seconds(), &large)?, &large),
            413,
        ));
    }
    for method in ["GET", "HEAD", "PUT", "DELETE", "OPTIONS"] {
        let head = format!("{method} /webhook/callback HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        cases.push((method.to_owned(), head.into_bytes(), 405));
    }
    let body = body("c-page");
    let mut fields = key.fields("msg-page", seconds(), &body)?.to_vec();
    fields.push(("Origin", "https://evil.example".to_owned()));
    cases.push(("a page's".to_owned(), request(&fields, &body), 403));
    Ok(cases)
}

fn refused(scene: &Scene<'_>) -> Outcome {
    let tenant = scene.tenant(small(scene))?;
    let key = Key::new(scene);
    let desk = signed(scene, &tenant, &key)?;
    let listening = Listening::start(&desk, &[])?;
    let whole = body("c-slow");
    let slow = request(&key.fields("msg-slow", seconds(), &whole)?, &whole);
    let mut waiting = Caller::new(&listening.address)?;
    // Nothing comes of this one while the others are tried.
    let late = std::thread::scope(|scope| -> Result<u16, String> {
        let late = scope.spawn(move || waiting.send(&slow[..slow.len() - 1]).map(|answer| answer.status));
        for (what, request, status) in forgeries(scene, &key)?.into_iter().chain(misfits(&key)?) {
            let answer = listening.call(&request).map_err(|error| format!("{what}: {error}"))?;
            ensure!(answer.status == status, "{what}: {status} was expected\n{}", answer.head);
            let is_silent = answer.body.is_empty() && !answer.head.contains("\r\ncontent-type:");
            ensure!(is_silent == (status == 401) || what == "HEAD", "{what}: {answer:?}");
            ensure!((status == 405) == answer.head.contains("allow: post"), "{what}: {}", answer.head);
        }
        late.join().unwrap_or_else(|_| Err("the slow caller panicked".into()))
    })?;
    ensure!(late == 408, "a body that does not come: {late}");
    // One that breaks off.
    let mut cut = Caller::new(&listening.address)?;
    let half = request(&key.fields("msg-cut", seconds(), &whole)?, &whole);
    cut.ends().and_then(|()| cut.send(&half[..half.len() / 2])).map_or(Ok(()), |answer| {
        ensure!(answer.status != 200, "half a callback was taken");
        Ok::<(), String>(())
    })?;
    let stored = desk.counted("pending")? + desk.counted("delivered")?;
    ensure!(stored == 0, "{stored} of what was refused are stored");
    // The listener is well, and takes the first good one.
    let good = listening.call(&request(&key.fields("msg-good", seconds(), &whole)?, &whole))?;
    ensure!(good.status == 200, "{}", good.head);
    until("the only event", || Ok(sessions(&tenant)?.len() == 1))?;
    listening.stop()?;
    Ok(())
}
