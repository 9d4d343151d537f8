//! Bytes received and not decoded yet.
//!
//!   | decoded | waiting | free |
//!             ^start    ^end
//!
//! 1. Never grows beyond its limit: a server that sends an endless answer is an error.

use std::io::{self, Read};

const SIZE_BYTES: usize = 32 * 1024;

/// One connection's receive buffer.
#[derive(Debug)]
pub(super) struct Input {
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    size_bytes_max: usize,
}

/// What one read brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Received {
    /// All there was; the socket has no more for now.
    All,
    /// Nothing, for now.
    Nothing,
    /// As much as there was room for.
    More,
    /// The other side closed.
    End,
}

impl Input {
    /// A buffer with room for one answer of `answer_bytes_max`.
    pub(super) fn new(answer_bytes_max: usize) -> Input {
        Input {
            buffer: vec![0; SIZE_BYTES],
            start: 0,
            end: 0,
            size_bytes_max: answer_bytes_max.max(SIZE_BYTES),
        }
    }

    /// What waits to be decoded.
    pub(super) fn waiting(&self) -> &[u8] {
        &self.buffer[self.start..self.end]
    }

    /// Drops `count` decoded bytes.
    pub(super) fn consume(&mut self, count: usize) {
        self.start += count;
        assert!(self.start <= self.end, "more consumed than received");
    }

    /// Reads once, as much as there is room for.
    ///
    /// # Errors
    ///
    /// If reading fails, or an answer is larger than the limit.
    pub(super) fn receive(&mut self, source: &mut impl Read) -> io::Result<Received> {
        self.make_room()?;
        loop {
            match source.read(&mut self.buffer[self.end..]) {
                Ok(0) => return Ok(Received::End),
                Ok(count) => {
                    self.end += count;
                    let is_full = self.end == self.buffer.len();
                    return Ok(if is_full {
                        Received::More
                    } else {
                        Received::All
                    });
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    return Ok(Received::Nothing);
                }
                Err(error) => return Err(error),
            }
        }
    }

    fn make_room(&mut self) -> io::Result<()> {
        self.buffer.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
        if self.end < self.buffer.len() {
            return Ok(());
        }
        if self.buffer.len() >= self.size_bytes_max {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                format!("an answer larger than {} bytes", self.size_bytes_max),
            ));
        }
        let size = (self.buffer.len() * 2).min(self.size_bytes_max);
        self.buffer.resize(size, 0);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_wait_until_they_are_consumed() {
        let mut input = Input::new(0);
        assert_eq!(input.receive(&mut &b"abc"[..]).unwrap(), Received::All);
        input.consume(2);
        assert_eq!(input.receive(&mut &b"de"[..]).unwrap(), Received::All);
        assert_eq!(input.waiting(), b"cde");
        assert_eq!(input.receive(&mut io::empty()).unwrap(), Received::End);
    }

    #[test]
    fn the_buffer_grows_to_its_limit_and_no_further() {
        let limit = 3 * SIZE_BYTES;
        let mut input = Input::new(limit);
        let mut endless = io::repeat(b'x');
        while input.waiting().len() < limit {
            assert_eq!(input.receive(&mut endless).unwrap(), Received::More);
        }
        let error = input.receive(&mut endless).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
        assert_eq!(input.waiting().len(), limit);
    }
}
