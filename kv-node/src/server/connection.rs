//! One client connection: finds out which protocol it speaks and serves it until it ends.
//!
//! A RESP client's first byte is printable; the native preface begins with the byte 0.

use std::sync::Arc;

use super::clients::CloseReason;
use super::hub::Hub;
use super::native::NativeConnection;
use super::resp::RespConnection;
use super::socket::{Event, Socket};
use crate::backend::Backend;

/// What a connection speaks.
enum Protocol<B> {
    /// It has sent nothing yet.
    Undecided,
    Resp(Box<RespConnection<B>>),
    Native(Box<NativeConnection<B>>),
}

/// A connection and what serves it.
pub(crate) struct Connection<B> {
    hub: Arc<Hub>,
    backend: Arc<B>,
    /// Which I/O thread this is.
    thread: usize,
    socket: Socket,
    protocol: Protocol<B>,
}

impl<B: Backend> Connection<B> {
    pub(crate) fn new(hub: Arc<Hub>, backend: Arc<B>, thread: usize, socket: Socket) -> Self {
        Connection {
            hub,
            backend,
            thread,
            socket,
            protocol: Protocol::Undecided,
        }
    }

    /// Serves the client until the connection ends.
    pub(crate) async fn run(mut self) {
        let reason = self.serve().await;
        let Connection {
            hub,
            thread,
            socket,
            protocol,
            ..
        } = self;
        // Subscriptions end before the last replies are sent.
        drop(protocol);
        let metrics = hub.metrics.thread(thread);
        metrics.closed(reason);
        tracing::debug!(client = socket.client.id, reason = reason.name(), "closed");
        match reason {
            CloseReason::Error | CloseReason::Unread | CloseReason::SlowSubscriber => {}
            reason => socket.finish(reason == CloseReason::Protocol).await,
        }
    }

    async fn serve(&mut self) -> CloseReason {
        loop {
            let event = self.socket.wait().await;
            let result = match event {
                Event::Input => self.serve_input().await,
                Event::Messages => self.serve_messages().await,
                Event::End => Err(CloseReason::Peer),
                Event::Close(reason) => Err(self.last_round(reason).await),
            };
            if let Err(reason) = result {
                return reason;
            }
            self.socket.send().await;
            if self.socket.has_more_input() {
                // Others get their turn while one client sends without end.
                tokio::task::yield_now().await;
            }
        }
    }

    async fn serve_input(&mut self) -> Result<(), CloseReason> {
        self.decide_protocol();
        match &mut self.protocol {
            Protocol::Undecided => Ok(()),
            Protocol::Resp(resp) => resp.serve_input(&mut self.socket).await,
            Protocol::Native(native) => native.serve_input(&mut self.socket).await,
        }
    }

    fn decide_protocol(&mut self) {
        if !matches!(self.protocol, Protocol::Undecided) {
            return;
        }
        let (hub, backend) = (self.hub.clone(), self.backend.clone());
        self.protocol = match self.socket.input.first() {
            None => Protocol::Undecided,
            Some(0) => {
                let native = NativeConnection::new(hub, backend, self.thread, &self.socket);
                Protocol::Native(Box::new(native))
            }
            Some(_) => {
                let resp = RespConnection::new(hub, backend, self.thread, &self.socket);
                Protocol::Resp(Box::new(resp))
            }
        };
    }

    async fn serve_messages(&mut self) -> Result<(), CloseReason> {
        if let Protocol::Resp(resp) = &mut self.protocol {
            resp.deliver(&mut self.socket).await?;
        }
        match self.socket.read_arrived().await {
            true => self.serve_input().await,
            false => Ok(()),
        }
    }

    /// When the server stops, requests that have arrived are still answered.
    async fn last_round(&mut self, reason: CloseReason) -> CloseReason {
        if reason != CloseReason::Shutdown {
            return reason;
        }
        match self.socket.take_arrived() {
            true => self.serve_input().await.err().unwrap_or(reason),
            false => reason,
        }
    }
}
