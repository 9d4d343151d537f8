//! Loads against servers in this process, right ones and wrong ones.

#![allow(clippy::unwrap_used, reason = "a test may fail")]

mod command;
mod compare;
mod load;
mod server;
