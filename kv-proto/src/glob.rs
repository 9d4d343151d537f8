//! Glob patterns as in `KEYS`, `SCAN` and `PSUBSCRIBE`.
//!
//! ```text
//! *  any bytes        ?  any byte        [abc] [a-z] [^a]  one of these, or none of them
//! \x  the byte x      other bytes: themselves
//! ```
//!
//! The empty text matches the empty pattern alone, not even `*`, as in Redis; `KEYS *` and `SCAN` mean
//! all keys by it, see [`matches_key`].
//!
//! Matching takes at most pattern length × text length steps: when a byte does not match, only the
//! last `*` takes one byte more. An earlier star need never take more, for the later one can.

/// Whether all of `text` matches `pattern`.
#[must_use]
pub fn matches(pattern: &[u8], text: &[u8]) -> bool {
    Matcher { fold: |byte| byte }.matches(pattern, text)
}

/// The same without regard to the case of ASCII letters.
#[must_use]
pub fn matches_ignoring_case(pattern: &[u8], text: &[u8]) -> bool {
    let fold = |byte: u8| byte.to_ascii_lowercase();
    Matcher { fold }.matches(pattern, text)
}

/// Whether a key matches; `*` means all keys.
#[must_use]
pub fn matches_key(pattern: &[u8], key: &[u8]) -> bool {
    pattern == b"*" || matches(pattern, key)
}

struct Matcher<F> {
    fold: F,
}

impl<F: Fn(u8) -> u8> Matcher<F> {
    fn matches(&self, mut pattern: &[u8], mut text: &[u8]) -> bool {
        if text.is_empty() {
            return pattern.is_empty();
        }
        // Behind the last star, and where the text goes on if it takes one byte more.
        let mut retry: Option<(&[u8], &[u8])> = None;
        loop {
            if let [b'*', rest @ ..] = pattern {
                if rest.is_empty() {
                    return true;
                }
                pattern = rest;
                retry = Some((rest, text));
                continue;
            }
            if pattern.is_empty() && text.is_empty() {
                return true;
            }
            if let Some((pattern_rest, text_rest)) = self.step(pattern, text) {
                (pattern, text) = (pattern_rest, text_rest);
                continue;
            }
            let Some((behind_star, [_, text_rest @ ..])) = retry else {
                return false;
            };
            (pattern, text) = (behind_star, text_rest);
            retry = Some((behind_star, text_rest));
        }
    }

    /// Matches one byte; returns what is left of both.
    fn step<'p, 't>(&self, pattern: &'p [u8], text: &'t [u8]) -> Option<(&'p [u8], &'t [u8])> {
        let (&byte, text_rest) = text.split_first()?;
        let (matched, pattern_rest) = match pattern {
            [] => return None,
            [b'?', rest @ ..] => (true, rest),
            [b'[', rest @ ..] => self.class(rest, byte),
            [b'\\', literal, rest @ ..] | [literal, rest @ ..] => {
                ((self.fold)(*literal) == (self.fold)(byte), rest)
            }
        };
        matched.then_some((pattern_rest, text_rest))
    }

    /// Whether `byte` is in the class that `pattern` begins with, and what follows the class. A
    /// class that is not closed reaches to the end of the pattern.
    fn class<'p>(&self, pattern: &'p [u8], byte: u8) -> (bool, &'p [u8]) {
        let (negated, mut rest) = match pattern {
            [b'^', rest @ ..] => (true, rest),
            rest => (false, rest),
        };
        let mut found = false;
        loop {
            rest = match rest {
                [] => return (found != negated, rest),
                [b']', rest @ ..] => return (found != negated, rest),
                [b'\\', literal, rest @ ..] => {
                    found |= self.in_range(byte, *literal, *literal);
                    rest
                }
                [low, b'-', high, rest @ ..] => {
                    found |= self.in_range(byte, *low, *high);
                    rest
                }
                [literal, rest @ ..] => {
                    found |= self.in_range(byte, *literal, *literal);
                    rest
                }
            }
        }
    }

    /// The ends of a range may come in either order.
    fn in_range(&self, byte: u8, low: u8, high: u8) -> bool {
        let [byte, low, high] = [byte, low, high].map(&self.fold);
        (low.min(high)..=low.max(high)).contains(&byte)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(pattern: &str, matching: &[&str], others: &[&str]) {
        for text in matching {
            assert!(
                matches(pattern.as_bytes(), text.as_bytes()),
                "{pattern} {text}"
            );
        }
        for text in others {
            assert!(
                !matches(pattern.as_bytes(), text.as_bytes()),
                "{pattern} {text}"
            );
        }
    }

    #[test]
    fn wildcards_match_as_in_redis() {
        check("", &[""], &["a"]);
        check("*", &["a", "abc"], &[""]);
        check("h?llo", &["hello", "hallo"], &["hllo", "heello"]);
        check("h*llo", &["hllo", "heeeello"], &["hell", "xhllo"]);
        check("*a*b", &["ab", "xaxb", "abab"], &["aba", "ba"]);
        check("a**", &["a", "abc"], &["", "ba"]);
        check("*\\*", &["*", "a*"], &["a"]);
    }

    #[test]
    fn a_star_means_all_keys_even_the_empty_one() {
        assert!(matches_key(b"*", b""));
        assert!(!matches_key(b"**", b""), "as in Redis");
        assert!(matches_key(b"**", b"k") && !matches_key(b"a*", b"k"));
    }

    #[test]
    fn classes_match_as_in_redis() {
        check("h[ae]llo", &["hello", "hallo"], &["hillo"]);
        check("h[^e]llo", &["hallo"], &["hello", "hllo"]);
        check("h[a-c]llo", &["hallo", "hbllo"], &["hdllo"]);
        check("h[c-a]llo", &["hbllo"], &["hdllo"]);
        check("[\\]]", &["]"], &["\\"]);
        check("[a", &["a"], &["b", ""]);
        check("[]a", &[], &["a", "]"]);
        check("[a-]", &["a", "]"], &["b", "-"]);
        check("\\", &["\\"], &["a"]);
    }

    #[test]
    fn case_is_ignored_if_asked() {
        assert!(matches_ignoring_case(b"GE[T-T]*", b"getex"));
        assert!(!matches(b"GE*", b"getex"));
    }

    #[test]
    fn many_stars_take_no_exponential_time() {
        let pattern = b"a*".repeat(1000);
        let mut text = b"a".repeat(4000);
        text.push(b'b');
        assert!(matches(&pattern, &text));
        let pattern = [pattern.as_slice(), b"c"].concat();
        assert!(!matches(&pattern, &text));
    }
}
