//! Where the nodes of a cluster are found.
//!
//! A cluster remembers its members by their addresses, so they are kept beside its data: the next
//! run uses the same ones.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use crate::port;
use crate::random::Random;

/// Ports of one node, on the loopback address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ports {
    pub(super) client: u16,
    pub(super) peer: u16,
    pub(super) admin: u16,
}

/// Where to begin to look for free ports.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FirstPorts {
    pub(crate) client: u16,
    pub(crate) peer: u16,
    pub(crate) admin: u16,
}

impl FirstPorts {
    /// Where hardly anybody else looks, below the ports that the system gives to clients.
    pub(crate) fn anywhere(random: &mut Random) -> FirstPorts {
        let client = u16::try_from(10_000 + 100 * random.below(200)).unwrap_or(10_000);
        FirstPorts {
            client,
            peer: client + 30,
            admin: client + 60,
        }
    }
}

/// The ports of `count` nodes: those of the last run if there is one, else free ones, which are
/// remembered in `file`.
///
/// # Errors
///
/// When ports are taken that the cluster cannot do without, or none are free.
pub(super) fn choose(file: &Path, count: usize, first: FirstPorts) -> Result<Vec<Ports>> {
    if let Some(ports) = remembered(file)? {
        return check(file, ports, count);
    }
    let mut chosen: Vec<Ports> = Vec::new();
    for _ in 0..count {
        let after = |last: Option<u16>, first| last.map_or(first, |last: u16| last + 1);
        let last = chosen.last().copied();
        chosen.push(Ports {
            client: port::free_from("client", after(last.map(|p| p.client), first.client))?,
            peer: port::free_from("peer", after(last.map(|p| p.peer), first.peer))?,
            admin: port::free_from("admin", after(last.map(|p| p.admin), first.admin))?,
        });
    }
    let text = Value::from_iter(chosen.iter().map(|ports| ports.to_json())).to_string();
    fs::write(file, text).with_context(|| format!("cannot write {}", file.display()))?;
    Ok(chosen)
}

fn remembered(file: &Path) -> Result<Option<Vec<Ports>>> {
    if !file.exists() {
        return Ok(None);
    }
    let text = fs::read_to_string(file)?;
    let json: Value = serde_json::from_str(&text).unwrap_or_default();
    let ports = json
        .as_array()
        .map(|nodes| nodes.iter().map(Ports::of_json));
    let ports = ports.and_then(Iterator::collect::<Option<Vec<_>>>);
    let message = || format!("{} is damaged; use --fresh", file.display());
    ports.with_context(message).map(Some)
}

fn check(file: &Path, ports: Vec<Ports>, count: usize) -> Result<Vec<Ports>> {
    if ports.len() != count {
        let had = ports.len();
        bail!("the cluster of the last run has {had} nodes; use --nodes {had} or --fresh");
    }
    for port in ports.iter().flat_map(|ports| ports.all()) {
        if !port::is_free(port) {
            let at = file.display();
            bail!(
                "port {port}, by which the members know each other ({at}), is taken; free it or \
                 use --fresh"
            );
        }
    }
    Ok(ports)
}

impl Ports {
    fn all(self) -> [u16; 3] {
        [self.client, self.peer, self.admin]
    }

    fn to_json(self) -> Value {
        json!(self.all())
    }

    fn of_json(json: &Value) -> Option<Ports> {
        let port = |index: usize| u16::try_from(json.get(index)?.as_u64()?).ok();
        Some(Ports {
            client: port(0)?,
            peer: port(1)?,
            admin: port(2)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn the_next_run_uses_the_same_ports() {
        let dir = std::env::temp_dir().join(format!("xtask-ports-{}", std::process::id()));
        fs::create_dir_all(&dir).unwrap();
        let file = dir.join("ports.json");
        let first = FirstPorts {
            client: 42_000,
            peer: 42_100,
            admin: 42_300,
        };
        let chosen = choose(&file, 3, first).unwrap();
        let ports: Vec<u16> = chosen.iter().flat_map(|ports| ports.all()).collect();
        let distinct: std::collections::BTreeSet<_> = ports.iter().collect();
        assert_eq!(distinct.len(), 9);
        assert_eq!(choose(&file, 3, first).unwrap(), chosen);
        assert!(choose(&file, 5, first).is_err());
        let taken = TcpListener::bind(("127.0.0.1", chosen[1].admin)).unwrap();
        assert!(choose(&file, 3, first).is_err());
        drop(taken);
        fs::remove_dir_all(dir).unwrap();
    }
}
