//! Ends connections whose time is over.
//!
//! One task looks at all connections every now and then. So a read or a write costs no timer; a
//! timeout is late by at most the time between two sweeps.

use std::time::Duration;

use super::clients::{Client, Clients, CloseReason, Phase};
use super::settings::ServerSettings;

/// The time a client has to take its last replies and to close.
const FINISH_MS_MAX: u64 = 5000;

/// The timeouts, in milliseconds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Timeouts {
    /// `None`: never.
    idle_ms: Option<u64>,
    partial_ms: u64,
    unread_ms: u64,
}

impl Timeouts {
    pub(crate) fn new(settings: &ServerSettings) -> Timeouts {
        Timeouts {
            idle_ms: Some(settings.idle_timeout.as_ms()).filter(|ms| *ms > 0),
            partial_ms: settings.partial_frame_timeout.as_ms(),
            unread_ms: settings.unread_output_timeout.as_ms(),
        }
    }

    /// How long to wait between two sweeps: a quarter of the shortest timeout, at most a second.
    pub(crate) fn sweep_interval(&self) -> Duration {
        let shortest = [self.partial_ms, self.unread_ms]
            .into_iter()
            .chain(self.idle_ms)
            .min()
            .unwrap_or(u64::MAX);
        Duration::from_millis((shortest / 4).clamp(1, 1000))
    }

    /// Ends every connection whose time is over.
    pub(crate) fn sweep(&self, clients: &Clients, now_ms: u64) {
        clients.for_each(|client| self.look_at(client, now_ms));
    }

    fn look_at(&self, client: &Client, now_ms: u64) {
        let (phase, since_ms) = client.phase();
        let elapsed_ms = now_ms.saturating_sub(since_ms);
        match phase {
            Phase::Idle if self.idle_ms.is_some_and(|max| elapsed_ms >= max) => {
                client.ask_to_close(CloseReason::Idle);
            }
            Phase::Partial if elapsed_ms >= self.partial_ms => {
                client.ask_to_close(CloseReason::Partial);
            }
            Phase::Stalled if elapsed_ms >= self.unread_ms => {
                client.ask_to_close(CloseReason::Unread);
                client.cut_off();
            }
            Phase::Finishing if elapsed_ms >= FINISH_MS_MAX.min(self.unread_ms) => {
                client.cut_off();
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIMEOUTS: Timeouts = Timeouts {
        idle_ms: Some(300),
        partial_ms: 10,
        unread_ms: 20,
    };

    fn after(phase: Phase, elapsed_ms: u64) -> (Option<CloseReason>, bool) {
        let clients = Clients::new(1, 1024);
        let address = ([127, 0, 0, 1], 1).into();
        let admission = clients.admit(address, address, 0).unwrap();
        admission.client().set_phase(phase, 1000);
        TIMEOUTS.sweep(&clients, 1000 + elapsed_ms);
        (
            admission.client().close_asked(),
            admission.client().is_cut_off(),
        )
    }

    #[test]
    fn each_phase_has_its_own_timeout() {
        assert_eq!(after(Phase::Busy, 1 << 40), (None, false));
        assert_eq!(after(Phase::Idle, 299), (None, false));
        assert_eq!(after(Phase::Idle, 300), (Some(CloseReason::Idle), false));
        assert_eq!(after(Phase::Partial, 9), (None, false));
        assert_eq!(
            after(Phase::Partial, 10),
            (Some(CloseReason::Partial), false)
        );
        assert_eq!(after(Phase::Stalled, 19), (None, false));
        assert_eq!(after(Phase::Stalled, 20), (Some(CloseReason::Unread), true));
        assert_eq!(after(Phase::Finishing, 20), (None, true));
    }

    #[test]
    fn idle_timeout_of_zero_is_never() {
        let settings = ServerSettings {
            idle_timeout: crate::config::Period::seconds(0),
            ..ServerSettings::default()
        };
        assert_eq!(Timeouts::new(&settings).idle_ms, None);
    }

    #[test]
    fn sweeps_come_often_enough_for_the_shortest_timeout() {
        assert_eq!(TIMEOUTS.sweep_interval(), Duration::from_millis(2));
    }
}
