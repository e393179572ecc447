//! A conversation as a query looks at it.

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::ops::Range;

use super::ast::{Field, FieldName, HAS_ATTACHMENT, IS_CHANGED, IS_DAMAGED, IS_HELD, IS_PROVISIONAL, Words};
use crate::fold::fold;
use crate::payload::{self, Facts};
use crate::{RecordKind, Timestamp, tokens};

/// A conversation as a query looks at it: its facts, its metadata, the words of its transcript. What nobody asks for is
/// not read.
#[derive(Debug)]
pub struct Document<'a> {
    kind: RecordKind,
    bytes: &'a [u8],
    version: u32,
    held: bool,
    provisional: bool,
    damaged: bool,
    facts: OnceCell<Facts>,
    metadata: OnceCell<BTreeMap<String, Vec<String>>>,
    text: OnceCell<Text>,
}

/// A folded transcript and where its words are, in bytes.
#[derive(Debug)]
struct Text {
    folded: String,
    words: Vec<Range<usize>>,
}

impl<'a> Document<'a> {
    /// A record of kind `details`.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        Self::of(RecordKind::Details, bytes)
    }

    /// A record of any kind.
    #[must_use]
    pub fn of(kind: RecordKind, bytes: &'a [u8]) -> Self {
        Self {
            kind,
            bytes,
            version: 1,
            held: false,
            provisional: false,
            damaged: false,
            facts: OnceCell::new(),
            metadata: OnceCell::new(),
            text: OnceCell::new(),
        }
    }

    /// A conversation whose record cannot be read: nothing is known of it but when it started.
    #[must_use]
    pub fn unread(started_at: Option<Timestamp>) -> Self {
        let document = Self::new(&[]);
        // It is empty, so that this is what it says from now on.
        let _ = document.facts.set(Facts { started_at, ..Facts::default() });
        document
    }

    /// Which version of the record it is, from 1; 1 unless it is said.
    #[must_use]
    pub fn version(self, version: u32) -> Self {
        Self { version, ..self }
    }

    /// Whether the conversation is held; it is not unless it is said.
    #[must_use]
    pub fn held(self, held: bool) -> Self {
        Self { held, ..self }
    }

    /// Whether it may still change, since it began in a stretch of time that was open when it was taken; it may not unless it
    /// is said.
    #[must_use]
    pub fn provisional(self, provisional: bool) -> Self {
        Self { provisional, ..self }
    }

    /// Whether something stored of it is known to be wrong or lost; it is not unless it is said.
    #[must_use]
    pub fn damaged(self, damaged: bool) -> Self {
        Self { damaged, ..self }
    }

    /// When it started, in microseconds after the Unix epoch.
    #[must_use]
    pub fn started_at(&self) -> Option<i64> {
        self.facts().started_at.map(Timestamp::as_micros)
    }

    /// The folded transcript.
    #[must_use]
    pub fn folded(&self) -> &str {
        &self.text().folded
    }

    /// How many words its transcript has.
    #[must_use]
    pub fn length(&self) -> usize {
        self.text().words.len()
    }

    /// The values it has in a field, folded.
    #[must_use]
    pub fn values(&self, name: &FieldName) -> Vec<String> {
        let facts = self.facts();
        let one = |value: &Option<String>| value.iter().map(|value| fold(value)).collect();
        match name {
            FieldName::Type => one(&facts.media_type),
            FieldName::Queue => one(&facts.queue),
            FieldName::Agent => one(&facts.agent),
            FieldName::Direction => one(&facts.direction),
            FieldName::Language => one(&facts.language),
            FieldName::Has => {
                let has = payload::has_attachment(self.kind, self.bytes);
                has.then(|| HAS_ATTACHMENT.to_owned()).into_iter().collect()
            }
            FieldName::Is => {
                let states = [
                    (IS_HELD, self.held),
                    (IS_CHANGED, self.version > 1),
                    (IS_PROVISIONAL, self.provisional),
                    (IS_DAMAGED, self.damaged),
                ];
                states.into_iter().filter(|(_, is)| *is).map(|(state, _)| state.to_owned()).collect()
            }
            FieldName::Metadata(key) => {
                let metadata = self.metadata.get_or_init(|| payload::metadata_values(self.kind, self.bytes));
                metadata.get(key).into_iter().flatten().map(|value| fold(value)).collect()
            }
        }
    }

    /// Where words are in the folded transcript, in bytes of it: each place where they follow each other, from left to
    /// right, also where two such places overlap.
    pub fn places<'d>(&'d self, words: &'d Words) -> impl Iterator<Item = Range<usize>> + 'd {
        let text = self.text();
        let wanted = words.words();
        text.words.windows(wanted.len()).filter_map(move |window| {
            let last = wanted.len() - 1;
            let is = |(index, (place, wanted)): (usize, (&Range<usize>, &String))| {
                let word = &text.folded[place.clone()];
                if index == last && words.is_prefix() { word.starts_with(&**wanted) } else { word == wanted }
            };
            let all = window.iter().zip(wanted).enumerate().all(is);
            all.then(|| window[0].start..window[last].end)
        })
    }

    pub(super) fn has(&self, words: &Words) -> bool {
        self.places(words).next().is_some()
    }

    pub(super) fn has_field(&self, field: &Field) -> bool {
        self.values(field.name()).iter().any(|value| value == field.value())
    }

    fn facts(&self) -> &Facts {
        self.facts.get_or_init(|| payload::facts(self.kind, self.bytes))
    }

    fn text(&self) -> &Text {
        self.text.get_or_init(|| {
            let folded = fold(&payload::transcript(self.kind, self.bytes));
            let words = tokens::word_places(&folded).collect();
            Text { folded, words }
        })
    }
}
