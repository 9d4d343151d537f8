//! Free ports.

use std::net::{Ipv4Addr, TcpListener};

use anyhow::{Result, bail};

/// How many ports are tried.
const TRIES: u16 = 100;

/// The first port from `wanted` on that nobody listens on; says so if it is another one. 0 stays
/// 0: the server lets the system choose.
///
/// # Errors
///
/// When all of the next hundred are taken.
pub(crate) fn free_from(what: &str, wanted: u16) -> Result<u16> {
    let mut candidates = (0..TRIES).filter_map(|step| wanted.checked_add(step));
    let Some(port) = candidates.find(|port| is_free(*port)) else {
        bail!("{what} port: {wanted} and the next {TRIES} are all taken");
    };
    if port != wanted {
        println!("{what} port {wanted} is taken; using {port}");
    }
    Ok(port)
}

/// Whether nobody listens there.
pub(crate) fn is_free(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_taken_port_is_shifted() {
        let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let wanted = taken.local_addr().unwrap().port();
        assert!(free_from("test", wanted).is_ok_and(|port| port > wanted));
    }

    #[test]
    fn port_zero_is_left_to_the_system() {
        assert_eq!(free_from("test", 0).unwrap(), 0);
    }
}
