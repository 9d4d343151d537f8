//! Visits every item within a structure, in its encoding; the layout is drawn in
//! `kv_proto::value`.
//!
//! 1. Builds nothing but the path. Every item takes a byte at least, so a walk is no longer than
//!    its encoding, whatever counts it announces; and it is at most [`NESTING_MAX`] deep.

use kv_proto::Tag;
use kv_proto::value::NESTING_MAX;

use super::{DEPTH_MAX, PATH_BYTES_MAX};

/// A value within a value, still encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Item<'a> {
    /// What it is.
    pub tag: Tag,
    /// As a value's payload: a string has no length before it.
    pub payload: &'a [u8],
}

impl<'a> Item<'a> {
    /// Its text, if it is a string.
    #[must_use]
    pub fn text(&self) -> Option<&'a str> {
        match self.tag {
            Tag::Str => std::str::from_utf8(self.payload).ok(),
            _ => None,
        }
    }
}

/// An item and where it is.
pub(super) struct Place<'p, 'a> {
    pub(super) item: Item<'a>,
    /// Of its payload in the walked one.
    pub(super) offset: usize,
    pub(super) path: &'p str,
    /// Neither too deep, nor is its path too long; otherwise `path` is that of some container
    /// around it.
    pub(super) is_field: bool,
}

/// Visits what is within the structure that `payload` encodes under `tag`, until `visit` returns
/// `None`; then, or if `payload` is no encoding, returns `None`.
pub(super) fn walk<F>(tag: Tag, payload: &[u8], visit: F) -> Option<()>
where
    F: FnMut(Place<'_, '_>) -> Option<()>,
{
    let mut walk = Walk {
        payload,
        at: 0,
        path: String::new(),
        depth: 0,
        is_field: true,
        visit,
    };
    match tag {
        Tag::List | Tag::Map => walk.container(tag),
        _ => Some(()),
    }
}

struct Walk<'a, F> {
    payload: &'a [u8],
    at: usize,
    path: String,
    /// How many containers are around.
    depth: usize,
    is_field: bool,
    visit: F,
}

impl<'a, F: FnMut(Place<'_, '_>) -> Option<()>> Walk<'a, F> {
    fn container(&mut self, tag: Tag) -> Option<()> {
        if self.depth >= NESTING_MAX {
            return None;
        }
        let was_field = self.is_field;
        self.depth += 1;
        self.is_field &= self.depth <= DEPTH_MAX;
        for _ in 0..self.count()? {
            match tag {
                Tag::Map => self.named_item()?,
                _ => self.item()?,
            }
        }
        self.depth -= 1;
        self.is_field = was_field;
        Some(())
    }

    fn named_item(&mut self) -> Option<()> {
        let name = std::str::from_utf8(self.block()?).ok()?;
        let (path_bytes, was_field) = (self.path.len(), self.is_field);
        self.enter(name);
        self.item()?;
        self.path.truncate(path_bytes);
        self.is_field = was_field;
        Some(())
    }

    /// Extends the path by `name`, within the bounds.
    fn enter(&mut self, name: &str) {
        let dot = if self.path.is_empty() { "" } else { "." };
        self.is_field &= self.path.len() + dot.len() + name.len() <= PATH_BYTES_MAX;
        if self.is_field {
            self.path.push_str(dot);
            self.path.push_str(name);
        }
    }

    fn item(&mut self) -> Option<()> {
        let [tag] = self.take(1)? else { return None };
        let tag = Tag::from_u8(*tag)?;
        let start = self.at;
        let payload = match tag {
            Tag::Null => &[],
            Tag::Bool => self.take(1)?,
            Tag::Int | Tag::Float => self.take(8)?,
            Tag::Str | Tag::Bytes => self.block()?,
            Tag::List | Tag::Map => {
                self.container(tag)?;
                self.payload.get(start..self.at)?
            }
        };
        (self.visit)(Place {
            item: Item { tag, payload },
            offset: self.at - payload.len(),
            path: &self.path,
            is_field: self.is_field,
        })
    }

    fn block(&mut self) -> Option<&'a [u8]> {
        let count = self.count()?;
        self.take(count as usize)
    }

    fn count(&mut self) -> Option<u32> {
        let bytes = self.take(size_of::<u32>())?;
        Some(u32::from_le_bytes(bytes.try_into().ok()?))
    }

    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let taken = self.payload.get(self.at..)?.get(..count)?;
        self.at += count;
        Some(taken)
    }
}
