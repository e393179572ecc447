//! The console and the HTTP API by the binary: tokens and roles, TLS, a proxy in front, a newcomer's first look.

use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::desk::Desk;
use super::scene::Scene;
use super::serve::{Answer, Served, conversations, exchange};
use super::{Scenario, files};
use crate::{Outcome, cargo};

pub(super) fn scenarios() -> Vec<Scenario> {
    vec![
        Scenario::new("console: tokens let in by their roles until they are revoked", tokens),
        Scenario::new("console: a browser logs in, and only its own pages change something", log_in),
        Scenario::new("console: TLS of its own, for others and nobody else", tls),
        Scenario::new("console: a proxy with TLS in front", behind_a_proxy),
        Scenario::new("console: a newcomer sees every screen alive", demo),
        Scenario::new("console: what is asked ends in no log as it came", logs),
    ]
}

/// A change of the tokens counts within a second; what takes longer than this never comes.
const HEARD_OF_WITHIN: Duration = Duration::from_secs(20);

/// A token that was made, and its id.
fn token(desk: &Desk<'_>, name: &str, role: &str, more: &[&str]) -> Result<(String, String), String> {
    let made = desk
        .json(&[&["token", "create", "--name", name, "--role", role], more].concat())?
        .exits(0)?
        .last()?;
    let text =
        |member: &str| made[member].as_str().map(str::to_owned).ok_or(format!("no {member} in {made}"));
    Ok((text("token")?, text("id")?))
}

/// A request with header lines, and a body where it has one.
fn ask(served: &Served<'_>, what: &str, fields: &str, body: &str) -> Result<Answer, String> {
    let length = if body.is_empty() { String::new() } else { format!("Content-Length: {}\r\n", body.len()) };
    let host = &served.address;
    exchange(host, format!("{what} HTTP/1.0\r\nHost: {host}\r\n{fields}{length}\r\n{body}").as_bytes())
}

fn bearer(token: &str) -> String {
    format!("Authorization: Bearer {token}\r\n")
}

fn until(what: &str, is_so: impl Fn() -> Result<bool, String>) -> Outcome {
    let began = Instant::now();
    while !is_so()? {
        ensure!(began.elapsed() < HEARD_OF_WITHIN, "{what} did not come to be");
        std::thread::sleep(Duration::from_millis(50));
    }
    Ok(())
}

fn tokens(scene: &Scene<'_>) -> Outcome {
    let desk = scene.desk("data");
    conversations(scene, &desk)?;
    let served = Served::with(&desk, &["--tokens", "--addr", "127.0.0.1:0"])?;
    let get = |path: &str, token: &str| {
        Ok::<_, String>(ask(&served, &format!("GET {path}"), &bearer(token), "")?.status)
    };
    ensure!(served.get("/api/v1/runs")?.status == 401, "nobody was asked for a token");
    ensure!(served.get("/healthz")?.status == 200, "who watches it needs a token");
    for (role, audit, replay) in
        [("viewer", 404, 404), ("auditor", 200, 404), ("operator", 200, 200), ("admin", 200, 200)]
    {
        let (token, _) = token(&desk, role, role, &[])?;
        until("a token that was made while it runs", || Ok(get("/api/v1/runs", &token)? == 200))?;
        ensure!(get("/api/v1/audit", &token)? == audit, "{role} and the audit log");
        ensure!(get("/api/v1/nothing", &token)? == 404, "{role} and what is not there");
        let fields = bearer(&token) + "Content-Type: application/json\r\n";
        let asked = ask(
            &served,
            "POST /api/v1/webhooks/deliveries/replay",
            &fields,
            r#"{"state":"dead","dry_run":true}"#,
        )?;
        ensure!(asked.status == replay, "{role} and a replay: {}", asked.head);
    }
    let (secret, id) = token(&desk, "anna", "viewer", &[])?;
    until("another", || Ok(get("/api/v1/runs", &secret)? == 200))?;
    desk.json(&["token", "create", "--name", "x", "--role", "king"])?.exits(2)?;
    desk.json(&["token", "revoke", "0000000000000000"])?.exits(2)?;

    // What is kept is for the owner alone, and none of it lets in.
    let file = desk.data.join("tokens.json");
    let mode = std::fs::metadata(&file).map_err(|error| error.to_string())?.permissions().mode() & 0o777;
    ensure!(mode == 0o600, "tokens.json has the mode {mode:o}");
    let kept = String::from_utf8_lossy(&files::read(&file)?).into_owned();
    let listed = String::from_utf8_lossy(&desk.json(&["token", "list"])?.exits(0)?.stdout).into_owned();
    let half = &secret[secret.len() - 32..];
    ensure!(kept.contains(&id) && listed.contains(&id), "the token is not there: {kept}\n{listed}");
    ensure!(!kept.contains(half) && !listed.contains(half), "a token is shown twice");

    desk.json(&["token", "revoke", &id])?.exits(0)?;
    until("the end of a token", || Ok(get("/api/v1/runs", &secret)? == 401))?;
    let (brief, _) = token(&desk, "brief", "viewer", &["--expires", "3s"])?;
    until("the end of its time", || Ok(get("/api/v1/runs", &brief)? == 401))?;
    // Making and revoking are on record, and so is who looked.
    let audit = desk.json(&["audit", "export"])?.exits(0)?;
    let records = String::from_utf8_lossy(&audit.stdout).into_owned();
    for word in ["anna", "audited", "token revoke"] {
        ensure!(records.contains(word), "{}", audit.wrong(&format!("{word} is not in the audit log")));
    }
    ensure!(!records.contains(half), "{}", audit.wrong("a token is in the audit log"));
    desk.json(&["audit", "verify"])?.exits(0)?;
    served.stop("TERM")
}

fn log_in(scene: &Scene<'_>) -> Outcome {
    let desk = scene.desk("data");
    conversations(scene, &desk)?;
    let (secret, _) = token(&desk, "otto", "auditor", &[])?;
    let served = Served::with(&desk, &["--tokens", "--addr", "127.0.0.1:0"])?;
    let form = "Content-Type: application/x-www-form-urlencoded\r\n";
    let led = served.get("/runs")?;
    ensure!(led.status == 303 && led.head.contains("location: /login?next=%2Fruns"), "{}", led.head);
    let wrong = ask(&served, "POST /login", form, "token=fd_wrong")?;
    ensure!(wrong.status == 303 && !wrong.head.contains("set-cookie"), "{}", wrong.head);
    let foreign = format!("{form}Origin: https://evil.example\r\n");
    let body = format!("token={secret}&next=/audit");
    ensure!(ask(&served, "POST /login", &foreign, &body)?.status == 403, "another site's page logs in");
    let elsewhere = ask(&served, "POST /login", form, &format!("token={secret}&next=//evil.example"))?;
    ensure!(elsewhere.head.contains("location: /\r\n"), "it leads to another site: {}", elsewhere.head);
    let let_in = ask(&served, "POST /login", form, &body)?;
    let set = let_in.head.lines().find_map(|line| line.strip_prefix("set-cookie: ")).ok_or("no cookie")?;
    for word in ["HttpOnly", "SameSite=Strict", "Path=/"] {
        ensure!(set.contains(word), "the cookie is not {word}: {set}");
    }
    ensure!(!set.contains(&secret), "the cookie is the token");
    let cookie = format!("Cookie: {}\r\n", set.split(';').next().unwrap_or_default());
    let page = ask(&served, "GET /conversations/c-1", &cookie, "")?;
    let text = String::from_utf8_lossy(&page.body).into_owned();
    ensure!(page.status == 200 && text.contains("otto"), "{}", page.head);
    let csrf = text
        .split("name=\"csrf\" value=\"")
        .nth(1)
        .and_then(|rest| rest.split('"').next())
        .ok_or("no form")?;
    let reveal = |fields: &str, csrf: &str| {
        let body = format!("reason=a+claim&csrf={csrf}");
        Ok::<_, String>(
            ask(&served, "POST /conversations/c-1/reveal", &format!("{cookie}{fields}"), &body)?.status,
        )
    };
    ensure!(reveal(form, "guessed")? == 403 && reveal(form, "")? == 403, "a form of nobody's page counts");
    ensure!(reveal(&foreign, csrf)? == 403, "a form of another site's page counts");
    ensure!(reveal("Content-Type: text/plain\r\n", csrf)? == 415, "a text counts");
    let revealed = || {
        let audit = desk.json(&["audit", "export"])?.exits(0)?;
        Ok::<_, String>(String::from_utf8_lossy(&audit.stdout).matches("\"revealed\"").count())
    };
    ensure!(revealed()? == 0, "something was revealed");
    ensure!(reveal(form, csrf)? == 200 && revealed()? == 1, "it cannot be revealed, or is not written down");
    let out = ask(&served, "POST /logout", &cookie, "")?;
    ensure!(out.status == 303, "{}", out.head);
    ensure!(ask(&served, "GET /api/v1/runs", &cookie, "")?.status == 401, "who went out is still in");
    served.stop("TERM")
}

/// A certificate for 127.0.0.1 of an authority of the tests, and both in the scene's folder.
fn certificate(scene: &Scene<'_>, name: &str) -> Result<String, String> {
    let kept = cargo::root().join("crates/api/tests/it/certificates").join(name);
    let file = scene.hidden(name);
    files::write_private(&file, &files::read(&kept)?)?;
    Ok(file.display().to_string())
}

fn tls(scene: &Scene<'_>) -> Outcome {
    let desk = scene.desk("data");
    conversations(scene, &desk)?;
    let (secret, _) = token(&desk, "vera", "viewer", &[])?;
    let [chain, key, trusted] = ["good.pem", "leaf.key", "ours.pem"].map(|name| certificate(scene, name));
    let (chain, key, trusted) = (chain?, key?, trusted?);
    for (arguments, why) in [
        (&["--tls-cert", &chain][..], "the key"),
        (&["--tls-cert", &chain, "--tls-key", &chain], "what is no key"),
        (&["--tls-cert", &key, "--tls-key", &key], "what is no certificate"),
        (&["--tls-cert", &trusted, "--tls-key", &key], "a key of another certificate"),
    ] {
        let run = desk.json(&[&["serve", "--addr", "127.0.0.1:0"], arguments].concat())?.exits(2)?;
        ensure!(run.error().is_some(), "{}", run.wrong(&format!("nothing is said of {why}")));
    }
    let served = Served::with(&desk, &["--addr", "0.0.0.0:0", "--tls-cert", &chain, "--tls-key", &key])?;
    let port = served.address.rsplit(':').next().unwrap_or_default();
    let url = format!("https://127.0.0.1:{port}");
    let curl = |arguments: &str| {
        desk.shell(&format!("curl -sS --cacert '{trusted}' -o /dev/null -w '%{{http_code}}' {arguments}"))
    };
    ensure!(curl(&format!("{url}/healthz"))? == "200", "it does not answer");
    ensure!(curl(&format!("{url}/api/v1/runs"))? == "401", "others are not asked for a token");
    ensure!(
        curl(&format!("-H 'Authorization: Bearer {secret}' {url}/api/v1/runs"))? == "200",
        "a token does not count"
    );
    ensure!(curl(&format!("--tlsv1.3 {url}/healthz"))? == "200", "TLS 1.3 is not spoken");
    ensure!(curl(&format!("--tls-max 1.1 {url}/healthz")).is_err(), "TLS 1.1 is spoken");
    ensure!(
        desk.shell(&format!("curl -sS -o /dev/null {url}/healthz")).is_err(),
        "anybody is trusted: nothing was checked"
    );
    let plain = exchange(&format!("127.0.0.1:{port}"), b"GET /healthz HTTP/1.0\r\nHost: localhost\r\n\r\n");
    ensure!(plain.is_err(), "it answers without TLS");
    let cookie = desk
        .shell(&format!("curl -sS --cacert '{trusted}' -D - -o /dev/null -d 'token={secret}' {url}/login"))?;
    let set = cookie.lines().find(|line| line.starts_with("set-cookie")).unwrap_or_default();
    ensure!(
        set.contains("__Host-") && set.contains("; Secure"),
        "the cookie goes without TLS, too: {cookie}"
    );
    served.stop("TERM")
}

fn behind_a_proxy(scene: &Scene<'_>) -> Outcome {
    let desk = scene.desk("data");
    conversations(scene, &desk)?;
    let (secret, _) = token(&desk, "vera", "viewer", &[])?;
    let served = Served::with(&desk, &["--addr", "0.0.0.0:0", "--behind-proxy"])?;
    let port = served.address.rsplit(':').next().unwrap_or_default();
    let ask = |what: &str, fields: &str, body: &str| {
        let length =
            if body.is_empty() { String::new() } else { format!("Content-Length: {}\r\n", body.len()) };
        let request = format!("{what} HTTP/1.0\r\nHost: desk.example\r\n{fields}{length}\r\n{body}");
        exchange(&format!("127.0.0.1:{port}"), request.as_bytes())
    };
    ensure!(ask("GET /api/v1/runs", "", "")?.status == 401, "others are not asked for a token");
    // Whatever a proxy says of who asks lets nobody in.
    let said = "X-Forwarded-For: 127.0.0.1\r\nForwarded: for=127.0.0.1\r\nX-Forwarded-Host: localhost\r\n";
    ensure!(ask("GET /api/v1/runs", said, "")?.status == 401, "a header lets in");
    ensure!(ask("GET /api/v1/runs", &bearer(&secret), "")?.status == 200, "a token does not count");
    let form = "Content-Type: application/x-www-form-urlencoded\r\nOrigin: https://desk.example\r\n";
    let let_in = ask("POST /login", form, &format!("token={secret}"))?;
    ensure!(
        let_in.head.contains("set-cookie: __Host-") && let_in.head.contains("; Secure"),
        "the cookie goes without TLS, too: {}",
        let_in.head
    );
    served.stop("TERM")
}

fn demo(scene: &Scene<'_>) -> Outcome {
    let folder = scene.path("empty");
    files::create_folder(&folder)?;
    let desk = scene.desk("data").inside(folder.clone());
    let served = Served::with(&desk, &["--demo", "--addr", "127.0.0.1:0"])?;
    let start = served.get("/")?;
    let text = String::from_utf8_lossy(&start.body).into_owned();
    let navigation =
        text.split("<nav").nth(1).and_then(|rest| rest.split("</nav>").next()).unwrap_or_default();
    let screens: Vec<&str> =
        navigation.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    ensure!(screens.len() >= 8, "the navigation has {screens:?} only");
    for screen in screens {
        let page = served.get(screen)?;
        let text = String::from_utf8_lossy(&page.body).into_owned();
        ensure!(page.status == 200, "{screen}: {}", page.head);
        let is_alive =
            ["<tbody><tr", "class=\"hit\"", "class=\"month"].iter().any(|sign| text.contains(sign));
        ensure!(is_alive, "{screen} shows nothing of the demo");
    }
    let found = served.get("/api/v1/conversations?q=refund&facets=true")?.json()?;
    ensure!(found["count"].as_u64() > Some(0), "nothing is found: {found}");
    let own = folder.join("frontdesk-demo");
    let left = files::below(&folder)?;
    ensure!(
        !left.is_empty() && left.iter().all(|path| path.starts_with(&own)),
        "it wrote elsewhere: {left:?}"
    );
    ensure!(!scene.path("data").exists(), "it used the data folder of the environment");
    served.end("INT")?;
    Ok(())
}

fn logs(scene: &Scene<'_>) -> Outcome {
    let desk = scene.desk("data");
    conversations(scene, &desk)?;
    let mut running = desk.start(&["--json", "-vvv", "serve", "--addr", "127.0.0.1:0"])?;
    let ready: Value = serde_json::from_str(&running.first_line()?).map_err(|error| error.to_string())?;
    let address = ready["addr"].as_str().unwrap_or_default();
    let long = "q".repeat(8_000);
    for path in [
        "/a%0aforged%20line",
        "/a%1b[2J%1b[31m",
        "/%e2%80%ae",
        "/%00",
        &format!("/{long}"),
        "/?q=needle-of-a-guest%0aforged",
    ] {
        for field in [
            "User-Agent: \x1b[2Jcanary-agent",
            "Referer: http://canary-referrer/\u{202e}",
            "Cookie: frontdesk=canary-cookie",
        ] {
            exchange(
                address,
                format!("GET {path} HTTP/1.0\r\nHost: localhost\r\n{field}\r\n\r\n").as_bytes(),
            )?;
        }
    }
    exchange(address, b"\x1b[2J\x00 nonsense\r\n\r\n").ok();
    running.signal("TERM")?;
    let run = running.wait()?.exits(0)?;
    for (number, line) in run.stderr.lines().enumerate() {
        let bad = |c: char| c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        ensure!(!line.contains(bad), "line {number} has a control character: {line:?}");
        ensure!(line.len() < 4_096, "line {number} has {} bytes", line.len());
        ensure!(!line.starts_with("forged"), "line {number} was forged: {line:?}");
    }
    for word in ["canary-agent", "canary-referrer", "canary-cookie", "needle-of-a-guest"] {
        ensure!(!run.stderr.contains(word), "{}", run.wrong(&format!("{word} is in the log")));
    }
    ensure!(!run.stderr.is_empty(), "nothing was logged, so nothing was checked");
    Ok(())
}
