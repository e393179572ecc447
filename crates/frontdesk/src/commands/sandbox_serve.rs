//! `frontdesk sandbox serve`

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use frontdesk_sandbox::{Addresses, Config, FaultPlan, RateMode, Sandbox, Untidy, serve_contracts};
use frontdesk_shell::{Exit, Failure, Format};

use crate::args::ServeArgs;
use crate::context::{self, Context};

pub(crate) async fn run(context: &Context<'_>, arguments: &ServeArgs) -> Result<Exit, Failure> {
    let faults = match &arguments.faults {
        Some(path) => faults(path)?,
        None => FaultPlan::default(),
    };
    let config = Config {
        seed: arguments.seed,
        conversations: arguments.conversations,
        corpora: arguments.corpus.clone(),
        guests: arguments.guests,
        long_history: arguments.long_history,
        untidy: arguments.untidy.map_or_else(Untidy::default, Untidy::evenly),
        history_retention: arguments
            .history_retention
            .map(|days| Duration::from_secs(u64::from(days) * 86_400)),
        rate_limit_per_min: arguments.rate_limit,
        rate_mode: if arguments.rate_mode == "bucket" { RateMode::Bucket } else { RateMode::Window },
        latency: Duration::from_millis(arguments.latency),
        faults,
        ..Config::default()
    };
    let sandbox = Sandbox::new(config).map_err(|error| {
        Failure::from_error(Exit::Usage, "sandbox", &error)
            .hint("check --corpus, --conversations, --untidy and --faults")
    })?;
    let shutdown = context::signals()?;
    let addresses = addresses(arguments);
    let running = serve_contracts(Arc::new(sandbox), addresses).await.map_err(|error| {
        let wanted = [addresses.gateway, addresses.platform].into_iter().flatten();
        let wanted = wanted.map(|address| address.to_string()).collect::<Vec<_>>().join(" and ");
        Failure::new(Exit::Usage, "sandbox", format!("cannot listen on {wanted}"))
            .caused_by(&error)
            .hint("choose another --addr or --platform-addr; port 0 takes a free one")
    })?;
    // One JSON line whatever the format: scripts wait for it.
    let ready = serde_json::to_string(running.ready()).map_err(|error| {
        Failure::new(Exit::Unexpected, "output", "cannot write the ready line").caused_by(&error)
    })?;
    context.printer.raw(format!("{ready}\n").as_bytes())?;
    context.printer.flush()?;
    if context.printer.format() == Format::Text {
        context.printer.talk("serving until Ctrl-C; the credentials above are not secret");
    }
    shutdown.requested().await;
    running.stop().await;
    Ok(Exit::Done)
}

/// Where which contract is to be served; a contract that is alone is at `--addr`.
fn addresses(arguments: &ServeArgs) -> Addresses {
    match arguments.contract.as_str() {
        "platform" => Addresses::platform(arguments.addr),
        "both" => Addresses { platform: Some(arguments.platform_addr), ..Addresses::gateway(arguments.addr) },
        _ => Addresses::gateway(arguments.addr),
    }
}

fn faults(path: &Path) -> Result<FaultPlan, Failure> {
    let unreadable =
        || Failure::new(Exit::Usage, "unreadable_faults", format!("cannot read {}", path.display()));
    let text = fs::read_to_string(path).map_err(|error| unreadable().caused_by(&error))?;
    serde_json::from_str(&text).map_err(|error| {
        unreadable().caused_by(&error).hint("a fault plan is JSON; see the crate docs of frontdesk-sandbox")
    })
}
