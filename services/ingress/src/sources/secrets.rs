//! Secrets, read where the route files say they are.

use std::{
    env, fs,
    io::{self, Read},
};

use signalbox_routing::SecretPlace;
use signalbox_service::Secret;

/// A file that is longer is no secret.
const LONGEST: u64 = 64 * 1024;

/// What lies at a place.
///
/// # Errors
/// What is wrong with the place; never what lies there.
pub fn read(place: &SecretPlace) -> Result<Secret, String> {
    let text = match place {
        SecretPlace::Env(name) => env::var(name).map_err(|why| match why {
            env::VarError::NotPresent => format!("{place} is not set"),
            env::VarError::NotUnicode(_) => format!("{place} is not UTF-8"),
        })?,
        SecretPlace::File(path) => {
            file(path).map_err(|why| format!("{place} cannot be read: {}", why.kind()))?
        }
    };
    text.trim_end().parse().map_err(|_| format!("{place} is empty"))
}

fn file(path: &str) -> io::Result<String> {
    let mut text = String::new();
    fs::File::open(path)?.take(LONGEST + 1).read_to_string(&mut text)?;
    match text.len() as u64 > LONGEST {
        true => Err(io::ErrorKind::FileTooLarge.into()),
        false => Ok(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_read_and_their_absence_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name).display().to_string();
        fs::write(path("good"), "hush \n").unwrap();
        fs::write(path("empty"), "\n").unwrap();
        fs::write(path("large"), vec![b'x'; 70_000]).unwrap();
        let said = |name: &str| read(&SecretPlace::File(path(name))).unwrap_err().replace(&path(""), "");
        assert_eq!(read(&SecretPlace::File(path("good"))).unwrap().expose(), "hush");
        assert_eq!(said("empty"), "the file empty is empty");
        assert_eq!(said("large"), "the file large cannot be read: file too large");
        assert_eq!(said("none"), "the file none cannot be read: entity not found");
        let unset = SecretPlace::Env("NOBODY_SETS_THIS".to_owned());
        assert_eq!(read(&unset).unwrap_err(), "the variable NOBODY_SETS_THIS is not set");
    }
}
