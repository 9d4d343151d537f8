//! What is left of a message, field by field.

use bytes::{Buf, Bytes, TryGetError};

use super::WireError;

/// What is left of a message.
#[derive(Debug)]
pub(super) struct Fields(Bytes);

impl From<TryGetError> for WireError {
    fn from(_: TryGetError) -> WireError {
        WireError::Short
    }
}

impl Fields {
    pub(super) fn new(bytes: Bytes) -> Fields {
        Fields(bytes)
    }

    pub(super) fn u8(&mut self) -> Result<u8, WireError> {
        Ok(self.0.try_get_u8()?)
    }

    pub(super) fn u16(&mut self) -> Result<u16, WireError> {
        Ok(self.0.try_get_u16_le()?)
    }

    pub(super) fn u32(&mut self) -> Result<u32, WireError> {
        Ok(self.0.try_get_u32_le()?)
    }

    pub(super) fn u64(&mut self) -> Result<u64, WireError> {
        Ok(self.0.try_get_u64_le()?)
    }

    pub(super) fn i64(&mut self) -> Result<i64, WireError> {
        Ok(self.0.try_get_i64_le()?)
    }

    pub(super) fn f64(&mut self) -> Result<f64, WireError> {
        Ok(self.0.try_get_f64_le()?)
    }

    pub(super) fn bool(&mut self, name: &'static str) -> Result<bool, WireError> {
        match self.u8()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(WireError::BadField(name)),
        }
    }

    /// A length, and so many bytes.
    pub(super) fn bytes(&mut self) -> Result<Bytes, WireError> {
        let len = self.u32()? as usize;
        match len <= self.0.len() {
            true => Ok(self.0.split_to(len)),
            false => Err(WireError::Short),
        }
    }

    /// All bytes that are left.
    pub(super) fn rest(&mut self) -> Bytes {
        self.0.split_to(self.0.len())
    }

    /// `count` things of at least `len_min` bytes each. Nothing is reserved before they come.
    pub(super) fn list<T>(
        &mut self,
        count: usize,
        len_min: usize,
        take: impl Fn(&mut Fields) -> Result<T, WireError>,
    ) -> Result<Vec<T>, WireError> {
        if count > self.0.len() / len_min {
            return Err(WireError::Short);
        }
        (0..count).map(|_| take(self)).collect()
    }

    pub(super) fn end(&self) -> Result<(), WireError> {
        match self.0.is_empty() {
            true => Ok(()),
            false => Err(WireError::Trailing),
        }
    }
}
