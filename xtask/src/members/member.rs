//! One node of a cluster.

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::http;
use crate::node::{Node, Options, describe, tail};

/// What was done to a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    Running,
    Paused,
    Dead,
}

/// One node of a cluster, dead or alive.
pub(crate) struct Member {
    id: u64,
    client: String,
    options: Options,
    node: Option<Node>,
    is_paused: bool,
}

impl Member {
    /// A node that does not run yet.
    pub(super) fn new(id: u64, client: String, options: Options) -> Member {
        Member {
            id,
            client,
            options,
            node: None,
            is_paused: false,
        }
    }

    pub(crate) fn id(&self) -> u64 {
        self.id
    }

    /// Where clients connect.
    pub(crate) fn client_addr(&self) -> &str {
        &self.client
    }

    /// Where HTTP is spoken.
    pub(crate) fn admin_addr(&self) -> &str {
        &self.options.admin
    }

    pub(crate) fn options(&self) -> &Options {
        &self.options
    }

    pub(crate) fn pid(&self) -> Option<u32> {
        self.node.as_ref().map(Node::pid)
    }

    pub(crate) fn state(&self) -> State {
        match (&self.node, self.is_paused) {
            (None, _) => State::Dead,
            (Some(_), true) => State::Paused,
            (Some(_), false) => State::Running,
        }
    }

    /// Starts it and waits until it serves.
    ///
    /// # Errors
    ///
    /// When it runs already or does not come up.
    pub(crate) fn start(&mut self) -> Result<()> {
        if self.node.is_some() {
            bail!("node {} runs already", self.id);
        }
        let started = self.options.start();
        self.node = Some(started.with_context(|| format!("node {}", self.id))?);
        self.is_paused = false;
        Ok(())
    }

    /// Ends it without warning.
    ///
    /// # Errors
    ///
    /// When it does not run.
    pub(crate) fn kill(&mut self) -> Result<()> {
        let node = self.node.take();
        let node = node.with_context(|| format!("node {} does not run", self.id))?;
        self.is_paused = false;
        node.kill()
    }

    /// Lets it do nothing until [`Member::revive`].
    ///
    /// # Errors
    ///
    /// When it does not run.
    pub(crate) fn pause(&mut self) -> Result<()> {
        let node = self.node.as_ref();
        node.with_context(|| format!("node {} does not run", self.id))?
            .pause()?;
        self.is_paused = true;
        Ok(())
    }

    /// Starts it if it is dead, lets it go on if it is paused.
    ///
    /// # Errors
    ///
    /// When it does not come up.
    pub(crate) fn revive(&mut self) -> Result<()> {
        match &self.node {
            None => self.start(),
            Some(node) => {
                self.is_paused = false;
                node.resume()
            }
        }
    }

    /// Stops it, if it runs, and waits for it.
    ///
    /// # Errors
    ///
    /// When it does not exit with 0.
    pub(crate) fn stop(&mut self) -> Result<()> {
        let Some(node) = self.node.take() else {
            return Ok(());
        };
        node.resume()?;
        node.stop().with_context(|| format!("node {}", self.id))
    }

    /// Whether it ended by itself; then how, with the end of its log.
    ///
    /// # Errors
    ///
    /// When the system does not say.
    pub(crate) fn take_ended(&mut self) -> Result<Option<String>> {
        let ended = match &mut self.node {
            None => None,
            Some(node) => node.ended()?,
        };
        let Some(status) = ended else {
            return Ok(None);
        };
        self.node = None;
        let log = self.options.log.as_deref().map(tail).unwrap_or_default();
        let (id, how) = (self.id, describe(status));
        Ok(Some(format!(
            "node {id} ended by itself: {how}; its log ends with\n{log}"
        )))
    }

    /// What it says of itself, if it runs and answers.
    pub(crate) fn status(&self) -> Option<Value> {
        match self.state() {
            State::Running => http::get_json(self.admin_addr(), "/status").ok(),
            State::Paused | State::Dead => None,
        }
    }

    /// Whether it answers requests.
    pub(crate) fn is_ready(&self) -> bool {
        self.state() == State::Running && http::get(self.admin_addr(), "/readyz").is_ok()
    }
}
