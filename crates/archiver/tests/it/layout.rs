//! Records from a folder in the documents' layout, and back again (R13, R76).

use std::io::Write;
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use flate2::Compression;
use flate2::write::GzEncoder;
use frontdesk_archive::{Export, ExportLayout, ListQuery, Prepared, ReadOptions, Reader, Settings, Writer};
use frontdesk_archiver::{ImportLayout, LayoutReport, Note};
use frontdesk_domain::Timestamp;
use frontdesk_durable::{OsDir, sha256, to_hex};

use crate::tenant::Notes;

struct Place {
    temp: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        Self { temp: tempfile::tempdir().unwrap() }
    }

    fn folder(&self) -> PathBuf {
        self.temp.path().join("layout")
    }

    fn writer(&self) -> Writer {
        let root = self.temp.path().join("archive");
        Writer::open(&root, &Settings::default(), Arc::new(|| Timestamp::UNIX_EPOCH)).unwrap()
    }

    fn reader(&self) -> Reader {
        Reader::open(&self.temp.path().join("archive"), &ReadOptions::default()).unwrap()
    }

    fn import(&self, folder: &Path) -> (LayoutReport, Vec<String>) {
        let writer = self.writer();
        let notes = Notes::default();
        let import = ImportLayout::new(folder, NonZero::new(2).unwrap());
        let report = import.run(&writer, &|| false, &notes).unwrap();
        writer.close().unwrap();
        let notes = notes.0.into_inner().unwrap();
        let text = notes.into_iter().map(|note| match note {
            Note::Rejected { place, reason } => format!("{place}: {reason}"),
            other => format!("{other:?}"),
        });
        (report, text.collect())
    }

    /// `(id, version, sha256)` of every record, in the order of storing.
    fn listed(&self) -> Vec<(String, u32, String)> {
        let reader = self.reader();
        let listed = reader.list(&ListQuery::default()).map(Result::unwrap);
        listed.map(|entry| (entry.key.id.to_string(), entry.version, to_hex(&entry.sha256))).collect()
    }

    /// Puts a file of the layout there, under the name its content asks for unless another is given.
    #[expect(clippy::disallowed_methods, reason = "a test lays out what somebody else wrote")]
    fn lay(&self, id: &str, content: &[u8], name: Option<&str>) -> PathBuf {
        std::fs::create_dir_all(self.folder()).unwrap();
        let named = format!("{id}_{}.json.gz", &to_hex(&sha256(content))[..8]);
        let path = self.folder().join(name.unwrap_or(&named));
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(content).unwrap();
        std::fs::write(&path, encoder.finish().unwrap()).unwrap();
        path
    }
}

#[test]
fn an_archive_that_the_documents_program_wrote_is_taken_over() {
    let place = Place::new();
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/documents");
    let (report, notes) = place.import(&golden);
    assert_eq!((report.tally.stored, report.tally.versions_added, report.skipped), (2, 1, 0), "{notes:?}");
    assert_eq!((report.tally.rejected, report.files), (0, 3), "{notes:?}");
    let reader = place.reader();
    for (id, version, hash) in place.listed() {
        let key = frontdesk_domain::RecordKey {
            kind: frontdesk_domain::RecordKind::Details,
            id: id.parse().unwrap(),
        };
        let record = reader.show(&key, Some(version)).unwrap().unwrap();
        let name = frontdesk_archive::export_name(&key, &record.sha256);
        assert!(golden.join(&name).is_file() || id.contains(' '), "{name}: {hash}");
    }
    let (again, _) = place.import(&golden);
    // Without a manifest nothing tells which of two files of an id came last, so the names' order decides.
    assert_eq!(again.tally.stored, 0);
}

#[test]
#[expect(clippy::disallowed_methods, reason = "a test lays out what somebody else wrote")]
fn what_is_not_what_its_name_says_is_named_and_the_rest_is_kept() {
    let place = Place::new();
    place.lay("good", br#"{"interactionId":"good"}"#, None);
    place.lay("spaced", b"{ \"id\" : \"spaced\" }", None);
    place.lay("c-1", br#"{"id":"c-1"}"#, Some("c-1_00000000.json.gz"));
    let other = br#"{"id":"c-2"}"#;
    place.lay("c-3", other, None);
    place.lay("", b"{}", Some("nameless.json.gz"));
    place.lay("list", b"[1]", None);
    place.lay("empty", b"", None);
    let cut = place.lay("cut", br#"{"id":"cut","text":"something that is long enough"}"#, None);
    let whole = std::fs::read(&cut).unwrap();
    std::fs::write(&cut, &whole[..whole.len() - 9]).unwrap();
    std::fs::write(place.folder().join("plain_00000000.json.gz"), br#"{"id":"plain"}"#).unwrap();
    // 70 MiB of zeros in 70 KiB, as one string.
    let bomb = [b"{\"id\":\"bomb\",\"text\":\"".to_vec(), vec![b'0'; 70 << 20], b"\"}".to_vec()].concat();
    place.lay("bomb", &bomb, None);
    std::fs::write(place.folder().join("README.txt"), b"hello").unwrap();
    std::fs::create_dir(place.folder().join("sub")).unwrap();
    let outside = place.temp.path().join("outside.json.gz");
    std::fs::copy(place.lay("target", br#"{"id":"target"}"#, Some("x_00000000.json.gz")), &outside).unwrap();
    std::os::unix::fs::symlink(&outside, place.folder().join("link_5a5ab1ab.json.gz")).unwrap();

    let (report, mut notes) = place.import(&place.folder());
    notes.sort();
    assert_eq!(place.listed().iter().map(|(id, ..)| id.as_str()).collect::<Vec<_>>(), ["good", "spaced"]);
    assert_eq!((report.tally.stored, report.tally.rejected, report.skipped), (2, 9, 3), "{notes:#?}");
    insta::assert_snapshot!(notes.join("\n"));
}

fn export(reader: &Reader, to: &Path) {
    let export = Export {
        layout: ExportLayout::Files,
        kind: None,
        started: None,
        expression: None,
        all_versions: true,
        described: String::new(),
    };
    let to = Arc::new(OsDir::open_or_create(to).unwrap());
    reader.export(&export, to, Timestamp::UNIX_EPOCH, &|| false, &mut |_| {}).unwrap();
}

#[test]
#[expect(clippy::disallowed_methods, reason = "a test plays the part of whoever loses or adds files")]
fn an_export_comes_back_as_it_was_versions_in_their_order() {
    let from = Place::new();
    let writer = from.writer();
    let long = "../".repeat(300);
    for (id, text) in [
        ("a", "1"),
        ("A", "1"),
        (long.as_str(), "1"),
        ("a", "0"),
        ("a", "1"),
        ("con", "é"),
        ("a", "5"),
        ("A", "2"),
    ] {
        let line = serde_json::to_vec(&serde_json::json!({"id": id, "text": text})).unwrap();
        writer.put(vec![Prepared::from_details(line).unwrap()]).unwrap();
    }
    writer.close().unwrap();
    let folder = from.temp.path().join("export");
    export(&from.reader(), &folder);
    let to = Place::new();
    let (report, notes) = to.import(&folder);
    assert_eq!((report.tally.rejected, report.skipped), (0, 0), "{notes:?}");
    assert_eq!(to.listed(), from.listed());

    // A file that is gone, one that is too many, and one that is not what the manifest says.
    let names = |folder: &Path| {
        let mut names: Vec<PathBuf> =
            std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        names.sort();
        names.retain(|path| path.to_string_lossy().ends_with(".json.gz"));
        names
    };
    let con = names(&folder).into_iter().find(|path| path.to_string_lossy().contains("%63on")).unwrap();
    std::fs::rename(&con, folder.join("con_00000000.json.gz")).unwrap();
    let (report, mut notes) = Place::new().import(&folder);
    notes.sort();
    assert_eq!((report.tally.rejected, report.tally.seen()), (2, 9), "{notes:?}");
    assert!(
        notes[1].ends_with("the manifest does not name it")
            || notes[0].ends_with("the manifest does not name it")
    );

    let marker = folder.join("EXPORT-UNFINISHED.json");
    std::fs::write(marker, b"{}").unwrap();
    let (report, _) = Place::new().import(&folder);
    assert!(
        report.input_error.is_some() && report.tally.seen() == 0,
        "an export that was not finished proves nothing"
    );
}
