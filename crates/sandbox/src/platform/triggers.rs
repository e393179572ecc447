//! Triggers (platform contract C.13.1): which workflow runs when something happens. A trigger calls
//! nobody by itself; the sandbox's workflows are calls that `POST /_sandbox/workflows` says where to make.

mod criteria;
mod operations;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use criteria::Criterion;
pub(super) use operations::ROUTES;

/// All triggers and workflows there are.
#[derive(Debug, Default)]
pub(crate) struct Triggers {
    all: Vec<Trigger>,
    made: u64,
    /// By the id of the flow.
    pub(crate) workflows: BTreeMap<String, Workflow>,
}

/// A trigger as it is told.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
struct Trigger {
    id: String,
    #[serde(flatten)]
    wire: Wire,
    version: u64,
    self_uri: String,
}

/// What a client says about a trigger.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wire {
    name: String,
    topic_name: String,
    enabled: bool,
    target: Target,
    #[serde(default)]
    match_criteria: Vec<Criterion>,
    #[serde(rename = "eventTTLSeconds", default, skip_serializing_if = "Option::is_none")]
    event_ttl_seconds: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    delay_by_seconds: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    description: Option<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Target {
    r#type: String,
    id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    workflow_target_settings: Option<Settings>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Settings {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    data_format: Option<String>,
}

/// What running a workflow does: its data action posts the event's body somewhere.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Workflow {
    pub(crate) id: String,
    pub(crate) uri: String,
    #[serde(default)]
    pub(crate) headers: BTreeMap<String, String>,
}

/// A workflow that runs, and what it is given.
pub(super) struct Run {
    pub(super) workflow: Workflow,
    pub(super) body: Value,
}

impl Triggers {
    /// Whether there is any trigger at all.
    pub(super) fn are_set(&self) -> bool {
        !self.all.is_empty()
    }

    /// The workflows that run because of this event; `template` is its topic with `{id}` in it. What is
    /// to be delayed runs at once: nobody waits for minutes here.
    pub(super) fn fired_by(&self, template: &str, body: &Value) -> Vec<Run> {
        let fits = |trigger: &&Trigger| {
            trigger.wire.enabled
                && trigger.wire.topic_name == template
                && trigger.wire.match_criteria.iter().all(|criterion| criterion.holds(body))
        };
        let run = |trigger: &Trigger| {
            let settings = trigger.wire.target.workflow_target_settings.as_ref();
            let format = settings.and_then(|settings| settings.data_format.as_deref());
            let body = if format == Some("Json") { body.clone() } else { primitives(body) };
            Some(Run { workflow: self.workflows.get(&trigger.wire.target.id)?.clone(), body })
        };
        self.all.iter().filter(fits).filter_map(run).collect()
    }
}

/// What a workflow gets that takes primitives at the top level alone.
fn primitives(body: &Value) -> Value {
    let flat = |value: &&Value| !value.is_object() && !value.is_array();
    let top = body.as_object().into_iter().flatten().filter(|(_, value)| flat(value));
    Value::Object(top.map(|(name, value)| (name.clone(), value.clone())).collect::<Map<_, _>>())
}
