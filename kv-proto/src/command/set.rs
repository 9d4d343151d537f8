//! Storing one value: under what condition, for how long, and with what answer.

use std::sync::Arc;

use bytes::Bytes;

use super::{Expiry, Key};
use crate::value::EncodedValue;

/// [`Command::Set`](super::Command::Set).
#[derive(Debug, Clone, PartialEq)]
pub struct Set {
    /// Which entry.
    pub key: Key,
    /// Stored.
    pub value: EncodedValue,
    /// Stored with it: the vector that it is found by, instead of one made from its text.
    pub vector: Option<Arc<[f32]>>,
    /// Stored only if it holds.
    pub condition: SetCondition,
    /// The new entry's expiry.
    pub expiry: Expiry,
    /// What is replied.
    pub reply: SetReply,
}

impl Set {
    /// Whether it is like one from [`Set::new`]: the everyday `SET`, which has a short encoding.
    pub(super) fn is_plain(&self) -> bool {
        self.condition == SetCondition::Always
            && self.expiry == Expiry::Clear
            && self.reply == SetReply::OkOrNil
            && self.vector.is_none()
    }

    /// An unconditional set that clears the expiry, has no vector and replies OK.
    #[must_use]
    pub fn new(key: Key, value: EncodedValue) -> Set {
        Set {
            key,
            value,
            vector: None,
            condition: SetCondition::Always,
            expiry: Expiry::Clear,
            reply: SetReply::OkOrNil,
        }
    }
}

/// When a `SET` stores.
#[derive(Debug, Clone, PartialEq)]
pub enum SetCondition {
    /// Always.
    Always,
    /// NX.
    IfAbsent,
    /// XX.
    IfPresent,
    /// IFEQ: the value's text equals these bytes.
    IfEqual(Bytes),
}

/// What a `SET` replies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SetReply {
    /// OK if stored, else nil.
    OkOrNil,
    /// The value before, or nil.
    Old,
    /// 1 if stored, else 0 (SETNX).
    Count,
}
