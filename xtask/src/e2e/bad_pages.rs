//! What a remote can send that it should not.

use frontdesk_sandbox::{Effect, FaultPlan, Point, When};
use serde_json::json;

use super::archive::pulled;
use super::bad_input::Kept;
use super::bomb;
use super::faults::always;
use super::hostile::{Answer, Hostile};
use super::scene::Scene;
use super::tenant::small;
use super::{Scenario, files};
use crate::Outcome;

pub(super) fn scenarios() -> Vec<Scenario> {
    vec![
        Scenario::new("bad pages: bodies that are no page", no_page),
        Scenario::new("bad pages: a body that is always cut", always_cut),
        Scenario::new("bad pages: a gigabyte in a gzip", bomb::goes_off_unheard),
        Scenario::new("bad pages: a record without an id", without_id),
        Scenario::new("bad pages: hostile ids are stored and found, and nothing is outside", hostile_ids),
        Scenario::new("bad pages: hostile page tokens", hostile_tokens),
        Scenario::new("bad pages: whatever else a record holds is kept as it came", kept_as_it_came),
    ]
}

/// One window: its first page is the only one.
const HOUR: [&str; 4] = ["--from", "2025-03-01T10:00:00Z", "--to", "2025-03-01T11:00:00Z"];

fn no_page(scene: &Scene<'_>) -> Outcome {
    let deep = |levels: usize| {
        format!("{{\"conversations\":[{{\"id\":\"a\",\"x\":{}{}}}]}}", "[".repeat(levels), "]".repeat(levels))
    };
    let cases: Vec<(&str, Vec<u8>)> = vec![
        ("text", b"all is well".to_vec()),
        ("nothing", Vec::new()),
        ("a page for people", b"<html><body>Please log in</body></html>".to_vec()),
        ("JSON but no object", b"[]".to_vec()),
        ("no conversations", b"{\"nextPage\":null}".to_vec()),
        ("conversations that are none", b"{\"conversations\":{}}".to_vec()),
        ("conversations that are null", b"{\"conversations\":null}".to_vec()),
        ("nextPage that is no text", b"{\"conversations\":[],\"nextPage\":7}".to_vec()),
        ("something after the end", b"{\"conversations\":[]}x".to_vec()),
        ("a comma too many", b"{\"conversations\":[{\"id\":\"a\"},]}".to_vec()),
        ("half of it", b"{\"conversations\":[{\"id\":\"a\"}".to_vec()),
        ("a byte order mark", b"\xef\xbb\xbf{\"conversations\":[]}".to_vec()),
        ("no UTF-8", b"{\"conversations\":[{\"id\":\"\xff\"}]}".to_vec()),
        ("100,000 levels", deep(100_000).into_bytes()),
        ("129 levels", deep(129).into_bytes()),
        ("zeros", vec![0; 10_000]),
    ];
    let kept = Kept::new(scene.desk("data"))?;
    for (what, body) in cases {
        let gateway = Hostile::start(move |_, _| Answer::json(body.clone()))?;
        let desk = kept.desk.clone().at(&gateway.base_url);
        let run = desk.json(&[&["archive", "pull"], &HOUR as &[&str]].concat())?;
        let run = run.exits(5).map_err(|message| format!("{what}: {message}"))?;
        let error = run.error().ok_or_else(|| run.wrong(&format!("{what}: there is no error object")))?;
        ensure!(error["hint"].is_string(), "{}", run.wrong(&format!("{what}: no hint says what to do")));
        ensure!(gateway.queries() > 0, "{what}: nobody asked");
        ensure!(!run.stderr.contains("Please log in"), "{}", run.wrong("an error quotes a body"));
        kept.is_kept().map_err(|message| format!("{what}: {message}"))?;
    }
    // On the second page: what the first brought is kept, and the same command does the rest.
    let tenant = scene.tenant(frontdesk_sandbox::Config {
        faults: always(When { page: Some(2), ..When::default() }, Effect::Deep { levels: 100_000 }),
        ..small(scene)
    })?;
    let desk = scene.desk("second").connected(&tenant);
    let run = desk.pull(&["--page-size", "1"])?.exits(3)?;
    let result = pulled(&run.last()?)?;
    ensure!(
        result.state == "incomplete" && result.stored > 0,
        "{}",
        run.wrong("first pages should be stored")
    );
    ensure!(tenant.fired("deep") > 0, "no deep page was served");
    tenant.set_faults(&FaultPlan::default())?;
    desk.pull(&["--page-size", "1"])?.exits(0)?;
    desk.holds_exactly(&tenant.truth()?)
}

fn always_cut(scene: &Scene<'_>) -> Outcome {
    for (what, effect) in [("cut", Effect::Cut(Point::Byte(200))), ("reset", Effect::Reset(Point::Byte(200)))]
    {
        let path = Some("/api/v2/analytics/conversations/details/query".to_owned());
        let faults = always(When { path, ..When::default() }, effect);
        let tenant = scene.tenant(frontdesk_sandbox::Config { faults, ..small(scene) })?;
        let kept = Kept::new(scene.desk(what).connected(&tenant))?;
        let run = kept.desk.pull(&[])?.exits(5)?;
        let hint = run.error().map(|error| error["hint"].is_string());
        ensure!(hint == Some(true), "{}", run.wrong("no hint says what to do"));
        ensure!(tenant.fired(what) > 1, "{} answers were broken: it was not tried again", tenant.fired(what));
        ensure!(tenant.queries() <= 40, "{} queries to a remote that always breaks", tenant.queries());
        kept.is_kept()?;
    }
    Ok(())
}

fn without_id(scene: &Scene<'_>) -> Outcome {
    let when = || When { page: Some(1), ..When::default() };
    let config =
        frontdesk_sandbox::Config { faults: always(when(), Effect::RecordWithoutId), ..small(scene) };
    let tenant = scene.tenant(config)?;
    let desk = scene.desk("data").connected(&tenant);
    let run = desk.pull(&["--page-size", "10000"])?.exits(3)?;
    let result = pulled(&run.last()?)?;
    let rejected = tenant.fired("record_without_id");
    ensure!(rejected > 0 && result.rejected == rejected, "{}", run.wrong(&format!("{rejected} have no id")));
    ensure!(result.stored == tenant.count(), "{}", run.wrong("the others should be stored"));
    ensure!(result.state == "incomplete", "{}", run.wrong("a record is missing"));
    let run = run.says(&["id"])?;
    ensure!(!run.stderr.is_empty(), "{}", run.wrong("nothing is said about it"));
    desk.holds_exactly(&tenant.truth()?)
}

fn hostile_ids(scene: &Scene<'_>) -> Outcome {
    let mut ids: Vec<String> = [
        "../../x",
        "../../../../../../../../etc/frontdesk-was-here",
        "/etc/frontdesk-was-here",
        ".",
        "..",
        "a/b",
        "a\\b",
        "\\\\?\\C:\\x",
        "CON",
        "nul.txt",
        "trailing. ",
        " leading",
        "-rf",
        "--help",
        "%2e%2e%2f",
        "$(touch x)",
        "`touch x`",
        "a;b",
        "*",
        "~",
        "\u{202e}gpj.exe",
        "line\nbreak",
        "carriage\rreturn",
        "tab\there",
        "nul\0byte",
        "\u{1b}[2J",
        "\u{feff}bom",
        "caf\u{e9}",
        "cafe\u{301}",
        "ABC",
        "abc",
        "Ａ",
        "'",
        "\"",
        "\\",
        "{\"id\":\"x\"}",
        "<script>",
        "\u{1f600}",
        "\u{10ffff}",
        "İ",
        "ı",
        "ß",
        "SELECT * FROM records; --",
    ]
    .map(String::from)
    .to_vec();
    ids.push("x".repeat(300));
    ids.push("é".repeat(512));
    ids.push("../".repeat(341));
    // Thousands more at the nightly tier, put together from the same pieces.
    let pieces = [
        "..", "/", "\\", "\0", "\n", ".", " ", "CON", "%2e", "é", "e\u{301}", "-", "\u{202e}", "A", "a",
        "\u{7f}",
    ];
    for _ in 0..scene.house.options.tier.pick(300, 10_000) {
        let mut random = scene.random();
        let length = 1 + random.index(20);
        ids.push((0..length).map(|_| pieces[random.index(pieces.len())]).collect());
    }
    ids.sort();
    ids.dedup();
    let world = scene.world().to_owned();
    let strangers = |of: &str| -> Result<Vec<String>, String> {
        let known = [
            scene.path("home"),
            scene.hidden(""),
            scene.path("pulled/archive"),
            scene.path("imported/archive"),
            scene.path("pulled/journal"),
            scene.path("imported/journal"),
        ];
        let mut found = files::below(&world)?;
        found.retain(|path| !known.iter().any(|known| path.starts_with(known)));
        let odd: Vec<String> = found.iter().map(|path| path.display().to_string()).collect();
        ensure!(!std::path::Path::new("/etc/frontdesk-was-here").exists(), "{of}: it wrote into /etc");
        Ok(odd)
    };
    // From the wire.
    let page = json!({"conversations": ids.iter().map(|id| json!({
        "id": id, "startTime": "2025-03-01T10:00:00Z", "interactions": [{"transcript": format!("guest: I am {id}")}]
    })).collect::<Vec<_>>()});
    let body = page.to_string();
    let gateway = Hostile::start(move |_, _| Answer::json(body.clone()))?;
    let pulled_desk = scene.desk("pulled").at(&gateway.base_url);
    let run = pulled_desk.json(&[&["archive", "pull"], &HOUR as &[&str]].concat())?.exits(0)?;
    ensure!(pulled(&run.last()?)?.stored == ids.len() as u64, "{}", run.wrong("not every id is stored"));
    // From a file.
    let lines = scene.hidden("ids.ndjson");
    let text: String =
        ids.iter().map(|id| format!("{}\n", json!({"interactionId": id, "transcript": "hello"}))).collect();
    files::write_private(&lines, text.as_bytes())?;
    let imported = scene.desk("imported");
    let run = imported.import(&lines)?.exits(0)?;
    ensure!(run.last()?["stored"] == ids.len() as u64, "{}", run.wrong("not every id is stored"));
    for desk in [&pulled_desk, &imported] {
        let mut listed: Vec<String> = desk.list()?.into_iter().map(|record| record.id).collect();
        listed.sort();
        ensure!(listed == ids, "the list does not name exactly the ids that were given");
        desk.verifies(ids.len() as u64)?;
        desk.lines_are_what_is_listed(&desk.list()?)?;
        let sample = scene.house.options.tier.pick(120, ids.len());
        let hashes: std::collections::BTreeMap<String, String> =
            desk.list()?.into_iter().map(|record| (record.id, record.sha256)).collect();
        // The named ones sort anywhere, so every so-many-eth, and the worst by name.
        let step = (ids.len() / sample).max(1);
        let worst = ["../../x", "line\nbreak", "nul\0byte", "-rf", "--help", "."].map(String::from);
        for id in ids.iter().step_by(step).chain(&worst) {
            ensure!(Some(&files::sha256(&desk.raw(id)?)) == hashes.get(id), "show {id:?} gives other bytes");
        }
        let odd = strangers("after all that")?;
        ensure!(odd.is_empty(), "files are where they must not be: {odd:?}");
        for path in files::below(&desk.archive())? {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let tame = name.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c));
            ensure!(tame, "an id became a name: {}", path.display());
        }
    }
    Ok(())
}

fn hostile_tokens(scene: &Scene<'_>) -> Outcome {
    let page = |id: u64, next: &str| {
        json!({"conversations": [{"id": format!("c-{id}"), "startTime": "2025-03-01T10:00:00Z", "endTime": "2025-03-01T10:01:00Z"}], "nextPage": next}).to_string()
    };
    // Tokens of any shape are handed back as they came.
    let shapes =
        ["t", "a b", "../..", "\u{1}\u{7f}", "\"\\", "\u{1f600}", &"x".repeat(1 << 20)].map(String::from);
    let last = shapes.len() as u64;
    let known = shapes.clone();
    let gateway = Hostile::start(move |number, body| {
        let expected = usize::try_from(number).ok().and_then(|number| known.get(number.checked_sub(2)?));
        let came = body["nextPage"].as_str();
        if came != expected.map(String::as_str) {
            return Answer::json("the token did not come back as it was given");
        }
        let next =
            usize::try_from(number - 1).ok().and_then(|index| known.get(index)).map_or("", String::as_str);
        Answer::json(page(number, next))
    })?;
    let desk = scene.desk("shapes").at(&gateway.base_url);
    let run = desk.json(&[&["archive", "pull"], &HOUR as &[&str]].concat())?.exits(0)?;
    let result = pulled(&run.last()?)?;
    ensure!(result.state == "complete" && result.stored == last + 1, "{}", run.wrong("tokens of odd shapes"));
    // The same page for ever, under tokens that are never the same.
    let gateway = Hostile::start(move |number, _| Answer::json(page(1, &format!("token-{number}"))))?;
    let desk = scene.desk("same").at(&gateway.base_url);
    let run = desk.json(&[&["archive", "pull"], &HOUR as &[&str]].concat())?.exits(3)?;
    ensure!(gateway.queries() <= 5, "{} queries for one page that repeats", gateway.queries());
    let result = pulled(&run.last()?)?;
    ensure!(result.state == "incomplete" && result.stored == 1, "{}", run.wrong("one record is there"));
    // New records for ever would be a listing that does not end; it is not told apart from a long one, so it only has to
    // be interruptible, which is what kill.rs is about.
    desk.verifies(1)
}

fn kept_as_it_came(scene: &Scene<'_>) -> Outcome {
    // White space between tokens goes, everything else stays: order, doubles, escapes, numbers, unknown fields.
    let served = concat!(
        "{ \"conversations\" : [ {\"id\" : \"k\" ,\t\"b\": 1.0e+10, \"a\": -0,\r\n \"b\": [ 1e400, 12345678901234567890 ],",
        " \"lone\": \"\\ud800\", \"esc\": \"\\u0041\\/ \\\" x\", \"sp\": \"a  b\", \"\": { }, \"startTime\": \"2025-03-01T10:00:00.5+01:00\" } ],",
        " \"somethingElse\": {\"k\": [ ]}, \"nextPage\": \"\" }"
    );
    let record = concat!(
        "{\"id\":\"k\",\"b\":1.0e+10,\"a\":-0,\"b\":[1e400,12345678901234567890],",
        "\"lone\":\"\\ud800\",\"esc\":\"\\u0041\\/ \\\" x\",\"sp\":\"a  b\",\"\":{},\"startTime\":\"2025-03-01T10:00:00.5+01:00\"}"
    );
    let gateway = Hostile::start(move |_, _| Answer::json(served))?;
    let desk = scene.desk("data").at(&gateway.base_url);
    let run = desk.json(&[&["archive", "pull"], &HOUR as &[&str]].concat())?.exits(0)?;
    ensure!(pulled(&run.last()?)?.stored == 1, "{}", run.wrong("one record was served"));
    let bytes = desk.raw("k")?;
    ensure!(bytes == record.as_bytes(), "kept as {}", String::from_utf8_lossy(&bytes));
    ensure!(desk.list()?[0].segment.contains("2025-03"), "the record lies in another month's folder");
    desk.json(&["archive", "show", "k"])?.exits(0)?;
    desk.run(&["archive", "show", "k"])?.exits(0)?;
    desk.verifies(1)
}
