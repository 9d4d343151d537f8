//! How far a measurement is: a bar on a terminal, nothing elsewhere.

use std::io::IsTerminal;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::load::Phase;
use crate::text::count;

const STEPS: u64 = 1_000;

/// A line on stderr that says how far things are. Dropped, it disappears.
#[derive(Debug)]
pub struct Progress {
    bar: ProgressBar,
}

impl Progress {
    /// Draws on stderr if that is a terminal.
    #[must_use]
    pub fn new() -> Progress {
        let target = if std::io::stderr().is_terminal() {
            ProgressDrawTarget::stderr()
        } else {
            ProgressDrawTarget::hidden()
        };
        let bar = ProgressBar::with_draw_target(Some(STEPS), target);
        let style = ProgressStyle::with_template("{prefix:>10} [{bar:30}] {percent:>3} % {msg}")
            .expect("constant template: valid");
        bar.set_style(style.progress_chars("=> "));
        Progress { bar }
    }

    /// Shows where a load is.
    pub fn show(&self, phase: Phase, answered: u64, done: f64) {
        self.bar.set_prefix(match phase {
            Phase::Preload => "preload",
            Phase::WarmUp => "warm-up",
            Phase::Record => "load",
        });
        #[expect(clippy::cast_precision_loss, reason = "shown to people")]
        self.bar
            .set_message(format!("{} answers", count(answered as f64)));
        self.set(done);
    }

    /// Shows what is being done, and which share of the whole is behind.
    pub fn show_step(&self, what: &str, done: f64) {
        self.bar.set_prefix("compare");
        self.bar.set_message(what.to_owned());
        self.set(done);
    }

    /// Prints a line above the bar, on a terminal or not.
    pub fn note(&self, line: &str) {
        if self.bar.is_hidden() {
            use std::io::Write;
            // A closed stderr is no reason to stop measuring.
            let _ = writeln!(std::io::stderr(), "{line}");
        } else {
            self.bar.println(line);
        }
    }

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "a share of 1,000 steps"
    )]
    fn set(&self, done: f64) {
        self.bar
            .set_position((done.clamp(0.0, 1.0) * STEPS as f64) as u64);
    }
}

impl Default for Progress {
    fn default() -> Progress {
        Progress::new()
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
