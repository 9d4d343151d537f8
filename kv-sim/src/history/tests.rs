//! Tests of histories: as JSON, and as operations.

use super::*;

const LINES: &str = r#"{"process":1,"type":"invoke","f":"set","key":"a","value":"x","time":1}
{"process":2,"type":"invoke","f":"cas","key":"a","value":["x",null],"time":2}
{"process":1,"type":"ok","f":"set","key":"a","value":null,"time":3}
{"process":2,"type":"ok","f":"cas","key":"a","value":true,"time":4}
{"process":1,"type":"invoke","f":"incr","key":"n","value":-2,"time":5}
{"process":1,"type":"info","f":"incr","key":"n","value":null,"time":6}
{"process":2,"type":"invoke","f":"mget","key":"g","value":null,"time":7}
{"process":2,"type":"ok","f":"mget","key":"g","value":[1,null,"z"],"time":8}
{"process":2,"type":"invoke","f":"delete","key":"a","value":null,"time":9}
{"process":2,"type":"fail","f":"delete","key":"a","value":null,"time":10}
{"process":1,"type":"invoke","f":"stale","key":"a","value":null,"time":11}
"#;

fn read(text: &str) -> Result<History, HistoryError> {
    History::read(text.as_bytes())
}

#[test]
fn what_is_read_is_written_back_byte_for_byte() {
    let history = read(LINES).unwrap();
    let mut written = Vec::new();
    history.write(&mut written).unwrap();
    assert_eq!(String::from_utf8(written).unwrap(), LINES);
}

#[test]
fn operations_pair_beginnings_with_ends() {
    let operations = read(LINES).unwrap().operations().unwrap();
    let text: Vec<String> = operations.iter().map(ToString::to_string).collect();
    assert_eq!(
        text,
        [
            r#"[        1 ..         3] process 1   set "x" = done"#,
            r#"[        2 ..         4] process 2   cas "x" to nothing = true"#,
            "[        5 ..         ?] process 1   incr -2 = unknown",
            r#"[        7 ..         8] process 2   mget = 1 nothing "z""#,
            "[       11 ..         ?] process 1   stale = unknown",
        ]
    );
}

#[test]
fn lines_are_sorted_by_time() {
    let mut lines: Vec<&str> = LINES.lines().collect();
    lines.reverse();
    let operations = read(&lines.join("\n")).unwrap().operations().unwrap();
    assert_eq!(operations, read(LINES).unwrap().operations().unwrap());
}

#[test]
fn a_bad_line_is_named() {
    let wrong = |line: &str| read(&format!("\n{line}\n")).unwrap_err().to_string();
    let line = |f: &str, kind: &str, value: &str| {
        format!(r#"{{"process":1,"type":"{kind}","f":"{f}","key":"a","value":{value},"time":1}}"#)
    };
    assert!(wrong("{").starts_with("line 2: EOF"));
    assert!(wrong(&line("jump", "ok", "1")).starts_with("line 2: unknown variant"));
    assert_eq!(
        wrong(&line("cas", "invoke", "[1]")),
        "line 2: cas takes [old, new], not [1]"
    );
    assert_eq!(
        wrong(&line("set", "invoke", "1.5")),
        "line 2: 1.5 is no integer of 64 bits"
    );
    assert_eq!(
        wrong(&line("set", "ok", "true")),
        "line 2: true is no answer to Set"
    );
}

#[test]
fn an_end_without_a_beginning_is_refused() {
    let without_the_first = LINES.split_once('\n').unwrap().1;
    let error = read(without_the_first).unwrap().operations().unwrap_err();
    assert_eq!(
        error.to_string(),
        "event 1: process 1 ends an operation that it did not begin"
    );
}

#[test]
fn two_open_operations_of_one_process_are_refused() {
    let twice = format!("{}\n{LINES}", LINES.lines().next().unwrap());
    let error = read(&twice).unwrap().operations().unwrap_err();
    assert_eq!(
        error.to_string(),
        "event 1: process 1 begins an operation before its last one ended"
    );
}
