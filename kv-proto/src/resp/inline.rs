//! Inline requests: a line of words, as a person types it.
//!
//! Words are separated by blanks. `"…"` may hold `\n \r \t \b \a \xHH \"`, `'…'` may hold `\'`; a
//! closing quote ends its word. Quoted words are unquoted where they stand, which never makes them
//! longer, so nothing is allocated.

use super::args::Span;
use super::error::ProtocolError;

/// Appends the words of `line`, which starts at `offset` in its buffer, to `spans`.
pub(super) fn split(
    line: &mut [u8],
    offset: usize,
    spans: &mut Vec<Span>,
) -> Result<(), ProtocolError> {
    let mut splitter = Splitter {
        line,
        read: 0,
        write: 0,
    };
    while splitter.skip_blanks() {
        let start = splitter.write;
        splitter.word()?;
        spans.push(Span::new(offset + start, splitter.write - start));
    }
    Ok(())
}

/// `write <= read` always: what is written was read before.
struct Splitter<'a> {
    line: &'a mut [u8],
    read: usize,
    write: usize,
}

impl Splitter<'_> {
    /// The next byte; the line ends at a zero byte too.
    fn peek(&self) -> Option<u8> {
        self.line.get(self.read).copied().filter(|byte| *byte != 0)
    }

    fn next(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.read += 1;
        Some(byte)
    }

    fn put(&mut self, byte: u8) {
        if let Some(place) = self.line.get_mut(self.write) {
            *place = byte;
        }
        self.write += 1;
    }

    /// Goes to the next word; false if there is none.
    fn skip_blanks(&mut self) -> bool {
        while self.peek().is_some_and(is_blank) {
            self.read += 1;
        }
        self.write = self.read;
        self.peek().is_some()
    }

    fn word(&mut self) -> Result<(), ProtocolError> {
        while let Some(byte) = self.peek().filter(|byte| !is_blank(*byte)) {
            self.read += 1;
            match byte {
                b'"' => return self.double_quoted(),
                b'\'' => return self.single_quoted(),
                other => self.put(other),
            }
        }
        Ok(())
    }

    fn double_quoted(&mut self) -> Result<(), ProtocolError> {
        loop {
            match self.next().ok_or(ProtocolError::UnbalancedQuotes)? {
                b'"' => return self.close(),
                b'\\' => self.escape()?,
                other => self.put(other),
            }
        }
    }

    fn single_quoted(&mut self) -> Result<(), ProtocolError> {
        loop {
            match self.next().ok_or(ProtocolError::UnbalancedQuotes)? {
                b'\'' => return self.close(),
                b'\\' if self.peek() == Some(b'\'') => {
                    self.read += 1;
                    self.put(b'\'');
                }
                other => self.put(other),
            }
        }
    }

    /// A closing quote must end its word.
    fn close(&self) -> Result<(), ProtocolError> {
        match self.peek() {
            Some(byte) if !is_blank(byte) => Err(ProtocolError::UnbalancedQuotes),
            _ => Ok(()),
        }
    }

    fn escape(&mut self) -> Result<(), ProtocolError> {
        let byte = match self.next().ok_or(ProtocolError::UnbalancedQuotes)? {
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'b' => 0x08,
            b'a' => 0x07,
            b'x' => self.hex_byte().unwrap_or(b'x'),
            other => other,
        };
        self.put(byte);
        Ok(())
    }

    fn hex_byte(&mut self) -> Option<u8> {
        let high = hex_digit(*self.line.get(self.read)?)?;
        let low = hex_digit(*self.line.get(self.read + 1)?)?;
        self.read += 2;
        Some(high << 4 | low)
    }
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c)
}

fn hex_digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Result<Vec<Vec<u8>>, ProtocolError> {
        let mut line = line.as_bytes().to_vec();
        let mut spans = Vec::new();
        split(&mut line, 0, &mut spans)?;
        let word = |span: &Span| line[span.start as usize..][..span.len as usize].to_vec();
        Ok(spans.iter().map(word).collect())
    }

    fn assert_words(line: &str, expected: &[&[u8]]) {
        assert_eq!(words(line).unwrap(), expected, "{line:?}");
    }

    #[test]
    fn words_are_separated_by_blanks() {
        assert_words("", &[]);
        assert_words(" \t ", &[]);
        assert_words("GET key", &[b"GET", b"key"]);
        assert_words("  set\tk  v ", &[b"set", b"k", b"v"]);
    }

    #[test]
    fn quoted_words_are_unquoted_in_place() {
        assert_words(r#"set "a b" 'c d'"#, &[b"set", b"a b", b"c d"]);
        assert_words(r#""\x00\xfF\n\"\q" x"#, &[b"\0\xff\n\"q", b"x"]);
        assert_words(r"'it\'s' '\n'", &[b"it's", b"\\n"]);
        assert_words(r#"a"b c" "" d"#, &[b"ab c", b"", b"d"]);
        assert_words(r#""\xg1""#, &[b"xg1"]);
    }

    #[test]
    fn unbalanced_quotes_are_refused() {
        for line in [r#""a"#, "'a", r#""a"b"#, "'a'b", r#""a\"#] {
            assert_eq!(words(line), Err(ProtocolError::UnbalancedQuotes), "{line}");
        }
    }

    #[test]
    fn a_zero_byte_ends_the_line() {
        assert_words("a\0b", &[b"a"]);
    }
}
