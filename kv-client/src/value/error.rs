//! Why a Rust value and a stored value do not convert into each other.

use std::fmt::Display;

use kv_proto::{Tag, ValueError};

/// Why a conversion failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConvertError {
    /// An integer that does not fit 64 signed bits.
    #[error("integer {0} does not fit 64 signed bits")]
    IntegerRange(String),
    /// A map key that has no text form.
    #[error("a map key must be a string, a number, a bool or a char, not {0}")]
    MapKey(&'static str),
    /// The stored value has another shape than the type asked for.
    #[error("stored {} does not fit: {message}", tag.name())]
    Shape {
        /// What is stored.
        tag: Tag,
        /// What does not fit.
        message: String,
    },
    /// The stored bytes are not a value.
    #[error(transparent)]
    Encoding(#[from] ValueError),
    /// The type's own `Serialize` or `Deserialize` refused.
    #[error("{0}")]
    Custom(String),
}

impl serde::ser::Error for ConvertError {
    fn custom<T: Display>(message: T) -> ConvertError {
        ConvertError::Custom(message.to_string())
    }
}

impl serde::de::Error for ConvertError {
    fn custom<T: Display>(message: T) -> ConvertError {
        ConvertError::Custom(message.to_string())
    }
}
