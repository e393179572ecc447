//! The files of messages: there with their record and gone with it, whatever happens in between.

use std::collections::BTreeMap;
use std::sync::Arc;

use frontdesk_archive::{
    ClockTrust, Error, Export, ExportLayout, Maintenance, MediaPut, Prepared, PutOutcome, Removed, Settings,
    Writer, repair_in,
};
use frontdesk_domain::media::{MediaEntry, MediaFile, MediaListing, MediaState};
use frontdesk_domain::{MatterName, RawRecord, RecordKey, RecordKind, Timestamp, payload};
use frontdesk_durable::Dir;
use frontdesk_durable::testing::{FaultyDir, MemoryDir};

use crate::retaining::{maintain, removal};
use crate::support::{clock, conversation, noise, prepared, settings, verify};
use crate::world::{Catalog, World, open};

fn entry(message: &str, file: MediaFile) -> MediaEntry {
    MediaEntry {
        message_id: message.parse().unwrap(),
        state: MediaState::Saved,
        sha256: Some(file.sha256),
        bytes: Some(file.bytes),
        content_type: Some("image/png".to_owned()),
        expires_at: None,
    }
}

fn record(conversation: &str, files: &[MediaFile]) -> Prepared {
    let media = files.iter().enumerate().map(|(n, file)| entry(&format!("m-{n}"), *file)).collect();
    let bytes = MediaListing { media }.to_bytes();
    let facts = payload::facts(RecordKind::Media, &bytes);
    let key = RecordKey { kind: RecordKind::Media, id: conversation.parse().unwrap() };
    Prepared::new(RawRecord::from_parts(key, bytes).unwrap(), facts)
}

fn save(writer: &Writer, text: &str) -> Result<MediaFile, Error> {
    let mut draft = writer.begin_media()?;
    for piece in text.as_bytes().chunks(100) {
        draft.write(piece)?;
    }
    draft.finish()
}

/// A conversation with files, as a pull stores it.
fn put(writer: &Writer, conversation_id: &str, texts: &[String]) -> Result<MediaPut, Error> {
    writer.put(vec![prepared(&conversation(conversation_id, 1, &noise(7, 300)))])?;
    let files: Result<Vec<MediaFile>, Error> = texts.iter().map(|text| save(writer, text)).collect();
    writer.put_media(record(conversation_id, &files?))
}

/// Which files a conversation has here; `m-shared` is in two of them.
fn texts(n: u64) -> Vec<String> {
    vec![format!("only of {n} {}", noise(n, 250)), format!("of two {}", n / 2), format!("of two {}", n / 2)]
}

fn fill(mut writer: impl FnMut() -> Result<Writer, Error>, done: &mut Vec<u64>) -> Result<(), Error> {
    for n in 0..4 {
        let open = writer()?;
        let put = put(&open, &format!("c-{n}"), &texts(n))?;
        assert!(matches!(put, MediaPut::Put(_)), "{put:?}");
        done.push(n);
        open.close()?;
    }
    Ok(())
}

/// The names in `media/`.
fn files(memory: &MemoryDir) -> Vec<String> {
    memory.files().into_keys().filter(|path| path.starts_with("media/")).collect()
}

fn hash(text: &str) -> frontdesk_domain::media::MediaHash {
    frontdesk_domain::media::MediaHash(frontdesk_durable::sha256(text.as_bytes()))
}

/// Everything that was acknowledged is there, and what is there is what it must be.
fn check(world: &World, conversations: &[u64]) {
    let reader = world.reader();
    for n in conversations {
        for text in texts(*n) {
            let mut bytes = Vec::new();
            let read = reader
                .media(&hash(&text), &mut |piece| {
                    bytes.extend_from_slice(piece);
                    Ok::<(), Error>(())
                })
                .unwrap();
            assert_eq!(read, Some(text.len() as u64));
            assert_eq!(bytes, text.as_bytes());
        }
    }
    let report = verify(&reader);
    assert_eq!(report.damaged, [], "{report:?}");
    assert_eq!(report.unfinished, [], "{report:?}");
    let anew = world.after_kill(Catalog::Gone).reader();
    assert_eq!(reader.media_stats().unwrap(), anew.media_stats().unwrap());
}

#[test]
fn a_file_is_there_with_its_record_and_once_however_often_it_is_sent() {
    let world = World::new();
    let mut done = Vec::new();
    fill(|| world.writer(), &mut done).unwrap();
    check(&world, &done);
    assert_eq!(files(&world.memory).len(), 6, "four of one conversation, two of two");
    assert_eq!(world.reader().media_stats().unwrap().files, 6);
    // Again: nothing changes.
    let writer = world.writer().unwrap();
    let again = put(&writer, "c-0", &texts(0)).unwrap();
    assert_eq!(again, MediaPut::Put(PutOutcome::Unchanged { version: 1 }));
    // What no record refers to is nobody's.
    let file = save(&writer, "nobody's").unwrap();
    assert!(writer.has_media(&file).unwrap());
    let reader = world.reader();
    assert_eq!(reader.media(&file.sha256, &mut |_| Ok::<(), Error>(())).unwrap(), None);
    assert_eq!(writer.sweep_media().unwrap(), 1);
    assert_eq!(writer.put_media(record("c-9", &[file])).unwrap(), MediaPut::Missing(file.sha256));
    writer.close().unwrap();
    check(&world, &done);
    assert_eq!(files(&world.memory).len(), 6);
}

#[test]
fn neither_an_orphan_nor_a_missing_file_whenever_the_machine_stops() {
    let steps = {
        let world = World::new();
        let dir = FaultyDir::new(world.memory.clone());
        fill(|| open(Arc::new(dir.clone())), &mut Vec::new()).unwrap();
        dir.steps()
    };
    assert!(steps > 80, "{steps}");
    for step in 1..=steps {
        let world = World::new();
        let dir = FaultyDir::new(world.memory.clone()).crash_at(step);
        let mut done = Vec::new();
        let _stopped = fill(|| open(Arc::new(dir.clone())), &mut done);
        assert!(dir.struck(), "step {step}");
        let seed = step.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 8;
        let catalog = if seed % 2 == 0 { Catalog::Kept } else { Catalog::Gone };
        let after = world.after_power_loss(seed / 2, catalog);
        if !after.reader_is_possible() {
            continue;
        }
        // Before anybody settles it: what is missing would be damage, and what is too much is named.
        let found = verify(&after.reader());
        assert_eq!(found.damaged, [], "step {step}: {found:?}");
        after.writer().unwrap_or_else(|error| panic!("step {step}: {error}")).close().unwrap();
        maintain(after.dir()).unwrap().close().unwrap();
        check(&after, &done);
        let expected = after.reader().media_stats().unwrap().files as usize;
        assert_eq!(files(&after.memory).len(), expected, "step {step}: an orphan");
        // The same again, to the end.
        let mut done = Vec::new();
        fill(|| after.writer(), &mut done).unwrap();
        check(&after, &done);
        assert_eq!(files(&after.memory).len(), 6, "step {step}");
    }
}

fn expire(dir: Arc<dyn Dir>, world: &World, ids: &[&str]) -> Result<Vec<Removed>, Error> {
    let reader = world.reader();
    let there = |id: &&&str| {
        let key = RecordKey { kind: RecordKind::Details, id: id.parse().unwrap() };
        reader.show(&key, None).unwrap().is_some()
    };
    let removals: Vec<_> = ids.iter().filter(there).map(|id| removal(&reader, id)).collect();
    drop(reader);
    let mut maintenance = maintain(dir)?;
    let removed = maintenance.expire(&removals, "retention", ClockTrust::default())?.0;
    maintenance.close()?;
    Ok(removed)
}

#[test]
fn files_follow_the_holds_and_the_removal_of_their_conversations() {
    let world = World::new();
    fill(|| world.writer(), &mut Vec::new()).unwrap();
    let mut maintenance = maintain(world.dir()).unwrap();
    let matter = MatterName::new("Smith v. Acme").unwrap();
    maintenance.hold(&matter, &["c-3".parse().unwrap()], None, "served").unwrap();
    maintenance.close().unwrap();
    let removed = expire(world.dir(), &world, &["c-0", "c-2", "c-3"]).unwrap();
    assert!(matches!(removed[2], Removed::Held(_)), "{removed:?}");
    // c-0 shares a file with c-1, and c-2 one with c-3: both stay.
    check(&world, &[1, 3]);
    let there = files(&world.memory);
    assert_eq!(there.len(), 4, "{there:?}");
    for n in [0, 2] {
        assert!(!there.contains(&format!("media/{}", hash(&texts(n)[0]))));
        let reader = world.reader();
        assert_eq!(reader.media(&hash(&texts(n)[0]), &mut |_| Ok::<(), Error>(())).unwrap(), None);
    }
    // It does not come back, and leaves nothing.
    let writer = world.writer().unwrap();
    let put = put(&writer, "c-0", &texts(0)).unwrap();
    assert_eq!(put, MediaPut::Put(PutOutcome::Expired));
    assert_eq!(writer.sweep_media().unwrap(), 1);
    writer.close().unwrap();
    let removed = expire(world.dir(), &world, &["c-1"]).unwrap();
    assert!(matches!(removed[0], Removed::Expired { records: 2, .. }), "{removed:?}");
    check(&world, &[3]);
    assert_eq!(files(&world.memory).len(), 2);
}

#[test]
fn a_removal_that_is_stopped_anywhere_takes_the_files_in_the_end_and_no_other() {
    let filled = || {
        let world = World::new();
        fill(|| world.writer(), &mut Vec::new()).unwrap();
        world
    };
    let steps = {
        let world = filled();
        let dir = FaultyDir::new(world.memory.clone());
        expire(Arc::new(dir.clone()), &world, &["c-0", "c-1", "c-2"]).unwrap();
        dir.steps()
    };
    assert!(steps > 20, "{steps}");
    for step in 1..=steps {
        let world = filled();
        let dir = FaultyDir::new(world.memory.clone()).crash_at(step);
        let _stopped = expire(Arc::new(dir.clone()), &world, &["c-0", "c-1", "c-2"]);
        let seed = step.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 8;
        let catalog = if seed % 2 == 0 { Catalog::Kept } else { Catalog::Gone };
        let after = world.after_power_loss(seed / 2, catalog);
        let found = verify(&after.reader());
        assert_eq!(found.damaged, [], "step {step}: {found:?}");
        after.writer().unwrap_or_else(|error| panic!("step {step}: {error}")).close().unwrap();
        check(&after, &[3]);
        expire(after.dir(), &after, &["c-0", "c-1", "c-2"]).unwrap();
        check(&after, &[3]);
        assert_eq!(files(&after.memory).len(), 2, "step {step}");
    }
}

fn flip(world: &World, path: &str) {
    let bytes = world.memory.files()[path].clone();
    let mut file = world.memory.open_write(path).unwrap();
    file.write_at(0, &[bytes[0] ^ 4]).unwrap();
    file.sync_data().unwrap();
}

fn mend(world: &World, apply: bool) -> frontdesk_archive::RepairReport {
    repair_in(world.dir(), &Settings { segment_size: 1_500, ..settings() }, clock(), apply).unwrap()
}

#[test]
fn damage_of_files_is_found_put_aside_and_healed_by_saving_them_again() {
    let world = World::new();
    fill(|| world.writer(), &mut Vec::new()).unwrap();
    let path = |n| format!("media/{}", hash(&texts(n)[0]));
    flip(&world, &path(0));
    world.memory.remove(&path(1)).unwrap();
    let mut stranger = world.memory.create(&format!("media/{}", "ab".repeat(32))).unwrap();
    stranger.write_at(0, b"nobody knows").unwrap();
    drop(stranger);

    let damaged = verify(&world.reader()).damaged;
    let what: BTreeMap<_, _> = damaged.iter().map(|found| (found.path.clone(), found.what.clone())).collect();
    assert_eq!(what.len(), 3, "{damaged:?}");
    assert!(what[&path(0)].contains("bytes") && what[&path(1)].contains("missing"), "{what:?}");
    let error = world.reader().media(&hash(&texts(0)[0]), &mut |_| Ok::<(), Error>(())).unwrap_err();
    assert!(error.is_integrity_failure(), "{error}");

    let preview = mend(&world, false);
    assert_eq!(preview.media.len(), 3);
    assert!(!preview.changed);
    assert_eq!(verify(&world.reader()).damaged, damaged, "a preview changes nothing");
    let report = mend(&world, true);
    assert_eq!(report.media.iter().filter(|media| media.lost).count(), 2);
    assert_eq!(report.media.iter().filter(|media| media.quarantine.is_some()).count(), 2, "{report:?}");
    let kept: Vec<_> =
        world.memory.files().into_keys().filter(|path| path.starts_with("quarantine/")).collect();
    assert_eq!(kept.len(), 2, "{kept:?}");
    check(&world, &[2, 3]);
    assert!(!mend(&world, true).changed, "there is nothing more to mend");

    // Saved again, they are there again.
    let writer = world.writer().unwrap();
    for n in [0, 1] {
        put(&writer, &format!("c-{n}"), &texts(n)).unwrap();
    }
    writer.close().unwrap();
    check(&world, &[0, 1, 2, 3]);
    // A damaged file that is saved again is replaced without a repair, too.
    flip(&world, &path(2));
    let writer = world.writer().unwrap();
    put(&writer, "c-2", &texts(2)).unwrap();
    writer.close().unwrap();
    check(&world, &[0, 1, 2, 3]);
}

#[test]
fn an_export_has_the_files_of_its_records_and_names_what_cannot_be_read() {
    let world = World::new();
    fill(|| world.writer(), &mut Vec::new()).unwrap();
    let export = |layout| Export {
        layout,
        kind: None,
        started: None,
        expression: None,
        all_versions: false,
        described: "all".to_owned(),
    };
    for layout in [ExportLayout::Files, ExportLayout::Ndjson { file_bytes: 1 << 20 }] {
        let to = MemoryDir::new();
        let report = world
            .reader()
            .export(&export(layout), Arc::new(to.clone()), Timestamp::UNIX_EPOCH, &|| false, &mut |_| {})
            .unwrap();
        assert_eq!((report.media, report.unreadable), (6, 0));
        let name = format!("{}.media", hash(&texts(1)[0]));
        assert_eq!(to.files()[&name], texts(1)[0].as_bytes());
        let sums = String::from_utf8(to.files()["SHA256SUMS"].clone()).unwrap();
        assert!(sums.contains(&format!("{}  {name}\n", hash(&texts(1)[0]))), "{sums}");
    }
    flip(&world, &format!("media/{}", hash(&texts(1)[0])));
    let to = MemoryDir::new();
    let report = world
        .reader()
        .export(&export(ExportLayout::Files), Arc::new(to), Timestamp::UNIX_EPOCH, &|| false, &mut |_| {})
        .unwrap();
    assert_eq!((report.media, report.unreadable), (5, 1));
    assert_eq!(report.named[0].key.id.as_str(), "c-1");
}

#[test]
fn maintenance_takes_away_what_a_pull_left_and_a_writer_leaves_it_for_the_pull() {
    let world = World::new();
    let writer = world.writer().unwrap();
    let file = save(&writer, "on its way").unwrap();
    let mut draft = writer.begin_media().unwrap();
    draft.write(b"half of").unwrap();
    let after = world.after_kill(Catalog::Kept);
    drop((draft, writer));
    let found = verify(&after.reader());
    assert_eq!(found.damaged, []);
    assert!(!found.unfinished.is_empty());
    let writer = after.writer().unwrap();
    assert!(writer.has_media(&file).unwrap(), "the pull goes on with it");
    writer.close().unwrap();
    let maintenance: Maintenance = maintain(after.dir()).unwrap();
    maintenance.close().unwrap();
    assert_eq!(files(&after.memory), Vec::<String>::new());
    assert_eq!(verify(&after.reader()).unfinished, []);
}
