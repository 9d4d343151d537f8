//! A blocking RESP client for questions beside the load: is it there, how many keys, snapshot now.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::protocol::ProtocolError;
use crate::protocol::resp::{Token, write_request};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);
/// Deeper answers are not understood.
const DEPTH_MAX: usize = 4;
const ANSWER_BYTES_MAX: usize = 16 << 20;

/// An answer, owned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// Text, simple or not.
    Text(String),
    /// A number.
    Integer(i64),
    /// Nothing.
    Nil,
    /// Several.
    Array(Vec<Reply>),
    /// A refusal.
    Error(String),
}

/// One connection.
#[derive(Debug)]
pub struct Client {
    stream: TcpStream,
    input: Vec<u8>,
}

impl Client {
    /// Connects.
    ///
    /// # Errors
    ///
    /// If the server cannot be reached.
    pub fn connect(addr: SocketAddr) -> Result<Client> {
        let stream = TcpStream::connect_timeout(&addr, CONNECT_TIMEOUT)
            .with_context(|| format!("cannot connect to {addr}"))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(ANSWER_TIMEOUT))?;
        Ok(Client {
            stream,
            input: Vec::new(),
        })
    }

    /// Asks, and waits for the answer.
    ///
    /// # Errors
    ///
    /// If the connection fails or the answer is not understood.
    pub fn call(&mut self, arguments: &[&str]) -> Result<Reply> {
        let arguments: Vec<&[u8]> = arguments
            .iter()
            .map(|argument| argument.as_bytes())
            .collect();
        let mut output = Vec::new();
        write_request(&arguments, &mut output);
        self.stream.write_all(&output)?;
        loop {
            if let Some((reply, used)) = Reply::read(&self.input, DEPTH_MAX)? {
                self.input.drain(..used);
                return Ok(reply);
            }
            self.receive()?;
        }
    }

    /// Asks for a text.
    ///
    /// # Errors
    ///
    /// As [`Client::call`], and if the answer is a refusal or something else.
    pub fn text(&mut self, arguments: &[&str]) -> Result<String> {
        match self.call(arguments)? {
            Reply::Text(text) => Ok(text),
            other => bail!("{} was answered by {other:?}", arguments.join(" ")),
        }
    }

    /// Asks for a number.
    ///
    /// # Errors
    ///
    /// As [`Client::call`], and if the answer is a refusal or something else.
    pub fn integer(&mut self, arguments: &[&str]) -> Result<i64> {
        match self.call(arguments)? {
            Reply::Integer(number) => Ok(number),
            other => bail!("{} was answered by {other:?}", arguments.join(" ")),
        }
    }

    /// A setting, as `CONFIG GET` tells it.
    ///
    /// # Errors
    ///
    /// As [`Client::call`], and if there is no such setting.
    pub fn setting(&mut self, name: &str) -> Result<String> {
        match self.call(&["CONFIG", "GET", name])? {
            Reply::Array(pair) => match pair.get(1) {
                Some(Reply::Text(value)) => Ok(value.clone()),
                _ => bail!("there is no setting {name}"),
            },
            other => bail!("CONFIG GET {name} was answered by {other:?}"),
        }
    }

    /// A field of `INFO`.
    ///
    /// # Errors
    ///
    /// As [`Client::call`], and if there is no such field.
    pub fn info(&mut self, section: &str, field: &str) -> Result<String> {
        let text = self.text(&["INFO", section])?;
        info_field(&text, field).with_context(|| format!("INFO {section} has no {field}"))
    }

    fn receive(&mut self) -> Result<()> {
        let mut chunk = [0; 16 * 1024];
        let count = self.stream.read(&mut chunk).context("no answer")?;
        if count == 0 {
            bail!("the server closed the connection");
        }
        if self.input.len() + count > ANSWER_BYTES_MAX {
            bail!("an answer larger than {ANSWER_BYTES_MAX} bytes");
        }
        self.input.extend_from_slice(&chunk[..count]);
        Ok(())
    }
}

fn info_field(text: &str, field: &str) -> Option<String> {
    text.lines()
        .find_map(|line| line.strip_prefix(field)?.strip_prefix(':'))
        .map(|value| value.trim().to_owned())
}

impl Reply {
    fn read(input: &[u8], depth: usize) -> Result<Option<(Reply, usize)>, ProtocolError> {
        let Some((token, mut used)) = Token::read(input)? else {
            return Ok(None);
        };
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let reply = match token {
            Token::Simple(bytes) | Token::Bulk(bytes) => Reply::Text(text(bytes)),
            Token::Error(message) => Reply::Error(text(message)),
            Token::Integer(number) => Reply::Integer(number),
            Token::Nil => Reply::Nil,
            Token::Array(_) if depth == 0 => {
                return Err(ProtocolError::new("a deep answer", input));
            }
            Token::Array(count) => {
                let mut items = Vec::new();
                for _ in 0..count {
                    let Some((item, bytes)) = Reply::read(&input[used..], depth - 1)? else {
                        return Ok(None);
                    };
                    used += bytes;
                    items.push(item);
                }
                Reply::Array(items)
            }
        };
        Ok(Some((reply, used)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nested_answers_are_read_whole_or_not_at_all() {
        let bytes = b"*2\r\n$4\r\nsave\r\n*2\r\n:1\r\n$-1\r\n";
        let reply = Reply::Array(vec![
            Reply::Text("save".to_owned()),
            Reply::Array(vec![Reply::Integer(1), Reply::Nil]),
        ]);
        assert_eq!(
            Reply::read(bytes, DEPTH_MAX),
            Ok(Some((reply, bytes.len())))
        );
        for end in 0..bytes.len() {
            assert_eq!(Reply::read(&bytes[..end], DEPTH_MAX), Ok(None));
        }
    }

    #[test]
    fn endless_nesting_is_refused() {
        assert!(Reply::read(&b"*1\r\n".repeat(100), DEPTH_MAX).is_err());
    }

    #[test]
    fn info_fields_are_found_by_their_whole_name() {
        let text = "# Persistence\r\nrdb_bgsave_in_progress:1\r\nrdb:x\r\n";
        assert_eq!(
            info_field(text, "rdb_bgsave_in_progress"),
            Some("1".to_owned())
        );
        assert_eq!(info_field(text, "rdb"), Some("x".to_owned()));
        assert_eq!(info_field(text, "rdb_bgsave"), None);
    }
}
