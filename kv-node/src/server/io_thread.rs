//! A thread that serves connections.
//!
//! Each has a runtime of its own, and each connection is a task that stays where it began: no
//! locks between the steps of a request, no task moving between processors.

use std::io;
use std::net::TcpStream as StdTcpStream;
use std::sync::Arc;
use std::thread::JoinHandle;

use tokio::net::TcpStream;
use tokio::runtime::{Builder, LocalOptions, LocalRuntime};
use tokio::sync::{mpsc, watch};
use tokio::task::spawn_local;

use super::clients::Admission;
use super::connection::Connection;
use super::hub::Hub;
use super::socket::Socket;
use super::spin;
use crate::backend::Backend;

/// Accepted connections that wait for a thread to take them.
const HANDOFFS_MAX: usize = 1024;

/// A connection on its way to its thread.
#[derive(Debug)]
pub(crate) struct Handoff {
    pub(crate) stream: StdTcpStream,
    pub(crate) admission: Admission,
}

/// A thread that serves connections.
#[derive(Debug)]
pub(crate) struct IoThread {
    /// Gives it connections.
    pub(crate) handoffs: mpsc::Sender<Handoff>,
    /// Ends when the thread was told to stop.
    pub(crate) handle: JoinHandle<()>,
}

/// What a thread needs to serve connections.
#[derive(Debug)]
struct Worker<B> {
    index: usize,
    hub: Arc<Hub>,
    backend: Arc<B>,
    handoffs: mpsc::Receiver<Handoff>,
    stop: watch::Receiver<bool>,
}

impl IoThread {
    /// Starts thread number `index`; it ends when `stop` becomes true or its sender is gone.
    pub(crate) fn start<B: Backend>(
        index: usize,
        hub: Arc<Hub>,
        backend: Arc<B>,
        stop: watch::Receiver<bool>,
    ) -> io::Result<IoThread> {
        let (sender, receiver) = mpsc::channel(HANDOFFS_MAX);
        let worker = Worker {
            index,
            hub,
            backend,
            handoffs: receiver,
            stop,
        };
        let (started_sender, started) = std::sync::mpsc::sync_channel(1);
        let body = move || match runtime() {
            Ok(runtime) => {
                let _ = started_sender.send(Ok(()));
                runtime.block_on(worker.run());
            }
            Err(error) => {
                let _ = started_sender.send(Err(error));
            }
        };
        let handle = std::thread::Builder::new()
            .name(format!("kv-io-{index}"))
            .spawn(body)?;
        started
            .recv()
            .unwrap_or_else(|_| Err(io::Error::other("the thread ended at once")))?;
        Ok(IoThread {
            handoffs: sender,
            handle,
        })
    }
}

fn runtime() -> io::Result<LocalRuntime> {
    Builder::new_current_thread()
        .enable_io()
        .enable_time()
        .build_local(LocalOptions::default())
}

impl<B: Backend> Worker<B> {
    async fn run(mut self) {
        spawn_local(self.backend.clone().run_on_io_thread());
        spawn_local(spin::run());
        let mut stop = self.stop.clone();
        tokio::select! {
            _ = stop.wait_for(|stop| *stop) => {}
            () = self.take_connections() => {}
        }
    }

    /// Serves each connection that is handed over; never returns.
    async fn take_connections(&mut self) {
        while let Some(handoff) = self.handoffs.recv().await {
            if let Err(error) = self.serve(handoff) {
                tracing::warn!(%error, "cannot serve a connection");
            }
        }
        std::future::pending().await
    }

    fn serve(&self, handoff: Handoff) -> io::Result<()> {
        let Handoff { stream, admission } = handoff;
        let stream = TcpStream::from_std(stream)?;
        let socket = Socket::new(
            stream,
            admission.client().clone(),
            self.hub.clone(),
            self.index,
        );
        let (hub, backend) = (self.hub.clone(), self.backend.clone());
        let connection = Connection::new(hub, backend, self.index, socket);
        spawn_local(async move {
            connection.run().await;
            drop(admission);
        });
        Ok(())
    }
}
