//! Whose turn it is: conversations in the order of the list, and of the last of them the longest first.
//!
//! How long a history is, its first page says. While many have not been begun that does not matter, the pace is what takes
//! the time. Near the end it does: a history's pages come one after the other, so a long one that is begun last is what
//! everybody waits for. So of the last [`LOOK_AHEAD`] conversations the first pages are taken before the rest of any of
//! them, but for one that is so long that it would end last if it waited.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use frontdesk_domain::Timestamp;
use frontdesk_domain::message::HistoryTarget;

/// So many first pages are taken ahead at most: as many histories wait with a page token that does not live for ever.
const LOOK_AHEAD: usize = 512;

/// A conversation whose turn it is. Of two the one that began first comes first.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Turn {
    /// What is known of one that was put back after its first page.
    pub(crate) begun: Option<Begun>,
    pub(crate) target: HistoryTarget,
}

/// When a conversation's first turn began, and whether it went on where an earlier session had stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Begun {
    pub(crate) at: Timestamp,
    pub(crate) resumed: bool,
}

/// Whose turn it is of a job's conversations.
#[derive(Debug)]
pub(crate) struct Order {
    unseen: VecDeque<HistoryTarget>,
    /// Those that were put back, with the pages they have left: the one with most comes first.
    begun: BinaryHeap<(u64, Reverse<Turn>)>,
    running: u64,
    /// How many had their first page taken, and the pages they have together.
    known: u64,
    pages: u64,
}

impl Order {
    pub(crate) fn new(targets: VecDeque<HistoryTarget>) -> Self {
        Self { unseen: targets, begun: BinaryHeap::new(), running: 0, known: 0, pages: 0 }
    }

    /// How many wait.
    pub(crate) fn len(&self) -> usize {
        self.unseen.len() + self.begun.len()
    }

    /// How many were never begun.
    pub(crate) fn unseen(&self) -> usize {
        self.unseen.len()
    }

    /// The next one: from now on it runs.
    pub(crate) fn next(&mut self) -> Option<Turn> {
        let is_urgent = self.begun.peek().is_some_and(|(left, _)| {
            let others = self.waiting_pages().saturating_sub(*left);
            self.is_urgent(*left, others, self.running + 1)
        });
        if !is_urgent && let Some(target) = self.unseen.pop_front() {
            self.running += 1;
            return Some(Turn { begun: None, target });
        }
        self.longest()
    }

    /// The longest of those that were put back: from now on it runs.
    pub(crate) fn longest(&mut self) -> Option<Turn> {
        let (_, Reverse(turn)) = self.begun.pop()?;
        self.running += 1;
        Some(turn)
    }

    /// One that ran runs no more.
    pub(crate) fn ended(&mut self) {
        self.running -= 1;
    }

    /// Learns how many pages a running conversation has, of which `left` are to come, and says whether it shall wait until
    /// others were begun.
    pub(crate) fn first_page(&mut self, left: u64) -> bool {
        let is_near_the_end = (1..=LOOK_AHEAD).contains(&self.unseen.len());
        let waits = left > 0 && is_near_the_end && !self.is_urgent(left, self.waiting_pages(), self.running);
        self.known += 1;
        self.pages = self.pages.saturating_add(left).saturating_add(1);
        waits
    }

    /// One that ran waits, with so many pages left.
    pub(crate) fn put_back(&mut self, turn: Turn, left: u64) {
        self.ended();
        self.begun.push((left, Reverse(turn)));
    }

    /// Pages that those have left that were put back.
    fn waiting_pages(&self) -> u64 {
        self.begun.iter().fold(0, |pages, (left, _)| pages.saturating_add(*left))
    }

    /// Whether one with `left` pages takes as long alone in one of the `windows` as everybody else in all of them; the others
    /// that were put back have so many pages left.
    fn is_urgent(&self, left: u64, others: u64, windows: u64) -> bool {
        // Of those that were not begun nothing is known but what the others had: a page at least.
        let unseen = (self.unseen.len() as u64).saturating_mul(self.pages.max(1)) / self.known.max(1);
        left.saturating_mul(windows) >= others.saturating_add(unseen)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn target(number: usize) -> HistoryTarget {
        HistoryTarget::new("org", "dom", number.to_string()).unwrap()
    }

    /// Takes histories of these many pages in so many windows, a page of each window a tick: ticks, and how many waited at
    /// the worst moment.
    fn run(pages: &[u64], windows: usize) -> (u64, usize) {
        let mut order = Order::new((0..pages.len()).map(target).collect());
        let all: BTreeMap<HistoryTarget, u64> =
            pages.iter().enumerate().map(|(number, pages)| (target(number), *pages)).collect();
        let mut left = all.clone();
        let at: Timestamp = "2025-03-01T12:00:00Z".parse().unwrap();
        let (mut running, mut ticks, mut most): (Vec<Turn>, _, _) = (Vec::new(), 0, 0);
        loop {
            while running.len() < windows
                && let Some(turn) = order.next()
            {
                running.push(turn);
            }
            if running.is_empty() {
                assert!(left.is_empty(), "each was taken to its end: {left:?}");
                return (ticks, most);
            }
            ticks += 1;
            for turn in std::mem::take(&mut running) {
                let pages = left.get_mut(&turn.target).expect("none is taken twice");
                let is_first = *pages == all[&turn.target];
                *pages -= 1;
                let pages = *pages;
                let waits = is_first && order.first_page(pages);
                assert!(!waits || turn.begun.is_none());
                match pages {
                    0 => {
                        left.remove(&turn.target);
                        order.ended();
                    }
                    _ if waits => {
                        let begun = Some(Begun { at, resumed: false });
                        order.put_back(Turn { begun, ..turn }, pages);
                    }
                    _ => running.push(turn),
                }
            }
            most = most.max(order.len() - order.unseen());
        }
    }

    #[test]
    fn a_long_one_at_the_end_is_begun_when_all_first_pages_are_there() {
        let short = [2; 300];
        let with = |at: usize, pages: u64| {
            let mut all = short.to_vec();
            all.insert(at, pages);
            all
        };
        assert_eq!(run(&with(300, 100), 10).0, 31 + 99, "30 ticks of first pages before it");
        assert_eq!(run(&with(0, 100), 10).0, 100, "it never waits");
        assert_eq!(run(&with(150, 100), 10).0, 16 + 99, "nor for those behind it");
        assert_eq!(run(&with(300, 3), 10).0, 61, "pages over windows");
        let waited = run(&[3; 2_000], 4).1;
        assert!((LOOK_AHEAD / 2..=LOOK_AHEAD).contains(&waited), "few page tokens wait: {waited}");
    }

    #[test]
    fn one_that_waits_goes_on_before_the_others_are_begun_when_it_would_end_last() {
        let mut order = Order::new((0..10).map(target).collect());
        let long = order.next().unwrap();
        assert!(order.first_page(5), "nine others have nine pages at least");
        order.put_back(long, 5);
        let mut short = 0;
        while order.next().unwrap().target != target(0) {
            assert!(!order.first_page(0));
            order.ended();
            short += 1;
        }
        assert_eq!((short, order.unseen()), (6, 3));
    }

    #[test]
    fn of_equal_ones_the_one_that_began_first_goes_first() {
        let mut order = Order::new([1, 0, 2].map(target).into());
        for (number, at) in [(1, "2025-03-01T12:00:00Z"), (0, "2025-03-01T12:00:01Z")] {
            let turn = order.next().unwrap();
            assert_eq!(turn.target, target(number));
            assert!(order.first_page(1));
            let begun = Some(Begun { at: at.parse().unwrap(), resumed: false });
            order.put_back(Turn { begun, ..turn }, 1);
        }
        let last = order.next().unwrap();
        assert_eq!((order.unseen(), order.len()), (0, 2));
        assert!(!order.first_page(1), "nobody is left to look at");
        assert_eq!((last.target, order.next().unwrap().target), (target(2), target(1)));
        assert_eq!(order.longest().map(|turn| turn.target), Some(target(0)));
        assert_eq!(order.next(), None);
    }

    proptest! {
        #[test]
        fn nobody_is_forgotten_and_no_window_idles_while_somebody_waits(
            pages in prop::collection::vec(prop_oneof![9 => 1..4_u64, 1 => 1..60_u64], 1..700),
            windows in 1..20_usize,
        ) {
            let (ticks, most) = run(&pages, windows);
            let (all, longest) = (pages.iter().sum::<u64>(), pages.iter().max().unwrap());
            // What any order keeps to that leaves no window empty.
            prop_assert!(ticks <= all.div_ceil(windows as u64) + longest, "{ticks}");
            prop_assert!(most <= LOOK_AHEAD, "{most}");
        }

        #[test]
        fn claims_without_end_overflow_nothing(claims in prop::collection::vec(any::<u64>(), 1..20)) {
            let mut order = Order::new((0..claims.len()).map(target).collect());
            let mut claims = claims.iter().cycle();
            let mut running = Vec::new();
            while order.len() > 0 {
                running.extend((0..3).map_while(|_| order.next()));
                for turn in running.drain(..) {
                    let left = *claims.next().unwrap();
                    if turn.begun.is_none() && order.first_page(left) {
                        let begun = Some(Begun { at: "2025-03-01T12:00:00Z".parse().unwrap(), resumed: false });
                        order.put_back(Turn { begun, ..turn }, left);
                    } else {
                        order.ended();
                    }
                }
            }
            prop_assert_eq!(order.len(), 0);
        }
    }
}
