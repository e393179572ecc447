//! Settings: flag over environment over profile over default; every value knows where it came from.

mod keys;
mod profile;

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

pub use keys::{KEYS, Key};

use crate::environment::Environment;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::quantity;

/// Where a value came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// The command line.
    Flag,
    /// An environment variable, by name.
    Environment(&'static str),
    /// A profile of the configuration file.
    Profile {
        /// The file.
        file: PathBuf,
        /// The profile's name.
        profile: String,
    },
    /// Built in.
    Default,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag => f.write_str("flag"),
            Self::Environment(name) => write!(f, "environment {name}"),
            Self::Profile { file, profile } => write!(f, "profile {profile} of {}", file.display()),
            Self::Default => f.write_str("default"),
        }
    }
}

/// A value and where it came from. `Debug` never shows the text: it may be a secret.
#[derive(Clone, PartialEq, Eq)]
pub struct Value {
    text: String,
    origin: Origin,
}

impl Value {
    /// The value as it was written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Where it came from.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Value").field("origin", &self.origin).finish_non_exhaustive()
    }
}

/// What settings are made of, before they are merged.
#[derive(Debug, Default)]
pub struct Layers<'e> {
    /// Values given as flags, by key name.
    pub flags: Vec<(&'static str, String)>,
    /// The environment; `None` ignores it (and the configuration file's usual place).
    pub environment: Option<&'e Environment>,
    /// `--config`: the configuration file; it must exist.
    pub config: Option<PathBuf>,
    /// `--profile`: which profile of the file; it must be there.
    pub profile: Option<String>,
}

/// The merged settings.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    values: BTreeMap<&'static str, Value>,
    file: Option<PathBuf>,
    profile: Option<String>,
}

impl Settings {
    /// Merges the layers: flag over environment over profile over default.
    ///
    /// # Errors
    /// Exit 2 when the configuration file or its profile cannot be read, names an unknown key, or holds a
    /// secret that others on this machine could read.
    pub fn resolve(layers: &Layers<'_>) -> Result<Self, Failure> {
        let mut values = BTreeMap::new();
        let nobody = Environment::default();
        let environment = layers.environment.unwrap_or(&nobody);
        let profile::Found { file, profile } =
            profile::read(layers.config.as_deref(), layers.profile.as_deref(), environment)?;
        for key in KEYS {
            let flag = layers.flags.iter().rev().find(|(name, _)| *name == key.name);
            let value = if let Some((_, text)) = flag {
                Some(Value { text: text.clone(), origin: Origin::Flag })
            } else if let Some((name, text)) =
                key.environment.iter().find_map(|name| Some((*name, environment.get(name)?)))
            {
                Some(Value { text: text.to_owned(), origin: Origin::Environment(name) })
            } else if let Some(value) = profile.as_ref().and_then(|profile| profile.get(key.name)) {
                Some(value)
            } else {
                key.default.map(|text| Value { text: text.to_owned(), origin: Origin::Default })
            };
            if let Some(value) = value {
                values.insert(key.name, value);
            }
        }
        Ok(Self { values, file, profile: profile.map(|profile| profile.name) })
    }

    /// The configuration file that was read, where there is one.
    pub fn file(&self) -> Option<&Path> {
        self.file.as_deref()
    }

    /// The profile of that file that was used. A file without the profile `default` may have none.
    pub fn profile(&self) -> Option<&str> {
        self.profile.as_deref()
    }

    /// The value of `key` with its origin.
    pub fn value(&self, key: &str) -> Option<&Value> {
        self.values.get(key)
    }

    /// The text of `key`.
    pub fn text(&self, key: &str) -> Option<&str> {
        self.values.get(key).map(Value::text)
    }

    /// The value of `key` as `read` understands it.
    ///
    /// # Errors
    /// Exit 2 with the key, its origin and the reader's own words; the text itself is not repeated when the
    /// key is a secret.
    pub fn parsed<T, E: std::error::Error>(
        &self,
        key: &'static str,
        read: impl FnOnce(&str) -> Result<T, E>,
    ) -> Result<Option<T>, Failure> {
        let Some(value) = self.values.get(key) else { return Ok(None) };
        read(value.text()).map(Some).map_err(|error| {
            let shown = if KEYS.iter().any(|known| known.name == key && known.secret) {
                String::new()
            } else {
                format!(" = {:?}", value.text().chars().take(80).collect::<String>())
            };
            let message = format!("{key}{shown} (from {}) cannot be used", value.origin());
            Failure::new(Exit::Usage, "bad_setting", message).caused_by(&error)
        })
    }

    /// The value of `key` as a duration, such as `30s`.
    ///
    /// # Errors
    /// As [`Settings::parsed`].
    pub fn duration(&self, key: &'static str) -> Result<Option<Duration>, Failure> {
        self.parsed(key, quantity::duration)
    }

    /// The value of `key` as a size in bytes, such as `64MiB`.
    ///
    /// # Errors
    /// As [`Settings::parsed`].
    pub fn size(&self, key: &'static str) -> Result<Option<u64>, Failure> {
        self.parsed(key, quantity::size)
    }

    /// The data directory: `data_dir`, else `$XDG_DATA_HOME/frontdesk`, else `~/.local/share/frontdesk`.
    ///
    /// # Errors
    /// Exit 2 when none of these is known, or the name is empty.
    pub fn data_dir(&self, environment: &Environment) -> Result<PathBuf, Failure> {
        match self.value("data_dir") {
            // `--data-dir "$UNSET"` would be the current folder.
            Some(value) if value.text().is_empty() => {
                let message = format!("data_dir (from {}) is empty", value.origin());
                return Err(Failure::new(Exit::Usage, "bad_setting", message).hint("name a folder"));
            }
            Some(value) => return Ok(PathBuf::from(value.text())),
            None => {}
        }
        base_dir(environment, "XDG_DATA_HOME", ".local/share").map(|base| base.join("frontdesk")).ok_or_else(
            || {
                Failure::new(Exit::Usage, "no_data_dir", "no place for the data is known")
                    .hint("set --data-dir or FRONTDESK_DATA_DIR")
            },
        )
    }
}

/// A directory of the XDG base directory scheme: the variable where it is absolute, else below the home.
fn base_dir(environment: &Environment, variable: &str, below_home: &str) -> Option<PathBuf> {
    let absolute = |text: &str| Some(PathBuf::from(text)).filter(|path| path.is_absolute());
    environment
        .get(variable)
        .and_then(absolute)
        .or_else(|| Some(Path::new(environment.get("HOME")?).join(below_home)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layers<'e>(flags: &[(&'static str, &str)], environment: &'e Environment) -> Layers<'e> {
        Layers {
            flags: flags.iter().map(|(key, text)| (*key, (*text).to_owned())).collect(),
            environment: Some(environment),
            ..Layers::default()
        }
    }

    #[test]
    fn flag_over_environment_over_default() {
        let environment =
            Environment::from_iter([("FRONTDESK_CLIENT_ID", "from-env"), ("FRONTDESK_LOOK_BACK", "1h")]);
        let settings = Settings::resolve(&layers(&[("client_id", "from-flag")], &environment)).unwrap();
        assert_eq!(settings.text("client_id"), Some("from-flag"));
        assert_eq!(settings.text("look_back"), Some("1h"));
        assert_eq!(settings.text("client_style"), Some("basic"));
        assert_eq!(settings.value("client_style").unwrap().origin(), &Origin::Default);
        assert_eq!(settings.text("base_url"), None);
    }

    #[test]
    fn our_variables_go_before_the_documents_before_the_vendors() {
        let all = [
            ("FRONTDESK_CLIENT_ID", "ours"),
            ("GENESYS_CLIENT_ID", "documents"),
            ("GENESYSCLOUD_OAUTHCLIENT_ID", "vendor"),
        ];
        for (from, expected) in [(0, "ours"), (1, "documents"), (2, "vendor")] {
            let environment = Environment::from_iter(all[from..].iter().copied());
            let settings = Settings::resolve(&layers(&[], &environment)).unwrap();
            assert_eq!(settings.text("client_id"), Some(expected));
        }
    }

    #[test]
    fn every_environment_variable_belongs_to_one_key() {
        let mut seen = std::collections::BTreeSet::new();
        for name in KEYS.iter().flat_map(|key| key.environment) {
            assert!(seen.insert(*name), "{name} is named twice");
        }
    }

    #[test]
    fn debug_shows_no_value() {
        let environment = Environment::from_iter([("FRONTDESK_CLIENT_SECRET", "canary")]);
        let settings = Settings::resolve(&layers(&[], &environment)).unwrap();
        assert!(!format!("{settings:?}").contains("canary"));
        assert_eq!(settings.text("client_secret"), Some("canary"));
    }

    #[test]
    fn a_bad_value_names_key_and_origin() {
        let environment = Environment::from_iter([("FRONTDESK_SEGMENT_SIZE", "huge")]);
        let settings = Settings::resolve(&layers(&[], &environment)).unwrap();
        let failure = settings.size("segment_size").unwrap_err();
        assert_eq!(failure.exit(), Exit::Usage);
        insta::assert_snapshot!(failure.to_string());
    }

    #[test]
    fn the_data_directory_follows_xdg() {
        type Case<'a> = (&'a [(&'a str, &'a str)], Option<&'a str>);
        let cases: [Case<'_>; 5] = [
            (&[("FRONTDESK_DATA_DIR", "here"), ("HOME", "/h")], Some("here")),
            (&[("XDG_DATA_HOME", "/x"), ("HOME", "/h")], Some("/x/frontdesk")),
            (&[("XDG_DATA_HOME", "relative"), ("HOME", "/h")], Some("/h/.local/share/frontdesk")),
            (&[("HOME", "/h")], Some("/h/.local/share/frontdesk")),
            (&[], None),
        ];
        for (pairs, expected) in cases {
            let environment = Environment::from_iter(pairs.iter().copied());
            let settings = Settings::resolve(&layers(&[], &environment)).unwrap();
            let found = settings.data_dir(&environment).ok();
            assert_eq!(found.as_deref(), expected.map(Path::new), "{pairs:?}");
        }
        let environment = Environment::from_iter([("HOME", "/h")]);
        let settings = Settings::resolve(&layers(&[("data_dir", "")], &environment)).unwrap();
        assert_eq!(
            settings.data_dir(&environment).unwrap_err().exit(),
            Exit::Usage,
            "never the current folder"
        );
    }
}
