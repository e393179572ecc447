//! The command line's manners.

use super::scene::Scene;
use super::tenant::small;
use super::{Scenario, files};
use crate::Outcome;

pub(super) fn scenarios() -> Vec<Scenario> {
    vec![
        Scenario::new("cli: help of every command, with examples", help),
        Scenario::new("cli: completions", completions),
        Scenario::new("cli: doctor says what is wrong", doctor),
        Scenario::new("cli: a reader that goes away", broken_pipe),
        Scenario::new("cli: settings, flag over environment over profile", settings),
        Scenario::new("cli: config show, each value with its origin", config_show),
        Scenario::new("cli: man pages", man),
        Scenario::new("cli: data on stdout, talk on stderr", streams),
    ]
}

const COMMANDS: [&[&str]; 14] = [
    &["demo"],
    &["sandbox", "serve"],
    &["archive", "pull"],
    &["archive", "import"],
    &["archive", "search"],
    &["archive", "show"],
    &["archive", "list"],
    &["archive", "verify"],
    &["doctor"],
    &["completions"],
    &["config", "show"],
    &["man"],
    &["serve"],
    &[],
];

fn help(scene: &Scene<'_>) -> Outcome {
    let desk = scene.desk("data");
    for command in COMMANDS {
        for flag in ["--help", "-h"] {
            let run = desk.run(&[command, &[flag]].concat())?.exits(0)?;
            let text = String::from_utf8_lossy(&run.stdout);
            ensure!(text.contains("Usage:") && text.contains("frontdesk"), "{}", run.wrong("no usage"));
            ensure!(text.contains("Example"), "{}", run.wrong("no example"));
            ensure!(run.stderr.is_empty(), "{}", run.wrong("help is data: it belongs on stdout"));
        }
    }
    let version = desk.run(&["--version"])?.exits(0)?;
    ensure!(version.stdout.starts_with(b"frontdesk "), "{}", version.wrong("no version"));
    for wrong in
        [&["archive"] as &[&str], &["archive", "pul"], &["--no-such-flag"], &["archive", "show"], &[]]
    {
        let run = desk.run(wrong)?.exits(2)?;
        ensure!(
            run.stdout.is_empty() && !run.stderr.is_empty(),
            "{}",
            run.wrong("wrong usage is told on stderr")
        );
        let run = desk.json(wrong)?.exits(2)?;
        ensure!(run.error().is_some(), "{}", run.wrong("with --json wrong usage is an error object"));
    }
    ensure!(!scene.path("data").exists(), "asking for help made a data folder");
    Ok(())
}

fn completions(scene: &Scene<'_>) -> Outcome {
    let desk = scene.desk("data");
    for shell in ["bash", "zsh", "fish"] {
        let run = desk.run(&["completions", shell])?.exits(0)?;
        let text = String::from_utf8_lossy(&run.stdout);
        ensure!(
            text.contains("frontdesk") && text.contains("verify"),
            "{}",
            run.wrong("that completes nothing")
        );
    }
    // bash itself takes the script.
    desk.shell("\"$FRONTDESK\" completions bash > c.bash && bash -n c.bash && bash -c '. ./c.bash && complete -p frontdesk'")?;
    desk.run(&["completions", "tcsh"])?.exits(2)?.says(&["bash"])?;
    Ok(())
}

fn doctor(scene: &Scene<'_>) -> Outcome {
    let tenant = scene.tenant(small(scene))?;
    let desk = scene.desk("data").connected(&tenant);
    // Before there is an archive, and with one.
    desk.run(&["doctor"])?.exits(0)?;
    desk.json(&["archive", "pull", "--from", "2025-01-01", "--to", "2025-01-10"])?.exits(0)?;
    let run = desk.json(&["doctor"])?.exits(0)?;
    ensure!(!run.lines()?.is_empty(), "{}", run.wrong("there is no data"));
    desk.clone().with("FRONTDESK_CLIENT_SECRET", "wrong").run(&["doctor"])?.exits(4)?;
    let run = desk.clone().with("FRONTDESK_CLIENT_SECRET", "wrong").json(&["doctor"])?.exits(4)?;
    ensure!(!run.stdout.is_empty() || run.error().is_some(), "{}", run.wrong("nothing is said"));
    desk.clone().with("FRONTDESK_BASE_URL", "http://127.0.0.1:1").run(&["doctor"])?.exits(5)?;
    desk.without("FRONTDESK_BASE_URL").run(&["doctor"])?.exits(2)?;
    Ok(())
}

fn broken_pipe(scene: &Scene<'_>) -> Outcome {
    let tenant = scene.tenant(frontdesk_sandbox::Config { conversations: Some(3_000), ..small(scene) })?;
    let desk = scene.desk("data").connected(&tenant);
    desk.pull(&[])?.exits(0)?;
    for command in [
        "archive list",
        "--json archive list",
        "--json archive search --contains e --limit 3000",
        "completions bash",
    ] {
        // dash has no pipefail; the exit code goes through a file. More than a pipe holds, so that it does break.
        let said = desk.shell(&format!(
            "( \"$FRONTDESK\" {command} 2> err; echo $? > code ) | head -c 1 > head\n[ -s head ]\ncat code\ncat err"
        ))?;
        ensure!(said.trim() == "0", "{command} | head: exit and stderr are {said:?}");
    }
    Ok(())
}

fn settings(scene: &Scene<'_>) -> Outcome {
    let tenant = scene.tenant(small(scene))?;
    let profile = scene.hidden("frontdesk.toml");
    let text = format!(
        "profile = \"day\"\n[profiles.day]\ncontract = \"gateway\"\nbase_url = \"http://127.0.0.1:1\"\nclient_id = {:?}\nclient_secret = {:?}\n\
         [profiles.night]\ncontract = \"gateway\"\nbase_url = {:?}\nclient_id = {:?}\nclient_secret = {:?}\n",
        tenant.client_id(),
        scene.house.canary.secret,
        tenant.base_url,
        tenant.client_id(),
        scene.house.canary.secret
    );
    files::write_private(&profile, text.as_bytes())?;
    let profile = profile.display().to_string();
    let desk = scene.desk("data");
    let range = ["archive", "pull", "--from", "2025-01-01", "--to", "2025-01-03", "--config", &profile];
    let pull = |desk: &super::desk::Desk<'_>, more: &[&str]| desk.json(&[&range, more].concat());
    pull(&desk, &[])?.exits(5)?;
    pull(&desk, &["--profile", "night"])?.exits(0)?;
    pull(&desk.clone().with("FRONTDESK_BASE_URL", &tenant.base_url), &[])?.exits(0)?;
    pull(&desk.clone().with("FRONTDESK_BASE_URL", "http://127.0.0.1:1"), &["--base-url", &tenant.base_url])?
        .exits(0)?;
    // The documents' names and the vendor tools' come after ours.
    let documents = desk
        .clone()
        .with("FRONTDESK_CONTRACT", "gateway")
        .with("GENESYS_TENANT_URL", &tenant.base_url)
        .with("GENESYS_CLIENT_ID", tenant.client_id())
        .with("GENESYS_CLIENT_SECRET", &scene.house.canary.secret);
    let range = ["archive", "pull", "--from", "2025-01-01", "--to", "2025-01-03"];
    documents.json(&range)?.exits(0)?;
    documents.clone().with("FRONTDESK_CLIENT_SECRET", "wrong").json(&range)?.exits(4)?;
    // The usual place, found through XDG_CONFIG_HOME.
    let xdg = scene.hidden("xdg");
    files::write_private(&xdg.join("frontdesk/frontdesk.toml"), text.as_bytes())?;
    desk.with("XDG_CONFIG_HOME", &xdg.display().to_string())
        .json(&[&range as &[&str], &["--profile", "night"]].concat())?
        .exits(0)?;
    Ok(())
}

fn config_show(scene: &Scene<'_>) -> Outcome {
    let profile = scene.hidden("frontdesk.toml");
    let text = format!(
        "[profiles.night]\nrate = 5\nclient_id = \"file\"\nclient_secret = {:?}\n",
        scene.house.canary.secret
    );
    files::write_private(&profile, text.as_bytes())?;
    let profile = profile.display().to_string();
    // The harness looks for the secret in everything that is printed.
    let desk = scene.desk("data").with("FRONTDESK_CLIENT_ID", "environment");
    let show = ["--config", &profile, "--profile", "night", "config", "show"];
    let run = desk.json(&show)?.exits(0)?;
    let lines = run.lines()?;
    ensure!(
        lines[0]["file"] == *profile && lines[0]["profile"] == "night",
        "{}",
        run.wrong("it does not say what was read")
    );
    let of = |name: &str| lines.iter().find(|line| line["setting"] == name).cloned().unwrap_or_default();
    let origin = format!("profile night of {profile}");
    for (setting, value, origin) in [
        ("rate", "5", origin.as_str()),
        ("client_id", "environment", "environment FRONTDESK_CLIENT_ID"),
        ("client_secret", "********", &origin),
        ("look_back", "72h", "default"),
    ] {
        let line = of(setting);
        ensure!(
            line["value"] == value && line["origin"] == origin,
            "{}",
            run.wrong(&format!("{setting} is not {value} from {origin}: {line}"))
        );
    }
    ensure!(of("base_url")["value"].is_null(), "{}", run.wrong("base_url is not set"));
    let run = desk.run(&show)?.exits(0)?;
    let text = String::from_utf8_lossy(&run.stdout);
    ensure!(
        text.contains("look_back") && text.contains(&origin),
        "{}",
        run.wrong("the table lacks something")
    );
    desk.run(&["--profile", "lost", "config", "show"])?.exits(2)?;
    Ok(())
}

fn man(scene: &Scene<'_>) -> Outcome {
    let desk = scene.desk("data");
    let run = desk.run(&["man", "archive", "pull"])?.exits(0)?;
    let text = String::from_utf8_lossy(&run.stdout);
    ensure!(text.contains(".SH SYNOPSIS") && text.contains("Examples"), "{}", run.wrong("that is no page"));
    desk.run(&["man", "archive", "lost"])?.exits(2)?.says(&["pull"])?;
    let folder = scene.hidden("man");
    desk.run(&["man", "--out", &folder.display().to_string()])?.exits(0)?;
    for page in ["frontdesk.1", "frontdesk-archive-verify.1", "frontdesk-sandbox-serve.1"] {
        ensure!(folder.join(page).is_file(), "{page} was not written");
    }
    Ok(())
}

fn streams(scene: &Scene<'_>) -> Outcome {
    let tenant = scene.tenant(small(scene))?;
    let desk = scene.desk("data").connected(&tenant);
    let year = super::desk::YEAR;
    let pull = |more: &[&str]| desk.run(&[&["archive", "pull"], &year as &[&str], more].concat());
    let run = pull(&[])?.exits(0)?;
    ensure!(!run.stdout.is_empty(), "{}", run.wrong("the result is missing"));
    // The harness checks every --json run for lines that are no JSON objects; here is what goes to stderr.
    let run = pull(&["--quiet"])?.exits(0)?;
    ensure!(run.stderr.is_empty(), "{}", run.wrong("quiet, and still it talks"));
    let run = pull(&["--json", "--quiet", "--no-progress"])?.exits(0)?;
    ensure!(
        run.stderr.is_empty() && run.lines()?.len() == 1,
        "{}",
        run.wrong("one line of JSON was expected")
    );
    let run = pull(&["--output", "json"])?.exits(0)?;
    run.last()?;
    // An error is told also when quiet, and only on stderr.
    let run = desk
        .clone()
        .with("FRONTDESK_CLIENT_SECRET", "wrong")
        .run(&["archive", "pull", "--quiet"])?
        .exits(4)?;
    ensure!(!run.stderr.is_empty(), "{}", run.wrong("quiet about a failure"));
    // What a terminal would obey is escaped for people and exact for scripts.
    let line = scene.hidden("escape.ndjson");
    files::write_private(&line, b"{\"id\":\"\\u001b[2Jboo\",\"startTime\":\"2025-01-01T00:00:00Z\"}")?;
    desk.import(&line)?.exits(0)?;
    let run = desk.run(&["archive", "list"])?.exits(0)?;
    ensure!(!run.stdout.contains(&0x1b), "{}", run.wrong("a control character reaches the terminal"));
    let listed = desk.list()?;
    ensure!(
        listed.iter().any(|record| record.id == "\u{1b}[2Jboo"),
        "the id with a control character is not exact"
    );
    Ok(())
}
