//! Messages that other connections have for one.
//!
//! Bounded in bytes: a client that reads more slowly than others publish is closed rather than
//! remembered for.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use parking_lot::Mutex;

/// What a message costs beside its bytes.
const MESSAGE_OVERHEAD_BYTES: usize = 128;

/// A published message, for one subscription of one client. Copies share the bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Message {
    /// The pattern that matched; `None`: the client subscribed to the channel itself.
    pub(crate) pattern: Option<Bytes>,
    pub(crate) channel: Bytes,
    pub(crate) payload: Bytes,
}

/// The messages of one client.
#[derive(Debug)]
pub(crate) struct Inbox {
    bytes_max: usize,
    any: AtomicBool,
    queue: Mutex<Queue>,
}

#[derive(Debug, Default)]
struct Queue {
    messages: VecDeque<Message>,
    bytes: usize,
}

/// The client is too slow.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct InboxFull;

impl Message {
    fn cost(&self) -> usize {
        let pattern_len = self.pattern.as_ref().map_or(0, Bytes::len);
        pattern_len + self.channel.len() + self.payload.len() + MESSAGE_OVERHEAD_BYTES
    }
}

impl Inbox {
    pub(crate) fn new(bytes_max: usize) -> Inbox {
        Inbox {
            bytes_max,
            any: AtomicBool::new(false),
            queue: Mutex::default(),
        }
    }

    /// Adds a message. One is always taken, however large it is.
    pub(crate) fn push(&self, message: Message) -> Result<(), InboxFull> {
        let mut queue = self.queue.lock();
        let bytes = queue.bytes + message.cost();
        if bytes > self.bytes_max && !queue.messages.is_empty() {
            return Err(InboxFull);
        }
        queue.bytes = bytes;
        queue.messages.push_back(message);
        self.any.store(true, Ordering::Release);
        Ok(())
    }

    /// Whether there is a message; cheap.
    pub(crate) fn any(&self) -> bool {
        self.any.load(Ordering::Acquire)
    }

    /// Takes the oldest message.
    pub(crate) fn pop(&self) -> Option<Message> {
        let mut queue = self.queue.lock();
        let message = queue.messages.pop_front();
        match &message {
            Some(message) => queue.bytes -= message.cost(),
            None => queue.messages = VecDeque::new(),
        }
        self.any.store(message.is_some(), Ordering::Release);
        message
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(payload_len: usize) -> Message {
        Message {
            pattern: None,
            channel: Bytes::from_static(b"c"),
            payload: vec![0; payload_len].into(),
        }
    }

    #[test]
    fn messages_leave_in_order() {
        let inbox = Inbox::new(1024);
        assert!(!inbox.any());
        inbox.push(message(1)).unwrap();
        inbox.push(message(2)).unwrap();
        assert!(inbox.any());
        assert_eq!(inbox.pop(), Some(message(1)));
        assert_eq!(inbox.pop(), Some(message(2)));
        assert_eq!(inbox.pop(), None);
        assert!(!inbox.any());
    }

    #[test]
    fn inbox_is_bounded_but_takes_one_message_of_any_size() {
        let inbox = Inbox::new(1024);
        inbox.push(message(5000)).unwrap();
        assert_eq!(inbox.push(message(0)), Err(InboxFull));
        inbox.pop().unwrap();
        inbox.push(message(0)).unwrap();
        inbox.push(message(0)).unwrap();
    }
}
