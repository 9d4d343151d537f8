//! CLIENT: connections told about and closed.

use std::fmt::Write;

use bytes::Bytes;
use kv_proto::reply::Reply;
use kv_proto::resp::{self, ClientCommand, ClientKind};

use super::Peer;
use crate::backend::Backend;
use crate::server::clients::{Client, CloseReason};

impl<B: Backend> Peer<B> {
    pub(super) fn client(&mut self, command: ClientCommand) -> Reply {
        match command {
            ClientCommand::Id => Reply::Int(i64::try_from(self.client.id).unwrap_or(i64::MAX)),
            ClientCommand::GetName => self.client_name(),
            ClientCommand::SetName(name) => {
                self.client.profile.lock().name = name;
                Reply::Ok
            }
            ClientCommand::SetInfo { attribute, value } => {
                let mut profile = self.client.profile.lock();
                match attribute {
                    "lib-name" => profile.library = value,
                    _ => profile.library_version = value,
                }
                Reply::Ok
            }
            ClientCommand::Info => Reply::Bytes(self.lines(|client| client.id == self.client.id)),
            ClientCommand::List { ids, kind } => Reply::Bytes(self.lines(|client| {
                ids.as_ref().is_none_or(|ids| ids.contains(&client.id))
                    && kind.is_none_or(|kind| is_of_kind(client, kind))
            })),
            ClientCommand::KillAddr(addr) => {
                match self.kill(|client| client.peer.to_string() == addr) {
                    0 => Reply::err("No such client"),
                    _ => Reply::Ok,
                }
            }
            ClientCommand::Kill {
                id,
                addr,
                kind,
                skip_me,
            } => Reply::count(self.kill(|client| {
                !(skip_me && client.id == self.client.id)
                    && id.is_none_or(|id| client.id == id)
                    && addr
                        .as_ref()
                        .is_none_or(|addr| client.peer.to_string() == *addr)
                    && kind.is_none_or(|kind| is_of_kind(client, kind))
            })),
            ClientCommand::Accepted => Reply::Ok,
            _ => Reply::err("not supported"),
        }
    }

    fn client_name(&self) -> Reply {
        let profile = self.client.profile.lock();
        match profile.name.is_empty() {
            true => Reply::Nil,
            false => Reply::Bytes(profile.name.clone().into()),
        }
    }

    fn lines(&self, is_wanted: impl Fn(&Client) -> bool) -> Bytes {
        let now_ms = self.hub.clock.exact_ms();
        let mut lines = String::new();
        self.hub.clients.for_each(|client| {
            if is_wanted(client) {
                line(&mut lines, client, now_ms);
            }
        });
        lines.into()
    }

    fn kill(&self, is_wanted: impl Fn(&Client) -> bool) -> usize {
        let mut count = 0;
        self.hub.clients.for_each(|client| {
            count += usize::from(is_wanted(client) && client.ask_to_close(CloseReason::Killed));
        });
        count
    }
}

fn is_of_kind(client: &Client, kind: ClientKind) -> bool {
    let profile = client.profile.lock();
    let subscribes = profile.channel_count + profile.pattern_count > 0;
    match kind {
        ClientKind::Normal => !subscribes,
        ClientKind::PubSub => subscribes,
        _ => false,
    }
}

/// One client as Redis shows it; fields that mean nothing here are left out.
fn line(lines: &mut String, client: &Client, now_ms: u64) {
    let profile = client.profile.lock().clone();
    let subscribes = profile.channel_count + profile.pattern_count > 0;
    let flags = match (subscribes, profile.queued_count) {
        (true, _) => "P",
        (false, Some(_)) => "x",
        (false, None) => "N",
    };
    let multi = profile.queued_count.map_or(-1, |count| count as isize);
    let command = resp::commands().get(client.last_command());
    let written = writeln!(
        lines,
        "id={} addr={} laddr={} fd=0 name={} age={} idle={} flags={flags} db=0 sub={} psub={} \
         ssub=0 multi={multi} watch={} cmd={} user=default redir=-1 resp={} lib-name={} \
         lib-ver={}",
        client.id,
        client.peer,
        client.local,
        profile.name,
        now_ms.saturating_sub(client.connected_at_ms) / 1000,
        now_ms.saturating_sub(client.phase().1) / 1000,
        profile.channel_count,
        profile.pattern_count,
        profile.watch_count,
        command.map_or("NULL", |spec| spec.name),
        profile.resp_version,
        profile.library,
        profile.library_version,
    );
    written.expect("writing to a string cannot fail");
}
