//! Whether a document's words stand in a phrase's order, by reading the document.

use super::TextIndex;
use super::analyzer::for_each_word;
use super::budget::{Budget, Cost, WORD};

/// Reads out the texts of a document, each with the path of its field; returns how many bytes it
/// had to look at.
pub type Texts<'a> = &'a dyn Fn(crate::DocId, &mut dyn FnMut(&str, &str)) -> usize;

/// Terms that must follow each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Phrase<'a> {
    /// Those for all fields.
    pub(super) terms: Vec<u32>,
    pub(super) field: Option<&'a str>,
}

/// Reads documents; the last one is kept, so that several phrases read it once.
pub(super) struct Reader<'a> {
    index: &'a TextIndex,
    texts: Texts<'a>,
    budget: &'a Budget,
    doc: Option<u32>,
    /// Where the terms of each text end, and which path is its.
    ends: Vec<(usize, usize)>,
    /// Those of texts one after the other once.
    paths: Vec<String>,
    terms: Vec<Option<u32>>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(index: &'a TextIndex, texts: Texts<'a>, budget: &'a Budget) -> Reader<'a> {
        Reader {
            index,
            texts,
            budget,
            doc: None,
            ends: Vec::new(),
            paths: Vec::new(),
            terms: Vec::new(),
        }
    }

    /// Whether the document holds the phrase.
    pub(super) fn has(&mut self, doc: u32, phrase: &Phrase<'_>) -> bool {
        if self.doc != Some(doc) {
            self.read(doc);
        }
        let compared = self.terms.len() * phrase.terms.len().div_ceil(4);
        self.budget.spend(Cost::Phrases, compared as u64);
        let mut start = 0;
        self.ends.iter().any(|(end, path)| {
            let terms = &self.terms[start..*end];
            start = *end;
            phrase.field.is_none_or(|field| field == self.paths[*path])
                && follows(terms, &phrase.terms)
        })
    }

    fn read(&mut self, doc: u32) {
        self.doc = Some(doc);
        self.ends.clear();
        self.paths.clear();
        self.terms.clear();
        let (ends, paths) = (&mut self.ends, &mut self.paths);
        let (terms, lexicon) = (&mut self.terms, &self.index.lexicon);
        let bytes = (self.texts)(crate::DocId(doc), &mut |path, text| {
            if text.is_empty() {
                return;
            }
            for_each_word(text, |_, word| terms.push(lexicon.term_of_word(word)));
            if paths.last().is_none_or(|last| last != path) {
                paths.push(path.to_owned());
            }
            ends.push((terms.len(), paths.len() - 1));
        });
        self.budget.spend_on_document(Cost::Phrases, bytes);
        let words = self.terms.len() as u64;
        self.budget.spend(Cost::Phrases, WORD * words);
    }
}

fn follows(terms: &[Option<u32>], phrase: &[u32]) -> bool {
    let is_it = |window: &[Option<u32>]| window.iter().zip(phrase).all(|(a, b)| *a == Some(*b));
    terms.windows(phrase.len()).any(is_it)
}
