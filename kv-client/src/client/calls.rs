//! How calls get to a server that answers them: with their time limit and their repetitions.

use std::sync::Arc;
use std::time::Duration;

use kv_proto::{ErrorCode, ErrorReply, Reply};
use tokio::time::{sleep, timeout};

use super::Client;
use crate::backoff::random;
use crate::connection::Connection;
use crate::error::Error;
use crate::identity::Lease;
use crate::pool::Pool;
use crate::retry::{Attempts, Failure, Next, Policy};
use crate::wire::Call;

/// One call, or a few that go together, on the way.
struct Journey {
    attempts: Attempts,
    /// Of each call that got one.
    leases: Vec<Option<Lease>>,
    /// Whether the server that is being asked may have what it was asked just now.
    is_sent: bool,
    /// Why the last attempt failed, if nothing happened.
    last: Option<Error>,
}

/// Where an attempt went.
#[derive(Default)]
struct Place {
    addr: Option<Arc<str>>,
    /// Whether the server knows writes again.
    knows_writes: bool,
    /// Whether what is sent there may be sent again.
    is_remembered: bool,
}

impl Journey {
    fn new(pool: &Pool, is_write: bool) -> Journey {
        Journey {
            attempts: Attempts::new(Policy::new(pool.config()), is_write),
            leases: Vec::new(),
            is_sent: false,
            last: None,
        }
    }

    /// What is told when time runs out.
    fn out_of_time(&mut self, is_write: bool, after: Duration) -> Error {
        let timeout = Error::Timeout { after };
        match is_write && (self.is_sent || self.attempts.is_unknown()) {
            true => Error::UnknownOutcome {
                source: Box::new(timeout),
            },
            false => self.last.take().unwrap_or(timeout),
        }
    }
}

impl Client {
    pub(super) async fn open(&self) -> Result<(), Error> {
        match timeout(self.request_timeout, self.pool.connection()).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(failure)) => Err(failure.into_error(false)),
            Err(_) => Err(Error::Timeout {
                after: self.request_timeout,
            }),
        }
    }

    /// Where a call, or a few that go together, are sent.
    fn pool_for(&self, is_write: bool) -> &Pool {
        match &self.stale_pool {
            Some(pool) if !is_write => pool,
            _ => &self.pool,
        }
    }

    pub(crate) async fn call(&self, call: Call) -> Result<Reply, Error> {
        let is_write = call.is_write();
        let mut journey = Journey::new(&self.pool, is_write);
        match timeout(self.request_timeout, self.attempts(call, &mut journey)).await {
            Ok(result) => result,
            Err(_) => Err(journey.out_of_time(is_write, self.request_timeout)),
        }
    }

    async fn attempts(&self, call: Call, journey: &mut Journey) -> Result<Reply, Error> {
        let pool = self.pool_for(call.is_write());
        loop {
            let mut place = Place::default();
            let attempt = self.attempt(pool, &call, journey, &mut place).await;
            let failure = match attempt {
                Ok(Reply::Error(refused)) => Failure::Refused(refused),
                Ok(reply) => return Ok(reply),
                Err(failure) => failure,
            };
            journey.failed(&failure);
            let next = journey
                .attempts
                .next(failure, place.is_remembered, random());
            before_next(pool, next, &place).await?;
        }
    }

    async fn attempt(
        &self,
        pool: &Pool,
        call: &Call,
        journey: &mut Journey,
        place: &mut Place,
    ) -> Result<Reply, Failure> {
        let connection = pool.connection().await?;
        arrive(std::slice::from_ref(call), journey, &connection, place)?;
        journey.leases.resize_with(1, || None);
        let lease = &mut journey.leases[0];
        let call = self.identified(call, lease, place);
        let sent = connection.call(call, &mut journey.is_sent);
        within(pool, place, sent).await.unwrap_or_else(Err)
    }

    /// A call as it is sent there.
    fn identified(&self, call: &Call, lease: &mut Option<Lease>, place: &Place) -> Call {
        match place.knows_writes && call.can_be_identified() {
            true => {
                let lease = lease.get_or_insert_with(|| self.identities.lease());
                call.clone().identified(lease.identity())
            }
            false => call.clone(),
        }
    }

    /// Runs calls in order, as many at a time as may be in flight; an outcome each.
    ///
    /// # Errors
    /// If time runs out: what happened to each is then not known.
    pub(crate) async fn call_many(
        &self,
        calls: &[Call],
    ) -> Result<Vec<Result<Reply, Error>>, Error> {
        let mut outcomes = Vec::with_capacity(calls.len());
        for chunk in calls.chunks(self.pool.config().in_flight_max) {
            let is_write = chunk.iter().any(Call::is_write);
            let mut journey = Journey::new(&self.pool, is_write);
            let running = self.run_chunk(chunk, &mut journey);
            match timeout(self.request_timeout, running).await {
                Ok(answers) => outcomes.extend(answers),
                Err(_) => {
                    let earlier = calls[..outcomes.len()].iter().any(Call::is_write);
                    journey.is_sent |= earlier;
                    return Err(journey.out_of_time(is_write || earlier, self.request_timeout));
                }
            }
        }
        Ok(outcomes)
    }

    /// Repeats the chunk only as a whole, so that its order holds: if none of it happened, or if
    /// the server knows what happened of it.
    async fn run_chunk(&self, calls: &[Call], journey: &mut Journey) -> Vec<Result<Reply, Error>> {
        let pool = self.pool_for(calls.iter().any(Call::is_write));
        loop {
            let mut place = Place::default();
            let outcomes = self.attempt_chunk(pool, calls, journey, &mut place).await;
            let earlier = journey.attempts.is_unknown();
            let Some(failure) = whole_failure(&outcomes, place.is_remembered) else {
                return told(calls, outcomes, earlier);
            };
            if !outcomes.iter().all(nothing_happened) {
                journey.attempts.something_happened();
            }
            journey.failed(&failure);
            let next = journey
                .attempts
                .next(failure, place.is_remembered, random());
            if before_next(pool, next, &place).await.is_err() {
                return told(calls, outcomes, earlier);
            }
        }
    }

    async fn attempt_chunk(
        &self,
        pool: &Pool,
        calls: &[Call],
        journey: &mut Journey,
        place: &mut Place,
    ) -> Vec<Result<Reply, Failure>> {
        let sent = self.send_chunk(pool, calls, journey, place).await;
        let outcomes =
            sent.unwrap_or_else(|failure| calls.iter().map(|_| Err(failure.clone())).collect());
        outcomes.into_iter().map(refusal_as_failure).collect()
    }
}

impl Client {
    async fn send_chunk(
        &self,
        pool: &Pool,
        calls: &[Call],
        journey: &mut Journey,
        place: &mut Place,
    ) -> Result<Vec<Result<Reply, Failure>>, Failure> {
        let connection = pool.connection().await?;
        arrive(calls, journey, &connection, place)?;
        journey.leases.resize_with(calls.len(), || None);
        let leases = journey.leases.iter_mut();
        let identified: Vec<Call> = calls
            .iter()
            .zip(leases)
            .map(|(call, lease)| self.identified(call, lease, place))
            .collect();
        let sent = connection.call_many(identified.into_iter(), &mut journey.is_sent);
        within(pool, place, sent).await.unwrap_or_else(Err)
    }
}

/// Notes where calls are about to be sent.
///
/// # Errors
/// If it would be a second time there for a write that may have happened.
fn arrive(
    calls: &[Call],
    journey: &Journey,
    connection: &Connection,
    place: &mut Place,
) -> Result<(), Failure> {
    let is_known = |call: &Call| !call.is_write() || call.can_be_identified();
    *place = Place {
        addr: Some(connection.addr().clone()),
        knows_writes: connection.remembers_writes(),
        is_remembered: connection.remembers_writes() && calls.iter().all(is_known),
    };
    match journey.attempts.is_unknown() && !place.is_remembered {
        true => Err(Failure::Refused(ErrorReply::new(
            ErrorCode::Unknown,
            "the server asked next does not know writes again",
        ))),
        false => Ok(()),
    }
}

impl Journey {
    fn failed(&mut self, failure: &Failure) {
        self.is_sent = false;
        self.last = Some(failure.clone().into_error(false));
    }
}

/// An answer that may also come from somewhere else is not waited for all the time there is.
async fn within<T>(
    pool: &Pool,
    place: &Place,
    sent: impl Future<Output = T>,
) -> Result<T, Failure> {
    if !place.is_remembered {
        return Ok(sent.await);
    }
    let after = pool.config().attempt_timeout;
    timeout(after, sent)
        .await
        .map_err(|_| Failure::Unanswered(Error::Timeout { after }))
}

async fn before_next(pool: &Pool, next: Next, place: &Place) -> Result<(), Error> {
    match next {
        Next::Retry { after } => sleep(after).await,
        Next::Follow { addr, after } => {
            sleep(after).await;
            pool.follow(&addr);
        }
        Next::Elsewhere { after } => {
            place.addr.iter().for_each(|addr| pool.pass_over(addr));
            sleep(after).await;
        }
        Next::Fail(error) => return Err(error),
    }
    Ok(())
}

fn refusal_as_failure(outcome: Result<Reply, Failure>) -> Result<Reply, Failure> {
    match outcome {
        Ok(Reply::Error(refused)) => Err(Failure::Refused(refused)),
        other => other,
    }
}

/// Why all of a chunk is to be repeated, if it may be.
///
/// Where nobody knows a write again: the first failure, if every call failed without anything
/// happening. Where the server does: the first call without an answer, if none after it has one.
fn whole_failure(outcomes: &[Result<Reply, Failure>], is_remembered: bool) -> Option<Failure> {
    let start = match is_remembered {
        true => outcomes.iter().position(is_without_answer)?,
        false => 0,
    };
    let may_repeat = match is_remembered {
        true => is_without_answer,
        false => nothing_happened,
    };
    let first = outcomes.get(start)?.as_ref().err()?;
    outcomes[start..]
        .iter()
        .all(may_repeat)
        .then(|| first.clone())
}

fn is_without_answer(outcome: &Result<Reply, Failure>) -> bool {
    outcome.as_ref().is_err_and(Failure::is_no_answer)
}

fn nothing_happened(outcome: &Result<Reply, Failure>) -> bool {
    outcome.as_ref().is_err_and(Failure::nothing_happened)
}

/// `earlier` is true if the writes may have happened before these outcomes.
fn told(
    calls: &[Call],
    outcomes: Vec<Result<Reply, Failure>>,
    earlier: bool,
) -> Vec<Result<Reply, Error>> {
    let told = |(call, outcome): (&Call, Result<Reply, Failure>)| {
        outcome.map_err(|failure| failure.into_error_after(call.is_write(), earlier))
    };
    calls.iter().zip(outcomes).map(told).collect()
}
