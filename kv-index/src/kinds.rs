//! Which indexes there are, for which keys.

use std::fmt;
use std::str::FromStr;

/// A set of indexes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kinds(u8);

impl Kinds {
    /// None of them.
    pub const NONE: Kinds = Kinds(0);
    /// Keys in order: ranges without looking at every key.
    pub const ORDERED: Kinds = Kinds(1);
    /// Keys by value and by field.
    pub const VALUE: Kinds = Kinds(2);
    /// Keys by words.
    pub const TEXT: Kinds = Kinds(4);
    /// Keys by meaning.
    pub const SEMANTIC: Kinds = Kinds(8);
    /// All of them.
    pub const ALL: Kinds = Kinds(15);

    const NAMES: [(&'static str, Kinds); 4] = [
        ("ordered", Kinds::ORDERED),
        ("value", Kinds::VALUE),
        ("text", Kinds::TEXT),
        ("semantic", Kinds::SEMANTIC),
    ];

    /// Whether all of `kinds` are in it.
    #[must_use]
    pub fn has(self, kinds: Kinds) -> bool {
        self.0 & kinds.0 == kinds.0
    }

    /// Those of this and those of `kinds`.
    #[must_use]
    pub fn and(self, kinds: Kinds) -> Kinds {
        Kinds(self.0 | kinds.0)
    }

    /// Their names.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        let known = Kinds::NAMES.into_iter();
        known.filter_map(move |(name, kind)| self.has(kind).then_some(name))
    }
}

impl fmt::Display for Kinds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Kinds::NONE => f.write_str("none"),
            Kinds::ALL => f.write_str("all"),
            some => f.write_str(&some.names().collect::<Vec<_>>().join(",")),
        }
    }
}

impl FromStr for Kinds {
    type Err = String;

    /// Names with commas between them, `all`, or `none`.
    fn from_str(text: &str) -> Result<Kinds, String> {
        match text {
            "all" => return Ok(Kinds::ALL),
            "none" => return Ok(Kinds::NONE),
            _ => {}
        }
        text.split(',').try_fold(Kinds::NONE, |kinds, word| {
            let known = Kinds::NAMES.iter().find(|(name, _)| *name == word.trim());
            let (_, kind) = known.ok_or_else(|| {
                format!("there is no index `{word}`; there are ordered, value, text, semantic, all and none")
            })?;
            Ok(kinds.and(*kind))
        })
    }
}

/// Kinds for all keys, or for those that begin with a prefix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// What the keys begin with; empty for all.
    pub prefix: Vec<u8>,
    /// Which indexes they are in.
    pub kinds: Kinds,
}

impl Rule {
    /// No key is in any.
    #[must_use]
    pub fn none() -> Rule {
        Rule {
            prefix: Vec::new(),
            kinds: Kinds::NONE,
        }
    }
}

impl FromStr for Rule {
    type Err = String;

    /// `KINDS` or `PREFIX=KINDS`; the last `=` counts, so a prefix may hold one.
    fn from_str(text: &str) -> Result<Rule, String> {
        let (prefix, kinds) = text.rsplit_once('=').unwrap_or(("", text));
        Ok(Rule {
            prefix: prefix.as_bytes().to_vec(),
            kinds: kinds.parse()?,
        })
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.prefix.is_empty() {
            write!(f, "{}=", self.prefix.escape_ascii())?;
        }
        self.kinds.fmt(f)
    }
}

/// Rules of which the one with the longest prefix counts.
#[derive(Debug, Clone)]
pub struct Rules {
    /// Longest prefix first.
    sorted: Vec<Rule>,
    union: Kinds,
}

impl Rules {
    /// Keys that no rule is for are in all indexes. Of two rules for one prefix the later counts.
    #[must_use]
    pub fn new(rules: impl IntoIterator<Item = Rule>) -> Rules {
        let mut sorted = vec![Rule {
            prefix: Vec::new(),
            kinds: Kinds::ALL,
        }];
        for rule in rules {
            sorted.retain(|known| known.prefix != rule.prefix);
            sorted.push(rule);
        }
        sorted.sort_by_key(|rule| std::cmp::Reverse(rule.prefix.len()));
        let kinds = sorted.iter().map(|rule| rule.kinds);
        let union = kinds.fold(Kinds::NONE, Kinds::and);
        Rules { sorted, union }
    }

    /// The indexes that `key` is in.
    #[must_use]
    pub fn of(&self, key: &[u8]) -> Kinds {
        let mut rules = self.sorted.iter();
        rules
            .find(|rule| key.starts_with(&rule.prefix))
            .map_or(Kinds::NONE, |rule| rule.kinds)
    }

    /// The indexes that any key is in.
    #[must_use]
    pub fn union(&self) -> Kinds {
        self.union
    }

    /// Whether every key is in all of `kinds`.
    #[must_use]
    pub fn cover(&self, kinds: Kinds) -> bool {
        self.sorted.iter().all(|rule| rule.kinds.has(kinds))
    }
}

impl Default for Rules {
    fn default() -> Rules {
        Rules::new([])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_prefix_counts() {
        let rules =
            ["value,text", "log:=none", "log:a=b=semantic"].map(|text| text.parse().unwrap());
        let rules = Rules::new(rules);
        assert_eq!(rules.of(b"k"), Kinds::VALUE.and(Kinds::TEXT));
        assert_eq!(rules.of(b"log:x"), Kinds::NONE);
        assert_eq!(rules.of(b"log:a=b1"), Kinds::SEMANTIC);
        assert_eq!(rules.union().to_string(), "value,text,semantic");
        assert!(!rules.cover(Kinds::VALUE));
    }

    #[test]
    fn without_rules_everything_is_indexed() {
        assert_eq!(Rules::default().of(b"k"), Kinds::ALL);
        assert!(Rules::default().cover(Kinds::ALL));
    }

    #[test]
    fn kinds_read_as_they_are_written() {
        for text in ["all", "none", "ordered", "value,text", "text,semantic"] {
            assert_eq!(text.parse::<Kinds>().unwrap().to_string(), text);
        }
        assert!("valu".parse::<Kinds>().unwrap_err().contains("`valu`"));
    }
}
