//! A reproducible sequence of messages to try a platform with (contract §4, document 002).

use serde::Serialize;

use super::{AttachmentDraft, MessageDraft, MessageType};

/// Who gets every simulated message.
const TO: &str = "test@genesys.cloud";
/// Where every simulated attachment is.
const URL: &str = "https://cdn.example.com/test-assets/placeholder";

/// Makes messages out of a seed: message k depends on the seed and on k, and on nothing else. A golden file fixes it.
///
/// ```
/// use frontdesk_domain::outbound::Simulator;
///
/// let simulator = Simulator::new(42);
/// assert_eq!(simulator.message(7), Simulator::new(42).message(7));
/// let draft = simulator.message(7).draft().conversation_id("c-1").from("agent-7");
/// assert!(draft.check().is_ok());
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Simulator {
    seed: u64,
}

/// A message of a [`Simulator`]: what a line of `message send --from` needs, without conversation and sender.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SimulatedMessage {
    to: [&'static str; 1],
    #[serde(rename = "type")]
    kind: MessageType,
    content: SimulatedContent,
    #[serde(skip_serializing_if = "Option::is_none")]
    attachments: Option<[SimulatedAttachment; 1]>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
enum SimulatedContent {
    Text(String),
    Event { event: &'static str, seq: String },
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct SimulatedAttachment {
    #[serde(rename = "type")]
    media_type: &'static str,
    filename: String,
    url: &'static str,
}

impl Simulator {
    /// A simulator of this seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self { seed }
    }

    /// Message `k` of the sequence, counted from 0.
    #[must_use]
    pub fn message(&self, k: u64) -> SimulatedMessage {
        let mut draws = Draws(mix(self.seed) ^ mix(k.wrapping_add(STEP)));
        let kind = MessageType::ALL[draws.below(3)];
        let number = draws.below(10_000);
        let content = match kind {
            MessageType::Plain => SimulatedContent::Text(format!("Test message {number}")),
            MessageType::Html => SimulatedContent::Text(format!("<p>Test message {number}</p>")),
            MessageType::Json => SimulatedContent::Event { event: "test", seq: number.to_string() },
        };
        let attachments = (draws.below(2) == 1).then(|| {
            let (media_type, extension) = [("image/png", "png"), ("application/pdf", "pdf")][draws.below(2)];
            let filename = format!("test-{}.{extension}", draws.below(999));
            [SimulatedAttachment { media_type, filename, url: URL }]
        });
        SimulatedMessage { to: [TO], kind, content, attachments }
    }
}

impl SimulatedMessage {
    /// The message as a draft.
    ///
    /// # Panics
    /// Never: what it says is always JSON.
    #[must_use]
    pub fn draft(&self) -> MessageDraft {
        let draft = MessageDraft::new().to(TO).kind(self.kind.as_str());
        let draft = match &self.content {
            SimulatedContent::Text(text) => draft.text(text.as_str()),
            event @ SimulatedContent::Event { .. } => {
                draft.json(&serde_json::to_string(event).expect("two texts are always JSON"))
            }
        };
        match &self.attachments {
            None => draft,
            Some([SimulatedAttachment { media_type, filename, url }]) => draft
                .attachment(AttachmentDraft::of_url(url).media_type(*media_type).filename(filename.as_str())),
        }
    }
}

/// The step of SplitMix64.
const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

/// Numbers that look random, from a state (SplitMix64).
struct Draws(u64);

impl Draws {
    /// A number below `bound`.
    fn below(&mut self, bound: u16) -> usize {
        self.0 = self.0.wrapping_add(STEP);
        usize::try_from(mix(self.0) % u64::from(bound)).unwrap_or(0)
    }
}

fn mix(state: u64) -> u64 {
    let state = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let state = (state ^ (state >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    state ^ (state >> 31)
}
