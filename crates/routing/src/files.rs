//! The files of a route set.

use std::collections::BTreeMap;

/// Files by name, with `/` between folders, and their texts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FileSet(BTreeMap<String, String>);

impl FileSet {
    /// Whether a file of this name belongs to a set: routes and events in `*.yaml` and `*.yml`, schemas in `*.json`, but
    /// not tests, which are in `*.test.yaml`.
    pub fn takes(name: &str) -> bool {
        !Self::has_tests_alone(name) && (is_routes(name) || name.ends_with(".json"))
    }

    /// Whether a file of this name has tests of the routes beside it, and nothing else: `*.test.yaml`.
    pub fn has_tests_alone(name: &str) -> bool {
        name.ends_with(".test.yaml") || name.ends_with(".test.yml")
    }

    /// Those that have routes or events in them.
    pub(crate) fn routes(&self) -> impl Iterator<Item = (&str, &str)> {
        self.iter().filter(|(name, _)| is_routes(name))
    }

    /// All, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, text)| (name.as_str(), text.as_str()))
    }

    /// The text of the file that `file` calls `name`: the path from the folder that `file` is in.
    pub(crate) fn beside(&self, file: &str, name: &str) -> Option<&str> {
        let mut path: Vec<_> = file.split('/').collect();
        path.pop();
        for part in name.split('/') {
            match part {
                "." => {}
                ".." => drop(path.pop()?),
                part => path.push(part),
            }
        }
        self.0.get(&path.join("/")).map(String::as_str)
    }
}

fn is_routes(name: &str) -> bool {
    name.ends_with(".yaml") || name.ends_with(".yml")
}

impl FromIterator<(String, String)> for FileSet {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(files: I) -> Self {
        Self(files.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_name_each_other_by_their_paths() {
        let files: FileSet = [("routes/schemas/a.json", "A"), ("b.json", "B")]
            .map(|(n, t)| (n.to_owned(), t.to_owned()))
            .into_iter()
            .collect();
        assert_eq!(files.beside("routes/shop.yaml", "schemas/a.json"), Some("A"));
        assert_eq!(files.beside("routes/shop.yaml", "./schemas/../../b.json"), Some("B"));
        assert_eq!(files.beside("routes/shop.yaml", "../../b.json"), None);
        assert_eq!(files.beside("shop.yaml", "b.json"), Some("B"));
    }

    #[test]
    fn tests_are_no_part_of_a_set() {
        assert!(FileSet::takes("a/shop.yaml") && FileSet::takes("shop.yml") && FileSet::takes("s.json"));
        assert!(!FileSet::takes("shop.test.yaml") && !FileSet::takes("README.md"));
    }
}
