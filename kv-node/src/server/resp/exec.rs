//! MULTI, EXEC, DISCARD, WATCH, UNWATCH.
//!
//! A transaction is one command for the backend, so it is one record of the log and one step of
//! the state machine. Commands on the connection itself that were queued are executed after it,
//! if it was; their replies stand where they were queued.

use kv_proto::command::{Command, Key};
use kv_proto::reply::{ErrorCode, ErrorReply, Reply};
use kv_proto::resp::{Args, ClientCommand, CommandSpec, ConnectionCommand, Flags, Parsed};

use super::transaction::{Place, QueueLimits, Queued, Transaction};
use super::{Peer, Step};
use crate::backend::Backend;

impl<B: Backend> Peer<B> {
    /// Queues a request for EXEC.
    pub(super) fn queue(&mut self, spec: &'static CommandSpec, args: Args<'_>) -> Step {
        if spec.flags.contains(Flags::NO_MULTI) {
            return self.refuse(not_in_multi(spec));
        }
        let queued = match spec.parse(args, &self.hub.limits) {
            Ok(Parsed::Data(request)) if request.fault.is_none() => Queued::Data(request.command),
            Ok(Parsed::Connection(command)) if has_one_reply(&command) => {
                Queued::Connection(command)
            }
            Ok(_) => return self.refuse(not_in_multi(spec)),
            Err(error) => Queued::Wrong(error),
        };
        let arg_bytes = args.iter().map(<[u8]>::len).sum();
        let limits = QueueLimits {
            commands_max: self.hub.limits.batch_ops_max,
            bytes_max: self.hub.settings.frame_bytes_max.as_usize(),
        };
        let transaction = self.transaction.get_or_insert_default();
        let result = transaction.queue(queued, arg_bytes, limits);
        self.client.profile.lock().queued_count = Some(transaction.len());
        Step::Answer(match result {
            Ok(()) => Reply::Status("QUEUED".into()),
            Err(error) => error.into(),
        })
    }

    pub(super) fn multi(&mut self) -> Reply {
        if self.transaction.is_some() {
            return Reply::err("MULTI calls can not be nested");
        }
        self.transaction = Some(Transaction::default());
        self.client.profile.lock().queued_count = Some(0);
        Reply::Ok
    }

    pub(super) fn discard(&mut self) -> Reply {
        if self.transaction.is_none() {
            return Reply::err("DISCARD without MULTI");
        }
        self.leave_multi();
        Reply::Ok
    }

    /// Forgets what was queued and what is watched.
    pub(super) fn leave_multi(&mut self) {
        self.transaction = None;
        self.watches.take();
        let mut profile = self.client.profile.lock();
        profile.queued_count = None;
        profile.watch_count = 0;
    }

    pub(super) async fn exec(&mut self) -> Reply {
        let Some(transaction) = self.transaction.take() else {
            return Reply::err("EXEC without MULTI");
        };
        let watches = self.watches.take();
        self.leave_multi();
        if transaction.is_spoiled() {
            let message = "Transaction discarded because of previous errors.";
            return ErrorReply::new(ErrorCode::ExecAbort, message).into();
        }
        let (commands, places) = transaction.split();
        let mut replies = Vec::new();
        if !(commands.is_empty() && watches.is_empty()) {
            let command = Command::Transaction { watches, commands };
            match self.call_one(command).await {
                Reply::Array(items) => replies = items,
                refusal => return refusal,
            }
        }
        self.fill(places, replies).await
    }

    async fn fill(&mut self, places: Vec<Place>, replies: Vec<Reply>) -> Reply {
        let mut replies = replies.into_iter();
        let mut filled = Vec::with_capacity(places.len());
        for place in places {
            filled.push(match place {
                Place::Backend => replies.next().expect("one reply for each command"),
                Place::Connection(command) => self.reply_to(command).await,
                Place::Known(reply) => reply,
            });
        }
        Reply::Array(filled)
    }

    pub(super) async fn watch(&mut self, keys: Vec<Key>) -> Reply {
        if self.transaction.is_some() {
            return Reply::err("WATCH inside MULTI is not allowed");
        }
        let count = self.watches.len() + keys.len();
        if let Err(error) = self.hub.limits.check_count(count) {
            return error.into();
        }
        match self.call_one(Command::Versions(keys.clone())).await {
            Reply::Array(versions) => {
                self.watches.add(&keys, &versions);
                self.client.profile.lock().watch_count = count;
                Reply::Ok
            }
            refusal => refusal,
        }
    }

    pub(super) fn unwatch(&mut self) -> Reply {
        self.watches.take();
        self.client.profile.lock().watch_count = 0;
        Reply::Ok
    }

    async fn call_one(&mut self, command: Command) -> Reply {
        let mut replies = self.call(vec![command.into()]).await;
        replies.pop().expect("one reply for one request")
    }
}

fn not_in_multi(spec: &CommandSpec) -> ErrorReply {
    let name = spec.name.to_ascii_uppercase();
    ErrorReply::new(
        ErrorCode::Err,
        format!("{name} is not allowed inside a transaction"),
    )
}

/// Whether a command is answered with exactly one reply, so that it fits into that to EXEC.
fn has_one_reply(command: &ConnectionCommand) -> bool {
    !matches!(
        command,
        ConnectionCommand::Subscribe(_)
            | ConnectionCommand::Unsubscribe(_)
            | ConnectionCommand::PSubscribe(_)
            | ConnectionCommand::PUnsubscribe(_)
            | ConnectionCommand::Client(ClientCommand::Reply(_))
    )
}
