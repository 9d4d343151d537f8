//! What clients do: begin an operation, send it, and make of the answer what can be made of it.

use kv_sim::{Datum, Step};

use super::{
    client::{Open, Verdict, verdict},
    drive::{client_endpoint, endpoint},
    events::{Due, Place},
    node::Fate,
    workload::{Wish, is_write},
    world::{Stage, World},
};
use crate::{Batch, Completed, Once, ReadMode, Route};

/// A client waits so long for one node.
const ATTEMPT_US: (u64, u64) = (150_000, 500_000);

/// And so long for an answer at all, in the storm.
const GIVE_UP_US: u64 = 2_500_000;

/// Of a thousand writes to a node that does not lead, so many are to be passed on.
const FORWARD_PERMILLE: u32 = 150;

/// Of a thousand operations, so many go to any node, not to the one that answered last.
const STRAY_PERMILLE: u32 = 250;

impl World {
    pub(super) fn begin_operation(&mut self, client: Place) -> Result<(), String> {
        let wish = match self.stage {
            Stage::Closing => match self.closing.pop() {
                Some(wish) => wish,
                None => return Ok(()),
            },
            Stage::Storm | Stage::Calm => {
                let seen = &self.clients[client].seen;
                let seen = |key: &str| seen.get(key).cloned().unwrap_or(Datum::Absent);
                self.workload.wish(&mut self.random, client, &seen)
            }
        };
        self.operations += 1;
        let open = self.open(client, wish);
        self.record(
            client,
            &open.wish.key,
            Step::Invoke(open.wish.action.clone()),
        );
        if self.random.chance(STRAY_PERMILLE) {
            self.clients[client].target = self.random.index(self.nodes.len());
        }
        self.clients[client].open = Some(open);
        self.send_request(client);
        Ok(())
    }

    fn open(&mut self, client: Place, wish: Wish) -> Open {
        // A client's own key takes no write that was given up: its next one refuses it.
        let is_own = wish.key.starts_with('s');
        let is_plain = self.random.chance(self.shape.plain_permille) && !is_own;
        let now_us = self.now_us;
        let me = &mut self.clients[client];
        let once = match is_write(&wish.action) && !is_plain {
            true => {
                me.sequence += 1;
                Once {
                    client: 1 + me.number,
                    sequence: me.sequence,
                }
            }
            false => Once::default(),
        };
        let reads = match wish.action {
            kv_sim::Action::Stale => ReadMode::After(me.token),
            _ => ReadMode::Linearizable,
        };
        Open {
            wish,
            once,
            reads,
            attempt: 0,
            give_up_us: now_us + GIVE_UP_US,
            may_have_happened: false,
        }
    }

    /// Sends what is open to the node that the client thinks of.
    fn send_request(&mut self, client: Place) {
        let attempt = self.clients[client].next_attempt();
        let patience_us = self.random.between(ATTEMPT_US.0, ATTEMPT_US.1);
        let timeout = Due::Timeout { client, attempt };
        self.agenda.put(self.now_us + patience_us, timeout);
        let node = self.clients[client].target;
        let Some(open) = &self.clients[client].open else {
            return;
        };
        self.tickets += 1;
        let batch = Box::new(Batch {
            ticket: self.tickets,
            requests: vec![self.workload.command(&open.wish).into()],
            once: vec![open.once],
            route: match self.random.chance(FORWARD_PERMILLE) {
                true => Route::Forward,
                false => Route::Follow,
            },
            reads: open.reads,
        });
        let epoch = self.nodes[node].epoch;
        let link = (client_endpoint(client), endpoint(node));
        let arrivals = self.network.send(self.now_us, link, 0);
        if let Some(at_us) = arrivals.first_us {
            let request = Due::Request {
                client,
                node,
                epoch,
                attempt,
                batch,
            };
            self.agenda.put(at_us, request);
        }
    }

    pub(super) fn send_again(&mut self, client: Place, attempt: u64) -> Result<(), String> {
        if self.clients[client].waits_for(attempt) {
            self.send_request(client);
        }
        Ok(())
    }

    pub(super) fn responded(
        &mut self,
        client: Place,
        attempt: u64,
        node: Place,
        completed: &Completed,
    ) -> Result<(), String> {
        if !self.clients[client].waits_for(attempt) {
            return Ok(());
        }
        let Some(open) = &self.clients[client].open else {
            return Ok(());
        };
        let verdict = verdict(completed, |reply| self.workload.answer(&open.wish, reply));
        match verdict {
            Verdict::Answered(answer) => {
                let wish = open.wish.clone();
                let me = &mut self.clients[client];
                me.token = me.token.max(completed.ordinal);
                me.note(&wish.key, &wish.action, &answer);
                me.is_done = true;
                self.record(client, &wish.key, Step::Ok(answer));
                self.next(client);
            }
            Verdict::NotYet(leader) => {
                let leader = leader.and_then(|address| place_of_client_address(&address));
                self.turn_to(client, leader.filter(|leader| *leader < self.nodes.len()));
                self.try_again(client, attempt);
            }
            Verdict::Unknown => self.lost(client, attempt),
            Verdict::Nonsense(what) => {
                return Err(format!("node {node} answered {:?} with {what}", open.wish));
            }
        }
        Ok(())
    }

    pub(super) fn timed_out(&mut self, client: Place, attempt: u64) -> Result<(), String> {
        if self.clients[client].waits_for(attempt) {
            self.turn_to(client, None);
            self.lost(client, attempt);
        }
        Ok(())
    }

    /// The attempt may have had its effect, or may yet have it.
    fn lost(&mut self, client: Place, attempt: u64) {
        let Some(open) = &mut self.clients[client].open else {
            return;
        };
        open.may_have_happened |= is_write(&open.wish.action);
        match open.is_repeatable() {
            true => self.try_again(client, attempt),
            false => self.give_up(client),
        }
    }

    fn try_again(&mut self, client: Place, attempt: u64) {
        let is_late = self.clients[client]
            .open
            .as_ref()
            .is_some_and(|open| open.give_up_us <= self.now_us);
        if is_late && self.stage == Stage::Storm {
            self.give_up(client);
            return;
        }
        let at_us = self.now_us + self.random.between(2_000, 30_000);
        self.agenda.put(at_us, Due::Again { client, attempt });
    }

    fn give_up(&mut self, client: Place) {
        let Some(open) = self.clients[client].open.take() else {
            return;
        };
        let step = match open.may_have_happened {
            true => Step::Info,
            false => Step::Fail,
        };
        self.record(client, &open.wish.key, step);
        self.next(client);
    }

    fn next(&mut self, client: Place) {
        self.clients[client].open = None;
        let think_us = self.random.below(self.shape.think_us_max);
        self.agenda
            .put(self.now_us + think_us, Due::Next { client });
    }

    /// The client asks this node next, or any that is not known to be switched off for good.
    fn turn_to(&mut self, client: Place, node: Option<Place>) {
        let living = self.living();
        let any = *self.random.pick(&living);
        self.clients[client].target = node.unwrap_or(any);
    }

    /// Clients begin nothing of their own any more, and read everything once more.
    pub(super) fn close(&mut self) {
        self.stage = Stage::Closing;
        self.closing = super::workload::Workload::all_reads(self.clients.len());
        let retired = |place: Place| self.nodes[place].fate == Fate::Retired;
        let gone: Vec<Place> = (0..self.clients.len())
            .filter(|client| retired(self.clients[*client].target))
            .collect();
        for client in gone {
            self.turn_to(client, None);
        }
    }
}

/// The node of a client address, as `c3`.
fn place_of_client_address(address: &str) -> Option<Place> {
    address.strip_prefix('c')?.parse().ok()
}
