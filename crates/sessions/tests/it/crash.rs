//! R100: a process that dies at any point, and the one that comes after it.

use std::future::Future;
use std::pin::pin;
use std::task::Poll;

use frontdesk_sessions::{INTENT, Limits, Silent};

use crate::support::{Fault, Heard, Place, Tenant, names, report};

/// Polls `work` at most `polls` times, then drops it where it stands, as a killed process does. Whether it came to its end.
pub(crate) async fn killed_after<T>(polls: u32, work: impl Future<Output = T>) -> Option<T> {
    let mut work = pin!(work);
    let mut left = polls;
    std::future::poll_fn(|context| {
        if left == 0 {
            return Poll::Ready(None);
        }
        left -= 1;
        work.as_mut().poll(context).map(Some)
    })
    .await
}

/// Killed after every number of steps there is: between the look and the intent, the intent and the DELETE, the DELETE
/// and its answer, the answer and the outcome, and in the read-back. The next process ends every guest exactly once, with
/// one record of success each.
#[test]
fn killed_at_any_step_the_next_process_ends_every_guest_exactly_once() {
    let mut steps = 1;
    let mut finished = false;
    while !finished {
        // A runtime of its own: what a dead process had under way does not go on.
        let (tenant, place) = (Tenant::active(4), Place::new());
        let runtime = || {
            tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap()
        };
        let first = runtime();
        let mut endpoint = String::new();
        finished = first.block_on(async {
            let process = place.process_with(&tenant, 2, frontdesk_api::Cancel::never(), Some("1000"));
            endpoint = Place::endpoint(&process);
            let plan = place.plan(&process, &names(4), "plan").await;
            if steps % 3 == 0 {
                tenant.faults(|_, guest, number| match (guest, number % 4) {
                    ("g-001" | "g-002", 1) => Fault::LostAfter,
                    _ => Fault::None,
                });
            }
            killed_after(steps, process.desk.apply(&plan, &Limits::default(), &Silent)).await.is_some()
        });
        drop(first);
        tenant.faults(|_, _, _| Fault::None);
        runtime().block_on(async {
            let process = place.process_with(&tenant, 2, frontdesk_api::Cancel::never(), Some("1000"));
            let plan = frontdesk_sessions::PlanFile::open(place.dir("plans"), "plan").unwrap();
            let heard = Heard::default();
            let last = report(process.desk.apply(&plan, &Limits::default(), &heard).await.unwrap());
            assert_eq!(
                (last.counts.ended, last.counts.total()),
                (4, 4),
                "after {steps} steps: {:?}",
                last.counts
            );
            assert_eq!(heard.outcomes().len(), 4);
            assert_eq!(tenant.ended(), 4, "after {steps} steps");
            let success = place.terminations().into_iter().filter(|record| record["success"] == true).count();
            assert_eq!(success, 4, "after {steps} steps");
            assert_eq!(place.events(&endpoint).0, names(4), "one event each, after {steps} steps");
            assert!(place.reader().open_intents(INTENT).unwrap().is_empty(), "after {steps} steps");
            process.end();
        });
        steps += 1;
    }
    assert!(steps > 30, "{steps} steps are too few to be all of them");
}
