//! What there is to find in an entry's value.
//!
//! 1. Bytes that are the text of a JSON object or array count as that structure, and other bytes
//!    that are UTF-8 as text, as they are shown; bytes within a structure count as text or stay
//!    bytes. So a value is the same content whichever protocol stored it. (`{"$base64": …}` stands
//!    for bytes, not for a structure: bytes that say so are text.)
//! 2. One content has one encoding: the canonical one of `kv_proto::value`, with bytes that are text
//!    as strings and negative zeros positive. Equal values are equal bytes and have equal hashes.
//!    `1`, `1.0` and `"1"` differ.
//! 3. A field is an item within a structure at its path: the names of the maps around it with dots
//!    between them; an item of a list has the list's path. A list or a map within is a field, too.
//! 4. A value has at most [`FIELDS_MAX`] fields, [`DEPTH_MAX`] deep, under paths of at most
//!    [`PATH_BYTES_MAX`] bytes; what lies beyond is no field. Text that lies beyond is text all the
//!    same, under the last path that is not; at most [`TEXT_BYTES_MAX`] bytes of it count.
//!
//! Text is borrowed from its entry; only what has to be parsed is put elsewhere. Input is never
//! trusted: an encoding that is not one has the fields before its first mistake.

use std::borrow::Cow;
use std::rc::Rc;

use kv_proto::{EncodedValue, Entry, Tag, Value, ValueError};

mod walk;

#[cfg(test)]
pub(crate) mod tests;

pub use walk::Item;
use walk::Place;

/// Items with more containers around them are no fields.
pub const DEPTH_MAX: usize = 8;

/// Further fields of a value do not count.
pub const FIELDS_MAX: usize = 1024;

/// Fields with longer paths do not count.
pub const PATH_BYTES_MAX: usize = 1024;

/// Further text of a value does not count.
pub const TEXT_BYTES_MAX: usize = 1 << 20;

/// A value as the indexes see it.
///
/// ```
/// use kv_index::content::Content;
/// use kv_proto::{Entry, Tag, Value};
///
/// let json = br#"{"name": "Ann", "tags": ["new", "old"]}"#;
/// let entry = Entry::new(b"user:1", Tag::Bytes, json, 1, None);
/// let content = Content::of(&entry);
///
/// let mut strings = Vec::new();
/// content.strings(|path, text| strings.push(format!("{path}: {text}")));
/// assert_eq!(strings, ["name: Ann", "tags: new", "tags: old"]);
///
/// assert_eq!(content, Content::from(&Value::from_json(json).unwrap()));
/// assert!(content.has_at("tags", &Content::from(&Value::Str("old".into()))));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Content<'a> {
    tag: Tag,
    payload: Cow<'a, [u8]>,
}

impl<'a> Content<'a> {
    /// The content of an entry's value.
    #[must_use]
    pub fn of(entry: &'a Entry) -> Content<'a> {
        Content::new(entry.tag(), entry.payload())
    }

    /// The content of the value that `payload` encodes under `tag`.
    #[must_use]
    pub fn new(tag: Tag, payload: &'a [u8]) -> Content<'a> {
        match tag {
            Tag::Bytes => of_bytes(payload),
            tag => Content {
                tag,
                payload: one_encoding(tag, Cow::Borrowed(payload)),
            },
        }
    }

    /// What it is.
    #[must_use]
    pub fn tag(&self) -> Tag {
        self.tag
    }

    /// Decodes it.
    ///
    /// # Errors
    /// If it was made from what is not an encoding.
    pub fn value(&self) -> Result<Value, ValueError> {
        Value::decode(self.tag, &self.payload)
    }

    /// The whole as an item, to be looked for in other contents.
    #[must_use]
    pub fn item(&self) -> Item<'_> {
        Item {
            tag: self.tag,
            payload: &self.payload,
        }
    }

    /// Calls `visit` with the path and the text of each string in it, in order; a content that is a
    /// string has the empty path.
    pub fn strings(&self, mut visit: impl FnMut(&str, &str)) {
        let mut bytes_left = TEXT_BYTES_MAX;
        let mut take = |path: &str, text: &str| {
            let end = text.floor_char_boundary(bytes_left);
            visit(path, &text[..end]);
            bytes_left -= end;
            (end == text.len() && bytes_left > 0).then_some(())
        };
        match self.item().text() {
            Some(text) => take("", text),
            None => self.walk(|place| match place.item.text() {
                Some(text) => take(place.path, text),
                None => Some(()),
            }),
        };
    }

    /// All its texts, one after the other: what its meaning is made from.
    #[must_use]
    pub fn text(&self) -> Cow<'_, str> {
        if let Some(text) = self.item().text() {
            return Cow::Borrowed(text);
        }
        let mut all = String::new();
        self.strings(|_, text| {
            all.push_str(text);
            all.push(' ');
        });
        Cow::Owned(all)
    }

    /// The strings that are not empty. Those one after the other share their path, so that many
    /// short ones under a long path do not take much more memory than the value does.
    pub(crate) fn owned_strings(&self) -> Vec<(Rc<str>, Box<str>)> {
        let mut all: Vec<(Rc<str>, Box<str>)> = Vec::new();
        self.strings(|path, text| {
            if text.is_empty() {
                return;
            }
            let last = all.last().map(|(last, _)| last);
            let same = last.filter(|last| ***last == *path).cloned();
            all.push((same.unwrap_or_else(|| path.into()), text.into()));
        });
        all
    }

    /// Calls `visit` with the path and the item of each field; a container comes after what is in it.
    pub fn fields(&self, mut visit: impl FnMut(&str, Item<'_>)) {
        self.walk_fields(|path, item| {
            visit(path, item);
            Some(())
        });
    }

    /// Whether it has a field with this path and this content.
    #[must_use]
    pub fn has_at(&self, path: &str, sought: &Content<'_>) -> bool {
        let (sought, mut found) = (sought.item(), false);
        self.walk_fields(|at, item| {
            found = item == sought && at == path;
            (!found).then_some(())
        });
        found
    }

    /// Goes on while `visit` returns something.
    fn walk_fields(&self, mut visit: impl FnMut(&str, Item<'_>) -> Option<()>) {
        let mut left = FIELDS_MAX;
        self.walk(|place| match place.is_field {
            true => {
                left = left.checked_sub(1)?;
                visit(place.path, place.item)
            }
            false => Some(()),
        });
    }

    fn walk(&self, visit: impl FnMut(Place<'_, '_>) -> Option<()>) -> Option<()> {
        walk::walk(self.tag, &self.payload, visit)
    }
}

impl From<&Value> for Content<'static> {
    /// The content of an entry with this value.
    fn from(value: &Value) -> Content<'static> {
        let mut payload = Vec::new();
        let tag = value.encode_payload(&mut payload);
        let content = Content::new(tag, &payload);
        Content {
            tag: content.tag,
            payload: Cow::Owned(content.payload.into_owned()),
        }
    }
}

/// Whether the entry's value is `value`; for many entries compare [`Content`]s.
#[must_use]
pub fn matches(entry: &Entry, value: &Value) -> bool {
    Content::of(entry) == Content::from(value)
}

/// Whether the entry's value has a field `path` that is `value`; for many entries, see
/// [`Content::has_at`].
#[must_use]
pub fn matches_at(entry: &Entry, path: &str, value: &Value) -> bool {
    Content::of(entry).has_at(path, &Content::from(value))
}

fn of_bytes(bytes: &[u8]) -> Content<'_> {
    if let Some(EncodedValue { tag, payload }) = structure(bytes) {
        let payload = one_encoding(tag, Cow::Owned(payload.into()));
        return Content { tag, payload };
    }
    let tag = match std::str::from_utf8(bytes) {
        Ok(_) => Tag::Str,
        Err(_) => Tag::Bytes,
    };
    Content {
        tag,
        payload: Cow::Borrowed(bytes),
    }
}

/// The list or map that `bytes` are the JSON text of; most texts do not even begin like one.
fn structure(bytes: &[u8]) -> Option<EncodedValue> {
    if !matches!(bytes.trim_ascii_start().first(), Some(b'{' | b'[')) {
        return None;
    }
    let value = EncodedValue::from_json(bytes).ok()?;
    matches!(value.tag, Tag::List | Tag::Map).then_some(value)
}

const NEGATIVE_ZERO: [u8; 8] = (-0.0f64).to_bits().to_le_bytes();

/// Tag and length before the bytes of a string within a structure.
const BLOCK_HEADER_BYTES: usize = 1 + size_of::<u32>();

/// Applies invariant 2, which changes neither lengths nor places.
fn one_encoding(tag: Tag, mut payload: Cow<'_, [u8]>) -> Cow<'_, [u8]> {
    match tag {
        Tag::Float if *payload == NEGATIVE_ZERO => payload.to_mut().fill(0),
        Tag::List | Tag::Map => {
            for (offset, tag) in others(tag, &payload) {
                let payload = payload.to_mut();
                match tag {
                    Tag::Bytes => payload[offset - BLOCK_HEADER_BYTES] = Tag::Str as u8,
                    _ => payload[offset..][..NEGATIVE_ZERO.len()].fill(0),
                }
            }
        }
        _ => {}
    }
    payload
}

/// Where a structure has items with another encoding than the one.
fn others(tag: Tag, payload: &[u8]) -> Vec<(usize, Tag)> {
    let mut others = Vec::new();
    walk::walk(tag, payload, |Place { item, offset, .. }| {
        let has_another = match item.tag {
            Tag::Float => item.payload == NEGATIVE_ZERO,
            Tag::Bytes => std::str::from_utf8(item.payload).is_ok(),
            _ => false,
        };
        if has_another {
            others.push((offset, item.tag));
        }
        Some(())
    });
    others
}
