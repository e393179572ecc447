//! `frontdesk token create|list|revoke`

use frontdesk_domain::Timestamp;
use frontdesk_domain::audit::{ChangeRecord, ChangeState};
use frontdesk_journal::Change;
use frontdesk_server::{Role, Token, TokenError, Tokens, UnknownRole};
use frontdesk_shell::printer::printable;
use frontdesk_shell::{Exit, Failure, quantity};
use serde::Serialize;

use crate::args::{TokenCommand, TokenCreateArgs};
use crate::clock::WallClock;
use crate::context::Context;
use crate::{failures, journal};

/// The tokens of the data directory.
pub(crate) fn tokens(context: &Context<'_>) -> Result<Tokens, Failure> {
    Ok(Tokens::new(context.settings.data_dir(&context.environment)?))
}

pub(crate) async fn run(context: &Context<'_>, command: &TokenCommand) -> Result<Exit, Failure> {
    match command {
        TokenCommand::Create(arguments) => create(context, arguments).await,
        TokenCommand::List => list(context),
        TokenCommand::Revoke { id } => revoke(context, id).await,
    }
}

fn failed(error: &TokenError) -> Failure {
    let (exit, kind) = match error {
        TokenError::Name => (Exit::Usage, "bad_argument"),
        TokenError::Unknown => (Exit::Usage, "not_found"),
        TokenError::Busy => (Exit::Busy, "store_busy"),
        TokenError::Malformed => (Exit::Integrity, "damage"),
        _ => (Exit::Storage, "storage"),
    };
    let failure = Failure::from_error(exit, kind, error);
    match error {
        TokenError::Unknown => failure.hint("frontdesk token list names every token's id"),
        TokenError::Malformed => failure.hint("move tokens.json away, and make the tokens anew"),
        _ => failure,
    }
}

/// A token, as scripts read it.
#[derive(Serialize)]
struct Line<'a> {
    id: &'a str,
    name: &'a str,
    role: Role,
    created_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<Timestamp>,
    /// The token itself; when it was made only.
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<&'a str>,
}

impl<'a> Line<'a> {
    fn new(token: &'a Token, text: Option<&'a str>) -> Self {
        let Token { id, name, role, created_at, expires_at, .. } = token;
        Self { id, name, role: *role, created_at: *created_at, expires_at: *expires_at, token: text }
    }

    fn text(&self) -> String {
        let until = self.expires_at.map_or_else(String::new, |end| format!(", until {end}"));
        format!("{}  {:<8}  {}  since {}{until}", self.id, self.role, printable(self.name), self.created_at)
    }
}

async fn create(context: &Context<'_>, arguments: &TokenCreateArgs) -> Result<Exit, Failure> {
    let role: Role = arguments.role.parse().map_err(|error: UnknownRole| {
        Failure::from_error(Exit::Usage, "bad_argument", &error).at("--role")
    })?;
    let clock = WallClock::of(context).await?;
    let now = clock.now();
    let expires = arguments
        .expires
        .as_deref()
        .map(quantity::duration)
        .transpose()
        .map_err(|error| Failure::from_error(Exit::Usage, "bad_argument", &error).at("--expires"))?;
    let expires_at = expires.and_then(|time| now.checked_add(time));
    let made = tokio::task::block_in_place(|| {
        tokens(context)?.create(&arguments.name, role, now, expires_at).map_err(|error| failed(&error))
    });
    let (token, text) = made?;
    record(context, &clock, "token create", &token.id, Some(&token))?;
    context.printer.data(&Line::new(&token, Some(&text)), |line| {
        format!("{}\nkeep it now: it is not shown again\n{text}", line.text())
    })?;
    Ok(Exit::Done)
}

fn list(context: &Context<'_>) -> Result<Exit, Failure> {
    for token in &tokens(context)?.list().map_err(|error| failed(&error))? {
        context.printer.data(&Line::new(token, None), Line::text)?;
    }
    Ok(Exit::Done)
}

#[derive(Serialize)]
struct Revoked<'a> {
    revoked: &'a str,
}

async fn revoke(context: &Context<'_>, id: &str) -> Result<Exit, Failure> {
    let clock = WallClock::of(context).await?;
    tokio::task::block_in_place(|| tokens(context)?.revoke(id).map_err(|error| failed(&error)))?;
    record(context, &clock, "token revoke", id, None)?;
    context
        .printer
        .data(&Revoked { revoked: id }, |revoked| format!("{} counts no more", printable(revoked.revoked)))?;
    Ok(Exit::Done)
}

/// Writes it down in the audit log.
fn record(
    context: &Context<'_>,
    clock: &WallClock,
    command: &str,
    id: &str,
    token: Option<&Token>,
) -> Result<(), Failure> {
    let journal = std::sync::Arc::new(journal::open(context, command, clock)?);
    let mut details = std::collections::BTreeMap::from([("token".to_owned(), id.to_owned())]);
    if let Some(token) = token {
        details.insert("name".to_owned(), token.name.clone());
        details.insert("role".to_owned(), token.role.as_str().to_owned());
    }
    let record = ChangeRecord {
        timestamp: clock.now(),
        change: format!("token-{id}"),
        command: command.to_owned(),
        run_id: None,
        state: ChangeState::Done,
        details,
        counts: std::collections::BTreeMap::new(),
        error: None,
    };
    tokio::task::block_in_place(|| journal.record(Change::new().audit(record)))
        .map_err(|error| failures::journal(&error))?;
    journal::close(journal)
}
