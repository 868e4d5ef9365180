//! The arrows between the crates: each exists so that it does *not* know something.
//!
//! ARCHITECTURE.md shows the table in words; here it is checked against the Cargo.toml files, through
//! all dependencies of dependencies inside the workspace.

use std::collections::{BTreeMap, BTreeSet};

use crate::tree::files_under;

const NETWORK: &[&str] = &[
    "tokio",
    "tonic",
    "prost",
    "axum",
    "hyper-util",
    "tower",
    "imprint-wire",
];
const HEAP: &[&str] = &["imprint-heap"];
const SMALLTALK: &[&str] = &[
    "imprint-isa",
    "imprint-syntax",
    "imprint-vm",
    "imprint-heap",
    "imprint-compiler",
];

/// Each crate, and what it may not reach.
const MAY_NOT_KNOW: &[(&str, &[&[&str]])] = &[
    (
        "imprint-model",
        &[NETWORK, SMALLTALK, &["serde", "thiserror"]],
    ),
    ("imprint-isa", &[NETWORK, HEAP, &["imprint-vm", "serde"]]),
    (
        "imprint-syntax",
        &[
            NETWORK,
            HEAP,
            &["imprint-loader", "imprint-isa", "imprint-vm", "serde"],
        ],
    ),
    (
        "imprint-loader",
        &[
            NETWORK,
            HEAP,
            &["imprint-vm", "imprint-isa", "rustix", "serde"],
        ],
    ),
    (
        "imprint-compiler",
        &[NETWORK, HEAP, &["imprint-vm", "imprint-loader"]],
    ),
    (
        "imprint-heap",
        &[NETWORK, &["imprint-isa", "imprint-vm", "serde"]],
    ),
    ("imprint-image", &[NETWORK, &["imprint-isa", "imprint-vm"]]),
    ("imprint-trace", &[NETWORK, HEAP, &["imprint-vm"]]),
    (
        "imprint-vm",
        &[
            NETWORK,
            &[
                "serde",
                "imprint-compiler",
                "imprint-syntax",
                "imprint-loader",
            ],
        ],
    ),
    (
        "imprint-host",
        &[
            NETWORK,
            &["imprint-compiler", "imprint-syntax", "imprint-loader"],
        ],
    ),
    ("imprint-bootstrap", &[NETWORK]),
    ("imprint-shrink", &[NETWORK, &["imprint-compiler"]]),
    (
        "imprint-package",
        &[
            NETWORK,
            &["imprint-compiler", "imprint-syntax", "imprint-loader"],
        ],
    ),
    ("imprint-report", &[NETWORK, SMALLTALK]),
    (
        "imprint-wire",
        &[HEAP, &["imprint-vm", "imprint-compiler", "imprint-syntax"]],
    ),
    (
        "imprint-daemon",
        &[SMALLTALK, &["imprint-image", "imprint-wire"]],
    ),
    (
        "imprint-slave",
        &[&["imprint-compiler", "imprint-syntax", "imprint-loader"]],
    ),
    ("imprint-master", &[]),
    ("imprint-integration-tests", &[]),
];

/// Crates with their direct dependencies, dependencies of tests left out.
fn dependencies() -> BTreeMap<String, BTreeSet<String>> {
    let manifests = files_under("")
        .into_iter()
        // The folder for cargo-fuzz is a workspace of its own.
        .filter(|file| file.path.ends_with("/Cargo.toml") && !file.path.starts_with("fuzz/"));
    manifests
        .map(|file| (package_name(&file.text), dependency_names(&file.text)))
        .collect()
}

fn package_name(manifest: &str) -> String {
    let line = manifest
        .lines()
        .find(|line| line.starts_with("name = "))
        .expect("a package has a name");
    line.split('"').nth(1).expect("in quotes").to_owned()
}

fn dependency_names(manifest: &str) -> BTreeSet<String> {
    let mut section = "";
    let mut names = BTreeSet::new();
    for line in manifest.lines().map(str::trim) {
        if line.starts_with('[') {
            section = line;
        } else if section.ends_with("dependencies]")
            && !section.contains("dev-")
            && line.contains('=')
        {
            names.insert(line.split(['.', ' ', '=']).next().unwrap_or("").to_owned());
        }
    }
    names
}

/// Everything a crate reaches, with the way to it.
fn reached(crates: &BTreeMap<String, BTreeSet<String>>, start: &str) -> BTreeMap<String, String> {
    let mut ways = BTreeMap::new();
    let mut open = vec![(start.to_owned(), start.to_owned())];
    while let Some((name, way)) = open.pop() {
        for next in crates.get(&name).into_iter().flatten() {
            let way = format!("{way} -> {next}");
            if ways.insert(next.clone(), way.clone()).is_none() {
                open.push((next.clone(), way));
            }
        }
    }
    ways
}

#[test]
fn no_crate_reaches_what_it_may_not_know() {
    let crates = dependencies();
    let mut faults = Vec::new();
    for (name, forbidden) in MAY_NOT_KNOW {
        let ways = reached(&crates, name);
        for word in forbidden.iter().copied().flatten().copied() {
            faults.extend(
                ways.get(word)
                    .map(|way| format!("{name} may not know {word}: {way}")),
            );
        }
    }
    assert!(
        faults.is_empty(),
        "forbidden arrows:\n  {}",
        faults.join("\n  ")
    );
}

#[test]
fn every_crate_has_its_line_in_the_table() {
    let listed: BTreeSet<String> = MAY_NOT_KNOW
        .iter()
        .map(|(name, _)| (*name).to_owned())
        .collect();
    let existing: BTreeSet<String> = dependencies().into_keys().collect();
    assert_eq!(existing, listed);
}

#[test]
fn every_crate_takes_lints_and_licence_from_the_workspace() {
    let manifests = files_under("")
        .into_iter()
        // The folder for cargo-fuzz is a workspace of its own.
        .filter(|file| file.path.ends_with("/Cargo.toml") && !file.path.starts_with("fuzz/"));
    for file in manifests {
        for line in [
            "[lints]\nworkspace = true",
            "license.workspace = true",
            "edition.workspace = true",
        ] {
            assert!(file.text.contains(line), "{} lacks `{line}`", file.path);
        }
    }
}

#[test]
fn every_dependency_in_the_root_says_what_it_is_for() {
    let root = files_under("")
        .into_iter()
        .find(|file| file.path == "Cargo.toml")
        .expect("a root");
    let start = root
        .text
        .find("# Errors:")
        .expect("the list of dependencies begins with a comment");
    let end = root.text.find("[workspace.lints").expect("lints follow");
    let mut has_reason = false;
    for line in root.text[start..end].lines() {
        // A reason holds for the lines below it, up to the next one; an empty line ends it.
        has_reason = !line.is_empty() && (has_reason || line.starts_with('#'));
        assert!(has_reason || line.is_empty(), "no reason above `{line}`");
    }
}
