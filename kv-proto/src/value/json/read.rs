//! From JSON text to an encoding, without building the value: a client's text makes the server
//! hold a small multiple of its length, not a tree of it.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::{BYTES_FIELD, JsonError, meant_name};
use crate::value::codec::{encode_block, encode_count, float_bits};
use crate::value::{EncodedValue, NESTING_MAX, Tag};

/// A tag, and a tag with a length or a count.
const TAG_BYTES: usize = 1;
const HEADER_BYTES: usize = TAG_BYTES + size_of::<u32>();

impl EncodedValue {
    /// The encoding of what JSON text says; see [`Value::from_json`](crate::Value::from_json).
    ///
    /// # Errors
    /// If it is not JSON, nests too deep, or holds a byte string that is not base64.
    pub fn from_json(text: &[u8]) -> Result<EncodedValue, JsonError> {
        let mut encoder = Encoder::default();
        let mut source = serde_json::Deserializer::from_slice(text);
        let read = encoder.item(0).deserialize(&mut source);
        let read = read.and_then(|()| source.end());
        match (encoder.refusal, read) {
            (Some(refusal), _) => Err(refusal),
            (None, Err(error)) => Err(error.into()),
            (None, Ok(())) => Ok(top_level(encoder.out)),
        }
    }
}

/// At the top a string has no length.
fn top_level(item: Vec<u8>) -> EncodedValue {
    let tag = item.first().copied().and_then(Tag::from_u8);
    let tag = tag.expect("an item begins with its tag");
    let payload_start = match tag {
        Tag::Str | Tag::Bytes => HEADER_BYTES,
        _ => TAG_BYTES,
    };
    EncodedValue {
        tag,
        payload: bytes::Bytes::from(item).slice(payload_start..),
    }
}

/// What is encoded so far.
#[derive(Default)]
struct Encoder {
    out: Vec<u8>,
    /// Why it cannot go on, if the reason is ours and not the syntax.
    refusal: Option<JsonError>,
}

impl Encoder {
    fn item(&mut self, depth: usize) -> Item<'_> {
        Item {
            encoder: self,
            depth,
        }
    }

    fn refuse<E: Error>(&mut self, refusal: JsonError) -> E {
        let error = E::custom(&refusal);
        self.refusal = Some(refusal);
        error
    }

    fn scalar(&mut self, tag: Tag, bytes: &[u8]) {
        self.out.push(tag as u8);
        self.out.extend_from_slice(bytes);
    }

    fn block(&mut self, tag: Tag, bytes: &[u8]) {
        self.out.push(tag as u8);
        encode_block(bytes, &mut self.out);
    }

    /// Opens a container whose count is not known yet; returns where it starts.
    fn open(&mut self, tag: Tag) -> usize {
        let start = self.out.len();
        self.scalar(tag, &[0; size_of::<u32>()]);
        start
    }

    fn close(&mut self, start: usize, count: usize) {
        let mut bytes = Vec::with_capacity(size_of::<u32>());
        encode_count(count, &mut bytes);
        if let Some(place) = self.out.get_mut(start + TAG_BYTES..start + HEADER_BYTES) {
            place.copy_from_slice(&bytes);
        }
    }
}

/// Reads one item that `depth` containers are around.
struct Item<'a> {
    encoder: &'a mut Encoder,
    depth: usize,
}

impl<'de> DeserializeSeed<'de> for Item<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, source: D) -> Result<(), D::Error> {
        source.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Item<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        self.encoder.scalar(Tag::Null, &[]);
        Ok(())
    }

    fn visit_bool<E>(self, bool: bool) -> Result<(), E> {
        self.encoder.scalar(Tag::Bool, &[u8::from(bool)]);
        Ok(())
    }

    fn visit_i64<E>(self, int: i64) -> Result<(), E> {
        self.encoder.scalar(Tag::Int, &int.to_le_bytes());
        Ok(())
    }

    /// A whole number that does not fit becomes the nearest float.
    fn visit_u64<E: Error>(self, number: u64) -> Result<(), E> {
        match i64::try_from(number) {
            Ok(int) => self.visit_i64(int),
            Err(_) => self.visit_f64(number as f64),
        }
    }

    fn visit_f64<E>(self, float: f64) -> Result<(), E> {
        let bits = float_bits(float);
        self.encoder.scalar(Tag::Float, &bits.to_le_bytes());
        Ok(())
    }

    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        self.encoder.block(Tag::Str, text.as_bytes());
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        if self.depth >= NESTING_MAX {
            return Err(self.encoder.refuse(JsonError::TooDeep));
        }
        let start = self.encoder.open(Tag::List);
        let mut count = 0;
        while items
            .next_element_seed(self.encoder.item(self.depth + 1))?
            .is_some()
        {
            count += 1;
        }
        self.encoder.close(start, count);
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        // What looks like a map may be a byte string, which is no container.
        if self.depth > NESTING_MAX {
            return Err(self.encoder.refuse(JsonError::TooDeep));
        }
        let start = self.encoder.open(Tag::Map);
        let mut fields = Vec::new();
        loop {
            let start = self.encoder.out.len();
            if entries.next_key_seed(Name(self.encoder))?.is_none() {
                break;
            }
            let name_end = self.encoder.out.len();
            entries.next_value_seed(self.encoder.item(self.depth + 1))?;
            let end = self.encoder.out.len();
            fields.push(Field {
                start,
                name_end,
                end,
            });
        }
        let map = Map {
            start,
            fields,
            depth: self.depth,
        };
        map.finish(self.encoder)
            .map_err(|refusal| self.encoder.refuse(refusal))
    }
}

/// Reads a field's name.
struct Name<'a>(&'a mut Encoder);

impl<'de> DeserializeSeed<'de> for Name<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, source: D) -> Result<(), D::Error> {
        source.deserialize_str(self)
    }
}

impl Visitor<'_> for Name<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E>(self, name: &str) -> Result<(), E> {
        encode_block(name.as_bytes(), &mut self.0.out);
        Ok(())
    }
}

/// Where a field lies in the output.
struct Field {
    start: usize,
    name_end: usize,
    end: usize,
}

impl Field {
    fn name<'a>(&self, out: &'a [u8]) -> &'a [u8] {
        let start = self.start + size_of::<u32>();
        out.get(start..self.name_end).unwrap_or_default()
    }

    fn item<'a>(&self, out: &'a [u8]) -> &'a [u8] {
        out.get(self.name_end..self.end).unwrap_or_default()
    }

    fn bytes<'a>(&self, out: &'a [u8]) -> &'a [u8] {
        out.get(self.start..self.end).unwrap_or_default()
    }
}

/// A map whose fields are all written, in the order of the text.
struct Map {
    start: usize,
    fields: Vec<Field>,
    depth: usize,
}

impl Map {
    /// Makes it canonical, or the byte string that it stands for.
    fn finish(mut self, encoder: &mut Encoder) -> Result<(), JsonError> {
        if self.is_bytes(&encoder.out) {
            return self.into_bytes(encoder);
        }
        if self.depth >= NESTING_MAX {
            return Err(JsonError::TooDeep);
        }
        self.rename_only(encoder);
        self.sort(encoder);
        encoder.close(self.start, self.fields.len());
        Ok(())
    }

    fn is_bytes(&self, out: &[u8]) -> bool {
        let is_text = |field: &Field| field.item(out).first() == Some(&(Tag::Str as u8));
        matches!(&*self.fields, [only] if only.name(out) == BYTES_FIELD.as_bytes() && is_text(only))
    }

    fn into_bytes(self, encoder: &mut Encoder) -> Result<(), JsonError> {
        let base64 = self.fields.first().and_then(|only| {
            let item = only.item(&encoder.out);
            item.get(HEADER_BYTES..)
        });
        let bytes = STANDARD.decode(base64.unwrap_or_default());
        let bytes = bytes.map_err(|_| JsonError::NotBase64)?;
        encoder.out.truncate(self.start);
        encoder.block(Tag::Bytes, &bytes);
        Ok(())
    }

    /// Gives the only field the name that its text stands for.
    fn rename_only(&mut self, encoder: &mut Encoder) {
        let [only] = self.fields.as_mut_slice() else {
            return;
        };
        let name = String::from_utf8_lossy(only.name(&encoder.out)).into_owned();
        let meant = meant_name(&name);
        if meant == name {
            return;
        }
        let item = only.item(&encoder.out).to_vec();
        encoder.out.truncate(only.start);
        encode_block(meant.as_bytes(), &mut encoder.out);
        only.name_end = encoder.out.len();
        encoder.out.extend_from_slice(&item);
        only.end = encoder.out.len();
    }

    /// Puts the fields in ascending order; of equal names the last one stays.
    fn sort(&mut self, encoder: &mut Encoder) {
        let out = &mut encoder.out;
        if self.fields.is_sorted_by(|a, b| a.name(out) < b.name(out)) {
            return;
        }
        self.fields.reverse();
        self.fields.sort_by(|a, b| a.name(out).cmp(b.name(out)));
        self.fields
            .dedup_by(|later, kept| later.name(out) == kept.name(out));
        let sorted: Vec<&[u8]> = self.fields.iter().map(|field| field.bytes(out)).collect();
        let sorted = sorted.concat();
        out.truncate(self.start + HEADER_BYTES);
        out.extend_from_slice(&sorted);
    }
}
