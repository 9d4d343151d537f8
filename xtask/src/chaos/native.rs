//! A client that speaks the native protocol: a session of `kv`, told what to do line by line.
//!
//! It only increments. `kv` follows the leader and sends again what was not answered, so an
//! increment that is applied twice, or that it calls done and is not, shows in the sums.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use kv_sim::{Action, Answer, Datum, Step};
use serde_json::Value;

use super::recorder::Recorder;
use super::workload::Workload;
use crate::random::Random;

/// `kv` gives up after 10 s; later than this it hangs.
const ANSWER_MAX: Duration = Duration::from_secs(30);

/// After a failure.
const PAUSE: Duration = Duration::from_millis(20);

/// One session.
pub(super) struct NativeClient {
    process: u64,
    kv: Child,
    input: ChildStdin,
    /// Lines of its stdout and stderr: one an operation.
    answers: Receiver<String>,
    random: Random,
    recorder: Arc<Recorder>,
    workload: Arc<Workload>,
}

impl NativeClient {
    /// Starts `program`, which connects to `addrs`.
    ///
    /// # Errors
    ///
    /// When it cannot be started.
    pub(super) fn start(
        process: u64,
        program: &Path,
        addrs: &[String],
        seed: u64,
        recorder: &Arc<Recorder>,
        workload: &Arc<Workload>,
    ) -> Result<NativeClient> {
        let mut command = Command::new(program);
        command.args(["--json", "--connect", &addrs.join(","), "repl"]);
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut kv = command.spawn().context("cannot start kv")?;
        let (sender, answers) = mpsc::channel();
        read_lines(kv.stdout.take().context("it was piped")?, sender.clone());
        read_lines(kv.stderr.take().context("it was piped")?, sender);
        Ok(NativeClient {
            process,
            input: kv.stdin.take().context("it was piped")?,
            kv,
            answers,
            random: Random::new(seed),
            recorder: recorder.clone(),
            workload: workload.clone(),
        })
    }

    /// Increments until told to stop.
    ///
    /// # Errors
    ///
    /// When an answer is none that there can be.
    pub(super) fn run(mut self, stop: &AtomicBool) -> Result<()> {
        while !stop.load(Ordering::Relaxed) {
            let key = self
                .workload
                .counter(self.recorder.elapsed(), &mut self.random);
            let delta = 1 + i64::from(self.random.chance(50));
            let action = Action::Increment(delta);
            self.recorder.invoke(self.process, &key.name, action);
            let step = self.increment(&key.name, delta);
            let ended = step.as_ref().map_or(Step::Info, Clone::clone);
            self.recorder.end(self.process, &key.name, ended);
            if !matches!(step?, Step::Ok(_)) {
                thread::sleep(PAUSE);
            }
        }
        Ok(())
    }

    fn increment(&mut self, key: &str, delta: i64) -> Result<Step> {
        writeln!(self.input, "incr {key} {delta}").context("kv ended")?;
        let answer = self.answers.recv_timeout(ANSWER_MAX);
        outcome(&answer.context("kv does not answer")?)
    }
}

impl Drop for NativeClient {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.kv.kill();
        let _ = self.kv.wait();
    }
}

/// What a line of JSON says: the sum, or why there is none.
fn outcome(line: &str) -> Result<Step> {
    let json: Value = serde_json::from_str(line).unwrap_or_default();
    if let Some(sum) = json["value"].as_i64() {
        return Ok(Step::Ok(Answer::Value(Datum::Int(sum))));
    }
    match json["kind"].as_str() {
        Some("unknown_outcome") => Ok(Step::Info),
        // All other errors promise that nothing happened.
        Some("connection") => Ok(Step::Fail),
        Some("failed") if is_of_bad_times(&json) => Ok(Step::Fail),
        _ => bail!("kv says {line}"),
    }
}

fn is_of_bad_times(json: &Value) -> bool {
    let error = json["error"].as_str().unwrap_or_default();
    let cause = json["cause"].as_str().unwrap_or_default();
    super::workload::is_refusal(error)
        || super::workload::is_refusal(cause)
        || error.contains("no leader found")
}

fn read_lines(from: impl Read + Send + 'static, sender: Sender<String>) {
    thread::spawn(move || {
        for line in BufReader::new(from).lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                return;
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_a_sum_or_says_what_became_of_it() {
        let of = |line: &str| outcome(line).ok();
        let sum = Step::Ok(Answer::Value(Datum::Int(7)));
        assert_eq!(of(r#"{"key":"k","value":7}"#), Some(sum));
        assert_eq!(
            of(r#"{"error":"?","kind":"unknown_outcome"}"#),
            Some(Step::Info)
        );
        assert_eq!(of(r#"{"error":"?","kind":"connection"}"#), Some(Step::Fail));
        let refused = r#"{"error":"NOLEADER no majority","kind":"failed"}"#;
        assert_eq!(of(refused), Some(Step::Fail));
        assert_eq!(of(r#"{"error":"WRONGTYPE no","kind":"failed"}"#), None);
        assert_eq!(of("what?"), None);
    }
}
