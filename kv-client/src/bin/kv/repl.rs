//! The interactive session, and scripts of its lines.
//!
//! A line is a command as on the command line, without `kv`. Errors are shown and the session goes
//! on. Ctrl-C gives up the line or the running command; Ctrl-D ends the session.

mod completer;
mod words;

use std::borrow::Cow;
use std::io::{self, IsTerminal};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use reedline::{
    ColumnarMenu, DefaultHinter, Emacs, FileBackedHistory, KeyCode, KeyModifiers, MenuBuilder,
    Prompt, PromptEditMode, PromptHistorySearch, Reedline, ReedlineEvent, ReedlineMenu, Signal,
    default_emacs_keybindings,
};
use tokio::runtime::Runtime;

use crate::app::App;
use crate::args::Command;
use crate::commands;
use crate::failure::Failure;

use completer::CommandCompleter;
use words::split_words;

const HISTORY_LINES_MAX: usize = 10_000;

/// A line of a session.
#[derive(Debug, Parser)]
#[command(name = "kv", no_binary_name = true, disable_version_flag = true)]
#[command(override_usage = "COMMAND …")]
#[command(after_help = "exit, quit or Ctrl-D ends the session.")]
pub(crate) struct Line {
    #[command(subcommand)]
    command: Command,
}

/// Runs a session on a terminal, or else the lines of stdin.
///
/// # Errors
/// If the terminal or stdin cannot be read.
pub(crate) fn run(runtime: &Runtime, mut app: App) -> Result<ExitCode, Failure> {
    match io::stdin().is_terminal() {
        true => interactive(runtime, &mut app),
        false => script(runtime, &mut app),
    }
}

/// What became of a line.
enum Outcome {
    Done,
    Failed(ExitCode),
    Exit,
}

/// The exit code is that of the last line that failed.
fn script(runtime: &Runtime, app: &mut App) -> Result<ExitCode, Failure> {
    let mut code = ExitCode::SUCCESS;
    for line in io::stdin().lines() {
        let line = line.map_err(|error| Failure::file("read", "-".as_ref(), error))?;
        match run_line(runtime, app, &line) {
            Outcome::Done => {}
            Outcome::Failed(failed) => code = failed,
            Outcome::Exit => break,
        }
    }
    Ok(code)
}

fn interactive(runtime: &Runtime, app: &mut App) -> Result<ExitCode, Failure> {
    let mut editor = editor();
    app.output
        .line("Type help for the commands, Ctrl-D to leave.")?;
    app.output.flush()?;
    loop {
        let prompt = AddrPrompt(app.client.addr().to_string());
        let signal = editor.read_line(&prompt).map_err(|error| Failure::Other {
            what: "cannot read the terminal".to_owned(),
            cause: Some(error.to_string()),
            hint: None,
        })?;
        match signal {
            Signal::Success(line) => {
                if matches!(run_line(runtime, app, &line), Outcome::Exit) {
                    return Ok(ExitCode::SUCCESS);
                }
            }
            Signal::CtrlD => return Ok(ExitCode::SUCCESS),
            _ => {}
        }
    }
}

fn run_line(runtime: &Runtime, app: &mut App, line: &str) -> Outcome {
    let words = match split_words(line) {
        Ok(words) => words,
        Err(reason) => return failed(app, &Failure::Usage(reason)),
    };
    match words.first().map(String::as_str) {
        None => return Outcome::Done,
        Some("exit" | "quit") => return Outcome::Exit,
        Some(word) if word.starts_with('#') => return Outcome::Done,
        Some(_) => {}
    }
    let command = match Line::try_parse_from(&words) {
        Ok(line) => line.command,
        Err(error) => {
            // There is nowhere to say that the terminal is gone.
            let _ = error.print();
            let code = u8::try_from(error.exit_code()).unwrap_or(2);
            return if code == 0 {
                Outcome::Done
            } else {
                Outcome::Failed(code.into())
            };
        }
    };
    match runtime.block_on(until_interrupted(app, command)) {
        Ok(()) => Outcome::Done,
        Err(Failure::OutputClosed) => Outcome::Exit,
        Err(failure) => failed(app, &failure),
    }
}

fn failed(app: &App, failure: &Failure) -> Outcome {
    Outcome::Failed(failure.report(app.global.json))
}

async fn until_interrupted(app: &mut App, command: Command) -> Result<(), Failure> {
    tokio::select! {
        ran = commands::run(app, command) => ran,
        _ = tokio::signal::ctrl_c() => Ok(()),
    }
}

fn editor() -> Reedline {
    const MENU: &str = "completion_menu";
    let mut keys = default_emacs_keybindings();
    let complete = ReedlineEvent::UntilFound(vec![
        ReedlineEvent::Menu(MENU.to_owned()),
        ReedlineEvent::MenuNext,
    ]);
    keys.add_binding(KeyModifiers::NONE, KeyCode::Tab, complete);
    let menu = Box::new(ColumnarMenu::default().with_name(MENU));
    let editor = Reedline::create()
        .with_edit_mode(Box::new(Emacs::new(keys)))
        .with_completer(Box::new(CommandCompleter::default()))
        .with_menu(ReedlineMenu::EngineCompleter(menu))
        .with_quick_completions(true)
        .with_partial_completions(true)
        .with_hinter(Box::new(DefaultHinter::default()));
    match history() {
        Some(history) => editor.with_history(Box::new(history)),
        None => editor,
    }
}

/// None if there is no place for it: a session works without.
fn history() -> Option<FileBackedHistory> {
    let state = std::env::var_os("XDG_STATE_HOME")
        .map(PathBuf::from)
        .filter(|path| path.is_absolute())
        .or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".local/state")))?;
    let directory = state.join("kv");
    create_private(&directory).ok()?;
    FileBackedHistory::with_file(HISTORY_LINES_MAX, directory.join("history.txt")).ok()
}

/// What was typed may be secret.
fn create_private(directory: &std::path::Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(directory)
}

/// The server's address.
struct AddrPrompt(String);

impl Prompt for AddrPrompt {
    fn render_prompt_left(&self) -> Cow<'_, str> {
        Cow::Borrowed(&self.0)
    }

    fn render_prompt_right(&self) -> Cow<'_, str> {
        Cow::Borrowed("")
    }

    fn render_prompt_indicator(&self, _mode: PromptEditMode) -> Cow<'_, str> {
        Cow::Borrowed("> ")
    }

    fn render_prompt_multiline_indicator(&self) -> Cow<'_, str> {
        Cow::Borrowed("… ")
    }

    fn render_prompt_history_search_indicator(&self, search: PromptHistorySearch) -> Cow<'_, str> {
        Cow::Owned(format!("(search: {}) ", search.term))
    }
}
