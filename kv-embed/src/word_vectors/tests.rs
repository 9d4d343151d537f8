use super::*;

const TEXT: &str = "the 0.5 0.5 0.1\nCar 0.9 0.1 0.0\ncar 0 0 1\nnew york 1 1 1\nauto 0.8 0.2 0\n";

fn read(bytes: &[u8]) -> Result<WordVectors, WordVectorsError> {
    let mut bytes = bytes;
    WordVectors::read(&mut bytes)
}

fn vector(embedder: &WordVectors, text: &str) -> Vec<f32> {
    let mut vector = vec![0.0; embedder.dims()];
    embedder.embed_document(text, &mut vector);
    vector
}

fn cosine(embedder: &WordVectors, a: &str, b: &str) -> f32 {
    let pairs = vector(embedder, a).into_iter().zip(vector(embedder, b));
    pairs.map(|(a, b)| a * b).sum()
}

fn binary(words: &[(&str, [f32; 3])], end: &str) -> Vec<u8> {
    let mut bytes = format!("{} 3\n", words.len()).into_bytes();
    for (word, vector) in words {
        bytes.extend(word.as_bytes());
        bytes.push(b' ');
        bytes.extend(vector.map(f32::to_le_bytes).as_flattened());
        bytes.extend(end.as_bytes());
    }
    bytes
}

#[test]
fn the_same_words_are_read_from_each_format() {
    let words = [
        ("the", [0.5, 0.5, 0.1]),
        ("Car", [0.9, 0.1, 0.0]),
        ("auto", [0.8, 0.2, 0.0]),
    ];
    let text = "the 0.5 0.5 0.1\nCar 0.9 0.1 0.0\nauto 0.8 0.2 0\n";
    let headed = format!("3 3\n{text}");
    let files = [
        text.as_bytes().to_vec(),
        headed.into_bytes(),
        binary(&words, ""),
        binary(&words, "\n"),
    ];
    let expected = vector(&read(&files[0]).unwrap(), "the car");
    for file in files {
        let embedder = read(&file).unwrap();
        assert_eq!((embedder.word_count(), embedder.dims()), (3, 512 + 3));
        assert_eq!(vector(&embedder, "the car"), expected);
    }
}

#[test]
fn of_equal_words_the_first_counts_and_phrases_do_not() {
    let embedder = read(TEXT.as_bytes()).unwrap();
    assert_eq!(embedder.word_count(), 3);
    assert_eq!(embedder.name(), "word vectors (3 words of 3 dimensions)");
    assert!(cosine(&embedder, "car", "auto") > 0.4);
}

#[test]
fn words_that_are_not_known_are_found_by_their_looks() {
    let embedder = read(TEXT.as_bytes()).unwrap();
    assert!(cosine(&embedder, "zyzzyva", "zyzzyvas") > 0.3);
    assert!(cosine(&embedder, "zyzzyva", "car").abs() < 0.2);
    let length = cosine(&embedder, "the zyzzyva", "the zyzzyva");
    assert!((length - 1.0).abs() < 1e-5);
}

#[test]
fn without_room_for_looks_only_known_words_count() {
    let numbers = vec!["1"; DIMS_MAX].join(" ");
    let embedder = read(format!("car {numbers}\n").as_bytes()).unwrap();
    assert_eq!(embedder.dims(), DIMS_MAX);
    assert!(vector(&embedder, "zyzzyva").iter().all(|v| *v == 0.0));
    assert!((cosine(&embedder, "a car", "car") - 1.0).abs() < 1e-5);
}

#[test]
fn what_is_no_such_file_is_told() {
    let long = format!("w {}", "1".repeat(1 << 20));
    let wide = format!("2 2\nw {}", "x".repeat(1 << 20));
    let cases: [(&[u8], &str); 11] = [
        (b"", "empty"),
        (&[0x1f, 0x8b, 8, 0], "unpack it first"),
        (&[0xba, 0x16, 0x4f, 0x2f, 12], ".vec"),
        (b"hello\n", "does not begin with a word and its vector"),
        (b"5 0\n", "1 to 4096"),
        (b"18446744073709551615 4097\nw 1\n", "1 to 4096"),
        (b"9999999999 300\n", "no words"),
        (
            b"9999999999 300\nword 1234",
            "word 1 (from 1): the file ends in its vector",
        ),
        (b"a 1 2\nb 1\n", "word 2 (from 1): not a word and 2 numbers"),
        (long.as_bytes(), "a line of more than"),
        (wide.as_bytes(), "word 2 (from 1)"),
    ];
    for (bytes, expected) in cases {
        let error = read(bytes).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}, not {expected}");
    }
    let nan = binary(&[("w", [0.0, f32::NAN, 0.0])], "");
    let error = read(&nan).unwrap_err().to_string();
    assert!(error.contains("not finite"), "{error}");
}
