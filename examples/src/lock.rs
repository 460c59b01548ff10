//! `Cargo.lock`: its packages, and the crates among them that come in several versions.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// A package of `Cargo.lock`.
#[derive(Debug, Deserialize)]
pub struct Package {
    name: String,
    version: String,
    /// Where it was downloaded; absent for members of the workspace.
    source: Option<String>,
    /// `name`, or `name version` where the name alone does not say which.
    #[serde(default)]
    dependencies: Vec<String>,
}

/// A crate that comes in several versions.
#[derive(Debug, Serialize)]
pub struct Duplicate {
    /// Its name.
    pub name: String,
    /// Its versions, the newest last.
    pub versions: Vec<String>,
    /// Members of the workspace that ask for another version than the newest.
    pub ours: Vec<String>,
    /// Downloaded packages that do.
    pub foreign: Vec<String>,
}

/// The packages that `Cargo.lock` lists.
///
/// # Errors
///
/// When the text is not that of a `Cargo.lock`.
pub fn parse(text: &str) -> Result<Vec<Package>, toml::de::Error> {
    #[derive(Deserialize)]
    struct Lock {
        package: Vec<Package>,
    }
    toml::from_str(text).map(|lock: Lock| lock.package)
}

/// The crates that come in several versions, without those that are accepted.
pub fn duplicates(packages: &[Package], accepted: &[String]) -> Vec<Duplicate> {
    let mut crates: BTreeMap<&String, Vec<&Package>> = BTreeMap::new();
    for package in packages {
        crates.entry(&package.name).or_default().push(package);
    }
    crates
        .into_iter()
        .filter(|(name, versions)| versions.len() > 1 && !accepted.contains(name))
        .map(|(name, versions)| Duplicate::new(name, &versions, packages))
        .collect()
}

impl Duplicate {
    /// `Cargo.lock` lists the versions of a crate in order.
    fn new(name: &str, versions: &[&Package], packages: &[Package]) -> Self {
        let versions: Vec<_> = versions.iter().map(|p| p.version.clone()).collect();
        let older: Vec<_> = versions[..versions.len() - 1]
            .iter()
            .map(|version| format!("{name} {version}"))
            .collect();
        let dependents = packages
            .iter()
            .filter(|p| p.dependencies.iter().any(|on| older.contains(on)));
        let (ours, foreign): (Vec<_>, Vec<_>) = dependents.partition(|p| p.source.is_none());
        let names = |of: Vec<&Package>| of.iter().map(|p| p.name.clone()).collect();
        Self {
            name: name.to_owned(),
            versions,
            ours: names(ours),
            foreign: names(foreign),
        }
    }
}

/// What the workspace has decided before, in the `deny.toml` of `cargo deny`.
#[derive(Debug, Default)]
pub struct Policy {
    /// Crates that may come in several versions: `bans.skip`.
    pub accepted: Vec<String>,
}

impl Policy {
    /// Reads a `deny.toml`.
    ///
    /// # Errors
    ///
    /// When the text is not TOML.
    pub fn parse(text: &str) -> Result<Self, toml::de::Error> {
        let config: toml::Table = toml::from_str(text)?;
        let skip = config.get("bans").and_then(|bans| bans.get("skip"));
        let specs = skip.and_then(toml::Value::as_array).into_iter().flatten();
        // `"syn@2"`, `{ crate = "syn@2" }` or `{ name = "syn", version = "2" }`.
        let names = specs.filter_map(|spec| {
            let spec = spec.get("crate").or(spec.get("name")).unwrap_or(spec);
            spec.as_str()?.split(['@', ':']).next().map(str::to_owned)
        });
        Ok(Self {
            accepted: names.collect(),
        })
    }
}
