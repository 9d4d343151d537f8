//! A blocking RESP2/RESP3 client.
//!
//! It shares no code with the server on purpose: a mistake in the server's codec is not repeated
//! here. Replies keep the type byte they came with, so that two servers can be compared exactly.

use std::fmt;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// A command: its name and arguments.
pub(crate) type Command = Vec<Vec<u8>>;

/// What a server answers.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Reply {
    /// One line, under its type byte: `+`, `-`, `:`, `,`, `#`, `(` or `_`.
    Line(u8, Vec<u8>),
    /// Counted bytes, under `$`, `=` or `!`.
    Bulk(u8, Vec<u8>),
    /// RESP2's `$-1` (`$`) or `*-1` (`*`).
    Nil(u8),
    /// Counted replies, under `*`, `%`, `~` or `>`; a map's keys and values alternate.
    Many(u8, Vec<Reply>),
}

/// A timeout is waited for in so many parts: while this process is stopped, or the machine sleeps,
/// one of them passes, not all.
const WAIT_PARTS: u32 = 50;

/// A connection to a server.
pub(crate) struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
    /// How much of the buffer has been read.
    at: usize,
}

impl Reply {
    /// The integer it is, if it is one.
    pub(crate) fn integer(&self) -> Option<i64> {
        match self {
            Reply::Line(b':', digits) => str::from_utf8(digits).ok()?.parse().ok(),
            _ => None,
        }
    }

    /// Whether it is `+text`.
    pub(crate) fn is_status(&self, text: &str) -> bool {
        *self == Reply::Line(b'+', text.as_bytes().to_vec())
    }

    /// The text of the error it is, if it is one.
    pub(crate) fn error(&self) -> Option<String> {
        match self {
            Reply::Line(b'-', text) => Some(String::from_utf8_lossy(text).into_owned()),
            _ => None,
        }
    }

    /// The bytes it is, if it is bytes.
    pub(crate) fn bytes(&self) -> Option<&[u8]> {
        match self {
            Reply::Bulk(_, bytes) => Some(bytes),
            _ => None,
        }
    }
}

impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reply::Line(kind, text) | Reply::Bulk(kind, text) => {
                write!(f, "{}{}", char::from(*kind), shown(text))
            }
            Reply::Nil(kind) => write!(f, "{}nil", char::from(*kind)),
            Reply::Many(kind, items) => {
                write!(f, "{}", char::from(*kind))?;
                f.debug_list().entries(items).finish()
            }
        }
    }
}

impl Connection {
    /// Connects to `addr`; a reply that takes longer than `timeout` is an error.
    ///
    /// # Errors
    ///
    /// When nobody listens.
    pub(crate) fn open(addr: &str, timeout: Duration) -> io::Result<Connection> {
        let stream = TcpStream::connect(addr)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(timeout / WAIT_PARTS))?;
        stream.set_write_timeout(Some(timeout))?;
        Ok(Connection {
            stream,
            buffer: Vec::new(),
            at: 0,
        })
    }

    /// Sends commands without waiting.
    ///
    /// # Errors
    ///
    /// When the connection is broken.
    pub(crate) fn send<'a>(
        &mut self,
        commands: impl IntoIterator<Item = &'a Command>,
    ) -> io::Result<()> {
        let mut bytes = Vec::new();
        commands
            .into_iter()
            .for_each(|command| encode(command, &mut bytes));
        self.stream.write_all(&bytes)
    }

    /// The next reply.
    ///
    /// # Errors
    ///
    /// When the connection breaks or stays silent, or sends what is not RESP.
    pub(crate) fn receive(&mut self) -> io::Result<Reply> {
        let line = self.line()?;
        let (&kind, text) = line.split_first().ok_or_else(|| invalid("an empty line"))?;
        match kind {
            b'+' | b'-' | b':' | b',' | b'#' | b'(' | b'_' => Ok(Reply::Line(kind, text.to_vec())),
            b'$' | b'=' | b'!' => self.bulk(kind, count(text)?),
            b'*' | b'~' | b'>' => self.many(kind, count(text)?),
            b'%' => self.many(kind, count(text)?.map(|pairs| pairs * 2)),
            _ => Err(invalid(&format!(
                "a reply that starts with {}",
                shown(&line)
            ))),
        }
    }

    /// Sends a command and waits for its reply.
    ///
    /// # Errors
    ///
    /// Those of [`Connection::send`] and [`Connection::receive`].
    pub(crate) fn call(&mut self, command: &Command) -> io::Result<Reply> {
        self.send([command])?;
        self.receive()
    }

    /// The port on our side.
    ///
    /// # Errors
    ///
    /// When the connection is gone.
    pub(crate) fn local_port(&self) -> io::Result<u16> {
        Ok(self.stream.local_addr()?.port())
    }

    fn bulk(&mut self, kind: u8, len: Option<usize>) -> io::Result<Reply> {
        let Some(len) = len else {
            return Ok(Reply::Nil(kind));
        };
        while self.buffer.len() - self.at < len + 2 {
            self.fill()?;
        }
        let bytes = self.buffer[self.at..self.at + len].to_vec();
        self.at += len + 2;
        Ok(Reply::Bulk(kind, bytes))
    }

    fn many(&mut self, kind: u8, len: Option<usize>) -> io::Result<Reply> {
        let Some(len) = len else {
            return Ok(Reply::Nil(kind));
        };
        let items = (0..len)
            .map(|_| self.receive())
            .collect::<io::Result<_>>()?;
        Ok(Reply::Many(kind, items))
    }

    fn line(&mut self) -> io::Result<Vec<u8>> {
        loop {
            let unread = &self.buffer[self.at..];
            if let Some(len) = unread.windows(2).position(|pair| pair == b"\r\n") {
                let line = unread[..len].to_vec();
                self.at += len + 2;
                return Ok(line);
            }
            self.fill()?;
        }
    }

    fn fill(&mut self) -> io::Result<()> {
        self.buffer.drain(..self.at);
        self.at = 0;
        let mut chunk = [0; 16 * 1024];
        let count = self.read(&mut chunk)?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.buffer.extend_from_slice(&chunk[..count]);
        Ok(())
    }

    fn read(&mut self, chunk: &mut [u8]) -> io::Result<usize> {
        for _ in 1..WAIT_PARTS {
            match self.stream.read(chunk) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                result => return result,
            }
        }
        self.stream.read(chunk)
    }
}

/// A command of words.
pub(crate) fn command(words: &[&str]) -> Command {
    words.iter().map(|word| word.as_bytes().to_vec()).collect()
}

/// Bytes as a person would write them.
pub(crate) fn shown(bytes: &[u8]) -> String {
    format!("\"{}\"", bytes.escape_ascii())
}

/// A command as a person would type it.
pub(crate) fn typed(command: &Command) -> String {
    let plain = |word: &[u8]| !word.is_empty() && word.iter().all(u8::is_ascii_graphic);
    let word = |word: &Vec<u8>| match plain(word) {
        true => String::from_utf8_lossy(word).into_owned(),
        false => shown(word),
    };
    command.iter().map(word).collect::<Vec<_>>().join(" ")
}

fn encode(command: &Command, out: &mut Vec<u8>) {
    out.extend_from_slice(format!("*{}\r\n", command.len()).as_bytes());
    for word in command {
        out.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
        out.extend_from_slice(word);
        out.extend_from_slice(b"\r\n");
    }
}

/// The count in front of a bulk or an array; -1 is `None`.
fn count(text: &[u8]) -> io::Result<Option<usize>> {
    if text == b"-1" {
        return Ok(None);
    }
    let number = str::from_utf8(text).ok().and_then(|text| text.parse().ok());
    number
        .map(Some)
        .ok_or_else(|| invalid(&format!("a count of {}", shown(text))))
}

fn invalid(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("not RESP: {what}"))
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    fn received(bytes: &'static [u8]) -> Vec<io::Result<Reply>> {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap().to_string();
        let server = std::thread::spawn(move || {
            listener.accept().unwrap().0.write_all(bytes).unwrap();
        });
        let mut connection = Connection::open(&addr, Duration::from_secs(10)).unwrap();
        server.join().unwrap();
        let mut replies = Vec::new();
        loop {
            match connection.receive() {
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return replies,
                reply => replies.push(reply),
            }
        }
    }

    #[test]
    fn replies_of_both_protocols_are_told_apart() {
        let bytes =
            b"+OK\r\n$-1\r\n_\r\n$2\r\n\r\n\r\n*2\r\n:1\r\n*-1\r\n%1\r\n+a\r\n#t\r\n>1\r\n,1.5\r\n";
        let replies: Vec<_> = received(bytes).into_iter().map(Result::unwrap).collect();
        let shown: Vec<_> = replies.iter().map(|reply| format!("{reply:?}")).collect();
        let expected = [
            "+\"OK\"",
            "$nil",
            "_\"\"",
            "$\"\\r\\n\"",
            "*[:\"1\", *nil]",
            "%[+\"a\", #\"t\"]",
            ">[,\"1.5\"]",
        ];
        assert_eq!(shown, expected);
    }

    #[test]
    fn what_is_not_resp_is_an_error() {
        assert!(received(b"hello\r\n")[0].is_err());
        assert!(received(b"$x\r\n")[0].is_err());
    }

    #[test]
    fn a_command_is_an_array_of_counted_bytes() {
        let mut bytes = Vec::new();
        encode(&vec![b"GET".to_vec(), b"\r\n".to_vec()], &mut bytes);
        assert_eq!(bytes, b"*2\r\n$3\r\nGET\r\n$2\r\n\r\n\r\n");
    }
}
