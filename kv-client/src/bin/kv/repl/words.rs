//! Splits a line into words.
//!
//! As in a shell, blanks separate words, and quotes keep them together and go away; a backslash
//! keeps the next character, except in single quotes. Unlike in a shell, a word that begins with
//! `{` or `[` is JSON up to its matching end, quotes and all.

/// The words of a line.
///
/// # Errors
/// If a quote or a bracket is not closed.
pub(super) fn split_words(line: &str) -> Result<Vec<String>, String> {
    let mut words = Vec::new();
    let mut rest = line.trim_start();
    while let Some(first) = rest.chars().next() {
        let (word, after) = match first {
            '{' | '[' => json_word(rest)?,
            _ => shell_word(rest)?,
        };
        words.push(word);
        rest = after.trim_start();
    }
    Ok(words)
}

fn json_word(text: &str) -> Result<(String, &str), String> {
    let (mut depth, mut in_string, mut escaped) = (0, false, false);
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if in_string => escaped = true,
            '"' => in_string = !in_string,
            '{' | '[' if !in_string => depth += 1,
            '}' | ']' if !in_string => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            let (word, rest) = text.split_at(at + c.len_utf8());
            return Ok((word.to_owned(), rest));
        }
    }
    Err("a bracket or a quote is not closed".to_owned())
}

fn shell_word(text: &str) -> Result<(String, &str), String> {
    let mut word = String::new();
    let mut quote = None;
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match (c, quote) {
            (c, None) if c.is_whitespace() => return Ok((word, &text[at..])),
            ('\\', None | Some('"')) => word.extend(chars.next().map(|(_, c)| c)),
            ('"' | '\'', None) => quote = Some(c),
            (c, Some(open)) if c == open => quote = None,
            (c, _) => word.push(c),
        }
    }
    match quote {
        Some(quote) => Err(format!("{quote} is not closed")),
        None => Ok((word, "")),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn words(line: &str) -> Vec<String> {
        split_words(line).unwrap()
    }

    #[test]
    fn blanks_separate_and_quotes_keep_together() {
        assert_eq!(words("  set a  b "), ["set", "a", "b"]);
        assert_eq!(
            words(r#"set "a b" 'c "d"' e\ f"#),
            ["set", "a b", "c \"d\"", "e f"]
        );
        assert_eq!(words(r#"set a """#), ["set", "a", ""]);
        assert!(words("").is_empty());
    }

    #[test]
    fn json_is_one_word_with_its_quotes() {
        let line = r#"set a {"b c": ["}", "\"", {}]} --ttl 5s"#;
        assert_eq!(
            words(line),
            ["set", "a", r#"{"b c": ["}", "\"", {}]}"#, "--ttl", "5s"]
        );
    }

    #[test]
    fn what_is_open_is_an_error() {
        for line in ["set \"a", "set 'a", "set {\"a\": 1", "set [\"]"] {
            assert!(split_words(line).is_err(), "{line}");
        }
    }

    proptest! {
        #[test]
        fn no_line_panics(line in ".{0,40}") {
            let _ = split_words(&line);
        }

        #[test]
        fn quoted_words_come_back(words in prop::collection::vec("[^'\\p{C}]{0,6}", 0..5)) {
            let line: String = words.iter().map(|word| format!("'{word}' ")).collect();
            prop_assert_eq!(split_words(&line).unwrap(), words);
        }
    }
}
