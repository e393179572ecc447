//! The configuration file: `frontdesk.toml` with one table a profile.
//!
//! ```toml
//! profile = "prod"              # used when --profile names none; without it: "default"
//!
//! [profiles.prod]
//! contract = "gateway"
//! base_url = "https://api.example.mygenesys.com"
//! client_id = "…"
//! ```

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::{KEYS, Origin, Value, base_dir};
use crate::environment::Environment;
use crate::exit::Exit;
use crate::failure::Failure;

/// What was read: a file may be there without the profile `default`.
#[derive(Default)]
pub(super) struct Found {
    pub(super) file: Option<PathBuf>,
    pub(super) profile: Option<Profile>,
}

/// A profile's values by key name.
pub(super) struct Profile {
    file: PathBuf,
    pub(super) name: String,
    values: BTreeMap<String, String>,
}

impl Profile {
    pub(super) fn get(&self, key: &str) -> Option<Value> {
        let text = self.values.get(key)?.clone();
        Some(Value { text, origin: Origin::Profile { file: self.file.clone(), profile: self.name.clone() } })
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    profile: Option<String>,
    #[serde(default)]
    profiles: BTreeMap<String, BTreeMap<String, toml::Value>>,
}

/// Reads the profile, where there is one: `config` must exist, the usual place may be empty.
pub(super) fn read(
    config: Option<&Path>,
    profile: Option<&str>,
    environment: &Environment,
) -> Result<Found, Failure> {
    let usual = || {
        base_dir(environment, "XDG_CONFIG_HOME", ".config").map(|dir| dir.join("frontdesk/frontdesk.toml"))
    };
    let Some(path) = config.map(Path::to_owned).or_else(usual) else {
        return no_file(profile, None);
    };
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if config.is_none() && error.kind() == io::ErrorKind::NotFound => {
            return no_file(profile, Some(&path));
        }
        Err(error) => {
            return Err(unreadable(&path).caused_by(&error).hint("check the path and who may read the file"));
        }
    };
    let file: File = toml::from_str(&text).map_err(|error| {
        // Not the error's own Display: it quotes the line, which may hold a secret.
        let line =
            error.span().map_or(0, |span| text[..span.start.min(text.len())].matches('\n').count() + 1);
        unreadable(&path).hint(format!("line {line}: {}", error.message()))
    })?;
    let name = profile.or(file.profile.as_deref()).unwrap_or("default").to_owned();
    let Some(table) = file.profiles.get(&name) else {
        if profile.is_none() && file.profile.is_none() {
            return Ok(Found { file: Some(path), profile: None });
        }
        let known: Vec<&str> = file.profiles.keys().map(String::as_str).collect();
        return Err(Failure::new(
            Exit::Usage,
            "no_profile",
            format!("{} has no profile {name:?}", path.display()),
        )
        .hint(format!("it has: {}", if known.is_empty() { "none".into() } else { known.join(", ") })));
    };
    let values = values_of(table, &path, &name)?;
    if KEYS.iter().any(|key| key.secret && values.contains_key(key.name)) {
        refuse_if_others_may_read(&path)?;
    }
    let profile = Profile { file: path.clone(), name, values };
    Ok(Found { file: Some(path), profile: Some(profile) })
}

fn no_file(profile: Option<&str>, path: Option<&Path>) -> Result<Found, Failure> {
    let Some(name) = profile else { return Ok(Found::default()) };
    let place = path.map_or_else(
        || "no configuration file".to_owned(),
        |path| format!("{} is not there", path.display()),
    );
    Err(Failure::new(Exit::Usage, "no_profile", format!("there is no profile {name:?}: {place}"))
        .hint("write the file, or name one with --config"))
}

fn values_of(
    table: &BTreeMap<String, toml::Value>,
    path: &Path,
    profile: &str,
) -> Result<BTreeMap<String, String>, Failure> {
    let mut values = BTreeMap::new();
    for (name, value) in table {
        let place = format!("{}, profile {profile}: {name}", path.display());
        if !KEYS.iter().any(|key| key.name == name) {
            let known: Vec<&str> = KEYS.iter().map(|key| key.name).collect();
            return Err(Failure::new(Exit::Usage, "unknown_setting", format!("{place} is not a setting"))
                .hint(format!("settings are: {}", known.join(", "))));
        }
        let text = match value {
            // As with a variable: set to nothing counts as not set.
            toml::Value::String(text) if text.is_empty() => continue,
            toml::Value::String(text) => text.clone(),
            toml::Value::Integer(number) => number.to_string(),
            toml::Value::Float(number) => number.to_string(),
            toml::Value::Boolean(flag) => flag.to_string(),
            // Tables stay one text, as a variable would have them.
            toml::Value::Array(tables) if name == "retention" => {
                serde_json::to_string(tables).map_err(|error| {
                    Failure::new(Exit::Usage, "bad_setting", format!("{place} cannot be understood"))
                        .caused_by(&error)
                })?
            }
            toml::Value::Datetime(_) | toml::Value::Array(_) | toml::Value::Table(_) => {
                return Err(Failure::new(
                    Exit::Usage,
                    "bad_setting",
                    format!("{place} must be text or a number"),
                ));
            }
        };
        values.insert(name.clone(), text);
    }
    Ok(values)
}

fn unreadable(path: &Path) -> Failure {
    Failure::new(
        Exit::Usage,
        "unreadable_config",
        format!("cannot read the configuration {}", path.display()),
    )
}

#[cfg(unix)]
fn refuse_if_others_may_read(path: &Path) -> Result<(), Failure> {
    use std::os::unix::fs::PermissionsExt;
    let mode = fs::metadata(path).map_err(|error| unreadable(path).caused_by(&error))?.permissions().mode();
    if mode & 0o077 == 0 {
        return Ok(());
    }
    let message = format!("{} holds a secret and others on this machine may read it", path.display());
    Err(Failure::new(Exit::Usage, "exposed_secret", message).hint(format!("chmod 600 {}", path.display())))
}

#[cfg(not(unix))]
fn refuse_if_others_may_read(_path: &Path) -> Result<(), Failure> {
    Ok(())
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "tests lay out files")]
mod tests {
    use super::super::{Layers, Settings};
    use super::*;

    fn resolve(text: &str, mode: u32, profile: Option<&str>) -> Result<Settings, (Exit, String)> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("frontdesk.toml");
        fs::write(&path, text).unwrap();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        }
        let environment = Environment::from_iter([("FRONTDESK_CLIENT_ID", "env")]);
        Settings::resolve(&Layers {
            environment: Some(&environment),
            config: Some(path),
            profile: profile.map(str::to_owned),
            ..Layers::default()
        })
        .map_err(|failure| {
            // The temporary folder's name changes from run to run.
            (failure.exit(), failure.to_string().replace(&dir.path().display().to_string(), "DIR"))
        })
    }

    #[test]
    fn the_environment_wins_over_the_profile() {
        let settings = resolve("[profiles.default]\nclient_id = \"file\"\nrate = 5\n", 0o644, None).unwrap();
        assert_eq!(settings.text("client_id"), Some("env"));
        assert_eq!(settings.text("rate"), Some("5"));
    }

    #[test]
    fn a_value_that_is_empty_counts_as_not_set() {
        let settings = resolve("[profiles.default]\nproxy = \"\"\nlook_back = \"\"\n", 0o644, None).unwrap();
        assert_eq!((settings.text("proxy"), settings.text("look_back")), (None, Some("72h")));
    }

    #[test]
    fn the_file_names_its_usual_profile() {
        let text = "profile = \"b\"\n[profiles.a]\nrate = 1\n[profiles.b]\nrate = 2\n";
        assert_eq!(resolve(text, 0o644, None).unwrap().text("rate"), Some("2"));
        assert_eq!(resolve(text, 0o644, Some("a")).unwrap().text("rate"), Some("1"));
        assert_eq!(resolve(text, 0o644, None).unwrap().profile(), Some("b"));
    }

    #[test]
    fn the_policies_of_a_profile_are_one_text_in_their_order() {
        let text = "[[profiles.default.retention]]\nname = \"all\"\ndays = 365\n\
             [[profiles.default.retention]]\nname = \"portal\"\ndays = 3650\ntype = \"message\"\n\
             metadata = { source = \"portal\" }\n[profiles.other]\nrate = 1\n";
        let settings = resolve(text, 0o644, None).unwrap();
        let found: serde_json::Value = serde_json::from_str(settings.text("retention").unwrap()).unwrap();
        let wanted = serde_json::json!([
            {"name": "all", "days": 365},
            {"name": "portal", "days": 3650, "type": "message", "metadata": {"source": "portal"}},
        ]);
        assert_eq!(found, wanted);
        assert_eq!(resolve(text, 0o644, Some("other")).unwrap().text("retention"), None);
        // Only policies are tables.
        let list = "[[profiles.default.rate]]\nname = \"all\"\n";
        assert_eq!(resolve(list, 0o644, None).unwrap_err().0, Exit::Usage);
    }

    #[test]
    fn a_file_without_the_usual_profile_was_still_read() {
        let settings = resolve("[profiles.a]\nrate = 1\n", 0o644, None).unwrap();
        assert!(settings.file().is_some_and(|file| file.ends_with("frontdesk.toml")));
        assert_eq!((settings.profile(), settings.text("rate")), (None, None));
    }

    #[test]
    fn what_cannot_be_read_is_refused_with_exit_2() {
        let cases = [
            ("broken", "[profiles.default\n", 0o644, None),
            ("unknown key", "[profiles.default]\nbase = \"x\"\n", 0o644, None),
            ("unknown table", "[other]\n", 0o644, None),
            ("wrong type", "[profiles.default]\nbase_url = [1]\n", 0o644, None),
            ("no such profile", "[profiles.a]\n", 0o644, Some("b")),
            ("exposed secret", "[profiles.default]\nclient_secret = \"canary\"\n", 0o640, None),
        ];
        let mut said = Vec::new();
        for (name, text, mode, profile) in cases {
            let (exit, text) = resolve(text, mode, profile).unwrap_err();
            assert_eq!(exit, Exit::Usage, "{name}");
            assert!(!text.contains("canary"));
            said.push(format!("{name}:\n{text}"));
        }
        insta::assert_snapshot!(said.join("\n\n"));
    }

    #[test]
    fn a_secret_that_only_the_owner_may_read_is_taken() {
        let settings = resolve("[profiles.default]\nclient_secret = \"s\"\n", 0o600, None).unwrap();
        assert_eq!(settings.text("client_secret"), Some("s"));
    }

    #[test]
    fn a_named_file_must_exist_and_the_usual_place_may_be_empty() {
        let environment = Environment::from_iter([("HOME", "/nonexistent-home")]);
        let absent = Layers { environment: Some(&environment), ..Layers::default() };
        assert_eq!(Settings::resolve(&absent).unwrap().file(), None);
        let named = Layers { config: Some(PathBuf::from("/nonexistent/frontdesk.toml")), ..absent };
        assert_eq!(Settings::resolve(&named).unwrap_err().exit(), Exit::Usage);
    }
}
