//! Numbers as text, the way RESP clients write and expect them.
//!
//! 1. An integer has exactly one text: no sign but `-`, no leading zeros, no blanks. So a stored
//!    text is an integer exactly if printing that integer gives the text back.
//! 2. A float's text is the shortest one that reads back as the same float.

/// The integer that `text` is, if it is one.
#[must_use]
pub fn parse_i64(text: &[u8]) -> Option<i64> {
    match text {
        [b'0'] => Some(0),
        [b'-', digits @ ..] => {
            accumulate(digits, |sum, digit| sum.checked_mul(10)?.checked_sub(digit))
        }
        digits => accumulate(digits, |sum, digit| sum.checked_mul(10)?.checked_add(digit)),
    }
}

fn accumulate(digits: &[u8], add: impl Fn(i64, i64) -> Option<i64>) -> Option<i64> {
    if !matches!(digits.first(), Some(b'1'..=b'9')) {
        return None;
    }
    digits
        .iter()
        .try_fold(0, |sum, byte| match byte.wrapping_sub(b'0') {
            digit @ 0..=9 => add(sum, i64::from(digit)),
            _ => None,
        })
}

/// The float that `text` is, if it is one: infinity is, NaN is not.
#[must_use]
pub fn parse_f64(text: &[u8]) -> Option<f64> {
    let float: f64 = std::str::from_utf8(text).ok()?.parse().ok()?;
    (!float.is_nan()).then_some(float)
}

/// The shortest text that reads back as `float`: `3`, `3.14`, `1e+300`, `inf`, `nan`.
#[must_use]
pub fn float_text(float: f64) -> String {
    if float.is_nan() {
        return "nan".to_owned();
    }
    let magnitude = float.abs();
    if float.is_infinite() || magnitude == 0.0 || (1e-5..1e17).contains(&magnitude) {
        return float.to_string();
    }
    let text = format!("{float:e}");
    match text.split_once('e') {
        Some((digits, exponent)) if !exponent.starts_with('-') => format!("{digits}e+{exponent}"),
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_have_one_text() {
        for int in [0, 1, -1, 10, -10, i64::MAX, i64::MIN] {
            assert_eq!(parse_i64(int.to_string().as_bytes()), Some(int));
        }
        for text in [
            "",
            "-",
            "+1",
            "-0",
            "01",
            " 1",
            "1 ",
            "1a",
            "9223372036854775808",
            "-9223372036854775809",
            "0x10",
        ] {
            assert_eq!(parse_i64(text.as_bytes()), None, "{text:?}");
        }
    }

    #[test]
    fn floats_must_be_numbers() {
        assert_eq!(parse_f64(b"1e5"), Some(1e5));
        assert_eq!(parse_f64(b"-.5"), Some(-0.5));
        assert_eq!(parse_f64(b"-inf"), Some(f64::NEG_INFINITY));
        for text in ["", "nan", " 1", "1 ", "1e", "x"] {
            assert_eq!(parse_f64(text.as_bytes()), None, "{text:?}");
        }
    }

    #[test]
    fn float_text_is_short_and_exact() {
        let texts = [
            (3.0, "3"),
            (2.5, "2.5"),
            (-0.1, "-0.1"),
            (1e300, "1e+300"),
            (1.5e-7, "1.5e-7"),
            (f64::INFINITY, "inf"),
            (f64::NEG_INFINITY, "-inf"),
            (f64::NAN, "nan"),
            (0.0, "0"),
        ];
        for (float, text) in texts {
            assert_eq!(float_text(float), text);
        }
        assert_eq!(float_text(f64::MIN_POSITIVE).parse(), Ok(f64::MIN_POSITIVE));
        assert_eq!(float_text(f64::MAX).parse(), Ok(f64::MAX));
    }
}
