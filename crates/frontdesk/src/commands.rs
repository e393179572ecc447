//! One file a command: compose, run, render, map to an exit code.

mod archive_export;
mod archive_hold;
mod archive_import;
mod archive_list;
mod archive_pull;
mod archive_repair;
mod archive_report;
mod archive_retain;
mod archive_search;
mod archive_show;
mod archive_verify;
mod audit_export;
mod audit_rotate;
mod audit_tail;
mod audit_verify;
mod completions;
mod config_show;
mod demo;
mod doctor;
mod effort;
mod guest_token;
mod history_pull;
mod man;
mod message_send;
mod message_simulate;
mod message_sla;
mod message_status;
mod policy_explain;
mod sandbox_serve;
mod scheduled;
mod scheduled_pull;
mod scheduled_retain;
mod scheduled_verify;
mod serve;
mod serve_deliveries;
mod serve_intake;
mod session_close;
mod session_consent;
mod session_list;
mod session_open;
mod token;
mod watch;
mod webhook_deliveries;
mod webhook_drain;
mod webhook_endpoints;
pub(crate) mod webhook_key;
mod webhook_listen;
mod webhook_register;
mod webhook_verify;

use frontdesk_shell::{Environment, Exit, Failure, Printer};

use crate::args::{
    ArchiveCommand, AuditCommand, Cli, Command, ConfigCommand, DemoContract, HistoryCommand, MessageCommand,
    PolicyCommand, SandboxCommand, SessionCommand, WatchArgs, WebhookCommand,
};
use crate::context::Context;
use crate::outbox;

/// Runs the command that was typed.
pub(crate) async fn run(cli: Cli, environment: Environment, printer: &Printer) -> Result<Exit, Failure> {
    let global = &cli.global;
    let plain = |environment| Context::new(global, None, Vec::new(), environment, printer);
    match cli.command {
        Command::Demo(arguments) => demo::run(global, &arguments, printer).await,
        Command::Completions { shell } => completions::run(shell, printer),
        Command::Man(arguments) => man::run(&arguments, printer),
        Command::Config(ConfigCommand::Show) => config_show::run(&plain(environment)?),
        Command::Policy(PolicyCommand::Explain { id }) => {
            policy_explain::run(&plain(environment)?, &id).await
        }
        Command::Webhook(command) => {
            let connected = |connection, url: &Option<String>, environment| {
                let url = vec![("callback_url", url.clone())];
                Context::new(global, Some(connection), url, environment, printer)
            };
            let context = match &command {
                WebhookCommand::Register(arguments) => {
                    connected(&arguments.connection, &arguments.url, environment)?
                }
                WebhookCommand::Listen(arguments) => {
                    connected(&arguments.connection, &arguments.url, environment)?
                }
                _ => plain(environment)?,
            };
            match command {
                WebhookCommand::Register(arguments) => {
                    webhook_register::run(&context, arguments.workflow.as_deref()).await
                }
                WebhookCommand::Listen(arguments) => webhook_listen::run(&context, &arguments).await,
                WebhookCommand::Endpoints(command) => webhook_endpoints::run(&context, &command).await,
                WebhookCommand::Deliveries(arguments) => webhook_deliveries::run(&context, &arguments),
                WebhookCommand::Drain(arguments) => webhook_drain::run(&context, &arguments).await,
                WebhookCommand::Replay(arguments) => webhook_deliveries::replay(&context, &arguments).await,
                WebhookCommand::Verify(arguments) => webhook_verify::run(&context, &arguments).await,
            }
        }
        Command::Token(command) => token::run(&plain(environment)?, &command).await,
        Command::Serve(arguments) if arguments.demo => {
            let given = demo::give(global, DemoContract::Gateway, printer).await?;
            let served = serve::run(&given.context(global, printer)?, &arguments).await;
            given.end().await;
            served
        }
        Command::Serve(arguments) => serve::run(&plain(environment)?, &arguments).await,
        Command::Doctor(arguments) => {
            let context =
                Context::new(global, Some(&arguments.connection), Vec::new(), environment, printer)?;
            doctor::run(&context).await
        }
        Command::Sandbox(SandboxCommand::Serve(arguments)) => {
            sandbox_serve::run(&plain(environment)?, &arguments).await
        }
        Command::History(HistoryCommand::Pull(arguments)) => {
            let context =
                Context::new(global, Some(&arguments.connection), Vec::new(), environment, printer)?;
            history_pull::run(&context, &arguments).await
        }
        Command::Session(SessionCommand::Open(arguments)) => {
            let context =
                Context::new(global, Some(&arguments.connection), Vec::new(), environment, printer)?;
            session_open::run(&context, &arguments).await
        }
        Command::Session(SessionCommand::List(arguments)) => {
            let context =
                Context::new(global, Some(&arguments.connection), Vec::new(), environment, printer)?;
            session_list::run(&context, &arguments).await
        }
        Command::Session(SessionCommand::Consent { guest }) => {
            session_consent::run(&plain(environment)?, &guest)
        }
        Command::Session(SessionCommand::Close(arguments)) => {
            let context =
                Context::new(global, Some(&arguments.connection), Vec::new(), environment, printer)?;
            session_close::run(&context, &arguments).await
        }
        Command::Message(command) => {
            let flags = |watch: &WatchArgs| {
                vec![
                    ("sla_threshold", watch.threshold.clone()),
                    ("poll_interval", watch.poll_interval.clone()),
                    ("poll_count", watch.poll_count.clone()),
                ]
            };
            let of = |connection, flags| Context::new(global, connection, flags, environment, printer);
            match command {
                MessageCommand::Send(arguments) => {
                    let context = of(Some(&arguments.connection), flags(&arguments.watch))?;
                    message_send::run(&context, &arguments).await
                }
                MessageCommand::Simulate(arguments) => {
                    let context = of(Some(&arguments.connection), flags(&arguments.watch))?;
                    message_simulate::run(&context, &arguments).await
                }
                MessageCommand::Status(arguments) => {
                    let flags = vec![("sla_threshold", arguments.threshold.clone())];
                    message_status::run(&of(Some(&arguments.connection), flags)?, &arguments).await
                }
                MessageCommand::Sla(arguments) => {
                    let flags = vec![("sla_threshold", arguments.threshold.clone())];
                    message_sla::run(&of(None, flags)?, &arguments).await
                }
            }
        }
        Command::Audit(command) => {
            let context = plain(environment)?;
            match command {
                AuditCommand::Tail(arguments) => audit_tail::run(&context, &arguments).await,
                AuditCommand::Verify(arguments) => audit_verify::run(&context, &arguments),
                AuditCommand::Export(arguments) => audit_export::run(&context, &arguments),
                AuditCommand::Rotate => audit_rotate::run(&context).await,
            }
        }
        Command::Archive(command) => match command {
            ArchiveCommand::Pull(arguments) => {
                let flags = vec![
                    ("look_back", arguments.look_back.clone()),
                    ("organization_id", arguments.store.organization_id.clone()),
                ];
                let context = Context::new(global, Some(&arguments.connection), flags, environment, printer)?;
                outbox::drain_after(&context, archive_pull::run(&context, &arguments).await).await
            }
            ArchiveCommand::Import(arguments) => {
                let flags = vec![("organization_id", arguments.store.organization_id.clone())];
                let context = Context::new(global, None, flags, environment, printer)?;
                outbox::drain_after(&context, archive_import::run(&context, &arguments).await).await
            }
            ArchiveCommand::Search(arguments) => archive_search::run(&plain(environment)?, &arguments),
            ArchiveCommand::Show(arguments) => archive_show::run(&plain(environment)?, &arguments),
            ArchiveCommand::Retain(arguments) => {
                let context = plain(environment)?;
                outbox::drain_after(&context, archive_retain::run(&context, &arguments).await).await
            }
            ArchiveCommand::Hold(command) => {
                let context = plain(environment)?;
                outbox::drain_after(&context, archive_hold::run(&context, &command).await).await
            }
            ArchiveCommand::List => archive_list::run(&plain(environment)?),
            ArchiveCommand::Verify => archive_verify::run(&plain(environment)?),
            ArchiveCommand::Export(arguments) => archive_export::run(&plain(environment)?, &arguments).await,
            ArchiveCommand::Repair(arguments) => {
                let flags = vec![("organization_id", arguments.store.organization_id.clone())];
                let context = Context::new(global, Some(&arguments.connection), flags, environment, printer)?;
                outbox::drain_after(&context, archive_repair::run(&context, &arguments).await).await
            }
            ArchiveCommand::Report(arguments) => archive_report::run(&plain(environment)?, &arguments).await,
        },
    }
}
