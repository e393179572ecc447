//! What a file of the index says of an expression.

use frontdesk_domain::query::{Expr, Field, FieldName, Words};
use roaring::RoaringBitmap;

use super::cursor::Rank;
use super::index::{Fault, IndexFile, Meeting, Term};
use super::sought::{Sought, Wanted, What};
use super::standing::Standing;

/// Terms up to which hits are told apart set by set; with more of them one by one.
const FEW: usize = 8;

/// What a file says, dead documents included.
pub(super) struct InFile {
    /// Documents that are found, by the ranked terms they have where these are wanted.
    pub(super) groups: Vec<(u64, RoaringBitmap)>,
    /// Documents that must be read to be judged; none of them is among the others.
    pub(super) unclear: RoaringBitmap,
}

impl Sought {
    /// What a file of the index says.
    ///
    /// # Errors
    /// What is wrong with the file.
    pub(super) fn in_file(&self, file: &IndexFile, wanted: Wanted) -> Result<InFile, Fault> {
        match &self.what {
            What::Contains(needle, _) => {
                let mut unclear = file.must_be_read(false)?.clone();
                if wanted.values {
                    unclear |= file.must_be_read(true)?;
                }
                let found =
                    file.containing(needle.as_folded(), wanted.workers)?.all(&unclear, wanted.workers)?;
                Ok(InFile { groups: vec![(1, found)], unclear })
            }
            What::Query(query) => {
                let unclear = unclear(query.expr(), file, wanted.values)?;
                let mut all = RoaringBitmap::new();
                all.insert_range(0..file.entry.documents);
                let found = documents(query.expr(), file, &self.standing, &(all - &unclear))?;
                let groups =
                    if wanted.terms { by_terms(query.expr(), file, found)? } else { vec![(0, found)] };
                Ok(InFile { groups, unclear })
            }
        }
    }
}

/// The documents that must be read to be judged by a query, or for the values of fields.
pub(super) fn unclear(expr: &Expr, file: &IndexFile, values: bool) -> Result<RoaringBitmap, Fault> {
    let asks = Asks::of(expr);
    let mut unclear = RoaringBitmap::new();
    // What could not be read for the index must not be found by its date alone.
    if asks.words || !asks.fields {
        unclear |= file.must_be_read(false)?;
    }
    if asks.fields || values {
        unclear |= file.must_be_read(true)?;
    }
    Ok(unclear)
}

/// The documents from `start` on that a query finds, one after the other, where all it asks for are whole words, fields and
/// dates that must be there.
///
/// # Errors
/// What is wrong with the file.
pub(super) fn meeting<'f>(
    expr: &Expr,
    file: &'f IndexFile,
    start: u32,
) -> Result<Option<Meeting<'f>>, Fault> {
    let mut needs = Needs { terms: Vec::new(), start, end: file.entry.documents };
    Ok(if needs.add(expr, file)? { Some(file.meeting(&needs.terms, needs.start, needs.end)?) } else { None })
}

/// How many documents a query finds but for those of `without`, where it asks for one whole word or field and these are few.
///
/// # Errors
/// What is wrong with the file.
pub(super) fn how_many(expr: &Expr, file: &IndexFile, without: &RoaringBitmap) -> Result<Option<u64>, Fault> {
    let mut needs = Needs { terms: Vec::new(), start: 0, end: file.entry.documents };
    match (expr, needs.add(expr, file)?, &needs.terms[..]) {
        (Expr::Words(_) | Expr::Field(_), true, [term]) => file.how_many(term, without),
        _ => Ok(None),
    }
}

/// What must be there.
struct Needs {
    terms: Vec<Term>,
    start: u32,
    end: u32,
}

impl Needs {
    /// Adds an expression; `false` where it says something else.
    fn add(&mut self, expr: &Expr, file: &IndexFile) -> Result<bool, Fault> {
        match expr {
            Expr::All(list) => {
                for expr in list {
                    if !self.add(expr, file)? {
                        return Ok(false);
                    }
                }
            }
            Expr::Words(words) => match words.words() {
                [word] if !words.is_prefix() => self.terms.push(Term::Word(word.clone())),
                _ => return Ok(false),
            },
            Expr::Field(field) if is_standing(field) => return Ok(false),
            Expr::Field(field) => {
                self.terms.push(Term::Facet(IndexFile::facet_term(&key(field), field.value())))
            }
            Expr::From(time) => self.end = self.end.min(file.started_before(*time)?),
            Expr::To(time) => {
                self.start = self.start.max(file.started_before(*time)?);
                self.end = self.end.min(file.behind(UNDATED)?);
            }
            Expr::Any(_) | Expr::Not(_) => return Ok(false),
        }
        Ok(true)
    }
}

/// Before all that have no start.
const UNDATED: Rank = Rank { started_at: Some(i64::MIN), sequence: 0 };

/// Whether the index cannot know it.
fn is_standing(field: &Field) -> bool {
    *field.name() == FieldName::Is && Standing::VALUES.contains(&field.value())
}

/// What must be known of a document to judge it.
#[derive(Default)]
struct Asks {
    words: bool,
    fields: bool,
}

impl Asks {
    fn of(expr: &Expr) -> Self {
        let mut asks = Self::default();
        asks.add(expr);
        asks
    }

    fn add(&mut self, expr: &Expr) {
        match expr {
            Expr::All(list) | Expr::Any(list) => list.iter().for_each(|expr| self.add(expr)),
            Expr::Not(expr) => self.add(expr),
            Expr::Words(_) => self.words = true,
            Expr::Field(_) => self.fields = true,
            Expr::From(_) | Expr::To(_) => {}
        }
    }
}

/// The documents among `within` that an expression finds.
fn documents(
    expr: &Expr,
    file: &IndexFile,
    standing: &Standing,
    within: &RoaringBitmap,
) -> Result<RoaringBitmap, Fault> {
    match expr {
        Expr::All(list) => {
            let mut list: Vec<&Expr> = list.iter().collect();
            list.sort_by_key(|expr| effort(expr));
            let mut found = within.clone();
            for expr in list {
                if found.is_empty() {
                    break;
                }
                found = documents(expr, file, standing, &found)?;
            }
            Ok(found)
        }
        Expr::Any(list) => list.iter().try_fold(RoaringBitmap::new(), |found, expr| {
            let rest = within - &found;
            Ok(found | documents(expr, file, standing, &rest)?)
        }),
        Expr::Not(expr) => Ok(within - documents(expr, file, standing, within)?),
        Expr::Words(words) => of_words(words, file, within),
        Expr::Field(field) if is_standing(field) => Ok(standing.in_file(file, field.value())? & within),
        Expr::Field(field) => Ok(file.facet(&key(field), field.value())? & within),
        Expr::From(time) => Ok(within & range(0, file.started_before(*time)?)),
        Expr::To(time) => Ok(within & range(file.started_before(*time)?, file.behind(UNDATED)?)),
    }
}

fn of_words(words: &Words, file: &IndexFile, within: &RoaringBitmap) -> Result<RoaringBitmap, Fault> {
    match words.words() {
        [word] if words.is_prefix() => Ok(file.prefixed(word)? & within),
        [word] => Ok(file.exact(word)? & within),
        phrase => file.phrase(phrase, words.is_prefix(), within),
    }
}

fn range(from: u32, to: u32) -> RoaringBitmap {
    let mut set = RoaringBitmap::new();
    if from < to {
        set.insert_range(from..to);
    }
    set
}

/// A field as the index names it: a metadata key as it is.
fn key(field: &Field) -> String {
    match field.name() {
        FieldName::Metadata(key) => format!("metadata.{key}"),
        known => known.to_string(),
    }
}

/// What is cheap goes first, so that what is not is asked of few documents.
fn effort(expr: &Expr) -> u8 {
    match expr {
        Expr::From(_) | Expr::To(_) => 0,
        Expr::Field(_) => 1,
        Expr::Words(words) if words.words().len() > 1 => 4,
        Expr::Words(words) => 1 + u8::from(words.is_prefix()),
        Expr::All(list) | Expr::Any(list) => list.iter().map(effort).max().unwrap_or(0).max(3),
        Expr::Not(expr) => effort(expr),
    }
}

/// The documents by the ranked terms they have.
fn by_terms(expr: &Expr, file: &IndexFile, found: RoaringBitmap) -> Result<Vec<(u64, RoaringBitmap)>, Fault> {
    let mut terms = Vec::new();
    ranked(expr, true, true, &mut terms);
    // What every hit has tells none apart.
    let (mut always, mut sets) = (0, Vec::new());
    for (index, (words, required)) in terms.into_iter().enumerate() {
        if required {
            always |= 1 << index;
        } else {
            sets.push((index, of_words(words, file, &found)?));
        }
    }
    if sets.len() > FEW {
        return Ok(one_by_one(always, &sets, &found, file.entry.documents));
    }
    let mut groups = vec![(always, found)];
    for (index, set) in &sets {
        let split = groups.into_iter().flat_map(|(terms, group)| {
            [(terms | 1 << index, &group & set), (terms, group - set)].into_iter()
        });
        groups = split.filter(|(_, group)| !group.is_empty()).collect();
    }
    Ok(groups)
}

fn one_by_one(
    always: u64,
    sets: &[(usize, RoaringBitmap)],
    found: &RoaringBitmap,
    documents: u32,
) -> Vec<(u64, RoaringBitmap)> {
    let mut terms = vec![always; documents as usize];
    for (index, set) in sets {
        set.iter().for_each(|document| terms[document as usize] |= 1 << index);
    }
    let mut groups = std::collections::BTreeMap::<u64, RoaringBitmap>::new();
    for document in found {
        groups.entry(terms[document as usize]).or_default().insert(document);
    }
    groups.into_iter().collect()
}

/// The terms in the order of [`Query::ranked`](frontdesk_domain::Query::ranked), each with whether everything that is
/// found has it.
fn ranked<'q>(expr: &'q Expr, positive: bool, required: bool, terms: &mut Vec<(&'q Words, bool)>) {
    match expr {
        Expr::All(list) => list.iter().for_each(|expr| ranked(expr, positive, required, terms)),
        Expr::Any(list) => list.iter().for_each(|expr| ranked(expr, positive, false, terms)),
        Expr::Not(expr) => ranked(expr, !positive, false, terms),
        Expr::Words(words) if positive => terms.push((words, required)),
        Expr::Words(_) | Expr::Field(_) | Expr::From(_) | Expr::To(_) => {}
    }
}
