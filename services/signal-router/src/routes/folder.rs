//! Reading the route files of a folder.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use signalbox_proto::v1::{RouteFile, RouteFiles};
use signalbox_routing::{Fault, Faults, FileSet, RouteSet};

/// More than this in a folder is not a folder of routes.
const MOST_BYTES: u64 = 16 * 1024 * 1024;
const MOST_FILES: usize = 10_000;
const DEEPEST: usize = 16;

/// The files of a set, in a folder and the folders in it. What begins with a dot is left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouteFolder {
    path: PathBuf,
    /// Names from the folder on, so that the same files are the same set wherever it lies, and texts; by name.
    files: Vec<(String, String)>,
}

/// Why a folder gives no routes.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// It is not there, or it is something else.
    #[error("there is no folder of routes at `{}`", .0.display())]
    Missing(PathBuf),
    /// It has no route files. A set without routes is a file that says so.
    #[error("there is no route file (*.yaml) in `{}`; a file with `routes: []` has no routes", .0.display())]
    Empty(PathBuf),
    /// It is not what it is taken for.
    #[error(
        "`{}` is no folder of routes: it has more than {MOST_FILES} route files, more than {} MiB of them, or \
         folders in folders deeper than {DEEPEST}",
        .0.display(),
        MOST_BYTES / 1024 / 1024
    )]
    TooMuch(PathBuf),
    /// It, or a file in it, cannot be read.
    #[error("cannot read `{}`", path.display())]
    Unreadable {
        /// What cannot be read.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl RouteFolder {
    /// Reads all files.
    ///
    /// # Errors
    /// [`FolderError`].
    pub fn read(path: &Path) -> Result<Self, FolderError> {
        if !path.is_dir() {
            return Err(FolderError::Missing(path.to_owned()));
        }
        let mut reader = Reader { root: path, files: Vec::new(), bytes: 0 };
        reader.collect(path, 0)?;
        let mut files = reader.files;
        files.sort();
        // Schemas alone are no set.
        match files.iter().any(|(name, _)| !name.ends_with(".json")) {
            true => Ok(Self { path: path.to_owned(), files }),
            false => Err(FolderError::Empty(path.to_owned())),
        }
    }

    /// Checks them. Faults name the files so that they are found from where the folder was.
    ///
    /// # Errors
    /// All that is wrong with them.
    pub fn load(&self) -> Result<RouteSet, Faults> {
        let named = |fault: Fault| Fault { file: self.path.join(&fault.file).display().to_string(), ..fault };
        let set = RouteSet::load(self.files.iter().cloned());
        set.map_err(|Faults(faults)| Faults(faults.into_iter().map(named).collect()))
    }

    /// As they are kept.
    pub fn files(&self) -> RouteFiles {
        let file = |(name, text): &(String, String)| RouteFile { name: name.clone(), text: text.clone() };
        RouteFiles { files: self.files.iter().map(file).collect() }
    }
}

struct Reader<'a> {
    root: &'a Path,
    files: Vec<(String, String)>,
    bytes: u64,
}

impl Reader<'_> {
    fn collect(&mut self, folder: &Path, depth: usize) -> Result<(), FolderError> {
        let unreadable = |path: &Path| {
            let path = path.to_owned();
            move |source| FolderError::Unreadable { path, source }
        };
        for entry in fs::read_dir(folder).map_err(unreadable(folder))? {
            let entry = entry.map_err(unreadable(folder))?;
            let path = entry.path();
            // Half-written files of editors, and what a mounted volume has beside its files.
            if entry.file_name().to_string_lossy().starts_with('.') {
                continue;
            }
            if path.is_dir() {
                self.admit(depth < DEEPEST)?;
                self.collect(&path, depth + 1)?;
                continue;
            }
            let name = self.name(&path);
            if FileSet::takes(&name) {
                self.bytes += fs::metadata(&path).map_err(unreadable(&path))?.len();
                self.admit(self.files.len() < MOST_FILES && self.bytes <= MOST_BYTES)?;
                let text = fs::read_to_string(&path).map_err(unreadable(&path))?;
                self.files.push((name, text));
            }
        }
        Ok(())
    }

    /// From the folder on, with `/` on every system.
    fn name(&self, path: &Path) -> String {
        let parts = path.strip_prefix(self.root).unwrap_or(path).components();
        let parts: Vec<_> = parts.map(|part| part.as_os_str().to_string_lossy()).collect();
        parts.join("/")
    }

    fn admit(&self, within: bool) -> Result<(), FolderError> {
        if within { Ok(()) } else { Err(FolderError::TooMuch(self.root.to_owned())) }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    const ROUTE: &str =
        "version: 1\nroutes: [{name: a, on: events.a, signal: {workflow_id: \"${ event.id }\", name: s}}]\n";

    fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        folder
    }

    fn names(read: &RouteFolder) -> Vec<String> {
        read.files().files.into_iter().map(|file| file.name).collect()
    }

    #[test]
    fn route_files_are_found_wherever_they_lie() {
        let folder = folder(&[
            ("b.yml", ""),
            ("sub/a.yaml", ROUTE),
            ("sub/a.test.yaml", "x"),
            ("sub/schema.json", "{}"),
            ("notes.md", "x"),
            (".a.yaml.swp", "x"),
        ]);
        symlink("nowhere", folder.path().join(".#b.yaml")).unwrap();
        let read = RouteFolder::read(folder.path()).unwrap();
        assert_eq!(names(&read), ["b.yml", "sub/a.yaml", "sub/schema.json"]);
    }

    #[test]
    fn the_same_files_in_another_folder_are_the_same_version() {
        let version = |files: &[(&str, &str)]| {
            let folder = folder(files);
            RouteFolder::read(folder.path()).unwrap().load().unwrap().version().to_owned()
        };
        let files = [("sub/a.yaml", ROUTE), ("sub/schema.json", "{}")];
        assert_eq!(version(&files), version(&files));
        assert_ne!(version(&files), version(&[("a.yaml", ROUTE), ("sub/schema.json", "{}")]));
        assert_ne!(version(&files), version(&files[..1]));
    }

    #[test]
    fn a_mounted_volume_has_its_files_once() {
        let folder = folder(&[("..2026/a.yaml", ROUTE)]);
        symlink("..2026", folder.path().join("..data")).unwrap();
        symlink("..data/a.yaml", folder.path().join("a.yaml")).unwrap();
        let read = RouteFolder::read(folder.path()).unwrap();
        assert_eq!((names(&read), read.load().unwrap().len()), (vec!["a.yaml".to_owned()], 1));
    }

    #[test]
    fn what_is_no_folder_of_routes_is_said() {
        let said = |path: &Path| RouteFolder::read(path).unwrap_err().to_string();
        assert!(said(Path::new("/nowhere/at/all")).contains("no folder of routes at `/nowhere/at/all`"));
        assert!(said(folder(&[("a.txt", ""), ("a.json", "{}")]).path()).contains("no route file"));
        let ring = folder(&[("a.yaml", ROUTE)]);
        symlink(".", ring.path().join("again")).unwrap();
        assert!(said(ring.path()).contains("is no folder of routes"));
    }

    #[test]
    fn faults_name_the_file_and_its_folder() {
        let folder = folder(&[("a.yaml", "version: 2\nroutes: []\n")]);
        let faults = RouteFolder::read(folder.path()).unwrap().load().unwrap_err().to_string();
        assert!(
            faults.starts_with(&format!("{}:1:10: ", folder.path().join("a.yaml").display())),
            "{faults}"
        );
    }
}
