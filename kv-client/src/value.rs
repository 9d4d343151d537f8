//! Between `serde` types and [`Value`], without a detour through JSON text.
//!
//! 1. Nothing is rounded silently: an integer beyond `i64` is an error, not a float.
//! 2. Bytes stay bytes: what `serialize_bytes` is given comes back from `deserialize_bytes`, and a
//!    [`Value`] round-trips exactly.
//! 3. Otherwise the mapping is the one of `serde_json`: structs are maps, unit variants are
//!    strings, other variants are maps of one field, map keys are text.
//!
//! A byte string stored by a Redis client is read as the type asked for if it is text or JSON of
//! that type; see [`from_encoded`].

mod de;
mod error;
mod ser;

pub use de::{from_encoded, from_value};
pub use error::ConvertError;
pub use ser::to_value;

#[cfg(test)]
mod tests;
