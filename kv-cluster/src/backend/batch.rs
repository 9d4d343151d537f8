//! From what a connection asks to what the member is asked.

use std::time::Instant;

use kv_node::backend::{ClientProtocol, Session};
use kv_proto::request::ReadLevel;
use kv_proto::{Position, Request};

use super::{Batch, Completed, ReadMode};
use crate::{Once, Route};

/// What the requests of one call want, all of them together.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked {
    route: Route,
    reads: ReadMode,
    /// Somebody wants to know which writes the replies follow.
    pub(super) position: bool,
}

impl Asked {
    pub(super) fn of(session: &Session, requests: &[Request]) -> Asked {
        Asked {
            route: match session.protocol {
                ClientProtocol::Resp => Route::Forward,
                ClientProtocol::Native => Route::Follow,
            },
            reads: reads(requests),
            position: requests.iter().any(|request| request.asks_position),
        }
    }

    /// A batch of these requests.
    pub(super) fn batch(&self, requests: Vec<Request>) -> Batch {
        Batch {
            ticket: 0,
            once: once(&requests),
            requests,
            route: self.route,
            reads: self.reads,
        }
    }

    /// Which writes the replies follow.
    pub(super) fn position_of(&self, completed: &Completed) -> Position {
        Position {
            applied: completed.ordinal,
            age_ms: match self.reads {
                ReadMode::Linearizable => 0,
                _ => completed.age_ms.unwrap_or(Position::AGE_UNKNOWN),
            },
        }
    }
}

/// As recent as the most demanding of the reads wants it.
fn reads(requests: &[Request]) -> ReadMode {
    let mut mode = ReadMode::Stale;
    for request in requests.iter().filter(|one| !one.command.is_write()) {
        mode = match (request.read, mode) {
            (ReadLevel::Linearizable, _) => return ReadMode::Linearizable,
            (ReadLevel::Stale { after: None }, mode) => mode,
            (ReadLevel::Stale { after: Some(after) }, ReadMode::After(other)) => {
                ReadMode::After(after.max(other))
            }
            (ReadLevel::Stale { after: Some(after) }, _) => ReadMode::After(after),
        };
    }
    match requests.iter().any(|one| !one.command.is_write()) {
        true => mode,
        false => ReadMode::Linearizable,
    }
}

fn once(requests: &[Request]) -> Vec<Once> {
    if requests.iter().all(|request| request.identity.is_none()) {
        return Vec::new();
    }
    let once = |request: &Request| match request.identity {
        Some(identity) => Once {
            client: identity.client,
            sequence: identity.sequence,
        },
        None => Once::default(),
    };
    requests.iter().map(once).collect()
}

/// The requests in runs of searches and of others, in order.
pub(super) fn runs(requests: Vec<Request>) -> Vec<Vec<Request>> {
    let mut runs: Vec<Vec<Request>> = Vec::new();
    let mut was_search = None;
    for request in requests {
        let is_search = Some(request.command.is_search());
        match runs.last_mut() {
            Some(run) if was_search == is_search => run.push(request),
            _ => runs.push(vec![request]),
        }
        was_search = is_search;
    }
    runs
}

/// Now, for the time that an answer takes.
#[expect(clippy::disallowed_methods, reason = "measures how long clients wait")]
pub(super) fn now() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use kv_proto::Command;
    use kv_proto::command::SearchOptions;
    use kv_proto::request::Identity;

    use super::*;

    fn read(level: ReadLevel) -> Request {
        Request {
            read: level,
            ..Command::Get(Bytes::from_static(b"k")).into()
        }
    }

    #[test]
    fn the_most_demanding_read_decides() {
        let stale = ReadLevel::Stale { after: None };
        let after = |ordinal| ReadLevel::Stale {
            after: Some(ordinal),
        };
        let mode = |levels: &[ReadLevel]| {
            let requests: Vec<Request> = levels.iter().copied().map(read).collect();
            reads(&requests)
        };
        assert_eq!(mode(&[stale, stale]), ReadMode::Stale);
        assert_eq!(mode(&[after(3), stale, after(2)]), ReadMode::After(3));
        assert_eq!(
            mode(&[stale, ReadLevel::Linearizable, after(9)]),
            ReadMode::Linearizable
        );
        assert_eq!(mode(&[]), ReadMode::Linearizable);
    }

    #[test]
    fn a_write_with_an_identity_gives_every_request_one_or_none() {
        let identity = Identity {
            client: 7,
            sequence: 8,
        };
        let write = Request {
            identity: Some(identity),
            ..Command::Flush.into()
        };
        let requests = [read(ReadLevel::Linearizable), write];
        let named = Once {
            client: 7,
            sequence: 8,
        };
        assert_eq!(once(&requests), [Once::default(), named]);
        assert_eq!(once(&requests[..1]), []);
    }

    #[test]
    fn searches_and_other_requests_are_answered_in_runs() {
        let get = || read(ReadLevel::Linearizable);
        let search = || -> Request {
            Command::Search {
                query: "words".to_owned(),
                options: SearchOptions::new(),
            }
            .into()
        };
        let runs = runs(vec![get(), get(), search(), search(), get()]);
        let lengths: Vec<usize> = runs.iter().map(Vec::len).collect();
        assert_eq!(lengths, [2, 2, 1]);
    }
}
