//! How a failure is told to a person: what failed, why, and what to do.
//!
//! ```text
//! error: cannot open data dir ./data/n1
//!   cause: locked by kv-node pid 4121
//!   hint:  stop that process, or use --data-dir
//! ```

use std::fmt;

/// A failure of a whole program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// What failed.
    pub what: String,
    /// Why.
    pub cause: Option<String>,
    /// What to do about it.
    pub hint: Option<String>,
    /// What the process exits with.
    pub exit_code: ExitCode,
}

/// What a process of ours exits with when it fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum ExitCode {
    /// Anything else.
    Failure = 1,
    /// The command line, the environment, a file of settings or secrets is wrong.
    Usage = 2,
    /// An address cannot be reached or listened on.
    Connection = 3,
    /// What was asked for is not there.
    NotFound = 4,
    /// Somebody else holds it.
    Conflict = 5,
}

impl Report {
    /// A report of `what`.
    #[must_use]
    pub fn new(exit_code: ExitCode, what: impl Into<String>) -> Report {
        Report {
            what: what.into(),
            cause: None,
            hint: None,
            exit_code,
        }
    }

    /// The same, with why.
    #[must_use]
    pub fn cause(mut self, cause: impl ToString) -> Report {
        self.cause = Some(cause.to_string());
        self
    }

    /// The same, with what to do.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Report {
        self.hint = Some(hint.into());
        self
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error: {}", self.what)?;
        if let Some(cause) = &self.cause {
            write!(f, "\n  cause: {cause}")?;
        }
        if let Some(hint) = &self.hint {
            write!(f, "\n  hint:  {hint}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Report {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn report_reads_as_documented() {
        let report = Report::new(ExitCode::Conflict, "cannot open data dir ./data/n1")
            .cause("locked by kv-node pid 4121")
            .hint("stop that process, or use --data-dir");
        assert_eq!(
            report.to_string(),
            "error: cannot open data dir ./data/n1\n  cause: locked by kv-node pid 4121\n  \
             hint:  stop that process, or use --data-dir"
        );
        let bare = Report::new(ExitCode::Failure, "no");
        assert_eq!(bare.to_string(), "error: no");
    }
}
