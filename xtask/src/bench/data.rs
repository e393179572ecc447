//! The data set: real dialogues where they are, replicated with other ids and dates; else the sandbox's own.

use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Read, Write};
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};

use flate2::read::MultiGzDecoder;
use frontdesk_sandbox::{Config, Sandbox, machine_time};

use crate::cargo;

/// Where the corpus lies beside the project; it is not part of it (licence).
const CORPUS: &str = "../shared/corpus/support-dialogues.ndjson.gz";

/// A file of conversations, one a line.
pub(crate) struct Data {
    pub(crate) path: PathBuf,
    pub(crate) records: u64,
    pub(crate) bytes: u64,
    /// Where the text comes from.
    pub(crate) origin: &'static str,
}

/// Makes the file of `records` conversations, or finds it from an earlier run.
pub(crate) fn full(scratch: &Path, records: u64) -> Result<Data, String> {
    let corpus = cargo::root().join(CORPUS);
    let (origin, name) = if corpus.exists() {
        ("the corpus, replicated", format!("full-corpus-{records}.ndjson"))
    } else {
        ("the sandbox's own sentences (no corpus here)", format!("full-sandbox-{records}.ndjson"))
    };
    let path = scratch.join(name);
    if !path.exists() {
        let staged = path.with_extension("part");
        let file = File::create(&staged).map_err(|error| format!("{}: {error}", staged.display()))?;
        let mut out = BufWriter::with_capacity(1 << 20, file);
        let made =
            if corpus.exists() { replicate(&corpus, records, &mut out) } else { own(records, &mut out) };
        made.and_then(|()| out.flush().map_err(|error| error.to_string()))?;
        std::fs::rename(&staged, &path).map_err(|error| error.to_string())?;
    }
    let bytes = path.metadata().map_err(|error| error.to_string())?.len();
    Ok(Data { path, records, bytes, origin })
}

fn replicate(corpus: &Path, records: u64, out: &mut impl Write) -> Result<(), String> {
    let file = File::open(corpus).map_err(|error| error.to_string())?;
    let mut text = String::new();
    MultiGzDecoder::new(file).read_to_string(&mut text).map_err(|error| error.to_string())?;
    let lines: Vec<&str> = text.lines().collect();
    for number in 0..records {
        let line = lines[usize::try_from(number).unwrap_or(0) % lines.len()];
        let round = number / lines.len() as u64;
        let line = if round == 0 { line.to_owned() } else { replica(line, round) };
        out.write_all(line.as_bytes())
            .and_then(|()| out.write_all(b"\n"))
            .map_err(|error| error.to_string())?;
    }
    Ok(())
}

/// Another conversation with the same words: other ids, another year.
fn replica(line: &str, round: u64) -> String {
    let year = 2025 - round;
    let line = line.replace("\"2025-", &format!("\"{year}-"));
    let mut out = String::with_capacity(line.len());
    let mut rest = line.as_str();
    while let Some(at) = rest.find("d\":\"") {
        // `"id":"` and `"conversationId":"`: eight hex digits follow.
        let (head, tail) = rest.split_at(at + 4);
        out.push_str(head);
        match tail.get(..8).and_then(|digits| u32::from_str_radix(digits, 16).ok()) {
            Some(digits) => {
                let salt = u32::try_from(round).unwrap_or(0).wrapping_mul(0x9e37_79b1);
                out.push_str(&format!("{:08x}", digits.wrapping_add(salt)));
                rest = &tail[8..];
            }
            None => rest = tail,
        }
    }
    out.push_str(rest);
    out
}

fn own(records: u64, out: &mut impl Write) -> Result<(), String> {
    let sandbox = Sandbox::new(Config { conversations: Some(records), ..Config::default() })
        .map_err(|error| error.to_string())?;
    for number in 0..records {
        let request = http::Request::get(format!("/_sandbox/conversations/{number}"))
            .body(bytes::Bytes::new())
            .map_err(|error| error.to_string())?;
        let reply = sandbox.handle(&request, IpAddr::V4(Ipv4Addr::LOCALHOST), machine_time());
        out.write_all(&reply.into_bytes())
            .and_then(|()| out.write_all(b"\n"))
            .map_err(|error| error.to_string())?;
    }
    Ok(())
}

/// Counts lines, so that a figure is never of a half-made file.
pub(crate) fn lines(path: &Path) -> Result<u64, String> {
    let file = File::open(path).map_err(|error| error.to_string())?;
    let mut count = 0;
    let mut reader = BufReader::with_capacity(1 << 20, file);
    loop {
        let buffer = reader.fill_buf().map_err(|error| error.to_string())?;
        if buffer.is_empty() {
            return Ok(count);
        }
        count += buffer.iter().filter(|byte| **byte == b'\n').count() as u64;
        let used = buffer.len();
        reader.consume(used);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_replica_has_other_ids_and_another_year_and_the_same_words() {
        let line = r#"{"conversationId":"8e5b7fe0-9c54","startedAt":"2025-01-01T01:16:43Z","messages":[{"id":"4ba69ee4-8e65","text":"Hold on","timestamp":"2025-01-01T01:16:43.748Z"}]}"#;
        let copy = replica(line, 1);
        assert_eq!(copy.len(), line.len());
        assert!(copy.contains(r#""startedAt":"2024-01-01T01:16:43Z""#));
        assert!(copy.contains("Hold on"));
        assert!(!copy.contains("8e5b7fe0") && !copy.contains("4ba69ee4"));
        assert_ne!(replica(line, 2), copy);
    }
}
