//! From text to [`Query`], by recursive descent.
//!
//! ```text
//! any   = all ("OR" all)*
//! all   = unary ("AND"? unary)*
//! unary = ("NOT" | "-") unary | item
//! item  = field? ( "(" any ")" | '"' … '"' | word ("*" | "~" | "~1" | "~2")? )
//! ```
//!
//! An item may turn out to hold no word, only signs. It counts as an operand, and as nothing else.

use super::super::analyzer::for_each_word;
use super::{
    DEPTH_MAX, DISTANCE_MAX, Leaf, LeafKind, Node, QUERY_BYTES_MAX, Query, QueryError,
    QueryErrorKind, WORDS_MAX,
};

pub(super) fn parse(text: &str) -> Result<Query, QueryError> {
    if text.len() > QUERY_BYTES_MAX {
        return Err(QueryErrorKind::TooLong.at(text, QUERY_BYTES_MAX));
    }
    let mut parser = Parser {
        text,
        at: 0,
        depth: 0,
        words: 0,
        leaves: Vec::new(),
    };
    let parsed = parser.any(None)?;
    if let Some(token) = parser.peek() {
        return Err(match token {
            Token::Operator(name) => parser.error(QueryErrorKind::OperatorDangling(name)),
            _ => parser.error(QueryErrorKind::ParenthesisUnmatched),
        });
    }
    let root = match parsed {
        Parsed::Nothing => None,
        Parsed::Sought(node) => Some(node),
        Parsed::Excluded(..) => return Err(QueryErrorKind::OnlyExcluded.at(text, 0)),
    };
    Ok(Query {
        root,
        leaves: parser.leaves,
        has_fallback: true,
    })
}

/// Whether a field can be named without quotes.
pub(super) fn is_field_name(name: &str) -> bool {
    let is_inner = |letter: char| letter.is_alphanumeric() || "_.-".contains(letter);
    let is_first = |letter: char| letter.is_alphabetic() || letter == '_';
    name.starts_with(is_first) && name.chars().all(is_inner)
}

#[derive(Debug)]
enum Parsed {
    Nothing,
    Sought(Node),
    /// Documents without it.
    Excluded(Node),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Token {
    Open,
    Close,
    Quote,
    Minus,
    Operator(&'static str),
    Chunk,
}

#[derive(Debug)]
struct Parser<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
    words: usize,
    leaves: Vec<Leaf>,
}

impl<'a> Parser<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn error(&self, kind: QueryErrorKind) -> QueryError {
        kind.at(self.text, self.at)
    }

    /// What comes next, behind white space, which is skipped.
    fn peek(&mut self) -> Option<Token> {
        let rest = self.rest().trim_start_matches(is_space);
        self.at = self.text.len() - rest.len();
        let first = rest.chars().next()?;
        Some(match first {
            '(' => Token::Open,
            ')' => Token::Close,
            '"' => Token::Quote,
            '-' => Token::Minus,
            _ => match chunk(rest) {
                "AND" => Token::Operator("AND"),
                "OR" => Token::Operator("OR"),
                "NOT" => Token::Operator("NOT"),
                _ => Token::Chunk,
            },
        })
    }

    /// Takes the operator if it comes next; where it was.
    fn take(&mut self, operator: &'static str) -> Option<usize> {
        let is_next = self.peek() == Some(Token::Operator(operator));
        let offset = self.at;
        is_next.then(|| {
            self.at += operator.len();
            offset
        })
    }

    fn any(&mut self, field: Option<&str>) -> Result<Parsed, QueryError> {
        let mut alternatives = Vec::new();
        loop {
            let start = self.at;
            alternatives.push((start, self.all(field)?));
            let Some(offset) = self.take("OR") else {
                break;
            };
            self.expect_operand("OR", offset)?;
        }
        self.combine_any(alternatives)
    }

    fn combine_any(&self, mut alternatives: Vec<(usize, Parsed)>) -> Result<Parsed, QueryError> {
        alternatives.retain(|(_, parsed)| !matches!(parsed, Parsed::Nothing));
        if alternatives.len() <= 1 {
            return Ok(alternatives
                .pop()
                .map_or(Parsed::Nothing, |(_, parsed)| parsed));
        }
        let mut nodes = Vec::new();
        for (offset, parsed) in alternatives {
            match parsed {
                Parsed::Sought(Node::Any(inner)) => nodes.extend(inner),
                Parsed::Sought(node) => nodes.push(node),
                _ => return Err(QueryErrorKind::OnlyExcluded.at(self.text, offset)),
            }
        }
        Ok(Parsed::Sought(Node::Any(nodes)))
    }

    fn all(&mut self, field: Option<&str>) -> Result<Parsed, QueryError> {
        let (mut required, mut excluded) = (Vec::new(), Vec::new());
        let mut is_first = true;
        loop {
            if !is_first && let Some(offset) = self.take("AND") {
                self.expect_operand("AND", offset)?;
            }
            match self.peek() {
                Some(Token::Operator(name @ ("AND" | "OR"))) if is_first => {
                    return Err(self.error(QueryErrorKind::OperatorDangling(name)));
                }
                None | Some(Token::Close | Token::Operator("AND" | "OR")) => break,
                Some(_) => {}
            }
            is_first = false;
            match self.unary(field)? {
                Parsed::Nothing => {}
                Parsed::Sought(Node::All(more, less)) => {
                    required.extend(more);
                    excluded.extend(less);
                }
                Parsed::Sought(node) => required.push(node),
                Parsed::Excluded(Node::Any(nodes)) => excluded.extend(nodes),
                Parsed::Excluded(node) => excluded.push(node),
            }
        }
        Ok(combine_all(required, excluded))
    }

    /// Fails unless something follows that an operator can work on.
    fn expect_operand(&mut self, name: &'static str, offset: usize) -> Result<(), QueryError> {
        match self.peek() {
            None | Some(Token::Close | Token::Operator("AND" | "OR")) => {
                Err(QueryErrorKind::OperatorDangling(name).at(self.text, offset))
            }
            Some(_) => Ok(()),
        }
    }

    fn unary(&mut self, field: Option<&str>) -> Result<Parsed, QueryError> {
        if let Some(offset) = self.take("NOT") {
            self.expect_operand("NOT", offset)?;
        } else if self.peek() == Some(Token::Minus) {
            self.at += 1;
            // A minus that stands alone is a sign like any other.
            if self
                .rest()
                .chars()
                .next()
                .is_none_or(|next| is_space(next) || next == ')')
            {
                return Ok(Parsed::Nothing);
            }
            if let Some(Token::Operator(_)) = self.peek() {
                return Ok(Parsed::Nothing);
            }
        } else {
            return self.item(field);
        }
        let negated = self.deeper(|parser| parser.unary(field))?;
        Ok(match negated {
            Parsed::Nothing => Parsed::Nothing,
            Parsed::Sought(node) => Parsed::Excluded(node),
            Parsed::Excluded(node) => Parsed::Sought(node),
        })
    }

    fn deeper<T>(
        &mut self,
        parse: impl FnOnce(&mut Self) -> Result<T, QueryError>,
    ) -> Result<T, QueryError> {
        if self.depth == DEPTH_MAX {
            return Err(self.error(QueryErrorKind::TooDeep));
        }
        self.depth += 1;
        let parsed = parse(self);
        self.depth -= 1;
        parsed
    }

    fn item(&mut self, field: Option<&str>) -> Result<Parsed, QueryError> {
        match self.peek() {
            Some(Token::Open) => self.group(field),
            Some(Token::Quote) => self.quoted(field),
            _ => self.chunk(field),
        }
    }

    fn group(&mut self, field: Option<&str>) -> Result<Parsed, QueryError> {
        let open = self.at;
        self.at += 1;
        if self.peek() == Some(Token::Close) {
            self.at += 1;
            return Ok(Parsed::Nothing);
        }
        let parsed = self.deeper(|parser| parser.any(field))?;
        if self.peek() != Some(Token::Close) {
            return Err(QueryErrorKind::ParenthesisOpen.at(self.text, open));
        }
        self.at += 1;
        Ok(parsed)
    }

    fn quoted(&mut self, field: Option<&str>) -> Result<Parsed, QueryError> {
        let open = self.at;
        let inner = &self.rest()[1..];
        let Some(len) = inner.find('"') else {
            return Err(self.error(QueryErrorKind::QuoteOpen));
        };
        let inner = &inner[..len];
        self.at = open + 1 + len + 1;
        if self.rest().starts_with('~') {
            return Err(self.error(QueryErrorKind::PhraseFuzzy));
        }
        if let Some(value) = self.rest().strip_prefix(':')
            && !inner.is_empty()
            && value
                .chars()
                .next()
                .is_some_and(|next| !is_space(next) && next != ')')
        {
            self.at += 1;
            return self.deeper(|parser| parser.item(Some(inner)));
        }
        self.words_of(inner, field, Suffix::None)
    }

    fn chunk(&mut self, field: Option<&str>) -> Result<Parsed, QueryError> {
        let start = self.at;
        let chunk = chunk(self.rest());
        self.at += chunk.len();
        if let Some((name, value)) = chunk.split_once(':')
            && is_field_name(name)
            && !value.starts_with('/')
        {
            let behind = self.rest().chars().next();
            if value.is_empty() && matches!(behind, Some('"' | '(')) {
                return self.deeper(|parser| parser.item(Some(name)));
            }
            if !value.is_empty() {
                return self.word(start + name.len() + 1, value, Some(name));
            }
        }
        self.word(start, chunk, field)
    }

    fn word(
        &mut self,
        start: usize,
        chunk: &str,
        field: Option<&str>,
    ) -> Result<Parsed, QueryError> {
        if let Some(word) = chunk.strip_suffix('*') {
            return self.words_of(word, field, Suffix::Prefix);
        }
        let Some((word, distance)) = chunk.rsplit_once('~') else {
            return self.words_of(chunk, field, Suffix::None);
        };
        if distance.is_empty() {
            return self.words_of(word, field, Suffix::Fuzzy(None));
        }
        if !distance.bytes().all(|byte| byte.is_ascii_digit()) {
            return self.words_of(chunk, field, Suffix::None);
        }
        match distance.parse() {
            Ok(edits @ 0..=DISTANCE_MAX) => self.words_of(word, field, Suffix::Fuzzy(Some(edits))),
            _ => {
                let at = start + word.len();
                Err(QueryErrorKind::DistanceTooLarge.at(self.text, at))
            }
        }
    }

    /// The words of a text that hangs together, of which the last has the suffix.
    fn words_of(
        &mut self,
        text: &str,
        field: Option<&str>,
        suffix: Suffix,
    ) -> Result<Parsed, QueryError> {
        let mut words = Vec::new();
        for_each_word(text, |_, word| words.push(word.to_owned()));
        self.words += words.len();
        if self.words > WORDS_MAX {
            return Err(self.error(QueryErrorKind::WordsTooMany));
        }
        let last = match suffix {
            Suffix::None => None,
            Suffix::Prefix => words.pop().map(LeafKind::Prefix),
            Suffix::Fuzzy(edits) => words.pop().map(|word| LeafKind::Fuzzy(word, edits)),
        };
        let first = match words.len() {
            0 => None,
            1 => words.pop().map(LeafKind::Word),
            _ => Some(LeafKind::Phrase(words)),
        };
        let kinds = first.into_iter().chain(last);
        let nodes = kinds.map(|kind| self.leaf(field, kind)).collect();
        Ok(combine_all(nodes, Vec::new()))
    }

    fn leaf(&mut self, field: Option<&str>, kind: LeafKind) -> Node {
        self.leaves.push(Leaf {
            field: field.map(Into::into),
            kind,
            is_sought: false,
        });
        Node::Leaf(self.leaves.len() - 1)
    }
}

enum Suffix {
    None,
    Prefix,
    Fuzzy(Option<u8>),
}

fn combine_all(mut required: Vec<Node>, mut excluded: Vec<Node>) -> Parsed {
    match (required.len(), excluded.len()) {
        (0, 0) => Parsed::Nothing,
        (0, 1) => excluded.pop().map_or(Parsed::Nothing, Parsed::Excluded),
        (0, _) => Parsed::Excluded(Node::Any(excluded)),
        (1, 0) => required.pop().map_or(Parsed::Nothing, Parsed::Sought),
        _ => Parsed::Sought(Node::All(required, excluded)),
    }
}

fn is_space(letter: char) -> bool {
    letter.is_whitespace() || letter.is_control()
}

/// What hangs together at the beginning of `text`.
fn chunk(text: &str) -> &str {
    let ends = |letter: char| is_space(letter) || "()\"".contains(letter);
    text.find(ends).map_or(text, |end| &text[..end])
}
