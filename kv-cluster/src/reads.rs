//! Reads that wait: for a place in the log that is recent enough, and then for it to be applied.
//!
//! ```text
//!  asked ──► waiting ──► round (one question for all that wait) ──► placed at an index ──► answered
//! ```
//!
//! 1. A read is answered from a state that has applied everything that was committed anywhere when
//!    it was asked: the question for the place is put after the read arrived.
//! 2. The question or its answer may be lost; then it is put again, as a new one. Its name is never
//!    used twice, also not after a restart, so a late answer cannot be taken for another's.
//! 3. Everything here is given up after a time.

use std::collections::VecDeque;

use kv_proto::Request;

use crate::NodeId;

/// Rounds that may be under way; later reads wait, and share the next one.
const ROUNDS_MAX: usize = 4;

/// Requests of one caller, all of them reads.
#[derive(Debug)]
pub(crate) struct Waiting {
    pub(crate) ticket: u64,
    pub(crate) requests: Vec<Request>,
    pub(crate) since_ms: u64,
}

#[derive(Debug)]
struct Round {
    number: u64,
    asked_ms: u64,
    reads: Vec<Waiting>,
}

/// All reads that wait.
#[derive(Debug)]
pub(crate) struct Reads {
    node: NodeId,
    incarnation: u64,
    next_round: u64,
    waiting: Vec<Waiting>,
    rounds: VecDeque<Round>,
    /// By the entry that must be applied, ascending.
    placed: VecDeque<(u64, Vec<Waiting>)>,
    /// By the ordinal of the write that must be applied.
    after: Vec<(u64, Waiting)>,
    count: usize,
}

impl Reads {
    /// `incarnation` is a number that no run of this node had before.
    pub(crate) fn new(node: NodeId, incarnation: u64) -> Reads {
        Reads {
            node,
            incarnation,
            next_round: 0,
            waiting: Vec::new(),
            rounds: VecDeque::new(),
            placed: VecDeque::new(),
            after: Vec::new(),
            count: 0,
        }
    }

    /// How many batches wait.
    pub(crate) fn count(&self) -> usize {
        self.count
    }

    /// A batch is to be linearizable.
    pub(crate) fn push(&mut self, read: Waiting) {
        self.count += 1;
        self.waiting.push(read);
    }

    /// A batch is to be answered once the write of this ordinal is applied.
    pub(crate) fn push_after(&mut self, ordinal: u64, read: Waiting) {
        self.count += 1;
        self.after.push((ordinal, read));
    }

    /// Whether batches have no question put for them yet.
    pub(crate) fn has_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// All that wait for a question go on at `index`: the leader knows by itself.
    pub(crate) fn place_waiting(&mut self, index: u64) {
        let reads = std::mem::take(&mut self.waiting);
        self.place(index, reads);
    }

    /// The context of a question to be put for all that wait, unless enough are under way.
    pub(crate) fn ask(&mut self, now_ms: u64) -> Option<Vec<u8>> {
        if self.waiting.is_empty() || self.rounds.len() >= ROUNDS_MAX {
            return None;
        }
        self.next_round += 1;
        self.rounds.push_back(Round {
            number: self.next_round,
            asked_ms: now_ms,
            reads: std::mem::take(&mut self.waiting),
        });
        Some(self.context(self.next_round))
    }

    fn context(&self, round: u64) -> Vec<u8> {
        let parts = [self.node.0, self.incarnation, round];
        parts.map(u64::to_le_bytes).concat()
    }

    /// A question was answered. Those put before it need not wait for their own answer.
    pub(crate) fn answer(&mut self, context: &[u8], index: u64) {
        let found = self
            .rounds
            .iter()
            .position(|round| self.context(round.number) == context);
        let Some(at) = found else {
            return;
        };
        let answered: Vec<_> = self
            .rounds
            .drain(..=at)
            .flat_map(|round| round.reads)
            .collect();
        self.place(index, answered);
    }

    fn place(&mut self, index: u64, reads: Vec<Waiting>) {
        let at = self.placed.partition_point(|(placed, _)| *placed <= index);
        self.placed.insert(at, (index, reads));
    }

    /// Questions without an answer for `patience_ms` are put again, with the next one.
    pub(crate) fn ask_again(&mut self, now_ms: u64, patience_ms: u64) {
        while let Some(round) = self.rounds.front()
            && round.asked_ms.saturating_add(patience_ms) <= now_ms
        {
            let round = self.rounds.pop_front().expect("there is one in front");
            self.waiting.extend(round.reads);
        }
    }

    /// Those that can be answered, with this entry and this write applied.
    pub(crate) fn take_ready(&mut self, applied: u64, ordinal: u64) -> Vec<Waiting> {
        let mut ready = Vec::new();
        while let Some((index, _)) = self.placed.front()
            && *index <= applied
        {
            let (_, reads) = self.placed.pop_front().expect("there is one in front");
            ready.extend(reads);
        }
        let seen = self.after.extract_if(.., |(after, _)| *after <= ordinal);
        ready.extend(seen.map(|(_, read)| read));
        self.count -= ready.len();
        ready
    }

    /// Those that waited too long: linearizable ones, and ones for a write.
    pub(crate) fn take_expired(
        &mut self,
        now_ms: u64,
        timeout_ms: u64,
    ) -> (Vec<Waiting>, Vec<Waiting>) {
        let is_late = |read: &Waiting| read.since_ms.saturating_add(timeout_ms) <= now_ms;
        let mut late: Vec<_> = self.waiting.extract_if(.., |read| is_late(read)).collect();
        for round in &mut self.rounds {
            late.extend(round.reads.extract_if(.., |read| is_late(read)));
        }
        for (_, reads) in &mut self.placed {
            late.extend(reads.extract_if(.., |read| is_late(read)));
        }
        let after = self.after.extract_if(.., |(_, read)| is_late(read));
        let stale: Vec<_> = after.map(|(_, read)| read).collect();
        self.count -= late.len() + stale.len();
        (late, stale)
    }

    /// All linearizable ones: there is nobody to ask any more.
    pub(crate) fn take_all(&mut self) -> Vec<Waiting> {
        let mut all = std::mem::take(&mut self.waiting);
        all.extend(self.rounds.drain(..).flat_map(|round| round.reads));
        all.extend(self.placed.drain(..).flat_map(|(_, reads)| reads));
        self.count -= all.len();
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(ticket: u64) -> Waiting {
        Waiting {
            ticket,
            requests: Vec::new(),
            since_ms: 0,
        }
    }

    fn reads() -> Reads {
        Reads::new(NodeId(1), 7)
    }

    fn tickets(reads: Vec<Waiting>) -> Vec<u64> {
        reads.into_iter().map(|read| read.ticket).collect()
    }

    #[test]
    fn one_question_serves_all_that_wait() {
        let mut reads = reads();
        (1..=3).for_each(|ticket| reads.push(read(ticket)));
        let context = reads.ask(0).unwrap();
        assert_eq!(reads.ask(0), None);
        reads.answer(&context, 9);
        assert!(reads.take_ready(8, 0).is_empty());
        assert_eq!(tickets(reads.take_ready(9, 0)), [1, 2, 3]);
        assert_eq!(reads.count(), 0);
    }

    #[test]
    fn a_read_never_goes_by_a_question_put_before_it() {
        let mut reads = reads();
        reads.push(read(1));
        let first = reads.ask(0).unwrap();
        reads.push(read(2));
        reads.answer(&first, 5);
        assert_eq!(tickets(reads.take_ready(5, 0)), [1]);
        assert!(reads.has_waiting());
    }

    #[test]
    fn a_lost_question_is_put_again_under_another_name() {
        let mut reads = reads();
        reads.push(read(1));
        let lost = reads.ask(0).unwrap();
        reads.ask_again(99, 100);
        assert!(!reads.has_waiting());
        reads.ask_again(100, 100);
        let again = reads.ask(100).unwrap();
        assert_ne!(again, lost);
        reads.answer(&lost, 1);
        assert!(reads.take_ready(u64::MAX, 0).is_empty());
        reads.answer(&again, 2);
        assert_eq!(tickets(reads.take_ready(2, 0)), [1]);
    }

    #[test]
    fn what_waits_too_long_is_given_up() {
        let mut reads = reads();
        reads.push(read(1));
        reads.ask(0).unwrap();
        reads.push(read(2));
        reads.push_after(10, read(3));
        let (late, stale) = reads.take_expired(50, 50);
        assert_eq!(tickets(late), [2, 1]);
        assert_eq!(tickets(stale), [3]);
        assert_eq!(reads.count(), 0);
    }

    #[test]
    fn a_token_waits_for_its_write() {
        let mut reads = reads();
        reads.push_after(10, read(1));
        assert!(reads.take_ready(99, 9).is_empty());
        assert_eq!(tickets(reads.take_ready(0, 10)), [1]);
    }
}
