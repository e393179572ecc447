//! The web deployment that guests come in over, as staff and as its own public configuration tell of it
//! (platform contract C.14.1, A.2).

use http::Method;
use serde_json::{Value, json};

use super::guest::DeploymentPlan;
use super::ids;
use super::refusal::Refusal;
use super::route::{Access, Operation};
use super::visit::{Call, json};
use crate::reply::Reply;

const DEPLOYMENTS: &str = "/api/v2/webdeployments/deployments";
const CONFIGURATIONS: &str = "/api/v2/webdeployments/configurations";
const VIEW: Access = Access::Client(&["webDeployments:deployment:view"]);
const VIEW_CONFIGURATION: Access = Access::Client(&["webDeployments:configuration:view"]);

pub(super) const ROUTES: &[Operation] = &[
    Operation { method: Method::GET, template: DEPLOYMENTS, access: VIEW, answer: list },
    Operation {
        method: Method::GET,
        template: "/api/v2/webdeployments/deployments/{deploymentId}",
        access: VIEW,
        answer: one,
    },
    Operation {
        method: Method::GET,
        template: CONFIGURATIONS,
        access: VIEW_CONFIGURATION,
        answer: configurations,
    },
    Operation {
        method: Method::GET,
        template: "/api/v2/webdeployments/configurations/{configurationId}/versions/{versionId}",
        access: VIEW_CONFIGURATION,
        answer: version,
    },
    Operation {
        method: Method::GET,
        template: "/webdeployments/v1/deployments/{deploymentId}/config.json",
        access: Access::Open,
        answer: public,
    },
];

const NAME: &str = "Sandbox";

fn configuration_id() -> String {
    ids::uuid_of("web deployment configuration")
}

fn deployment(call: &Call<'_>, plan: &DeploymentPlan) -> Value {
    let id = call.deployment();
    json!({
        "id": id, "name": NAME, "configuration": {"id": configuration_id(), "version": "1"},
        "allowAllDomains": plan.allowed_domains.is_empty(), "allowedDomains": plan.allowed_domains,
        "flow": {"id": ids::uuid_of("inbound message flow"), "name": NAME},
        "status": if plan.active { "Active" } else { "Inactive" }, "selfUri": format!("{DEPLOYMENTS}/{id}"),
    })
}

fn configuration(plan: &DeploymentPlan) -> Value {
    let id = configuration_id();
    let types = if plan.file_types.is_empty() { vec!["*/*".to_owned()] } else { plan.file_types.clone() };
    json!({
        "id": id, "name": NAME, "version": "1", "languages": ["en-us"], "defaultLanguage": "en-us",
        "headlessMode": {"enabled": true}, "authenticationSettings": {"enabled": false},
        "messenger": {
            "enabled": true,
            "fileUpload": {"enableAttachments": true,
                "modes": [{"fileTypes": types, "maxFileSizeKB": plan.file_kb}]},
            "apps": {"conversations": {
                "enabled": true, "showAgentTypingIndicator": true, "showUserTypingIndicator": true,
                "autoStart": {"enabled": plan.auto_start},
                "conversationClear": {"enabled": plan.conversation_clear},
                "conversationDisconnect": {"enabled": true,
                    "type": if plan.read_only_end { "ReadOnly" } else { "Send" }},
                "sessionDurationSeconds": plan.session_seconds}},
        },
        "status": "Active", "selfUri": format!("{CONFIGURATIONS}/{id}/versions/1"),
    })
}

/// How the deployment is set up now.
fn plan(call: &Call<'_>) -> DeploymentPlan {
    call.sandbox.state().platform.web.plan.clone()
}

fn list(call: &Call<'_>) -> Result<Reply, Refusal> {
    json(&json!({"entities": [deployment(call, &plan(call))], "total": 1, "selfUri": DEPLOYMENTS}))
}

fn one(call: &Call<'_>) -> Result<Reply, Refusal> {
    if call.id(0) != call.deployment() {
        return Err(Refusal::not_found("deployment", call.id(0)));
    }
    json(&deployment(call, &plan(call)))
}

fn configurations(call: &Call<'_>) -> Result<Reply, Refusal> {
    json(&json!({"entities": [configuration(&plan(call))], "total": 1, "selfUri": CONFIGURATIONS}))
}

fn version(call: &Call<'_>) -> Result<Reply, Refusal> {
    if call.id(0) != configuration_id() || call.id(1) != "1" {
        return Err(Refusal::not_found("configuration", call.id(0)));
    }
    json(&configuration(&plan(call)))
}

/// `GET /webdeployments/v1/deployments/{deploymentId}/config.json`: what a messenger reads first.
fn public(call: &Call<'_>) -> Result<Reply, Refusal> {
    if call.id(0) != call.deployment() {
        return Err(Refusal::not_found("deployment", call.id(0)));
    }
    let plan = plan(call);
    let configuration = configuration(&plan);
    let mut messenger = configuration["messenger"].clone();
    let socket = format!("{}/v1", call.base().replacen("http", "ws", 1));
    messenger["apps"]["conversations"]["messagingEndpoint"] = socket.into();
    json(&json!({
        "id": call.deployment(), "version": "1", "languages": ["en-us"], "defaultLanguage": "en-us",
        "apiEndpoint": call.base(), "status": if plan.active { "Active" } else { "Inactive" },
        "messenger": messenger, "journeyEvents": {"enabled": false},
        "auth": {"enabled": false, "allowSessionUpgrade": false},
    }))
}
