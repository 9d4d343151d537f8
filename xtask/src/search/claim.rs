//! What must be found and what must not be, as long as a key does not change.

use std::io;

use anyhow::{Result, ensure};

use super::searcher::Counts;
use super::version::{Kind, Search, Version};
use crate::resp::{Connection, Reply, typed};

/// A hit that is at least so similar to a text is that text, or a structure with it and some words
/// more, which is about 0.84; other versions share a few of its words, which is about 0.3.
const SAME_MEANING: f64 = 0.7;

/// What was acknowledged of a key.
#[derive(Debug, Clone)]
pub(super) struct Claim {
    pub(super) key: String,
    /// Begins this key and others.
    pub(super) prefix: String,
    /// What it holds, if anything.
    pub(super) now: Option<Version>,
    /// What it held before, if anything, and must not be found for any more.
    pub(super) before: Option<Version>,
}

/// How a version relates to its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Presence {
    Held,
    Overwritten,
    Deleted,
}

impl Claim {
    /// Searches; the inner error is what is wrong with the answers.
    ///
    /// # Errors
    ///
    /// When the connection is broken.
    pub(super) fn check(
        &self,
        connection: &mut Connection,
        counts: &mut Counts,
    ) -> io::Result<Result<()>> {
        let searches = self.searches();
        connection.send(searches.iter().map(|(_, search)| &search.command))?;
        let mut verdict = Ok(());
        for (presence, search) in searches {
            let reply = connection.receive()?;
            counts.count(search.kind);
            // All replies have to be taken, whatever they say.
            verdict = verdict.and_then(|()| self.judge(presence, &search, &reply));
        }
        Ok(verdict)
    }

    fn searches(&self) -> Vec<(Presence, Search)> {
        let gone = match self.now {
            Some(_) => Presence::Overwritten,
            None => Presence::Deleted,
        };
        let each = |version: Option<Version>, presence| {
            let searches = version.into_iter().flat_map(|v| v.searches(&self.prefix));
            searches.map(move |search| (presence, search))
        };
        each(self.now, Presence::Held)
            .chain(each(self.before, gone))
            .collect()
    }

    fn judge(&self, presence: Presence, search: &Search, reply: &Reply) -> Result<()> {
        let Reply::Many(_, items) = reply else {
            anyhow::bail!("{} answers {reply:?}", typed(&search.command));
        };
        let is_right = match search.kind {
            Kind::Value | Kind::Field => self.is_right(presence, items, 1),
            Kind::Word => self.is_right(presence, items, 2),
            Kind::Meaning => self.is_right_meaning(presence, items),
        };
        ensure!(
            is_right,
            "{}: {presence:?}, but {} answers {reply:?} ({self:?})",
            self.key,
            typed(&search.command),
        );
        Ok(())
    }

    /// Whether the key is all that is found, or nothing is; with `width` items a hit.
    fn is_right(&self, presence: Presence, items: &[Reply], width: usize) -> bool {
        match presence {
            Presence::Held => items.len() == width && self.is_key(&items[0]),
            Presence::Overwritten | Presence::Deleted => items.is_empty(),
        }
    }

    fn is_right_meaning(&self, presence: Presence, items: &[Reply]) -> bool {
        let hit = items.chunks(2).find(|hit| self.is_key(&hit[0]));
        let similarity = hit.and_then(|hit| hit.get(1)).and_then(number);
        let is_same = similarity.is_some_and(|similarity| similarity >= SAME_MEANING);
        match presence {
            Presence::Held => is_same,
            Presence::Overwritten => !is_same,
            Presence::Deleted => hit.is_none(),
        }
    }

    fn is_key(&self, item: &Reply) -> bool {
        item.bytes() == Some(self.key.as_bytes())
    }
}

/// A number of either protocol.
fn number(reply: &Reply) -> Option<f64> {
    match reply {
        Reply::Line(_, text) | Reply::Bulk(_, text) => str::from_utf8(text).ok()?.parse().ok(),
        Reply::Nil(_) | Reply::Many(..) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claim() -> Claim {
        Claim {
            key: "a:1".to_owned(),
            prefix: "a:".to_owned(),
            now: None,
            before: None,
        }
    }

    fn hits(hits: &[(&str, &str)]) -> Vec<Reply> {
        let bulk = |text: &str| Reply::Bulk(b'$', text.as_bytes().to_vec());
        let pairs = hits.iter().map(|(key, score)| [bulk(key), bulk(score)]);
        pairs.flatten().collect()
    }

    #[test]
    fn a_word_that_is_held_is_found_for_its_key_alone() {
        let is_right = |items: &[Reply]| claim().is_right(Presence::Held, items, 2);
        assert!(is_right(&hits(&[("a:1", "3.5")])));
        assert!(!is_right(&[]));
        assert!(!is_right(&hits(&[("a:2", "3.5")])));
        assert!(!is_right(&hits(&[("a:1", "3.5"), ("a:2", "3")])));
    }

    #[test]
    fn a_word_that_is_gone_is_not_found() {
        for presence in [Presence::Overwritten, Presence::Deleted] {
            assert!(claim().is_right(presence, &[], 2));
            assert!(!claim().is_right(presence, &hits(&[("a:1", "1")]), 2));
        }
    }

    #[test]
    fn an_overwritten_text_may_be_a_little_like_the_new_one() {
        let is_right = |presence, items: &[Reply]| claim().is_right_meaning(presence, items);
        let (same, other) = (
            hits(&[("a:2", "1"), ("a:1", "0.99")]),
            hits(&[("a:1", "0.4")]),
        );
        assert!(is_right(Presence::Held, &same));
        assert!(is_right(Presence::Overwritten, &other));
        assert!(!is_right(Presence::Overwritten, &same));
        assert!(!is_right(Presence::Deleted, &other));
        assert!(!is_right(Presence::Held, &hits(&[("a:2", "1")])));
    }
}
