//! Sessions whose lines come from a pipe.

use std::process::Stdio;

use super::{Server, dead_addr, kv};

#[test]
fn lines_are_run_in_order_and_errors_do_not_end_it() {
    let server = Server::start();
    let lines = "\
# a comment
set a {\"b\": \"c d\"}

get a
get missing
nonsense
set 'quoted key' \"two words\"
get 'quoted key'
exit
get a
";
    let ran = server.run_with_input(&["repl"], lines.as_bytes());
    assert_eq!(ran.stdout, "OK\n{\"b\": \"c d\"}\nOK\n\"two words\"\n");
    assert_eq!(ran.code, 2, "that of the last line that failed: {ran:?}");
    assert!(
        ran.stderr
            .starts_with("error: no key \"missing\"\nerror: unrecognized"),
        "{ran:?}"
    );
}

#[test]
fn a_session_keeps_its_options() {
    let server = Server::start();
    let ran = server.run_with_input(&["--json", "repl"], b"set n 5\nget n\n");
    let lines = "{\"key\":\"n\",\"stored\":true}\n{\"key\":\"n\",\"found\":true,\"value\":5}\n";
    assert_eq!(ran.answer(), lines);
}

#[test]
fn without_a_command_and_a_terminal_the_help_is_shown() {
    let output = kv(&dead_addr()).stdin(Stdio::null()).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(
        String::from_utf8(output.stderr)
            .unwrap()
            .contains("Usage: kv")
    );
}
