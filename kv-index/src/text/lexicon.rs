//! Words and terms: which words occur, and which term each belongs to.
//!
//! 1. A term is a stem, or a stem within a field. Words with one stem share a term.
//! 2. A word's occurrences are counted, so that a prefix or a misspelling is only ever completed to
//!    a word that some document still holds.
//! 3. A word in a field has a second term for that field, found by the field and the first one.
//!    `field:word` is then as fast as `word` and ranked by its own statistics, at the price of
//!    twice the postings for texts in fields; plain texts do not pay.
//! 4. Nothing is ever dropped; what no document holds goes when the index is built anew.

use std::hash::BuildHasher;

use foldhash::fast::RandomState;
use hashbrown::hash_table::Entry;
use hashbrown::{HashMap, HashTable};

use super::analyzer::Analyzer;
use super::budget::{Budget, CANDIDATE, Cost};
use super::sorted::SortedWords;

const NONE: u32 = u32::MAX;

/// Most words, terms and fields of an index; those beyond are not found.
const COUNT_MAX: usize = 1 << 31;
const TEXT_BYTES_MAX: usize = u32::MAX as usize - 255;

/// A word that occurs, or a stem that is no word.
#[derive(Debug, Clone, Copy)]
struct Word {
    start: u32,
    len: u8,
    /// The term of its stem; [`NONE`] until it occurs as a word.
    term: u32,
    /// The term that it is the stem of, if it is one's.
    stem_of: u32,
    occurrences: u32,
}

/// What a term stands for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Term {
    /// The stem, as a word.
    stem: u32,
    /// [`NONE`] if it is for all fields.
    field: u32,
}

#[derive(Debug, Default)]
pub(super) struct Lexicon {
    analyzer: Analyzer,
    hasher: RandomState,
    text: String,
    words: Vec<Word>,
    by_text: HashTable<u32>,
    sorted: SortedWords,
    terms: Vec<Term>,
    fields: HashMap<Box<str>, u32, RandomState>,
    field_names: Vec<Box<str>>,
    /// Terms within fields, by the field and the stem.
    qualified: HashTable<u32>,
}

impl Lexicon {
    pub(super) fn new(analyzer: Analyzer) -> Lexicon {
        Lexicon {
            analyzer,
            ..Lexicon::default()
        }
    }

    pub(super) fn analyzer(&self) -> &Analyzer {
        &self.analyzer
    }

    pub(super) fn term_count(&self) -> usize {
        self.terms.len()
    }

    /// Notes an occurrence of a word; its term.
    #[inline]
    pub(super) fn add(&mut self, word: &str) -> Option<u32> {
        let index = self.find_word(word).or_else(|| self.intern(word))?;
        let known = &mut self.words[index as usize];
        known.occurrences = known.occurrences.saturating_add(1);
        match known.term {
            NONE => self.give_term(index),
            term => Some(term),
        }
    }

    fn give_term(&mut self, index: u32) -> Option<u32> {
        let term = self.term_of_new_word(index)?;
        self.words[index as usize].term = term;
        let (text, words) = (&self.text, &self.words);
        self.sorted.add(index, |index| text_of(text, words, index));
        Some(term)
    }

    fn term_of_new_word(&mut self, index: u32) -> Option<u32> {
        let word = text_of(&self.text, &self.words, index);
        let stem = match self.analyzer.stem(word).into_owned() {
            stem if stem == word => index,
            stem => self.find_word(&stem).or_else(|| self.intern(&stem))?,
        };
        let known = self.words[stem as usize].stem_of;
        if known != NONE {
            return Some(known);
        }
        let term = self.add_term(Term { stem, field: NONE })?;
        self.words[stem as usize].stem_of = term;
        Some(term)
    }

    fn add_term(&mut self, term: Term) -> Option<u32> {
        let index = next_index(self.terms.len())?;
        self.terms.push(term);
        Some(index)
    }

    #[inline]
    fn find_word(&self, word: &str) -> Option<u32> {
        let is_it = |&index: &u32| text_of(&self.text, &self.words, index) == word;
        let hash = self.hasher.hash_one(word);
        self.by_text.find(hash, is_it).copied()
    }

    fn intern(&mut self, word: &str) -> Option<u32> {
        let index = next_index(self.words.len())?;
        if self.text.len() > TEXT_BYTES_MAX {
            return None;
        }
        self.words.push(Word {
            start: u32::try_from(self.text.len()).ok()?,
            len: u8::try_from(word.len()).ok()?,
            term: NONE,
            stem_of: NONE,
            occurrences: 0,
        });
        self.text.push_str(word);
        let hash = |index: &u32| {
            self.hasher
                .hash_one(text_of(&self.text, &self.words, *index))
        };
        self.by_text.insert_unique(hash(&index), index, hash);
        Some(index)
    }

    /// Takes back an occurrence of a word; its term.
    pub(super) fn remove(&mut self, word: &str) -> Option<u32> {
        let index = self.find_word(word)?;
        let known = &mut self.words[index as usize];
        known.occurrences = known.occurrences.saturating_sub(1);
        Some(known.term).filter(|&term| term != NONE)
    }

    /// The term of a folded word that occurs or occurred.
    pub(super) fn term_of_word(&self, word: &str) -> Option<u32> {
        let term = self.words[self.find_word(word)? as usize].term;
        Some(term).filter(|&term| term != NONE)
    }

    /// The term of a stem, in a field or in all of them.
    pub(super) fn term_of_stem(&self, stem: &str, field: Option<&str>) -> Option<u32> {
        let term = self.words[self.find_word(stem)? as usize].stem_of;
        let term = Some(term).filter(|&term| term != NONE)?;
        match field {
            None => Some(term),
            Some(field) => self.find_in_field(self.field(field)?, term),
        }
    }

    /// The field's number, if anything was ever in it.
    pub(super) fn field(&self, name: &str) -> Option<u32> {
        self.fields.get(name).copied()
    }

    /// The field's number.
    pub(super) fn add_field(&mut self, name: &str) -> Option<u32> {
        if let Some(known) = self.field(name) {
            return Some(known);
        }
        let index = next_index(self.field_names.len())?;
        self.field_names.push(name.into());
        self.fields.insert(name.into(), index);
        Some(index)
    }

    /// The term for `term`'s stem within a field.
    #[inline]
    pub(super) fn add_in_field(&mut self, field: u32, term: u32) -> Option<u32> {
        let stem = self.terms[term as usize].stem;
        let next = next_index(self.terms.len())?;
        let (hasher, terms) = (&self.hasher, &self.terms);
        let key = |index: &u32| (terms[*index as usize].field, terms[*index as usize].stem);
        let entry = self.qualified.entry(
            hasher.hash_one((field, stem)),
            |index| key(index) == (field, stem),
            |index| hasher.hash_one(key(index)),
        );
        match entry {
            Entry::Occupied(known) => Some(*known.get()),
            Entry::Vacant(place) => {
                place.insert(next);
                self.terms.push(Term { stem, field });
                Some(next)
            }
        }
    }

    /// The term for `term`'s stem within a field, if it ever occurred there.
    pub(super) fn find_in_field(&self, field: u32, term: u32) -> Option<u32> {
        let stem = self.terms[term as usize].stem;
        let is_it = |index: &u32| {
            let known = self.terms[*index as usize];
            (known.field, known.stem) == (field, stem)
        };
        let hash = self.hasher.hash_one((field, stem));
        self.qualified.find(hash, is_it).copied()
    }

    /// The stem of a term.
    pub(super) fn stem(&self, term: u32) -> &str {
        text_of(&self.text, &self.words, self.terms[term as usize].stem)
    }

    /// Calls `visit` with the term of each word that occurs and begins with `prefix`, until the
    /// budget is spent.
    pub(super) fn for_each_with_prefix(
        &self,
        prefix: &str,
        budget: &Budget,
        mut visit: impl FnMut(u32),
    ) {
        let text = |index| text_of(&self.text, &self.words, index);
        self.sorted
            .for_each_with_prefix(prefix, text, budget, |index| {
                budget.spend(Cost::Words, CANDIDATE);
                self.visit_live(index, &mut visit);
            });
    }

    /// Calls `visit` with the term of each word that occurs and is at most `distance_max` edits
    /// from `word`, and with their number, until the budget is spent.
    pub(super) fn for_each_similar(
        &self,
        word: &str,
        distance_max: u8,
        budget: &Budget,
        mut visit: impl FnMut(u32, u8),
    ) {
        let text = |index| text_of(&self.text, &self.words, index);
        self.sorted
            .for_each_similar(word, distance_max, text, budget, |index, distance| {
                budget.spend(Cost::Words, CANDIDATE);
                self.visit_live(index, |term| visit(term, distance));
            });
    }

    fn visit_live(&self, index: u32, mut visit: impl FnMut(u32)) {
        let word = &self.words[index as usize];
        if word.occurrences > 0 {
            visit(word.term);
        }
    }

    /// A lexicon of the words that occur and of the terms that are `kept`; the new number of each
    /// term that there was.
    pub(super) fn compact(&self, is_kept: impl Fn(u32) -> bool) -> (Lexicon, Vec<Option<u32>>) {
        let mut new = Lexicon::new(self.analyzer);
        for word in self
            .sorted
            .iter()
            .map(|index| (index, self.words[index as usize]))
        {
            let (index, Word { occurrences, .. }) = word;
            if occurrences > 0 {
                new.adopt(text_of(&self.text, &self.words, index), occurrences);
            }
        }
        let move_term = |index: usize| {
            let index = next_index(index).filter(|&index| is_kept(index))?;
            new.adopt_term(self, index)
        };
        let moved = (0..self.terms.len()).map(move_term).collect();
        (new, moved)
    }

    fn adopt(&mut self, word: &str, occurrences: u32) {
        if self.add(word).is_some()
            && let Some(index) = self.find_word(word)
        {
            self.words[index as usize].occurrences = occurrences;
        }
    }

    fn adopt_term(&mut self, old: &Lexicon, term: u32) -> Option<u32> {
        let stem = self.term_of_stem(old.stem(term), None)?;
        match old.terms[term as usize].field {
            NONE => Some(stem),
            field => {
                let field = self.add_field(&old.field_names[field as usize])?;
                self.add_in_field(field, stem)
            }
        }
    }

    pub(super) fn memory_bytes(&self) -> usize {
        let names: usize = self.field_names.iter().map(|name| 2 * name.len()).sum();
        self.text.capacity()
            + self.words.capacity() * size_of::<Word>()
            + self.by_text.allocation_size()
            + self.sorted.memory_bytes()
            + self.terms.capacity() * size_of::<Term>()
            + self.qualified.allocation_size()
            + self.fields.allocation_size()
            + self.field_names.capacity() * size_of::<Box<str>>()
            + names
    }
}

fn next_index(count: usize) -> Option<u32> {
    let index = u32::try_from(count).ok()?;
    (count < COUNT_MAX).then_some(index)
}

fn text_of<'a>(text: &'a str, words: &[Word], index: u32) -> &'a str {
    let word = &words[index as usize];
    let start = word.start as usize;
    &text[start..start + usize::from(word.len)]
}
