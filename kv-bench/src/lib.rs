//! Load generator and comparisons.
//!
//! - [`workload`]: which operations, decided by a seed;
//! - [`protocol`]: their bytes and the answers';
//! - [`load`]: clients that send them and measure the answers;
//! - [`process`]: servers that are started for a measurement, and what they use;
//! - [`statistics`]: what is said about repeated measurements;
//! - [`compare`]: our server and redis-server side by side;
//! - [`retrieval`]: how well texts are found.
//!
//! Never decides whether a server is right: it checks values on request, and counts what it sees.
//!
//! `examples/load.rs` loads a server.

pub mod clock;
pub mod compare;
pub mod interrupt;
pub mod load;
pub mod process;
pub mod progress;
pub mod protocol;
pub mod retrieval;
pub mod statistics;
pub mod text;
pub mod workload;
