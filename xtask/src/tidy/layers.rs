//! The layer table as data, and the check that every crate's Cargo.toml keeps to it.
//!
//! Cargo forbids circles of normal dependencies, but allows them through dev-dependencies, and it knows nothing of
//! layers: a crate may import only crates on lower lines, and crates of one line never import each other.

/// A crate: its line, its package name, its folder below crates/, and what it may import.
struct Layer {
    line: u8,
    package: &'static str,
    folder: &'static str,
    imports: &'static [&'static str],
}

const fn layer(line: u8, package: &'static str, folder: &'static str, imports: &'static [&'static str]) -> Layer {
    Layer { line, package, folder, imports }
}

const ALL_BELOW_CLI: &[&str] = &["server", "train", "tasks", "tools", "engine", "model", "world", "corpus", "tokenizer", "tensor", "base"];

/// The house, top line first. ARCHITECTURE.md shows the same table with its reasons.
const LAYERS: &[Layer] = &[
    layer(7, "schoolhouse", "cli", ALL_BELOW_CLI),
    layer(6, "train", "train", &["model", "engine", "tasks", "tokenizer", "tensor", "base"]),
    layer(6, "server", "server", &["engine", "tools", "tasks", "tokenizer", "base"]),
    layer(5, "tasks", "tasks", &["engine", "tokenizer", "base"]),
    layer(5, "tools", "tools", &["engine", "base"]),
    layer(4, "engine", "engine", &["model", "tokenizer", "tensor", "base"]),
    layer(3, "model", "model", &["tensor", "base"]),
    layer(2, "world", "world", &["base"]),
    layer(2, "corpus", "corpus", &["base"]),
    layer(2, "tokenizer", "tokenizer", &["base"]),
    layer(2, "tensor", "tensor", &["base"]),
    layer(1, "base", "base", &[]),
];

/// Packages that would bring in a second async runtime, or another way to the network than those below.
const REFUSED_PACKAGES: &[&str] = &["async-std", "smol", "reqwest", "curl", "isahc", "openssl-sys", "native-tls"];

/// Packages of async code, and the one manifest that may name them.
const ASYNC_PACKAGES: &[&str] = &["tokio", "axum", "hyper", "hyper-util", "tower", "tower-http", "futures-util"];
const ASYNC_MANIFEST: &str = "crates/server/Cargo.toml";

/// Packages that open connections, and the manifests that may name them.
const NETWORK_PACKAGES: &[&str] = &["ureq", "rustls"];
const NETWORK_MANIFESTS: &[&str] = &["crates/corpus/Cargo.toml", "crates/tools/Cargo.toml"];

/// Breaches in the manifests, given as (path relative to the root, parsed Cargo.toml).
pub fn check(manifests: &[(String, toml::Table)]) -> Vec<String> {
    let mut breaches = check_table(LAYERS);
    for layer in LAYERS {
        let path = format!("crates/{}/Cargo.toml", layer.folder);
        if !manifests.iter().any(|(found, _)| *found == path) {
            breaches.push(format!("the layer table has {}, but {path} does not exist", layer.package));
        }
    }
    for (path, manifest) in manifests {
        breaches.extend(check_manifest(path, manifest));
    }
    breaches
}

/// Breaches of the table itself: an import of the same or a higher line, or of a crate that is not in it.
fn check_table(layers: &[Layer]) -> Vec<String> {
    let mut breaches = Vec::new();
    for layer in layers {
        for import in layer.imports {
            match layers.iter().find(|other| other.package == *import) {
                None => breaches.push(format!("the layer table lets {} import {import}, which is not in it", layer.package)),
                Some(other) if other.line >= layer.line => breaches.push(format!(
                    "the layer table lets {} (line {}) import {import} (line {}): only lower lines may be imported",
                    layer.package, layer.line, other.line
                )),
                Some(_) => {}
            }
        }
    }
    breaches
}

fn check_manifest(path: &str, manifest: &toml::Table) -> Vec<String> {
    let mut breaches = Vec::new();
    let package = manifest.get("package").and_then(|package| package.get("name")).and_then(toml::Value::as_str);
    let package = package.unwrap_or_default();
    let imports = workspace_imports(manifest);
    for name in dependencies(manifest).into_iter().filter(|name| NETWORK_PACKAGES.contains(name) && !NETWORK_MANIFESTS.contains(&path)) {
        breaches.push(format!("{path} imports {name}: the network is touched only in corpus::crawl, tools::http and server"));
    }
    for name in dependencies(manifest).into_iter().filter(|name| ASYNC_PACKAGES.contains(name) && path != ASYNC_MANIFEST) {
        breaches.push(format!("{path} imports {name}: only server knows async code"));
    }

    if manifest.get("lints").and_then(|lints| lints.get("workspace")) != Some(&toml::Value::Boolean(true)) {
        breaches.push(format!("{path} lacks `[lints] workspace = true`"));
    }
    if path == "xtask/Cargo.toml" {
        for import in imports {
            breaches.push(format!("{path} imports {import}; the chores must build when the crates do not"));
        }
        return breaches;
    }
    let Some(layer) = LAYERS.iter().find(|layer| path == format!("crates/{}/Cargo.toml", layer.folder)) else {
        breaches.push(format!("{path} is not in the layer table (xtask/src/tidy/layers.rs)"));
        return breaches;
    };
    if package != layer.package {
        breaches.push(format!("{path} names its package {package}; the layer table calls it {}", layer.package));
    }
    for import in imports {
        if !layer.imports.contains(&import) {
            breaches.push(format!(
                "{path}: {} stands on line {} and may not import {import}; it may import: {}",
                layer.package,
                layer.line,
                if layer.imports.is_empty() { "nothing".to_string() } else { layer.imports.join(" ") }
            ));
        }
    }
    breaches
}

/// The crates of this workspace among a manifest's dependencies of every kind, also those under [target.*] and those
/// that are renamed.
fn workspace_imports(manifest: &toml::Table) -> Vec<&str> {
    dependencies(manifest).into_iter().filter(|name| LAYERS.iter().any(|layer| layer.package == *name)).collect()
}

/// The packages that a manifest names as dependencies of any kind.
fn dependencies(manifest: &toml::Table) -> Vec<&str> {
    const KINDS: [&str; 3] = ["dependencies", "dev-dependencies", "build-dependencies"];
    let mut tables: Vec<&toml::Table> = KINDS.iter().filter_map(|kind| manifest.get(*kind)?.as_table()).collect();
    if let Some(targets) = manifest.get("target").and_then(toml::Value::as_table) {
        for target in targets.values() {
            tables.extend(KINDS.iter().filter_map(|kind| target.get(kind)?.as_table()));
        }
    }
    let named = tables.into_iter().flatten();
    named.map(|(name, value)| value.get("package").and_then(toml::Value::as_str).unwrap_or(name)).collect()
}

/// Breaches in Cargo.lock: a package that is a second async runtime or a second HTTP client.
pub fn check_packages(lock: &str) -> Vec<String> {
    let names = lock.lines().filter_map(|line| line.strip_prefix("name = \"")?.strip_suffix('"'));
    names
        .filter(|name| REFUSED_PACKAGES.contains(name))
        .map(|name| format!("Cargo.lock holds {name}: there is one async runtime here, and one HTTP client"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{check_manifest, check_packages, check_table, layer};

    fn breaches(path: &str, text: &str) -> Vec<String> {
        check_manifest(path, &format!("lints.workspace = true\n{text}").parse().unwrap())
    }

    #[test]
    fn imports_of_lower_lines_pass_and_others_are_named() {
        let engine = "crates/engine/Cargo.toml";
        let package = "package.name = \"engine\"\n";
        for (dependencies, broken) in [
            ("dependencies.model.workspace = true", 0),
            ("dependencies.serde.workspace = true", 0),
            ("dependencies.tasks.workspace = true", 1),
            ("dependencies.engine.path = \".\"", 1),
            ("dev-dependencies.train.workspace = true", 1),
            ("build-dependencies.world.workspace = true", 1),
            ("target.'cfg(unix)'.dependencies.world.workspace = true", 1),
            ("dependencies.lessons = { package = \"world\", path = \"../world\" }", 1),
        ] {
            let found = breaches(engine, &format!("{package}{dependencies}"));
            assert_eq!(found.len(), broken, "{dependencies}: {found:?}");
        }
        let same_line = breaches("crates/world/Cargo.toml", "package.name = \"world\"\ndependencies.corpus.workspace = true");
        assert!(same_line[0].contains("world stands on line 2 and may not import corpus"), "{same_line:?}");
    }

    #[test]
    fn a_table_with_a_circle_or_an_import_of_its_own_line_is_refused() {
        let circle = [layer(2, "a", "a", &["b"]), layer(1, "b", "b", &["a"])];
        assert_eq!(check_table(&circle).len(), 1);
        let same_line = [layer(1, "a", "a", &["b"]), layer(1, "b", "b", &[])];
        assert_eq!(check_table(&same_line).len(), 1);
        assert_eq!(check_table(&[layer(1, "a", "a", &["c"])]).len(), 1);
        assert!(check_table(super::LAYERS).is_empty());
    }

    #[test]
    fn a_crate_outside_the_table_or_without_lints_is_named() {
        assert_eq!(breaches("crates/attic/Cargo.toml", "package.name = \"attic\"").len(), 1);
        assert_eq!(check_manifest("crates/base/Cargo.toml", &"package.name = \"base\"".parse().unwrap()).len(), 1);
        assert_eq!(breaches("crates/base/Cargo.toml", "package.name = \"basis\"").len(), 1);
        assert_eq!(breaches("xtask/Cargo.toml", "package.name = \"xtask\"\ndependencies.base.workspace = true").len(), 1);
    }

    #[test]
    fn the_network_has_its_manifests() {
        for (path, package, broken) in [
            ("crates/corpus/Cargo.toml", "corpus", 0),
            ("crates/tools/Cargo.toml", "tools", 0),
            ("crates/engine/Cargo.toml", "engine", 1),
            ("crates/cli/Cargo.toml", "schoolhouse", 1),
        ] {
            for dependency in ["ureq.workspace = true", "web = { package = \"rustls\", version = \"1\" }"] {
                let found = breaches(path, &format!("package.name = \"{package}\"\ndependencies.{dependency}"));
                assert_eq!(found.len(), broken, "{path} {dependency}: {found:?}");
            }
        }
    }

    #[test]
    fn a_second_runtime_is_refused_and_the_first_has_its_manifest() {
        assert_eq!(check_packages("name = \"serde\"\nname = \"smol\"\n").len(), 1);
        assert!(check_packages("name = \"smol-like\"\nname = \"tokio\"\n").is_empty());
        for (path, package, broken) in [
            ("crates/server/Cargo.toml", "server", 0),
            ("crates/tools/Cargo.toml", "tools", 1),
            ("crates/cli/Cargo.toml", "schoolhouse", 1),
        ] {
            let found = breaches(path, &format!("package.name = \"{package}\"\ndependencies.tokio.workspace = true"));
            assert_eq!(found.len(), broken, "{path}: {found:?}");
        }
    }
}
