//! What to do after a failed attempt.
//!
//! 1. A write is repeated only if nothing happened: its request never left completely, or the
//!    server's refusal says so. Otherwise it is an unknown outcome.
//! 2. A read is repeated whatever the reason, as long as the reason may go away.
//! 3. A named leader is followed at once the first time; later, nodes that name each other are
//!    given time to agree.
//! 4. Repetitions and redirects are counted; each has its maximum.
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
    /// Give up.
    Fail(Error),
}

/// How often is too often.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Policy {
    retries_max: u32,
    redirects_max: u32,
    backoff: Backoff,
}

/// The failed attempts of one call.
#[derive(Debug)]
pub(crate) struct Attempts {
    policy: Policy,
    is_write: bool,
    retries: u32,
    redirects: u32,
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

    /// What the caller is told.
    pub(crate) fn into_error(self, is_write: bool) -> Error {
        let unknown = is_write && !self.nothing_happened();
        let error = match self {
            Failure::NotSent(error) | Failure::Unanswered(error) | Failure::Final(error) => error,
            Failure::Refused(reply) => Error::Refused(reply),
        };
        match unknown {
            true => Error::UnknownOutcome {
                source: Box::new(error),
            },
            false => error,
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

impl Attempts {
    pub(crate) fn new(policy: Policy, is_write: bool) -> Attempts {
        Attempts {
            policy,
            is_write,
            retries: 0,
            redirects: 0,
        }
    }

    /// What to do after `failure`; `random` is any number.
    pub(crate) fn next(&mut self, failure: Failure, random: u64) -> Next {
        if let Some(addr) = leader(&failure) {
            return self.follow(addr, random);
        }
        let safe = !self.is_write || failure.nothing_happened();
        if !safe || !failure.may_work_later() || self.retries == self.policy.retries_max {
            return Next::Fail(failure.into_error(self.is_write));
        }
        self.retries += 1;
        Next::Retry {
            after: self.policy.backoff.wait(self.retries, random),
        }
    }

    fn follow(&mut self, addr: Arc<str>, random: u64) -> Next {
        if self.redirects == self.policy.redirects_max {
            let hops = self.redirects;
            return Next::Fail(Error::Redirects { hops, addr });
        }
        let after = match self.redirects {
            0 => Duration::ZERO,
            again => self.policy.backoff.wait(again, random),
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
