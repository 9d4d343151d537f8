//! Why a server does not start.

use std::io;
use std::net::SocketAddr;

use crate::config::ByteSize;
use crate::report::{ExitCode, Report};
use crate::secret::SecretError;

/// Why a server does not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServerError {
    /// An address that others can reach, and no password.
    #[error("{address} can be reached from other machines, and no password is set")]
    Unprotected {
        /// The address.
        address: SocketAddr,
    },
    /// An address cannot be taken.
    #[error("cannot listen on {address}: {source}")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// Its flag.
        flag: &'static str,
        /// Why.
        source: io::Error,
    },
    /// The password cannot be read.
    #[error(transparent)]
    Password(#[from] SecretError),
    /// A value of the largest size does not fit into a request of the largest size.
    #[error("a value of {value} does not fit into a request of {frame}")]
    ValueBeyondFrame {
        /// `--value-bytes-max`.
        value: ByteSize,
        /// `--frame-bytes-max`.
        frame: ByteSize,
    },
    /// The operating system gives no thread, or no runtime on it.
    #[error("cannot start a thread: {0}")]
    Thread(io::Error),
}

impl ServerError {
    /// The same for a person.
    #[must_use]
    pub fn report(&self) -> Report {
        match self {
            ServerError::Unprotected { address } => {
                Report::new(ExitCode::Usage, format!("will not listen on {address}"))
                    .cause("it can be reached from other machines, and no password is set")
                    .hint("use --password-file FILE, or an address like 127.0.0.1:5000")
            }
            ServerError::Bind {
                address,
                flag,
                source,
            } => Report::new(ExitCode::Connection, format!("cannot listen on {address}"))
                .cause(source)
                .hint(bind_hint(source, flag)),
            ServerError::Password(error) => {
                let report = Report::new(ExitCode::Usage, "cannot use the password file");
                report.cause(error).hint(secret_hint(error))
            }
            ServerError::ValueBeyondFrame { .. } => {
                let report = Report::new(ExitCode::Usage, "the size limits contradict each other");
                report
                    .cause(self)
                    .hint("lower --value-bytes-max, or raise --frame-bytes-max")
            }
            ServerError::Thread(error) => Report::new(ExitCode::Failure, "cannot start a thread")
                .cause(error)
                .hint("see `ulimit -u` and the memory that is left"),
        }
    }
}

fn bind_hint(error: &io::Error, flag: &str) -> String {
    match error.kind() {
        io::ErrorKind::AddrInUse => {
            format!("stop the process that uses it, or use another address with {flag}")
        }
        io::ErrorKind::PermissionDenied => {
            format!("use a port from 1024 on with {flag}")
        }
        _ => format!("use an address of this machine with {flag}"),
    }
}

fn secret_hint(error: &SecretError) -> String {
    match error {
        SecretError::Exposed { path, .. } => {
            format!(
                "make it readable by its owner only: chmod 600 {}",
                path.display()
            )
        }
        SecretError::Unreadable { .. } => "see that it exists and that you may read it".into(),
        _ => "write the password, and nothing else, into it".into(),
    }
}
