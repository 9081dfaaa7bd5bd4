//! Workers in Python.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, ensure};
use sha2::{Digest, Sha256};

use signalbox_servers::{Launch, Process};

use crate::stack::{isolated, root};

/// Starts the worker in Python of `tests/end_to_end/other_sdk`, as a student does: `python3 worker.py`.
///
/// # Errors
/// When it cannot be started.
pub async fn python_worker(
    temporal: &str,
    env: impl IntoIterator<Item = (&'static str, String)>,
) -> anyhow::Result<Process> {
    let folder = root().join("tests/end_to_end/other_sdk");
    let requirements = folder.join("requirements.txt");
    let python = tokio::task::spawn_blocking(move || python(&requirements)).await??;
    let mut launch = Launch::new("python", python).args([folder.join("worker.py")]);
    let env = [("TEMPORAL_ADDRESS", temporal.to_owned())].into_iter().chain(env);
    launch.env = env.map(|(name, value)| (name.into(), value.into())).collect();
    if std::env::var_os("SIGNALBOX_TEST_SHOW").is_some() {
        launch.log = Some(std::sync::Arc::new(|line: &str| eprintln!("python | {line}")));
    }
    Ok(Process::spawn(isolated(launch))?)
}

/// A virtual environment with what `requirements` (a file) lists, and the path of its `python3`. It is made once for
/// each content of the file, in a folder that git ignores; whoever comes meanwhile waits. Blocks, for a minute or so.
///
/// # Errors
/// When it cannot be made.
pub fn python(requirements: &Path) -> anyhow::Result<PathBuf> {
    let wanted = fs::read(requirements).with_context(|| format!("cannot read {}", requirements.display()))?;
    let name = &hex::encode(Sha256::digest(&wanted))[..16];
    let folder = root().join(".signalbox/python");
    fs::create_dir_all(&folder)?;
    let lock = File::create(folder.join(format!("{name}.lock")))?;
    lock.lock()?;

    let venv = folder.join(name);
    let python = venv.join("bin/python3");
    // Written last, so without it the environment is missing or half made.
    let complete = venv.join("complete");
    if !complete.exists() {
        run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&venv))?;
        let install =
            ["-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check", "--requirement"];
        run(Command::new(&python).args(install).arg(requirements))?;
        fs::write(complete, "")?;
    }
    Ok(python)
}

fn run(command: &mut Command) -> anyhow::Result<()> {
    let output = command.output().with_context(|| format!("cannot run {command:?}"))?;
    let said = [output.stdout, output.stderr].concat();
    ensure!(output.status.success(), "{command:?}: {}\n{}", output.status, String::from_utf8_lossy(&said));
    Ok(())
}
