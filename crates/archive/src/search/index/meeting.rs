//! Terms that must meet: the documents that have all of them, one after the other from the newest on.
//!
//! Postings are read as far as somebody asks: who wants the newest few of a frequent word looks at the beginning of its
//! set.

use roaring::RoaringBitmap;

use super::bits::SetReader;
use super::blocks::{Fault, Result};
use super::dictionary::{Dictionary, ListReader, Row};
use super::file::IndexFile;
use super::source::Which;

/// Documents up to which it pays to look each up in postings.
const FEW: u64 = 1_024;

/// A word of the text, or a facet as the index names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Term {
    Word(String),
    Facet(String),
}

/// The documents of a file that have all of some terms and lie in a range.
pub(crate) struct Meeting<'f> {
    documents: u32,
    /// The rarest first.
    postings: Vec<Postings<'f>>,
    next: u32,
    end: u32,
}

/// The documents of a term.
enum Postings<'f> {
    List(Box<ListReader<'f>>),
    Set(Box<SetReader<'f>>),
}

impl IndexFile {
    /// How many documents have a term, but for those of `without`; `None` where these are too many to be looked up.
    ///
    /// # Errors
    /// What is wrong with the file.
    pub(crate) fn how_many(&self, term: &Term, without: &RoaringBitmap) -> Result<Option<u64>> {
        if without.len() > FEW {
            return Ok(None);
        }
        let (mut dictionary, word) = self.dictionary_of(term);
        let Some(row) = dictionary.find(word.as_bytes())? else { return Ok(Some(0)) };
        let mut count = u64::from(row.documents);
        if !without.is_empty() {
            let mut postings = Postings::new(dictionary, &row)?;
            for document in without {
                count = count.saturating_sub(u64::from(postings.from(document)? == Some(document)));
            }
        }
        Ok(Some(count))
    }

    fn dictionary_of<'t>(&self, term: &'t Term) -> (Dictionary<'_>, &'t str) {
        match term {
            Term::Word(word) => (Dictionary::new(self, Which::Text), word),
            Term::Facet(facet) => (Dictionary::new(self, Which::Facets), facet),
        }
    }

    /// The documents from `start` to before `end` that have all of these terms. Opaque documents are left out, dead ones are not.
    ///
    /// # Errors
    /// What is wrong with the file.
    pub(crate) fn meeting(&self, terms: &[Term], start: u32, end: u32) -> Result<Meeting<'_>> {
        let documents = self.entry.documents;
        let mut meeting = Meeting { documents, postings: Vec::new(), next: start, end: end.min(documents) };
        let mut rows = Vec::with_capacity(terms.len());
        for term in terms {
            let (mut dictionary, word) = self.dictionary_of(term);
            let Some(row) = dictionary.find(word.as_bytes())? else {
                meeting.end = 0;
                return Ok(meeting);
            };
            rows.push((dictionary, row));
        }
        rows.sort_by_key(|(_, row)| row.documents);
        for (dictionary, row) in rows {
            meeting.postings.push(Postings::new(dictionary, &row)?);
        }
        Ok(meeting)
    }
}

impl Meeting<'_> {
    /// The next document that has all of the terms.
    ///
    /// # Errors
    /// What is wrong with the file.
    pub(crate) fn next(&mut self) -> Result<Option<u32>> {
        let mut at = self.next;
        'from: while at < self.end {
            for postings in &mut self.postings {
                match postings.from(at)? {
                    None => {
                        self.next = self.end;
                        return Ok(None);
                    }
                    Some(document) if document >= self.documents => {
                        return Err(Fault::Damaged("a document lies beyond the last"));
                    }
                    Some(document) if document > at => {
                        at = document;
                        continue 'from;
                    }
                    Some(_) => {}
                }
            }
            self.next = at + 1;
            return Ok(Some(at));
        }
        self.next = self.end;
        Ok(None)
    }
}

impl<'f> Postings<'f> {
    fn new(dictionary: Dictionary<'f>, row: &Row) -> Result<Self> {
        Ok(match row.set {
            true => Self::Set(Box::new(dictionary.set_reader(row)?)),
            false => Self::List(Box::new(dictionary.list_reader(row)?)),
        })
    }

    /// The first document that is not before `at`.
    fn from(&mut self, at: u32) -> Result<Option<u32>> {
        match self {
            Self::List(list) => list.from(at),
            Self::Set(set) => set.from(at),
        }
    }
}
