//! Whether a message arrived in time (contract §4): every rule on both sides of its border.

use std::time::Duration;

use frontdesk_domain::Timestamp;
use frontdesk_domain::delivery::{
    MessageId, Observation, Receipts, Seconds, Sla, SlaState, Status, StatusTimes,
};
use proptest::prelude::*;

const CREATED: i64 = 1_740_823_200_000_000;

/// Microseconds after the message was made.
fn after(micros: i64) -> Timestamp {
    Timestamp::from_micros(CREATED + micros).unwrap()
}

fn id() -> MessageId {
    MessageId::new("m-1").unwrap()
}

fn seen(status: Option<Status>, created: bool, delivered: Option<i64>, read: Option<i64>) -> Receipts {
    let mut receipts = Receipts::default();
    let times =
        StatusTimes { delivered: delivered.map(after), read: read.map(after), ..StatusTimes::default() };
    receipts.observe(&Observation { id: id(), status, created: created.then(|| after(0)), times });
    receipts
}

fn judged(receipts: &Receipts, now: i64) -> Sla {
    Sla::judge(&id(), receipts, after(now), Sla::DEFAULT_THRESHOLD)
}

/// Status, whether the time of making was said, delivered, read, the time of judging; the state, and the elapsed time.
type Row = (Option<Status>, bool, Option<i64>, Option<i64>, i64, SlaState, Option<i64>);

/// The whole table: what was seen, how long ago it was made, what that is.
#[test]
fn the_table() {
    use SlaState::{Met, Missed, Pending, Unknown};
    use Status::{Delivered, Expired, Failed, Queued, Read, Sent};
    const S: i64 = 1_000_000;
    let rows: &[Row] = &[
        // Arrived: by its delivered time, to the microsecond, whenever it is looked at.
        (Some(Delivered), true, Some(10 * S), None, 99 * S, Met, Some(10 * S)),
        (Some(Delivered), true, Some(10 * S + 1), None, 99 * S, Missed, Some(10 * S + 1)),
        (Some(Delivered), true, Some(0), None, 0, Met, Some(0)),
        // Read counts by its delivered time, and by its own where there is none.
        (Some(Read), true, Some(9 * S), Some(60 * S), 99 * S, Met, Some(9 * S)),
        (Some(Read), true, None, Some(10 * S), 99 * S, Met, Some(10 * S)),
        (Some(Read), true, None, Some(10 * S + 1), 99 * S, Missed, Some(10 * S + 1)),
        // A time is a receipt, whatever the status says.
        (Some(Sent), true, Some(3 * S), None, 99 * S, Met, Some(3 * S)),
        (None, true, Some(3 * S), None, 99 * S, Met, Some(3 * S)),
        // Under way: pending until the threshold has passed, then missed.
        (Some(Queued), true, None, None, 0, Pending, Some(0)),
        (Some(Sent), true, None, None, 10 * S, Pending, Some(10 * S)),
        (Some(Sent), true, None, None, 10 * S + 1, Missed, Some(10 * S + 1)),
        (None, true, None, None, 10 * S, Pending, Some(10 * S)),
        (None, true, None, None, 3_600 * S, Missed, Some(3_600 * S)),
        // A clock of ours that is behind makes no negative time.
        (Some(Sent), true, None, None, -5 * S, Pending, Some(0)),
        // Failed and expired are missed, at once.
        (Some(Failed), true, None, None, 1, Missed, Some(1)),
        (Some(Expired), true, None, None, 1, Missed, Some(1)),
        // Never met without a time (R43), and unknown without the time it was made.
        (Some(Delivered), true, None, None, 1, Unknown, None),
        (Some(Read), true, None, None, 99 * S, Unknown, None),
        (Some(Delivered), false, Some(S), None, 99 * S, Unknown, None),
        (Some(Sent), false, None, None, 99 * S, Unknown, None),
        (Some(Failed), false, None, None, 99 * S, Unknown, None),
        // The platform's own times go backwards: it is shown as it is.
        (Some(Delivered), true, Some(-S), None, S, Met, Some(-S)),
    ];
    for row in rows {
        let (status, created, delivered, read, now, state, elapsed) = *row;
        let sla = judged(&seen(status, created, delivered, read), now);
        assert_eq!(sla.state, state, "{row:?}");
        assert_eq!(sla.elapsed_time_sec.map(Seconds::as_micros), elapsed, "{row:?}");
        let meets = match state {
            Met => Some(true),
            Missed => Some(false),
            Pending | Unknown => None,
        };
        assert_eq!(sla.meets_sla, meets, "{row:?}");
    }
}

/// Exactly the contract's object: `delivered_at` is left out, `meets_sla` and `created_at` are null.
#[test]
fn the_object() {
    let shown = |receipts: &Receipts, now| serde_json::to_string(&judged(receipts, now)).unwrap();
    let on_time = seen(Some(Status::Delivered), true, Some(1_250_000), None);
    let lines = [
        shown(&on_time, 99),
        shown(&seen(Some(Status::Sent), true, None, None), 3_000_000),
        shown(&seen(Some(Status::Failed), true, None, None), 12_000_000),
        shown(&seen(None, false, None, None), 0),
    ];
    insta::assert_snapshot!(lines.join("\n"));
    for line in lines {
        let read: Sla = serde_json::from_str(&line).unwrap();
        assert_eq!(serde_json::to_string(&read).unwrap(), line);
    }
}

#[test]
fn the_threshold_is_the_callers() {
    let receipts = seen(Some(Status::Delivered), true, Some(500_000), None);
    let state = |millis| Sla::judge(&id(), &receipts, after(0), Duration::from_millis(millis)).state;
    assert_eq!((state(499), state(500), state(501)), (SlaState::Missed, SlaState::Met, SlaState::Met));
    assert_eq!(state(0), SlaState::Missed);
    let never = Sla::judge(&id(), &receipts, after(0), Duration::MAX);
    assert_eq!(never.state, SlaState::Met);
}

fn observation() -> impl Strategy<Value = Observation> {
    let status = proptest::option::of(proptest::sample::select(Status::ALL.to_vec()));
    let time = || proptest::option::of((0_i64..30_000_000).prop_map(after));
    (status, any::<bool>(), time(), time(), time(), time()).prop_map(
        |(status, created, sent, delivered, read, failed)| {
            let times = StatusTimes { sent, delivered, read, failed };
            Observation { id: id(), status, created: created.then(|| after(0)), times }
        },
    )
}

proptest! {
    /// R43: receipts in any order, some of them twice, are judged the same; never met without a time of arrival; and
    /// what was met or missed by a receipt stays so, however late it is looked at.
    #[test]
    fn any_order_is_judged_the_same(
        (looks, shuffled) in proptest::collection::vec(observation(), 1..6).prop_flat_map(|looks| {
            let twice: Vec<_> = looks.iter().chain(looks.iter().take(2)).cloned().collect();
            (Just(looks), Just(twice).prop_shuffle())
        }),
        now in 0_i64..60_000_000,
    ) {
        let of = |looks: &[Observation]| {
            let mut receipts = Receipts::default();
            looks.iter().for_each(|look| receipts.observe(look));
            receipts
        };
        let (one, other) = (of(&looks), of(&shuffled));
        let sla = judged(&one, now);
        prop_assert_eq!(&sla, &judged(&other, now));
        if sla.state == SlaState::Met {
            prop_assert!(sla.delivered_at.is_some() && sla.created_at.is_some());
        }
        let later = judged(&one, now + 1_000_000_000).state;
        match sla.state {
            SlaState::Pending => prop_assert_eq!(later, SlaState::Missed),
            settled => prop_assert_eq!(later, settled),
        }
    }
}
