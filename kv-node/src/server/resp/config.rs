//! CONFIG: settings as Redis names them.
//!
//! Settings come from the command line, the environment and the file, and hold until the process
//! ends. `CONFIG SET` succeeds only if it changes nothing; many clients ask for what is so anyway.

use bytes::Bytes;
use kv_proto::glob;
use kv_proto::reply::Reply;
use kv_proto::resp::ConfigCommand;

use super::Peer;
use crate::backend::Backend;
use crate::server::hub::Hub;
use crate::status::Status;

impl<B: Backend> Peer<B> {
    pub(super) fn config(&self, command: ConfigCommand) -> Reply {
        match command {
            ConfigCommand::Get(patterns) => get(&self.parameters(), &patterns),
            ConfigCommand::Set(settings) => set(&self.parameters(), &settings),
            ConfigCommand::ResetStat => {
                self.hub.metrics.reset();
                Reply::Ok
            }
            ConfigCommand::Rewrite => Reply::err("The server is running without a config file"),
            _ => Reply::err("not supported"),
        }
    }

    fn parameters(&self) -> Vec<(&'static str, String)> {
        parameters(&self.hub, &self.backend.status())
    }
}

fn parameters(hub: &Hub, status: &Status) -> Vec<(&'static str, String)> {
    let settings = &hub.settings;
    let appendfsync = match status.wal.sync {
        "interval" => "everysec",
        "never" => "no",
        _ => "always",
    };
    vec![
        ("appendfsync", appendfsync.into()),
        ("appendonly", "yes".into()),
        ("bind", hub.listen.ip().to_string()),
        ("databases", "1".into()),
        ("io-threads", settings.io_threads.to_string()),
        ("maxclients", settings.connections_max.to_string()),
        ("maxmemory", status.memory_bytes_max.to_string()),
        ("maxmemory-policy", "noeviction".into()),
        ("notify-keyspace-events", String::new()),
        ("port", hub.listen.port().to_string()),
        ("proto-max-bulk-len", settings.value_bytes_max.0.to_string()),
        ("save", String::new()),
        ("tcp-keepalive", "300".into()),
        (
            "timeout",
            (settings.idle_timeout.as_ms() / 1000).to_string(),
        ),
    ]
}

fn get(parameters: &[(&'static str, String)], patterns: &[Bytes]) -> Reply {
    let is_wanted = |name: &str| {
        let name = name.as_bytes();
        patterns.iter().any(|pattern| glob::matches(pattern, name))
    };
    let found = parameters.iter().filter(|(name, _)| is_wanted(name));
    Reply::Map(
        found
            .map(|(name, value)| (Reply::text(name), Reply::Bytes(value.clone().into())))
            .collect(),
    )
}

fn set(parameters: &[(&'static str, String)], settings: &[(Bytes, Bytes)]) -> Reply {
    for (name, value) in settings {
        let known = parameters
            .iter()
            .find(|(known, _)| known.as_bytes() == name.as_ref());
        let Some((name, current)) = known else {
            let name = String::from_utf8_lossy(name);
            return Reply::err(format!(
                "Unknown option or number of arguments for CONFIG SET - '{name}'"
            ));
        };
        if !current.as_bytes().eq_ignore_ascii_case(value) {
            return Reply::err(format!(
                "CONFIG SET failed (possibly related to argument '{name}') - can't set immutable \
                 config: it is set by flag, environment or file when the server starts"
            ));
        }
    }
    Reply::Ok
}
