//! How many requests a pull on the vendor's published contract makes, beside the fewest that can do: counts, and no times.

use frontdesk_sandbox::Config;
use http::Method;
use serde_json::Value;

use super::Scenario;
use super::archive::pulled;
use super::process::Run;
use super::scene::Scene;
use super::tenant::{Tenant, small};
use crate::Outcome;
use crate::least::{By, Least};

/// Enough for the few requests that are not about a conversation to be few.
const CONVERSATIONS: u64 = 1_500;

pub(super) fn scenarios() -> Vec<Scenario> {
    vec![
        Scenario::new("platform: a calm pull by queries makes hardly more requests than it must", by_queries),
        Scenario::new("platform: a calm pull by jobs makes hardly more requests than it must", by_jobs),
    ]
}

fn by_queries(scene: &Scene<'_>) -> Outcome {
    calm(scene, "query", By::Queries)
}

fn by_jobs(scene: &Scene<'_>) -> Outcome {
    calm(scene, "jobs", By::Jobs)
}

fn calm(scene: &Scene<'_>, way: &str, by: By) -> Outcome {
    let config = Config { guests: 0, conversations: Some(CONVERSATIONS), ..small(scene) };
    let tenant = scene.tenant_of_both(config)?;
    let desk = scene.desk("data").on_platform(&tenant).with("FRONTDESK_DETAILS_BY", way);
    let least = tenant.least(by)?;
    ensure!(least.looks == CONVERSATIONS && least.bulk_reads > CONVERSATIONS / 2, "{least:?}");
    let run = requests_of(&tenant, || desk.pull(&[])?.exits(0))?;
    ensure!(pulled(&run.last()?)?.stored == CONVERSATIONS, "{}", run.wrong("not all was stored"));
    hardly_more(&run, &least)?;

    // Again: what is settled costs no more than the listing.
    let run = requests_of(&tenant, || desk.pull(&[])?.exits(0))?;
    let asked = made(&run)?;
    let texts = &run.last()?["transcripts"];
    ensure!(
        texts["looked"] == 0 && asked <= least.listing * 2,
        "{}",
        run.wrong("what is settled was asked for")
    );
    Ok(())
}

/// A run that says how many requests it made, no more and no fewer than there were.
fn requests_of(tenant: &Tenant<'_>, pull: impl FnOnce() -> Result<Run, String>) -> Result<Run, String> {
    let count = || tenant.stats().requests.values().sum::<u64>();
    let before = count();
    let run = pull()?;
    let (came, said) = (count() - before, made(&run)?);
    ensure!(came == said, "{}", run.wrong(&format!("{came} requests came, and it says {said}")));
    Ok(run)
}

fn made(run: &Run) -> Result<u64, String> {
    run.last()?["requests"].as_u64().ok_or_else(|| run.wrong("it does not say how many requests it made"))
}

/// No more than a twentieth above the fewest.
pub(super) fn hardly_more(run: &Run, least: &Least) -> Outcome {
    let (made, least_of_all) = (made(run)?, least.total());
    ensure!(
        made >= least_of_all && made * 20 <= least_of_all * 21,
        "{}",
        run.wrong(&format!("{made} requests, and {least_of_all} would do: {least:?}"))
    );
    Ok(())
}

impl Tenant<'_> {
    /// The fewest requests that everything of the start takes.
    pub(super) fn least(&self, by: By) -> Result<Least, String> {
        let ready = self.ready();
        Least::of(by, ready.from, ready.to, |path| {
            self.door(Method::GET, path, &Value::Null).map(|bytes| bytes.to_vec())
        })
    }
}
