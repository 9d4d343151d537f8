//! What COMMAND tells: the command table in the shapes that clients expect.

use bytes::Bytes;

use super::args::Args;
use super::spec::{CommandSpec, Flags, KeyArgs, Subcommand, err};
use super::table::{commands, find, resolve};
use crate::limits::Limits;
use crate::reply::{ErrorReply, Reply};

/// `COMMAND` and `COMMAND INFO`.
pub(super) fn info_of_all() -> Reply {
    Reply::Array(commands().iter().map(info_of).collect())
}

/// `COMMAND INFO name …`: nil for a name that there is not.
pub(super) fn info(names: &[Bytes]) -> Reply {
    let one = |name: &Bytes| find(name).map_or(Reply::NilArray, info_of);
    Reply::Array(names.iter().map(one).collect())
}

fn info_of(spec: &CommandSpec) -> Reply {
    let KeyArgs { first, last, step } = spec.keys;
    Reply::Array(vec![
        Reply::text(spec.name),
        Reply::Int(spec.arity.into()),
        statuses(flag_names(spec)),
        Reply::Int(first.into()),
        Reply::Int(last.into()),
        Reply::Int(step.into()),
        statuses(categories(spec)),
        Reply::Array(Vec::new()),
        Reply::Array(Vec::new()),
        Reply::Array(
            spec.subcommands
                .iter()
                .map(|sub| sub_info(spec, sub))
                .collect(),
        ),
    ])
}

fn sub_info(spec: &CommandSpec, subcommand: &Subcommand) -> Reply {
    Reply::Array(vec![
        full_name(spec, subcommand),
        Reply::Int(subcommand.arity.into()),
        statuses(flag_names(spec)),
        Reply::Int(0),
        Reply::Int(0),
        Reply::Int(0),
        statuses(categories(spec)),
        Reply::Array(Vec::new()),
        Reply::Array(Vec::new()),
        Reply::Array(Vec::new()),
    ])
}

fn full_name(spec: &CommandSpec, subcommand: &Subcommand) -> Reply {
    Reply::Bytes(format!("{}|{}", spec.name, subcommand.name).into())
}

fn statuses(names: Vec<&'static str>) -> Reply {
    Reply::Array(
        names
            .into_iter()
            .map(|name| Reply::Status(name.into()))
            .collect(),
    )
}

fn flag_names(spec: &CommandSpec) -> Vec<&'static str> {
    let names = [
        (Flags::WRITE, "write"),
        (Flags::READONLY, "readonly"),
        (Flags::DENY_OOM, "denyoom"),
        (Flags::ADMIN, "admin"),
        (Flags::PUBSUB, "pubsub"),
        (Flags::LOADING, "loading"),
        (Flags::FAST, "fast"),
        (Flags::NO_AUTH, "no_auth"),
        (Flags::NO_MULTI, "no_multi"),
    ];
    with_flag(spec, &names)
}

fn categories(spec: &CommandSpec) -> Vec<&'static str> {
    use super::spec::Group;
    let group = match spec.group {
        Group::String => "@string",
        Group::Generic => "@keyspace",
        Group::Connection => "@connection",
        Group::Server => "@server",
        Group::Transactions => "@transaction",
        Group::PubSub => "@pubsub",
        Group::Kv => "@kv",
    };
    let names = [
        (Flags::WRITE, "@write"),
        (Flags::READONLY, "@read"),
        (Flags::ADMIN, "@admin"),
        (Flags::FAST, "@fast"),
    ];
    let mut categories = with_flag(spec, &names);
    if !spec.flags.contains(Flags::FAST) {
        categories.push("@slow");
    }
    categories.push(group);
    categories
}

fn with_flag(spec: &CommandSpec, names: &[(Flags, &'static str)]) -> Vec<&'static str> {
    names
        .iter()
        .filter(|(flag, _)| spec.flags.contains(*flag))
        .map(|(_, name)| *name)
        .collect()
}

/// Whether a command is of the category, which has no `@`.
pub(super) fn has_category(spec: &CommandSpec, category: &[u8]) -> bool {
    categories(spec).iter().any(|name| {
        name.as_bytes()
            .get(1..)
            .is_some_and(|name| name.eq_ignore_ascii_case(category))
    })
}

/// `COMMAND LIST`.
pub(super) fn names(keep: impl Fn(&CommandSpec) -> bool) -> Reply {
    let kept = commands().iter().filter(|spec| keep(spec));
    Reply::Array(kept.map(|spec| Reply::text(spec.name)).collect())
}

/// `COMMAND DOCS name …`, all if there is no name.
pub(super) fn docs(names: &[Bytes]) -> Reply {
    let known: Vec<&CommandSpec> = match names {
        [] => commands().iter().collect(),
        names => names.iter().filter_map(|name| find(name)).collect(),
    };
    Reply::Map(
        known
            .into_iter()
            .map(|spec| (Reply::text(spec.name), docs_of(spec)))
            .collect(),
    )
}

fn docs_of(spec: &CommandSpec) -> Reply {
    let mut fields = vec![
        (Reply::text("summary"), Reply::text(spec.summary)),
        (Reply::text("since"), Reply::text("1.0.0")),
        (Reply::text("group"), Reply::text(spec.group.name())),
        (Reply::text("arguments"), arguments(spec.syntax)),
    ];
    if !spec.subcommands.is_empty() {
        let subs = spec
            .subcommands
            .iter()
            .map(|sub| (full_name(spec, sub), sub_docs(spec, sub)));
        fields.push((Reply::text("subcommands"), Reply::Map(subs.collect())));
    }
    Reply::Map(fields)
}

fn sub_docs(spec: &CommandSpec, subcommand: &Subcommand) -> Reply {
    Reply::Map(vec![
        (Reply::text("summary"), Reply::text(subcommand.summary)),
        (Reply::text("since"), Reply::text("1.0.0")),
        (Reply::text("group"), Reply::text(spec.group.name())),
        (Reply::text("arguments"), arguments(subcommand.syntax)),
    ])
}

/// Each word of a syntax, and each bracket, is an argument: clients show it as a hint.
fn arguments(syntax: &'static str) -> Reply {
    let mut arguments: Vec<Reply> = Vec::new();
    let mut rest = syntax;
    while let Some((word, after)) = first_argument(rest) {
        let optional = word
            .strip_prefix('[')
            .and_then(|word| word.strip_suffix(']'));
        let multiple = after.strip_prefix(" ...");
        let mut flags = Vec::new();
        flags.extend(optional.map(|_| "optional"));
        flags.extend(multiple.map(|_| "multiple"));
        arguments.push(argument(optional.unwrap_or(word), flags));
        rest = multiple.unwrap_or(after);
    }
    Reply::Array(arguments)
}

fn argument(name: &'static str, flags: Vec<&'static str>) -> Reply {
    let mut fields = vec![
        (Reply::text("name"), Reply::text(name)),
        (Reply::text("type"), Reply::text("string")),
    ];
    if !flags.is_empty() {
        fields.push((Reply::text("flags"), statuses(flags)));
    }
    Reply::Map(fields)
}

/// Up to the first blank outside of brackets, and what is after it.
fn first_argument(syntax: &'static str) -> Option<(&'static str, &'static str)> {
    let syntax = syntax.trim_start();
    if syntax.is_empty() {
        return None;
    }
    let mut depth = 0;
    for (index, byte) in syntax.bytes().enumerate() {
        match byte {
            b'[' => depth += 1,
            b']' => depth -= 1,
            b' ' if depth == 0 => return Some(syntax.split_at(index)),
            _ => {}
        }
    }
    Some((syntax, ""))
}

/// `… HELP`: a line for each subcommand and one that says what it does.
pub(super) fn help(spec: &CommandSpec) -> Reply {
    let name = spec.name.to_ascii_uppercase();
    let mut lines = vec![format!(
        "{name} <subcommand> [argument ...]. Subcommands are:"
    )];
    for subcommand in spec.subcommands {
        let line = format!(
            "{} {}",
            subcommand.name.to_ascii_uppercase(),
            subcommand.syntax
        );
        lines.push(line.trim_end().to_owned());
        lines.push(format!("    {}", subcommand.summary));
    }
    Reply::Array(
        lines
            .into_iter()
            .map(|line| Reply::Status(line.into()))
            .collect(),
    )
}

/// `COMMAND GETKEYS`: the keys of a request.
pub(super) fn keys_of(args: Args<'_>, limits: &Limits) -> Result<Reply, ErrorReply> {
    let spec = find(args.name()).ok_or_else(|| err("Invalid command specified"))?;
    if spec.keys == KeyArgs::NONE {
        return Err(err("The command has no key arguments"));
    }
    resolve(args).map_err(|_| err("Invalid number of arguments specified for command"))?;
    let places = key_places(spec.keys, args.len());
    limits.check_count(places.len())?;
    let keys = places
        .filter_map(|index| args.bytes(index))
        .map(Reply::Bytes);
    Ok(Reply::Array(keys.collect()))
}

/// The places of the keys among `count` arguments.
fn key_places(keys: KeyArgs, count: usize) -> std::iter::StepBy<std::ops::Range<usize>> {
    let first = usize::from(keys.first.unsigned_abs());
    let last = usize::from(keys.last.unsigned_abs());
    let end = match keys.last < 0 {
        true => (count + 1).saturating_sub(last),
        false => last + 1,
    };
    (first..end.min(count)).step_by(usize::from(keys.step.unsigned_abs()).max(1))
}
