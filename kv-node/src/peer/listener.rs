//! Where peers arrive.

use std::io;
use std::net::SocketAddr;

use socket2::{Domain, Socket, Type};

use super::error::PeerError;

/// Connections that wait to be accepted.
const BACKLOG: i32 = 128;

/// An address that is taken. Peers that dial it wait until a transport accepts them.
#[derive(Debug)]
pub struct PeerListener {
    socket: Socket,
    address: SocketAddr,
}

impl PeerListener {
    /// Takes `address`, of which port 0 is any that is free.
    ///
    /// # Errors
    /// If it cannot be taken, or other machines can reach it and the cluster has no secret.
    pub fn bind(address: SocketAddr, has_secret: bool) -> Result<PeerListener, PeerError> {
        if !has_secret && !address.ip().is_loopback() {
            return Err(PeerError::Unprotected { address });
        }
        listen(address).map_err(|source| PeerError::Bind { address, source })
    }

    /// The address, with the port that it got.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// For a runtime of tokio's, which must be the calling thread's.
    pub(super) fn into_tokio(self) -> io::Result<tokio::net::TcpListener> {
        tokio::net::TcpListener::from_std(self.socket.into())
    }
}

fn listen(address: SocketAddr) -> io::Result<PeerListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    let bound = socket.local_addr()?.as_socket();
    Ok(PeerListener {
        address: bound.ok_or_else(|| io::Error::other("not an internet address"))?,
        socket,
    })
}
