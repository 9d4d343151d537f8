//! The arguments of one request, as places in the bytes they came in.

use bytes::Bytes;

/// Where an argument lies in a buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) start: u32,
    pub(super) len: u32,
}

impl Span {
    /// The span `start..start + len`.
    pub(super) fn new(start: usize, len: usize) -> Span {
        let narrow = |n: usize| u32::try_from(n).expect("a run of requests is cut below 4 GiB");
        Span {
            start: narrow(start),
            len: narrow(len),
        }
    }

    /// The same bytes after the first `count` of the buffer are gone.
    pub(super) fn shifted(self, count: usize) -> Span {
        Span::new(self.start as usize - count, self.len as usize)
    }

    fn range(self) -> std::ops::Range<usize> {
        let start = self.start as usize;
        start..start + self.len as usize
    }
}

/// The arguments of one request, its name first. Copying this copies three words.
#[derive(Debug, Clone, Copy)]
pub struct Args<'a> {
    bytes: &'a Bytes,
    spans: &'a [Span],
}

impl<'a> Args<'a> {
    pub(super) fn new(bytes: &'a Bytes, spans: &'a [Span]) -> Args<'a> {
        Args { bytes, spans }
    }

    /// How many there are, the name included.
    #[must_use]
    pub fn len(self) -> usize {
        self.spans.len()
    }

    /// Whether there is none; never so for a request that was decoded.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.spans.is_empty()
    }

    /// The argument at `index`, the name being at 0.
    #[must_use]
    pub fn get(self, index: usize) -> Option<&'a [u8]> {
        self.bytes.get(self.spans.get(index)?.range())
    }

    /// The same as a handle that keeps the bytes alive.
    #[must_use]
    pub fn bytes(self, index: usize) -> Option<Bytes> {
        let span = self.spans.get(index)?;
        Some(self.bytes.slice(span.range()))
    }

    /// The name, as it was written.
    #[must_use]
    pub fn name(self) -> &'a [u8] {
        self.get(0).unwrap_or_default()
    }

    /// Those from `index` on, as if they were a request of their own.
    #[must_use]
    pub fn tail(self, index: usize) -> Args<'a> {
        Args {
            bytes: self.bytes,
            spans: self.spans.get(index..).unwrap_or_default(),
        }
    }

    /// All of them, the name first.
    pub fn iter(self) -> impl ExactSizeIterator<Item = &'a [u8]> {
        self.spans
            .iter()
            .map(move |span| self.bytes.get(span.range()).unwrap_or_default())
    }
}
