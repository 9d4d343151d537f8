//! What stands between two nodes, so that the link can be cut.
//!
//! ```text
//! node 0 ──► proxy from 0 to 1 ──► node 1      each node dials each other one through its own
//! ```
//!
//! Each connection is two threads that copy. It knows nothing of what it copies.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

use anyhow::{Context, Result};

use super::cut::{Cut, Link};

/// Listens at a free port for what node `link.0` sends node `link.1`, which listens at `addr`, for
/// as long as this process lives. Returns where.
///
/// # Errors
///
/// When the system gives no port or no thread.
pub(super) fn start(link: Link, addr: String, cut: Arc<Cut>) -> Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0").context("no port for a proxy")?;
    let via = listener.local_addr()?.to_string();
    thread::Builder::new()
        .name(format!("proxy-{}-{}", link.0, link.1))
        .spawn(move || {
            for stream in listener.incoming().flatten() {
                let (addr, cut) = (addr.clone(), cut.clone());
                thread::spawn(move || {
                    // Either side may end a connection at any time.
                    let _ = serve(stream, link, &addr, &cut);
                });
            }
        })
        .context("no thread for a proxy")?;
    Ok(via)
}

fn serve(dialler: TcpStream, link: Link, addr: &str, cut: &Arc<Cut>) -> io::Result<()> {
    cut.wait_open(link);
    let node = TcpStream::connect(addr)?;
    for stream in [&dialler, &node] {
        stream.set_nodelay(true)?;
    }
    let back = (node.try_clone()?, dialler.try_clone()?, cut.clone());
    thread::spawn(move || {
        let (node, dialler, cut) = back;
        copy(node, dialler, (link.1, link.0), &cut);
    });
    copy(dialler, node, link, cut);
    Ok(())
}

/// Copies until either side ends; then ends both.
fn copy(mut source: TcpStream, mut target: TcpStream, link: Link, cut: &Cut) {
    let mut buffer = vec![0; 64 << 10];
    while let Ok(count @ 1..) = source.read(&mut buffer) {
        cut.wait_open(link);
        if target.write_all(&buffer[..count]).is_err() {
            break;
        }
    }
    for stream in [&source, &target] {
        // It may be closed already.
        let _ = stream.shutdown(Shutdown::Both);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_pass_both_ways_and_wait_while_the_link_is_cut() {
        let node = TcpListener::bind("127.0.0.1:0").unwrap();
        let cut = Arc::new(Cut::default());
        let addr = node.local_addr().unwrap().to_string();
        let via = start((3, 7), addr, cut.clone()).unwrap();
        let mut dialler = TcpStream::connect(via).unwrap();
        let (mut accepted, _) = node.accept().unwrap();
        let mut four = [0; 4];
        dialler.write_all(b"soon").unwrap();
        accepted.read_exact(&mut four).unwrap();
        assert_eq!(&four, b"soon");

        cut.set([(3, 7)]);
        dialler.write_all(b"late").unwrap();
        accepted.write_all(b"back").unwrap();
        dialler.read_exact(&mut four).unwrap();
        assert_eq!(&four, b"back");
        accepted.set_nonblocking(true).unwrap();
        let nothing = accepted.read(&mut four).unwrap_err();
        assert_eq!(nothing.kind(), io::ErrorKind::WouldBlock);
        accepted.set_nonblocking(false).unwrap();
        cut.set([]);
        accepted.read_exact(&mut four).unwrap();
        assert_eq!(&four, b"late");
    }
}
