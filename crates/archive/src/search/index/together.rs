//! The terms of several sources, gone through at once.

use std::cmp::Ordering;

use super::blocks::Fault;
use super::source::{Source, Terms, Which};

/// Which sources have which terms: found out once, and gone through again and again.
pub(super) struct Shared {
    /// For each term of all sources together, in order, a bit for each source that has it.
    having: Vec<u8>,
}

impl Shared {
    /// Calls `each` with every term and in how many documents it is, the dead ones too.
    pub(super) fn of(
        which: Which,
        sources: &[Box<dyn Source + '_>],
        mut each: impl FnMut(&[u8], u32),
    ) -> Result<Self, Fault> {
        let mut terms = sources.iter().map(|source| source.terms(which)).collect::<Result<Vec<_>, _>>()?;
        let mut shared = Self { having: Vec::new() };
        let (mut least, mut having) = (Vec::new(), Vec::new());
        loop {
            having.clear();
            for (source, terms) in terms.iter().enumerate() {
                let Some(word) = terms.word() else { continue };
                match if having.is_empty() { Ordering::Less } else { word.cmp(&least[..]) } {
                    Ordering::Greater => continue,
                    Ordering::Equal => {}
                    Ordering::Less => {
                        having.clear();
                        least.clear();
                        least.extend_from_slice(word);
                    }
                }
                having.push(source);
            }
            if having.is_empty() {
                return Ok(shared);
            }
            let mut documents = 0_u32;
            for &source in &having {
                documents = documents.saturating_add(terms[source].count());
                terms[source].advance()?;
            }
            each(&least, documents);
            shared.having.push(having.iter().fold(0, |bits, source| bits | 1 << source));
        }
    }

    /// How many terms there are.
    pub(super) fn len(&self) -> usize {
        self.having.len()
    }

    /// Goes through the terms.
    pub(super) fn terms<'s>(
        &self,
        which: Which,
        sources: &'s [Box<dyn Source + '_>],
    ) -> Result<Together<'_, 's>, Fault> {
        let terms = sources.iter().map(|source| source.terms(which)).collect::<Result<_, _>>()?;
        Ok(Together { having: self.having.iter(), terms, now: 0 })
    }
}

/// Goes through the terms of all sources at once.
pub(super) struct Together<'h, 's> {
    having: std::slice::Iter<'h, u8>,
    terms: Vec<Box<dyn Terms + 's>>,
    /// The sources that have the term in progress.
    now: u8,
}

impl<'s> Together<'_, 's> {
    /// Goes to the next term; `false` behind the last.
    pub(super) fn next(&mut self) -> Result<bool, Fault> {
        for source in each_source(self.now) {
            self.terms[source].advance()?;
        }
        let next = self.having.next();
        self.now = next.copied().unwrap_or(0);
        Ok(next.is_some())
    }

    pub(super) fn word(&self) -> Result<&[u8], Fault> {
        let first = self.terms.get(self.now.trailing_zeros() as usize);
        first.and_then(|terms| terms.word()).ok_or(Fault::Damaged("a word is not there any more"))
    }

    /// In how many documents it is, the dead ones too.
    pub(super) fn count(&self) -> u32 {
        each_source(self.now).map(|source| self.terms[source].count()).fold(0, u32::saturating_add)
    }

    pub(super) fn sources(&mut self) -> impl Iterator<Item = (usize, &mut (dyn Terms + 's))> {
        let now = self.now;
        let terms = self.terms.iter_mut().enumerate();
        terms.filter(move |(source, _)| now >> source & 1 == 1).map(|(source, terms)| (source, &mut **terms))
    }
}

fn each_source(mut having: u8) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let next = (having != 0).then(|| having.trailing_zeros() as usize);
        having &= having.wrapping_sub(1);
        next
    })
}
