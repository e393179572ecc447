//! House rules as a check.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Outcome;
use crate::cargo;

/// Look for the seam beyond this.
const MOST_LINES: usize = 600;

/// Fails with everything that breaks a house rule.
pub(crate) fn check() -> Outcome {
    let root = cargo::root();
    let files = tracked(&root)?;
    let mut wrong = Vec::new();
    for path in &files {
        let Ok(text) = fs::read_to_string(root.join(path)) else { continue };
        let name = path.to_string_lossy();
        wrong.extend(broken(&name, &text));
    }
    wrong.extend(unexplained_dependencies(&root)?);
    if wrong.is_empty() {
        println!("tidy: {} files", files.len());
        Ok(())
    } else {
        Err(format!("house rules are broken:\n  {}", wrong.join("\n  ")))
    }
}

fn tracked(root: &Path) -> Result<Vec<PathBuf>, String> {
    let output = Command::new("git")
        .args(["ls-files", "--cached", "--others", "--exclude-standard"])
        .current_dir(root)
        .output()
        .map_err(|error| format!("cannot run git: {error}"))?;
    Ok(String::from_utf8_lossy(&output.stdout).lines().map(PathBuf::from).collect())
}

fn broken(name: &str, text: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut say = |what: String| wrong.push(format!("{name}: {what}"));
    if name.ends_with("Cargo.toml") && name.contains('/') && !text.contains("[lints]\nworkspace = true") {
        say("does not inherit the workspace's lints".into());
    }
    if name.ends_with(".rs") {
        let lines = text.lines().count();
        if lines > MOST_LINES {
            say(format!("{lines} lines; look for the seam at {MOST_LINES}"));
        }
        if !text.starts_with("//!") {
            say("does not begin with what it is (//!)".into());
        }
        // Built from parts, so that this file does not name what it forbids.
        for forbidden in [
            concat!("#[", "ignore"),
            concat!("todo", "!("),
            concat!("allow", "(clippy::"),
            concat!("allow", "(dead"),
        ] {
            if text.contains(forbidden) {
                say(format!("holds {forbidden}"));
            }
        }
    }
    let homes = [concat!("/ho", "me/"), concat!("/ro", "ot/"), concat!("/Us", "ers/"), concat!("/wo", "rk/")];
    for (number, line) in text.lines().enumerate() {
        if let Some(home) = homes.iter().find(|home| is_machine_path(line, home)) {
            say(format!("line {}: a machine's path ({home})", number + 1));
        }
    }
    wrong
}

/// Whether `home` stands in `line` as the beginning of a path, not in the middle of one or of a URL.
fn is_machine_path(line: &str, home: &str) -> bool {
    line.match_indices(home).any(|(at, _)| {
        line[..at]
            .chars()
            .next_back()
            .is_none_or(|before| !before.is_alphanumeric() && !"_.-/~}".contains(before))
    })
}

/// Every dependency of the workspace has its line in docs/dependencies.md, and no other has.
fn unexplained_dependencies(root: &Path) -> Result<Vec<String>, String> {
    let read = |name: &str| fs::read_to_string(root.join(name)).map_err(|error| format!("{name}: {error}"));
    let manifest = read("Cargo.toml")?;
    let table = manifest.split("[workspace.dependencies]").nth(1).unwrap_or_default();
    let table = table.split("\n[").next().unwrap_or_default();
    let used: BTreeSet<&str> = table
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split_once(" = ").map(|(name, _)| name))
        .filter(|name| !name.starts_with("frontdesk-"))
        .collect();
    let page = read("docs/dependencies.md")?;
    let explained: BTreeSet<&str> = page
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split_once('`').map(|(name, _)| name))
        .collect();
    let mut wrong = Vec::new();
    for name in used.difference(&explained) {
        wrong.push(format!("docs/dependencies.md does not say what {name} is for"));
    }
    for name in explained.difference(&used) {
        wrong.push(format!("docs/dependencies.md explains {name}, which nothing uses"));
    }
    Ok(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_rule_finds_its_breach() {
        let cases = [
            ("crates/x/Cargo.toml", "[package]\n", "lints"),
            ("crates/x/src/lib.rs", "use a;\n", "(//!)"),
            ("crates/x/src/lib.rs", concat!("//! x\n#[", "ignore]\n"), "ignore"),
            ("docs/x.md", concat!("see `/ro", "ot/project`"), "machine"),
        ];
        for (name, text, expected) in cases {
            let wrong = broken(name, text);
            assert!(wrong.iter().any(|line| line.contains(expected)), "{name}: {wrong:?}");
        }
        let long = format!("//! x\n{}", "\n".repeat(MOST_LINES));
        assert_eq!(broken("a.rs", &long).len(), 1);
    }

    #[test]
    fn clean_files_pass() {
        assert_eq!(
            broken("crates/x/Cargo.toml", "[package]\n[lints]\nworkspace = true\n"),
            Vec::<String>::new()
        );
        assert_eq!(broken("crates/x/src/lib.rs", "//! x\n"), Vec::<String>::new());
        assert_eq!(broken("docs/x.md", "https://example.org/home/page and ./work/x"), Vec::<String>::new());
    }
}
