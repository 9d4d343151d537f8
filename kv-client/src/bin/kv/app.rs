//! What every command needs: a client, and where to print.

use std::io::Write as _;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use kv_client::{Client, Config, Password, Position};

use crate::args::Global;
use crate::failure::Failure;
use crate::output::Output;
use crate::value_arg::read_all;

/// See the module.
pub(crate) struct App {
    pub(crate) client: Client,
    pub(crate) output: Output,
    pub(crate) global: Global,
}

impl App {
    /// Connects only when something is asked.
    ///
    /// # Errors
    /// If the options make no sense or the password cannot be read.
    pub(crate) fn new(global: Global) -> Result<App, Failure> {
        let client = Client::lazy(config(&global)?).map_err(usage)?;
        let client = with_fault(client, &global)?;
        Ok(App {
            client: match global.stale {
                true => client.stale(),
                false => client,
            },
            output: Output::new(&global),
            global,
        })
    }

    /// A client of its own for one of the servers.
    ///
    /// # Errors
    /// As [`App::new`].
    pub(crate) fn client_of(&self, addr: &str) -> Result<Client, Failure> {
        let mut config = config(&self.global)?;
        config.addrs = vec![addr.to_owned()];
        Client::lazy(config).map_err(usage)
    }

    /// Says on stderr how old stale reads were, to who wants to know.
    pub(crate) fn tell_position(&self) {
        if !self.global.stale || self.output.is_quiet() || self.output.is_json() {
            return;
        }
        if let Some(Position { applied, age_ms }) = self.client.position() {
            let age = match age_ms {
                Position::AGE_UNKNOWN => "of unknown age".to_owned(),
                age_ms => format!("{age_ms} ms old"),
            };
            // There is nowhere to say that stderr is closed.
            let _ = writeln!(anstream::stderr(), "stale: as of write {applied}, {age}");
        }
    }

    /// The servers that were named.
    pub(crate) fn addrs(&self) -> Vec<String> {
        Config::new(&self.global.connect).addrs
    }
}

fn usage(error: kv_client::Error) -> Failure {
    Failure::Usage(error.to_string())
}

fn config(global: &Global) -> Result<Config, Failure> {
    let mut config = Config::new(&global.connect);
    config.request_timeout = global.timeout;
    config.connect_timeout = config.connect_timeout.min(global.timeout);
    config.connect_attempts_max = 1; // someone is waiting, and can try again
    config.connection_count_max = 1;
    config.password = global.password_file.as_deref().map(password).transpose()?;
    Ok(config)
}

fn with_fault(client: Client, global: &Global) -> Result<Client, Failure> {
    match global.debug_fault {
        None => Ok(client),
        Some(chance) if (0.0..=1.0).contains(&chance) => Ok(client.with_fault(chance)),
        Some(chance) => Err(Failure::Usage(format!(
            "--debug-fault is 0 to 1, not {chance}"
        ))),
    }
}

fn password(path: &Path) -> Result<Password, Failure> {
    let metadata = path
        .metadata()
        .map_err(|error| Failure::file("read", path, error))?;
    let mode = metadata.permissions().mode() & 0o777;
    if metadata.is_file() && mode & 0o077 != 0 {
        return Err(Failure::Other {
            what: format!("password file {} can be read by others", path.display()),
            cause: Some(format!("its mode is {mode:o}")),
            hint: Some(format!("chmod 600 {}", path.display())),
        });
    }
    match String::from_utf8(read_all(path)?) {
        Ok(text) => Ok(Password::from(text.trim_end_matches(['\r', '\n']))),
        Err(_) => Err(Failure::Usage(format!(
            "password in {} is not text",
            path.display()
        ))),
    }
}
