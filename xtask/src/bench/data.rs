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

/// What a conversation has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// All messages, each with its id, direction and time.
    Full,
    /// `{interactionId, startTime, transcript, metadata}`, as the documents' archive has it.
    Thin,
}

/// Makes the file of `records` conversations, or finds it from an earlier run.
pub(crate) fn make(scratch: &Path, form: Form, records: u64) -> Result<Data, String> {
    let corpus = cargo::root().join(CORPUS);
    let prefix = match form {
        Form::Full => "full",
        Form::Thin => "thin",
    };
    let (origin, name) = if corpus.exists() {
        ("the corpus, replicated", format!("{prefix}-corpus-{records}.ndjson"))
    } else {
        ("the sandbox's own sentences (no corpus here)", format!("{prefix}-sandbox-{records}.ndjson"))
    };
    let path = scratch.join(name);
    if !path.exists() {
        let staged = path.with_extension("part");
        let file = File::create(&staged).map_err(|error| format!("{}: {error}", staged.display()))?;
        let mut out = BufWriter::with_capacity(1 << 20, file);
        let made = if corpus.exists() {
            replicate(&corpus, form, records, &mut out)
        } else {
            own(form, records, &mut out)
        };
        made.and_then(|()| out.flush().map_err(|error| error.to_string()))?;
        std::fs::rename(&staged, &path).map_err(|error| error.to_string())?;
    }
    let bytes = path.metadata().map_err(|error| error.to_string())?.len();
    Ok(Data { path, records, bytes, origin })
}

fn replicate(corpus: &Path, form: Form, records: u64, out: &mut impl Write) -> Result<(), String> {
    let file = File::open(corpus).map_err(|error| error.to_string())?;
    let mut text = String::new();
    MultiGzDecoder::new(file).read_to_string(&mut text).map_err(|error| error.to_string())?;
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    if form == Form::Thin {
        lines = lines.iter().map(|line| thinned(line)).collect::<Result<_, _>>()?;
    }
    for number in 0..records {
        let line = &lines[usize::try_from(number).unwrap_or(0) % lines.len()];
        let round = number / lines.len() as u64;
        let line = if round == 0 { line.clone() } else { replica(line, round) };
        out.write_all(line.as_bytes())
            .and_then(|()| out.write_all(b"\n"))
            .map_err(|error| error.to_string())?;
    }
    Ok(())
}

/// A conversation without its messages, but for what was said in them.
fn thinned(line: &str) -> Result<String, String> {
    let whole: serde_json::Value = serde_json::from_str(line).map_err(|error| error.to_string())?;
    // The corpus has the first name of each pair, the sandbox the second.
    let either = |one: &str, other: &str| whole.get(one).or_else(|| whole.get(other));
    let parts = either("messages", "interactions").and_then(serde_json::Value::as_array);
    let said = parts.into_iter().flatten().filter_map(|part| {
        part.get("text").or_else(|| part.get("transcript")).and_then(serde_json::Value::as_str)
    });
    let thin = serde_json::json!({
        "interactionId": either("conversationId", "id"),
        "startTime": either("startedAt", "startTime"),
        "transcript": said.collect::<Vec<_>>().join("\n"),
        "metadata": {"source": "bench", "services": whole["services"]},
    });
    Ok(thin.to_string())
}

/// Another conversation with the same words: other ids, another of ten years.
fn replica(line: &str, round: u64) -> String {
    let year = 2025 - round % 10;
    let line = line.replace("\"2025-", &format!("\"{year}-"));
    let mut out = String::with_capacity(line.len());
    let mut rest = line.as_str();
    while let Some(at) = rest.find("d\":\"") {
        // `"id":"`, `"conversationId":"`, `"interactionId":"`: eight hex digits follow.
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

fn own(form: Form, records: u64, out: &mut impl Write) -> Result<(), String> {
    let sandbox = Sandbox::new(Config { conversations: Some(records), ..Config::default() })
        .map_err(|error| error.to_string())?;
    for number in 0..records {
        let request = http::Request::get(format!("/_sandbox/conversations/{number}"))
            .body(bytes::Bytes::new())
            .map_err(|error| error.to_string())?;
        let reply = sandbox.handle(&request, IpAddr::V4(Ipv4Addr::LOCALHOST), machine_time());
        let mut line = reply.into_bytes();
        if form == Form::Thin {
            line = thinned(&String::from_utf8_lossy(&line))?.into();
        }
        out.write_all(&line).and_then(|()| out.write_all(b"\n")).map_err(|error| error.to_string())?;
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
