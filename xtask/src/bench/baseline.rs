//! The documents' programs in Go, built and run beside ours where a compiler is there.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A built program.
pub(crate) fn build(sources: &Path, program: &str, scratch: &Path) -> Result<PathBuf, String> {
    let source = sources.join(program);
    if !source.is_dir() {
        return Err(format!("{} is not there", source.display()));
    }
    // Built from a copy: the sources may be read-only.
    let copy = scratch.join(format!("go-{program}"));
    fs::create_dir_all(&copy).map_err(|error| error.to_string())?;
    for name in ["go.mod", "main.go"] {
        let text = fs::read(source.join(name)).map_err(|error| format!("{name}: {error}"))?;
        fs::write(copy.join(name), text).map_err(|error| error.to_string())?;
    }
    let built = Command::new("go")
        .args(["build", "-o", "program", "."])
        .env("GOPROXY", "off")
        .env("GOFLAGS", "-mod=mod")
        .current_dir(&copy)
        .output()
        .map_err(|error| format!("no Go compiler: {error}"))?;
    if built.status.success() {
        Ok(copy.join("program"))
    } else {
        Err(String::from_utf8_lossy(&built.stderr).into_owned())
    }
}
