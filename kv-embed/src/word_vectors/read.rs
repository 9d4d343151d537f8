//! Reads word vectors.
//!
//! ```text
//! text    [words " " dimensions "\n"] (word " " number " " number … "\n")*      word2vec, GloVe, .vec
//! binary  words " " dimensions "\n" (word " " f32* ["\n"])*                       word2vec
//! ```
//!
//! Which of them it is shows in the first two lines. Compressed files and fastText's `.bin` are told
//! apart, to say so.
//!
//! 1. No number in a file makes us reserve memory: it grows with what was read.
//! 2. A word is at most [`WORD_BYTES_MAX`] bytes, a line at most [`LINE_BYTES_MAX`].
//!
//! Opens nothing: it is given what to read.

use std::io::{self, BufRead, Read};

use super::{FILE_WORDS_MAX, WordVectors};
use crate::vectors::DIMS_MAX;

const WORD_BYTES_MAX: u64 = 4 << 10;
const LINE_BYTES_MAX: u64 = 256 << 10;

const GZIP: &[u8] = &[0x1f, 0x8b];
const ZIP: &[u8] = b"PK\x03\x04";
/// 793712314, little-endian.
const FASTTEXT: &[u8] = &[0xba, 0x16, 0x4f, 0x2f];

/// Why something holds no word vectors.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WordVectorsError {
    /// It cannot be read.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// It is of a kind that is not read.
    #[error("{0}")]
    Kind(&'static str),
    /// A word's entry is not what it should be.
    #[error("word {word} (from 1): {what}")]
    Word {
        /// Which one.
        word: u32,
        /// What is wrong.
        what: String,
    },
}

type Result<T, E = WordVectorsError> = std::result::Result<T, E>;

impl WordVectors {
    /// Reads the words of a file.
    ///
    /// # Errors
    /// If it cannot be read, or is none of word2vec (text or binary), GloVe or fastText's `.vec`.
    pub fn read(from: &mut dyn BufRead) -> Result<WordVectors> {
        let first = line(from, 0)?;
        refuse_others(&first)?;
        let Some((_, dims)) = header(&first) else {
            let dims = numbers(&first).saturating_sub(1);
            return read_text(&mut first.as_slice().chain(from), checked(dims)?);
        };
        let dims = checked(dims)?;
        // Binary numbers hold a line's end by chance, and what stands before it is no such text.
        let second = line_or_part(from)?;
        let is_text = text_entry(&second).is_some_and(|(_, vector)| vector.len() == dims);
        let from = &mut second.as_slice().chain(from);
        match is_text {
            true => read_text(from, dims),
            false => read_binary(from, dims),
        }
    }
}

fn refuse_others(first: &[u8]) -> Result<()> {
    let refused = match first {
        [] => "the file is empty",
        zipped if zipped.starts_with(GZIP) || zipped.starts_with(ZIP) => {
            "the file is compressed: unpack it first"
        }
        binary if binary.starts_with(FASTTEXT) => {
            "the file is a model of fastText: use the .vec file beside it"
        }
        _ => return Ok(()),
    };
    Err(WordVectorsError::Kind(refused))
}

fn checked(dims: usize) -> Result<usize> {
    match dims {
        1..=DIMS_MAX => Ok(dims),
        _ => Err(WordVectorsError::Kind(
            "the file does not begin with a word and its vector of 1 to 4096 numbers",
        )),
    }
}

/// How many words and dimensions a file says that it has.
fn header(line: &[u8]) -> Option<(u64, usize)> {
    let mut fields = std::str::from_utf8(line).ok()?.split_ascii_whitespace();
    let header = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    fields.next().is_none().then_some(header)
}

fn numbers(line: &[u8]) -> usize {
    text_entry(line).map_or(0, |(_, vector)| vector.len() + 1)
}

/// A word and its vector. The word may have spaces in it, as some of GloVe's do; its vector does not.
fn text_entry(line: &[u8]) -> Option<(&str, Vec<f32>)> {
    let text = std::str::from_utf8(line).ok()?.trim_end();
    let (word, rest) = text.split_once(' ')?;
    let vector = rest.split(' ').map(|number| number.parse::<f32>().ok());
    let vector: Vec<f32> = vector.collect::<Option<_>>()?;
    vector
        .iter()
        .all(|v| v.is_finite())
        .then_some((word, vector))
}

fn read_text(from: &mut dyn BufRead, dims: usize) -> Result<WordVectors> {
    let mut vectors = WordVectors::new(dims);
    let mut count = 0;
    while (count as usize) < FILE_WORDS_MAX {
        let line = line(from, count + 1)?;
        if line.is_empty() {
            break;
        }
        count += 1;
        match text_entry(&line) {
            Some((word, vector)) if vector.len() == dims => vectors.push(word, count, &vector),
            // A word with spaces in it is no word of a text.
            _ if line.split(|byte| *byte == b' ').count() > dims + 1 => {}
            _ => {
                let what = format!("not a word and {dims} numbers");
                return Err(WordVectorsError::Word { word: count, what });
            }
        }
    }
    finished(vectors, count)
}

fn read_binary(from: &mut dyn BufRead, dims: usize) -> Result<WordVectors> {
    let mut vectors = WordVectors::new(dims);
    let (mut bytes, mut vector) = (vec![0; dims * size_of::<f32>()], Vec::new());
    let mut count = 0;
    while (count as usize) < FILE_WORDS_MAX {
        let mut word = Vec::new();
        let bad = |what: &str| WordVectorsError::Word {
            word: count + 1,
            what: what.to_owned(),
        };
        from.take(WORD_BYTES_MAX).read_until(b' ', &mut word)?;
        if word.trim_ascii().is_empty() {
            break;
        }
        if word.pop() != Some(b' ') {
            return Err(bad("longer than 4096 bytes, or the file ends in it"));
        }
        from.read_exact(&mut bytes)
            .map_err(|_| bad("the file ends in its vector"))?;
        let (numbers, _) = bytes.as_chunks();
        vector.clear();
        vector.extend(numbers.iter().map(|number| f32::from_le_bytes(*number)));
        if !vector.iter().all(|v| v.is_finite()) {
            return Err(bad("a number of its vector is not finite"));
        }
        count += 1;
        // Some writers end an entry with a line's end, which then stands before the next word.
        vectors.push(&String::from_utf8_lossy(word.trim_ascii()), count, &vector);
    }
    finished(vectors, count)
}

fn finished(vectors: WordVectors, count: u32) -> Result<WordVectors> {
    match vectors.word_count() {
        0 => Err(WordVectorsError::Kind("the file has no words")),
        _ => Ok(vectors.finish(count)),
    }
}

/// A line with its end, which may lack after the last one; nothing behind it.
fn line(from: &mut dyn BufRead, word: u32) -> Result<Vec<u8>> {
    let line = line_or_part(from)?;
    if line.len() as u64 == LINE_BYTES_MAX && !line.ends_with(b"\n") {
        let what = format!("a line of more than {LINE_BYTES_MAX} bytes");
        return Err(WordVectorsError::Word { word, what });
    }
    Ok(line)
}

fn line_or_part(from: &mut dyn BufRead) -> Result<Vec<u8>> {
    let mut line = Vec::new();
    from.take(LINE_BYTES_MAX).read_until(b'\n', &mut line)?;
    Ok(line)
}
