//! Details of conversations as analytics tell them (platform contract C.7 to C.9): by a query, by a job,
//! by their ids.

mod asked;
mod dimensions;
mod filter;
mod jobs;
mod listing;
mod query;
mod record;
mod single;

use super::route::Operation;
use crate::fault::Extra;
use crate::tenant::{Draft, write_json_string};

pub(crate) use jobs::{Jobs, conversations};
pub(super) use jobs::{RESULTS, page_of as page_of_results};
pub(crate) use listing::Memo;
pub(super) use query::{QUERY, page_of as page_of_query};

/// Any of these lets read details.
const VIEW: &[&str] = &["analytics:conversationDetail:view", "analytics:agentConversationDetail:view"];

pub(super) const ROUTES: [&[Operation]; 3] = [query::ROUTES, jobs::ROUTES, single::ROUTES];

/// Appends the conversations of a page as an array, and the records that a fault adds to them.
fn write_page(
    listing: &listing::Listing<'_>,
    page: &[listing::Entry],
    with_attributes: bool,
    extra: &[Extra],
    out: &mut Vec<u8>,
) {
    let mut draft = Draft::default();
    out.push(b'[');
    for entry in page {
        if out.last() != Some(&b'[') {
            out.push(b',');
        }
        let talk = listing.talk(*entry, &mut draft);
        let record = record::Record::of(&talk, listing.deployment, with_attributes);
        serde_json::to_writer(&mut *out, &record).expect("what the sandbox makes is JSON");
    }
    for extra in extra {
        if out.last() != Some(&b'[') {
            out.push(b',');
        }
        out.extend_from_slice(b"{\"conversationStart\":\"2000-01-01T00:00:00.000Z\"");
        if let Some(id) = extra.id() {
            out.extend_from_slice(b",\"conversationId\":");
            write_json_string(out, id);
        }
        out.extend_from_slice(b",\"participants\":[]}");
    }
    out.push(b']');
}
