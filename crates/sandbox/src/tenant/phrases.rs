//! What guests and agents say: five topics in seven languages, all written for this sandbox.
//!
//! A template may hold the slots `{order}`, `{name}`, `{city}`, `{amount}` and `{day}`. Templates
//! hold nothing that JSON would escape, and a topic's exchanges and the general ones are together a
//! prime number, at least ten: the tests hold us to it, the maker relies on it.

mod asia;
mod english;
mod europe;

/// One language's way to talk about everything.
pub(super) struct Language {
    pub(super) tag: &'static str,
    /// In the order of [`TOPICS`].
    pub(super) topics: [Topic; 5],
    pub(super) greetings: &'static [&'static str],
    /// Questions of the guest and answers of the agent that fit any topic.
    general: &'static [(&'static str, &'static str)],
    pub(super) thanks: &'static [&'static str],
    pub(super) goodbyes: &'static [&'static str],
    /// What a guest says who comes back later.
    pub(super) returns: &'static [&'static str],
}

/// One topic in one language.
pub(super) struct Topic {
    pub(super) openings: &'static [&'static str],
    exchanges: &'static [(&'static str, &'static str)],
}

impl Language {
    /// How many exchanges a conversation about `topic` can draw from.
    pub(super) fn exchanges(&self, topic: usize) -> usize {
        self.topics[topic].exchanges.len() + self.general.len()
    }

    /// Exchange `index` of those.
    pub(super) fn exchange(&self, topic: usize, index: usize) -> (&'static str, &'static str) {
        let own = self.topics[topic].exchanges;
        own.get(index).copied().unwrap_or_else(|| self.general[index - own.len()])
    }
}

/// What a topic means to the tenant, in any language.
pub(super) struct TopicFacts {
    pub(super) queue: &'static str,
    pub(super) services: &'static [&'static str],
}

/// Billing, delivery, booking, password, returns.
pub(super) const TOPICS: [TopicFacts; 5] = [
    TopicFacts { queue: "billing", services: &["Billing_1", "Billing_2", "Billing_1,Payments_1"] },
    TopicFacts { queue: "logistics", services: &["Delivery_1", "Delivery_2"] },
    TopicFacts { queue: "bookings", services: &["Hotels_1", "Flights_1", "Hotels_1,Flights_1"] },
    TopicFacts { queue: "web_support", services: &["Accounts_1"] },
    TopicFacts { queue: "returns", services: &["Returns_1", "Returns_1,Delivery_1"] },
];

/// The first is spoken most.
pub(super) const LANGUAGES: [Language; 7] = [
    english::ENGLISH,
    europe::GERMAN,
    europe::FRENCH,
    europe::SPANISH,
    europe::GREEK,
    asia::TURKISH,
    asia::JAPANESE,
];

/// What a guest of an English corpus says who comes back later.
pub(super) const RETURN: &str = "Me again: it still does not work. Could you look once more?";

/// What fills the slots.
pub(super) struct Slots {
    pub(super) names: [&'static str; 12],
    pub(super) cities: [&'static str; 12],
    pub(super) emoji: [&'static str; 6],
}

/// Names of nobody, cities of everybody.
pub(super) const SLOTS: Slots = Slots {
    names: [
        "Ada", "Björn", "Chloé", "Dimitra", "Emre", "Fatma", "Gonzalo", "Haruka", "Inés", "Jürgen", "Kostas",
        "Łucja",
    ],
    cities: [
        "Athens",
        "Berlin",
        "Córdoba",
        "Dublin",
        "Graz",
        "İzmir",
        "Kyoto",
        "Lyon",
        "Montréal",
        "München",
        "Ōsaka",
        "Zürich",
    ],
    emoji: ["🙂", "🙏", "👍", "😀", "🎉", "👩‍💻"],
};

#[cfg(test)]
mod tests {
    use super::*;

    fn every_template() -> impl Iterator<Item = &'static str> {
        LANGUAGES.iter().flat_map(|language| {
            let pairs = language.topics.iter().flat_map(|topic| topic.exchanges).chain(language.general);
            let openings = language.topics.iter().flat_map(|topic| topic.openings);
            let others = [language.greetings, language.thanks, language.goodbyes, language.returns];
            pairs
                .flat_map(|(question, answer)| [*question, *answer])
                .chain(openings.copied())
                .chain(others.into_iter().flatten().copied())
        })
    }

    #[test]
    fn nothing_needs_escaping_and_every_slot_is_known() {
        let fillings = SLOTS.names.into_iter().chain(SLOTS.cities).chain(SLOTS.emoji);
        for text in every_template().chain(fillings) {
            assert!(!text.is_empty());
            assert_eq!(serde_json::to_string(text).unwrap(), format!("\"{text}\""));
            for slot in text.split('{').skip(1) {
                let name = slot.split_once('}').map(|(name, _)| name);
                assert!(matches!(name, Some("order" | "name" | "city" | "amount" | "day")), "{text}");
            }
        }
    }

    #[test]
    fn exchanges_are_a_prime_number_of_at_least_ten() {
        for language in &LANGUAGES {
            for topic in 0..TOPICS.len() {
                let n = language.exchanges(topic);
                assert!(n >= 10 && (2..n).all(|d| n % d != 0), "{} has {n}", language.tag);
            }
        }
    }
}
