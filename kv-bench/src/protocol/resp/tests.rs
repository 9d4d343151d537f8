use proptest::prelude::*;

use super::*;

fn encoded(operation: &Operation) -> String {
    let space = KeySpace::new(100, 8, 20).unwrap();
    let mut out = Vec::new();
    Resp::new(&space).encode(&space, operation, &mut out);
    String::from_utf8(out).unwrap()
}

#[test]
fn get_and_set_are_arrays_of_bulk_strings() {
    let get = Operation {
        kind: Kind::Read,
        key: 7,
        nonce: 0,
    };
    assert_eq!(encoded(&get), "*2\r\n$3\r\nGET\r\n$8\r\nkey:0007\r\n");
    let set = Operation {
        kind: Kind::Write,
        key: 7,
        nonce: 0xabc,
    };
    let set = encoded(&set);
    let head = "*3\r\n$3\r\nSET\r\n$8\r\nkey:0007\r\n$20\r\n0000000000000abc";
    assert!(set.starts_with(head), "{set}");
    assert_eq!(set.len(), head.len() + 4 + 2);
    assert!(set.ends_with("\r\n"));
}

#[test]
fn every_token_is_read_and_measured() {
    let cases: [(&[u8], Token<'_>); 10] = [
        (b"+OK\r\n", Token::Simple(b"OK")),
        (b"-ERR no\r\n", Token::Error(b"ERR no")),
        (b":-12\r\n", Token::Integer(-12)),
        (b"$2\r\nab\r\n", Token::Bulk(b"ab")),
        (b"$2\r\n\r\n\r\n", Token::Bulk(b"\r\n")),
        (b"$0\r\n\r\n", Token::Bulk(b"")),
        (b"$-1\r\n", Token::Nil),
        (b"*-1\r\n", Token::Nil),
        (b"_\r\n", Token::Nil),
        (b"*3\r\n", Token::Array(3)),
    ];
    for (bytes, token) in cases {
        assert_eq!(Token::read(bytes), Ok(Some((token, bytes.len()))));
    }
}

#[test]
fn an_unfinished_token_waits_for_more() {
    for whole in [&b"+OK\r\n"[..], b"$10\r\n0123456789\r\n", b":12345\r\n"] {
        for end in 0..whole.len() {
            assert_eq!(Token::read(&whole[..end]), Ok(None), "{end}");
        }
    }
}

#[test]
fn damaged_tokens_are_refused() {
    let cases: [&[u8]; 8] = [
        b"\r\n",
        b"+OK\n",
        b"?\r\n",
        b":x\r\n",
        b"$-2\r\n",
        b"$2\r\nabc\r\n",
        b"$9223372036854775807\r\n",
        b"*-2\r\n",
    ];
    for bytes in cases {
        assert!(Token::read(bytes).is_err(), "{}", bytes.escape_ascii());
    }
    assert!(Token::read(&vec![b'+'; LINE_BYTES_MAX]).is_err());
}

#[test]
fn answers_are_what_get_and_set_expect() {
    let mut resp = Resp::new(&KeySpace::new(1, 8, 20).unwrap());
    let cases: [(&[u8], Answer<'_>); 4] = [
        (b"+OK\r\n", Answer::Done),
        (b"$1\r\nx\r\n", Answer::Value(b"x")),
        (b"$-1\r\n", Answer::Nothing),
        (b"-OOM full\r\n", Answer::Refused(b"OOM full")),
    ];
    for (bytes, answer) in cases {
        assert_eq!(resp.decode(bytes), Ok(Some((answer, bytes.len()))));
    }
    assert!(resp.decode(b":1\r\n").is_err());
    assert!(resp.decode(b"*1\r\n").is_err());
}

#[test]
fn requests_of_any_arguments_are_framed() {
    let mut out = Vec::new();
    write_request(&[b"CONFIG", b"GET", b"save"], &mut out);
    assert_eq!(out, b"*3\r\n$6\r\nCONFIG\r\n$3\r\nGET\r\n$4\r\nsave\r\n");
}

proptest! {
    #[test]
    fn no_bytes_make_the_reader_panic(bytes: Vec<u8>) {
        if let Ok(Some((_, used))) = Token::read(&bytes) {
            prop_assert!(used <= bytes.len());
        }
    }

    #[test]
    fn any_value_comes_back_whole(value: Vec<u8>) {
        let mut bytes = format!("${}\r\n", value.len()).into_bytes();
        bytes.extend_from_slice(&value);
        bytes.extend_from_slice(b"\r\nrest");
        let used = bytes.len() - 4;
        prop_assert_eq!(Token::read(&bytes), Ok(Some((Token::Bulk(&value), used))));
    }
}
