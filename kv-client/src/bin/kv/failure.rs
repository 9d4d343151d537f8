//! Why a command failed, as a person and as a program see it.
//!
//! ```text
//! error: what failed
//!   cause: why
//!   hint:  what to do
//! ```

use std::error::Error as _;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anstyle::{AnsiColor, Style};
use kv_client::{Error, ErrorCode, ErrorKind};
use serde_json::{Value as Json, json};

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The client library says why.
    #[error(transparent)]
    Client(#[from] Error),
    /// There is no such key.
    #[error("{0}")]
    NotFound(String),
    /// There is no such key, and the answer that says so is printed already.
    #[error("not found")]
    Absent,
    /// A condition did not hold.
    #[error("{0}")]
    Conflict(String),
    /// The command line cannot mean anything.
    #[error("{0}")]
    Usage(String),
    /// A file cannot be read or written.
    #[error("cannot {doing} {}", path.display())]
    File {
        doing: &'static str,
        path: PathBuf,
        source: io::Error,
    },
    /// Something else, with what to do about it.
    #[error("{what}")]
    Other {
        what: String,
        cause: Option<String>,
        hint: Option<String>,
    },
    /// An import stopped; it names the line.
    #[error("{what}")]
    Import {
        what: String,
        cause: String,
        hint: String,
        is_connection: bool,
    },
    /// Nobody reads the output any more.
    #[error("output closed")]
    OutputClosed,
    /// Output cannot be written.
    #[error("cannot write the output")]
    Output(#[source] io::Error),
}

impl From<io::Error> for Failure {
    /// For errors of stdout; those of files name their file.
    fn from(error: io::Error) -> Failure {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Failure::OutputClosed,
            _ => Failure::Output(error),
        }
    }
}

impl Failure {
    pub(crate) fn file(doing: &'static str, path: &Path, source: io::Error) -> Failure {
        Failure::File {
            doing,
            path: path.to_owned(),
            source,
        }
    }

    pub(crate) fn no_key(key: &str) -> Failure {
        Failure::NotFound(format!("no key {key:?}"))
    }

    fn code(&self) -> u8 {
        match self {
            Failure::OutputClosed => 0,
            Failure::Usage(_) => 2,
            Failure::NotFound(_) | Failure::Absent => 4,
            Failure::Conflict(_) => 5,
            Failure::Client(error) => client_code(error),
            Failure::Import { is_connection, .. } if *is_connection => 3,
            _ => 1,
        }
    }

    /// The word for it in JSON output.
    fn kind(&self) -> &'static str {
        match self.code() {
            2 => "usage",
            3 => "connection",
            4 => "not_found",
            5 => "conflict",
            _ if self.outcome_is_unknown() => "unknown_outcome",
            _ => "failed",
        }
    }

    fn outcome_is_unknown(&self) -> bool {
        matches!(self, Failure::Client(error) if error.kind() == ErrorKind::UnknownOutcome)
    }

    /// What failed; the word ERR in front of a plain refusal is for Redis clients.
    fn what(&self) -> String {
        match self {
            Failure::Client(Error::Refused(refused)) if refused.code == ErrorCode::Err => {
                refused.message.to_string()
            }
            other => other.to_string(),
        }
    }

    fn cause(&self) -> Option<String> {
        let own = match self {
            Failure::Other { cause, .. } => return cause.clone(),
            Failure::Import { cause, .. } => return Some(cause.clone()),
            Failure::Client(error) => error.source(),
            other => other.source(),
        };
        let chain = std::iter::successors(own, |error: &&dyn std::error::Error| (*error).source());
        let causes: Vec<String> = chain.map(ToString::to_string).collect();
        (!causes.is_empty()).then(|| causes.join(": "))
    }

    fn hint(&self) -> Option<String> {
        match self {
            Failure::Other { hint, .. } => hint.clone(),
            Failure::Import { hint, .. } => Some(hint.clone()),
            Failure::Client(error) => client_hint(error).map(str::to_owned),
            _ => None,
        }
    }

    /// Prints it to stderr and returns the exit code.
    pub(crate) fn report(&self, json: bool) -> ExitCode {
        // There is nowhere to say that stderr is closed.
        let _ = match (self, json) {
            (Failure::OutputClosed | Failure::Absent, _) => Ok(()),
            (_, true) => writeln!(anstream::stderr(), "{}", self.to_json()),
            (_, false) => self.show(&mut anstream::stderr()),
        };
        ExitCode::from(self.code())
    }

    fn show(&self, out: &mut impl Write) -> io::Result<()> {
        let red = Style::new().bold().fg_color(Some(AnsiColor::Red.into()));
        let dim = Style::new().dimmed();
        writeln!(out, "{red}error:{red:#} {}", self.what())?;
        if let Some(cause) = self.cause() {
            writeln!(out, "  {dim}cause:{dim:#} {cause}")?;
        }
        if let Some(hint) = self.hint() {
            writeln!(out, "  {dim}hint:{dim:#}  {hint}")?;
        }
        Ok(())
    }

    fn to_json(&self) -> Json {
        json!({
            "error": self.what(),
            "kind": self.kind(),
            "cause": self.cause(),
            "hint": self.hint(),
        })
    }
}

fn client_code(error: &Error) -> u8 {
    match error.kind() {
        ErrorKind::Connection | ErrorKind::Timeout | ErrorKind::Auth | ErrorKind::Protocol => 3,
        ErrorKind::Conflict => 5,
        _ => 1,
    }
}

fn client_hint(error: &Error) -> Option<&'static str> {
    match error {
        Error::Connect { .. } => {
            Some("is the server running? `cargo xtask cluster` starts one; -c names another")
        }
        Error::Protocol { .. } => Some("is this the client port of a kv server? see -c"),
        Error::Timeout { .. } => Some("the server may be overloaded; --timeout allows more"),
        Error::UnknownOutcome { .. } => Some("look at the value before doing it again"),
        Error::Refused(refused) => refusal_hint(refused.code),
        _ => None,
    }
}

fn refusal_hint(code: ErrorCode) -> Option<&'static str> {
    match code {
        ErrorCode::NoAuth | ErrorCode::WrongPass => {
            Some("--password-file names the file that holds the password")
        }
        ErrorCode::StorageFull => {
            Some("free space on the server's disk; it takes writes again by itself")
        }
        ErrorCode::Oom => Some("delete keys, or raise the server's memory limit"),
        ErrorCode::Busy | ErrorCode::Loading | ErrorCode::NoLeader => Some("try again"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn shown(failure: &Failure) -> String {
        let mut out = Vec::new();
        failure.show(&mut out).unwrap();
        anstream::adapter::strip_str(std::str::from_utf8(&out).unwrap()).to_string()
    }

    fn refused_connection() -> Error {
        Error::Connect {
            addr: "127.0.0.1:1".into(),
            source: Arc::new(io::Error::other("connection refused")),
        }
    }

    #[test]
    fn an_error_says_what_why_and_what_to_do() {
        let text = shown(&refused_connection().into());
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "error: cannot connect to 127.0.0.1:1");
        assert_eq!(lines[1], "  cause: connection refused");
        assert!(lines[2].starts_with("  hint:  is the server running?"));
    }

    #[test]
    fn all_causes_are_named() {
        let error = Error::UnknownOutcome {
            source: Box::new(refused_connection()),
        };
        assert!(shown(&error.into()).contains(
            "error: the write may or may not have happened\n  \
             cause: cannot connect to 127.0.0.1:1: connection refused\n"
        ));
    }

    #[test]
    fn a_closed_output_is_no_failure() {
        let failure = Failure::from(io::Error::from(io::ErrorKind::BrokenPipe));
        assert_eq!(failure.code(), 0);
    }
}
