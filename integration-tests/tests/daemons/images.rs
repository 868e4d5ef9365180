//! Images that others made: `IMPRINT_IMAGES=folder` names a folder of them. Each is opened, asked
//! for `3 + 4` where it has a name for class SmallInteger, and, saved in the Spur format of today,
//! opened once more.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use imprint_integration_tests::programs::master;
use serde_json::Value;

/// Names the folder.
const FOLDER: &str = "IMPRINT_IMAGES";

#[test]
fn images_that_others_made_open_and_answer() {
    let Some(folder) = std::env::var_os(FOLDER).map(PathBuf::from) else {
        println!("skipped: {FOLDER} names no folder with images");
        return;
    };
    let mut images: Vec<PathBuf> = fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("{FOLDER}={}: {error}", folder.display()))
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "image")
        })
        .collect();
    images.sort();
    assert!(!images.is_empty(), "{} holds no image", folder.display());
    for image in images {
        look_at(&image);
    }
}

fn look_at(image: &Path) {
    let work = tempfile::tempdir().unwrap();
    let copy = work.path().join("their.image");
    fs::copy(image, &copy).unwrap();
    let started = Instant::now();
    let info = master(work.path(), &["image", "info", "their.image", "--json"]);
    let opened_in = started.elapsed();
    if info.code == Some(5) {
        // Refused, and the sentence says what could read it.
        assert!(info.stderr.contains("(format "), "{info:?}");
        println!("{}   refused: {}", image.display(), info.stderr.trim());
        return;
    }
    assert_eq!(info.code, Some(0), "{}: {info:?}", image.display());
    let facts: Value = serde_json::from_str(&info.stdout).unwrap();
    let sum = master(
        work.path(),
        &["run", "their.image", "-vm-display-null", "eval", "3 + 4"],
    );
    let answer = if sum.code == Some(0) {
        assert_eq!(sum.stdout.trim(), "7", "{}: {sum:?}", image.display());
        "3 + 4 = 7".to_owned()
    } else {
        // No names, no compiling: the sentence says which it lacks.
        assert!(!sum.stderr.trim().is_empty(), "{sum:?}");
        sum.stderr.trim().to_owned()
    };
    println!(
        "{}   {}   opened in {opened_in:?}   {answer}",
        image.display(),
        facts["format"]
    );
}
