//! Which conversations are asked for, and as whom.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};

use frontdesk_domain::Violations;
use frontdesk_domain::message::HistoryTarget;
use frontdesk_shell::printer::printable;
use frontdesk_shell::{Exit, Failure};

use super::super::guest_token;
use crate::args::HistoryPullArgs;
use crate::connect::Eyes;

/// Bad lines that are named one by one.
const MOST_NAMED: usize = 20;
/// Three ids and their names; anything longer is no line of an input.
const LONGEST_LINE: u64 = 64 << 10;

/// All of them, checked before anything is asked for.
pub(super) fn targets(arguments: &HistoryPullArgs) -> Result<Vec<HistoryTarget>, Failure> {
    let Some(path) = &arguments.from else {
        return target(arguments).map(|target| vec![target]).map_err(|violations| {
            Failure::new(Exit::Usage, "refused", "the ids cannot be used").caused_by(&violations)
        });
    };
    let input: Box<dyn Read> = if path.as_os_str() == "-" {
        Box::new(io::stdin())
    } else {
        Box::new(File::open(path).map_err(|error| unreadable(&error, "cannot open the input"))?)
    };
    read(BufReader::new(input))
}

/// As whom the histories are looked at.
pub(super) fn eyes(arguments: &HistoryPullArgs) -> Result<Eyes, Failure> {
    match &arguments.guest_token_file {
        None if arguments.with_bearer => Ok(Eyes::Bearer),
        None => Ok(Eyes::Plain),
        Some(path) => {
            let holds = "the JWT alone, as getJwt of the guest's session gave it";
            guest_token::read(path, "--guest-token-file", holds).map(Eyes::Guest)
        }
    }
}

/// The one of the flags.
pub(super) fn target(arguments: &HistoryPullArgs) -> Result<HistoryTarget, Violations> {
    let text = |id: &Option<String>| id.clone().unwrap_or_default();
    HistoryTarget::new(
        text(&arguments.organization_id),
        text(&arguments.domain_id),
        text(&arguments.conversation_id),
    )
}

fn unreadable(error: &io::Error, what: &str) -> Failure {
    Failure::new(Exit::Usage, "unreadable_input", what).caused_by(error).hint("check the path of --from")
}

fn read(mut input: impl BufRead) -> Result<Vec<HistoryTarget>, Failure> {
    let (mut targets, mut bad) = (Vec::new(), Vec::new());
    let (mut number, mut count, mut line) = (0_u64, 0_u64, Vec::new());
    loop {
        line.clear();
        let read = input.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut line);
        if read.map_err(|error| unreadable(&error, "cannot read the input"))? == 0 {
            break;
        }
        number += 1;
        if line.len() as u64 == LONGEST_LINE {
            return Err(Failure::new(
                Exit::Usage,
                "bad_input",
                format!("line {number} of the input is longer than 64 KiB"),
            ));
        }
        if line.trim_ascii().is_empty() {
            continue;
        }
        match serde_json::from_slice::<HistoryTarget>(&line) {
            Ok(target) => targets.push(target),
            Err(error) => {
                count += 1;
                if bad.len() < MOST_NAMED {
                    let text = error.to_string();
                    // The place serde adds is in the line, which the number names already.
                    let text = text.split(" at line ").next().unwrap_or_default().replace('\n', "; ");
                    bad.push(format!("line {number}: {}", printable(&text)));
                }
            }
        }
    }
    if count == 0 && targets.is_empty() {
        return Err(Failure::new(Exit::Usage, "bad_input", "no conversation is named")
            .hint("the input has no line; see frontdesk history pull --help"));
    }
    if count > 0 {
        let message = format!("{count} lines of the input name no conversation");
        let mut failure = Failure::new(Exit::Usage, "bad_input", message);
        for line in bad {
            failure = failure.caused_by(&io::Error::other(line));
        }
        return Err(failure.hint(
            r#"a line is {"organization_id": "…", "domain_id": "…", "conversation_id": "…"}; nothing was asked for"#,
        ));
    }
    Ok(targets)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bad_line_is_named_before_anything_is_asked_for() {
        let good = r#"{"organization_id": "o", "domain_id": "d", "conversation_id": "c"}"#;
        let targets = read(format!("{good}\n\n  \r\n{good}").as_bytes()).unwrap();
        assert_eq!(targets.len(), 2);
        let bad = [
            good,
            r#"{"organization_id": "", "domain_id": "..", "conversation_id": "%2e%2e"}"#,
            r#"{"organization_id": "o", "domain_id": "d"}"#,
            r#"{"organizationId": "o"}"#,
            "not json \u{1b}[2J",
            "[]",
        ];
        let failure = read(bad.join("\n").as_bytes()).unwrap_err();
        assert_eq!((failure.exit(), failure.kind()), (Exit::Usage, "bad_input"));
        insta::assert_snapshot!(failure.to_string());
        for empty in ["", "\n \r\n"] {
            let failure = read(empty.as_bytes()).unwrap_err();
            assert_eq!(
                (failure.exit(), failure.one_line().as_str()),
                (Exit::Usage, "no conversation is named")
            );
        }
        let long = format!("{{\"organization_id\": \"{}\"}}", "x".repeat(70_000));
        assert_eq!(read(long.as_bytes()).unwrap_err().kind(), "bad_input");
        let many = "x\n".repeat(1_000);
        let failure = read(many.as_bytes()).unwrap_err().to_string();
        assert!(failure.contains("1000 lines") && failure.contains("line 20:"), "{failure}");
        assert!(!failure.contains("line 21:"), "{failure}");
    }
}
