//! The messaging view of a conversation (platform contract C.4.2): each participant is one communication,
//! flattened.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{Address, Division, MessageDetails, Reference, RoutingData, Wrapup, addresses, attributes};
use crate::moment::Moment;
use crate::platform::ids;
use crate::platform::talk::{Leg, Messenger, Purpose, Talk};
use crate::platform::time::Time;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct MessageConversation<'a> {
    id: &'a str,
    name: &'a str,
    participants: Vec<Participant<'a>>,
    other_media_uris: [&'static str; 0],
    recent_transfers: [(); 0],
    divisions: [Division; 1],
    self_uri: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Participant<'a> {
    id: String,
    name: String,
    address: String,
    start_time: Time,
    connected_time: Time,
    #[serde(skip_serializing_if = "Option::is_none")]
    end_time: Option<Time>,
    purpose: &'static str,
    state: &'static str,
    direction: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    disconnect_type: Option<&'static str>,
    held: bool,
    wrapup_required: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    wrapup_prompt: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    wrapup: Option<Wrapup>,
    #[serde(skip_serializing_if = "Option::is_none")]
    start_acw_time: Option<Time>,
    #[serde(skip_serializing_if = "Option::is_none")]
    end_acw_time: Option<Time>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<Reference>,
    #[serde(skip_serializing_if = "Option::is_none")]
    queue: Option<Reference>,
    #[serde(skip_serializing_if = "Option::is_none")]
    external_contact: Option<Reference>,
    attributes: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    conversation_routing_data: Option<RoutingData>,
    #[serde(skip_serializing_if = "Option::is_none")]
    peer: Option<String>,
    to_address: Address,
    from_address: Address,
    messages: Vec<MessageDetails<'a>>,
    r#type: &'static str,
    authenticated: bool,
}

impl<'a> MessageConversation<'a> {
    /// The conversation as it stands at `now`.
    pub(super) fn of(talk: &'a Talk, now: Moment, deployment: &str) -> Self {
        let legs = talk.legs(talk.ended);
        Self {
            id: &talk.id,
            name: &talk.customer,
            participants: legs.into_iter().map(|leg| participant(talk, leg, now, deployment)).collect(),
            other_media_uris: [],
            recent_transfers: [],
            divisions: [Division { division: Reference::division(), entities: [] }],
            self_uri: format!("/api/v2/conversations/messages/{}", talk.id),
        }
    }
}

fn participant<'a>(talk: &'a Talk, leg: Leg, now: Moment, deployment: &str) -> Participant<'a> {
    let (theirs, ours) = addresses(talk, deployment);
    let is_customer = leg.purpose == Purpose::Customer;
    let is_agent = leg.purpose == Purpose::Agent;
    let messenger = talk.medium.messenger();
    let acw_end = leg.wrap_up.as_ref().and_then(|wrap_up| wrap_up.end);
    let them = Address::of(&talk.customer, &theirs);
    let us = Address::of("Sandbox", &ours);
    let (from_address, to_address) = if talk.outbound { (us, them) } else { (them, us) };
    Participant {
        name: match leg.purpose {
            Purpose::Customer => talk.customer.clone(),
            Purpose::Acd => talk.queue.clone(),
            Purpose::Agent => leg.agent.map_or_else(String::new, |agent| format!("agent-{agent}")),
        },
        address: if is_customer { theirs } else { ours },
        start_time: Time(leg.start),
        connected_time: Time(leg.connected),
        end_time: leg.end.map(Time),
        purpose: leg.purpose.name(),
        state: if leg.end.is_some() { "disconnected" } else { "connected" },
        direction: if talk.outbound { "outbound" } else { "inbound" },
        disconnect_type: leg.disconnect,
        held: false,
        wrapup_required: is_agent,
        wrapup_prompt: is_agent.then_some("optional"),
        wrapup: leg.wrap_up.as_ref().map(Wrapup::of),
        start_acw_time: acw_end.and(leg.end).map(Time),
        end_acw_time: acw_end.map(Time),
        user: leg.agent.map(Reference::user),
        queue: (!is_customer).then(|| Reference::queue(&talk.queue)),
        external_contact: is_customer
            .then(|| Reference::of("externalcontacts/contacts", ids::contact(&talk.customer), None)),
        attributes: attributes(talk, &leg),
        conversation_routing_data: (!is_customer).then(|| RoutingData::of(talk)),
        to_address,
        from_address,
        messages: talk.lines[leg.lines.clone()]
            .iter()
            .map(|line| MessageDetails::of(&talk.id, line, messenger, now))
            .collect(),
        r#type: messenger.map_or("unknown", Messenger::name),
        authenticated: false,
        peer: leg.peer,
        id: leg.participant,
    }
}
