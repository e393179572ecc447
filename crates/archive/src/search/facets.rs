//! How many of what was found have which value in a field.

use std::collections::BTreeMap;

use frontdesk_domain::query::{Document, FieldName};
use roaring::RoaringBitmap;

use super::dates::Dates;
use super::index::{Fault, IndexFile};
use super::standing::Standing;

/// Values of a field that are told one by one.
const SHOWN: usize = 20;

/// The values that what was found has in one field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facet {
    /// The field's name, as a query writes it.
    pub field: &'static str,
    /// The 20 most frequent values, folded, with the number of conversations that have each; the first in the
    /// alphabet of equals first. Of `date` the days, months or years in which conversations began, in the order of time:
    /// days where there are at most 62 of three months, months where there are at most 36, else years, the last 62.
    pub values: Vec<(String, u64)>,
    /// How many values there are beside those.
    pub others: u64,
}

/// Counts the values of the fields that a query knows by name.
#[derive(Debug, Clone, Default)]
pub(super) struct Counter {
    counts: [BTreeMap<String, u64>; Self::FIELDS.len()],
    dates: Dates,
}

impl Counter {
    pub(super) const FIELDS: [(&'static str, FieldName); 7] = [
        ("type", FieldName::Type),
        ("queue", FieldName::Queue),
        ("agent", FieldName::Agent),
        ("direction", FieldName::Direction),
        ("language", FieldName::Language),
        ("has", FieldName::Has),
        ("is", FieldName::Is),
    ];

    /// The values of one conversation.
    pub(super) fn values(document: &Document<'_>) -> Vec<(usize, String)> {
        let fields = Self::FIELDS.into_iter().enumerate();
        fields
            .flat_map(|(index, (_, name))| {
                document.values(&name).into_iter().map(move |value| (index, value))
            })
            .collect()
    }

    fn add(&mut self, field: usize, value: String, count: u64) {
        *self.counts[field].entry(value).or_default() += count;
    }

    /// One conversation: when it began, and its values.
    pub(super) fn add_one(&mut self, started_at: Option<i64>, values: Vec<(usize, String)>) {
        started_at.into_iter().for_each(|time| self.dates.add(time));
        values.into_iter().for_each(|(field, value)| self.add(field, value, 1));
    }

    /// The values of documents of a file of the index.
    ///
    /// # Errors
    /// What is wrong with the file.
    pub(super) fn add_in(
        &mut self,
        file: &IndexFile,
        found: &RoaringBitmap,
        standing: &Standing,
    ) -> Result<(), Fault> {
        if found.is_empty() {
            return Ok(());
        }
        for (index, (name, field)) in Self::FIELDS.into_iter().enumerate() {
            if field == FieldName::Is {
                for value in Standing::VALUES {
                    match standing.in_file(file, value)?.intersection_len(found) {
                        0 => {}
                        count => self.add(index, value.to_owned(), count),
                    }
                }
            }
            file.values(name, |value, set| match set.intersection_len(found) {
                0 => {}
                count => self.add(index, value.to_owned(), count),
            })?;
        }
        self.dates.add_in(file, found)
    }

    pub(super) fn finish(self) -> Vec<Facet> {
        let fields = Self::FIELDS.into_iter().zip(self.counts);
        fields
            .map(|((field, _), counts)| {
                let mut values: Vec<(String, u64)> = counts.into_iter().collect();
                values.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
                let others = values.len().saturating_sub(SHOWN) as u64;
                values.truncate(SHOWN);
                Facet { field, values, others }
            })
            .chain([self.dates.finish()])
            .collect()
    }
}
