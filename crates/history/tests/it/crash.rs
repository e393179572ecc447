//! What is left after a crash at any moment is gone on with: the same history, no page lost.

use std::sync::{Arc, Mutex};

use frontdesk_api::transport::memory::Reply;
use frontdesk_history::{HistoryPull, Monitor, Progress, Session};

use crate::desk::{Desk, copy, gateway, ids, noon, request, target, three_pages};

/// The data directory is copied whenever the server is asked: what a process leaves that dies right then.
#[tokio::test]
async fn a_copy_of_any_moment_ends_as_the_history_does() {
    let desk = Desk::new();
    let root = desk.temp.path().to_owned();
    let copies = Arc::new(Mutex::new(Vec::new()));
    let (taken, kept) = (root.clone(), Arc::clone(&copies));
    let (first, _) = gateway(move |_, token| {
        let mut kept = kept.lock().unwrap();
        let temp = tempfile::tempdir().unwrap();
        copy(&taken, temp.path());
        kept.push(temp);
        three_pages(token)
    });
    desk.pull(&first, &request(), &["a", "b"]).await;
    let expected = desk.lines("a.ndjson");
    assert_eq!(expected.len(), 6);
    let copies = std::mem::take(&mut *copies.lock().unwrap());
    assert_eq!(copies.len(), 6);
    for temp in copies {
        let desk = Desk::in_folder(temp);
        let (again, asked) = gateway(|_, token| three_pages(token));
        let report = desk.pull(&again, &request(), &["a", "b"]).await;
        assert_eq!(report.totals.complete, 2);
        assert_eq!(desk.lines("a.ndjson"), expected);
        assert_eq!(desk.lines("b.ndjson"), expected);
        assert!(asked.lock().unwrap().len() <= 6);
        assert!(desk.working_files().is_empty());
    }
}

/// What a monitor is there for here: something is done whenever a page is stored.
struct AtEachPage<F: Fn(&Progress)>(F);

impl<F: Fn(&Progress) + Send + Sync> Monitor for AtEachPage<F> {
    fn progress(&self, progress: &Progress) {
        (self.0)(progress);
    }
}

/// The last page is on disk, and its end is not: nothing is asked for again, and nothing is there twice.
#[tokio::test]
async fn dead_or_stopped_right_after_the_last_page_the_history_is_whole() {
    let desk = Desk::new();
    let root = desk.temp.path().to_owned();
    let copy_of = Arc::new(Mutex::new(None));
    let monitor = {
        let copy_of = Arc::clone(&copy_of);
        AtEachPage(move |progress: &Progress| {
            if progress.pages == 3 && progress.done == 0 {
                let temp = tempfile::tempdir().unwrap();
                copy(&root, temp.path());
                *copy_of.lock().unwrap() = Some(temp);
            }
        })
    };
    let (source, asked) = gateway(|_, token| three_pages(token));
    let stop = Arc::new(tokio::sync::Notify::new());
    let signal = Arc::clone(&stop);
    // The clock is asked when a page is there, before it is stored.
    let clock = Arc::new(move || {
        if asked.lock().unwrap().len() == 3 {
            signal.notify_one();
        }
        noon()
    });
    let session = Session { journal: desk.journal(), work: desk.dir("work") };
    let job = HistoryPull::new(&source, session, desk.folder(), clock);
    let report = job.run(&request(), vec![target("c-1")], stop.notified(), &monitor).await.unwrap();
    assert!(report.interrupted);
    assert_eq!((report.totals.complete, report.totals.interrupted), (1, 0));
    let expected = desk.lines("c-1.ndjson");
    assert_eq!(expected.len(), 6);

    let temp = copy_of.lock().unwrap().take().unwrap();
    let desk = Desk::in_folder(temp);
    let (again, asked) = gateway(|_, token| three_pages(token));
    let report = desk.pull(&again, &request(), &["c-1"]).await;
    assert_eq!((report.totals.complete, report.totals.counts.duplicates, report.totals.pages), (1, 0, 3));
    assert!(asked.lock().unwrap().is_empty(), "the last page was there");
    assert_eq!(desk.lines("c-1.ndjson"), expected);
}

/// Bytes behind the checkpoint, and a working file that is gone.
#[tokio::test]
async fn a_torn_working_file_is_cut_and_a_lost_one_is_fetched_again() {
    for lost in [false, true] {
        let desk = Desk::new();
        let (broken, _) =
            gateway(|_, token| if token == "p3" { Reply::status(503) } else { three_pages(token) });
        desk.pull(&broken, &request(), &["c-1"]).await;
        let name = desk.working_files().remove(0);
        let path = desk.path("work").join(name);
        if lost {
            std::fs::remove_file(path).unwrap();
        } else {
            let mut bytes = std::fs::read(&path).unwrap();
            bytes.extend_from_slice(b"\x01torn");
            std::fs::write(path, bytes).unwrap();
        }
        let (mended, asked) = gateway(|_, token| three_pages(token));
        desk.pull(&mended, &request(), &["c-1"]).await;
        assert_eq!(asked.lock().unwrap().len(), if lost { 3 } else { 1 });
        assert_eq!(ids(&desk.lines("c-1.ndjson")), ["m-1", "m-2", "m-3", "m-4", "m-5", "m-6"]);
    }
}
