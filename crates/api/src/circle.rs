//! When a listing goes in circles (contract §2, and §5: "holds here too").
//!
//! It does when a page token comes a second time, when two pages in a row bring no new id, or after ten empty pages in a
//! row, each with a token that says there is more. An empty page is neither progress nor a repeat: it is counted by
//! itself, and two repeated pages with empty ones between them are still in a row.

use frontdesk_domain::PageToken;

use crate::seen::{Met, SeenIds, hash};

const STALE_PAGES: u32 = 2;
const EMPTY_PAGES: u32 = 10;

/// What a listing has brought so far. Tokens count as those of this session alone: a resumed run asks for its last one again.
#[derive(Debug, Default)]
pub(crate) struct Circle {
    ids: SeenIds,
    tokens: SeenIds,
    stale: u32,
    empty: u32,
    /// So many pages may bring nothing new beside those that may anyway.
    repeats: u32,
}

impl Circle {
    /// A listing that begins at `token`.
    pub(crate) fn starting_at(token: Option<&PageToken>, ids: SeenIds) -> Self {
        let circle = Self { ids, ..Self::default() };
        circle.tokens.extend(token.map(token_mark));
        circle
    }

    /// The listing begins anew: so many pages may come again, all of them one after the other.
    pub(crate) fn may_repeat(&mut self, pages: u64) {
        self.repeats = u32::try_from(pages).unwrap_or(u32::MAX).min(u32::MAX - STALE_PAGES);
    }

    /// Takes a page into account; says for each of its elements whether it is new.
    pub(crate) fn take(&mut self, marks: &[u64]) -> Vec<bool> {
        let met: Vec<Met> = marks.iter().map(|mark| self.ids.meet(*mark)).collect();
        if met.iter().any(|met| *met != Met::Again) {
            (self.stale, self.empty) = (0, 0);
        } else if marks.is_empty() {
            self.empty += 1;
        } else {
            self.stale += 1;
        }
        met.into_iter().map(|met| met == Met::New).collect()
    }

    /// Whether going on with `next` after the page that was taken would go in circles.
    pub(crate) fn closes_with(&mut self, next: &PageToken) -> bool {
        let seen = !self.tokens.insert(token_mark(next));
        seen || self.stale >= STALE_PAGES + self.repeats || self.empty >= EMPTY_PAGES
    }
}

fn token_mark(token: &PageToken) -> u64 {
    hash(token.as_str().as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pages as (ids, next token); gives the number of the page that closes the circle.
    fn closes(start: Option<&str>, pages: &[(&[u64], &str)]) -> Option<usize> {
        let token = |text: &str| PageToken::new(text).unwrap();
        let mut circle = Circle::starting_at(start.map(token).as_ref(), SeenIds::default());
        let closing = pages.iter().position(|(ids, next)| {
            let ids: Vec<u64> = ids.iter().map(|id| id * 2).collect();
            let _ = circle.take(&ids);
            circle.closes_with(&token(next))
        });
        closing.map(|index| index + 1)
    }

    #[test]
    fn what_an_earlier_session_met_is_no_new_id_and_no_circle() {
        let seen = SeenIds::default();
        seen.extend([10, 20, 30, 40]);
        let mut circle = Circle::starting_at(None, seen);
        for (token, id, closes) in
            [("a", 10, false), ("b", 20, false), ("c", 30, false), ("d", 10, false), ("e", 20, true)]
        {
            assert_eq!(circle.take(&[id]), [false]);
            assert_eq!(circle.closes_with(&PageToken::new(token).unwrap()), closes, "{token}");
        }
        assert_eq!(circle.take(&[40, 50, 50]), [false, true, false]);
    }

    #[test]
    fn a_token_seen_twice() {
        assert_eq!(closes(None, &[(&[1], "a"), (&[2], "a")]), Some(2));
        assert_eq!(closes(None, &[(&[1], "a"), (&[2], "b"), (&[3], "a")]), Some(3));
        assert_eq!(closes(Some("a"), &[(&[1], "a")]), Some(1));
        assert_eq!(closes(Some("a"), &[(&[1], "b"), (&[2], "c")]), None);
    }

    #[test]
    fn two_pages_in_a_row_without_a_new_id() {
        assert_eq!(closes(None, &[(&[1, 2], "a"), (&[2, 1], "b"), (&[1], "c")]), Some(3));
        assert_eq!(closes(None, &[(&[1, 2], "a"), (&[2, 1], "b"), (&[1, 3], "c"), (&[3], "d")]), None);
        assert_eq!(closes(None, &[(&[1], "a"), (&[1], "b"), (&[], "c"), (&[1], "d")]), Some(4));
    }

    #[test]
    fn pages_that_come_again_when_it_begins_anew() {
        let token = |number: u64| PageToken::new(format!("t{number}")).unwrap();
        let mut circle = Circle::default();
        for number in 0..3 {
            assert!(circle.take(&[2 * number])[0] && !circle.closes_with(&token(number)));
        }
        circle.may_repeat(3);
        let mut again = (3..10).map(|number| {
            let _ = circle.take(&[2 * (number % 3)]);
            circle.closes_with(&token(number))
        });
        assert_eq!(again.position(|closes| closes), Some(4));
    }

    #[test]
    fn ten_empty_pages_with_a_token() {
        let tokens: Vec<String> = (0..20).map(|number| format!("t{number}")).collect();
        let empty: Vec<(&[u64], &str)> = tokens.iter().map(|token| (&[][..], token.as_str())).collect();
        assert_eq!(closes(None, &empty), Some(10));
        let mut broken = empty;
        broken[8].0 = &[7];
        assert_eq!(closes(None, &broken), Some(19));
    }
}
