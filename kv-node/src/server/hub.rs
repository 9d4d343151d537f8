//! What all connections of a server share.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use kv_proto::{ErrorCode, ErrorReply, Limits, WireLimits, resp};

use super::auth::Gate;
use super::clients::Clients;
use super::clock::Clock;
use super::metrics::Metrics;
use super::pubsub::PubSub;
use super::settings::ServerSettings;
use crate::secret::Secret;

/// What all connections share, but for the backend.
#[derive(Debug)]
pub(crate) struct Hub {
    pub(crate) settings: ServerSettings,
    /// What a command may ask of the data.
    pub(crate) limits: Limits,
    pub(crate) gate: Gate,
    pub(crate) clients: Arc<Clients>,
    pub(crate) pubsub: PubSub,
    pub(crate) metrics: Metrics,
    pub(crate) clock: Arc<Clock>,
    /// Where clients connect.
    pub(crate) listen: SocketAddr,
}

impl Hub {
    pub(crate) fn new(
        settings: ServerSettings,
        password: Option<Secret>,
        listen: SocketAddr,
    ) -> Hub {
        let inbox_bytes_max = settings.unread_output_bytes_max.as_usize();
        Hub {
            limits: settings.limits(),
            gate: Gate::new(password),
            clients: Clients::new(settings.connections_max, inbox_bytes_max),
            pubsub: PubSub::default(),
            metrics: Metrics::new(settings.io_threads, resp::commands().len()),
            clock: Arc::new(Clock::start()),
            listen,
            settings,
        }
    }

    /// What a peer may send in one piece.
    pub(crate) fn wire_limits(&self, is_authenticated: bool) -> WireLimits {
        if !is_authenticated {
            return WireLimits::before_auth();
        }
        let frame_bytes_max = self.settings.frame_bytes_max.as_usize();
        WireLimits {
            frame_bytes_max,
            request_bytes_max: frame_bytes_max,
            ..WireLimits::default()
        }
    }

    /// Checks who a client is, after the delay that its wrong guesses earned it.
    pub(crate) async fn check_password(
        &self,
        source: IpAddr,
        user: Option<&[u8]>,
        password: &[u8],
    ) -> Result<(), ErrorReply> {
        self.gate.check(source, user, password, &self.clock).await
    }

    /// Whether requests may ask for faults.
    pub(crate) fn check_faults_allowed(&self) -> Result<(), ErrorReply> {
        match self.settings.debug_faults {
            true => Ok(()),
            false => Err(ErrorReply::new(
                ErrorCode::Err,
                "faults are refused: the server was not started with --debug-faults",
            )),
        }
    }
}
