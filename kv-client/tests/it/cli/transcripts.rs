//! What people see: `tests/cmd/*.trycmd`, each on a server of its own.
//!
//! `TRYCMD=overwrite cargo test -p kv-client` writes them anew.

use std::path::Path;

use super::Server;

fn transcript(name: &str) {
    let server = Server::start();
    trycmd::TestCases::new()
        .register_bin("kv", Path::new(env!("CARGO_BIN_EXE_kv")))
        .env("KV_CONNECT", &server.addr)
        .env("COLUMNS", "100")
        .case(format!("tests/cmd/{name}.trycmd"));
}

#[test]
fn values_are_stored_and_shown() {
    transcript("values");
}

#[test]
fn conditions_hold_or_fail_with_their_exit_codes() {
    transcript("conditions");
}

#[test]
fn keys_expire() {
    transcript("expiry");
}

#[test]
fn keys_are_listed() {
    transcript("lists");
}

#[test]
fn programs_get_json() {
    transcript("json");
}

#[test]
fn usage_errors_say_what_would_be_right() {
    transcript("usage");
}

/// What needs no server has none.
#[test]
fn searches_say_what_they_can_be_asked() {
    trycmd::TestCases::new()
        .register_bin("kv", Path::new(env!("CARGO_BIN_EXE_kv")))
        .env("KV_CONNECT", super::dead_addr())
        .env("COLUMNS", "100")
        .case("tests/cmd/search.trycmd");
}

#[test]
fn help_names_every_command() {
    transcript("help");
}
