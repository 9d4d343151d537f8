//! A client that does one thing after the other, and writes down what it sees.
//!
//! It speaks RESP to any node: nodes pass on what is the leader's to do. Three clients are special:
//! the first raises the number that sessions are about, the next two read it stale, each over
//! connections on which it may only see it grow.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use kv_sim::{Action, Answer, Datum, Step};

use super::recorder::Recorder;
use super::workload::{Key, Workload};
use crate::random::Random;
use crate::resp::{Connection, command};

/// How long an answer is waited for; then nobody knows.
const REPLY_MAX: Duration = Duration::from_secs(5);

/// After a failure.
const PAUSE: Duration = Duration::from_millis(20);

/// Between two steps of a session: it is about order, not about load.
const SESSION_PAUSE: Duration = Duration::from_millis(5);

/// How often the last read of a key is tried.
const LAST_READ_TRIES: usize = 500;

/// What a client does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    Any,
    RaiseNumber,
    ReadStale,
}

/// One client.
pub(super) struct Client {
    process: u64,
    role: Role,
    addrs: Vec<String>,
    connection: Option<Connection>,
    random: Random,
    recorder: Arc<Recorder>,
    workload: Arc<Workload>,
    /// What was seen last, for comparisons.
    seen: (String, Datum),
    /// Counts what it writes.
    count: u64,
}

impl Client {
    pub(super) fn new(
        process: u64,
        addrs: Vec<String>,
        seed: u64,
        recorder: &Arc<Recorder>,
        workload: &Arc<Workload>,
    ) -> Client {
        Client {
            process,
            role: match process {
                0 => Role::RaiseNumber,
                1 | 2 => Role::ReadStale,
                _ => Role::Any,
            },
            addrs,
            connection: None,
            random: Random::new(seed),
            recorder: recorder.clone(),
            workload: workload.clone(),
            seen: (String::new(), Datum::Absent),
            count: 0,
        }
    }

    /// Asks until told to stop.
    ///
    /// # Errors
    ///
    /// When an answer is none that the store may give.
    pub(super) fn run(mut self, stop: &AtomicBool) -> Result<()> {
        while !stop.load(Ordering::Relaxed) {
            let (key, action) = self.next();
            let step = self.ask(&key, action)?;
            match step {
                Step::Ok(_) if self.role == Role::Any => {}
                Step::Ok(_) => thread::sleep(SESSION_PAUSE),
                _ => thread::sleep(PAUSE),
            }
        }
        Ok(())
    }

    /// Reads every key that was used so far.
    ///
    /// # Errors
    ///
    /// When one cannot be read though all nodes should be well.
    pub(super) fn read_all(mut self) -> Result<()> {
        for key in self.workload.all(self.recorder.elapsed()) {
            let mut tries = 0..LAST_READ_TRIES;
            let is_read = tries.any(|_| match self.ask(&key, key.look()) {
                Ok(Step::Ok(_)) => true,
                _ => {
                    thread::sleep(PAUSE);
                    false
                }
            });
            is_read
                .then_some(())
                .with_context(|| format!("{} cannot be read", key.name))?;
        }
        Ok(())
    }

    fn next(&mut self) -> (Key, Action) {
        let elapsed = self.recorder.elapsed();
        self.count += 1;
        match self.role {
            Role::RaiseNumber => {
                let number = i64::try_from(self.count).unwrap_or(i64::MAX);
                let set = Action::Set(Datum::Int(number));
                (self.workload.session_key(elapsed), set)
            }
            Role::ReadStale => (self.workload.session_key(elapsed), Action::Stale),
            Role::Any => {
                let key = self.workload.key(elapsed, &mut self.random);
                let unique = format!("{}-{}", self.process, self.count);
                let seen = match self.seen.0 == key.name {
                    true => self.seen.1.clone(),
                    false => Datum::Absent,
                };
                let action = key.action(&mut self.random, &unique, &seen);
                (key, action)
            }
        }
    }

    fn ask(&mut self, key: &Key, action: Action) -> Result<Step> {
        // Without a connection nothing is asked, so nothing is written down.
        if self.connection.is_none() && !self.connect() {
            return Ok(Step::Fail);
        }
        let process = self.process;
        self.recorder.invoke(process, &key.name, action.clone());
        let step = self.outcome(key, &action);
        let ended = step.as_ref().map_or(Step::Info, Clone::clone);
        self.recorder.end(process, &key.name, ended);
        let step = step?;
        if let Step::Ok(Answer::Value(value)) = &step {
            self.seen = (key.name.clone(), value.clone());
        }
        Ok(step)
    }

    fn outcome(&mut self, key: &Key, action: &Action) -> Result<Step> {
        let reply = self
            .connection
            .as_mut()
            .context("there is a connection")?
            .call(&key.command(action));
        let step = match reply {
            Ok(reply) => key
                .outcome(action, &reply)
                .map_err(|error| anyhow!(error))?,
            Err(_) => without_reply(action),
        };
        if !matches!(step, Step::Ok(_)) {
            self.disconnect();
        }
        Ok(step)
    }

    /// The next connection may lead to a node that is behind: it is another session.
    fn disconnect(&mut self) {
        self.connection = None;
        if self.role == Role::ReadStale {
            self.process += 1000;
        }
    }

    fn connect(&mut self) -> bool {
        let addr = self.random.pick(&self.addrs);
        let Ok(mut connection) = Connection::open(addr, REPLY_MAX) else {
            return false;
        };
        if self.role == Role::ReadStale {
            let readonly = connection.call(&command(&["READONLY"]));
            if !readonly.is_ok_and(|reply| reply.is_status("OK")) {
                return false;
            }
        }
        self.connection = Some(connection);
        true
    }
}

/// A read without a reply did nothing; of anything else nobody knows.
fn without_reply(action: &Action) -> Step {
    match action {
        Action::Get | Action::GetAll | Action::Stale => Step::Fail,
        _ => Step::Info,
    }
}
