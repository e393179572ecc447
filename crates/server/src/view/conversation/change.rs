//! What one version of a record changed of the one before.

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::view::passage::{Masking, Piece};

/// Changes that are told one by one.
pub const MOST_CHANGES: usize = 100;
/// Characters of a value that are shown.
const SHOWN: usize = 200;
/// Of these, before the first one that differs.
const BEFORE: usize = 40;

/// A place where two versions differ.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct ChangeView {
    /// Where, as `interactions[0].transcript`.
    pub path: String,
    /// What was there; absent where nothing was.
    pub before: Option<Vec<Piece>>,
    /// What is there now; absent where nothing is.
    pub after: Option<Vec<Piece>>,
}

/// Where two payloads differ, at most [`MOST_CHANGES`] places. Nothing where one of them cannot be read.
pub(super) fn changes(before: &[u8], after: &[u8], masking: Masking) -> Vec<ChangeView> {
    let (Ok(before), Ok(after)) = (serde_json::from_slice(before), serde_json::from_slice(after)) else {
        return Vec::new();
    };
    let mut changes = Vec::new();
    compare("", Some(&before), Some(&after), masking, &mut changes);
    changes
}

fn compare(
    path: &str,
    before: Option<&Value>,
    after: Option<&Value>,
    masking: Masking,
    changes: &mut Vec<ChangeView>,
) {
    if before == after || changes.len() >= MOST_CHANGES {
        return;
    }
    match (before, after) {
        (Some(Value::Object(before)), Some(Value::Object(after))) => {
            for key in before.keys().chain(after.keys().filter(|key| !before.contains_key(*key))) {
                let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                compare(&path, before.get(key), after.get(key), masking, changes);
            }
        }
        (Some(Value::Array(before)), Some(Value::Array(after))) => {
            for at in 0..before.len().max(after.len()) {
                compare(&format!("{path}[{at}]"), before.get(at), after.get(at), masking, changes);
            }
        }
        _ => {
            let (before, after) = (before.map(text), after.map(text));
            let from = differ(before.as_deref(), after.as_deref());
            let shown = |text: String| part(&text, from, last_key(path), masking);
            changes.push(ChangeView {
                path: masking.label(path),
                before: before.map(shown),
                after: after.map(shown),
            });
        }
    }
}

/// The member a path ends in.
fn last_key(path: &str) -> &str {
    let key = path.rsplit('.').next().unwrap_or_default();
    key.split('[').next().unwrap_or_default()
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// The first character, counted from 0, in which two texts differ.
fn differ(before: Option<&str>, after: Option<&str>) -> usize {
    match (before, after) {
        (Some(before), Some(after)) => {
            before.chars().zip(after.chars()).take_while(|(one, other)| one == other).count()
        }
        _ => 0,
    }
}

/// A value, or of a long one the part around where it differs.
fn part(text: &str, from: usize, key: &str, masking: Masking) -> Vec<Piece> {
    let start = from.saturating_sub(BEFORE);
    let mut borders = text.char_indices().map(|(at, _)| at).chain([text.len()]).skip(start);
    let first = borders.next().unwrap_or(text.len());
    let last = borders.take(SHOWN).last().unwrap_or(first);
    if first == 0 && last == text.len() {
        return masking.value(key, text);
    }
    let mut pieces = match masking.value(key, "").first() {
        // Its name alone says that it is not shown.
        Some(_) => return masking.value(key, ""),
        None => masking.snippet(&text[first..last], &[]),
    };
    let dots = || Piece { text: "…".to_owned(), mark: false, masked: None };
    if first > 0 {
        pieces.insert(0, dots());
    }
    if last < text.len() {
        pieces.push(dots());
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_is_told_with_its_place() {
        let before =
            br#"{"id":"c","queue":"a","interactions":[{"transcript":"guest: x"}],"metadata":{"email":"q"}}"#;
        let after = br#"{"id":"c","agent":"z","interactions":[{"transcript":"guest: y"},{"n":1}],"metadata":{"email":"r"}}"#;
        let shown: Vec<String> = changes(before, after, Masking::default())
            .into_iter()
            .map(|change| {
                let text = |pieces: Option<Vec<Piece>>| {
                    pieces
                        .map_or("-".to_owned(), |pieces| pieces.into_iter().map(|piece| piece.text).collect())
                };
                format!("{}: {} > {}", change.path, text(change.before), text(change.after))
            })
            .collect();
        assert_eq!(
            shown,
            [
                "interactions[0].transcript: guest: x > guest: y",
                r#"interactions[1]: - > {"n":1}"#,
                "metadata.email: [masked] > [masked]",
                "queue: a > -",
                "agent: - > z",
            ]
        );
        assert!(changes(b"{", after, Masking::default()).is_empty());
    }

    #[test]
    fn of_a_long_text_the_part_that_differs_is_shown() {
        let (before, after) = ("x ".repeat(500) + "end", "x ".repeat(500) + "other end");
        let json = |text: &str| serde_json::json!({ "a": text }).to_string();
        let found = changes(json(&before).as_bytes(), json(&after).as_bytes(), Masking::default());
        let shown: String = found[0].after.iter().flatten().map(|piece| piece.text.as_str()).collect();
        assert!(shown.starts_with("…x x") && shown.ends_with("x other end") && shown.len() < 60, "{shown}");
    }

    #[test]
    fn a_number_that_is_cut_is_not_shown_in_half() {
        let long = format!("{}{}", "x ".repeat(93), "4111 1111 1111 1111");
        let after = serde_json::json!({ "a": long }).to_string();
        let found = changes(b"{\"a\":\"\"}", after.as_bytes(), Masking::default());
        let shown: String = found[0].after.iter().flatten().map(|piece| piece.text.as_str()).collect();
        assert!(!shown.contains("4111"), "{shown}");
    }
}
