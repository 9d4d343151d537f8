//! What is refused before it is logged: for these errors, nothing happened.
//!
//! Everything that depends on a setting is checked here and nowhere later: a recovery or a replica
//! with other settings must compute the same.

use kv_proto::command::Set;
use kv_proto::{Command, ErrorCode, ErrorReply, Request};
use kv_wal::WalError;

use super::Limits;
use crate::db::{Db, too_long};

/// What writes are held against.
#[derive(Debug)]
pub struct Admission<'a> {
    /// What requests may use.
    pub limits: &'a Limits,
    /// What is there already.
    pub db: &'a Db,
    /// Whether what is learnt is used.
    pub learns: bool,
    /// Of log records that are on their way to memory.
    pub queued_bytes: u64,
    /// Unix milliseconds.
    pub now_ms: u64,
}

impl Admission<'_> {
    /// Whether a write may be logged.
    ///
    /// # Errors
    /// Says why not; nothing happened.
    pub fn check(&self, request: &Request) -> Result<(), ErrorReply> {
        self.check_fault(request.fault)?;
        self.check_command(&request.command)?;
        self.check_queue()?;
        if may_grow(&request.command) {
            self.check_memory()?;
        }
        Ok(())
    }

    fn check_fault(&self, fault: Option<f64>) -> Result<(), ErrorReply> {
        match fault {
            None => Ok(()),
            Some(_) if !self.limits.allow_faults => Err(err(
                "debug faults are off: start the server with --debug-faults",
            )),
            Some(chance) if (0.0..=1.0).contains(&chance) => Ok(()),
            Some(_) => Err(err("a fault's chance is between 0 and 1")),
        }
    }

    fn check_command(&self, command: &Command) -> Result<(), ErrorReply> {
        match command {
            Command::Sweep { .. } => return Ok(()),
            Command::Transaction { commands, .. } => {
                let mut inner = commands.iter();
                if inner.any(|command| matches!(command, Command::Transaction { .. })) {
                    return Err(err("MULTI calls can not be nested"));
                }
                commands
                    .iter()
                    .try_for_each(|command| self.check_vector(command))?;
            }
            Command::Set(_) => self.check_vector(command)?,
            Command::Train => self.check_training()?,
            Command::Append { key, suffix } => {
                let len = self
                    .db
                    .text_bytes(self.now_ms, key)
                    .saturating_add(suffix.len());
                if len > self.limits.requests.value_bytes_max {
                    return Err(too_long());
                }
            }
            _ => {}
        }
        self.limits.requests.check(command)
    }

    fn check_training(&self) -> Result<(), ErrorReply> {
        if !self.learns {
            return Err(err(
                "this node's embedder does not learn: start it with --embedder hashing",
            ));
        }
        match self.db.is_training() {
            true => Err(ErrorReply::new(
                ErrorCode::Busy,
                "a model is being learnt already; try again later",
            )),
            false => Ok(()),
        }
    }

    /// What is stored under one number of dimensions would not be found under another.
    fn check_vector(&self, command: &Command) -> Result<(), ErrorReply> {
        let Command::Set(Set {
            vector: Some(vector),
            ..
        }) = command
        else {
            return Ok(());
        };
        match (vector.len(), self.db.indexes().vector_dims()) {
            (found, expected) if found == expected => Ok(()),
            (_, 0) => Err(err(
                "this node stores no vectors: start it with --vector-dims N",
            )),
            (found, expected) => Err(err(format!(
                "vector has {found} dimensions, this node stores vectors of {expected}: see --vector-dims"
            ))),
        }
    }

    fn check_queue(&self) -> Result<(), ErrorReply> {
        if self.queued_bytes > self.limits.queue_bytes_max {
            return Err(ErrorReply::new(
                ErrorCode::Busy,
                "too many writes are waiting for the disk; try again",
            ));
        }
        Ok(())
    }

    fn check_memory(&self) -> Result<(), ErrorReply> {
        let limit = self.limits.memory_bytes_max;
        if limit != 0 && self.db.memory_bytes().saturating_add(self.queued_bytes) > limit {
            return Err(ErrorReply::new(
                ErrorCode::Oom,
                "command not allowed when used memory > 'maxmemory'.",
            ));
        }
        Ok(())
    }
}

/// Whether memory may be larger after the command.
fn may_grow(command: &Command) -> bool {
    match command {
        Command::Transaction { commands, .. } => commands.iter().any(may_grow),
        Command::Set(_)
        | Command::MSet { .. }
        | Command::Append { .. }
        | Command::SetRange { .. }
        | Command::IncrBy { .. }
        | Command::IncrByFloat { .. }
        | Command::Copy { .. }
        | Command::Cas { .. } => true,
        _ => false,
    }
}

/// The answer for a write that the log did not take.
#[must_use]
pub fn not_logged(error: &WalError) -> ErrorReply {
    match error {
        WalError::StorageFull(_) => ErrorReply::new(ErrorCode::StorageFull, error.to_string()),
        WalError::Busy => ErrorReply::new(ErrorCode::Busy, error.to_string()),
        WalError::Poisoned(_) => err(format!("writes are refused until a restart: {error}")),
        error => err(error.to_string()),
    }
}

/// The answer for a write whose record was taken but never confirmed.
#[must_use]
pub fn unconfirmed() -> ErrorReply {
    ErrorReply::new(
        ErrorCode::Unknown,
        "the write was logged but not confirmed: it may or may not have happened",
    )
}

fn err(message: impl Into<std::borrow::Cow<'static, str>>) -> ErrorReply {
    ErrorReply::new(ErrorCode::Err, message)
}
