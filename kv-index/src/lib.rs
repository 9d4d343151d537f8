//! Value, full-text, ordered and semantic indexes over (key, value) pairs.
//!
//! - [`Indexes`]: all of them, kept in step with what changes; where most users begin;
//! - [`ordered`]: keys in order; [`value`]: keys by value and by field; [`text`]: keys by words. The
//!   vectors for keys by meaning are those of `kv-embed`;
//! - [`content`]: what of a value is indexed; [`kinds`]: which keys are in which indexes.
//!
//! Never does I/O, never reads a clock, has no thread of its own. An index can always be made again
//! from the entries, so nothing here is ever a reason for a node not to start.
//!
//! ```
//! use kv_index::{Change, IndexOptions, Indexes};
//! use kv_proto::command::{SearchOptions, SimilarTo};
//! use kv_proto::{Entry, Tag, Value};
//!
//! let indexes = Indexes::new(&IndexOptions::default());
//! indexes.build_empty();
//! let put = |key: &str, value: &str| {
//!     let entry = Entry::new(key.as_bytes(), Tag::Bytes, value.as_bytes(), 1, None);
//!     indexes.enqueue(Change::Put(entry));
//! };
//! put("user:1", r#"{"name": "John", "age": 30}"#);
//! put("doc:1", "Deep neural networks learn from examples");
//!
//! let john = Value::from_json(br#"{"age": 30, "name": "John"}"#)?;
//! assert_eq!(indexes.find(&john, None, 10, 0)?[0].key(), b"user:1");
//! let hits = indexes.search("network", &SearchOptions::new(), 0)?;
//! assert_eq!(hits[0].key, "doc:1");
//! let options = kv_index::SimilarOptions { limit: 5, ..Default::default() };
//! let hits = indexes.similar(&SimilarTo::from("nueral netwroks"), options, 0)?;
//! assert_eq!(hits[0].key, "doc:1");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod buffer;
pub mod content;
mod doc;
mod docs;
mod indexes;
pub mod kinds;
pub mod ordered;
mod shard;
pub mod text;
pub mod value;

pub use buffer::Change;
pub use doc::{DocId, Renumbering};
pub use docs::{DOC_COUNT_MAX, Docs, Put};
pub use indexes::{IndexOptions, IndexStats, Indexes, SearchError, SimilarOptions};
pub use kv_embed as embed;
