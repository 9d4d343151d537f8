//! What is searched for, and what is to be told of a hit.
//!
//! These commands only read, and have no place in a transaction, so no log ever holds them.

use bytes::Bytes;

use super::{Command, Key};
use crate::limits::RESULTS_DEFAULT;

/// What [`Command::Search`] is asked besides its query.
///
/// ```
/// use kv_proto::command::SearchOptions;
///
/// let options = SearchOptions::new().limit(3).prefix("user:").hybrid();
/// assert_eq!(options.limit, 3);
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct SearchOptions {
    /// At most so many hits; 1 to [`RESULTS_MAX`](crate::limits::RESULTS_MAX), default
    /// [`RESULTS_DEFAULT`].
    pub limit: u64,
    /// Only keys that begin with this.
    pub prefix: Option<Bytes>,
    /// Rank by meaning, too, each counting so much; `None`: by words alone.
    pub hybrid: Option<Weights>,
    /// Say of each hit why it is one.
    pub explain: bool,
    /// Show of each hit the text around the matches.
    pub snippets: bool,
}

impl Default for SearchOptions {
    fn default() -> SearchOptions {
        SearchOptions::new()
    }
}

impl SearchOptions {
    /// By words alone, among all keys, with nothing but scores.
    #[must_use]
    pub fn new() -> SearchOptions {
        SearchOptions {
            limit: RESULTS_DEFAULT,
            prefix: None,
            hybrid: None,
            explain: false,
            snippets: false,
        }
    }

    /// At most so many hits.
    #[must_use]
    pub fn limit(mut self, limit: u64) -> SearchOptions {
        self.limit = limit;
        self
    }

    /// Only keys that begin with this.
    #[must_use]
    pub fn prefix(mut self, prefix: impl AsRef<[u8]>) -> SearchOptions {
        self.prefix = Some(Bytes::copy_from_slice(prefix.as_ref()));
        self
    }

    /// Rank by words and by meaning, both counting the same.
    #[must_use]
    pub fn hybrid(mut self) -> SearchOptions {
        self.hybrid = Some(Weights::default());
        self
    }

    /// Rank by words and by meaning, each counting so much.
    #[must_use]
    pub fn weights(mut self, words: f64, meaning: f64) -> SearchOptions {
        self.hybrid = Some(Weights { words, meaning });
        self
    }

    /// Say of each hit why it is one.
    #[must_use]
    pub fn explain(mut self) -> SearchOptions {
        self.explain = true;
        self
    }

    /// Show of each hit the text around the matches.
    #[must_use]
    pub fn snippets(mut self) -> SearchOptions {
        self.snippets = true;
        self
    }

    /// Whether more is asked of a hit than its score.
    #[must_use]
    pub fn is_detailed(&self) -> bool {
        self.explain || self.snippets
    }
}

/// How much each ranking counts in a hybrid one: finite, not negative, not both 0.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Weights {
    /// The ranking by words.
    pub words: f64,
    /// The ranking by meaning.
    pub meaning: f64,
}

impl Default for Weights {
    /// Both count the same.
    fn default() -> Weights {
        Weights {
            words: 1.0,
            meaning: 1.0,
        }
    }
}

impl Weights {
    pub(crate) fn are_usable(self) -> bool {
        let both = [self.words, self.meaning];
        both.iter()
            .all(|weight| weight.is_finite() && *weight >= 0.0)
            && both.iter().any(|weight| *weight > 0.0)
    }
}

/// What hits of [`Command::Similar`] are to be similar to.
#[derive(Debug, Clone, PartialEq)]
pub enum SimilarTo {
    /// A text.
    Text(String),
    /// A vector with as many dimensions as those that are stored; its length does not matter.
    Vector(Vec<f32>),
    /// The value of a key, which is no hit itself.
    Key(Key),
}

impl SimilarTo {
    /// The key, if it is one.
    #[must_use]
    pub fn key(&self) -> Option<&Key> {
        match self {
            SimilarTo::Key(key) => Some(key),
            _ => None,
        }
    }
}

impl From<&str> for SimilarTo {
    fn from(text: &str) -> SimilarTo {
        SimilarTo::Text(text.to_owned())
    }
}

impl From<String> for SimilarTo {
    fn from(text: String) -> SimilarTo {
        SimilarTo::Text(text)
    }
}

impl From<Vec<f32>> for SimilarTo {
    fn from(vector: Vec<f32>) -> SimilarTo {
        SimilarTo::Vector(vector)
    }
}

impl Command {
    /// Whether it is answered from an index: by value, by words or by meaning.
    #[must_use]
    pub fn is_search(&self) -> bool {
        matches!(
            self,
            Command::Find { .. } | Command::Search { .. } | Command::Similar { .. }
        )
    }
}
