//! The nodes of a Raft cluster as processes, which can be killed, paused, restarted and cut off.
//!
//! 1. Everything they write lies in one directory.
//! 2. Whatever ends with this value: nodes are killed, also paused ones.
//! 3. A node's links can be cut since it reaches the others through proxies in this process only.

mod addresses;
mod cut;
mod member;
mod proxy;

use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};

pub(crate) use addresses::FirstPorts;
pub(crate) use cut::{Cut, around};
pub(crate) use member::{Member, State};

use crate::clock::wait_for;
use crate::node::Options;
use addresses::Ports;

/// How a cluster is started.
pub(crate) struct Settings {
    /// The `kv-cluster` program.
    pub(crate) program: PathBuf,
    /// Where everything lies.
    pub(crate) home: PathBuf,
    pub(crate) count: usize,
    pub(crate) first_ports: FirstPorts,
    /// Passed on to each node.
    pub(crate) args: Vec<String>,
}

/// A running cluster.
pub(crate) struct Members {
    members: Vec<Member>,
    cut: Arc<Cut>,
}

impl Settings {
    /// What a node has to itself; its data dir is in it.
    pub(crate) fn node_dir(&self, id: u64) -> PathBuf {
        self.home.join(format!("node{id}"))
    }

    /// Starts all nodes at once, each under the program that `wrapper` names, if any, and waits
    /// until each serves.
    ///
    /// # Errors
    ///
    /// When one does not.
    pub(crate) fn start(&self, wrapper: impl Fn(u64) -> Vec<OsString>) -> Result<Members> {
        fs::create_dir_all(&self.home)?;
        let ports = addresses::choose(&self.home.join("ports.json"), self.count, self.first_ports)?;
        let cut = Arc::new(Cut::default());
        let mut members = Vec::new();
        for (id, own) in (0..).zip(&ports) {
            let options = Options {
                wrapper: wrapper(id),
                ..self.options(id, *own, &ports, &cut)?
            };
            members.push(Member::new(id, loopback(own.client), options));
        }
        thread::scope(|scope| {
            let starting: Vec<_> = members
                .iter_mut()
                .map(|member| scope.spawn(|| member.start()))
                .collect();
            starting.into_iter().try_for_each(|starting| {
                let started = starting.join();
                started.map_err(|_| anyhow!("starting a node panicked"))?
            })
        })?;
        Ok(Members { members, cut })
    }

    fn options(&self, id: u64, own: Ports, all: &[Ports], cut: &Arc<Cut>) -> Result<Options> {
        let dir = self.node_dir(id);
        let mut args = vec!["--node-id".to_owned(), id.to_string()];
        for (other, ports) in (0..).zip(all) {
            let (client, peer) = (loopback(ports.client), loopback(ports.peer));
            args.extend(["--member".to_owned(), format!("{other}={client}@{peer}")]);
            if other != id {
                let via = proxy::start((id, other), peer, cut.clone())?;
                args.extend(["--peer-via".to_owned(), format!("{other}={via}")]);
            }
        }
        args.extend(self.args.iter().cloned());
        Ok(Options {
            listen: String::new(),
            admin: loopback(own.admin),
            args: args.into_iter().map(Into::into).collect(),
            log: Some(dir.with_extension("log")),
            ..Options::on_free_ports(self.program.clone(), dir.join("data"))
        })
    }
}

fn loopback(port: u16) -> String {
    format!("127.0.0.1:{port}")
}

impl Members {
    /// All nodes, in the order of their numbers.
    pub(crate) fn all(&self) -> &[Member] {
        &self.members
    }

    /// Which links are cut.
    pub(crate) fn cut(&self) -> &Cut {
        &self.cut
    }

    /// One of them.
    ///
    /// # Errors
    ///
    /// When there is none with this number.
    pub(crate) fn member(&mut self, id: u64) -> Result<&mut Member> {
        let member = self.members.iter_mut().find(|member| member.id() == id);
        member.with_context(|| format!("there is no node {id}"))
    }

    /// The numbers of all.
    pub(crate) fn ids(&self) -> Vec<u64> {
        self.members.iter().map(Member::id).collect()
    }

    /// Where clients of each connect.
    pub(crate) fn client_addrs(&self) -> Vec<String> {
        let addrs = self.members.iter().map(Member::client_addr);
        addrs.map(str::to_owned).collect()
    }

    /// The node that says that it leads, in the latest term that anybody names.
    pub(crate) fn leader(&self) -> Option<u64> {
        let statuses = self.members.iter().filter_map(|member| {
            let status = member.status()?;
            let cluster = &status["cluster"];
            let leads = cluster["role"] == "leader";
            leads.then(|| (cluster["term"].as_u64(), member.id()))
        });
        statuses.max().map(|(_, id)| id)
    }

    /// Waits until every node that runs is ready, and one of them leads.
    ///
    /// # Errors
    ///
    /// When that takes longer than `limit`.
    pub(crate) fn wait_ready(&self, limit: Duration) -> Result<()> {
        let all_ready = || {
            let mut running = self.members.iter().filter(|m| m.state() == State::Running);
            (running.all(Member::is_ready) && self.leader().is_some()).then_some(())
        };
        wait_for(limit, all_ready).with_context(|| {
            let waiting = self.members.iter().filter(|member| !member.is_ready());
            let ids: Vec<String> = waiting.map(|member| member.id().to_string()).collect();
            format!("not ready after {limit:?}: node {}", ids.join(", "))
        })
    }

    /// Makes everybody whole again: heals links, lets paused nodes go on, restarts dead ones.
    ///
    /// # Errors
    ///
    /// When a node does not come back.
    pub(crate) fn heal(&mut self) -> Result<()> {
        self.cut.set([]);
        for member in &mut self.members {
            member.revive()?;
        }
        Ok(())
    }

    /// Stops all nodes and waits for them.
    ///
    /// # Errors
    ///
    /// When one does not exit with 0.
    pub(crate) fn stop(mut self) -> Result<()> {
        self.cut.set([]);
        let stopped: Vec<Result<()>> = thread::scope(|scope| {
            let stopping: Vec<_> = self
                .members
                .iter_mut()
                .map(|member| scope.spawn(|| member.stop()))
                .collect();
            let joined = stopping.into_iter().map(thread::ScopedJoinHandle::join);
            joined
                .map(|stopped| stopped.unwrap_or_else(|_| bail!("stopping panicked")))
                .collect()
        });
        stopped.into_iter().collect()
    }
}
