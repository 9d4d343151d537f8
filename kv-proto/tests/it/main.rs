//! Tests of the crate's public face.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod allocation;
mod commands;
mod golden;
mod hostile;
mod json;
mod native;
mod replies;
mod round_trip;
mod samples;
mod strategies;
mod streams;
