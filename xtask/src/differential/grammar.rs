//! What a command may look like.
//!
//! A template is words; a word is a literal, a `<placeholder>`, or parts joined by `:` that become
//! words of their own. `a|b` is one of them, a leading `?` leaves it out half of the time, a
//! trailing `+` repeats it one to four times.

use super::arguments::argument;
use crate::random::Random;
use crate::resp::Command;

/// Templates of the commands that touch data, with their weights.
const DATA: &[(usize, &str)] = &[
    (14, "SET <key> <value>"),
    (
        10,
        "SET <key> <value> ?NX|XX ?GET ?EX:<s>|PX:<ms>|EXAT:<at_s>|PXAT:<at_ms>|KEEPTTL",
    ),
    (10, "GET <key>"),
    (3, "SETNX <key> <value>"),
    (3, "SETEX <key> <s> <value>"),
    (3, "PSETEX <key> <ms> <value>"),
    (3, "GETSET <key> <value>"),
    (3, "GETDEL <key>"),
    (
        5,
        "GETEX <key> ?EX:<s>|PX:<ms>|EXAT:<at_s>|PXAT:<at_ms>|PERSIST",
    ),
    (5, "MGET <key>+"),
    (5, "MSET <key>:<value>+"),
    (4, "MSETNX <key>:<value>+"),
    (6, "APPEND <key> <value>"),
    (4, "STRLEN <key>"),
    (6, "GETRANGE <key> <index> <index>"),
    (6, "SETRANGE <key> <offset> <value>"),
    (5, "INCR <key>"),
    (5, "DECR <key>"),
    (5, "INCRBY <key> <int>"),
    (5, "DECRBY <key> <int>"),
    (3, "SET <float_key> <float>"),
    (6, "INCRBYFLOAT <float_key> <float>"),
    (2, "GET <float_key>"),
    (1, "DEL <float_key>"),
    (4, "DEL <key>+"),
    (3, "UNLINK <key>+"),
    (5, "EXISTS <key>+"),
    (3, "TYPE <key>"),
    (3, "TOUCH <key>+"),
    (4, "RENAME <key> <key>"),
    (4, "RENAMENX <key> <key>"),
    (4, "COPY <key> <key> ?REPLACE"),
    (1, "COPY <key> <key> DB 0 ?REPLACE"),
    (1, "RANDOMKEY"),
    (4, "KEYS <pattern>"),
    (
        3,
        "SCAN 0 COUNT 100000 ?MATCH:<pattern> ?TYPE:string|TYPE:hash",
    ),
    (3, "EXPIRE <key> <s> ?NX|XX"),
    (3, "PEXPIRE <key> <ms> ?NX|XX"),
    (6, "EXPIREAT <key> <at_s> ?NX|XX|GT|LT"),
    (6, "PEXPIREAT <key> <at_ms> ?NX|XX|GT|LT"),
    (1, "PEXPIREAT <key> <at_ms> NX|XX|GT|LT NX|XX|GT|LT"),
    (4, "EXPIRETIME <key>"),
    (4, "PEXPIRETIME <key>"),
    (3, "TTL <key>"),
    (3, "PTTL <key>"),
    (4, "PERSIST <key>"),
];

/// Templates of everything else that both servers know.
const OTHER: &[(usize, &str)] = &[
    (8, "MULTI"),
    (16, "EXEC"),
    (2, "DISCARD"),
    (4, "WATCH <key>+"),
    (2, "UNWATCH"),
    (2, "PING ?<value>"),
    (2, "ECHO <value>"),
    (2, "SELECT 0"),
    (1, "SELECT <garbage>"),
    (1, "CLIENT GETNAME"),
    (1, "CLIENT SETNAME <name>"),
    (1, "CLIENT ID"),
    (3, "PUBLISH <channel> <value>"),
    (1, "PUBSUB CHANNELS ?<pattern>"),
    (1, "PUBSUB NUMSUB ?<channel>+"),
    (1, "PUBSUB NUMPAT"),
    (1, "HELLO 4|<garbage>"),
    (1, "TIME"),
    (1, "INFO"),
    (1, "CONFIG GET save|appendonly"),
    (1, "COMMAND COUNT"),
    (1, "FUNCTION FLUSH"),
    (1, "DBSIZE"),
    (1, "FLUSHALL ?ASYNC|SYNC"),
    (1, "FLUSHDB ?ASYNC|SYNC"),
    (1, "RESET"),
    (2, "GTE <key>"),
    (1, "<garbage> <key>"),
];

/// Templates for the connection that subscribes.
const SUBSCRIBER: &[(usize, &str)] = &[
    (6, "SUBSCRIBE <channel>+"),
    (4, "UNSUBSCRIBE <channel>+"),
    (1, "UNSUBSCRIBE"),
    (4, "PSUBSCRIBE <channel_pattern>+"),
    (3, "PUNSUBSCRIBE <channel_pattern>+"),
    (1, "PUNSUBSCRIBE"),
    (2, "PING"),
    (1, "PING <name>"),
    (1, "GET <key>"),
    (1, "SUBSCRIBE"),
];

/// How often the name is written in another case.
const OTHER_CASE_PERCENT: usize = 5;

/// A command that touches data.
pub(super) fn data(random: &mut Random, damage_percent: usize) -> Command {
    build(random, DATA, damage_percent)
}

/// Any command for a connection that does not subscribe.
pub(super) fn any(random: &mut Random, damage_percent: usize) -> Command {
    let templates = if random.chance(75) { DATA } else { OTHER };
    build(random, templates, damage_percent)
}

/// A command for the connection that subscribes.
pub(super) fn subscriber(random: &mut Random) -> Command {
    build(random, SUBSCRIBER, 0)
}

/// A message to some channel.
pub(super) fn publish(random: &mut Random) -> Command {
    expand(random, "PUBLISH <channel> <value>")
}

/// `name` on one of the keys that every other command uses.
pub(super) fn on_key(random: &mut Random, name: &str) -> Command {
    expand(random, &format!("{name} <key>"))
}

fn build(random: &mut Random, templates: &[(usize, &str)], damage_percent: usize) -> Command {
    let template = weighted(random, templates);
    let mut command = expand(random, template);
    if random.chance(damage_percent) {
        damage(random, &mut command);
    }
    if random.chance(OTHER_CASE_PERCENT) {
        command[0].make_ascii_lowercase();
    }
    command
}

fn weighted<'a>(random: &mut Random, templates: &[(usize, &'a str)]) -> &'a str {
    let total: usize = templates.iter().map(|(weight, _)| weight).sum();
    let mut left = random.below(total);
    for (weight, template) in templates {
        if left < *weight {
            return template;
        }
        left -= weight;
    }
    unreachable!("the weights add up to the total")
}

/// One wrong thing.
fn damage(random: &mut Random, command: &mut Command) {
    let at = random.below(command.len());
    match random.below(4) {
        0 if command.len() > 1 => drop(command.pop()),
        1 => command.push(argument(random, "garbage")),
        2 => command.insert(at + 1, command[at].clone()),
        _ if at > 0 && !is_on_float(command) => command[at] = argument(random, "garbage"),
        _ => command.push(argument(random, "option")),
    }
}

/// Whether it is about a key whose value must stay a number that doubles add exactly.
fn is_on_float(command: &Command) -> bool {
    command.iter().any(|word| word.starts_with(b"float"))
}

fn expand(random: &mut Random, template: &str) -> Command {
    template
        .split(' ')
        .flat_map(|word| expand_word(random, word))
        .collect()
}

fn expand_word(random: &mut Random, word: &str) -> Command {
    let word = match word.strip_prefix('?') {
        Some(_) if random.chance(50) => return Vec::new(),
        Some(word) => word,
        None => word,
    };
    let (word, times) = match word.strip_suffix('+') {
        Some(word) => (word, 1 + random.below(4)),
        None => (word, 1),
    };
    (0..times)
        .flat_map(|_| expand_choice(random, word))
        .collect()
}

fn expand_choice(random: &mut Random, word: &str) -> Command {
    let choices: Vec<&str> = word.split('|').collect();
    let choice = *random.pick(&choices);
    choice
        .split(':')
        .map(|part| expand_part(random, part))
        .collect()
}

fn expand_part(random: &mut Random, part: &str) -> Vec<u8> {
    match part
        .strip_prefix('<')
        .and_then(|part| part.strip_suffix('>'))
    {
        Some(name) => argument(random, name),
        None => part.as_bytes().to_vec(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resp::typed;

    #[test]
    fn a_seed_gives_the_same_commands_again() {
        let commands = |seed| {
            let mut random = Random::new(seed);
            (0..200).map(|_| any(&mut random, 10)).collect::<Vec<_>>()
        };
        assert_eq!(commands(7), commands(7));
        assert_ne!(commands(7), commands(8));
    }

    #[test]
    fn every_template_is_drawn() {
        let mut random = Random::new(1);
        let names: std::collections::HashSet<String> = (0..20_000)
            .map(|_| typed(&vec![any(&mut random, 0).swap_remove(0)]))
            .collect();
        for (_, template) in DATA.iter().chain(OTHER) {
            let name = template.split(' ').next().unwrap_or_default();
            assert!(name.starts_with('<') || names.contains(name), "{name}");
        }
    }

    #[test]
    fn repeated_pairs_stay_pairs() {
        let mut random = Random::new(2);
        for _ in 0..100 {
            assert_eq!(expand(&mut random, "MSET <key>:<value>+").len() % 2, 1);
        }
    }

    #[test]
    fn damage_keeps_the_name_and_never_empties_a_command() {
        let mut random = Random::new(3);
        for _ in 0..1000 {
            let mut command = crate::resp::command(&["GET", "a"]);
            damage(&mut random, &mut command);
            assert_eq!(command[0], b"GET");
        }
    }
}
