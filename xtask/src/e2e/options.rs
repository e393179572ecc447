//! What was asked for on the command line of the task.

use std::fmt;
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

/// How much is done: sizes and counts, never the rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tier {
    /// Every change.
    P,
    /// Nightly.
    N,
}

impl Tier {
    /// One of two values.
    pub(super) fn pick<T>(self, p: T, n: T) -> T {
        match self {
            Self::P => p,
            Self::N => n,
        }
    }
}

impl fmt::Display for Tier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.pick("P", "N"))
    }
}

/// The task's arguments.
#[derive(Debug, Clone)]
pub(super) struct Options {
    /// Only scenarios whose name holds this.
    pub(super) filter: String,
    /// How many interrupted runs the kill scenarios make together.
    pub(super) seeds: u64,
    /// What every chance is drawn from.
    pub(super) seed: u64,
    pub(super) tier: Tier,
    /// Only name the scenarios.
    pub(super) list: bool,
    /// Leave the folders of the scenarios where they are.
    pub(super) keep: bool,
    /// Test this binary instead of building one: a released one, say.
    pub(super) binary: Option<PathBuf>,
}

const USAGE: &str =
    "usage: cargo xtask e2e [FILTER] [--seeds N] [--seed S] [--tier p|n] [--binary FILE] [--list] [--keep]";

impl Options {
    pub(super) fn read(arguments: &[String]) -> Result<Self, String> {
        let mut options = Self {
            filter: String::new(),
            seeds: 0,
            seed: of_now(),
            tier: Tier::P,
            list: false,
            keep: false,
            binary: None,
        };
        let mut seeds = None;
        let mut left = arguments.iter();
        while let Some(argument) = left.next() {
            let mut number = || {
                let text = left.next().ok_or_else(|| format!("{argument} needs a number\n{USAGE}"))?;
                text.parse::<u64>().map_err(|_| format!("{argument} {text}: not a number\n{USAGE}"))
            };
            match argument.as_str() {
                "--seeds" => seeds = Some(number()?),
                "--seed" => options.seed = number()?,
                "--tier" => {
                    options.tier = match left.next().map(String::as_str) {
                        Some("p" | "P") => Tier::P,
                        Some("n" | "N") => Tier::N,
                        _ => return Err(format!("--tier is p or n\n{USAGE}")),
                    }
                }
                "--binary" => {
                    let file = left.next().ok_or_else(|| format!("--binary needs a file\n{USAGE}"))?;
                    let file =
                        std::fs::canonicalize(file).map_err(|error| format!("--binary {file}: {error}"))?;
                    options.binary = Some(file);
                }
                "--list" => options.list = true,
                "--keep" => options.keep = true,
                flag if flag.starts_with('-') => return Err(format!("no such flag: {flag}\n{USAGE}")),
                filter => options.filter = filter.to_owned(),
            }
        }
        options.seeds = seeds.unwrap_or(options.tier.pick(200, 10_000));
        Ok(options)
    }

    pub(super) fn wants(&self, name: &str) -> bool {
        name.contains(&self.filter)
    }
}

/// Another seed for every run; short, so that a person can type it.
fn of_now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(1, |now| u64::from(now.subsec_nanos()) % 1_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Options, String> {
        Options::read(&text.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn arguments_are_read_and_the_rest_is_refused() {
        let options = read("kill --seeds 7 --seed 42 --tier n").unwrap();
        assert_eq!((options.filter.as_str(), options.seeds, options.seed), ("kill", 7, 42));
        assert_eq!(options.tier, Tier::N);
        assert_eq!(read("").unwrap().seeds, 200);
        for wrong in ["--seeds", "--seeds x", "--tier q", "--fast"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
