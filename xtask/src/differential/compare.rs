//! When two replies count as equal: exactly, but for the differences listed here.
//!
//! 1. An unknown command: ours suggests a name where Redis repeats the arguments; the two are
//!    compared up to the command's name.
//! 2. `KEYS`, `SCAN`, `PUBSUB CHANNELS`: the order is nobody's promise, and of a `SCAN` in parts
//!    neither is what each part holds.
//! 3. `TTL`, `PTTL`, `EXPIRETIME`, `PEXPIRETIME`: the servers look at their clocks one after the
//!    other; three seconds apart is equal. Negative answers are compared exactly.
//! 4. `RANDOMKEY`, `DBSIZE` (Redis counts the expired until it meets them), `TIME`, `INFO`,
//!    `HELLO`, `CLIENT ID`, `COMMAND`, `CONFIG`: the type of the reply only. What `DBSIZE` says is compared
//!    once every key has been met.
//!    RESP3's marked text (`INFO`) counts as bytes.
//! 5. `GETEX` with a time that is no number: ours refuses it, Redis answers nil if the key is absent.
//!    `SCAN` with a negative or empty cursor: ours refuses it, to Redis it is a large one or 0.

use crate::resp::{Command, Reply};

/// How the replies to a command are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    Exact,
    /// Arrays with the same elements in any order.
    Unordered,
    /// `SCAN`: the cursor exactly, the keys in any order.
    Scan,
    /// Times at most this far apart.
    Near(i64),
    /// The same type of reply.
    Type,
    /// Exactly, but an absent key does not excuse a bad time.
    GetEx,
    /// The same type of reply, but a bad cursor may be refused.
    ScanFrom,
}

/// Seconds that two clocks may be read apart.
const CLOCK_SLACK_S: i64 = 3;

/// What ours says of a time that is no number.
const BAD_TIMES: &[&str] = &["ERR value is not an integer or out of range"];

/// What ours says of a cursor that cannot be.
const BAD_CURSORS: &[&str] = &["ERR invalid cursor"];

/// What an unknown command's error starts with.
const UNKNOWN_COMMAND: &[u8] = b"ERR unknown command '";

/// How the replies to `command` are compared.
pub(super) fn mode_of(command: &Command) -> Mode {
    let word = |at: usize| command.get(at).map(|word| word.to_ascii_uppercase());
    match word(0).unwrap_or_default().as_slice() {
        b"KEYS" => Mode::Unordered,
        b"PUBSUB" if word(1).as_deref() == Some(b"CHANNELS") => Mode::Unordered,
        b"SCAN" if is_whole_scan(command) => Mode::Scan,
        b"GETEX" => Mode::GetEx,
        b"TTL" | b"EXPIRETIME" => Mode::Near(CLOCK_SLACK_S),
        b"PTTL" | b"PEXPIRETIME" => Mode::Near(CLOCK_SLACK_S * 1000),
        b"SCAN" if !starts_with_digit(command.get(1)) => Mode::ScanFrom,
        b"SCAN" | b"RANDOMKEY" | b"DBSIZE" | b"TIME" | b"INFO" => Mode::Type,
        b"HELLO" | b"COMMAND" | b"CONFIG" => Mode::Type,
        b"CLIENT" if word(1).as_deref() == Some(b"ID") => Mode::Type,
        _ => Mode::Exact,
    }
}

/// Whether `got` may stand where Redis says `expected`.
pub(super) fn equal(mode: Mode, expected: &Reply, got: &Reply) -> bool {
    if let (Reply::Line(b'-', expected), Reply::Line(b'-', got)) = (expected, got) {
        return error_part(expected) == error_part(got);
    }
    match mode {
        Mode::Exact => expected == got,
        Mode::Unordered => sorted(expected) == sorted(got),
        Mode::Scan => equal_scans(expected, got),
        Mode::Near(slack) => near(slack, expected, got),
        Mode::GetEx => expected == got || is_nil(expected) && is_error(got, BAD_TIMES),
        Mode::ScanFrom => equal(Mode::Type, expected, got) || is_error(got, BAD_CURSORS),
        Mode::Type => type_byte(expected) == type_byte(got),
    }
}

/// Whether the replies of a transaction are equal, each by the mode of its command.
pub(super) fn equal_transactions(modes: &[Mode], expected: &Reply, got: &Reply) -> bool {
    match (expected, got) {
        (Reply::Many(b'*', expected), Reply::Many(b'*', got)) if expected.len() == modes.len() => {
            let pairs = expected.iter().zip(got);
            expected.len() == got.len()
                && modes
                    .iter()
                    .zip(pairs)
                    .all(|(mode, (e, g))| equal(*mode, e, g))
        }
        _ => equal(Mode::Exact, expected, got),
    }
}

fn starts_with_digit(word: Option<&Vec<u8>>) -> bool {
    word.is_some_and(|word| word.first().is_some_and(u8::is_ascii_digit))
}

/// Whether a `SCAN` sees every key at once, from the start.
fn is_whole_scan(command: &Command) -> bool {
    let counts_all = |pair: &[Vec<u8>]| {
        pair[0].eq_ignore_ascii_case(b"COUNT") && pair[1].as_slice() == b"100000"
    };
    command.get(1).is_some_and(|cursor| cursor == b"0") && command.windows(2).any(counts_all)
}

/// As much of an error as both servers must agree on.
fn error_part(text: &[u8]) -> &[u8] {
    let Some(rest) = text.strip_prefix(UNKNOWN_COMMAND) else {
        return text;
    };
    let name_len = rest
        .iter()
        .position(|byte| *byte == b'\'')
        .unwrap_or(rest.len());
    &text[..UNKNOWN_COMMAND.len() + name_len]
}

fn is_nil(reply: &Reply) -> bool {
    matches!(type_byte(reply), b'$' | b'_') && reply.bytes().is_none()
}

fn is_error(reply: &Reply, texts: &[&str]) -> bool {
    reply
        .error()
        .is_some_and(|error| texts.contains(&error.as_str()))
}

fn sorted(reply: &Reply) -> Reply {
    let Reply::Many(kind, items) = reply else {
        return reply.clone();
    };
    let mut items = items.clone();
    items.sort_by_key(|item| format!("{item:?}"));
    Reply::Many(*kind, items)
}

fn equal_scans(expected: &Reply, got: &Reply) -> bool {
    match (expected, got) {
        (Reply::Many(b'*', expected), Reply::Many(b'*', got)) => {
            expected.len() == got.len()
                && expected
                    .iter()
                    .zip(got)
                    .all(|(e, g)| equal(Mode::Unordered, e, g))
        }
        _ => expected == got,
    }
}

fn near(slack: i64, expected: &Reply, got: &Reply) -> bool {
    match (expected.integer(), got.integer()) {
        (Some(expected), Some(got)) if expected >= 0 && got >= 0 => {
            expected.abs_diff(got) <= slack.unsigned_abs()
        }
        _ => expected == got,
    }
}

/// What a reply starts with; marked text counts as bytes.
fn type_byte(reply: &Reply) -> u8 {
    match reply {
        Reply::Bulk(b'=', _) => b'$',
        Reply::Line(kind, _) | Reply::Bulk(kind, _) | Reply::Nil(kind) | Reply::Many(kind, _) => {
            *kind
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resp::command;

    fn line(text: &str) -> Reply {
        let (kind, rest) = text.as_bytes().split_first().unwrap();
        Reply::Line(*kind, rest.to_vec())
    }

    fn list(items: &[&str]) -> Reply {
        Reply::Many(b'*', items.iter().map(|item| line(item)).collect())
    }

    #[test]
    fn errors_are_compared_word_for_word() {
        let (syntax, integer) = (line("-ERR syntax error"), line("-ERR not an integer"));
        assert!(equal(Mode::Exact, &syntax, &syntax));
        assert!(!equal(Mode::Type, &syntax, &integer));
    }

    #[test]
    fn an_unknown_command_is_compared_up_to_its_name() {
        let redis = line("-ERR unknown command 'GTE', with args beginning with: 'a' ");
        let ours = line("-ERR unknown command 'GTE', did you mean 'GET'?");
        assert!(equal(Mode::Exact, &redis, &ours));
        assert!(!equal(
            Mode::Exact,
            &redis,
            &line("-ERR unknown command 'GET'")
        ));
    }

    #[test]
    fn keys_may_come_in_any_order_but_none_may_be_missing() {
        let mode = mode_of(&command(&["keys", "*"]));
        assert!(equal(mode, &list(&["+a", "+b"]), &list(&["+b", "+a"])));
        assert!(!equal(mode, &list(&["+a", "+b"]), &list(&["+a", "+a"])));
    }

    #[test]
    fn a_bad_time_is_refused_for_an_absent_key_only() {
        let mode = mode_of(&command(&["GETEX", "a", "PX", "x"]));
        let refused = line("-ERR value is not an integer or out of range");
        assert!(equal(mode, &Reply::Nil(b'$'), &refused));
        assert!(equal(mode, &line("_"), &refused));
        assert!(!equal(mode, &Reply::Bulk(b'$', b"x".to_vec()), &refused));
        for error in [
            "-ERR syntax error",
            "-ERR invalid expire time in 'getex' command",
        ] {
            assert!(!equal(mode, &Reply::Nil(b'$'), &line(error)));
        }
    }

    #[test]
    fn times_may_be_near_but_no_expiry_is_not_no_key() {
        let mode = mode_of(&command(&["TTL", "a"]));
        assert!(equal(mode, &line(":100"), &line(":98")));
        assert!(!equal(mode, &line(":100"), &line(":90")));
        assert!(!equal(mode, &line(":-1"), &line(":-2")));
        assert!(!equal(mode, &line(":1"), &line(":-1")));
    }

    #[test]
    fn each_reply_of_a_transaction_has_its_own_mode() {
        let modes = [Mode::Exact, Mode::Near(3)];
        assert!(equal_transactions(
            &modes,
            &list(&["+a", ":9"]),
            &list(&["+a", ":8"])
        ));
        assert!(!equal_transactions(
            &modes,
            &list(&[":9", ":9"]),
            &list(&[":8", ":9"])
        ));
    }
}
