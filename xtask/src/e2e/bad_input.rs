//! What people get wrong: the right exit code, a message that says what to do, and nothing lost.

use super::desk::Desk;
use super::scene::Scene;
use super::tenant::small;
use super::{Scenario, files};
use crate::Outcome;

pub(super) fn scenarios() -> Vec<Scenario> {
    vec![
        Scenario::new("bad input: arguments", arguments),
        Scenario::new("bad input: configuration", configuration),
        Scenario::new("bad input: credentials and hosts", credentials_and_hosts),
        Scenario::new("bad input: another organisation's archive", another_organization),
        Scenario::new("bad input: files to import", imports),
    ]
}

/// A desk whose archive holds something, and a check that it still does, exactly.
pub(super) struct Kept<'s> {
    pub(super) desk: Desk<'s>,
    files: std::collections::BTreeMap<std::path::PathBuf, files::Print>,
    records: u64,
}

impl<'s> Kept<'s> {
    /// Imports our own dialogues, in the three forms there are.
    pub(super) fn new(desk: Desk<'s>) -> Result<Self, String> {
        let lines = desk.scene.hidden("kept.ndjson");
        let dialogues = frontdesk_fixtures::dialogues();
        files::write_private(&lines, dialogues.join("\n").as_bytes())?;
        let run = desk.import(&lines)?.exits(0)?;
        let records = dialogues.len() as u64;
        ensure!(run.last()?["stored"] == records, "{}", run.wrong("not all dialogues are stored"));
        let mut listed: Vec<String> = desk.list()?.into_iter().map(|record| record.sha256).collect();
        let mut given: Vec<String> = dialogues.iter().map(|line| files::sha256(line.as_bytes())).collect();
        listed.sort();
        given.sort();
        ensure!(listed == given, "the records are not the lines that were imported");
        let files = files::prints(&desk.segments())?;
        Ok(Self { desk, files, records })
    }

    /// Nothing stored before is lost or touched.
    pub(super) fn is_kept(&self) -> Outcome {
        let now = files::prints(&self.desk.segments())?;
        ensure!(now == self.files, "segments/ was written: {:?}", files::differences(&self.files, &now));
        self.desk.verifies(self.records)
    }
}

fn arguments(scene: &Scene<'_>) -> Outcome {
    let tenant = scene.tenant(small(scene))?;
    let kept = Kept::new(scene.desk("data").connected(&tenant))?;
    let range = ["--from", "2025-01-01", "--to", "2025-02-01"];
    let cases: &[(&[&str], &[&str])] = &[
        (&["--filter", "type eq 'message' and color eq 'red'"], &["column 23", "color"]),
        (&["--filter", "type is 'message'"], &["column 6"]),
        (&["--filter", "type eq 'message"], &["column"]),
        (&["--filter", "(type eq 'message'"], &["column"]),
        (&["--filter", ""], &["--filter"]),
        (&["--page-size", "0"], &["page-size", "1", "10000"]),
        (&["--page-size", "10001"], &["page-size", "10001"]),
        (&["--page-size", "-5"], &["-5"]),
        (&["--page-size", "many"], &["page-size", "10000"]),
        (&["--look-back", "three days"], &["look_back", "three days"]),
        (&["--wait", "soon"], &["soon"]),
        (&["--rate", "fast"], &["rate", "number"]),
        (&["--rate", "0"], &["rate"]),
        // A call would never come to its turn.
        (&["--rate", "0.008"], &["one request in 125 s", "120 s", "--rate"]),
        (&["--contract", "telegraph"], &["contract", "gateway"]),
        (&["--client-style", "shouting"], &["client_style", "basic"]),
        (&["--client-secret", "never-a-flag"], &["--client-secret"]),
        (&["--organization-id", ""], &["organization_id"]),
        (&["--base-url", "127.0.0.1"], &["base_url"]),
        (&["--base-url", "ftp://127.0.0.1/"], &["base_url", "http"]),
        (&["--ca-file", "/not/there.pem"], &["/not/there.pem"]),
    ];
    for (more, words) in cases {
        let arguments = [&["archive", "pull"], &range as &[&str], more].concat();
        kept.desk.json(&arguments)?.exits(2)?.says(words)?;
        kept.desk.run(&arguments)?.exits(2)?.says(words)?;
    }
    let ranges: &[(&[&str], &[&str])] = &[
        (&["--from", "2025-13-01", "--to", "2026-01-01"], &["--from", "month"]),
        (&["--from", "2025-01-01", "--to", "2025-02-30"], &["--to", "day"]),
        (&["--from", "yesterday", "--to", "2026-01-01"], &["--from", "RFC 3339"]),
        (&["--from", "2025-01-01T10:00:00", "--to", "2026-01-01"], &["--from", "`Z`"]),
        (&["--from", "2025-02-01", "--to", "2025-01-01"], &["before"]),
        (&["--from", "2025-02-01", "--to", "2025-02-01"], &["before"]),
    ];
    for (range, words) in ranges {
        kept.desk.json(&[&["archive", "pull"], *range].concat())?.exits(2)?.says(words)?;
    }
    // All that is wrong is told at once, in an order that stays.
    let three = ["--page-size", "0", "--filter", "type eq", "--from", "2025-02-01", "--to", "2025-01-01"];
    let run = kept.desk.run(&[&["archive", "pull"], &three as &[&str]].concat())?.exits(2)?;
    let at =
        |text: &str| run.stderr.find(text).ok_or_else(|| run.wrong(&format!("stderr does not say {text:?}")));
    ensure!(
        at("--filter")? < at("--from")? && at("--from")? < at("--page-size")?,
        "{}",
        run.wrong("another order")
    );
    let others: &[(&[&str], &[&str])] = &[
        (&["archive", "search", "--contains", ""], &["contains"]),
        (&["archive", "search", "--contains", "a", "--limit", "0"], &["limit"]),
        (&["archive", "search", "--contains", "a", "--limit", "99999999999"], &["limit"]),
        (&["archive", "search", "--contains", "a", "--cursor", "made-up"], &["cursor"]),
        (&["archive", "show", "no-such-id"], &["no-such-id"]),
        (&["archive", "show", ""], &["id"]),
        (&["archive", "show", "x", "--kind", "gossip"], &["kind", "details"]),
        (&["archive", "show", "x", "--version", "0"], &["version"]),
        (&["archive", "show", "x", "--version", "one"], &["version"]),
        (&["--output", "xml", "archive", "list"], &["xml"]),
    ];
    for (arguments, words) in others {
        kept.desk.json(arguments)?.exits(2)?.says(words)?;
    }
    ensure!(tenant.stats().requests.is_empty(), "the tenant was asked although the arguments were wrong");
    kept.is_kept()
}

fn configuration(scene: &Scene<'_>) -> Outcome {
    let kept = Kept::new(scene.desk("data"))?;
    let desk = &kept.desk;
    let with = |name: &str, text: &str| -> Result<String, String> {
        let path = scene.hidden(name);
        files::write_private(&path, text.as_bytes())?;
        Ok(path.display().to_string())
    };
    let cases: [(String, &[&str], &[&str]); 7] = [
        ("/not/there.toml".into(), &[], &["/not/there.toml"]),
        (scene.path("home").display().to_string(), &[], &["configuration"]),
        (with("broken.toml", "profile = \"a\"\n[profiles.a\n")?, &[], &["broken.toml", "line 2"]),
        (
            with("unknown.toml", "[profiles.default]\nbase_urll = \"x\"\n")?,
            &[],
            &["base_urll", "settings are"],
        ),
        (with("shape.toml", "[profiles.default]\nbase_url = [\"x\"]\n")?, &[], &["base_url"]),
        (with("binary.toml", "\u{0}\u{1}")?, &[], &["binary.toml"]),
        (with("fine.toml", "[profiles.a]\n")?, &["--profile", "b"], &["\"b\"", "it has: a"]),
    ];
    for (path, more, words) in &cases {
        let arguments = [&["--config", path], *more, &["archive", "list"]].concat();
        // Messages quote names; in JSON the quotes are escaped.
        desk.run(&arguments)?.exits(2)?.says(words)?;
        desk.json(&arguments)?.exits(2)?;
    }
    desk.run(&["--profile", "nobody", "archive", "list"])?.exits(2)?.says(&["nobody"])?;
    // A secret that others may read.
    let open = with("open.toml", "[profiles.default]\nclient_secret = \"s\"\n")?;
    desk.shell(&format!("chmod 644 '{open}'"))?;
    desk.run(&["--config", &open, "archive", "list"])?.exits(2)?.says(&["chmod 600"])?;
    for (name, value) in
        [("FRONTDESK_SEGMENT_SIZE", "a lot"), ("FRONTDESK_SEGMENT_SIZE", "1KiB"), ("FRONTDESK_LOG", "a=b=c")]
    {
        let line = scene.hidden("kept.ndjson");
        let run = desk.clone().with(name, value).import(&line)?.exits(2)?;
        ensure!(!run.stderr.is_empty(), "{}", run.wrong("nothing is said"));
    }
    kept.is_kept()
}

fn credentials_and_hosts(scene: &Scene<'_>) -> Outcome {
    let tenant = scene.tenant(small(scene))?;
    let kept = Kept::new(scene.desk("data").connected(&tenant))?;
    let pull = |desk: Desk<'_>| desk.json(&["archive", "pull", "--from", "2025-01-01", "--to", "2025-02-01"]);
    let desk = || kept.desk.clone();
    let without = desk().without("FRONTDESK_CLIENT_ID").without("FRONTDESK_CLIENT_SECRET");
    pull(without)?.exits(2)?.says(&["FRONTDESK_CLIENT_ID", "FRONTDESK_CLIENT_SECRET"])?;
    pull(desk().without("FRONTDESK_CLIENT_SECRET"))?.exits(2)?.says(&["FRONTDESK_CLIENT_SECRET"])?;
    pull(desk().without("FRONTDESK_BASE_URL"))?.exits(2)?.says(&["FRONTDESK_BASE_URL"])?;
    pull(desk().without("FRONTDESK_CONTRACT"))?.exits(2)?.says(&["FRONTDESK_CONTRACT"])?;
    ensure!(tenant.stats().requests.is_empty(), "the tenant was asked without credentials");
    let run = pull(desk().with("FRONTDESK_CLIENT_SECRET", "wrong"))?.exits(4)?.says(&["401"])?;
    ensure!(
        run.error().is_some_and(|error| error["hint"].is_string()),
        "{}",
        run.wrong("no hint says what to do")
    );
    let tokens = tenant.stats().requests.get("POST /oauth/token").copied().unwrap_or(0);
    ensure!((1..=2).contains(&tokens), "{tokens} token requests with a secret that is wrong");
    // A port where nobody listens, a name that nobody has.
    let run =
        pull(desk().with("FRONTDESK_BASE_URL", "http://127.0.0.1:1"))?.exits(5)?.says(&["127.0.0.1:1"])?;
    ensure!(
        run.error().is_some_and(|error| error["hint"].is_string()),
        "{}",
        run.wrong("no hint says what to do")
    );
    let nowhere = desk().with("FRONTDESK_BASE_URL", "https://no-such-host.invalid");
    pull(nowhere)?.exits(5)?.says(&["no-such-host.invalid"])?;
    // TLS spoken to a port that speaks none.
    let tls = tenant.base_url.replace("http:", "https:");
    pull(desk().with("FRONTDESK_BASE_URL", &tls))?.exits(5)?;
    kept.is_kept()
}

fn another_organization(scene: &Scene<'_>) -> Outcome {
    let tenant = scene.tenant(small(scene))?;
    let kept = Kept::new(scene.desk("data").connected(&tenant).with("FRONTDESK_ORGANIZATION_ID", "acme"))?;
    let line = scene.hidden("kept.ndjson");
    for other in [
        kept.desk.clone().with("FRONTDESK_ORGANIZATION_ID", "globex"),
        kept.desk.clone().without("FRONTDESK_ORGANIZATION_ID"),
    ] {
        other.pull(&[])?.exits(2)?.says(&["acme"])?;
        other.import(&line)?.exits(2)?.says(&["acme"])?;
        // Reading asks for no organisation.
        other.list()?;
    }
    ensure!(tenant.stats().requests.is_empty(), "the tenant was asked for another organisation's archive");
    // A flag names it as well.
    kept.desk
        .clone()
        .without("FRONTDESK_ORGANIZATION_ID")
        .json(&["archive", "import", "--organization-id", "acme", "--ndjson", &line.display().to_string()])?
        .exits(0)?;
    kept.is_kept()
}

fn imports(scene: &Scene<'_>) -> Outcome {
    let kept = Kept::new(scene.desk("data"))?;
    let desk = &kept.desk;
    desk.json(&["archive", "import", "--ndjson", "/not/there"])?.exits(2)?.says(&["/not/there"])?;
    desk.json(&["archive", "import", "--ndjson", &scene.path("home").display().to_string()])?.exits(2)?;
    let with = |name: &str, bytes: &[u8]| -> Result<std::path::PathBuf, String> {
        let path = scene.hidden(name);
        files::write_private(&path, bytes)?;
        Ok(path)
    };
    // Lines that are none, one by one: each is named, the rest is kept as it was.
    let deep =
        [b"{\"id\":\"deep\",\"x\":".as_slice(), &b"[".repeat(100_000), &b"]".repeat(100_000), b"}"].concat();
    let bad: [(&str, &[u8]); 9] = [
        ("not JSON", b"once upon a time"),
        ("half a line", b"{\"id\":\"a\""),
        ("an array", b"[1,2]"),
        ("no id", b"{\"transcript\":\"guest: hello\"}"),
        ("an id that is a number", b"{\"id\":7}"),
        ("an empty id", b"{\"id\":\"\"}"),
        ("not UTF-8", b"{\"id\":\"\xff\xfe\"}"),
        ("too deep", &deep),
        ("a byte order mark", b"\xef\xbb\xbf{\"id\":\"bom\"}"),
    ];
    for (what, line) in bad {
        let run = desk.import(&with("bad.ndjson", line)?)?.exits(3)?.says(&["line 1"]);
        let run = run.map_err(|message| format!("{what}: {message}"))?;
        let result = run.lines()?.pop().unwrap_or_default();
        ensure!(result["rejected"] == 1 && result["stored"] == 0, "{}", run.wrong(what));
        kept.is_kept().map_err(|message| format!("{what}: {message}"))?;
    }
    // An id beyond 1,024 bytes is too long, one of 1,024 is not.
    let long = format!("{{\"id\":\"{}\"}}", "x".repeat(1_025));
    desk.import(&with("bad.ndjson", long.as_bytes())?)?.exits(3)?.says(&["1,024"])?;
    kept.is_kept()?;
    // A gzip file that ends in the middle: what came before is stored.
    let dialogues = frontdesk_fixtures::dialogues().join("\n");
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut packed, dialogues.as_bytes()).map_err(|error| error.to_string())?;
    let packed = packed.finish().map_err(|error| error.to_string())?;
    let cut = with("cut.ndjson.gz", &packed[..packed.len() / 2])?;
    let fresh = scene.desk("fresh");
    fresh.import(&cut)?.exits(3)?;
    let some = fresh.list()?;
    ensure!(
        !some.is_empty() && some.len() < dialogues.lines().count(),
        "{} records of half a file",
        some.len()
    );
    fresh.verifies(some.len() as u64)?;
    fresh.import(&with("whole.ndjson.gz", &packed)?)?.exits(0)?;
    fresh.verifies(dialogues.lines().count() as u64)?;
    kept.is_kept()
}
