//! Settings from flags, environment, file and defaults, in that order of precedence.
//!
//! Each binary declares its settings once, as a `clap` parser. A TOML file named by `--config` may
//! set every one of them: its keys are the long flag names. So a setting has one name, one parser,
//! one set of bounds and one line of documentation, wherever its value comes from.
//!
//! 1. A key that is no setting is an error, never ignored.
//! 2. A bad value in the file is reported as such, with the file's name and the key.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Command, CommandFactory, FromArgMatches};

mod units;

#[cfg(test)]
mod tests;

pub use units::{ByteSize, Period, UnitError};

/// Where the settings come from; flatten it into each binary's parser.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct ConfigArgs {
    /// TOML file with settings; its keys are the long flag names
    #[arg(long, env = "KV_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Print every setting, its value and where that came from, as a config file; then exit
    #[arg(long)]
    pub print_config: bool,
}

/// Settings, and how they read as a config file.
#[derive(Debug)]
pub struct Loaded<T> {
    /// The settings.
    pub settings: T,
    /// What `--print-config` prints.
    pub printed: String,
}

/// Why there are no settings.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The command line or the environment is wrong, or asks for help.
    #[error(transparent)]
    Usage(#[from] clap::Error),
    /// The file cannot be read.
    #[error("cannot read {path}: {source}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is not TOML.
    #[error("{path} is not TOML: {source}")]
    NotToml {
        /// The file.
        path: PathBuf,
        /// Where and why.
        source: Box<toml::de::Error>,
    },
    /// The file has a key that is no setting.
    #[error("{path}: unknown setting `{key}`")]
    UnknownKey {
        /// The file.
        path: PathBuf,
        /// The key.
        key: String,
        /// A setting with a similar name.
        similar: Option<String>,
    },
    /// The file gives a setting a value it cannot have.
    #[error("{path}: bad value for `{key}`: {cause}")]
    BadValue {
        /// The file.
        path: PathBuf,
        /// The setting.
        key: String,
        /// Why.
        cause: String,
    },
}

/// Reads the settings of a binary from `args` (the program's name first), the environment and the
/// file that either of them names.
///
/// # Errors
/// If any of them is wrong; also [`ConfigError::Usage`] for `--help` and `--version`.
pub fn load<T, I>(args: I) -> Result<Loaded<T>, ConfigError>
where
    T: CommandFactory + FromArgMatches,
    I: IntoIterator,
    I::Item: Into<OsString>,
{
    let args: Vec<OsString> = args.into_iter().map(Into::into).collect();
    let mut command = T::command();
    let mut matches = command.clone().try_get_matches_from(&args)?;
    let mut from_file = Vec::new();
    if let Some(path) = matches.get_one::<PathBuf>("config").cloned() {
        from_file = read_file(&path, &command)?;
        for (key, values) in &from_file {
            command = with_default(command, key, values);
            command
                .clone()
                .try_get_matches_from(&args)
                .map_err(|error| bad_value(&path, key, &error))?;
        }
        matches = command.clone().try_get_matches_from(&args)?;
    }
    let printed = print(&command, &matches, &from_file);
    let settings = T::from_arg_matches(&matches)?;
    Ok(Loaded { settings, printed })
}

/// Settings of a file as (flag name, values as on the command line).
type FileSettings = Vec<(String, Vec<String>)>;

fn read_file(path: &Path, command: &Command) -> Result<FileSettings, ConfigError> {
    let text = std::fs::read_to_string(path).map_err(|source| ConfigError::Unreadable {
        path: path.into(),
        source,
    })?;
    let table: toml::Table = toml::from_str(&text).map_err(|source| ConfigError::NotToml {
        path: path.into(),
        source: Box::new(source),
    })?;
    table
        .into_iter()
        .map(|(key, value)| file_setting(path, command, key, value))
        .collect()
}

fn file_setting(
    path: &Path,
    command: &Command,
    key: String,
    value: toml::Value,
) -> Result<(String, Vec<String>), ConfigError> {
    if !file_keys(command).any(|known| known == key) {
        return Err(ConfigError::UnknownKey {
            path: path.into(),
            similar: similar_key(command, &key),
            key,
        });
    }
    match value_texts(value) {
        Some(values) => Ok((key, values)),
        None => Err(ConfigError::BadValue {
            path: path.into(),
            key,
            cause: "must be a string, a number, true or false, or a list of those".into(),
        }),
    }
}

/// Names of the settings a file may hold: all that take a value, but not `config` itself.
fn file_keys(command: &Command) -> impl Iterator<Item = &str> {
    command
        .get_arguments()
        .filter(|arg| is_setting(arg))
        .filter_map(Arg::get_long)
}

fn is_setting(arg: &Arg) -> bool {
    let takes_value = matches!(arg.get_action(), ArgAction::Set | ArgAction::Append);
    takes_value && arg.get_id() != "config"
}

fn similar_key(command: &Command, key: &str) -> Option<String> {
    let normal = |name: &str| name.to_lowercase().replace('_', "-");
    let wanted = normal(key);
    file_keys(command)
        .find(|known| *known == wanted || known.starts_with(&wanted) || wanted.starts_with(known))
        .map(str::to_owned)
}

fn value_texts(value: toml::Value) -> Option<Vec<String>> {
    match value {
        toml::Value::Array(items) => items.into_iter().map(scalar_text).collect(),
        scalar => Some(vec![scalar_text(scalar)?]),
    }
}

fn scalar_text(value: toml::Value) -> Option<String> {
    match value {
        toml::Value::String(text) => Some(text),
        toml::Value::Integer(number) => Some(number.to_string()),
        toml::Value::Float(number) => Some(number.to_string()),
        toml::Value::Boolean(truth) => Some(truth.to_string()),
        _ => None,
    }
}

/// The file's value takes the place of the built-in default: below flag and environment.
fn with_default(command: Command, key: &str, values: &[String]) -> Command {
    let id = command
        .get_arguments()
        .find(|arg| arg.get_long() == Some(key))
        .map(|arg| arg.get_id().clone());
    let Some(id) = id else { return command };
    let values = values.to_vec();
    command.mut_arg(id, |arg| arg.default_values(values))
}

fn bad_value(path: &Path, key: &str, error: &clap::Error) -> ConfigError {
    let text = error.to_string();
    let cause = text.lines().next().unwrap_or_default();
    ConfigError::BadValue {
        path: path.into(),
        key: key.into(),
        cause: cause.trim_start_matches("error: ").into(),
    }
}

fn print(command: &Command, matches: &ArgMatches, from_file: &FileSettings) -> String {
    let mut printed = String::new();
    for arg in command.get_arguments().filter(|arg| is_setting(arg)) {
        let Some(key) = arg.get_long() else { continue };
        let id = arg.get_id().as_str();
        let values = matches.get_raw(id).map(|raw| {
            raw.map(|value| value.to_string_lossy().into_owned())
                .collect::<Vec<_>>()
        });
        let source = match matches.value_source(id) {
            Some(ValueSource::CommandLine) => "flag",
            Some(ValueSource::EnvVariable) => "environment",
            _ if from_file.iter().any(|(set, _)| set == key) => "file",
            _ => "default",
        };
        let line = match values {
            Some(values) => format!("{key} = {}  # {source}\n", toml_text(&values)),
            None => format!("# {key} is not set\n"),
        };
        printed.push_str(&line);
    }
    printed
}

fn toml_text(values: &[String]) -> String {
    match values {
        [value] => toml::Value::String(value.clone()).to_string(),
        values => toml::Value::from(values.to_vec()).to_string(),
    }
}
