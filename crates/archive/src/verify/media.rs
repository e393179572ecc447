//! The files of messages: every one that a record refers to is there with its bytes, and no other is.

use frontdesk_durable::EntryKind;

use super::{Findings, Scope, files};
use crate::error::{Action, Error};
use crate::layout;
use crate::ledger::Ledgered;
use crate::media::{self, Bytes};
use crate::reader::Reader;

/// Checks them all. Damage of a file that a repair gave up is told no more.
pub(super) fn check(
    reader: &Reader,
    scope: &Scope<'_>,
    ledgered: Option<&Ledgered>,
    findings: &mut Findings,
) -> Result<(), Error> {
    // Records first: a file is there before its record is.
    let wanted = reader.ask(|catalog| catalog.files())?;
    let marks = media::marks(scope.dir, Action::Verify)?;
    for hash in &wanted {
        let path = layout::media(hash);
        match media::check(scope.dir, hash, Action::Verify)? {
            Bytes::Good => {}
            Bytes::Wrong => findings.damaged(path, "its bytes are not what its name says"),
            Bytes::Missing if ledgered.is_some_and(|ledgered| ledgered.lost_media.contains(&hash.0)) => {}
            Bytes::Missing => findings.damaged(path, "a record refers to this file, and it is missing"),
        }
    }
    for entry in files::list(scope, layout::MEDIA)? {
        let path = format!("{}/{}", layout::MEDIA, entry.name);
        let Some(hash) = media::hash_of(&entry.name).filter(|_| entry.kind == EntryKind::File) else {
            files::unexplained(scope, &path, &entry.name, findings);
            continue;
        };
        if wanted.binary_search(&hash).is_ok() || scope.active {
            continue;
        }
        if marks.contains(&hash) || reader.ask(|catalog| catalog.refers_to(&hash.0))? {
            findings.unfinished(
                path,
                "no record refers to it (any more), and the next maintenance takes it away",
            );
        } else {
            findings.damaged(path, "no record refers to this file");
        }
    }
    for entry in files::list(scope, layout::INCOMING)? {
        if scope.active {
            break;
        }
        let path = format!("{}/{}", layout::INCOMING, entry.name);
        match media::hash_of(&entry.name).filter(|_| entry.kind == EntryKind::File) {
            Some(hash) if scope.dir.metadata(&layout::media(&hash)).is_ok() => {
                if wanted.binary_search(&hash).is_ok() {
                    findings
                        .unfinished(path, "its file is referred to, and the next writer takes the mark away");
                }
            }
            Some(_) => findings.unfinished(path, "the mark of a file that never came"),
            None => files::unexplained(scope, &path, &entry.name, findings),
        }
    }
    Ok(())
}
