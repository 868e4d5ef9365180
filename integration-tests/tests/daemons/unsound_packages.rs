//! Packages whose code breaks a rule: nothing of them runs, and nothing is written.

use std::fs;
use std::path::Path;

use imprint_package::{read_packages, write_packages};

use crate::bad_input::says;
use crate::packages::{COUNTING, install, package, with_counting, write_package};

/// Makes the code of a method read a variable that its instances do not have.
fn break_code(folder: &Path, from: &str, to: &str, selector: &str) {
    let mut packages = read_packages(&fs::read(folder.join(from)).unwrap())
        .unwrap()
        .packages;
    let methods = packages.iter_mut().flat_map(|it| &mut it.methods);
    let mut found = methods.filter(|it| &*it.draft.selector == selector);
    // Push the receiver's variable 7, return it.
    found.next().unwrap().draft.code.bytecodes = vec![7, 0x5C];
    fs::write(folder.join(to), write_packages(&packages, None).unwrap()).unwrap();
}

#[test]
fn code_that_breaks_a_rule_is_named_and_nothing_of_its_package_runs_or_stays() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    with_counting(folder);
    break_code(folder, "one.package", "bad.package", "old");
    let asked = "Counting>>old";
    // First of all, beside what was there, and over an older version.
    for image in ["kernel.image", "one.image"] {
        let refused = install(folder, "bad.package", image, "bad.image");
        says(&refused, 2, asked);
        says(&refused, 2, &format!("nothing was installed into {image}"));
        assert!(!folder.join("bad.image").exists());
    }
    // Initialisers run when all was looked at: this one would tell that it ran.
    let telling = COUNTING.replace("Total := 7", "Transcript showln: 'ran'");
    write_package(folder, "two", "Counting", &[("Counting.class", &telling)]);
    for options in [&[][..], &["--before", "Transcript showln: 'ran'"]] {
        package(folder, "two", "two.package", options);
        break_code(folder, "two.package", "tells.package", "old");
        let refused = install(folder, "tells.package", "kernel.image", "bad.image");
        says(&refused, 2, asked);
        assert_eq!(refused.stdout, "");
    }
}
