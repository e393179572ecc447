//! Receipts in any order (R43), and how far two clocks are apart.

use std::time::Duration;

use frontdesk_domain::Timestamp;
use frontdesk_domain::delivery::{
    ClockSample, ClockSkew, MeasuredSkew, MessageId, Observation, Receipts, Status, StatusTimes,
};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_micros(1_740_823_200_000_000 + seconds * 1_000_000).unwrap()
}

fn seen(status: Option<Status>, created: Option<i64>, times: [Option<i64>; 4]) -> Observation {
    let [sent, delivered, read, failed] = times.map(|time| time.map(at));
    let times = StatusTimes { sent, delivered, read, failed };
    Observation { id: MessageId::new("m-1").unwrap(), status, created: created.map(at), times }
}

fn all(observations: &[Observation]) -> Receipts {
    let mut receipts = Receipts::default();
    observations.iter().for_each(|observation| receipts.observe(observation));
    receipts
}

/// The order of the contract, whole, so that a change of it is read in review (§4).
#[test]
fn the_lattice() {
    use Status::{Delivered, Expired, Failed, Queued, Read, Sent};
    for pair in [Read, Delivered, Failed, Expired, Sent, Queued].windows(2) {
        assert!(pair[0] > pair[1], "{pair:?}");
    }
    for one in Status::ALL {
        assert_eq!(one.join(one), one);
        assert_eq!(one.as_str().parse(), Ok(one));
        assert_eq!(serde_json::to_value(one).unwrap(), one.as_str());
        for other in Status::ALL {
            assert_eq!(one.join(other), other.join(one));
            assert!(one.join(other) >= one);
        }
    }
    assert_eq!(Status::ALL.map(Status::is_final), [false, false, true, true, true, true]);
    assert_eq!(Status::ALL.map(Status::is_arrived), [false, false, false, false, true, true]);
}

fn observation() -> impl Strategy<Value = Observation> {
    let status = proptest::option::of(proptest::sample::select(Status::ALL.to_vec()));
    let time = || proptest::option::of(0i64..100);
    (status, time(), [time(), time(), time(), time()])
        .prop_map(|(status, created, times)| seen(status, created, times))
}

/// R43: ten thousand sets of receipts, each in an order of its own and with some of them twice, come to the same.
#[test]
fn receipts_in_every_order_come_to_the_same() {
    let observations = proptest::collection::vec(observation(), 1..8);
    let shuffled = observations.prop_flat_map(|observations| {
        let twice: Vec<_> = observations.iter().chain(observations.iter().take(3)).cloned().collect();
        (Just(observations), Just(twice).prop_shuffle())
    });
    let mut runner = TestRunner::new(Config { cases: 10_000, ..Config::default() });
    runner
        .run(&shuffled, |(observations, shuffled)| {
            let (one, other) = (all(&observations), all(&shuffled));
            prop_assert_eq!(one, other);
            let highest = observations.iter().filter_map(|seen| seen.status).max();
            prop_assert!(one.status() >= highest);
            // What is written down and read again goes on as if nothing had happened.
            let text = serde_json::to_string(&one).unwrap();
            prop_assert_eq!(serde_json::from_str::<Receipts>(&text).unwrap(), one);
            Ok(())
        })
        .unwrap();
}

/// Every order of the six statuses that can come, all 720 of them.
#[test]
fn every_permutation_of_all_statuses() {
    let looks: Vec<_> = Status::ALL.iter().map(|status| seen(Some(*status), None, [None; 4])).collect();
    let mut order: Vec<usize> = (0..looks.len()).collect();
    let mut count = 0;
    permute(&mut order, 0, &mut |order| {
        let receipts = all(&order.iter().map(|index| looks[*index].clone()).collect::<Vec<_>>());
        assert_eq!(receipts.status(), Some(Status::Read));
        assert!(receipts.is_contradictory());
        count += 1;
    });
    assert_eq!(count, 720);
}

fn permute(order: &mut [usize], from: usize, each: &mut impl FnMut(&[usize])) {
    if from == order.len() {
        return each(order);
    }
    for next in from..order.len() {
        order.swap(from, next);
        permute(order, from + 1, each);
        order.swap(from, next);
    }
}

#[test]
fn a_time_is_a_receipt_of_its_own() {
    let receipts = all(&[seen(Some(Status::Sent), Some(0), [None, Some(4), None, None])]);
    assert_eq!(receipts.status(), Some(Status::Delivered));
    assert_eq!(receipts.arrived(), Some(at(4)));
    let read = all(&[seen(Some(Status::Read), Some(0), [None, None, Some(9), None])]);
    assert_eq!(read.arrived(), Some(at(9)));
    let failed = all(&[seen(None, None, [None, None, None, Some(1)])]);
    assert_eq!(failed.status(), Some(Status::Failed));
    assert!(!failed.is_contradictory());
    assert_eq!(all(&[seen(None, None, [None; 4])]), Receipts::default());
}

/// The answer at `ours` (microseconds of our clock) of a platform that is `ahead`: its `Date` is cut to the second.
fn answer(ours: i64, ahead: i64, took: Duration) -> ClockSample {
    let answered = Timestamp::from_micros(ours).unwrap();
    // It was made half of the round trip ago.
    let made = ours - i64::try_from(took.as_micros()).unwrap() / 2;
    let date = (made + ahead).div_euclid(1_000_000) * 1_000_000;
    ClockSample::new(answered, took, Timestamp::from_micros(date).unwrap()).unwrap()
}

proptest! {
    /// Whatever the difference is, it is within what is said, and many answers say it closely.
    #[test]
    fn the_difference_of_the_clocks_is_within_what_is_said(
        ahead in -90_000_000_000i64..90_000_000_000,
        steps in proptest::collection::vec((1_000i64..3_000_000, 0u64..400), 1..60),
    ) {
        let mut skew = ClockSkew::default();
        let mut ours = 1_740_823_200_000_000;
        for (step, took) in &steps {
            ours += step;
            skew.add(answer(ours, ahead, Duration::from_millis(*took)));
            let MeasuredSkew { ahead_ms, within_ms } = skew.measured().unwrap();
            prop_assert!((ahead / 1_000 - ahead_ms).abs() <= within_ms + 1, "{ahead_ms} ± {within_ms}, {ahead}");
        }
        prop_assert_eq!(skew.jumps(), 0);
        if steps.len() > 40 {
            prop_assert!(skew.measured().unwrap().within_ms < 400);
        }
    }
}

#[test]
fn a_clock_that_jumps_is_measured_anew() {
    let mut skew = ClockSkew::default();
    assert_eq!(skew.measured(), None);
    assert_eq!(skew.platform_time(at(0)), at(0));
    let took = Duration::from_millis(20);
    for second in 0..30 {
        skew.add(answer(at(second).as_micros() + second * 37_000, 5_000_000, took));
    }
    assert!((skew.ahead_ms().unwrap() - 5_000).abs() < 60, "{skew:?}");
    assert_eq!(
        skew.platform_time(at(100)).since(at(100)).as_secs(),
        4 + u64::from(skew.ahead_ms() >= Some(5_000))
    );
    // Ours is set back by an hour: theirs is an hour further ahead.
    skew.add(answer(at(-3_600).as_micros(), 3_605_000_000, took));
    assert_eq!(skew.jumps(), 1);
    assert!((skew.ahead_ms().unwrap() - 3_605_000).abs() <= 520);
}

#[test]
fn clocks_that_may_agree_are_left_alone() {
    let mut skew = ClockSkew::default();
    skew.add(answer(at(0).as_micros() + 300_000, 0, Duration::from_millis(5)));
    assert_eq!(skew.platform_time(at(7)), at(7));
}
