//! Commands whose new value follows from the old one: APPEND, SETRANGE, INCR and its kin.
//!
//! The expiry stays as it is; a vector belonged to the old value and goes. Text commands store bytes; a typed integer or float stays one.

use std::borrow::Cow;

use kv_proto::{ErrorReply, Reply, Tag};

use super::{Body, Edit, Slot};
use crate::db::numbers::{self, Number};
use crate::db::text;

impl Edit<'_> {
    /// Stores what `rewrite` makes of the text; replies its length.
    pub(super) fn rewrite_text(
        &mut self,
        key: &[u8],
        rewrite: impl FnOnce(&[u8]) -> Result<Vec<u8>, ErrorReply>,
    ) -> Result<Reply, ErrorReply> {
        let slot = self.slot(key);
        let text = match &slot.entry {
            Some(entry) => text::of(entry)?,
            None => Cow::Borrowed(&b""[..]),
        };
        let text = rewrite(&text)?;
        self.store(&slot, Body::new(Tag::Bytes, &text), slot.expires_at_ms());
        Ok(Reply::count(text.len()))
    }

    pub(super) fn incr_by(&mut self, key: &[u8], delta: i64) -> Result<Reply, ErrorReply> {
        let slot = self.slot(key);
        let (number, tag) = match &slot.entry {
            Some(entry) => (numbers::int_of(entry)?, entry.tag()),
            None => (0, Tag::Bytes),
        };
        let sum = numbers::add_int(number, delta)?;
        match tag {
            Tag::Int => self.store_number(&slot, Number::Int(sum)),
            _ => self.store_number(&slot, Number::Text(sum.to_string())),
        }
        Ok(Reply::Int(sum))
    }

    pub(super) fn incr_by_float(&mut self, key: &[u8], delta: f64) -> Result<Reply, ErrorReply> {
        let slot = self.slot(key);
        let (sum, text) = numbers::add_float(slot.entry.as_ref(), delta)?;
        self.store_number(&slot, sum);
        Ok(Reply::Bytes(text.into()))
    }

    fn store_number(&mut self, slot: &Slot<'_>, number: Number) {
        let expires_at_ms = slot.expires_at_ms();
        let mut store = |tag, payload: &[u8]| {
            self.store(slot, Body::new(tag, payload), expires_at_ms);
        };
        match number {
            Number::Int(int) => store(Tag::Int, &int.to_le_bytes()),
            Number::Float(float) => store(Tag::Float, &float.to_le_bytes()),
            Number::Text(text) => store(Tag::Bytes, text.as_bytes()),
        }
    }
}
