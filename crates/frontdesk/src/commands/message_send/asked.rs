//! What was typed, checked: all problems at once.

use std::fs::File;
use std::io::{self, BufReader, Read as _};
use std::num::NonZeroUsize;
use std::path::Path;

use frontdesk_domain::outbound::{AttachmentDraft, MessageDraft, Simulator};
use frontdesk_messages::{Batch, Line, Lines, Watching};
use frontdesk_shell::{Exit, Failure};

use super::post;
use crate::args::{MessageSendArgs, MessageSimulateArgs};
use crate::context::Context;

/// The most messages that may be in flight at once.
const MOST_AT_ONCE: usize = 200;
/// The largest body or attachment that is read, in bytes.
const MOST_BYTES: u64 = 48 << 20;

/// What is to be sent, and how.
pub(in crate::commands) struct Asked {
    pub(super) lines: Lines,
    pub(super) watching: Watching,
    pub(super) concurrency: NonZeroUsize,
    /// It is one message, by flags.
    pub(super) one: bool,
}

impl Asked {
    pub(super) fn check(context: &Context<'_>, arguments: &MessageSendArgs) -> Result<Self, Failure> {
        let watching = post::watching(context, arguments.no_wait)?;
        let concurrency = arguments
            .concurrency
            .parse::<NonZeroUsize>()
            .ok()
            .filter(|n| n.get() <= MOST_AT_ONCE)
            .ok_or_else(|| bad(&format!("--concurrency: write a number between 1 and {MOST_AT_ONCE}")))?;
        let lines = match &arguments.from {
            Some(from) => lines(from, batch(arguments.batch.as_deref())?)?,
            None => Lines::of(vec![Line::single(draft(arguments)?)]),
        };
        Ok(Self { lines, watching, concurrency, one: arguments.from.is_none() })
    }
}

/// The messages of a simulator, to be sent.
pub(in crate::commands) fn simulated(
    context: &Context<'_>,
    arguments: &MessageSimulateArgs,
) -> Result<Asked, Failure> {
    let watching = post::watching(context, arguments.no_wait)?;
    let batch = batch(arguments.batch.as_deref())?;
    let simulator = Simulator::new(arguments.seed);
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    let lines = (0..arguments.count).map(|k| {
        let draft = simulator.message(k).draft();
        let draft = draft.conversation_id(text(&arguments.conversation_id)).from(text(&arguments.sender));
        Line::of_batch(&batch, k + 1, draft, &format!("simulated {} {k}", arguments.seed))
    });
    let lines = Lines::of(lines.collect());
    Ok(Asked { lines, watching, concurrency: NonZeroUsize::MIN, one: false })
}

fn batch(name: Option<&str>) -> Result<Batch, Failure> {
    name.map_or_else(
        || Ok(Batch::default()),
        |name| {
            Batch::new(name)
                .map_err(|_| bad("--batch: write a name of a to z, 0 to 9 and -, at most 64 of them"))
        },
    )
}

fn draft(arguments: &MessageSendArgs) -> Result<MessageDraft, Failure> {
    let mut draft = MessageDraft::new().kind(&arguments.kind);
    if let Some(id) = &arguments.conversation_id {
        draft = draft.conversation_id(id);
    }
    if let Some(messenger) = &arguments.messenger {
        draft = draft.messenger(messenger).join_active(arguments.join_active);
    }
    if let Some(sender) = &arguments.sender {
        draft = draft.from(sender);
    }
    for to in &arguments.to {
        draft = draft.to(to);
    }
    for path in &arguments.attach {
        let bytes = read(path)?;
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        draft = draft.attachment(AttachmentDraft::of_bytes(&name, &bytes));
    }
    for url in &arguments.attach_url {
        draft = draft.attachment(AttachmentDraft::of_url(url));
    }
    let text = match &arguments.text {
        Some(text) => text.clone(),
        None => body()?,
    };
    Ok(if arguments.kind == "application/json" { draft.json(&text) } else { draft.text(text) })
}

/// The body from stdin, without the line break that ends a text file.
fn body() -> Result<String, Failure> {
    let mut text = String::new();
    let read = io::stdin().lock().take(MOST_BYTES).read_to_string(&mut text);
    read.map_err(|error| bad("the body on stdin is no text").caused_by(&error))?;
    let end = text.trim_end_matches('\n').trim_end_matches('\r').len();
    text.truncate(end);
    Ok(text)
}

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    let unreadable = |error: &io::Error| bad(&format!("cannot read {}", path.display())).caused_by(error);
    let file = File::open(path).map_err(|error| unreadable(&error))?;
    file.take(MOST_BYTES + 1).read_to_end(&mut bytes).map_err(|error| unreadable(&error))?;
    if bytes.len() as u64 > MOST_BYTES {
        return Err(bad(&format!("{} is larger than 48 MiB", path.display()))
            .hint("put it where the recipient can get it, and name it with --attach-url"));
    }
    Ok(bytes)
}

fn lines(from: &Path, batch: Batch) -> Result<Lines, Failure> {
    let unreadable = |error: &io::Error| {
        bad(&format!("cannot read {}", from.display())).caused_by(error).hint(
            "name a file of lines such as {\"conversation_id\": \"c-1\", \"from\": \"agent-7\", \"to\": [\"guest-1\"], \
             \"type\": \"text/plain\", \"content\": \"Hello\"}",
        )
    };
    let lines = if from == Path::new("-") {
        Lines::read(BufReader::new(io::stdin()), batch)
    } else {
        let file = File::open(from).map_err(|error| unreadable(&error))?;
        Lines::read(BufReader::with_capacity(64 << 10, file), batch)
    };
    lines.map_err(|error| unreadable(&error))
}

fn bad(message: &str) -> Failure {
    Failure::new(Exit::Usage, "bad_argument", message).hint("see frontdesk message send --help")
}
