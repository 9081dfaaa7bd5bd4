//! Reading the route files of a folder.

use std::{fs, io, path::Path};

use anyhow::{Context, bail};
use signalbox_routing::RouteSet;

/// Loads all `*.yaml` and `*.yml` files of `folder` and the folders in it.
pub(crate) fn load(folder: &Path) -> anyhow::Result<RouteSet> {
    if !folder.is_dir() {
        bail!("there is no folder of routes at `{}`: name yours with --routes", folder.display());
    }
    let mut files = Vec::new();
    collect(folder, &mut files)
        .with_context(|| format!("cannot read the routes in `{}`", folder.display()))?;
    let set = RouteSet::load(files).context("the routes are wrong")?;
    tracing::info!(routes = set.len(), version = set.version(), folder = %folder.display(), "routes loaded");
    Ok(set)
}

fn collect(folder: &Path, files: &mut Vec<(String, String)>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, files)?;
        } else if path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml") {
            files.push((path.display().to_string(), fs::read_to_string(&path)?));
        }
    }
    Ok(())
}
