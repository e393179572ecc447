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

/// A conversation whose turn it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Turn {
    pub(crate) target: HistoryTarget,
    /// What is known of one that was put back after its first page.
    pub(crate) begun: Option<Begun>,
}

/// When a conversation's first turn began, and whether it went on where an earlier session had stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Begun {
    pub(crate) at: Timestamp,
    pub(crate) resumed: bool,
}

/// The conversations of a job that are not running.
#[derive(Debug)]
pub(crate) struct Order {
    unseen: VecDeque<HistoryTarget>,
    /// Those that were put back, by the pages they have left.
    begun: BinaryHeap<Waiting>,
    /// Pages that those have left together.
    left: u64,
    running: u64,
    /// Conversations whose first page was taken, and the pages they have.
    known: (u64, u64),
}

impl Order {
    pub(crate) fn new(targets: VecDeque<HistoryTarget>) -> Self {
        Self { unseen: targets, begun: BinaryHeap::new(), left: 0, running: 0, known: (0, 0) }
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
        let is_urgent = self.begun.peek().is_some_and(|longest| {
            let others = self.left.saturating_sub(longest.left);
            self.is_urgent(longest.left, others, self.running + 1)
        });
        let first = if is_urgent { None } else { self.unseen.pop_front() };
        let turn = match first {
            Some(target) => Turn { target, begun: None },
            None => self.longest()?,
        };
        self.running += 1;
        Some(turn)
    }

    /// One that ran runs no more.
    pub(crate) fn ended(&mut self) {
        self.running = self.running.saturating_sub(1);
    }

    /// Learns how many pages a running conversation has, of which `left` are to come, and says whether it shall wait until
    /// others were begun.
    pub(crate) fn first_page(&mut self, left: u64) -> bool {
        let is_near_the_end = (1..=LOOK_AHEAD).contains(&self.unseen.len());
        let waits = left > 0 && is_near_the_end && !self.is_urgent(left, self.left, self.running);
        let (conversations, pages) = self.known;
        self.known = (conversations + 1, pages.saturating_add(left).saturating_add(1));
        waits
    }

    /// One that ran waits, with so many pages left.
    pub(crate) fn put_back(&mut self, turn: Turn, left: u64) {
        self.ended();
        self.left = self.left.saturating_add(left);
        self.begun.push(Waiting { left, place: Reverse(self.known.0), turn });
    }

    /// The longest of those that were put back, which waits no more.
    pub(crate) fn longest(&mut self) -> Option<Turn> {
        let Waiting { left, turn, .. } = self.begun.pop()?;
        self.left = self.left.saturating_sub(left);
        Some(turn)
    }

    /// Whether one with `left` pages takes as long alone in one of the `windows` as everybody else in all of them; the others
    /// that were put back have so many pages left.
    fn is_urgent(&self, left: u64, others: u64, windows: u64) -> bool {
        let (conversations, pages) = self.known;
        // Of those that were not begun nothing is known but what the others had: a page at least.
        let unseen = (self.unseen.len() as u64).saturating_mul(pages.max(1)) / conversations.max(1);
        left.saturating_mul(windows) >= others.saturating_add(unseen)
    }
}

/// One that was put back. The one with most pages left comes first, and of two equal ones the one that waited longer.
#[derive(Debug)]
struct Waiting {
    left: u64,
    place: Reverse<u64>,
    turn: Turn,
}

impl Waiting {
    fn rank(&self) -> (u64, Reverse<u64>) {
        (self.left, self.place)
    }
}

impl PartialEq for Waiting {
    fn eq(&self, other: &Self) -> bool {
        self.rank() == other.rank()
    }
}

impl Eq for Waiting {}

impl PartialOrd for Waiting {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Waiting {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.rank().cmp(&other.rank())
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
    }

    #[test]
    fn of_equal_ones_the_one_that_waited_longer_goes_first() {
        let mut order = Order::new((0..3).map(target).collect());
        for number in 0..2 {
            let turn = order.next().unwrap();
            assert_eq!(turn.target, target(number));
            assert!(order.first_page(1));
            order.put_back(turn, 1);
        }
        let last = order.next().unwrap();
        assert_eq!((order.unseen(), order.len()), (0, 2));
        assert!(!order.first_page(1), "nobody is left to look at");
        assert_eq!((last.target, order.next().unwrap().target), (target(2), target(0)));
        assert_eq!(order.longest().map(|turn| turn.target), Some(target(1)));
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
            let mut put_back = 0;
            while let Some(turn) = order.next() {
                let left = claims[put_back.min(claims.len() - 1)];
                if turn.begun.is_none() && order.first_page(left) {
                    put_back += 1;
                    let begun = Some(Begun { at: "2025-03-01T12:00:00Z".parse().unwrap(), resumed: false });
                    order.put_back(Turn { begun, ..turn }, left);
                } else {
                    order.ended();
                }
            }
            prop_assert_eq!(order.len(), 0);
        }
    }
}
