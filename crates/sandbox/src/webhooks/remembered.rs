//! What a receiver remembers of a delivery, and what it counts.

use std::collections::{BTreeMap, HashMap, HashSet};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::Request;
use serde::ser::SerializeMap as _;
use serde::{Serialize, Serializer};
use sha2::{Digest, Sha256};

use crate::moment::Moment;

/// One request that reached a receiver.
#[derive(Debug, Serialize)]
pub(crate) struct Remembered {
    /// 1 for the first that reached this receiver.
    n: u64,
    at: Moment,
    /// `webhook-id`, where it was sent.
    id: Option<String>,
    /// All headers, by name in lower case; one that was sent several times is joined by `, `.
    headers: BTreeMap<String, String>,
    #[serde(flatten, serialize_with = "body")]
    body: Option<Bytes>,
    length: usize,
    sha256: String,
    /// Whether one of the receiver's secrets signed it; nothing when it has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    signed: Option<bool>,
    /// What it was answered, if the answer arrived.
    status: u16,
    /// The fault that it met.
    #[serde(skip_serializing_if = "Option::is_none")]
    fault: Option<String>,
}

/// As text where it is one.
fn body<S: Serializer>(body: &Option<Bytes>, serializer: S) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(None)?;
    if let Some(body) = body {
        match std::str::from_utf8(body) {
            Ok(text) => map.serialize_entry("body", text)?,
            Err(_) => map.serialize_entry("body_base64", &STANDARD.encode(body))?,
        }
    }
    map.end()
}

impl Remembered {
    pub(super) fn of(
        request: &Request<Bytes>,
        n: u64,
        at: Moment,
        status: u16,
        fault: Option<String>,
        signed: Option<bool>,
        keep_body: bool,
    ) -> Self {
        let mut headers = BTreeMap::<String, String>::new();
        for (name, value) in request.headers() {
            let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
            headers
                .entry(name.as_str().to_owned())
                .and_modify(|before| *before = format!("{before}, {value}"))
                .or_insert(value);
        }
        Self {
            n,
            at,
            id: headers.get("webhook-id").cloned(),
            headers,
            body: keep_body.then(|| request.body().clone()),
            length: request.body().len(),
            sha256: Sha256::digest(request.body()).iter().map(|byte| format!("{byte:02x}")).collect(),
            signed,
            status,
            fault,
        }
    }

    fn was_taken(&self) -> bool {
        (200..300).contains(&self.status)
    }
}

/// Counts over what a receiver got.
#[derive(Debug, Serialize)]
pub(crate) struct Totals<'a> {
    name: &'a str,
    requests: u64,
    /// Answered 2xx, whether or not the answer arrived.
    taken: u64,
    /// Different ids among those taken.
    ids: u64,
    /// Taken under an id that had been taken before.
    duplicates: u64,
    /// Bodies that were taken under more than one id: there should be none.
    equal_bodies: u64,
    /// Requests without a `webhook-id`.
    without_id: u64,
    /// Requests that none of the secrets had signed.
    badly_signed: u64,
    /// Requests by the status they were answered with.
    statuses: BTreeMap<u16, u64>,
}

impl<'a> Totals<'a> {
    pub(super) fn of(name: &'a str, received: &[Remembered]) -> Self {
        let mut ids = HashSet::new();
        let mut bodies: HashMap<&str, HashSet<Option<&str>>> = HashMap::new();
        let (mut taken, mut duplicates) = (0, 0);
        let mut statuses = BTreeMap::new();
        for delivery in received {
            *statuses.entry(delivery.status).or_insert(0) += 1;
            if delivery.was_taken() {
                taken += 1;
                let id = delivery.id.as_deref();
                duplicates += u64::from(id.is_some_and(|id| !ids.insert(id)));
                bodies.entry(&delivery.sha256).or_default().insert(id);
            }
        }
        let count = |of: fn(&Remembered) -> bool| received.iter().filter(|one| of(one)).count() as u64;
        Self {
            name,
            requests: received.len() as u64,
            taken,
            ids: ids.len() as u64,
            duplicates,
            equal_bodies: bodies.values().filter(|ids| ids.len() > 1).count() as u64,
            without_id: count(|one| one.id.is_none()),
            badly_signed: count(|one| one.signed == Some(false)),
            statuses,
        }
    }
}
