//! What the person at the terminal wants: keys, and Ctrl-C.
//!
//! On a terminal, keys are read one by one and not echoed; the terminal is as before when
//! [`Keys`] ends.

use std::io::{IsTerminal, Read, stdin};
use std::sync::mpsc::{self, Receiver, Sender};

use anyhow::Result;
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

/// What came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Event {
    /// SIGINT or SIGTERM.
    Stop,
    /// A key.
    Key(u8),
}

/// Listens to signals and, on a terminal, to keys.
pub(super) struct Keys {
    events: Receiver<Event>,
    before: Option<Termios>,
}

impl Keys {
    pub(super) fn listen() -> Result<Keys> {
        let (sender, events) = mpsc::channel();
        listen_to_signals(sender.clone())?;
        let before = match stdin().is_terminal() {
            true => take_over(),
            false => None,
        };
        if before.is_some() {
            std::thread::spawn(move || listen_to_keys(&sender));
        }
        Ok(Keys { events, before })
    }

    pub(super) fn events(&self) -> &Receiver<Event> {
        &self.events
    }
}

impl Drop for Keys {
    fn drop(&mut self) {
        if let Some(before) = &self.before {
            // A terminal that is gone needs nothing.
            let _ = tcsetattr(stdin(), OptionalActions::Now, before);
        }
    }
}

/// Makes the terminal give keys at once; returns how it was.
fn take_over() -> Option<Termios> {
    let before = tcgetattr(stdin()).ok()?;
    let mut modes = before.clone();
    modes
        .local_modes
        .remove(LocalModes::ICANON | LocalModes::ECHO);
    tcsetattr(stdin(), OptionalActions::Now, &modes).ok()?;
    Some(before)
}

fn listen_to_signals(sender: Sender<Event>) -> Result<()> {
    let mut signals = Signals::new([SIGINT, SIGTERM])?;
    std::thread::spawn(move || {
        for _ in signals.forever() {
            // The receiver lives as long as the process.
            let _ = sender.send(Event::Stop);
        }
    });
    Ok(())
}

fn listen_to_keys(sender: &Sender<Event>) {
    let mut byte = [0];
    while let Ok(1) = stdin().lock().read(&mut byte) {
        if sender.send(Event::Key(byte[0])).is_err() {
            return;
        }
    }
}
