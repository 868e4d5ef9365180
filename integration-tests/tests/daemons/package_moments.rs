//! What a package says itself of what runs before and after it: in its `package.st`.

use std::fs;
use std::path::Path;

use imprint_integration_tests::programs::{Ended, master};

use crate::bad_input::says;
use crate::packages::{install, package, write_package};

const CLASS: &str = "Class { #name : #Noted, #superclass : #Object, #category : #Noted }

Noted class >> initialize [ Smalltalk at: #Journal put: (Smalltalk at: #Journal ifAbsent: [ #() ]) , #(initialized) ]
";

/// Writes the sources with a head of their own.
fn write_with_head(folder: &Path, head: &str) {
    write_package(folder, "src", "Noted", &[("Noted.class", CLASS)]);
    let head = format!("Package {{ #name : #Noted, {head} }}\n");
    fs::write(folder.join("src/Noted/package.st"), head).unwrap();
}

fn journal(folder: &Path) -> Ended {
    let installed = install(folder, "noted.package", "kernel.image", "noted.image");
    assert_eq!(installed.code, Some(0), "{installed:?}");
    master(
        folder,
        &["run", "noted.image", "eval", "Smalltalk at: #Journal"],
    )
}

#[test]
fn a_package_says_what_runs_before_and_after_it() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    assert_eq!(
        master(folder, &["build", "-o", "kernel.image"]).code,
        Some(0)
    );
    write_with_head(
        folder,
        "#before : 'Smalltalk at: #Journal put: #(begun)', \
         #after : 'Smalltalk at: #Journal put: (Smalltalk at: #Journal) , #(ended)'",
    );
    package(folder, "src", "noted.package", &[]);
    assert_eq!(journal(folder).stdout, "#(#begun #initialized #ended)\n");
    // Who makes the file may say otherwise.
    package(folder, "src", "noted.package", &["--after", "nil"]);
    assert_eq!(journal(folder).stdout, "#(#begun #initialized)\n");
    write_with_head(folder, "#before : '1 +'");
    let bad = ["package", "--load", "src", "-o", "bad.package"];
    let refused = master(folder, &bad);
    says(&refused, 2, "cannot compile what runs before Noted");
    assert!(!folder.join("bad.package").exists());
}
