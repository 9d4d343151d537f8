//! What the server programs have in common: settings, logs, the READY line, signals, exit codes.
//!
//! ```text
//! read settings → bind addresses, admin answers → load data → serve → READY … SIGTERM → finish
//! ```
//!
//! 1. stdout has exactly one line, `READY {json}`, once clients are served. Logs go to stderr.
//! 2. SIGTERM and SIGINT end the program with exit code 0 after everything accepted was answered
//!    and made durable; a second one ends it at once.
//! 3. A failure is told as a [`Report`] and ends the program with the report's exit code.

use std::future::Future;
use std::io::Write;
use std::net::SocketAddr;
use std::process::ExitCode as ProcessExitCode;

use serde::Serialize;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::config::ConfigError;
use crate::report::{ExitCode, Report};
use crate::server::ServerError;
use crate::store::OpenError;

mod descriptors;
mod log_settings;
mod store_settings;

pub use descriptors::raise_descriptor_limit;
pub use log_settings::{LogFormat, LogSettings};
pub use store_settings::{StoreSettings, Sync};

/// What a program says when it serves.
#[derive(Debug, Serialize)]
pub struct Ready {
    /// Where clients connect.
    pub listen: SocketAddr,
    /// Where admin requests are answered.
    pub admin: SocketAddr,
    /// This process.
    pub pid: u32,
    /// `standalone`, `raft` or `masterless`.
    pub mode: &'static str,
    /// The node's number, if it is one of several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node_id: Option<u64>,
}

impl Ready {
    /// Says it. That nobody listens is no failure.
    pub fn say(&self) {
        let json = serde_json::to_string(self).expect("addresses and numbers are always JSON");
        let mut stdout = std::io::stdout().lock();
        let _ = writeln!(stdout, "READY {json}").and_then(|()| stdout.flush());
    }
}

/// SIGTERM and SIGINT.
#[derive(Debug)]
pub struct StopSignals {
    terminate: Signal,
    interrupt: Signal,
}

impl StopSignals {
    /// From now on these signals do not end the process by themselves.
    ///
    /// # Errors
    /// If the system does not let us.
    pub fn listen() -> Result<StopSignals, Report> {
        let listen = |kind| {
            signal(kind).map_err(|error| {
                Report::new(ExitCode::Failure, "cannot listen for signals").cause(error)
            })
        };
        Ok(StopSignals {
            terminate: listen(SignalKind::terminate())?,
            interrupt: listen(SignalKind::interrupt())?,
        })
    }

    /// Returns when one came.
    pub async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// Runs a program to its end, on a runtime of its own.
pub fn run(program: impl Future<Output = Result<(), Report>>) -> ProcessExitCode {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let result = match runtime {
        Ok(runtime) => {
            let result = runtime.block_on(program);
            // What still blocks a thread, as loading data does, is not waited for.
            runtime.shutdown_background();
            result
        }
        Err(error) => Err(Report::new(ExitCode::Failure, "cannot start").cause(error)),
    };
    match result {
        Ok(()) => ProcessExitCode::SUCCESS,
        Err(report) => fail(&report),
    }
}

/// Tells a failure; returns what the process exits with.
#[must_use]
pub fn fail(report: &Report) -> ProcessExitCode {
    let _ = writeln!(std::io::stderr(), "{report}");
    ProcessExitCode::from(report.exit_code as u8)
}

impl From<ServerError> for Report {
    fn from(error: ServerError) -> Report {
        error.report()
    }
}

impl From<OpenError> for Report {
    fn from(error: OpenError) -> Report {
        let exit_code = match error {
            OpenError::Locked { .. } => ExitCode::Conflict,
            _ => ExitCode::Failure,
        };
        let report = Report::new(exit_code, error.what());
        report.cause(&error).hint(error.hint())
    }
}

impl From<ConfigError> for Report {
    fn from(error: ConfigError) -> Report {
        let report = |what: String| Report::new(ExitCode::Usage, what);
        match &error {
            ConfigError::Unreadable { path, source } => {
                report(format!("cannot read the settings in {}", path.display()))
                    .cause(source)
                    .hint("see that the file exists and that you may read it, or drop --config")
            }
            ConfigError::NotToml { path, source } => {
                report(format!("the settings in {} are not TOML", path.display()))
                    .cause(source.to_string().trim_end())
                    .hint("--print-config prints settings as a file may have them")
            }
            ConfigError::UnknownKey { path, key, similar } => {
                let what = format!("the settings in {} cannot be used", path.display());
                let report = report(what).cause(format!("there is no setting `{key}`"));
                match similar {
                    Some(similar) => report.hint(format!("is it `{similar}`?")),
                    None => report.hint("--help lists them: a key is a flag without its dashes"),
                }
            }
            ConfigError::BadValue { path, key, cause } => {
                report(format!("the settings in {} cannot be used", path.display()))
                    .cause(cause)
                    .hint(format!("correct `{key}`; --help says what it may be"))
            }
            ConfigError::Usage(usage) => report("wrong usage".into()).cause(usage),
        }
    }
}
