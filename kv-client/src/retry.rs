//! What to do after a failed attempt.
//!
//! 1. A write is repeated only if nothing happened (its request never left completely, or the
//!    server's refusal says so), or if the server knows it again. Otherwise it is an unknown
//!    outcome.
//! 2. A read is repeated whatever the reason, as long as the reason may go away.
//! 3. A named leader is followed at once the first time; later, nodes that name each other are
//!    given time to agree.
//! 4. A node that has no leader or does not answer is passed over, with short waits and as long as
//!    the call's time lasts: an election takes what it takes.
//! 5. Other repetitions and redirects are counted; each has its maximum.
//! 6. Once a write may have happened, only an answer that a server gives after looking at it says
//!    otherwise.
//!
//! Pure: sends nothing, waits for nothing.

use std::sync::Arc;
use std::time::Duration;

use kv_proto::{ErrorCode, ErrorReply};

use crate::backoff::Backoff;
use crate::config::Config;
use crate::error::{Error, may_work_later};

/// How an attempt failed.
#[derive(Debug, Clone)]
pub(crate) enum Failure {
    /// The server cannot have the whole request.
    NotSent(Error),
    /// The server may have the request; no answer will come.
    Unanswered(Error),
    /// The server answered with an error.
    Refused(ErrorReply),
    /// No later attempt can do better.
    Final(Error),
}

/// What to do next.
#[derive(Debug)]
pub(crate) enum Next {
    /// The same again.
    Retry {
        /// Wait before.
        after: Duration,
    },
    /// The same again, there.
    Follow {
        /// The leader's address.
        addr: Arc<str>,
        /// Wait before.
        after: Duration,
    },
    /// The same again, at another server than this.
    Elsewhere {
        /// Wait before.
        after: Duration,
    },
    /// Give up.
    Fail(Error),
}

/// The longest wait during an election; it should not go on long after one.
const ELECTION_WAIT_MAX: Duration = Duration::from_millis(200);

/// How often is too often.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Policy {
    retries_max: u32,
    redirects_max: u32,
    backoff: Backoff,
    election_backoff: Backoff,
}

/// The failed attempts of one call.
#[derive(Debug)]
pub(crate) struct Attempts {
    policy: Policy,
    is_write: bool,
    /// Whether the write may have happened.
    is_unknown: bool,
    /// Whether it may have where nobody knows it again.
    is_forgotten: bool,
    retries: u32,
    redirects: u32,
    waits: u32,
}

impl Policy {
    pub(crate) fn new(config: &Config) -> Policy {
        Policy {
            retries_max: config.retries_max,
            redirects_max: config.redirects_max,
            backoff: Backoff {
                min: config.backoff_min,
                max: config.backoff_max,
            },
            election_backoff: Backoff {
                min: config.backoff_min.min(ELECTION_WAIT_MAX),
                max: config.backoff_max.min(ELECTION_WAIT_MAX),
            },
        }
    }
}

impl Failure {
    /// Whether a write surely did not happen.
    pub(crate) fn nothing_happened(&self) -> bool {
        match self {
            Failure::NotSent(_) | Failure::Final(_) => true,
            Failure::Unanswered(_) => false,
            Failure::Refused(reply) => reply.code != ErrorCode::Unknown,
        }
    }

    /// Whether a server looked at the command itself: what it says then holds for every time that
    /// the same write was sent.
    fn is_about_the_command(&self) -> bool {
        use ErrorCode::{Err, ExecAbort, WrongType};
        matches!(self, Failure::Refused(reply) if matches!(reply.code, Err | WrongType | ExecAbort))
    }

    /// Whether no server has said what became of the call, and one still may.
    pub(crate) fn is_no_answer(&self) -> bool {
        match self {
            Failure::NotSent(_) | Failure::Unanswered(_) => true,
            Failure::Refused(reply) => {
                may_work_later(reply.code) || reply.code == ErrorCode::Unknown
            }
            Failure::Final(_) => false,
        }
    }

    /// What the caller is told.
    pub(crate) fn into_error(self, is_write: bool) -> Error {
        self.into_error_after(is_write, false)
    }

    /// The same after attempts that may have changed something, if `earlier`.
    pub(crate) fn into_error_after(self, is_write: bool, earlier: bool) -> Error {
        let may_have = !self.nothing_happened() || (earlier && !self.is_about_the_command());
        self.into_told(is_write && may_have)
    }

    fn into_told(self, unknown: bool) -> Error {
        let error = match self {
            Failure::NotSent(error) | Failure::Unanswered(error) | Failure::Final(error) => error,
            Failure::Refused(reply) => Error::Refused(reply),
        };
        told(error, unknown)
    }

    /// Whether another node may do better, now.
    fn is_of_the_node(&self, is_remembered: bool) -> bool {
        match self {
            Failure::Unanswered(_) => is_remembered,
            Failure::Refused(reply) => match reply.code {
                ErrorCode::NoLeader | ErrorCode::Stale => true,
                ErrorCode::Unknown => is_remembered,
                _ => false,
            },
            _ => false,
        }
    }

    fn may_work_later(&self) -> bool {
        match self {
            Failure::NotSent(_) | Failure::Unanswered(_) => true,
            Failure::Refused(reply) => may_work_later(reply.code),
            Failure::Final(_) => false,
        }
    }
}

fn told(error: Error, unknown: bool) -> Error {
    match unknown {
        true => Error::UnknownOutcome {
            source: Box::new(error),
        },
        false => error,
    }
}

impl Attempts {
    pub(crate) fn new(policy: Policy, is_write: bool) -> Attempts {
        Attempts {
            policy,
            is_write,
            is_unknown: false,
            is_forgotten: false,
            retries: 0,
            redirects: 0,
            waits: 0,
        }
    }

    /// Whether an attempt so far may have changed something.
    pub(crate) fn is_unknown(&self) -> bool {
        self.is_unknown
    }

    /// What to do after `failure`; `random` is any number. `is_remembered` says whether the server
    /// would know the same write again.
    pub(crate) fn next(&mut self, failure: Failure, is_remembered: bool, random: u64) -> Next {
        if self.is_write && !failure.nothing_happened() {
            self.is_unknown = true;
            self.is_forgotten |= !is_remembered;
        }
        if let Some(addr) = leader(&failure) {
            return self.follow(addr, random);
        }
        if self.is_forgotten {
            return self.fail(failure);
        }
        if failure.is_of_the_node(is_remembered) {
            self.waits = self.waits.saturating_add(1);
            let after = self.policy.election_backoff.wait(self.waits, random);
            return Next::Elsewhere { after };
        }
        if !failure.may_work_later() || self.retries == self.policy.retries_max {
            return self.fail(failure);
        }
        self.retries += 1;
        Next::Retry {
            after: self.policy.backoff.wait(self.retries, random),
        }
    }

    fn fail(&self, failure: Failure) -> Next {
        Next::Fail(failure.into_error_after(self.is_write, self.is_unknown))
    }

    /// Some of what was sent happened.
    pub(crate) fn something_happened(&mut self) {
        self.is_unknown = self.is_write;
    }

    fn follow(&mut self, addr: Arc<str>, random: u64) -> Next {
        if self.redirects == self.policy.redirects_max {
            let hops = self.redirects;
            return Next::Fail(told(Error::Redirects { hops, addr }, self.is_unknown));
        }
        let after = match self.redirects {
            0 => Duration::ZERO,
            again => self.policy.election_backoff.wait(again, random),
        };
        self.redirects += 1;
        Next::Follow { addr, after }
    }
}

/// The address in a `NOTLEADER` error's message, if it is one.
fn leader(failure: &Failure) -> Option<Arc<str>> {
    let Failure::Refused(reply) = failure else {
        return None;
    };
    let addr = reply.message.trim();
    let (host, port) = addr.rsplit_once(':')?;
    let is_addr = !host.is_empty() && !host.contains(' ') && port.parse::<u16>().is_ok();
    (reply.code == ErrorCode::NotLeader && is_addr).then(|| addr.into())
}

#[cfg(test)]
mod tests;
