//! The command line of the kv store.

mod app;
mod args;
mod commands;
mod completions;
mod duration;
mod export;
mod failure;
mod hits;
mod import;
mod output;
mod pretty;
mod progress;
mod record;
mod repl;
mod table;
mod value_arg;
mod wal_dump;

use std::io::{IsTerminal, Write};
use std::process::ExitCode;

use clap::{CommandFactory, Parser};
use tokio::runtime::{Builder, Runtime};

use app::App;
use args::{Cli, Command};
use failure::Failure;

/// As a shell reports a program that Ctrl-C ended.
const EXIT_INTERRUPTED: u8 = 130;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let json = cli.global.json;
    start(cli).unwrap_or_else(|failure| failure.report(json))
}

fn start(cli: Cli) -> Result<ExitCode, Failure> {
    let runtime = runtime()?;
    let result = match cli.command {
        None if !std::io::stdin().is_terminal() => {
            // There is nowhere to say that stderr is closed.
            let _ = write!(
                anstream::stderr(),
                "{}",
                Cli::command().render_help().ansi()
            );
            Ok(ExitCode::from(2))
        }
        None | Some(Command::Repl) => repl::run(&runtime, App::new(cli.global)?),
        Some(command) => {
            let mut app = App::new(cli.global)?;
            runtime.block_on(run(&mut app, command))
        }
    };
    runtime.shutdown_background();
    result
}

/// A thread of its own serves connections while a session waits for the next line.
fn runtime() -> Result<Runtime, Failure> {
    Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .map_err(|error| Failure::Other {
            what: "cannot start".to_owned(),
            cause: Some(error.to_string()),
            hint: None,
        })
}

async fn run(app: &mut App, command: Command) -> Result<ExitCode, Failure> {
    tokio::select! {
        ran = commands::run(app, command) => ran.map(|()| ExitCode::SUCCESS),
        _ = tokio::signal::ctrl_c() => Ok(ExitCode::from(EXIT_INTERRUPTED)),
    }
}
