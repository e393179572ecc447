//! Which part of a long conversation is shown, and where in it a text is.

use frontdesk_domain::payload::Turn;

use super::FoundView;
use crate::view::passage::Masking;

/// Turns that are shown at once.
pub const WINDOW: usize = 200;

/// Which part of a conversation.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Place {
    /// Its beginning; where something is looked for, the part with the first turn that has it.
    #[default]
    Start,
    /// The part with the turn of this number, from 1.
    Number(usize),
    /// The part with the message of this id; its beginning where there is none.
    Message(String),
}

/// A part of a conversation.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Window {
    /// The first turn, from 0.
    pub(super) first: usize,
    pub(super) found: Option<FoundView>,
}

pub(super) fn window(turns: &[Turn], place: Place, find: Option<&str>, masking: Masking) -> Window {
    let sought = find.filter(|text| !text.is_empty());
    let hits: Vec<usize> = sought.map_or_else(Vec::new, |sought| {
        let has = |turn: &Turn| !masking.places(&turn.text, sought).is_empty();
        (0..turns.len()).filter(|at| has(&turns[*at])).collect()
    });
    let at = match place {
        Place::Start => hits.first().copied().unwrap_or_default(),
        Place::Number(number) => number.saturating_sub(1),
        Place::Message(id) => {
            turns.iter().position(|turn| turn.id.as_deref() == Some(id.as_str())).unwrap_or_default()
        }
    };
    // Parts begin at the same places however one comes to them, so that a link to one stays a link to it.
    let first = at.min(turns.len().saturating_sub(1)) / WINDOW * WINDOW;
    let found = sought.map(|_| FoundView {
        turns: hits.len(),
        next: hits.iter().find(|at| **at >= first + WINDOW).map(|at| at + 1),
        previous: hits.iter().rev().find(|at| **at < first).map(|at| at + 1),
    });
    Window { first, found }
}

#[cfg(test)]
mod tests {
    use frontdesk_domain::payload::Speaker;

    use super::*;

    fn turns(count: usize) -> Vec<Turn> {
        let turn = |at: usize| Turn {
            id: Some(format!("m-{at}")),
            speaker: Speaker::Guest,
            sent_at: None,
            text: if at % 150 == 149 { "a Refund".to_owned() } else { "no".to_owned() },
            status: None,
            file: None,
        };
        (0..count).map(turn).collect()
    }

    #[test]
    fn parts_begin_at_the_same_places() {
        let turns = turns(1000);
        for (place, first) in [
            (Place::Start, 0),
            (Place::Number(0), 0),
            (Place::Number(200), 0),
            (Place::Number(201), 200),
            (Place::Number(usize::MAX), 800),
            (Place::Message("m-450".into()), 400),
            (Place::Message("m-none".into()), 0),
        ] {
            assert_eq!(
                window(&turns, place.clone(), None, Masking::default()),
                Window { first, found: None },
                "{place:?}"
            );
        }
        assert_eq!(window(&[], Place::Number(7), None, Masking::default()).first, 0);
    }

    #[test]
    fn what_is_looked_for_leads_to_the_first_and_on_to_the_next() {
        let turns = turns(1000);
        let found = |place| window(&turns, place, Some("REFUND"), Masking::default());
        let start = found(Place::Start);
        assert_eq!(
            start,
            Window { first: 0, found: Some(FoundView { turns: 6, next: Some(300), previous: None }) }
        );
        let later = found(Place::Number(300));
        assert_eq!(
            later,
            Window { first: 200, found: Some(FoundView { turns: 6, next: Some(450), previous: Some(150) }) }
        );
        assert_eq!(
            window(&turns, Place::Start, Some("zebra"), Masking::default()).found.map(|found| found.turns),
            Some(0)
        );
    }
}
