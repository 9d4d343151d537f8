//! Load generator and comparisons.
//!
//! - [`workload`]: which operations, decided by a seed;
//! - [`protocol`]: their bytes and the answers';
//! - [`load`]: clients that send them and measure the answers;
//! - [`process`]: servers that are started for a measurement, and what they use;
//! - [`statistics`]: what is said about repeated measurements;
//! - [`compare`]: our server and redis-server side by side.
//!
//! Never decides whether a server is right: it checks values on request, and counts what it sees.
//!
//! ```no_run
//! use std::time::Duration;
//! use kv_bench::load::{self, Length, Plan, Settings, Wire};
//! use kv_bench::workload::{Distribution, KeySpace, Workload};
//!
//! # fn main() -> anyhow::Result<()> {
//! let settings = Settings {
//!     addr: "127.0.0.1:6379".parse()?,
//!     wire: Wire::Resp,
//!     client_count: 50,
//!     pipeline: 1,
//!     thread_count: 1,
//!     workload: Workload {
//!         space: KeySpace::new(1_000_000, 20, 100)?,
//!         read_share: 0.5,
//!         distribution: Distribution::Zipf { theta: 0.99 },
//!     },
//!     seed: 1,
//!     verify: false,
//!     rate: None,
//!     timeout: Duration::from_secs(30),
//! };
//! let plan = Plan {
//!     warmup: Duration::from_secs(1),
//!     length: Length::Time(Duration::from_secs(5)),
//!     pid: None,
//! };
//! let report = load::run(&settings, &plan, &mut |_, _, _| {})?;
//! print!("{report}");
//! # Ok(())
//! # }
//! ```

pub mod clock;
pub mod compare;
pub mod interrupt;
pub mod load;
pub mod process;
pub mod progress;
pub mod protocol;
pub mod statistics;
pub mod text;
pub mod workload;
