//! `frontdesk webhook verify`

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use frontdesk_domain::Timestamp;
use frontdesk_domain::signature::{
    ID_HEADER, Received, SIGNATURE_HEADER, TIMESTAMP_HEADER, VerifyError, verify,
};
use frontdesk_shell::printer::printable;
use frontdesk_shell::{Exit, Failure};
use serde::Serialize;

use super::webhook_key;
use crate::args::WebhookVerifyArgs;
use crate::clock::WallClock;
use crate::context::Context;

/// The longest body that is looked at.
const LONGEST: u64 = 64 << 20;

#[derive(Serialize)]
struct Answer<'a> {
    webhook_id: &'a str,
    valid: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
}

pub(crate) async fn run(context: &Context<'_>, arguments: &WebhookVerifyArgs) -> Result<Exit, Failure> {
    let at = arguments
        .at
        .as_deref()
        .map(Timestamp::from_date_or_time)
        .transpose()
        .map_err(|error| Failure::from_error(Exit::Usage, "bad_argument", &error).at("--at"))?;
    let now = match at {
        Some(at) => at,
        None => WallClock::of(context).await?.now(),
    };
    let key = webhook_key::read(&arguments.key_file)?;
    let headers = webhook_key::header_lines(&arguments.headers)?;
    let body = body(&arguments.body)?;
    let found = |name: &str| {
        let mut values = headers.iter().filter(|(header, _)| header.eq_ignore_ascii_case(name));
        match (values.next(), values.next()) {
            (Some((_, value)), None) => Ok(value.as_str()),
            (None, _) => Err(format!("there is no header {name}")),
            (Some(_), Some(_)) => Err(format!("the header {name} is there twice")),
        }
    };
    let check = || -> Result<(), String> {
        let received = Received {
            id: found(ID_HEADER)?,
            timestamp: found(TIMESTAMP_HEADER)?,
            signature: found(SIGNATURE_HEADER)?,
        };
        verify(&[key], &received, &body, now).map_err(|error: VerifyError| error.to_string())
    };
    let why = check().err();
    let answer = Answer { webhook_id: found(ID_HEADER).unwrap_or_default(), valid: why.is_none(), why };
    context.printer.data(&answer, |answer| match &answer.why {
        None => format!("{} is what was signed", printable(answer.webhook_id)),
        Some(why) => format!("not valid: {why}"),
    })?;
    Ok(if answer.valid { Exit::Done } else { Exit::Integrity })
}

fn body(path: &Path) -> Result<Vec<u8>, Failure> {
    let failed = |error: &io::Error| {
        Failure::new(Exit::Usage, "unreadable", format!("cannot read {}", path.display()))
            .caused_by(error)
            .at("--body")
    };
    let mut bytes = Vec::new();
    let read = match path.to_str() {
        Some("-") => io::stdin().lock().take(LONGEST + 1).read_to_end(&mut bytes),
        _ => File::open(path).and_then(|file| file.take(LONGEST + 1).read_to_end(&mut bytes)),
    };
    read.map_err(|error| failed(&error))?;
    if bytes.len() as u64 > LONGEST {
        return Err(failed(&io::Error::new(io::ErrorKind::FileTooLarge, "it is longer than 64 MiB")));
    }
    Ok(bytes)
}
