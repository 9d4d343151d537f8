//! Where answers are printed, and how.
//!
//! Two forms: for people (pretty JSON, tables, colour on a terminal) and, with `--json`, for
//! programs (one JSON object a line, with field names that do not change).

use std::io::{self, BufWriter, IsTerminal, Write};

use anstream::{AutoStream, ColorChoice};
use kv_client::Value;
use serde_json::{Value as Json, json};

use crate::args::Global;
use crate::failure::Failure;
use crate::pretty::{Pretty, write_pretty};

/// Stdout with what the user wants of it.
pub(crate) struct Output {
    out: BufWriter<Box<dyn Write + Send>>,
    pretty: Pretty,
    is_terminal: bool,
    json: bool,
    quiet: bool,
}

impl Output {
    pub(crate) fn new(global: &Global) -> Output {
        let stdout = io::stdout();
        let colour = AutoStream::choice(&stdout) != ColorChoice::Never;
        Output {
            is_terminal: stdout.is_terminal(),
            out: BufWriter::with_capacity(64 * 1024, Box::new(stdout)),
            pretty: Pretty { colour },
            json: global.json,
            quiet: global.quiet,
        }
    }

    pub(crate) fn is_json(&self) -> bool {
        self.json
    }

    pub(crate) fn is_quiet(&self) -> bool {
        self.quiet
    }

    /// Whether somebody reads it as it comes.
    pub(crate) fn is_terminal(&self) -> bool {
        self.is_terminal
    }

    pub(crate) fn pretty(&self) -> Pretty {
        self.pretty
    }

    pub(crate) fn colour(&self) -> bool {
        self.pretty.colour
    }

    /// One object for programs, or one line for people.
    pub(crate) fn answer(&mut self, json: &Json, text: impl AsRef<str>) -> Result<(), Failure> {
        match self.json {
            true => self.line(json.to_string()),
            false => self.line(text),
        }
    }

    /// As [`Output::answer`], but people may not want to see it.
    pub(crate) fn confirm(&mut self, json: &Json, text: impl AsRef<str>) -> Result<(), Failure> {
        match self.quiet && !self.json {
            true => Ok(()),
            false => self.answer(json, text),
        }
    }

    pub(crate) fn line(&mut self, text: impl AsRef<str>) -> Result<(), Failure> {
        Ok(writeln!(self.out, "{}", text.as_ref())?)
    }

    /// A value on lines of its own.
    pub(crate) fn value(&mut self, value: &Value) -> Result<(), Failure> {
        write_pretty(&mut self.out, self.pretty, &value.to_json_value())?;
        Ok(writeln!(self.out)?)
    }

    /// Exactly these bytes.
    pub(crate) fn raw(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        Ok(self.out.write_all(bytes)?)
    }

    pub(crate) fn flush(&mut self) -> Result<(), Failure> {
        Ok(self.out.flush()?)
    }
}

/// A key as people see it: as it is, or quoted if that would not be one clear line.
pub(crate) fn show_key(key: &[u8]) -> String {
    match std::str::from_utf8(key) {
        Ok(text) if !text.is_empty() && !text.contains(char::is_control) => text.to_owned(),
        Ok(text) => Json::from(text).to_string(),
        Err(_) => format!("\"{}\"", key.escape_ascii()),
    }
}

/// A key as programs see it: text, or its bytes in base64.
pub(crate) fn json_key(key: &[u8]) -> Json {
    Value::Bytes(key.to_vec()).to_json_value()
}

/// Nothing but a key and whether something holds of it.
pub(crate) fn json_flag(key: &str, name: &str, holds: bool) -> Json {
    json!({ "key": key, name: holds })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_shown_on_one_clear_line() {
        assert_eq!(show_key(b"user:1"), "user:1");
        assert_eq!(show_key("größe".as_bytes()), "größe");
        assert_eq!(show_key(b""), r#""""#);
        assert_eq!(show_key(b"a\nb"), r#""a\nb""#);
        assert_eq!(show_key(b"\xff\x00a"), r#""\xff\x00a""#);
    }
}
