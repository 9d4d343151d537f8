//! Where clients arrive.
//!
//! One task accepts and hands the connections to the I/O threads in turn. (A listening socket per
//! thread with SO_REUSEPORT would spare the hand-over, but spreads a few dozen connections
//! unevenly, and lets a second process share the port without anybody noticing.)

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use socket2::{Domain, SockRef, Socket, TcpKeepalive, Type};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

use super::hub::Hub;
use super::io_thread::Handoff;

/// Connections that wait to be accepted.
const BACKLOG: i32 = 4096;

/// Silence after which a dead peer is asked for a sign of life.
const KEEPALIVE: Duration = Duration::from_secs(300);

/// Pause after a failure to accept: descriptors or memory may come back.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

const TOO_MANY: &[u8] = b"-ERR max number of clients reached\r\n";

/// Takes an address without listening yet: clients are refused, not left waiting.
pub(crate) fn bind(address: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    Ok(socket)
}

/// Begins to listen on an address that was taken.
pub(crate) fn listen(socket: Socket) -> io::Result<TcpListener> {
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}

/// Accepts connections and hands them to the threads in turn, for ever.
pub(crate) async fn accept(
    listener: TcpListener,
    hub: Arc<Hub>,
    threads: Vec<mpsc::Sender<Handoff>>,
) {
    for thread in threads.iter().cycle() {
        let handoff = next_handoff(&listener, &hub).await;
        if thread.send(handoff).await.is_err() {
            return;
        }
    }
}

async fn next_handoff(listener: &TcpListener, hub: &Arc<Hub>) -> Handoff {
    let mut is_failing = false;
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                is_failing = false;
                match admit(stream, peer, hub) {
                    Ok(Some(handoff)) => return handoff,
                    Ok(None) => {}
                    Err(error) => tracing::debug!(%error, %peer, "connection lost at once"),
                }
            }
            Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
            Err(error) => {
                if !std::mem::replace(&mut is_failing, true) {
                    tracing::warn!(%error, "cannot accept connections; trying again");
                }
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// Nothing is ever congested within one machine, but some controls (BBR) still model and pace each
/// send: a tenth of what a small request costs. Reno does nothing as long as nothing is lost.
fn spare_congestion_control(stream: &TcpStream) {
    // Whoever may not choose it is served with what the system chose.
    let _ = SockRef::from(stream).set_tcp_congestion(b"reno");
}

/// `None` if there are too many clients.
fn admit(stream: TcpStream, peer: SocketAddr, hub: &Arc<Hub>) -> io::Result<Option<Handoff>> {
    hub.metrics.accepted.add(1);
    let local = stream.local_addr()?;
    let Ok(admission) = hub.clients.admit(peer, local, hub.clock.coarse_ms()) else {
        hub.metrics.refused.add(1);
        // Whether it is told or not, it is closed.
        let _ = stream.try_write(TOO_MANY);
        return Ok(None);
    };
    stream.set_nodelay(true)?;
    let keepalive = TcpKeepalive::new().with_time(KEEPALIVE);
    SockRef::from(&stream).set_tcp_keepalive(&keepalive)?;
    if peer.ip().is_loopback() {
        spare_congestion_control(&stream);
    }
    let stream = stream.into_std()?;
    Ok(Some(Handoff { stream, admission }))
}
