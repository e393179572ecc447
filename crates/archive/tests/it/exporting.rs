//! Exports: exactly the records, in files that anybody can check, complete or marked as unfinished (R65).

use std::collections::BTreeMap;
use std::io::Read;
use std::sync::Arc;

use flate2::read::MultiGzDecoder;
use frontdesk_archive::{
    Export, ExportLayout, ExportReport, Expression, ListQuery, Reader, check_export_name, export_name,
};
use frontdesk_domain::{TimeRange, Timestamp};
use frontdesk_durable::testing::{FaultyDir, MemoryDir};
use frontdesk_durable::{Dir, sha256, to_hex};

use crate::support::{Place, conversation, noise, prepared};
use crate::world::World;

const HOSTILE: [&str; 9] = ["../up", "a/b", "con", "-rf", "Case", "case", "a\nb", "=1+1", "ü"];

fn filled() -> Place {
    let place = Place::new();
    let writer = place.writer();
    for n in 0..60_u64 {
        let line = conversation(&format!("c-{}", n % 25), 1 + (n % 3) as u8, &noise(n, 400));
        writer.put(vec![prepared(&line)]).unwrap();
    }
    for id in HOSTILE {
        writer.put(vec![prepared(&conversation(id, 5, "hello"))]).unwrap();
    }
    // A version that is what an earlier one was.
    for text in ["first", "second", "first"] {
        writer.put(vec![prepared(&conversation("back", 6, text))]).unwrap();
    }
    writer.close().unwrap();
    place
}

fn asked(layout: ExportLayout) -> Export {
    let described = "a test".to_owned();
    Export { layout, kind: None, started: None, expression: None, all_versions: true, described }
}

fn export(
    reader: &Reader,
    export: &Export,
    to: Arc<dyn Dir>,
) -> Result<ExportReport, frontdesk_archive::Error> {
    reader.export(export, to, Timestamp::UNIX_EPOCH, &|| false, &mut |_| {})
}

fn gunzip(bytes: &[u8]) -> Vec<u8> {
    let mut content = Vec::new();
    MultiGzDecoder::new(bytes).read_to_end(&mut content).unwrap();
    content
}

/// Checks an export as a stranger would, and gives its files.
fn checked(memory: &MemoryDir) -> Result<BTreeMap<String, Vec<u8>>, String> {
    let files = memory.files();
    let text = |name: &str| {
        let bytes = files.get(name).ok_or(format!("{name} is not there"))?;
        String::from_utf8(bytes.clone()).map_err(|_| format!("{name} is no text"))
    };
    let mut summed = 0;
    for sums in ["SHA256SUMS.sha256", "SHA256SUMS"] {
        for line in text(sums)?.split_terminator('\n') {
            let (sum, name) = line.split_once("  ").ok_or("a line without a name")?;
            let bytes = files.get(name).ok_or(format!("{name} is summed and not there"))?;
            if to_hex(&sha256(bytes)) != sum {
                return Err(format!("{name} is not what its sum says"));
            }
            summed += 1;
        }
    }
    if summed + 1 != files.len() {
        return Err(format!("{summed} of {} files are summed", files.len()));
    }
    Ok(files)
}

#[test]
fn every_record_is_a_file_that_holds_exactly_its_bytes() {
    let place = filled();
    let reader = place.reader();
    let memory = MemoryDir::new();
    let report = export(&reader, &asked(ExportLayout::Files), Arc::new(memory.clone())).unwrap();
    assert_eq!(
        (report.records, report.files, report.unreadable),
        (72, 71, 0),
        "back came back to what it was"
    );
    let files = checked(&memory).unwrap();
    for entry in reader.list(&ListQuery::default()).map(Result::unwrap) {
        let name = export_name(&entry.key, &entry.sha256);
        let record = reader.show(&entry.key, Some(entry.version)).unwrap().unwrap();
        assert_eq!(gunzip(&files[&name]), record.bytes, "{name}");
        assert_eq!(check_export_name(&name, &entry.key, &entry.sha256), Ok(()));
    }
    let manifest = String::from_utf8(files["manifest.ndjson"].clone()).unwrap();
    let sequences: Vec<u64> = manifest
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["sequence"].as_u64().unwrap())
        .collect();
    assert_eq!(sequences.len(), 72);
    assert!(sequences.is_sorted(), "in the order of storing, so that versions come back in theirs");
    let about: serde_json::Value = serde_json::from_slice(&files["manifest.json"]).unwrap();
    assert_eq!((&about["records"], &about["layout"]), (&72.into(), &"files".into()));
}

#[test]
fn any_byte_that_is_flipped_is_noticed() {
    let place = filled();
    let memory = MemoryDir::new();
    export(&place.reader(), &asked(ExportLayout::Files), Arc::new(memory.clone())).unwrap();
    for (name, bytes) in checked(&memory).unwrap() {
        for at in (0..bytes.len()).step_by(1 + bytes.len() / 7).chain([bytes.len() - 1]) {
            let mut file = memory.open_write(&name).unwrap();
            file.write_at(at as u64, &[bytes[at] ^ 0x81]).unwrap();
            assert!(checked(&memory).is_err(), "{name} at {at}");
            file.write_at(at as u64, &bytes[at..=at]).unwrap();
        }
    }
    checked(&memory).unwrap();
}

#[test]
fn a_selection_is_what_was_asked_for() {
    let place = filled();
    let reader = place.reader();
    let count = |export_: &Export| export(&reader, export_, Arc::new(MemoryDir::new())).unwrap().records;
    let all = asked(ExportLayout::Csv { metadata: Vec::new() });
    assert_eq!(count(&all), 72);
    let latest = Export { all_versions: false, ..all.clone() };
    assert_eq!(count(&latest), 35);
    let time = |text| Timestamp::from_date_or_time(text).unwrap();
    let may = TimeRange::new(time("2025-05-01"), time("2025-06-01")).unwrap();
    assert_eq!(count(&Export { started: Some(may), ..latest.clone() }), 9);
    let found = Some(Expression::Contains("FIRST".to_owned()));
    assert_eq!(count(&Export { expression: found.clone(), ..latest.clone() }), 1);
    assert_eq!(count(&Export { expression: found, ..all }), 3, "with all its versions");
    assert_eq!(count(&Export { expression: Some(Expression::Contains("nowhere".to_owned())), ..latest }), 0);
}

#[test]
fn lines_come_in_files_of_bounded_size_and_facts_without_what_was_said() {
    let place = filled();
    let reader = place.reader();
    let memory = MemoryDir::new();
    let report =
        export(&reader, &asked(ExportLayout::Ndjson { file_bytes: 1 }), Arc::new(memory.clone())).unwrap();
    let files = checked(&memory).unwrap();
    assert_eq!(report.files, 1, "a file holds a block of lines at least");
    let lines = gunzip(&files["records-000001.ndjson.gz"]);
    let records: Vec<_> = reader
        .list(&ListQuery::default())
        .map(|entry| entry.unwrap())
        .map(|entry| reader.show(&entry.key, Some(entry.version)).unwrap().unwrap().bytes)
        .collect();
    assert_eq!(
        lines,
        records.iter().flat_map(|record| [record.as_slice(), b"\n"].concat()).collect::<Vec<_>>()
    );

    let memory = MemoryDir::new();
    export(
        &reader,
        &asked(ExportLayout::Csv { metadata: vec!["source".to_owned()] }),
        Arc::new(memory.clone()),
    )
    .unwrap();
    let facts = String::from_utf8(checked(&memory).unwrap().remove("facts.csv").unwrap()).unwrap();
    assert_eq!(facts.split_terminator("\r\n").count(), 73);
    assert!(facts.contains("\r\n\"'=1+1\",details,1,"), "{facts}");
    assert!(!facts.contains("hello") && !facts.contains("first"), "nobody's words are in it");
}

#[test]
fn what_cannot_be_read_is_left_out_and_said() {
    let place = filled();
    let victim = place.root().join("segments/2025-05");
    let segment = std::fs::read_dir(victim)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| path.extension().is_some_and(|extension| extension == "gz"))
        .unwrap();
    let mut bytes = std::fs::read(&segment).unwrap();
    let last = bytes.len() - 20;
    bytes[last] ^= 1;
    crate::support::overwrite(&segment, &bytes);
    let memory = MemoryDir::new();
    let report = export(&place.reader(), &asked(ExportLayout::Files), Arc::new(memory.clone())).unwrap();
    assert!(report.unreadable > 0 && report.records + report.unreadable == 72, "{report:?}");
    assert_eq!(report.named.len() as u64, report.unreadable);
    let manifest = String::from_utf8(checked(&memory).unwrap()["manifest.ndjson"].clone()).unwrap();
    assert_eq!(manifest.matches("\"unreadable\"").count() as u64, report.unreadable);
}

#[test]
fn a_folder_that_holds_anything_else_is_left_as_it_is() {
    let place = filled();
    let reader = place.reader();
    let memory = MemoryDir::new();
    export(&reader, &asked(ExportLayout::Files), Arc::new(memory.clone())).unwrap();
    let before = memory.files();
    for layout in [ExportLayout::Files, ExportLayout::Csv { metadata: Vec::new() }] {
        let refused = export(&reader, &asked(layout), Arc::new(memory.clone())).unwrap_err();
        assert_eq!(
            refused.kind(),
            &frontdesk_archive::ErrorKind::Occupied { what: "it is not empty".to_owned() }
        );
    }
    assert_eq!(memory.files(), before);
    let foreign = MemoryDir::new();
    foreign.create("EXPORT-UNFINISHED.json").unwrap().write_at(0, b"{\"frontdesk_export\":1}").unwrap();
    foreign.create("letter.txt").unwrap();
    assert!(export(&reader, &asked(ExportLayout::Files), Arc::new(foreign.clone())).is_err());
    assert_eq!(foreign.files().len(), 2);
}

/// The machine stops at every step: the export is whole, or it is marked as unfinished and the same call makes it whole.
#[test]
fn an_export_is_whole_or_marked_and_can_be_made_whole() {
    let world = World::new();
    let writer = world.writer().unwrap();
    for n in 0..4_u64 {
        writer.put(vec![prepared(&conversation(&format!("c-{n}"), 1, &noise(n, 100)))]).unwrap();
    }
    writer.close().unwrap();
    let reader = world.reader();
    for layout in [ExportLayout::Files, ExportLayout::Ndjson { file_bytes: 1 }] {
        let asked = asked(layout);
        for step in 1.. {
            let memory = MemoryDir::new();
            let dir = FaultyDir::new(memory.clone()).crash_at(step);
            let exported = export(&reader, &asked, Arc::new(dir.clone()));
            if !dir.struck() {
                exported.unwrap();
                assert!(step > 15, "{step}");
                break;
            }
            let after = memory.crash(step.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 8);
            let files = after.files();
            if files.contains_key("SHA256SUMS.sha256") && !files.contains_key("EXPORT-UNFINISHED.json") {
                checked(&after).unwrap_or_else(|why| panic!("step {step}: {why}"));
            } else {
                export(&reader, &asked, Arc::new(after.clone()))
                    .unwrap_or_else(|error| panic!("step {step}: {error}: {:?}", files.keys()));
                checked(&after).unwrap_or_else(|why| panic!("step {step}: {why}"));
            }
        }
    }
}
