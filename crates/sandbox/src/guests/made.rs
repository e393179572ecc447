//! Guests made from (seed, number).

use std::time::Duration;

use serde::Serialize;

use super::plan::GuestPlan;
use crate::moment::Moment;
use crate::random::{Dice, fraction, mix, unmix_second};

/// Sets guests apart from all else that is made from the seed.
const GUESTS: u64 = 0x6765_7374;
const PREFIX: &str = "guest_";

/// All guests of the tenant. Guest `k` is the one of conversation `k`, where there is one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Guests {
    seed: u64,
    count: u64,
    /// When the first was last heard of.
    from: Moment,
    /// Over how many milliseconds they were last heard of.
    span: u64,
}

/// How a guest's session is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum GuestState {
    Active,
    Inactive,
    Closed,
    /// A state that the contract does not know.
    Transferring,
}

/// What a guest is made with.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Facts {
    pub(crate) state: GuestState,
    pub(crate) updated: Moment,
    /// After its state was told so many times, it changes to this one by itself.
    pub(crate) turns: Option<(u64, GuestState)>,
    /// Ending its session is answered with 200 and a body, not with 204.
    pub(crate) talkative: bool,
}

impl Guests {
    pub(crate) fn new(seed: u64, count: u64, from: Moment, to: Moment) -> Self {
        let span = u64::try_from(to.since(from).as_millis()).unwrap_or(1).max(1);
        Self { seed: mix(seed, GUESTS), count, from, span }
    }

    pub(crate) fn count(&self) -> u64 {
        self.count
    }

    pub(crate) fn id(&self, number: u64) -> String {
        format!("{PREFIX}{:016x}", mix(self.seed, number))
    }

    /// The way back from [`id`](Self::id).
    pub(crate) fn number_of(&self, id: &str) -> Option<u64> {
        let mixed = u64::from_str_radix(id.strip_prefix(PREFIX)?, 16).ok()?;
        let number = unmix_second(mixed, self.seed);
        (number < self.count && self.id(number) == id).then_some(number)
    }

    pub(crate) fn facts(&self, number: u64, plan: GuestPlan) -> Facts {
        let mut dice = Dice::new(self.seed, number, 1);
        let place = fraction(self.seed ^ 1, number);
        let state = if place < plan.active {
            GuestState::Active
        } else {
            dice.pick(&[GuestState::Inactive, GuestState::Closed, GuestState::Transferring])
        };
        let own_will = fraction(self.seed ^ 2, number);
        let turns_to = if own_will < plan.closing {
            Some(GuestState::Closed)
        } else if own_will < plan.closing + plan.idling {
            Some(GuestState::Inactive)
        } else {
            None
        };
        let reads = 1 + dice.below(3);
        Facts {
            state,
            updated: self.from.plus(Duration::from_millis(dice.below(self.span))),
            turns: turns_to.filter(|_| state == GuestState::Active).map(|state| (reads, state)),
            talkative: dice.percent(50),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    fn guests(count: u64) -> Guests {
        let config = Config::default();
        Guests::new(7, count, config.from, config.to)
    }

    #[test]
    fn every_id_leads_to_its_guest_and_no_other_does() {
        let many = guests(1_000_000_000);
        let few = guests(500);
        for number in (0..1_000).chain(999_999_000..1_000_000_000) {
            assert_eq!(many.number_of(&many.id(number)), Some(number));
            assert_eq!(few.number_of(&many.id(number)), (number < 500).then_some(number));
        }
        let id = many.id(3);
        for stranger in ["", "guest_", "guest_3", &id.to_uppercase(), &id[6..], &format!("{id}0")] {
            assert_eq!(many.number_of(stranger), None, "{stranger}");
        }
    }

    #[test]
    fn the_plan_says_how_many_are_what() {
        let guests = guests(10_000);
        let plan = GuestPlan { active: 0.5, closing: 0.1, idling: 0.2 };
        let facts: Vec<_> = (0..guests.count()).map(|number| guests.facts(number, plan)).collect();
        let states = |state| facts.iter().filter(|facts| facts.state == state).count();
        assert!((4_800..5_200).contains(&states(GuestState::Active)));
        assert!(states(GuestState::Inactive) > 1_000 && states(GuestState::Closed) > 1_000);
        assert!(states(GuestState::Transferring) > 1_000);
        let turns =
            |state| facts.iter().filter(|facts| facts.turns.is_some_and(|(_, to)| to == state)).count();
        assert!((400..600).contains(&turns(GuestState::Closed)), "{}", turns(GuestState::Closed));
        assert!((850..1_150).contains(&turns(GuestState::Inactive)));
        let quiet: Vec<_> = (0..10_000).map(|number| guests.facts(number, GuestPlan::default())).collect();
        assert!(quiet.iter().all(|facts| facts.turns.is_none()));
        assert!(facts.iter().all(|facts| facts.updated < Config::default().to));
    }
}
