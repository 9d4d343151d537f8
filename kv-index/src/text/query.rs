//! What a person searches for.
//!
//! | query | finds documents with |
//! | --- | --- |
//! | `red car` | both words, or others of the same stems |
//! | `red OR car` | either |
//! | `red -car`, `red NOT car` | the one without the other |
//! | `"red car"` | the words in this order, nothing between them |
//! | `auto*` | a word that begins so |
//! | `jhon~`, `jhon~2` | a word that is at most that many edits away |
//! | `name:john`, `a.b:(x OR y)`, `"first name":john` | it in this field |
//! | `(red OR blue) car` | parentheses go first, then `-`, then `AND`, then `OR` |
//!
//! 1. `AND`, `OR` and `NOT` are operators in upper case only.
//! 2. Words that hang together, as in `well-known` or `user@example.com`, are a phrase.
//! 3. Control characters and other signs that are in no word separate words and mean nothing else.
//! 4. A query without a word, such as an empty one, is no error and finds nothing: that is what an
//!    empty search box does. A query that only says what not to find is an error.
//! 5. A plain word that no document has is taken as `word~`, unless [`Query::without_fallback`].
//! 6. At most [`QUERY_BYTES_MAX`] bytes, [`WORDS_MAX`] words and [`DEPTH_MAX`] levels.

mod error;
mod parser;

use std::fmt;

pub use error::{QueryError, QueryErrorKind};
/// Longest query, as on the wire.
pub use kv_proto::limits::QUERY_BYTES_MAX;

/// Most words in a query.
pub const WORDS_MAX: usize = 64;

/// Most parentheses and negations within each other.
pub const DEPTH_MAX: usize = 16;

/// Most edits of a fuzzy word.
pub const DISTANCE_MAX: u8 = 2;

/// A query that was understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    /// `None` if there is no word.
    pub(super) root: Option<Node>,
    pub(super) leaves: Vec<Leaf>,
    pub(super) has_fallback: bool,
}

/// What a document must have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Node {
    /// What this leaf asks for.
    Leaf(usize),
    /// All of the first, which are not empty, and none of the second.
    All(Vec<Node>, Vec<Node>),
    /// One of them.
    Any(Vec<Node>),
}

/// What is looked up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Leaf {
    pub(super) field: Option<Box<str>>,
    pub(super) kind: LeafKind,
    /// Whether documents with it are sought, rather than those without.
    pub(super) is_sought: bool,
}

/// Words are folded and not stemmed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum LeafKind {
    Word(String),
    Prefix(String),
    /// The most edits; `None`: as many as befit its length.
    Fuzzy(String, Option<u8>),
    Phrase(Vec<String>),
}

impl Query {
    /// Understands what a person wrote.
    ///
    /// # Errors
    /// What is wrong, where, and what to do about it.
    pub fn parse(text: &str) -> Result<Query, QueryError> {
        let mut query = parser::parse(text)?;
        if let Some(root) = &query.root {
            mark_sought(root, &mut query.leaves);
        }
        Ok(query)
    }

    /// Without taking words that do not occur as misspelt.
    #[must_use]
    pub fn without_fallback(mut self) -> Query {
        self.has_fallback = false;
        self
    }

    /// With words of which any will do, if it asks for all of several and for nothing else: for a
    /// ranking that is not the only one.
    #[must_use]
    pub fn with_any_word(mut self) -> Query {
        self.root = match self.root {
            Some(Node::All(nodes, excluded)) if excluded.is_empty() => Some(Node::Any(nodes)),
            other => other,
        };
        self
    }

    /// Whether there is no word in it, so that it finds nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.root.is_none()
    }
}

fn mark_sought(node: &Node, leaves: &mut [Leaf]) {
    match node {
        Node::Leaf(index) => leaves[*index].is_sought = true,
        Node::All(nodes, _) | Node::Any(nodes) => {
            nodes.iter().for_each(|node| mark_sought(node, leaves));
        }
    }
}

/// How many edits befit a word: none that would make it any other short word.
pub(super) fn edits_for(word: &str) -> u8 {
    match word.chars().count() {
        0..=2 => 0,
        3..=5 => 1,
        _ => DISTANCE_MAX,
    }
}

impl fmt::Display for Query {
    /// As [`Query::parse`] reads it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.root
            .as_ref()
            .map_or(Ok(()), |root| self.fmt_node(root, f))
    }
}

impl Query {
    fn fmt_node(&self, node: &Node, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match node {
            Node::Leaf(index) => write!(f, "{}", self.leaves[*index]),
            Node::Any(nodes) => self.fmt_group(nodes, &[], " OR ", f),
            Node::All(required, excluded) => self.fmt_group(required, excluded, " ", f),
        }
    }

    fn fmt_group(
        &self,
        sought: &[Node],
        excluded: &[Node],
        separator: &str,
        f: &mut fmt::Formatter<'_>,
    ) -> fmt::Result {
        f.write_str("(")?;
        for (index, node) in sought.iter().enumerate() {
            f.write_str(if index > 0 { separator } else { "" })?;
            self.fmt_node(node, f)?;
        }
        for node in excluded {
            f.write_str(" -")?;
            self.fmt_node(node, f)?;
        }
        f.write_str(")")
    }
}

impl fmt::Display for Leaf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.field {
            Some(field) if parser::is_field_name(field) => write!(f, "{field}:")?,
            Some(field) => write!(f, "\"{field}\":")?,
            None => {}
        }
        match &self.kind {
            LeafKind::Word(word) if word.bytes().all(|byte| byte.is_ascii_alphanumeric()) => {
                f.write_str(word)
            }
            LeafKind::Word(word) => write!(f, "\"{word}\""),
            LeafKind::Prefix(word) => write!(f, "{word}*"),
            LeafKind::Fuzzy(word, None) => write!(f, "{word}~"),
            LeafKind::Fuzzy(word, Some(distance)) => write!(f, "{word}~{distance}"),
            LeafKind::Phrase(words) => write!(f, "\"{}\"", words.join(" ")),
        }
    }
}

#[cfg(test)]
mod tests;
