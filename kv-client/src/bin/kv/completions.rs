//! Scripts that complete `kv` in a shell.

use clap::CommandFactory;
use clap_complete::{Shell, generate};

use crate::app::App;
use crate::args::Cli;
use crate::failure::Failure;

/// Prints the script.
///
/// # Errors
/// If it cannot be printed.
pub(crate) fn print(app: &mut App, shell: Shell) -> Result<(), Failure> {
    let mut script = Vec::new();
    generate(shell, &mut Cli::command(), "kv", &mut script);
    app.output.raw(&script)
}
