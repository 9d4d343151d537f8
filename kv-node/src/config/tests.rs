use clap::Parser;

use super::*;

#[derive(Debug, Parser, PartialEq)]
#[command(name = "test")]
struct Settings {
    /// No environment variable: tests run in parallel in one process.
    #[arg(long, default_value = "10s")]
    wait: Period,
    /// Set by `CARGO_PKG_NAME`, which cargo gives to every test process.
    #[arg(long, env = "CARGO_PKG_NAME", default_value = "default")]
    name: String,
    #[arg(long, num_args = 0..=1, require_equals = true, default_value_t = false,
          default_missing_value = "true", action = ArgAction::Set)]
    debug: bool,
    #[arg(long)]
    member: Vec<String>,
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=9))]
    few: Option<u16>,
    #[arg(long)]
    config: Option<PathBuf>,
}

fn file(text: &str) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), text).unwrap();
    file
}

fn load_with(text: &str, extra: &[&str]) -> Result<Loaded<Settings>, ConfigError> {
    let file = file(text);
    let path = file.path().to_str().unwrap();
    load(
        ["test", "--config", path]
            .into_iter()
            .chain(extra.iter().copied()),
    )
}

#[test]
fn flag_goes_before_environment_before_file_before_default() {
    let loaded = load_with("wait = '1m'\nname = 'file'", &[])
        .unwrap()
        .settings;
    assert_eq!(loaded.wait, Period::seconds(60), "file before default");
    assert_eq!(loaded.name, "kv-node", "environment before file");
    let loaded = load_with("name = 'file'", &["--name", "flag"]).unwrap();
    assert_eq!(loaded.settings.name, "flag", "flag before environment");
    assert_eq!(loaded.settings.wait, Period::seconds(10), "default last");
}

#[test]
fn every_kind_of_value_can_stand_in_a_file() {
    let text = "debug = true\nmember = ['a', 'b']\nfew = 7";
    let settings = load_with(text, &[]).unwrap().settings;
    assert!(settings.debug);
    assert_eq!(settings.member, ["a", "b"]);
    assert_eq!(settings.few, Some(7));
    let settings = load_with(text, &["--debug=false", "--member", "c"]).unwrap();
    assert!(!settings.settings.debug);
    assert_eq!(settings.settings.member, ["c"]);
}

#[test]
fn unknown_key_is_refused_with_the_name_it_might_be() {
    let error = load_with("Wait = 3", &[]).unwrap_err();
    let ConfigError::UnknownKey { key, similar, .. } = error else {
        panic!("{error:?}");
    };
    assert_eq!((key.as_str(), similar.as_deref()), ("Wait", Some("wait")));
    assert!(matches!(
        load_with("config = 'other'", &[]),
        Err(ConfigError::UnknownKey { .. })
    ));
}

#[test]
fn bad_value_in_a_file_names_file_and_key() {
    for (text, key) in [
        ("wait = '5 parsecs'", "wait"),
        ("few = 10", "few"),
        ("few = 1\nwait = 1979-05-27", "wait"),
        ("[wait]\nx = 1", "wait"),
    ] {
        let error = load_with(text, &[]).unwrap_err();
        let ConfigError::BadValue { key: found, .. } = &error else {
            panic!("{error:?}");
        };
        assert_eq!(found, key);
        assert!(error.to_string().contains("bad value for"), "{error}");
    }
}

#[test]
fn missing_file_and_bad_toml_are_told_apart() {
    let error = load::<Settings, _>(["test", "--config", "/nonexistent/kv.toml"]).unwrap_err();
    assert!(matches!(error, ConfigError::Unreadable { .. }));
    let error = load_with("wait =", &[]).unwrap_err();
    assert!(matches!(error, ConfigError::NotToml { .. }));
}

#[test]
fn printed_settings_load_as_the_same_settings() {
    let text = "wait = '90s'\ndebug = true\nmember = ['a', 'b']";
    let loaded = load_with(text, &["--name", "flag"]).unwrap();
    assert!(loaded.printed.contains("wait = \"90s\"  # file\n"));
    assert!(loaded.printed.contains("name = \"flag\"  # flag\n"));
    assert!(loaded.printed.contains("# few is not set\n"));
    let mut again = load_with(&loaded.printed, &["--name", "flag"]).unwrap();
    again.settings.config = loaded.settings.config.clone();
    assert_eq!(again.settings, loaded.settings);
}
