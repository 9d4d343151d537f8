//! Where it is shown how nodes do: a block that is redrawn on a terminal, a line a change without
//! one.

use std::io::{IsTerminal, Write};

/// Stdout.
pub(super) struct Screen {
    on_terminal: bool,
    /// Lines of the block that is shown.
    drawn_count: usize,
    /// What was printed last without a terminal.
    last_line: String,
}

impl Screen {
    pub(super) fn new() -> Screen {
        Screen {
            on_terminal: std::io::stdout().is_terminal(),
            drawn_count: 0,
            last_line: String::new(),
        }
    }

    pub(super) fn is_terminal(&self) -> bool {
        self.on_terminal
    }

    /// Prints a line, if it is another one than the last.
    pub(super) fn print_change(&mut self, line: String) {
        if line != self.last_line {
            println!("{line}");
            self.last_line = line;
        }
    }

    /// Puts a block where the last one was.
    pub(super) fn draw(&mut self, block: &[String]) {
        let mut text = String::new();
        if self.drawn_count > 0 {
            text.push_str(&format!("\x1b[{}A", self.drawn_count));
        }
        for line in block {
            text.push_str(&format!("\x1b[2K{line}\n"));
        }
        // Lines that a longer block left below.
        text.push_str("\x1b[0J");
        self.drawn_count = block.len();
        let mut stdout = std::io::stdout().lock();
        // A terminal that is gone ends us by a signal.
        let _ = stdout
            .write_all(text.as_bytes())
            .and_then(|()| stdout.flush());
    }
}
