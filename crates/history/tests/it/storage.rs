//! A disk that fails stops the job; nothing is acknowledged after it, and the next session mends it.

use std::sync::Arc;

use frontdesk_durable::OsDir;
use frontdesk_durable::testing::{EIO, ENOSPC, FaultyDir};
use frontdesk_history::StoreError;

use crate::desk::{Desk, gateway, ids, request, three_pages};

/// Every change of a working file fails once, in a run of its own, as a full disk and as a broken one.
#[tokio::test]
async fn a_working_file_that_cannot_be_written_stops_the_job_and_loses_nothing() {
    let mut struck = 0;
    for errno in [ENOSPC, EIO] {
        for step in 1.. {
            let desk = Desk::new();
            desk.dir("work");
            let faulty = FaultyDir::new(OsDir::open(desk.path("work")).unwrap()).fail_from(step, errno);
            let faulty = Arc::new(faulty);
            let (first, _) = gateway(|_, token| three_pages(token));
            let ended = desk.pull_to(&first, &request(), &["c-1"], desk.folder(), faulty.clone()).await;
            if !faulty.struck() {
                assert!(ended.is_ok());
                break;
            }
            struck += 1;
            if let Err(error) = &ended {
                assert!(matches!(error, StoreError::Files(_) | StoreError::Busy(_)), "{step}: {error:?}");
            }
            // Space came back.
            let (again, _) = gateway(|_, token| three_pages(token));
            let report = desk.pull(&again, &request(), &["c-1"]).await;
            assert_eq!(report.totals.complete, 1, "{step}");
            assert_eq!(ids(&desk.lines("c-1.ndjson")), ["m-1", "m-2", "m-3", "m-4", "m-5", "m-6"]);
            assert!(desk.working_files().is_empty(), "{step}: {:?}", desk.working_files());
        }
    }
    assert!(struck > 20, "{struck} steps");
}

#[tokio::test]
async fn a_page_that_cannot_be_stored_is_told() {
    let desk = Desk::new();
    desk.dir("work");
    let (first, asked) = gateway(|_, token| three_pages(token));
    // Far enough for the working file to be there.
    for step in 1..40 {
        let faulty = FaultyDir::new(OsDir::open(desk.path("work")).unwrap()).fail_from(step, ENOSPC);
        let ended = desk.pull_to(&first, &request(), &["c-1"], desk.folder(), Arc::new(faulty)).await;
        if desk.steps().iter().any(|(event, _, _)| event == "process_error") {
            assert!(matches!(ended, Err(StoreError::Files(_))), "{ended:?}");
            assert!(!asked.lock().unwrap().is_empty());
            return;
        }
    }
    panic!("no write of a page failed");
}
