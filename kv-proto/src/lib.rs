//! Data model and codecs.
