//! Whether a document's words stand in a phrase's order, by reading the document.

use super::TextIndex;
use super::analyzer::for_each_word;

/// Reads out the texts of a document, each with the path of its field.
pub type Texts<'a> = &'a dyn Fn(crate::DocId, &mut dyn FnMut(&str, &str));

/// Terms that must follow each other.
#[derive(Debug)]
pub(super) struct Phrase<'a> {
    /// Those for all fields.
    pub(super) terms: Vec<u32>,
    pub(super) field: Option<&'a str>,
}

/// Reads documents; the last one is kept, so that several phrases read it once.
pub(super) struct Reader<'a> {
    index: &'a TextIndex,
    texts: Texts<'a>,
    doc: Option<u32>,
    /// Where the terms of each text end, and its path.
    ends: Vec<(usize, String)>,
    terms: Vec<Option<u32>>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(index: &'a TextIndex, texts: Texts<'a>) -> Reader<'a> {
        Reader {
            index,
            texts,
            doc: None,
            ends: Vec::new(),
            terms: Vec::new(),
        }
    }

    /// Whether the document holds the phrase.
    pub(super) fn has(&mut self, doc: u32, phrase: &Phrase<'_>) -> bool {
        if self.doc != Some(doc) {
            self.read(doc);
        }
        let mut start = 0;
        self.ends.iter().any(|(end, path)| {
            let terms = &self.terms[start..*end];
            start = *end;
            phrase.field.is_none_or(|field| field == path) && follows(terms, &phrase.terms)
        })
    }

    fn read(&mut self, doc: u32) {
        self.doc = Some(doc);
        self.ends.clear();
        self.terms.clear();
        let (ends, terms, lexicon) = (&mut self.ends, &mut self.terms, &self.index.lexicon);
        (self.texts)(crate::DocId(doc), &mut |path, text| {
            for_each_word(text, |_, word| terms.push(lexicon.term_of_word(word)));
            ends.push((terms.len(), path.to_owned()));
        });
    }
}

fn follows(terms: &[Option<u32>], phrase: &[u32]) -> bool {
    let is_it = |window: &[Option<u32>]| window.iter().zip(phrase).all(|(a, b)| *a == Some(*b));
    terms.windows(phrase.len()).any(is_it)
}
