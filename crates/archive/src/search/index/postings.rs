//! Writing a dictionary: its postings, its words, its table.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};

use super::bits::Bits;
use super::blocks::{BlockWriter, Fault};
use super::dictionary::{Row, SET_FROM};
use super::file::{Section, Sections};
use super::order::{DEAD, Order};
use super::source::{Source, Which};
use super::together::Shared;
use super::write::Unwritten;
use crate::segment::varint;

/// Where a term's postings and its word are: a [`Row`] but for its code, in three quarters of the memory.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Place {
    place: u64,
    length: u32,
    documents: u32,
    word: u32,
    set: bool,
}

/// What becomes of the terms of the sources.
pub(super) struct Kept {
    /// For each term of all sources together: in how many documents it still is, and where its postings are. Those
    /// that are in none are left out of the file.
    pub(super) rows: Vec<Place>,
    /// For each source, by its codes, the place of the term among the rows.
    pub(super) numbers: Vec<Vec<u32>>,
}

impl Kept {
    /// Gives frequent terms short codes; those that are left out have the last.
    pub(super) fn assign_codes(&mut self) -> Vec<u32> {
        let mut by_frequency: Vec<u32> = (0..self.rows.len() as u32).collect();
        by_frequency.sort_unstable_by_key(|&number| {
            (std::cmp::Reverse(self.rows[number as usize].documents), number)
        });
        let mut codes = vec![0; by_frequency.len()];
        for (code, number) in by_frequency.into_iter().enumerate() {
            codes[number as usize] = code as u32;
        }
        codes
    }
}

/// The documents of the new file that have a term.
#[derive(Clone, Copy)]
pub(super) enum Having<'p> {
    /// A few of them.
    List(&'p [u32]),
    /// Many of them.
    Set(&'p Bits),
}

/// Writes the postings of a dictionary: the sets, then the lists. Calls `each` with every word and its documents, in any
/// order.
///
/// Nothing here is as long as a frequent term has documents, but for a bit each.
#[expect(clippy::too_many_arguments, reason = "what is written, from where, to where: all different things")]
pub(super) fn postings(
    out: &mut BlockWriter,
    sections: &mut Sections,
    which: Which,
    shared: &Shared,
    sources: &[Box<dyn Source + '_>],
    order: &Order,
    mut each: impl FnMut(&[u8], Having<'_>) -> Result<(), Fault>,
    stop: &AtomicBool,
) -> Result<Kept, Unwritten> {
    let numbers = |source: &dyn Source| match which {
        Which::Text => vec![0; source.codes() as usize],
        Which::Facets => Vec::new(),
    };
    let mut kept = Kept {
        rows: vec![Place::default(); shared.len()],
        numbers: sources.iter().map(|source| numbers(&**source)).collect(),
    };
    let mut set = Bits::new(order.documents());
    let (mut list, mut room, mut bytes) = (Vec::new(), Vec::new(), Vec::new());
    let [sets, lists] = match which {
        Which::Text => [Section::Sets, Section::Lists],
        Which::Facets => [Section::FacetSets, Section::FacetLists],
    };
    for (name, as_set) in [(sets, true), (lists, false)] {
        let from = out.position();
        let mut together = shared.terms(which, sources)?;
        for (number, row) in kept.rows.iter_mut().enumerate() {
            if number.is_multiple_of(1024) && stop.load(Ordering::Relaxed) {
                return Err(Unwritten::Stopped);
            }
            together.next()?;
            if (together.count() >= SET_FROM) != as_set {
                continue;
            }
            let (mut documents, mut runs) = (0, 0);
            list.clear();
            if as_set {
                set.clear();
            }
            for (source, terms) in together.sources() {
                let new = &order.new[source];
                terms.documents(&mut room, &mut |old| {
                    let new = old.iter().filter_map(|&old| new.get(old as usize).copied());
                    let mut living = new.filter(|new| *new != DEAD);
                    if !as_set {
                        list.extend(living);
                        return Ok(());
                    }
                    living.try_for_each(|document| {
                        documents += 1;
                        set.insert(document)
                    })
                })?;
                if let Some(place) = kept.numbers[source].get_mut(terms.code() as usize) {
                    *place = number as u32;
                }
                runs += 1;
            }
            documents += list.len() as u32;
            if documents == 0 {
                continue;
            }
            bytes.clear();
            row.place = out.position() - from;
            row.documents = documents;
            row.set = as_set;
            let having = if as_set {
                set.serialize(&mut bytes);
                Having::Set(&set)
            } else {
                if runs > 1 {
                    list.sort_unstable();
                }
                match list[..] {
                    [one] => row.place = u64::from(one),
                    _ => {
                        let mut next = 0;
                        for &document in &list {
                            varint::encode(u64::from(document - next), &mut bytes);
                            next = document + 1;
                        }
                    }
                }
                Having::List(&list)
            };
            each(together.word()?, having)?;
            out.write(&bytes)?;
            row.length = bytes.len() as u32;
        }
        sections.set(name, from, out.position());
    }
    Ok(kept)
}

/// Writes the words of a dictionary. Calls `each` with the place and the text of every one.
pub(super) fn words(
    out: &mut BlockWriter,
    sections: &mut Sections,
    which: Which,
    shared: &Shared,
    sources: &[Box<dyn Source + '_>],
    kept: &mut Kept,
    mut each: impl FnMut(usize, &[u8]),
) -> Result<(), Unwritten> {
    let from = out.position();
    let mut together = shared.terms(which, sources)?;
    for (number, row) in kept.rows.iter_mut().enumerate() {
        together.next()?;
        if row.documents == 0 {
            continue;
        }
        let word = together.word()?;
        row.word = (out.position() - from) as u32;
        out.write(word)?;
        out.write(b"\0")?;
        each(number, word);
    }
    let name = match which {
        Which::Text => Section::Words,
        Which::Facets => Section::FacetWords,
    };
    sections.set(name, from, out.position());
    Ok(())
}

/// Writes the table; gives how many words are in it.
pub(super) fn table(
    out: &mut BlockWriter,
    sections: &mut Sections,
    name: Section,
    kept: &Kept,
    codes: &[u32],
) -> io::Result<u32> {
    let from = out.position();
    let mut count = 0;
    for (&kept, &code) in kept.rows.iter().zip(codes).filter(|(row, _)| row.documents > 0) {
        let Place { place, length, documents, word, set } = kept;
        out.write(&Row { place, length, set, documents, code, word }.bytes())?;
        count += 1;
    }
    sections.set(name, from, out.position());
    Ok(count)
}
