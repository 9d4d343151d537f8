//! Members, their disks, and the messages between them.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::Path;
use std::sync::Arc;

use kv_node::snapshot::Unpaced;
use kv_node::store::{InlineJournal, Journal, ManualClock};
use kv_proto::command::Set;
use kv_proto::{Command, EncodedValue, Reply};
use kv_wal::{Log, Options, SimStorage};

use crate::member::*;
use crate::{MemberAddress, Role};

const STEP_MS: u64 = 10;
const START_MS: u64 = 1_700_000_000_000;

/// A cluster whose time moves in small steps.
pub(super) struct Cluster {
    pub(super) nodes: BTreeMap<u64, Option<Member>>,
    pub(super) disks: BTreeMap<u64, SimStorage>,
    pub(super) now_ms: u64,
    pub(super) events: Vec<(u64, Event)>,
    clock: Arc<ManualClock>,
    on_the_way: VecDeque<(u64, Outgoing)>,
    replies: BTreeMap<u64, Completed>,
    cut: BTreeSet<(u64, u64)>,
    /// Nodes whose disks do nothing for the time being.
    pub(super) frozen: BTreeSet<u64>,
    next_ticket: u64,
    starts: u64,
    members: Vec<MemberAddress>,
    adjust: fn(&mut MemberSettings),
}

pub(super) fn address(id: u64) -> MemberAddress {
    format!("{id}=c{id}@p{id}").parse().unwrap()
}

pub(super) fn set(key: &str, value: &str) -> Command {
    let value = EncodedValue::from_bytes(value.to_owned().into());
    Command::Set(Set::new(key.to_owned().into(), value))
}

pub(super) fn get(key: &str) -> Command {
    Command::Get(key.to_owned().into())
}

pub(super) fn incr(key: &str) -> Command {
    Command::IncrBy {
        key: key.to_owned().into(),
        delta: 1,
    }
}

/// A reply's value as text.
pub(super) fn text(reply: &Reply) -> String {
    match reply {
        Reply::Entry(entry) => String::from_utf8_lossy(entry.payload()).into_owned(),
        Reply::Value(value) => String::from_utf8_lossy(&value.payload).into_owned(),
        other => format!("{other:?}"),
    }
}

impl Cluster {
    pub(super) fn new(count: u64) -> Cluster {
        Cluster::adjusted(count, |_| {})
    }

    pub(super) fn adjusted(count: u64, adjust: fn(&mut MemberSettings)) -> Cluster {
        let mut cluster = Cluster {
            nodes: BTreeMap::new(),
            disks: BTreeMap::new(),
            now_ms: 1_000,
            events: Vec::new(),
            clock: Arc::new(ManualClock::new(START_MS)),
            on_the_way: VecDeque::new(),
            replies: BTreeMap::new(),
            cut: BTreeSet::new(),
            frozen: BTreeSet::new(),
            next_ticket: 0,
            starts: 0,
            members: (0..count).map(address).collect(),
            adjust,
        };
        for id in 0..count {
            cluster.disks.insert(id, SimStorage::new(id + 1));
            cluster.start(id);
        }
        cluster
    }

    fn settings(&mut self, id: u64) -> MemberSettings {
        self.starts += 1;
        let mut settings = MemberSettings {
            incarnation: 1_000 + self.starts,
            joining: !self.members.iter().any(|member| member.id.0 == id),
            hash_seed: Some(id),
            seed: 7,
            indexes: kv_node::StoreOptions::new("").indexes,
            ..MemberSettings::new(NodeId(id), self.members.clone())
        };
        (self.adjust)(&mut settings);
        settings
    }

    pub(super) fn try_start(&mut self, id: u64) -> Result<Member, crate::OpenError> {
        let settings = self.settings(id);
        let disk = Arc::new(self.disks[&id].clone());
        let open = |storage: Arc<dyn Storage>, after: Lsn, visit: Visit<'_>| {
            let options = Options {
                segment_bytes_first: 64 << 10,
                segment_bytes: 64 << 10,
                salt_seed: Some(1),
                ..Options::default()
            };
            let log = Log::open(storage, Path::new("wal"), options, after, visit)?;
            Ok(Arc::new(InlineJournal::new(log)) as Arc<dyn Journal>)
        };
        Member::open(settings, disk, open, self.clock.clone(), self.now_ms)
    }

    pub(super) fn start(&mut self, id: u64) {
        let member = self.try_start(id).unwrap();
        self.nodes.insert(id, Some(member));
    }

    /// A node that is to be added.
    pub(super) fn start_new(&mut self, id: u64) {
        self.disks.insert(id, SimStorage::new(id + 1));
        self.start(id);
    }

    /// The power goes: what was not synced is lost.
    pub(super) fn kill(&mut self, id: u64) {
        self.nodes.insert(id, None);
        let disk = self.disks[&id].reboot();
        self.disks.insert(id, disk);
        self.on_the_way.retain(|(_, outgoing)| outgoing.to.0 != id);
    }

    pub(super) fn node(&self, id: u64) -> &Member {
        self.nodes[&id].as_ref().unwrap()
    }

    pub(super) fn node_mut(&mut self, id: u64) -> &mut Member {
        self.nodes.get_mut(&id).unwrap().as_mut().unwrap()
    }

    pub(super) fn status(&self, id: u64) -> crate::MemberStatus {
        self.node(id).status(self.now_ms)
    }

    fn alive(&self) -> Vec<u64> {
        let alive = self.nodes.iter().filter(|(_, node)| node.is_some());
        alive.map(|(id, _)| *id).collect()
    }

    /// No message passes from or to the node any more.
    pub(super) fn isolate(&mut self, id: u64) {
        for other in self.nodes.keys() {
            self.cut.insert((id, *other));
            self.cut.insert((*other, id));
        }
    }

    pub(super) fn heal(&mut self) {
        self.cut.clear();
    }

    /// Everybody works; then a little time passes, and what was sent arrives.
    pub(super) fn step(&mut self) {
        for id in self.alive() {
            self.work(id);
        }
        self.now_ms += STEP_MS;
        self.clock.advance(STEP_MS);
        for (from, outgoing) in std::mem::take(&mut self.on_the_way) {
            let to = outgoing.to.0;
            if self.cut.contains(&(from, to)) {
                continue;
            }
            if let Some(Some(node)) = self.nodes.get_mut(&to) {
                node.receive(NodeId(from), outgoing.message, self.now_ms);
            }
        }
    }

    fn work(&mut self, id: u64) {
        let (now_ms, is_frozen) = (self.now_ms, self.frozen.contains(&id));
        let node = self.node_mut(id);
        let output = node.work(now_ms);
        if !is_frozen {
            node.journal().flush();
        }
        if let Some(job) = output.snapshot {
            let written = job.run(&mut Unpaced);
            node.finish_snapshot(written, now_ms);
        }
        let sent = output.messages.into_iter().map(|message| (id, message));
        self.on_the_way.extend(sent);
        self.events
            .extend(output.events.into_iter().map(|event| (id, event)));
        for completed in output.replies {
            let before = self.replies.insert(completed.ticket, completed);
            assert!(before.is_none(), "answered twice");
        }
    }

    pub(super) fn run_ms(&mut self, ms: u64) {
        (0..ms / STEP_MS).for_each(|_| self.step());
    }

    /// Lets time pass until something holds.
    pub(super) fn until(&mut self, what: &str, mut holds: impl FnMut(&Cluster) -> bool) {
        for _ in 0..3_000 {
            if holds(self) {
                return;
            }
            self.step();
        }
        let statuses: Vec<_> = self.alive().iter().map(|id| self.status(*id)).collect();
        panic!("{what} does not come to be: {statuses:#?}");
    }

    /// The one that leads the others that are alive and connected, once there is one.
    pub(super) fn leader(&mut self) -> u64 {
        let mut found = None;
        self.until("a leader", |cluster| {
            let leaders = cluster.alive().into_iter().filter(|id| {
                let is_connected = !cluster.cut.contains(&(*id, *id));
                is_connected
                    && cluster.status(*id).role == Role::Leader
                    && cluster.status(*id).is_ready
            });
            found = leaders.max_by_key(|id| cluster.status(*id).term);
            found.is_some()
        });
        found.unwrap()
    }

    pub(super) fn submit(&mut self, id: u64, batch: Batch) -> u64 {
        self.next_ticket += 1;
        let ticket = self.next_ticket;
        let now_ms = self.now_ms;
        let batch = Batch { ticket, ..batch };
        self.node_mut(id).submit(batch, now_ms);
        ticket
    }

    pub(super) fn has_answer(&self, ticket: u64) -> bool {
        self.replies.contains_key(&ticket)
    }

    pub(super) fn answer(&mut self, ticket: u64) -> Completed {
        self.until("an answer", |cluster| cluster.has_answer(ticket));
        self.replies.remove(&ticket).unwrap()
    }

    pub(super) fn call(&mut self, id: u64, batch: Batch) -> Completed {
        let ticket = self.submit(id, batch);
        self.answer(ticket)
    }

    /// One command's reply.
    pub(super) fn ask(&mut self, id: u64, command: Command) -> Reply {
        self.call(id, batch([command])).replies.remove(0)
    }

    /// Sets a key by way of the leader.
    pub(super) fn write(&mut self, key: &str, value: &str) {
        let leader = self.leader();
        assert_eq!(self.ask(leader, set(key, value)), Reply::Ok);
    }

    pub(super) fn administer(&mut self, request: Administration) -> Reply {
        let leader = self.leader();
        self.next_ticket += 1;
        let (ticket, now_ms) = (self.next_ticket, self.now_ms);
        self.node_mut(leader).administer(ticket, request, now_ms);
        self.answer(ticket).replies.remove(0)
    }

    /// Waits until all that are alive have applied the same, and compares it.
    pub(super) fn converge(&mut self) {
        self.until("equal states", |cluster| {
            let statuses: Vec<_> = cluster
                .alive()
                .iter()
                .map(|id| cluster.status(*id))
                .collect();
            let most = statuses.iter().map(|status| status.last).max();
            statuses.iter().all(|status| Some(status.applied) == most)
        });
        let digests: BTreeSet<_> = self
            .alive()
            .iter()
            .map(|id| self.node(*id).state_digest())
            .collect();
        assert_eq!(digests.len(), 1, "states differ");
    }
}

pub(super) fn batch(commands: impl IntoIterator<Item = Command>) -> Batch {
    Batch {
        requests: commands.into_iter().map(Into::into).collect(),
        ..Batch::default()
    }
}
