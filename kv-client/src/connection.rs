//! One connection that many calls share.
//!
//! A [`Connection`] is a handle; a task owns the socket. Calls hand their requests to the task,
//! which writes all that have come in one go and gives each answer to the call it belongs to, in
//! whatever order answers arrive.
//!
//! 1. At most `in_flight_max` requests are handed over and unanswered; further calls wait.
//! 2. Every request handed over is answered once: with the reply, or with why there is none and
//!    whether the server may have the request.
//! 3. When the last handle is gone, the task finishes what is in flight and closes.

mod driver;
mod mux;

use std::sync::Arc;

use kv_proto::Reply;
use kv_proto::native::Preface;
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::time::timeout;

use crate::config::Config;
use crate::connect::{Connect, Stream};
use crate::error::Error;
use crate::retry::Failure;
use crate::seen::Seen;
use crate::wire::{self, Call, Frames};

use driver::Driver;
use mux::Mux;

/// A handle; cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Connection(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    addr: Arc<str>,
    remembers_writes: bool,
    submissions: mpsc::UnboundedSender<Submission>,
    permits: Arc<Semaphore>,
    in_flight_max: usize,
}

/// Requests that go out together, in this order.
#[derive(Debug)]
enum Submission {
    One(Question),
    Many(Vec<Question>),
}

/// A request and where its answer goes.
#[derive(Debug)]
struct Question {
    call: Call,
    answer: oneshot::Sender<Outcome>,
}

type Outcome = Result<Reply, Failure>;

impl Connection {
    /// Connects, says hello and starts the task.
    ///
    /// # Errors
    /// If any of it fails or takes longer than `connect_timeout`.
    pub(crate) async fn open(
        connector: &dyn Connect,
        addr: &Arc<str>,
        config: &Config,
        seen: &Arc<Seen>,
    ) -> Result<Connection, Failure> {
        let opening = async {
            let connected = connector.connect(addr).await;
            let mut stream = connected.map_err(|error| cannot_connect(addr, error))?;
            let server = wire::handshake(&mut stream, addr, config.password.as_ref()).await?;
            Ok((stream, server))
        };
        match timeout(config.connect_timeout, opening).await {
            Ok(opened) => {
                let (stream, server) = opened?;
                Ok(Connection::start(stream, server, addr, config, seen))
            }
            Err(_) => Err(cannot_connect(addr, std::io::ErrorKind::TimedOut.into())),
        }
    }

    fn start(
        stream: Box<dyn Stream>,
        server: Preface,
        addr: &Arc<str>,
        config: &Config,
        seen: &Arc<Seen>,
    ) -> Connection {
        let (submissions, receiver) = mpsc::unbounded_channel();
        let permits = Arc::new(Semaphore::new(config.in_flight_max));
        let mux = Mux::new(Frames::new(seen.clone()));
        let driver = Driver::new(stream, addr.clone(), receiver, permits.clone(), mux, config);
        tokio::spawn(driver.run());
        Connection(Arc::new(Shared {
            addr: addr.clone(),
            remembers_writes: server.remembers_writes,
            submissions,
            permits,
            in_flight_max: config.in_flight_max,
        }))
    }

    /// The server at the other end.
    pub(crate) fn addr(&self) -> &Arc<str> {
        &self.0.addr
    }

    /// Whether the server knows a write again by its identity.
    pub(crate) fn remembers_writes(&self) -> bool {
        self.0.remembers_writes
    }

    /// Whether requests can still be handed over.
    pub(crate) fn is_open(&self) -> bool {
        !self.0.submissions.is_closed()
    }

    /// How many requests are handed over and not answered.
    pub(crate) fn in_flight(&self) -> usize {
        self.0
            .in_flight_max
            .saturating_sub(self.0.permits.available_permits())
    }

    /// Sends `call` and waits for its answer. `sent` becomes true once the server may have it.
    pub(crate) async fn call(&self, call: Call, sent: &mut bool) -> Outcome {
        let (answer, answered) = oneshot::channel();
        self.submit(1, Submission::One(Question { call, answer }))
            .await?;
        *sent = true;
        self.outcome(answered).await
    }

    /// Sends `calls` together, at most as many as may be in flight, and waits for each answer.
    ///
    /// # Errors
    /// If the connection is closed already; then nothing was sent.
    pub(crate) async fn call_many(
        &self,
        calls: impl ExactSizeIterator<Item = Call>,
        sent: &mut bool,
    ) -> Result<Vec<Outcome>, Failure> {
        let count = calls.len();
        assert!(
            count <= self.0.in_flight_max,
            "a batch is cut before it is sent"
        );
        let (questions, answers): (Vec<_>, Vec<_>) = calls
            .map(|call| {
                let (answer, answered) = oneshot::channel();
                (Question { call, answer }, answered)
            })
            .unzip();
        self.submit(count, Submission::Many(questions)).await?;
        *sent = true;
        let mut outcomes = Vec::with_capacity(count);
        for answered in answers {
            outcomes.push(self.outcome(answered).await);
        }
        Ok(outcomes)
    }

    async fn submit(&self, count: usize, submission: Submission) -> Result<(), Failure> {
        let count = u32::try_from(count).expect("in_flight_max fits: the settings are checked");
        let Ok(permit) = self.0.permits.acquire_many(count).await else {
            return Err(Failure::NotSent(self.closed()));
        };
        // The task gives the permits back, one an answer.
        permit.forget();
        match self.0.submissions.send(submission) {
            Ok(()) => Ok(()),
            Err(_) => Err(Failure::NotSent(self.closed())),
        }
    }

    async fn outcome(&self, answered: oneshot::Receiver<Outcome>) -> Outcome {
        // The task answers everything it was given; if it died, nothing is known.
        answered
            .await
            .unwrap_or_else(|_| Err(Failure::Unanswered(self.closed())))
    }

    fn closed(&self) -> Error {
        lost(&self.0.addr, std::io::ErrorKind::NotConnected.into())
    }
}

fn cannot_connect(addr: &Arc<str>, source: std::io::Error) -> Failure {
    Failure::NotSent(Error::Connect {
        addr: addr.clone(),
        source: Arc::new(source),
    })
}

fn lost(addr: &Arc<str>, source: std::io::Error) -> Error {
    Error::Lost {
        addr: addr.clone(),
        source: Arc::new(source),
    }
}
