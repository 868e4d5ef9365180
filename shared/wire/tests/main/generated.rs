//! The committed protobuf code is what `proto/imprint.proto` says. After a change of that file,
//! `BLESS=1 cargo test -p imprint-wire --test main` writes the code anew.

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

const FILE: &str = "imprint.v1.rs";

fn generated() -> String {
    let proto_folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../proto");
    let descriptors = protox::compile(["imprint.proto"], [proto_folder]).unwrap();
    let folder = TempDir::new().unwrap();
    tonic_prost_build::configure()
        .bytes(".")
        .out_dir(folder.path())
        .compile_fds(descriptors)
        .unwrap();
    fs::read_to_string(folder.path().join(FILE)).unwrap()
}

fn committed() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("src/gen")
        .join(FILE)
}

#[test]
fn the_committed_code_is_what_the_proto_file_says() {
    let fresh = generated();
    if std::env::var_os("BLESS").is_some() {
        fs::write(committed(), &fresh).unwrap();
    }
    let standing = fs::read_to_string(committed()).unwrap();
    assert!(
        standing == fresh,
        "proto/imprint.proto changed: run this test with BLESS=1"
    );
}

#[test]
fn each_method_of_the_services_says_what_it_wants_of_its_caller() {
    let proto_folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../proto");
    let descriptors = protox::compile(["imprint.proto"], [proto_folder]).unwrap();
    let mut paths = Vec::new();
    for file in &descriptors.file {
        for service in &file.service {
            for method in &service.method {
                let (package, service) = (file.package(), service.name());
                paths.push(format!("/{package}.{service}/{}", method.name()));
            }
        }
    }
    let known: Vec<&str> = imprint_wire::role::METHODS
        .iter()
        .map(|(path, _)| *path)
        .collect();
    assert_eq!(known, paths);
}
