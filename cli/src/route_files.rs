//! Route files as somebody types their paths.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use signalbox_routing::FileSet;

use crate::exit::Exit;
use crate::failure::Failure;

/// The folder that is meant where nobody names one.
pub const FOLDER: &str = "routes";

/// Reads files, and all files of folders that `takes` wants, with the paths by which they were reached.
///
/// # Errors
/// Names what is not there, or cannot be read.
pub fn read(paths: &[PathBuf], takes: impl Fn(&str) -> bool) -> Result<Vec<(String, String)>, Failure> {
    let mut files = Vec::new();
    for path in paths {
        let found = if path.is_dir() { in_folder(path, &takes, &mut files) } else { one(path, &mut files) };
        found.map_err(|error| unreadable(path, &error))?;
    }
    files.sort();
    files.dedup();
    Ok(files)
}

/// The files of a set in a folder, or named one by one.
///
/// # Errors
/// As [`read`]; that there is none is one, too.
pub fn of_set(paths: &[PathBuf]) -> Result<Vec<(String, String)>, Failure> {
    some(paths, FileSet::takes)
}

/// The same with the files of tests beside them.
///
/// # Errors
/// As [`of_set`].
pub fn of_suite(paths: &[PathBuf]) -> Result<Vec<(String, String)>, Failure> {
    some(paths, |name| FileSet::takes(name) || FileSet::has_tests_alone(name))
}

fn some(paths: &[PathBuf], takes: impl Fn(&str) -> bool) -> Result<Vec<(String, String)>, Failure> {
    let files = read(paths, takes)?;
    if files.is_empty() {
        let names: Vec<_> = paths.iter().map(|path| path.display().to_string()).collect();
        let error = Failure::other(Exit::Usage, format!("there is no route file in {}", names.join(", ")));
        return Err(error.with_tip("route files are *.yaml"));
    }
    Ok(files)
}

fn in_folder(
    folder: &Path,
    takes: &impl Fn(&str) -> bool,
    files: &mut Vec<(String, String)>,
) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let path = entry.path();
        // As a router does: what editors and mounted volumes have beside their files.
        if entry.file_name().to_string_lossy().starts_with('.') {
            continue;
        }
        if path.is_dir() {
            in_folder(&path, takes, files)?;
        } else if takes(&name(&path)) {
            one(&path, files)?;
        }
    }
    Ok(())
}

fn one(path: &Path, files: &mut Vec<(String, String)>) -> io::Result<()> {
    files.push((name(path), fs::read_to_string(path)?));
    Ok(())
}

fn name(path: &Path) -> String {
    let parts: Vec<_> = path.components().map(|part| part.as_os_str().to_string_lossy()).collect();
    parts.join("/").replacen("//", "/", 1)
}

fn unreadable(path: &Path, error: &io::Error) -> Failure {
    let failure = Failure::other(Exit::Usage, format!("cannot read {}: {error}", path.display()));
    match error.kind() {
        io::ErrorKind::NotFound => {
            failure.with_tip("name the folder or the files: `signalbox lint path/to/routes`")
        }
        _ => failure,
    }
}
