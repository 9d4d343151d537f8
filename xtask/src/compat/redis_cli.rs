//! redis-cli in each of its ways of working.

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

use super::Bench;
use crate::step;

/// A way of working that is tried.
type Check = (&'static str, fn(&Bench<'_>) -> Result<()>);

const CHECKS: &[Check] = &[
    ("arguments", arguments),
    ("interactive", interactive),
    ("interactive, RESP3", interactive_resp3),
    ("errors", errors),
    ("last argument from stdin", binary_argument),
    ("--pipe", pipe),
    ("--scan", scan),
    ("--bigkeys", bigkeys),
    ("--stat", stat),
    ("subscribe", subscribe),
];

/// Keys that `--pipe` loads and `--scan` lists.
const KEY_COUNT: usize = 1000;

/// Runs every check on an empty database.
///
/// # Errors
///
/// When one of them does not get what it expects.
pub(super) fn run(bench: &Bench<'_>) -> Result<()> {
    for (name, check) in CHECKS {
        expect(&call(bench, &["FLUSHALL"])?, "OK\n")?;
        check(bench).with_context(|| format!("redis-cli: {name}"))?;
        println!("ok redis-cli: {name}");
    }
    Ok(())
}

fn arguments(bench: &Bench<'_>) -> Result<()> {
    expect(&call(bench, &["SET", "greeting", "hello world"])?, "OK\n")?;
    expect(&call(bench, &["GET", "greeting"])?, "hello world\n")?;
    expect(&call(bench, &["--no-raw", "GET", "nothing"])?, "(nil)\n")?;
    expect(
        &call(bench, &["--no-raw", "MGET", "greeting", "nothing"])?,
        "1) \"hello world\"\n2) (nil)\n",
    )?;
    expect(&call(bench, &["-r", "3", "INCR", "counter"])?, "1\n2\n3\n")
}

fn interactive(bench: &Bench<'_>) -> Result<()> {
    let script = "SET a 1\nINCR a\nGET a\nMULTI\nINCR a\nGET a\nEXEC\nSELECT 0\nDBSIZE\nexit\n";
    let output = talk(bench, &["--no-raw"], script.as_bytes())?;
    let expected =
        "OK\n(integer) 2\n\"2\"\nOK\nQUEUED\nQUEUED\n1) (integer) 3\n2) \"3\"\nOK\n(integer) 1\n";
    expect(&output, expected)
}

fn interactive_resp3(bench: &Bench<'_>) -> Result<()> {
    let output = talk(
        bench,
        &["-3", "--no-raw"],
        b"SET a 1\nGET nothing\nHELLO 3\n",
    )?;
    expect(output.lines().next().unwrap_or_default(), "OK")?;
    expect(output.lines().nth(1).unwrap_or_default(), "(nil)")?;
    ensure!(
        output.contains("\"proto\" => (integer) 3"),
        "HELLO 3 answers\n{output}"
    );
    Ok(())
}

fn errors(bench: &Bench<'_>) -> Result<()> {
    let output = talk(bench, &["--no-raw"], b"GTE a\nSET a\nSET a x\nINCR a\n")?;
    let mut lines = output.lines();
    let unknown = lines.next().unwrap_or_default();
    ensure!(
        unknown.starts_with("(error) ERR unknown command 'GTE'"),
        "GTE answers {unknown}"
    );
    let rest = lines.collect::<Vec<_>>().join("\n");
    let expected = "(error) ERR wrong number of arguments for 'set' command\nOK\n\
        (error) ERR value is not an integer or out of range";
    expect(&rest, expected)
}

fn binary_argument(bench: &Bench<'_>) -> Result<()> {
    let value: Vec<u8> = (0..=255).cycle().take(100_000).collect();
    expect(&talk(bench, &["-x", "SET", "binary"], &value)?, "OK\n")?;
    let got = redis_cli(bench, &["--raw", "GET", "binary"])
        .output()?
        .stdout;
    ensure!(
        got.strip_suffix(b"\n") == Some(&value),
        "100,000 bytes came back changed"
    );
    Ok(())
}

fn pipe(bench: &Bench<'_>) -> Result<()> {
    let output = talk(bench, &["--pipe"], &load())?;
    ensure!(
        output.contains(&format!("errors: 0, replies: {KEY_COUNT}")),
        "it says\n{output}"
    );
    expect(&call(bench, &["DBSIZE"])?, &format!("{KEY_COUNT}\n"))
}

fn scan(bench: &Bench<'_>) -> Result<()> {
    talk(bench, &["--pipe"], &load())?;
    let sorted = |output: String| {
        let mut lines: Vec<String> = output.lines().map(str::to_owned).collect();
        lines.sort();
        lines
    };
    let all = sorted(call(bench, &["--scan"])?);
    ensure!(
        all.len() == KEY_COUNT,
        "--scan lists {} of {KEY_COUNT} keys",
        all.len()
    );
    ensure!(
        all.windows(2).all(|pair| pair[0] != pair[1]),
        "--scan lists a key twice"
    );
    let some = sorted(call(bench, &["--scan", "--pattern", "key:99*"])?);
    let mut expected: Vec<String> = (990..1000).map(|n| format!("key:{n}")).collect();
    expected.push("key:99".to_owned());
    expected.sort();
    ensure!(some == expected, "--pattern key:99* lists {some:?}");
    Ok(())
}

fn bigkeys(bench: &Bench<'_>) -> Result<()> {
    talk(bench, &["--pipe"], &load())?;
    let output = call(bench, &["--bigkeys"])?;
    ensure!(
        output.contains(&format!("Sampled {KEY_COUNT} keys")),
        "it says\n{output}"
    );
    ensure!(
        output.contains(&format!("{KEY_COUNT} strings with")),
        "it says\n{output}"
    );
    Ok(())
}

/// The first line of figures, which must count the keys.
fn stat(bench: &Bench<'_>) -> Result<()> {
    talk(bench, &["--pipe"], &load())?;
    let mut child = redis_cli(bench, &["--stat", "-i", "0.1"])
        .stdout(Stdio::piped())
        .spawn()?;
    let stdout = BufReader::new(child.stdout.take().context("it was piped")?);
    let figures = |line: &String| line.starts_with(|c: char| c.is_ascii_digit());
    let line = stdout
        .lines()
        .map_while(Result::ok)
        .find(figures)
        .unwrap_or_default();
    child.kill()?;
    child.wait()?;
    let keys = line.split_whitespace().next().unwrap_or_default();
    ensure!(keys == KEY_COUNT.to_string(), "--stat shows {line:?}");
    Ok(())
}

fn subscribe(bench: &Bench<'_>) -> Result<()> {
    let mut child = redis_cli(bench, &["--no-raw", "SUBSCRIBE", "news"])
        .stdout(Stdio::piped())
        .stdin(Stdio::piped())
        .spawn()?;
    let mut lines = BufReader::new(child.stdout.take().context("it was piped")?).lines();
    let mut next = || lines.find(|line| line.as_ref().is_ok_and(|line| line.starts_with("3) ")));
    let subscribed = next().transpose()?.unwrap_or_default();
    let receivers = call(bench, &["PUBLISH", "news", "rain"])?;
    let message = next().transpose()?.unwrap_or_default();
    child.kill()?;
    child.wait()?;
    expect(&subscribed, "3) (integer) 1")?;
    expect(&receivers, "1\n")?;
    expect(&message, "3) \"rain\"")
}

/// SETs in RESP.
fn load() -> Vec<u8> {
    let set = |n: usize| {
        let key = format!("key:{n}");
        format!(
            "*3\r\n$3\r\nSET\r\n${}\r\n{key}\r\n$5\r\nvalue\r\n",
            key.len()
        )
    };
    (0..KEY_COUNT).map(set).collect::<String>().into_bytes()
}

fn call(bench: &Bench<'_>, args: &[&str]) -> Result<String> {
    step::output(&mut redis_cli(bench, args))
}

/// Runs redis-cli with `input` and returns what it prints.
fn talk(bench: &Bench<'_>, args: &[&str], input: &[u8]) -> Result<String> {
    let mut command = redis_cli(bench, args);
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let mut stdin = child.stdin.take().context("it was piped")?;
    let input = input.to_vec();
    let writer = std::thread::spawn(move || stdin.write_all(&input));
    let output = child.wait_with_output()?;
    // If it did not read everything, what it printed tells.
    let _ = writer.join();
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

fn redis_cli(bench: &Bench<'_>, args: &[&str]) -> Command {
    let (host, port) = bench.host_port();
    let mut command = Command::new("redis-cli");
    command.args(["-h", host, "-p", port]).args(args);
    command
}

fn expect(got: &str, expected: &str) -> Result<()> {
    ensure!(got == expected, "expected\n{expected}\ngot\n{got}");
    Ok(())
}
