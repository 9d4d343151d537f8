//! Whether bytes are a canonical encoding, without building the value.

use super::codec::{
    check_bool, check_float, check_text, open_container, take_array, take_block, take_tag,
};
use super::{EncodedValue, Tag, ValueError};

impl EncodedValue {
    /// Whether [`EncodedValue::decode`] would succeed; allocates nothing.
    ///
    /// # Errors
    /// The same as those of decoding.
    pub fn validate(&self) -> Result<(), ValueError> {
        validate(self.tag, &self.payload)
    }
}

pub(super) fn validate(tag: Tag, payload: &[u8]) -> Result<(), ValueError> {
    let mut rest = payload;
    match tag {
        Tag::Bytes => return Ok(()),
        Tag::Str => return check_text(rest).map(|_| ()),
        tag => sized(tag, &mut rest, 0)?,
    }
    match rest.len() {
        0 => Ok(()),
        count => Err(ValueError::Trailing(count)),
    }
}

fn item(rest: &mut &[u8], depth: usize) -> Result<(), ValueError> {
    let tag = take_tag(rest)?;
    sized(tag, rest, depth)
}

fn sized(tag: Tag, rest: &mut &[u8], depth: usize) -> Result<(), ValueError> {
    match tag {
        Tag::Null => Ok(()),
        Tag::Bool => check_bool(rest).map(|_| ()),
        Tag::Int => take_array::<8>(rest).map(|_| ()),
        Tag::Float => check_float(rest).map(|_| ()),
        Tag::Str => check_text(take_block(rest)?).map(|_| ()),
        Tag::Bytes => take_block(rest).map(|_| ()),
        Tag::List => list(rest, depth + 1),
        Tag::Map => map(rest, depth + 1),
    }
}

fn list(rest: &mut &[u8], depth: usize) -> Result<(), ValueError> {
    let count = open_container(rest, depth)?;
    (0..count).try_for_each(|_| item(rest, depth))
}

fn map(rest: &mut &[u8], depth: usize) -> Result<(), ValueError> {
    let count = open_container(rest, depth)?;
    let mut last: Option<&[u8]> = None;
    for _ in 0..count {
        let name = take_block(rest)?;
        check_text(name)?;
        if last.is_some_and(|last| last >= name) {
            return Err(ValueError::NotCanonical("map keys do not ascend"));
        }
        last = Some(name);
        item(rest, depth)?;
    }
    Ok(())
}
