//! Whose token it is, and which organisation (platform contract A.6).

use http::{Method, StatusCode};
use serde::Serialize;

use super::ids::uuid_of;
use super::refusal::Refusal;
use super::route::{Access, Operation};
use super::time::Time;
use super::visit::{Call, json};
use crate::reply::{Body, Reply};

const ME: &str = "/api/v2/tokens/me";

pub(super) const ROUTES: &[Operation] = &[
    Operation { method: Method::GET, template: ME, access: Access::Client(&[]), answer: token },
    Operation { method: Method::HEAD, template: ME, access: Access::Client(&[]), answer: token },
    Operation { method: Method::DELETE, template: ME, access: Access::Client(&[]), answer: revoke },
    Operation {
        method: Method::GET,
        template: "/api/v2/organizations/me",
        access: Access::Client(&[]),
        answer: organization,
    },
];

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct TokenInfo {
    organization: Named,
    home_organization: Named,
    authorized_scope: [&'static str; 0],
    date_token_idles: Time,
    /// With the capital O of the contract.
    #[serde(rename = "OAuthClient")]
    client: Client,
}

#[derive(Serialize)]
struct Named {
    id: String,
    name: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Client {
    id: String,
    name: &'static str,
    authorized_grant_type: &'static str,
    scope: [&'static str; 0],
    role_divisions: Vec<RoleDivision>,
    state: &'static str,
    date_created: Time,
    organization: Named,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RoleDivision {
    role_id: String,
    division_id: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Organization {
    id: String,
    name: &'static str,
    default_language: &'static str,
    default_country_code: &'static str,
    third_party_org_name: &'static str,
    domain: &'static str,
    version: u32,
    state: &'static str,
    #[serde(rename = "supportURI")]
    support_uri: &'static str,
    voicemail_enabled: bool,
    product_platform: &'static str,
    self_uri: &'static str,
    features: Features,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Features {
    realtime_cic: bool,
    purecloud: bool,
    chat: bool,
}

const NAME: &str = "Sandbox";

/// `GET` and `HEAD /api/v2/tokens/me`
fn token(call: &Call<'_>) -> Result<Reply, Refusal> {
    let config = call.sandbox.config();
    let organization = || Named { id: uuid_of(&config.organization_id), name: NAME };
    let (issued, expires) =
        call.grant.map_or((call.now(), call.now()), |grant| (grant.issued, grant.expires));
    json(&TokenInfo {
        organization: organization(),
        home_organization: organization(),
        authorized_scope: [],
        date_token_idles: Time(expires),
        client: Client {
            id: config.client_id.clone(),
            name: "Frontdesk",
            authorized_grant_type: "CLIENT-CREDENTIALS",
            scope: [],
            role_divisions: vec![RoleDivision { role_id: uuid_of("role"), division_id: uuid_of("division") }],
            state: "active",
            date_created: Time(issued),
            organization: organization(),
        },
    })
}

/// `DELETE /api/v2/tokens/me`
fn revoke(call: &Call<'_>) -> Result<Reply, Refusal> {
    call.sandbox.state().platform.grants.revoke(call.request.headers());
    Ok(Reply::new(StatusCode::OK, "application/json", Body::default()))
}

/// `GET /api/v2/organizations/me`
fn organization(call: &Call<'_>) -> Result<Reply, Refusal> {
    json(&Organization {
        id: uuid_of(&call.sandbox.config().organization_id),
        name: NAME,
        default_language: "en-US",
        default_country_code: "US",
        third_party_org_name: "sandbox",
        domain: "sandbox.invalid",
        version: 1,
        state: "active",
        support_uri: "",
        voicemail_enabled: false,
        product_platform: "PureCloud",
        self_uri: "/api/v2/organizations/me",
        features: Features { realtime_cic: false, purecloud: true, chat: true },
    })
}
