//! What the vendor's published contract says of conversations and their texts, read the way its pages say (platform contract
//! C.4.4) and by none of the binary's code; and what of it is in an archive.

use std::collections::{BTreeMap, BTreeSet};

use http::Method;
use serde_json::{Value, json};

use super::desk::Desk;
use super::files;
use super::tenant::Tenant;

/// What there is of one conversation.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Texts {
    /// The ids that its legs list.
    pub(super) listed: BTreeSet<String>,
    /// Those whose texts can be had.
    pub(super) readable: BTreeSet<String>,
    /// When it ended, as the platform writes it.
    pub(super) ended: Option<String>,
}

impl Texts {
    /// Whether something of it is still to come.
    pub(super) fn are_late(&self) -> bool {
        self.listed != self.readable
    }
}

impl Tenant<'_> {
    /// The texts of one conversation.
    pub(super) fn texts(&self, token: &str, conversation: &str) -> Result<Texts, String> {
        let path = format!("/api/v2/conversations/{conversation}");
        let live = parsed(&self.platform(Method::GET, &path, token, &Value::Null)?, &path)?;
        let mut texts = Texts { ended: live["endTime"].as_str().map(str::to_owned), ..Texts::default() };
        for participant in live["participants"].as_array().into_iter().flatten() {
            for leg in participant["messages"].as_array().into_iter().flatten() {
                let ids = leg["messages"].as_array().into_iter().flatten();
                texts
                    .listed
                    .extend(ids.filter_map(|message| message["messageId"].as_str().map(str::to_owned)));
            }
        }
        let ids: Vec<&String> = texts.listed.iter().collect();
        for some in ids.chunks(1_000) {
            let path = format!("/api/v2/conversations/messages/{conversation}/messages/bulk");
            let bulk = parsed(&self.platform(Method::POST, &path, token, &json!(some))?, &path)?;
            let entities = bulk["entities"].as_array().into_iter().flatten();
            texts.readable.extend(entities.filter_map(|entity| entity["id"].as_str().map(str::to_owned)));
        }
        Ok(texts)
    }

    /// The texts of these conversations.
    pub(super) fn all_texts<'i>(
        &self,
        ids: impl IntoIterator<Item = &'i String>,
    ) -> Result<BTreeMap<String, Texts>, String> {
        let token = self.platform_token()?;
        ids.into_iter().map(|id| Ok((id.clone(), self.texts(&token, id)?))).collect()
    }
}

/// A transcript as an archive has it, in its latest version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Kept {
    pub(super) version: u32,
    /// The ids of its messages. None is there twice.
    pub(super) messages: BTreeSet<String>,
}

impl Desk<'_> {
    /// Every conversation's transcript, read from the lines of the segments.
    pub(super) fn transcripts(&self) -> Result<BTreeMap<String, Kept>, String> {
        let mut latest = BTreeMap::new();
        for record in self.list()?.into_iter().filter(|record| record.kind == "transcript") {
            let known = latest.entry(record.id).or_insert((0, String::new()));
            if known.0 < record.version {
                *known = (record.version, record.sha256);
            }
        }
        let mut wanted: BTreeMap<String, (String, u32)> =
            latest.into_iter().map(|(id, (version, sha256))| (sha256, (id, version))).collect();
        let mut kept = BTreeMap::new();
        for segment in files::segments(&self.archive())? {
            let bytes = files::gunzip(&segment)?;
            for line in
                bytes.split(|byte| *byte == b'\n').filter(|line| line.starts_with(b"{\"conversation\":"))
            {
                let Some((id, version)) = wanted.remove(&files::sha256(line)) else { continue };
                let ids: Vec<String> = parsed(line, &id)?["entities"]
                    .as_array()
                    .into_iter()
                    .flatten()
                    .filter_map(|entity| entity["id"].as_str().map(str::to_owned))
                    .collect();
                let messages: BTreeSet<String> = ids.iter().cloned().collect();
                ensure!(messages.len() == ids.len(), "{id} has a message twice");
                kept.insert(id, Kept { version, messages });
            }
        }
        ensure!(wanted.is_empty(), "{} transcripts are listed and in no segment", wanted.len());
        Ok(kept)
    }
}

pub(super) fn parsed(bytes: &[u8], what: &str) -> Result<Value, String> {
    serde_json::from_slice(bytes).map_err(|error| format!("{what}: {error}"))
}
