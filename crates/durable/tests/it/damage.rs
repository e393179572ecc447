//! A log that was changed: every bit, every length, every sector, every line.

use frontdesk_durable::testing::MemoryDir;
use frontdesk_durable::{
    AppendLog, Damage, LogReader, MAX_APPEND_BYTES, Members, ZERO_SEED, read_whole, sha256, to_hex,
};
use serde_json::json;

use crate::{entry, ids, seed, shared};

/// A log of these appends, and where each ends, with the lines up to there.
fn log_of(appends: &[&[(u64, usize)]]) -> (Vec<u8>, Vec<(usize, u64)>) {
    let memory = MemoryDir::new();
    let mut log = AppendLog::create(shared(memory.clone()), "log", seed()).unwrap();
    let mut ends = vec![(0, 0)];
    for append in appends {
        log.append_group(&append.iter().map(|(id, size)| entry(*id, *size)).collect::<Vec<_>>()).unwrap();
        ends.push((memory.files()["log"].len(), log.head().lines));
    }
    (memory.files()["log"].clone(), ends)
}

/// A log of seven lines, four of them one group, over several sectors; and where each append ends, with its lines.
fn log() -> (Vec<u8>, Vec<(usize, u64)>) {
    log_of(&[&[(1, 1)], &[(2, 3), (3, 300), (4, 40), (5, 5)], &[(6, 600)], &[(7, 7)]])
}

fn with(bytes: &[u8]) -> MemoryDir {
    let memory = MemoryDir::new();
    memory.plant("log", bytes);
    memory
}

/// Where a log is damaged; reading and opening agree, and nothing is changed.
fn damage(bytes: &[u8]) -> Option<Damage> {
    let memory = with(bytes);
    let read = LogReader::open(&memory, "log", seed()).err().map(|error| error.damage().unwrap().clone());
    if read.is_some() {
        let opened = AppendLog::open(shared(memory.clone()), "log", seed(), "torn").unwrap_err();
        assert_eq!(opened.damage(), read.as_ref());
        assert_eq!(memory.files().into_iter().collect::<Vec<_>>(), [("log".to_owned(), bytes.to_vec())]);
    }
    read
}

#[test]
fn every_flipped_bit_is_damage() {
    let (bytes, _) = log();
    for bit in 0..bytes.len() * 8 {
        let mut changed = bytes.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        let line = 1 + bytes[..bit / 8].iter().filter(|byte| **byte == b'\n').count() as u64;
        let found = damage(&changed).unwrap_or_else(|| panic!("bit {bit} in line {line} not seen"));
        assert_eq!(found.line, line, "bit {bit}");
    }
}

#[test]
fn every_length_is_a_prefix_with_the_rest_reported_and_kept() {
    let (bytes, ends) = log();
    for len in 0..=bytes.len() {
        let (end, lines) = *ends.iter().rev().find(|(end, _)| *end <= len).unwrap();
        let memory = with(&bytes[..len]);
        let reader = LogReader::open(&memory, "log", seed()).unwrap();
        assert_eq!(reader.head().lines, lines);
        assert_eq!(reader.lines().count() as u64, lines);
        assert_eq!(
            reader.torn().map(|torn| (torn.offset, torn.len)),
            (end < len).then_some((end as u64, (len - end) as u64))
        );
        assert_eq!(memory.files().len(), 1, "reading changes nothing");

        let mut log = AppendLog::open(shared(memory.clone()), "log", seed(), "torn").unwrap();
        assert_eq!(memory.files()["log"], bytes[..end]);
        assert_eq!(memory.files().get("torn").map(Vec::as_slice), (end < len).then_some(&bytes[end..len]));
        log.append(&entry(99, 0)).unwrap();
        assert_eq!(ids(&memory, "log").unwrap(), (1..=lines).chain([99]).collect::<Vec<_>>());
    }
}

/// Sets each sector of a log to zeros. Where that cannot be told from a torn append, how many lines are still good.
fn lines_left_by_zeroed_sectors(appends: &[&[(u64, usize)]]) -> Vec<u64> {
    let (bytes, _) = log_of(appends);
    let sectors = (0..bytes.len()).step_by(512);
    let zeroed = sectors.map(|start| {
        let mut changed = bytes.clone();
        let end = bytes.len().min(start + 512);
        changed[start..end].fill(0);
        changed
    });
    let torn = zeroed.filter(|changed| damage(changed).is_none());
    torn.map(|changed| LogReader::open(&with(&changed), "log", seed()).unwrap().head().lines).collect()
}

#[test]
fn a_sector_of_zeros_is_damage_unless_the_last_append_lies_in_it_or_it_in_that() {
    assert_eq!(lines_left_by_zeroed_sectors(&[&[(1, 2000)], &[(2, 10)], &[(3, 200)]]), [2]);
    assert_eq!(
        lines_left_by_zeroed_sectors(&[
            &[(1, 600)],
            &[(2, 200), (3, 700)],
            &[(4, 10)],
            &[(5, 300), (6, 100)]
        ]),
        [4]
    );
    assert_eq!(lines_left_by_zeroed_sectors(&[&[(1, 10)], &[(2, 2000)]]), [1, 1, 1, 1]);
    // The last sector holds all of line 2 and the end of line 1: what is left looks like a torn line 1. Only a head
    // kept elsewhere tells.
    assert_eq!(lines_left_by_zeroed_sectors(&[&[(1, 500)], &[(2, 10)]]), [0]);
}

#[test]
fn lines_cannot_be_removed_doubled_swapped_or_taken_from_another_log() {
    let (bytes, _) = log();
    let lines: Vec<&[u8]> = bytes.split_inclusive(|byte| *byte == b'\n').collect();
    let joined = |order: &[usize]| order.iter().flat_map(|line| lines[*line]).copied().collect::<Vec<u8>>();
    let line = |bytes: &[u8]| damage(bytes).map(|damage| damage.line);
    assert_eq!(line(&joined(&[0, 1, 2, 3, 4, 5, 6])), None);
    assert_eq!(line(&joined(&[1, 2, 3, 4, 5, 6])), Some(1));
    assert_eq!(line(&joined(&[0, 5, 6])), Some(2));
    assert_eq!(line(&joined(&[0, 1, 3, 4, 5, 6])), Some(3));
    assert_eq!(line(&joined(&[0, 1, 2, 3, 5, 6])), Some(5));
    assert_eq!(line(&joined(&[0, 1, 2, 3, 4, 6, 5])), Some(6));
    assert_eq!(line(&joined(&[0, 0, 1, 2])), Some(2));
    let mut noise = bytes.clone();
    noise.extend_from_slice(b"not ours\n");
    assert_eq!(line(&noise), Some(8), "a whole line that is not ours is no torn append");

    let other = MemoryDir::new();
    let mut log = AppendLog::create(shared(other.clone()), "log", ZERO_SEED).unwrap();
    log.append(&entry(1, 1)).unwrap();
    assert_eq!(line(&other.files()["log"]), Some(1), "another seed");
}

#[test]
fn a_torn_tail_with_bits_flipped_never_costs_an_acknowledged_line() {
    let (bytes, ends) = log();
    let (end, lines) = ends[2];
    let torn = &bytes[..end + 200];
    for bit in end * 8..torn.len() * 8 {
        let mut changed = torn.to_vec();
        changed[bit / 8] ^= 1 << (bit % 8);
        if damage(&changed).is_none() {
            assert_eq!(LogReader::open(&with(&changed), "log", seed()).unwrap().head().lines, lines);
        }
    }
}

#[test]
fn what_is_longer_than_any_append_is_no_torn_tail() {
    let (mut bytes, _) = log();
    bytes.resize(bytes.len() + MAX_APPEND_BYTES as usize, 0);
    assert_eq!(damage(&bytes), None);
    bytes.push(0);
    assert_eq!(damage(&bytes).unwrap().line, 8);
}

#[test]
fn an_append_that_is_too_large_is_refused_and_the_log_goes_on() {
    let memory = MemoryDir::new();
    let mut log = AppendLog::create(shared(memory.clone()), "log", seed()).unwrap();
    let error = log.append(&entry(1, MAX_APPEND_BYTES as usize)).unwrap_err();
    insta::assert_snapshot!(error.kind(), @"16777389 bytes in one append, more than 16777216");
    log.append(&entry(1, MAX_APPEND_BYTES as usize - 300)).unwrap();
    assert_eq!(ids(&memory, "log").unwrap(), [1]);
}

#[test]
fn quarantined_bytes_are_never_overwritten_and_not_kept_twice() {
    let (bytes, _) = log();
    let memory = with(&bytes[..bytes.len() - 1]);
    memory.plant("torn", b"from an earlier day");
    let log = AppendLog::open(shared(memory.clone()), "log", seed(), "torn").unwrap();
    assert_eq!(log.recovered().unwrap().quarantine, "torn.2");
    // As if the crash came after the copy and before the cut.
    memory.plant("log", &bytes[..bytes.len() - 1]);
    let log = AppendLog::open(shared(memory.clone()), "log", seed(), "torn").unwrap();
    assert_eq!(log.recovered().unwrap().quarantine, "torn.2");
    memory.plant("log", &bytes[..bytes.len() - 2]);
    let log = AppendLog::open(shared(memory.clone()), "log", seed(), "torn").unwrap();
    assert_eq!(log.recovered().unwrap().quarantine, "torn.3");
    assert_eq!(memory.files()["torn"], b"from an earlier day");
}

#[test]
fn the_line_format_is_as_documented() {
    let memory = MemoryDir::new();
    let mut log = AppendLog::create(shared(memory.clone()), "log", ZERO_SEED).unwrap();
    let members = |value| Members::new(&value).unwrap();
    log.append(&members(json!({}))).unwrap();
    log.append_group(&[members(json!({"change": "seal"})), members(json!({"text": "a\n\"b\" \u{0} ü"}))])
        .unwrap();
    let text = String::from_utf8(read_whole(&memory, "log", 9999).unwrap()).unwrap();
    insta::assert_snapshot!(text, @r#"
    {"prev":"0000000000000000000000000000000000000000000000000000000000000000","n":1,"self":"1a2ae8250786d1fb272dd4fb86e42385fbafcf095fc5e9cc5fd41f533ab2004c"}
    {"prev":"af4d4a5d18499b7d52c15cc723c72bf62411f4db66edd4696c7f612968c78855","change":"seal","group":[2,3],"n":2,"self":"cb390439854ac72c2985638eca7fc573a29846d60443e314c515f0d2393592b5"}
    {"prev":"393249055de60009b9391a88eec248e16c33ba6df35a0b4819063016cc7c8e4e","text":"a\n\"b\" \u0000 ü","group":[2,3],"n":3,"self":"a41c94a265b990da686c86c58e64b71c9187ecf17ab7393b0e88f2339bfaeebc"}
    "#);
    let lines: Vec<&str> = text.lines().collect();
    for (line, next) in lines.iter().zip(lines.iter().skip(1)) {
        assert!(next.contains(&format!("\"prev\":\"{}\"", to_hex(&sha256(line.as_bytes())))));
    }
    for line in lines {
        let (before, after) = line.split_at(line.len() - 75);
        assert_eq!(after, format!(",\"self\":\"{}\"}}", to_hex(&sha256(before.as_bytes()))));
    }
}

#[test]
fn members_of_the_log_and_other_shapes_are_refused() {
    let bad = [
        json!([1]),
        json!("text"),
        json!(null),
        json!({"n": 1}),
        json!({"a": 1, "self": ""}),
        json!({"prev": {}}),
        json!({"group": 1}),
    ];
    for value in bad {
        assert!(Members::new(&value).is_err(), "{value}");
    }
    #[derive(serde::Serialize)]
    struct Twice {
        a: u8,
        #[serde(rename = "a")]
        b: u8,
    }
    assert!(Members::new(&Twice { a: 1, b: 2 }).is_err());
    assert!(Members::new(&json!({"deeper": {"n": 1, "self": 2}, "N": 1})).is_ok());
    let error = Members::new(&json!({"n": 1})).unwrap_err();
    insta::assert_snapshot!(error, @"a log line cannot hold this value: it is not an object, or names a member twice or one the log writes itself");
}

#[test]
fn errors_say_what_was_done_on_what_and_then_why() {
    let (mut bytes, _) = log();
    bytes[20] ^= 1;
    let memory = with(&bytes);
    let chain = |error: &dyn std::error::Error| {
        let mut text = error.to_string();
        let mut source = error.source();
        while let Some(error) = source {
            text.push_str(&format!("\ncaused by: {error}"));
            source = error.source();
        }
        text
    };
    insta::assert_snapshot!(chain(&LogReader::open(&memory, "log", seed()).unwrap_err()), @r"
    cannot open log
    caused by: line 1: its self check does not match
    ");
    insta::assert_snapshot!(chain(&LogReader::open(&memory, "no", seed()).unwrap_err()), @r"
    cannot open no
    caused by: open failed on no
    caused by: entity not found
    ");
}
