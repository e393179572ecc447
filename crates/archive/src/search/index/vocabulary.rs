//! The terms of documents in memory, and which document has which.

use super::words::Words;

/// Distinct terms, and those of each document.
#[derive(Debug)]
pub(super) struct Vocabulary {
    words: Words,
    /// The terms of one document after the other, each once.
    terms: Vec<u32>,
    /// Where those of each document end.
    ends: Vec<u32>,
}

/// The documents of all terms in one piece of memory.
#[derive(Debug)]
pub(super) struct Postings {
    /// Where those of each term end; they begin where those of the term before end.
    ends: Vec<u32>,
    documents: Vec<u32>,
}

impl Vocabulary {
    pub(super) fn new() -> Self {
        Self { words: Words::new(), terms: Vec::new(), ends: Vec::new() }
    }

    /// How many terms there are.
    pub(super) fn len(&self) -> u32 {
        self.words.len()
    }

    /// Bytes of memory, with what [`Vocabulary::postings`] and making a file will take.
    pub(super) fn memory(&self) -> usize {
        self.words.memory() + 40 * self.len() as usize + 8 * self.terms.len() + 4 * self.ends.len()
    }

    /// The number of a term that the document in progress has.
    #[inline]
    pub(super) fn note(&mut self, term: &[u8]) -> u32 {
        let (number, first) = self.words.number(term, self.ends.len() as u32 + 1);
        if first {
            self.terms.push(number);
        }
        number
    }

    /// Ends the document in progress.
    pub(super) fn end(&mut self) {
        self.ends.push(self.terms.len() as u32);
    }

    /// Takes the terms of the document in progress back.
    pub(super) fn forget(&mut self) {
        self.terms.truncate(self.ends.last().map_or(0, |end| *end as usize));
    }

    pub(super) fn get(&self, number: u32) -> &[u8] {
        self.words.get(number)
    }

    /// Begins again, in the same memory.
    pub(super) fn clear(&mut self) {
        self.words.clear();
        self.terms.clear();
        self.ends.clear();
    }

    /// All numbers, in the order of their terms' bytes.
    pub(super) fn sorted(&self) -> Vec<u32> {
        self.words.sorted()
    }

    /// Which documents have which term, when the documents are numbered in the order of `by_rank`.
    pub(super) fn postings(&self, by_rank: &[u32]) -> Postings {
        let mut ends = vec![0_u32; self.len() as usize];
        for &number in &self.terms {
            ends[number as usize] += 1;
        }
        let mut next = 0;
        for end in &mut ends {
            next += std::mem::replace(end, next);
        }
        let mut documents = vec![0; self.terms.len()];
        for (new, &old) in by_rank.iter().enumerate() {
            let old = old as usize;
            let start = old.checked_sub(1).map_or(0, |before| self.ends[before]);
            for &number in &self.terms[start as usize..self.ends[old] as usize] {
                let end = &mut ends[number as usize];
                documents[*end as usize] = new as u32;
                *end += 1;
            }
        }
        Postings { ends, documents }
    }
}

impl Postings {
    /// The documents that have a term, in order.
    pub(super) fn of(&self, number: u32) -> &[u32] {
        let number = number as usize;
        let start = number.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.documents[start as usize..self.ends[number] as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_term_is_counted_once_in_each_document_and_not_where_it_was_taken_back() {
        let mut vocabulary = Vocabulary::new();
        for document in [["a", "b", "a"], ["b", "c", "c"], ["c", "a", "d"]] {
            for term in document {
                vocabulary.note(term.as_bytes());
            }
            if document[2] == "c" {
                vocabulary.forget();
            }
            vocabulary.end();
        }
        let postings = vocabulary.postings(&[2, 1, 0]);
        let found: Vec<(&[u8], &[u32])> = vocabulary
            .sorted()
            .into_iter()
            .map(|number| (vocabulary.get(number), postings.of(number)))
            .collect();
        let expected: [(&[u8], &[u32]); 4] = [(b"a", &[0, 2]), (b"b", &[2]), (b"c", &[0]), (b"d", &[0])];
        assert_eq!(found, expected);
    }
}
