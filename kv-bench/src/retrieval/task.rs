//! The seven tasks: documents, queries, and what answers them.

use std::collections::{HashMap, HashSet};

use super::noise::noisy;
use super::wordnet::{Synset, WordNet};
use super::{Half, Options};
use crate::workload::Random;

mod inflection;
mod stems;

use stems::Stems;

/// The tasks' names, in their order.
pub const NAMES: [&str; 7] = [
    "misspelling",
    "duplicate",
    "example",
    "hypernym",
    "related",
    "inflection",
    "keywords",
];

/// The share of letters that a duplicate has changed.
const NOISE: f64 = 0.25;
/// Letters that a keyword has at least.
const KEYWORD_MIN: usize = 4;
/// A word that more documents have is no keyword.
const KEYWORD_DOCUMENTS_MAX: usize = 1_000;

/// A query and its answers.
#[derive(Debug, Clone)]
pub struct Query {
    /// What is searched for.
    pub text: String,
    /// The documents that answer it.
    pub relevant: Vec<u32>,
    /// Documents that do not count as found, sorted.
    pub excluded: Vec<u32>,
}

/// A list of queries of one kind.
#[derive(Debug, Clone)]
pub struct Task {
    /// One of [`NAMES`].
    pub name: &'static str,
    /// The queries.
    pub queries: Vec<Query>,
}

/// What queries are drawn from.
#[derive(Debug)]
pub struct Source<'a> {
    wordnet: &'a WordNet,
    misspellings: Vec<(&'a str, &'a str)>,
    /// For each single word in lower case, its synsets.
    synsets_of: HashMap<String, Vec<u32>>,
}

impl<'a> Source<'a> {
    /// `misspellings` has lines of `misspelling->word`; one with several corrections does not count.
    #[must_use]
    pub fn new(wordnet: &'a WordNet, misspellings: &'a str) -> Source<'a> {
        let mut synsets_of: HashMap<String, Vec<u32>> = HashMap::new();
        for (synset, number) in wordnet.synsets.iter().zip(0..) {
            for word in synset.words.iter().filter(|word| is_plain(word)) {
                synsets_of
                    .entry(word.to_lowercase())
                    .or_default()
                    .push(number);
            }
        }
        let misspellings = misspellings
            .lines()
            .filter_map(|line| line.split_once("->"))
            .filter(|(wrong, right)| {
                synsets_of.contains_key(*right) && !synsets_of.contains_key(*wrong)
            })
            .collect();
        Source {
            wordnet,
            misspellings,
            synsets_of,
        }
    }

    fn synset(&self, number: u32) -> &Synset {
        &self.wordnet.synsets[number as usize]
    }
}

/// One word of letters only.
fn is_plain(word: &str) -> bool {
    word.chars().all(char::is_alphabetic)
}

/// All documents and tasks.
#[derive(Debug)]
pub struct Tasks {
    /// The texts that are searched.
    pub documents: Vec<String>,
    /// The tasks in the order of [`NAMES`].
    pub tasks: Vec<Task>,
}

impl Tasks {
    /// Draws queries.
    #[must_use]
    pub fn draw(source: &Source<'_>, options: &Options) -> Tasks {
        let synsets = &source.wordnet.synsets;
        let mut draw = Draw::new(source, options);
        let examples = draw.numbers(|synset| !synset.examples.is_empty());
        let mut documents: Vec<String> = synsets.iter().map(Synset::document).collect();
        for number in &examples {
            documents[*number as usize] = source.synset(*number).bare_document();
        }
        let stems = Stems::of(&documents);
        let queries = [
            draw.misspellings(),
            draw.duplicates(&documents),
            draw.examples(&examples),
            draw.hypernyms(),
            draw.related(&stems),
            draw.inflections(),
            draw.keywords(&stems),
        ];
        let tasks = NAMES.into_iter().zip(queries);
        Tasks {
            tasks: tasks
                .map(|(name, queries)| Task { name, queries })
                .collect(),
            documents,
        }
    }
}

/// Draws the queries of one task after the other.
struct Draw<'a> {
    source: &'a Source<'a>,
    /// Decides what a query looks like.
    random: Random,
    /// Which shuffle is next; its seed depends on nothing that was drawn before.
    shuffle_seed: u64,
    half: Half,
    count: usize,
}

impl<'a> Draw<'a> {
    fn new(source: &'a Source<'a>, options: &Options) -> Draw<'a> {
        Draw {
            source,
            random: Random::new(options.seed),
            shuffle_seed: options.seed << 8,
            half: options.half,
            count: options.queries_per_task,
        }
    }

    /// Some of `all`, of our half. Both halves see the same order, so they never share one.
    fn some<T>(&mut self, mut all: Vec<T>) -> Vec<T> {
        self.shuffle_seed += 1;
        let mut random = Random::new(self.shuffle_seed);
        for place in (1..all.len()).rev() {
            let other = random.below(place as u64 + 1);
            all.swap(place, usize::try_from(other).expect("at most a place"));
        }
        let skipped = usize::from(self.half == Half::Report);
        all.into_iter()
            .skip(skipped)
            .step_by(2)
            .take(self.count)
            .collect()
    }

    /// Some synsets.
    fn numbers(&mut self, is_wanted: impl Fn(&Synset) -> bool) -> Vec<u32> {
        let synsets = self.source.wordnet.synsets.iter().zip(0..);
        let wanted = synsets.filter(|(synset, _)| is_wanted(synset));
        self.some(wanted.map(|(_, number)| number).collect())
    }

    fn misspellings(&mut self) -> Vec<Query> {
        let source = self.source;
        let some = self.some(source.misspellings.clone());
        let query = |(wrong, right): (&str, &str)| query(wrong, source.synsets_of[right].clone());
        some.into_iter().map(query).collect()
    }

    fn duplicates(&mut self, documents: &[String]) -> Vec<Query> {
        let numbers = self.numbers(|_| true);
        let query = |number: u32| {
            let text = noisy(&documents[number as usize], NOISE, &mut self.random);
            query(&text, vec![number])
        };
        numbers.into_iter().map(query).collect()
    }

    fn examples(&mut self, numbers: &[u32]) -> Vec<Query> {
        let query = |number: &u32| query(&self.source.synset(*number).examples[0], vec![*number]);
        numbers.iter().map(query).collect()
    }

    fn hypernyms(&mut self) -> Vec<Query> {
        let numbers = self.numbers(|synset| !synset.hypernyms.is_empty());
        let query = |number: u32| {
            let synset = self.source.synset(number);
            Query {
                excluded: vec![number],
                ..query(&synset.definition, places(&synset.hypernyms))
            }
        };
        numbers.into_iter().map(query).collect()
    }

    /// Words with a related synset that shares no stem with them.
    fn related(&mut self, stems: &Stems) -> Vec<Query> {
        let source = self.source;
        let mut words: Vec<&String> = source.synsets_of.keys().collect();
        words.sort_unstable();
        let candidates = words.into_iter().filter_map(|word| {
            let numbers = &source.synsets_of[word];
            let related = numbers
                .iter()
                .flat_map(|number| places(&source.synset(*number).related));
            let excluded = stems.documents_with_any(word);
            let relevant: Vec<u32> = related
                .filter(|number| excluded.binary_search(number).is_err())
                .collect();
            (!relevant.is_empty()).then_some((word, relevant))
        });
        let candidates = candidates.collect();
        let query = |(word, relevant): (&String, Vec<u32>)| Query {
            excluded: stems.documents_with_any(word),
            ..query(word, relevant)
        };
        self.some(candidates).into_iter().map(query).collect()
    }

    fn inflections(&mut self) -> Vec<Query> {
        let source = self.source;
        let mut forms = inflection::irregular(source);
        forms.extend(inflection::regular(source));
        forms.retain(|(form, _)| !source.synsets_of.contains_key(form));
        forms.sort_unstable();
        let query = |(form, relevant): (String, Vec<u32>)| query(&form, relevant);
        self.some(forms).into_iter().map(query).collect()
    }

    fn keywords(&mut self, stems: &Stems) -> Vec<Query> {
        let all = self.numbers(|synset| synset.definition.len() >= 30);
        let mut queries = Vec::new();
        for number in all {
            let words = keywords(&self.source.synset(number).definition, stems);
            let words = self.three(words);
            queries.push(query(&words.join(" "), vec![number]));
        }
        queries
    }

    fn three(&mut self, mut words: Vec<String>) -> Vec<String> {
        while words.len() > 3 {
            let place = self.random.below(words.len() as u64);
            words.swap_remove(usize::try_from(place).expect("a place"));
        }
        words
    }
}

fn query(text: &str, relevant: Vec<u32>) -> Query {
    Query {
        text: text.to_owned(),
        relevant,
        excluded: Vec::new(),
    }
}

fn places(synsets: &[usize]) -> Vec<u32> {
    let place = |synset: &usize| u32::try_from(*synset).expect("some 100,000 synsets");
    synsets.iter().map(place).collect()
}

/// The words of a text that say something, without repeats.
fn keywords(text: &str, stems: &Stems) -> Vec<String> {
    let mut seen = HashSet::new();
    text.split(|letter: char| !letter.is_alphanumeric())
        .filter(|word| word.len() >= KEYWORD_MIN)
        .filter(|word| stems.documents_with_any(word).len() <= KEYWORD_DOCUMENTS_MAX)
        .filter(|word| seen.insert(word.to_lowercase()))
        .map(str::to_owned)
        .collect()
}
