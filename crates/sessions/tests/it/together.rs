//! R100: two operators at once: on the same plan, and on plans that overlap.

use std::collections::BTreeMap;

use frontdesk_api::Cancel;
use frontdesk_sessions::{Limits, Silent};

use crate::support::{Heard, Place, Tenant, names, report};

#[tokio::test(start_paused = true)]
async fn on_one_plan_they_share_the_work() {
    let (tenant, place) = (Tenant::active(60), Place::new());
    let one = place.process_with(&tenant, 4, Cancel::never(), Some("1000"));
    let other = place.process_with(&tenant, 4, Cancel::never(), Some("1000"));
    let plan = place.plan(&one, &names(60), "plan").await;
    let (limits, heard) = (Limits::default(), [Heard::default(), Heard::default()]);
    let (first, second) =
        tokio::join!(one.desk.apply(&plan, &limits, &heard[0]), other.desk.apply(&plan, &limits, &heard[1]));
    let reports = [report(first.unwrap()), report(second.unwrap())];
    for (report, heard) in reports.iter().zip(&heard) {
        assert_eq!((report.counts.ended, report.counts.total()), (60, 60), "{:?}", report.counts);
        assert_eq!(heard.outcomes().len(), 60);
    }
    assert_eq!(reports[0].earlier + reports[1].earlier, 60, "each guest was dealt with by one of them");
    assert_eq!(tenant.ended(), 60);
    assert!(tenant.fates().values().all(|fate| fate.deletes == 1), "and asked for once");
    assert!(tenant.most_at_once() <= 4, "{} at once", tenant.most_at_once());
    assert_eq!(place.terminations().len(), 60);
}

#[tokio::test(start_paused = true)]
async fn on_plans_that_overlap_nobody_is_ended_twice() {
    let (tenant, place) = (Tenant::active(60), Place::new());
    let one = place.process_with(&tenant, 4, Cancel::never(), Some("1000"));
    let other = place.process_with(&tenant, 4, Cancel::never(), Some("1000"));
    let guests = names(60);
    let mut reversed = guests[20..].to_vec();
    reversed.reverse();
    let left = place.plan(&one, &guests[..40], "left").await;
    let right = place.plan(&other, &reversed, "right").await;
    let limits = Limits::default();
    let (first, second) =
        tokio::join!(one.desk.apply(&left, &limits, &Silent), other.desk.apply(&right, &limits, &Silent));
    let (first, second) = (report(first.unwrap()), report(second.unwrap()));
    assert_eq!((first.counts.total(), second.counts.total()), (40, 40));
    assert_eq!((first.counts.errors(), second.counts.errors()), (0, 0));
    // Whom one of them ended is a duplicate for the other.
    assert_eq!(first.counts.ended + second.counts.ended, 60);
    assert_eq!(first.counts.duplicate + second.counts.duplicate, 20);
    assert_eq!(tenant.ended(), 60);
    assert!(tenant.most_at_once() <= 4, "{} at once", tenant.most_at_once());
    let mut records: BTreeMap<String, u32> = BTreeMap::new();
    for record in place.terminations() {
        if record["duplicate_termination"] != true {
            *records.entry(record["guest_id"].as_str().unwrap().to_owned()).or_default() += 1;
        }
    }
    assert_eq!((records.len(), records.values().max()), (60, Some(&1)));
}
