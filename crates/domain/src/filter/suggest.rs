//! Hints for words that are almost right.

use super::ast::{Field, Op};
use crate::suggest::nearest;

/// The hint for a word that should be a field.
pub(super) fn field(word: &str) -> String {
    match nearest(word, &Field::NAMES) {
        Some(name) => format!("did you mean `{name}`? {}", fields()),
        None => fields(),
    }
}

/// The hint that lists the fields.
pub(super) fn fields() -> String {
    format!("the fields are {} and metadata.<key>", Field::NAMES.join(", "))
}

/// The hint for a word that should be an operator.
pub(super) fn op(word: &str) -> String {
    let list = format!("the operators are {}", Op::NAMES.join(", "));
    let symbol = match word {
        "=" | "==" | "is" => Some("eq"),
        "!=" | "<>" | "ne" | "not" => Some("neq"),
        ">" | ">=" | "gte" | "ge" => Some("gt"),
        "<" | "<=" | "lte" | "le" => Some("lt"),
        "like" | "~" => Some("contains"),
        _ => None,
    };
    match symbol.or_else(|| nearest(word, &Op::NAMES)) {
        Some(name) => format!("did you mean `{name}`? {list}"),
        None => list,
    }
}
