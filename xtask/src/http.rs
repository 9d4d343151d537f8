//! As much of an HTTP client as the admin port needs.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::Value;

const TIMEOUT: Duration = Duration::from_secs(2);

/// The body of `http://addr/path`.
///
/// # Errors
///
/// When nobody answers in time, or not with 200.
pub(crate) fn get(addr: &str, path: &str) -> Result<String> {
    let mut stream = TcpStream::connect(addr).with_context(|| format!("cannot reach {addr}"))?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    stream.set_write_timeout(Some(TIMEOUT))?;
    write!(stream, "GET {path} HTTP/1.0\r\nHost: {addr}\r\n\r\n")?;
    let mut response = String::new();
    stream.read_to_string(&mut response)?;
    let (head, body) = response
        .split_once("\r\n\r\n")
        .context("no HTTP response")?;
    if head.split_whitespace().nth(1) != Some("200") {
        bail!("{path}: {}", head.lines().next().unwrap_or_default());
    }
    Ok(body.to_owned())
}

/// The same, as JSON.
///
/// # Errors
///
/// Likewise, and when the body is not JSON.
pub(crate) fn get_json(addr: &str, path: &str) -> Result<Value> {
    serde_json::from_str(&get(addr, path)?).with_context(|| format!("{path} is not JSON"))
}
