//! The published contract: its hosts, what it does not serve.

use std::num::NonZeroU32;

use frontdesk_api::platform::{DetailsOptions, DetailsWay};
use frontdesk_api::{BaseUrl, Cancel, Client, ClientStyle, Credentials, Platform};
use frontdesk_domain::Secret;
use frontdesk_domain::region::Region;
use frontdesk_shell::{Exit, Failure};

use super::client;
use super::contract::{missing, require};
use crate::clock::WallClock;
use crate::context::Context;

/// The organisation of the settings; its calls end on the signal. No scopes are asked for, whatever the settings say: a
/// client-credentials token does what the client's roles allow (platform contract A.5).
pub(super) fn platform(
    context: &Context<'_>,
    clock: &WallClock,
    cancel: Cancel,
) -> Result<Platform, Failure> {
    let (id, secret) = require(context)?;
    let (base, login) = hosts(context)?;
    let style = context.settings.parsed("client_style", str::parse::<ClientStyle>)?.unwrap_or_default();
    if style != ClientStyle::Basic {
        let message = format!("the client style is {style}, and the platform's login host takes basic only");
        return Err(Failure::new(Exit::Usage, "bad_setting", message).hint("leave client_style out"));
    }
    let credentials = Credentials::new(id, Secret::new(secret)).map_err(|error| {
        Failure::new(Exit::Usage, "bad_setting", "the credentials cannot be used").caused_by(&error)
    })?;
    let (client, calls) = client(context, clock, cancel, Client::builder(base, credentials).login(login))?;
    Ok(Platform::new(client).options(calls).details(details(context)?))
}

/// How conversations are listed: the settings `details_by`, `details_jobs_above`, `details_query_days`, `details_job_page`.
fn details(context: &Context<'_>) -> Result<DetailsOptions, Failure> {
    let settings = &context.settings;
    let within = |name: &'static str, most: u32| {
        let number = settings.parsed(name, str::parse::<u32>)?;
        match number {
            Some(number) if number == 0 || number > most => {
                let message = format!("{name} is {number}, and goes from 1 to {most}");
                Err(Failure::new(Exit::Usage, "bad_setting", message))
            }
            number => Ok(number),
        }
    };
    let mut options = DetailsOptions::default();
    options.way = settings.parsed("details_by", str::parse::<DetailsWay>)?.unwrap_or(options.way);
    options.jobs_above =
        settings.parsed("details_jobs_above", str::parse::<u64>)?.unwrap_or(options.jobs_above);
    let days = within("details_query_days", 31)?.and_then(NonZeroU32::new);
    options.query_days = days.unwrap_or(options.query_days);
    options.job_page_size = within("details_job_page", 10_000)?.unwrap_or(options.job_page_size);
    Ok(options)
}

/// Where the API and its tokens are: as the settings say, else as the region does (platform contract A.1). Of an API host
/// given by itself the login host is the one beside it (A.2).
fn hosts(context: &Context<'_>) -> Result<(BaseUrl, BaseUrl), Failure> {
    let base = api_host(context)?;
    let login = match context.settings.parsed("login_url", str::parse::<BaseUrl>)? {
        Some(login) => login,
        None => match base.login_host() {
            Some(login) => login,
            None => of_region(context, Region::login_url)?.ok_or_else(|| missing(&["login_url"]))?,
        },
    };
    Ok((base, login))
}

/// Where the API is: as the settings say, else as the region does (platform contract A.1).
pub(super) fn api_host(context: &Context<'_>) -> Result<BaseUrl, Failure> {
    match context.settings.parsed("base_url", str::parse::<BaseUrl>)? {
        Some(base) => Ok(base),
        None => of_region(context, Region::api_url)?.ok_or_else(|| missing(&["region"])),
    }
}

/// One of the hosts of the region that the settings name.
fn of_region(context: &Context<'_>, url: impl FnOnce(Region) -> String) -> Result<Option<BaseUrl>, Failure> {
    let region = context.settings.parsed("region", str::parse::<Region>)?;
    region.map(|region| url(region).parse::<BaseUrl>()).transpose().map_err(|error| {
        Failure::new(Exit::Unexpected, "region", "the region's hosts cannot be used").caused_by(&error)
    })
}

/// Said where a command is not served by the published contract here.
pub(super) fn unserved(what: &str) -> Failure {
    Failure::new(Exit::Usage, "contract", format!("the contract is platform, and {what} is not served there"))
        .hint("set FRONTDESK_CONTRACT=gateway where the organisation has a gateway")
}

#[cfg(test)]
mod tests {
    use frontdesk_shell::{Environment, Format, Printer};

    use super::*;
    use crate::args::GlobalArgs;

    /// The hosts of these settings, or the failure's one line.
    fn hosts_of(variables: &[(&str, &str)]) -> Result<(String, String), String> {
        let environment = Environment::from_iter(variables.iter().copied());
        let printer = Printer::new(Format::Text, true);
        let global = GlobalArgs::default();
        let context = Context::new(&global, None, Vec::new(), environment, &printer)
            .map_err(|failure| failure.one_line())?;
        let (base, login) = hosts(&context).map_err(|failure| failure.to_string())?;
        Ok((base.to_string(), login.to_string()))
    }

    #[test]
    fn hosts_come_from_the_region_and_what_is_said_goes_before_it() {
        let both = |base: &str, login: &str| Ok((base.to_owned(), login.to_owned()));
        let region = ("FRONTDESK_REGION", "eu-central-1");
        let ireland = ("https://api.mypurecloud.ie", "https://login.mypurecloud.ie");
        assert_eq!(hosts_of(&[region]), both("https://api.mypurecloud.de", "https://login.mypurecloud.de"));
        assert_eq!(hosts_of(&[("FRONTDESK_BASE_URL", ireland.0)]), both(ireland.0, ireland.1));
        assert_eq!(
            hosts_of(&[region, ("FRONTDESK_BASE_URL", "https://proxy.example.com/api")]),
            both("https://proxy.example.com/api", "https://login.mypurecloud.de")
        );
        let local = ("FRONTDESK_BASE_URL", "http://127.0.0.1:9");
        assert!(hosts_of(&[local]).unwrap_err().contains("login_url"));
        assert_eq!(
            hosts_of(&[local, ("FRONTDESK_LOGIN_URL", "http://127.0.0.1:9/login")]),
            both("http://127.0.0.1:9", "http://127.0.0.1:9/login")
        );
        let misspelt = hosts_of(&[("FRONTDESK_REGION", "eu-centrall-1")]).unwrap_err();
        assert!(misspelt.contains("did you mean eu_central_1?"), "{misspelt}");
    }
}
