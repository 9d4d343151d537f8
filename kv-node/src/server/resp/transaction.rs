//! What a client queued between MULTI and EXEC, and what it watches.

use bytes::Bytes;
use kv_proto::command::{Command, Watch};
use kv_proto::reply::{ErrorReply, Reply};
use kv_proto::resp::ConnectionCommand;

/// What a queued command costs beside its arguments.
const QUEUED_OVERHEAD_BYTES: usize = 256;

/// Commands that wait for EXEC.
#[derive(Debug, Default)]
pub(super) struct Transaction {
    queued: Vec<Queued>,
    bytes: usize,
    is_spoiled: bool,
}

/// One of them.
#[derive(Debug)]
pub(super) enum Queued {
    /// The backend executes it.
    Data(Command),
    /// The connection executes it.
    Connection(ConnectionCommand),
    /// Its arguments are wrong; EXEC answers so in its place.
    Wrong(ErrorReply),
}

/// How much a transaction may hold.
#[derive(Debug, Clone, Copy)]
pub(super) struct QueueLimits {
    pub(super) commands_max: usize,
    pub(super) bytes_max: usize,
}

impl Transaction {
    /// Adds a command whose arguments have `arg_bytes`.
    pub(super) fn queue(
        &mut self,
        queued: Queued,
        arg_bytes: usize,
        limits: QueueLimits,
    ) -> Result<(), ErrorReply> {
        self.bytes += arg_bytes + QUEUED_OVERHEAD_BYTES;
        if self.queued.len() >= limits.commands_max || self.bytes > limits.bytes_max {
            self.spoil();
            self.queued = Vec::new();
            return Err(too_large(limits));
        }
        self.queued.push(queued);
        Ok(())
    }

    /// EXEC will refuse it.
    pub(super) fn spoil(&mut self) {
        self.is_spoiled = true;
    }

    pub(super) fn is_spoiled(&self) -> bool {
        self.is_spoiled
    }

    pub(super) fn len(&self) -> usize {
        self.queued.len()
    }

    /// The commands for the backend, and what becomes of each place in the answer.
    pub(super) fn split(self) -> (Vec<Command>, Vec<Place>) {
        let mut commands = Vec::new();
        let places = self.queued.into_iter().map(|queued| match queued {
            Queued::Data(command) => {
                commands.push(command);
                Place::Backend
            }
            Queued::Connection(command) => Place::Connection(command),
            Queued::Wrong(error) => Place::Known(error.into()),
        });
        let places = places.collect();
        (commands, places)
    }
}

/// Where one of the replies to EXEC comes from.
#[derive(Debug)]
pub(super) enum Place {
    /// The backend's next reply.
    Backend,
    /// The connection executes this.
    Connection(ConnectionCommand),
    /// It is this.
    Known(Reply),
}

fn too_large(limits: QueueLimits) -> ErrorReply {
    let QueueLimits {
        commands_max,
        bytes_max,
    } = limits;
    ErrorReply::new(
        kv_proto::ErrorCode::Err,
        format!("transaction is larger than {commands_max} commands or {bytes_max} bytes"),
    )
}

/// The watched keys.
#[derive(Debug, Default)]
pub(super) struct Watches {
    watches: Vec<Watch>,
}

impl Watches {
    /// Adds keys with the versions the backend replied; the keys are copied.
    pub(super) fn add(&mut self, keys: &[Bytes], versions: &[Reply]) {
        let watches = keys.iter().zip(versions).map(|(key, version)| Watch {
            key: Bytes::copy_from_slice(key),
            version: match version {
                Reply::Int(version) => u64::try_from(*version).unwrap_or(0),
                _ => 0,
            },
        });
        self.watches.extend(watches);
    }

    pub(super) fn len(&self) -> usize {
        self.watches.len()
    }

    /// Takes all of them.
    pub(super) fn take(&mut self) -> Vec<Watch> {
        std::mem::take(&mut self.watches)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: QueueLimits = QueueLimits {
        commands_max: 3,
        bytes_max: 4096,
    };

    fn get() -> Queued {
        Queued::Data(Command::DbSize)
    }

    #[test]
    fn transaction_is_bounded_in_commands_and_bytes() {
        let mut transaction = Transaction::default();
        for _ in 0..3 {
            transaction.queue(get(), 1, LIMITS).unwrap();
        }
        transaction.queue(get(), 1, LIMITS).unwrap_err();
        assert!(transaction.is_spoiled());
        assert_eq!(transaction.len(), 0);
        let mut transaction = Transaction::default();
        transaction.queue(get(), 3000, LIMITS).unwrap();
        transaction.queue(get(), 3000, LIMITS).unwrap_err();
        assert!(transaction.is_spoiled());
    }

    #[test]
    fn places_keep_the_order_of_the_queue() {
        let mut transaction = Transaction::default();
        let time = Queued::Connection(ConnectionCommand::Time);
        for queued in [get(), time, get()] {
            transaction.queue(queued, 1, LIMITS).unwrap();
        }
        let (commands, places) = transaction.split();
        assert_eq!(commands.len(), 2);
        assert!(matches!(
            places.as_slice(),
            [Place::Backend, Place::Connection(_), Place::Backend]
        ));
    }
}
