//! A process that dies at any point while it opens sessions, and the one that comes after it.

use frontdesk_domain::audit::AuditKind;
use frontdesk_sessions::{OPEN_INTENT, OpeningCounts, OpeningOptions, Silent};

use crate::crash::killed_after;
use crate::lobby::{Counter, Lobby, Loss, audit};
use crate::support::Place;

const LINES: &str = "{\"guest_id\":\"g-1\",\"consent\":{\"data_processing\":true}}\n\
                     {\"consent\":{\"data_processing\":true}}\n\
                     {\"guest_id\":\"g-3\",\"consent\":{\"data_processing\":true}}\n\
                     {\"guest_id\":\"g-4\"}\n";

/// Killed after every number of steps there is: between check and intent, intent and POST, POST and answer, answer and
/// outcome. The next process opens what is missing, and nothing twice, with one receipt each.
#[test]
fn killed_at_any_step_the_next_process_opens_each_session_once() {
    let runtime =
        || tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    let (mut steps, mut finished, mut in_doubt) = (1, false, 0);
    while !finished {
        let (lobby, place) = (Lobby::new(), Place::new());
        let first = runtime();
        finished = first.block_on(async {
            let counter = Counter::at(&place, &lobby);
            if steps % 3 == 0 {
                lobby.losses(|number| if number % 2 == 0 { Loss::NoHead } else { Loss::None });
            }
            let options = OpeningOptions::default();
            killed_after(steps, counter.all(&place, LINES, &options, &Silent)).await.is_some()
        });
        drop(first);
        in_doubt += u32::from(!place.reader().open_intents(OPEN_INTENT).unwrap().is_empty());
        lobby.losses(|_| Loss::None);
        runtime().block_on(async {
            let counter = Counter::at(&place, &lobby);
            let last = counter.all(&place, LINES, &OpeningOptions::default(), &Silent).await;
            let expected = OpeningCounts { opened: 3, refused: 1, ..OpeningCounts::default() };
            assert_eq!((last.counts, lobby.opened()), (expected, 3), "after {steps} steps");
            assert_eq!(audit(&place, AuditKind::Consent).len(), 3, "after {steps} steps");
            assert!(place.reader().open_intents(OPEN_INTENT).unwrap().is_empty(), "after {steps} steps");
            counter.end();
        });
        steps += 1;
    }
    // Wake-ups that fall together are one step, so their number is not the same each time.
    assert!(steps > 5 && in_doubt > 0, "{steps} steps, {in_doubt} of them left a request in doubt");
}
