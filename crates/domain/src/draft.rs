//! Drafts from outside: JSON of which any field may be missing or wrong, kept for the check that reports all of it at once.
//!
//! Reading one fails only where there is no JSON. What has the wrong type, is there twice or is not known becomes a
//! [`Field::Wrong`] or a violation, so that a misspelt name does not pass for an absent one.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};

use crate::suggest::{nearest, shortened};
use crate::{Collector, Violation};

/// What was found of a field.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) enum Field<T> {
    #[default]
    Absent,
    Given(T),
    /// It is there, and is something else: in words, what.
    Wrong(&'static str),
}

impl<T: Clone> Field<T> {
    /// Takes from `default` what is absent here. What is wrong stays wrong.
    pub(crate) fn fill(&mut self, default: &Self) {
        if let Self::Absent = self {
            self.clone_from(default);
        }
    }

    /// The value of a field that has to be there; otherwise notes under `path` why there is none.
    pub(crate) fn needed(&self, found: &mut Collector, path: &str, needed: &str) -> Option<T> {
        match self {
            Self::Absent => {
                found.push(path, "field.missing", needed);
                None
            }
            _ => self.optional(found, path),
        }
    }

    /// The value of a field that may be absent; notes under `path` what it is when it is something else.
    pub(crate) fn optional(&self, found: &mut Collector, path: &str) -> Option<T> {
        match self {
            Self::Given(value) => Some(value.clone()),
            Self::Absent => None,
            Self::Wrong(what) => {
                found.push(path, "field.type", *what);
                None
            }
        }
    }
}

/// Any JSON value, as far as a draft wants to know it: names that are there twice are kept twice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Loose {
    Null,
    Text(String),
    Flag(bool),
    /// A whole number in the range of an `i64`, or some other one.
    Number(Option<i64>),
    List(Vec<Self>),
    Object(Vec<(String, Self)>),
}

impl Loose {
    /// What it is, in words.
    fn kind(&self) -> [&'static str; 3] {
        match self {
            Self::Null => ["text is wanted", "true or false is wanted", "a whole number is wanted"],
            Self::Text(_) => [
                "text is wanted",
                "true or false is wanted, without quotes, and this is text",
                "a whole number is wanted, without quotes, and this is text",
            ],
            Self::Flag(_) => [
                "text is wanted, and this is true or false",
                "true or false is wanted",
                "a whole number is wanted, and this is true or false",
            ],
            Self::Number(_) => [
                "text is wanted, and this is a number",
                "true or false is wanted, and this is a number",
                "a whole number is wanted, and this one is not, or is too large",
            ],
            Self::List(_) | Self::Object(_) => [
                "text is wanted, and this is an array or an object",
                "true or false is wanted, and this is an array or an object",
                "a whole number is wanted, and this is an array or an object",
            ],
        }
    }

    /// As text; null is absent.
    pub(crate) fn text(self) -> Field<String> {
        match self {
            Self::Null => Field::Absent,
            Self::Text(text) => Field::Given(text),
            other => Field::Wrong(other.kind()[0]),
        }
    }

    /// As true or false; null is absent.
    pub(crate) fn flag(self) -> Field<bool> {
        match self {
            Self::Null => Field::Absent,
            Self::Flag(flag) => Field::Given(flag),
            other => Field::Wrong(other.kind()[1]),
        }
    }

    /// As a whole number; null is absent.
    pub(crate) fn whole(self) -> Field<i64> {
        match self {
            Self::Null => Field::Absent,
            Self::Number(Some(number)) => Field::Given(number),
            other => Field::Wrong(other.kind()[2]),
        }
    }

    /// As an array; null is absent.
    pub(crate) fn list(self) -> Field<Vec<Self>> {
        match self {
            Self::Null => Field::Absent,
            Self::List(items) => Field::Given(items),
            _ => Field::Wrong("an array is wanted"),
        }
    }

    /// As an object; null is absent.
    pub(crate) fn object(self) -> Field<Vec<(String, Self)>> {
        match self {
            Self::Null => Field::Absent,
            Self::Object(entries) => Field::Given(entries),
            _ => Field::Wrong("an object is wanted"),
        }
    }
}

/// Hands each known field of an object to `take`, once; notes in `others`, under `path`, the fields that are there twice
/// and those that are not among `names`.
pub(crate) fn fields(
    entries: Vec<(String, Loose)>,
    path: &str,
    names: &[&'static str],
    others: &mut Vec<Violation>,
    mut take: impl FnMut(&'static str, Loose),
) {
    let mut met = Vec::new();
    for (name, value) in entries {
        let mut note = |rule, message: String| {
            others.push(Violation::new(shortened(&name), rule, message).under(path));
        };
        if met.contains(&name) {
            note("field.twice", "it is there twice".to_owned());
            continue;
        }
        match names.iter().find(|known| **known == name) {
            Some(known) => take(known, value),
            None => note(
                "field.unknown",
                match nearest(&name, names) {
                    Some(meant) => format!("there is no such field; did you mean `{meant}`?"),
                    None => format!("there is no such field: there are {}", names.join(", ")),
                },
            ),
        }
        met.push(name);
    }
}

/// The entries of a JSON object, in their order. Anything else than an object is an error.
pub(crate) struct Entries(pub(crate) Vec<(String, Loose)>);

impl<'de> Deserialize<'de> for Entries {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct EntriesVisitor;
        impl<'de> Visitor<'de> for EntriesVisitor {
            type Value = Entries;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Entries, A::Error> {
                entries(map).map(Entries)
            }
        }
        deserializer.deserialize_map(EntriesVisitor)
    }
}

fn entries<'de, A: MapAccess<'de>>(mut map: A) -> Result<Vec<(String, Loose)>, A::Error> {
    let mut entries = Vec::new();
    while let Some(entry) = map.next_entry()? {
        entries.push(entry);
    }
    Ok(entries)
}

impl<'de> Deserialize<'de> for Loose {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(LooseVisitor)
    }
}

struct LooseVisitor;

impl<'de> Visitor<'de> for LooseVisitor {
    type Value = Loose;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Loose, E> {
        Ok(Loose::Null)
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Loose, E> {
        Ok(Loose::Flag(flag))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Loose, E> {
        Ok(Loose::Number(Some(number)))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Loose, E> {
        Ok(Loose::Number(i64::try_from(number).ok()))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Loose, E> {
        Ok(Loose::Number(None))
    }

    fn visit_str<E>(self, text: &str) -> Result<Loose, E> {
        Ok(Loose::Text(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Loose, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element()? {
            items.push(item);
        }
        Ok(Loose::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Loose, A::Error> {
        entries(map).map(Loose::Object)
    }
}
