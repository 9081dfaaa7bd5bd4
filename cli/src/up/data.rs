use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use tempfile::TempDir;

/// Where NATS and Temporal keep their data, for one `signalbox up` at a time.
pub enum Data {
    Kept { folder: PathBuf, _lock: File },
    Ephemeral(TempDir),
}

impl Data {
    /// Claims the folder, which is created when missing.
    pub fn kept(folder: &Path) -> anyhow::Result<Self> {
        let about = || format!("{} (--data-dir)", folder.display());
        fs::create_dir_all(folder).with_context(|| format!("cannot create {}", about()))?;
        let lock =
            File::create(folder.join("lock")).with_context(|| format!("cannot write to {}", about()))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self::Kept { folder: folder.to_owned(), _lock: lock }),
            Err(TryLockError::WouldBlock) => bail!(
                "another `signalbox up` uses {}; choose another with --data-dir, or --ephemeral",
                folder.display()
            ),
            Err(TryLockError::Error(error)) => {
                Err(error).with_context(|| format!("cannot lock a file in {}", about()))
            }
        }
    }

    /// A folder that goes with this value.
    pub fn ephemeral() -> anyhow::Result<Self> {
        let folder = TempDir::with_prefix("signalbox-").context("cannot create a temporary folder")?;
        Ok(Self::Ephemeral(folder))
    }

    /// The folder of JetStream.
    pub fn nats(&self) -> PathBuf {
        match self {
            Self::Kept { folder, .. } => folder.join("nats"),
            Self::Ephemeral(folder) => folder.path().join("nats"),
        }
    }

    /// Temporal's database; `None` to keep it in memory.
    pub fn temporal(&self) -> Option<PathBuf> {
        match self {
            Self::Kept { folder, .. } => Some(folder.join("temporal.db")),
            Self::Ephemeral(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_for_one_at_a_time() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("new/data");
        let first = Data::kept(&folder).unwrap();
        let error = Data::kept(&folder).err().unwrap().to_string();
        assert!(error.contains("--data-dir") && error.contains("new/data"), "{error}");
        drop(first);
        assert!(Data::kept(&folder).is_ok());
    }

    #[test]
    fn nothing_ephemeral_stays() {
        let data = Data::ephemeral().unwrap();
        let nats = data.nats();
        fs::create_dir_all(&nats).unwrap();
        assert_eq!(data.temporal(), None);
        drop(data);
        assert!(!nats.parent().unwrap().exists());
    }
}
