//! What many runs prove together, against asking each of them about each moment.

use frontdesk_domain::coverage::{Coverage, Proof};
use frontdesk_domain::{TimeRange, Timestamp};
use proptest::prelude::*;

fn at(moment: i64) -> Timestamp {
    Timestamp::from_micros(moment).unwrap()
}

fn range(from: i64, length: i64) -> TimeRange {
    TimeRange::new(at(from), at(from + length)).unwrap()
}

fn runs() -> impl Strategy<Value = Vec<(TimeRange, Proof)>> {
    let proof = prop_oneof![Just(Proof::Missing), Just(Proof::Provisional), Just(Proof::Complete)];
    let run = (0..40_i64, 1..15_i64, proof).prop_map(|(from, length, proof)| (range(from, length), proof));
    proptest::collection::vec(run, 0..12)
}

proptest! {
    #[test]
    fn a_moment_is_the_best_that_any_run_proves(runs in runs(), cut in (0..50_i64, 1..10_i64)) {
        let mut coverage = Coverage::default();
        for (range, proof) in &runs {
            coverage.raise(*range, *proof);
        }
        let cut = range(cut.0, cut.1);
        for asked in [range(0, 60), cut] {
            let stretches: Vec<_> = coverage.within(asked).collect();
            for moment in 0..60 {
                let moment = at(moment);
                let best = runs.iter().filter(|(range, _)| range.contains(moment)).map(|(_, proof)| *proof).max();
                let found: Vec<_> = stretches.iter().filter(|(range, _)| range.contains(moment)).collect();
                prop_assert!(found.len() <= 1);
                let expected = best.filter(|_| asked.contains(moment));
                prop_assert_eq!(found.first().map(|(_, proof)| *proof), expected);
            }
            for pair in stretches.windows(2) {
                prop_assert!(pair[0].0.to() <= pair[1].0.from());
                prop_assert!(pair[0].0.to() < pair[1].0.from() || pair[0].1 != pair[1].1, "neighbours are joined");
            }
        }
        prop_assert_eq!(coverage.is_empty(), runs.is_empty());
        let first = runs.iter().map(|(range, _)| range.from()).min();
        prop_assert_eq!(coverage.span().map(|span| span.from()), first);
    }

    #[test]
    fn the_order_of_the_runs_does_not_matter(runs in runs()) {
        let put = |runs: &mut dyn Iterator<Item = &(TimeRange, Proof)>| {
            let mut coverage = Coverage::default();
            runs.for_each(|(range, proof)| coverage.raise(*range, *proof));
            coverage
        };
        prop_assert_eq!(put(&mut runs.iter()), put(&mut runs.iter().rev()));
    }
}
