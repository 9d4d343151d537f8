//! Values as they are given on the command line or on stdin.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use kv_client::{EncodedValue, Value};

use crate::failure::Failure;

/// What stands for stdin in place of a file or a value.
pub(crate) const STDIN: &str = "-";

/// JSON if it is JSON and not meant as text, else text.
///
/// # Errors
/// If it is JSON that cannot be stored.
pub(crate) fn parse_value(text: &str, is_text: bool) -> Result<EncodedValue, Failure> {
    let json = match is_text {
        true => None,
        false => serde_json::from_str(text).ok(),
    };
    let value = match json {
        Some(json) => Value::from_json_value(json)
            .map_err(|error| Failure::Usage(format!("cannot store this value: {error}")))?,
        None => Value::Str(text.to_owned()),
    };
    Ok(EncodedValue::from(&value))
}

/// As [`parse_value`], but `-` is what comes from stdin. Bytes there that are no text are bytes.
///
/// # Errors
/// If stdin cannot be read.
pub(crate) fn value_or_stdin(text: &str, is_text: bool) -> Result<EncodedValue, Failure> {
    if text != STDIN {
        return parse_value(text, is_text);
    }
    match String::from_utf8(read_all(Path::new(STDIN))?) {
        Ok(text) => parse_value(&text, is_text),
        Err(error) => Ok(EncodedValue::from_bytes(error.into_bytes().into())),
    }
}

/// The bytes of a file, or of stdin.
///
/// # Errors
/// If it cannot be read.
pub(crate) fn read_all(path: &Path) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    open(path)?
        .read_to_end(&mut bytes)
        .map_err(|error| Failure::file("read", path, error))?;
    Ok(bytes)
}

/// A file, or stdin.
///
/// # Errors
/// If it cannot be opened.
pub(crate) fn open(path: &Path) -> Result<Box<dyn Read + Send>, Failure> {
    if path == Path::new(STDIN) {
        return Ok(Box::new(io::stdin()));
    }
    match File::open(path) {
        Ok(file) => Ok(Box::new(file)),
        Err(error) => Err(Failure::file("open", path, error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str, is_text: bool) -> Value {
        parse_value(text, is_text).unwrap().decode().unwrap()
    }

    #[test]
    fn json_is_json_and_the_rest_is_text() {
        assert_eq!(parsed("1", false), Value::Int(1));
        assert_eq!(parsed("\"1\"", false), Value::Str("1".into()));
        assert_eq!(parsed("one", false), Value::Str("one".into()));
        assert_eq!(parsed("1", true), Value::Str("1".into()));
        assert_eq!(parsed("", false), Value::Str(String::new()));
    }

    #[test]
    fn bytes_can_be_given_in_json() {
        assert_eq!(
            parsed(r#"{"$base64":"/w=="}"#, false),
            Value::Bytes(vec![0xff])
        );
        assert!(parse_value(r#"{"$base64":"?"}"#, false).is_err());
    }
}
