//! All commands, found by name.
//!
//! A name is found without allocating and whatever its case: it is hashed in lower case into a
//! table that the compiler built. GET and SET are entered first, so they lie where they hash to.

use super::args::Args;
use super::parse::{connection, expiry, key, kv, pubsub, search, server, string, transaction};
use super::spec::{CommandSpec, Group};
use super::suggest::unknown_command;
use crate::reply::ErrorReply;

const FAMILIES: [(Group, &[CommandSpec]); 9] = [
    (Group::String, string::SPECS),
    (Group::Generic, key::SPECS),
    (Group::Generic, expiry::SPECS),
    (Group::Connection, connection::SPECS),
    (Group::Transactions, transaction::SPECS),
    (Group::PubSub, pubsub::SPECS),
    (Group::Server, server::SPECS),
    (Group::Kv, kv::SPECS),
    (Group::Kv, search::SPECS),
];

const COUNT: usize = count();

static COMMANDS: [CommandSpec; COUNT] = join();

const SLOT_COUNT: usize = 256;

const _: () = assert!(COUNT < SLOT_COUNT, "a free slot ends every search");

/// Where a name hashes to: its index in `COMMANDS` plus one; 0: no name does. A taken slot pushes
/// the name to the next free one.
static SLOTS: [u8; SLOT_COUNT] = slots();

const NAME_BYTES_MAX: usize = 16;

/// All commands.
#[must_use]
pub fn commands() -> &'static [CommandSpec] {
    &COMMANDS
}

/// The command that `args` name, if their number fits it.
///
/// # Errors
/// If there is no such command or subcommand, or their number is wrong. Within MULTI such a
/// request aborts the transaction.
pub fn resolve(args: Args<'_>) -> Result<&'static CommandSpec, ErrorReply> {
    let spec = find(args.name()).ok_or_else(|| unknown_command(args))?;
    spec.check_shape(args)?;
    Ok(spec)
}

/// The command of this name, in any case.
pub(super) fn find(name: &[u8]) -> Option<&'static CommandSpec> {
    if name.len() > NAME_BYTES_MAX {
        return None;
    }
    let mut slot = hash(name);
    loop {
        let index = usize::from(*SLOTS.get(slot % SLOT_COUNT)?).checked_sub(1)?;
        let spec = COMMANDS.get(index)?;
        if name.eq_ignore_ascii_case(spec.name.as_bytes()) {
            return Some(spec);
        }
        slot += 1;
    }
}

/// Letters hash alike in both cases; that other bytes may collide is found out by comparing.
#[expect(
    clippy::cast_possible_truncation,
    reason = "only the low bits are used"
)]
const fn hash(mut name: &[u8]) -> usize {
    let mut sum: u64 = name.len() as u64;
    while let [byte, rest @ ..] = name {
        sum = (sum ^ (*byte | 0x20) as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        sum ^= sum >> 32;
        name = rest;
    }
    sum as usize % SLOT_COUNT
}

const fn count() -> usize {
    let mut count = 0;
    let mut families = FAMILIES.as_slice();
    while let [(_, family), rest @ ..] = families {
        count += family.len();
        families = rest;
    }
    count
}

#[expect(
    clippy::indexing_slicing,
    reason = "evaluated by the compiler: out of bounds does not compile"
)]
const fn join() -> [CommandSpec; COUNT] {
    let mut joined = [FAMILIES[0].1[0]; COUNT];
    let mut at = 0;
    let mut families = FAMILIES.as_slice();
    while let [(group, family), rest @ ..] = families {
        let mut index = 0;
        while index < family.len() {
            joined[at] = family[index];
            joined[at].group = *group;
            at += 1;
            index += 1;
        }
        families = rest;
    }
    joined
}

#[expect(
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "evaluated by the compiler: out of bounds does not compile; COUNT is checked"
)]
const fn slots() -> [u8; SLOT_COUNT] {
    let commands = join();
    let mut slots = [0; SLOT_COUNT];
    let mut index = 0;
    while index < COUNT {
        assert!(commands[index].name.len() <= NAME_BYTES_MAX);
        let mut slot = hash(commands[index].name.as_bytes());
        while slots[slot] != 0 {
            slot = (slot + 1) % SLOT_COUNT;
        }
        index += 1;
        slots[slot] = index as u8;
    }
    slots
}
