//! Messages of other nodes, on their way to the member.

use std::cell::OnceCell;
use std::rc::{Rc, Weak};

use bytes::Bytes;
use kv_node::peer::{Lane, Receiver};

use super::Driver;
use crate::{NodeId, PeerMessage, wire};

/// Takes what the transport brings, for as long as the driver lives.
#[derive(Default)]
pub(super) struct Door(OnceCell<Weak<Driver>>);

impl Door {
    /// Brings it to `driver` from now on.
    pub(super) fn open(&self, driver: &Rc<Driver>) {
        let opened = self.0.set(Rc::downgrade(driver));
        assert!(opened.is_ok(), "a door leads to one driver");
    }
}

impl Receiver for Door {
    fn receive(&self, from: u64, _lane: Lane, payload: &[u8]) -> Result<(), &'static str> {
        let Some(driver) = self.0.get().and_then(Weak::upgrade) else {
            return Ok(());
        };
        let from = NodeId(from);
        let message =
            wire::decode(Bytes::copy_from_slice(payload)).map_err(|error| error.what())?;
        if let PeerMessage::Raft(message) = &message
            && message.from != from.raft()
        {
            return Err("a message in another node's name");
        }
        let now_ms = driver.now_ms();
        driver.member.borrow_mut().receive(from, message, now_ms);
        driver.note_input();
        Ok(())
    }
}
