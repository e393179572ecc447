//! On a real file system: permissions, links, and the tools anybody has.

use std::io::ErrorKind;
use std::path::Path;

use frontdesk_durable::{AppendLog, Dir, EntryKind, OsDir, publish};

use crate::{entry, ids, seed, shared};

#[test]
fn opening_needs_a_directory_and_creating_makes_all_of_it() {
    let temp = tempfile::tempdir().unwrap();
    let place = temp.path().join("a/b/c");
    assert_eq!(OsDir::open(&place).unwrap_err().kind(), ErrorKind::NotFound);
    let dir = OsDir::open_or_create(&place).unwrap();
    assert_eq!(dir.root(), place);
    publish(&dir, "f", b"x").unwrap();
    assert_eq!(dir.local_path("f"), place.join("f"));
    OsDir::open_or_create(&place).unwrap();
    OsDir::open(&place).unwrap();
    assert_eq!(OsDir::open(place.join("f")).unwrap_err().kind(), ErrorKind::NotADirectory);
    assert_eq!(OsDir::open_or_create(place.join("f")).unwrap_err().kind(), ErrorKind::NotADirectory);
}

#[cfg(unix)]
#[test]
fn only_the_owner_can_read_what_is_made() {
    use std::os::unix::fs::PermissionsExt;
    let temp = tempfile::tempdir().unwrap();
    let place = temp.path().join("outer/root");
    let dir = shared(OsDir::open_or_create(&place).unwrap());
    dir.create_dir("folder").unwrap();
    publish(&*dir, "folder/file", b"x").unwrap();
    let _lock = dir.try_lock("lock").unwrap();
    AppendLog::create(dir.clone(), "log", seed()).unwrap();
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(place.parent().unwrap()), 0o700);
    assert_eq!(mode(&place), 0o700);
    assert_eq!(mode(&place.join("folder")), 0o700);
    for file in ["folder/file", "lock", "log"] {
        assert_eq!(mode(&place.join(file)), 0o600, "{file}");
    }
}

#[cfg(unix)]
#[test]
fn no_link_below_the_root_is_followed() {
    use std::os::unix::fs::symlink;
    let temp = tempfile::tempdir().unwrap();
    let (root, outside) = (temp.path().join("root"), temp.path().join("outside"));
    let outside = OsDir::open_or_create(outside).unwrap();
    publish(&outside, "secret", b"x").unwrap();
    let real = OsDir::open_or_create(&root).unwrap();
    symlink("../outside", root.join("folder")).unwrap();
    symlink("../outside/secret", root.join("file")).unwrap();
    symlink("nowhere", root.join("dangling")).unwrap();
    // The root itself may be reached through a link.
    symlink(&root, temp.path().join("alias")).unwrap();
    let dir = OsDir::open(temp.path().join("alias")).unwrap();

    let refused = |result: std::io::Result<()>| {
        assert_eq!(result.unwrap_err().kind(), ErrorKind::PermissionDenied);
    };
    for path in ["folder/secret", "file", "folder/new", "dangling"] {
        refused(dir.open_read(path).map(drop));
        refused(dir.open_write(path).map(drop));
        refused(dir.create(path).map(drop));
        refused(dir.create_dir(path));
        refused(dir.try_lock(path).map(drop));
        refused(dir.remove(path));
        refused(publish(&dir, path, b"mine"));
    }
    refused(dir.list("folder").map(drop));
    refused(dir.sync_dir("folder"));
    refused(dir.metadata("folder/secret").map(drop));
    assert_eq!(dir.metadata("file").unwrap().kind, EntryKind::Other);
    assert!(dir.list("").unwrap().iter().all(|entry| entry.kind == EntryKind::Other), "and no stage is left");
    assert_eq!(outside.list("").unwrap().len(), 1);
    drop(real);
}

#[test]
fn errors_name_the_operation_and_the_whole_path() {
    let temp = tempfile::tempdir().unwrap();
    let dir = OsDir::open(temp.path()).unwrap();
    let error = dir.open_read("segments/000001.ndjson.gz").unwrap_err();
    let shown = error.to_string().replace(&temp.path().display().to_string(), "ROOT").replace('\\', "/");
    insta::assert_snapshot!(shown, @"open failed on ROOT/segments/000001.ndjson.gz");
    assert!(frontdesk_durable::os_code(&error).is_some());
}

#[test]
fn a_torn_log_on_a_real_disk_is_mended() {
    let temp = tempfile::tempdir().unwrap();
    let dir = shared(OsDir::open(temp.path()).unwrap());
    let mut log = AppendLog::create(dir.clone(), "log", seed()).unwrap();
    for id in 1..=3 {
        log.append(&entry(id, 2000)).unwrap();
    }
    drop(log);
    let mut file = dir.open_write("log").unwrap();
    let len = file.len().unwrap();
    file.set_len(len - 1000).unwrap();
    drop(file);
    let mut log = AppendLog::open(dir.clone(), "log", seed(), "log.torn").unwrap();
    let recovered = log.recovered().unwrap().clone();
    assert_eq!(dir.metadata(&recovered.quarantine).unwrap().len, recovered.tail.len);
    log.append(&entry(4, 1)).unwrap();
    assert_eq!(ids(&*dir, "log").unwrap(), [1, 2, 4]);
    assert_eq!(dir.list("").unwrap().len(), 2);
}

/// The format is documented so that nobody needs us to check it.
#[cfg(target_os = "linux")]
#[test]
fn stock_tools_can_check_a_log() {
    let temp = tempfile::tempdir().unwrap();
    let dir = shared(OsDir::open(temp.path()).unwrap());
    let mut log = AppendLog::create(dir, "log", seed()).unwrap();
    log.append(&entry(1, 10)).unwrap();
    log.append_group(&[entry(2, 20), entry(3, 30)]).unwrap();
    log.append(&entry(4, 40)).unwrap();
    let script = r#"
        prev=$1; n=0
        while IFS= read -r line; do
            n=$((n + 1))
            case $line in "{\"prev\":\"$prev\""*",\"n\":$n,\"self\":\""*) ;; *) echo "line $n: place"; exit 1 ;; esac
            own=$(printf %s "$line" | head -c -75 | sha256sum | cut -c 1-64)
            case $line in *",\"self\":\"$own\"}") ;; *) echo "line $n: self"; exit 1 ;; esac
            prev=$(printf %s "$line" | sha256sum | cut -c 1-64)
        done < log
        echo "$n $prev"
    "#;
    let check = || {
        let mut sh = std::process::Command::new("sh");
        sh.args(["-c", script, "sh", &frontdesk_durable::to_hex(&seed())]).current_dir(temp.path());
        String::from_utf8(sh.output().unwrap().stdout).unwrap()
    };
    assert_eq!(check().trim(), format!("4 {}", frontdesk_durable::to_hex(&log.head().hash)));
    let mut file = OsDir::open(temp.path()).unwrap().open_write("log").unwrap();
    let last = file.len().unwrap() - 100;
    file.write_at(last, b"y").unwrap();
    assert_eq!(check().trim(), "line 4: self");
}
