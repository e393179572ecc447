//! Facts and metadata of a conversation of the platform, from what stands at its top and below its participants.

use std::borrow::Cow;
use std::ops::Range;

use super::Facts;
use super::participants::{Medium, Participants};
use crate::json;

/// What is read out of a conversation of the platform.
pub(super) struct Platform<'b> {
    own: Facts,
    external_tag: Option<&'b [u8]>,
    participants: Participants,
    /// What the places in `participants` are places in.
    array: &'b [u8],
}

impl<'b> Platform<'b> {
    /// What stands at the top of the conversation, and its participants.
    pub(super) fn new(own: Facts, external_tag: Option<&'b [u8]>, array: &'b [u8]) -> Self {
        Self { own, external_tag, participants: Participants::of(array), array }
    }

    fn text(&self, place: Option<&Range<usize>>) -> Option<String> {
        json::text(self.array.get(place?.clone())?).map(Cow::into_owned)
    }

    /// Adds what is not known.
    pub(super) fn add_to(&self, facts: Facts) -> Facts {
        let Participants { medium, direction, queue, agent, .. } = &self.participants;
        let medium = || match medium.as_ref()? {
            Medium::Told(place) => self.text(Some(place)),
            Medium::Named(name) => Some((*name).to_owned()),
        };
        let own = self.own.clone();
        Facts {
            started_at: facts.started_at.or(own.started_at),
            ended_at: facts.ended_at.or(own.ended_at),
            media_type: facts.media_type.or(own.media_type).or_else(medium),
            direction: facts.direction.or(own.direction).or_else(|| self.text(direction.as_ref())),
            queue: facts.queue.or(own.queue).or_else(|| self.text(queue.as_ref())),
            agent: facts.agent.or(own.agent).or_else(|| self.text(agent.as_ref())),
            language: facts.language.or(own.language),
        }
    }

    /// The object that stands for the metadata; `None` when there would be nothing in it.
    pub(super) fn metadata(&self) -> Option<Vec<u8>> {
        let Participants { attributes, message_type, queue_id, .. } = &self.participants;
        let place = |place: &Option<Range<usize>>| self.array.get(place.clone()?);
        let others: [(&[u8], Option<&[u8]>); 3] = [
            (b"\"externalTag\"", self.external_tag.filter(|tag| tag.starts_with(b"\""))),
            (b"\"messageType\"", place(message_type)),
            (b"\"queueId\"", place(queue_id)),
        ];
        let named =
            attributes.iter().map(|(key, value)| (&self.array[key.clone()], &self.array[value.clone()]));
        let is_attribute = |name: &[u8]| {
            let name = &name[1..name.len() - 1];
            named.clone().any(|(key, _)| json::is_key(&key[1..key.len() - 1], name))
        };
        let others = others.into_iter().filter_map(|(name, value)| Some((name, value?)));
        let others: Vec<_> = others.filter(|(name, _)| !is_attribute(name)).collect();
        let mut object = Vec::new();
        for (key, value) in named.clone().chain(others) {
            object.push(if object.is_empty() { b'{' } else { b',' });
            object.extend_from_slice(key);
            object.push(b':');
            object.extend_from_slice(value);
        }
        (!object.is_empty()).then(|| {
            object.push(b'}');
            object
        })
    }
}
