//! A progress bar on a terminal; nothing anywhere else.

use std::io::{IsTerminal, Write};

use indicatif::{ProgressBar, ProgressStyle};

use crate::output::Output;

const FILE: &str = "{msg} {wide_bar} {bytes}/{total_bytes} {bytes_per_sec} {eta}";
const PIPE: &str = "{msg} {spinner} {bytes} {bytes_per_sec}";
const KEYS: &str = "{msg} {wide_bar} {human_pos}/{human_len} keys {per_sec} {eta}";

/// How far it is, on stderr.
pub(crate) struct Progress(ProgressBar);

impl Progress {
    /// Of a file whose length may be known.
    pub(crate) fn bytes(output: &Output, total: Option<u64>, doing: &'static str) -> Progress {
        let template = if total.is_some() { FILE } else { PIPE };
        Progress::new(output, total, doing, template)
    }

    /// Of keys, about how many.
    pub(crate) fn keys(output: &Output, total: u64, doing: &'static str) -> Progress {
        Progress::new(output, Some(total), doing, KEYS)
    }

    fn new(
        output: &Output,
        total: Option<u64>,
        doing: &'static str,
        template: &'static str,
    ) -> Progress {
        if output.is_quiet() || output.is_json() || !std::io::stderr().is_terminal() {
            return Progress(ProgressBar::hidden());
        }
        let bar = total.map_or_else(ProgressBar::new_spinner, ProgressBar::new);
        let style = ProgressStyle::with_template(template);
        bar.set_style(style.expect("the template is a constant, tested below"));
        bar.set_message(doing);
        Progress(bar)
    }

    pub(crate) fn set(&self, position: u64) {
        self.0.set_position(position);
    }

    /// A line on stderr, above the bar if there is one.
    pub(crate) fn println(&self, line: &str) {
        // There is nowhere to say that stderr is closed.
        let _ = self.0.suspend(|| writeln!(anstream::stderr(), "{line}"));
    }

    pub(crate) fn finish(&self) {
        self.0.finish_and_clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_are_sound() {
        for template in [FILE, PIPE, KEYS] {
            assert!(ProgressStyle::with_template(template).is_ok(), "{template}");
        }
    }
}
