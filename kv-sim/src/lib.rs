//! What testing a cluster takes, whatever kind of cluster it is: a seeded network, clocks and a
//! plan of faults to run it in, and histories of what clients saw with checkers for them.
//!
//! Never does I/O, reads a clock, draws a number that does not follow from a seed, or knows what a
//! node is. Who simulates a cluster writes the loop: takes what is due from an [`Agenda`], hands it
//! to a node, asks the [`Network`] what becomes of each message.
//!
//! ```
//! use kv_sim::{Agenda, Network};
//!
//! let (mut network, mut agenda) = (Network::new(42), Agenda::default());
//! let arrivals = network.send(0, (1, 2), 0);
//! agenda.put(arrivals.first_us.expect("fair weather"), "hello");
//! let (now_us, message) = agenda.take().expect("one message");
//! assert!(now_us >= 50 && network.is_open((1, 2)));
//! assert_eq!(message, "hello");
//! ```
//!
//! And a checker:
//!
//! ```
//! use kv_sim::{History, check};
//!
//! let lines = r#"
//! {"process":1,"type":"invoke","f":"set","key":"k","value":"a","time":1}
//! {"process":1,"type":"ok","f":"set","key":"k","value":null,"time":2}
//! {"process":2,"type":"invoke","f":"get","key":"k","value":null,"time":3}
//! {"process":2,"type":"ok","f":"get","key":"k","value":null,"time":4}
//! "#;
//! let history = History::read(lines.as_bytes()).expect("well-formed");
//! let failure = check(&history).expect_err("what was acknowledged is not there");
//! assert!(failure.to_string().contains("key k"));
//! ```

mod agenda;
pub mod batches;
mod check;
mod clock;
mod coverage;
mod fault;
mod history;
pub mod increments;
pub mod linearizability;
mod network;
mod random;
pub mod sessions;
mod trace;

pub use agenda::Agenda;
pub use check::{Checked, Failure, check};
pub use clock::{DRIFT_PPM_MAX, NodeClock};
pub use coverage::Coverage;
pub use fault::{Fault, PlanSettings, Planned, Weights};
pub use history::{Action, Answer, Datum, Event, History, HistoryError, Operation, Step};
pub use network::{Arrivals, Endpoint, Link, Network, Partition, Weather};
pub use random::{Random, mix};
pub use trace::Trace;
