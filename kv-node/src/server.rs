//! The part of a node that talks to clients, the same in every mode.
//!
//! It knows the store only as a [`Backend`]: what replicates it, and whether anything does, is
//! none of its business.
//!
//! ```text
//! listener → I/O threads → connection → RESP or native session → Backend
//! admin HTTP (health, metrics, status)
//! sweep (timeouts)
//! ```
//!
//! 1. Every queue, buffer and count is bounded; a client that exceeds a bound gets an error or is
//!    closed, and the others go on.
//! 2. No request costs a task, a channel or a timer.
//! 3. Requests that were accepted are answered before the server ends.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::JoinHandle as ThreadHandle;

use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::backend::Backend;
use crate::secret::Secret;
use admin::{Admin, Observed};
use clients::{Client, CloseReason};
use hub::Hub;
use io_thread::IoThread;
use sweep::Timeouts;

mod admin;
mod auth;
mod clients;
mod clock;
mod connection;
mod error;
mod exposition;
mod hub;
mod inbox;
mod info;
mod io_thread;
mod listener;
mod metrics;
mod native;
mod process;
mod pubsub;
mod resp;
mod settings;
mod socket;
pub(crate) mod spin;
mod status_page;
mod sweep;

pub use error::ServerError;
pub use settings::ServerSettings;

/// A server that has its addresses but serves no client yet.
///
/// Its admin address answers already: `/readyz` says that the node is loading.
#[derive(Debug)]
pub struct Server {
    settings: ServerSettings,
    password: Option<Secret>,
    socket: socket2::Socket,
    listen: SocketAddr,
    admin: Admin,
}

/// A server that serves clients until it is shut down or dropped.
#[derive(Debug)]
pub struct RunningServer<B> {
    hub: Arc<Hub>,
    backend: Arc<B>,
    admin: Admin,
    accept: JoinHandle<()>,
    sweep: JoinHandle<()>,
    stop: watch::Sender<bool>,
    threads: Vec<ThreadHandle<()>>,
}

impl Server {
    /// Takes the addresses and answers admin requests. Needs a tokio runtime, here and for as long
    /// as the server runs; it must not be blocked meanwhile.
    ///
    /// # Errors
    /// If an address or the password file cannot be used, or settings contradict each other.
    pub async fn bind(settings: ServerSettings) -> Result<Server, ServerError> {
        check_sizes(&settings)?;
        let password = settings.password_file.as_deref();
        let password = password.map(Secret::from_file).transpose()?;
        for address in [settings.listen, settings.admin] {
            if password.is_none() && !address.ip().is_loopback() {
                return Err(ServerError::Unprotected { address });
            }
        }
        let bind_error = |address, flag| {
            move |source| ServerError::Bind {
                address,
                flag,
                source,
            }
        };
        let listen_error = bind_error(settings.listen, "--listen");
        let socket = listener::bind(settings.listen).map_err(listen_error)?;
        let listen = address_of(&socket).map_err(listen_error)?;
        let admin = start_admin(settings.admin, password.clone())
            .await
            .map_err(bind_error(settings.admin, "--admin"))?;
        Ok(Server {
            settings,
            password,
            socket,
            listen,
            admin,
        })
    }

    /// Serves clients from now on.
    ///
    /// # Errors
    /// If the operating system gives no threads, or the address is taken after all.
    pub async fn serve<B: Backend>(self, backend: Arc<B>) -> Result<RunningServer<B>, ServerError> {
        let address = self.listen;
        let listener = listener::listen(self.socket).map_err(|source| ServerError::Bind {
            address,
            flag: "--listen",
            source,
        })?;
        let hub = Arc::new(Hub::new(self.settings, self.password, self.listen));
        let (stop, stopped) = watch::channel(false);
        let start = |index| IoThread::start(index, hub.clone(), backend.clone(), stopped.clone());
        let threads: Vec<IoThread> = (0..hub.settings.io_threads)
            .map(start)
            .collect::<io::Result<_>>()
            .map_err(ServerError::Thread)?;
        let (handoffs, threads) = threads
            .into_iter()
            .map(|thread| (thread.handoffs, thread.handle))
            .unzip();
        let (observed, counting) = (backend.clone(), backend.clone());
        self.admin.observe(Observed {
            hub: hub.clone(),
            status: Box::new(move || observed.status()),
            register_metrics: Box::new(move |registry| counting.register_metrics(registry)),
        });
        Ok(RunningServer {
            accept: tokio::spawn(listener::accept(listener, hub.clone(), handoffs)),
            sweep: tokio::spawn(sweep_for_ever(hub.clone())),
            hub,
            backend,
            admin: self.admin,
            stop,
            threads,
        })
    }

    /// [`Server::bind`] and [`Server::serve`] in one.
    ///
    /// # Errors
    /// Those of both.
    pub async fn start<B: Backend>(
        settings: ServerSettings,
        backend: Arc<B>,
    ) -> Result<RunningServer<B>, ServerError> {
        Server::bind(settings).await?.serve(backend).await
    }

    /// Where clients will connect.
    #[must_use]
    pub fn listen_address(&self) -> SocketAddr {
        self.listen
    }

    /// Where admin requests are answered.
    #[must_use]
    pub fn admin_address(&self) -> SocketAddr {
        self.admin.address
    }
}

fn check_sizes(settings: &ServerSettings) -> Result<(), ServerError> {
    let (value, frame) = (settings.value_bytes_max, settings.frame_bytes_max);
    match value.0 <= frame.0 / 2 {
        true => Ok(()),
        false => Err(ServerError::ValueBeyondFrame { value, frame }),
    }
}

fn address_of(socket: &socket2::Socket) -> io::Result<SocketAddr> {
    let address = socket.local_addr()?.as_socket();
    address.ok_or_else(|| io::Error::other("not an internet address"))
}

async fn start_admin(address: SocketAddr, password: Option<Secret>) -> io::Result<Admin> {
    Admin::start(TcpListener::bind(address).await?, password)
}

async fn sweep_for_ever(hub: Arc<Hub>) {
    let timeouts = Timeouts::new(&hub.settings);
    let mut ticks = tokio::time::interval(timeouts.sweep_interval());
    loop {
        ticks.tick().await;
        let now_ms = hub.clock.advance();
        timeouts.sweep(&hub.clients, now_ms);
        hub.metrics.measure_rate(now_ms);
    }
}

impl<B: Backend> RunningServer<B> {
    /// Where clients connect.
    #[must_use]
    pub fn listen_address(&self) -> SocketAddr {
        self.hub.listen
    }

    /// Where admin requests are answered.
    #[must_use]
    pub fn admin_address(&self) -> SocketAddr {
        self.admin.address
    }

    /// Stops accepting, answers what was accepted, lets the backend finish, and ends.
    pub async fn shutdown(mut self) {
        self.accept.abort();
        let clients = &self.hub.clients;
        clients.close(CloseReason::Shutdown);
        let patience = self.hub.settings.shutdown_timeout.0;
        if tokio::time::timeout(patience, clients.all_gone())
            .await
            .is_err()
        {
            let count = clients.count();
            tracing::warn!(count, "clients are cut off: they take too long");
            clients.for_each(Client::cut_off);
        }
        self.backend.shutdown().await;
        self.stop.send_replace(true);
        let threads = std::mem::take(&mut self.threads);
        let joined = tokio::task::spawn_blocking(|| threads.into_iter().for_each(join));
        joined.await.expect("joining threads does not panic");
    }
}

fn join(thread: ThreadHandle<()>) {
    if thread.join().is_err() {
        tracing::error!("an I/O thread panicked");
    }
}

impl<B> Drop for RunningServer<B> {
    fn drop(&mut self) {
        self.accept.abort();
        self.sweep.abort();
        self.stop.send_replace(true);
    }
}
