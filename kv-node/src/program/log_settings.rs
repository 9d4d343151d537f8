//! What is logged, and how.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

use crate::report::{ExitCode, Report};

/// What is logged, and how. Logs go to stderr.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Logs")]
pub struct LogSettings {
    /// What to log: error, warn, info, debug, trace, or a filter like `info,kv_node=debug`
    #[arg(long, env = "KV_LOG", value_name = "FILTER", default_value = "info")]
    pub log: String,

    /// How to log it
    #[arg(long, env = "KV_LOG_FORMAT", value_name = "FORMAT", value_enum, default_value_t = LogFormat::Text)]
    pub log_format: LogFormat,
}

/// How a line of the log looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// For programs.
    Json,
}

impl LogSettings {
    /// Logs from now on.
    ///
    /// # Errors
    /// If the filter is none, or something logs already.
    pub fn start(&self) -> Result<(), Report> {
        let filter = EnvFilter::try_new(&self.log).map_err(|error| {
            Report::new(ExitCode::Usage, format!("cannot log `{}`", self.log))
                .cause(error)
                .hint("use a filter like `info` or `info,kv_node=debug` with --log")
        })?;
        let builder = tracing_subscriber::fmt()
            .with_env_filter(filter)
            .with_writer(std::io::stderr);
        let result = match self.log_format {
            LogFormat::Text => builder
                .with_ansi(std::io::stderr().is_terminal())
                .try_init(),
            LogFormat::Json => builder.json().try_init(),
        };
        result.map_err(|error| Report::new(ExitCode::Failure, "cannot log").cause(error))
    }
}
