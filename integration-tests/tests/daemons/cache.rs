//! What is kept in the user's cache folder: the embedded image, and what checks of images found.

use std::fs;
use std::path::{Path, PathBuf};

use imprint_integration_tests::programs::{Ended, assert_eventually, start};

fn eval(cache: &str, expression: &str) -> Ended {
    run(cache, &["eval", expression])
}

fn run(cache: &str, words: &[&str]) -> Ended {
    let here = Path::new(env!("CARGO_TARGET_TMPDIR"));
    start("master", here, words, &[("IMPRINT_CACHE", cache)]).wait()
}

/// Names below a folder that end so.
fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    let paths = entries.map(|entry| entry.unwrap().path());
    paths
        .filter(|path| path.to_string_lossy().ends_with(ending))
        .collect()
}

#[test]
fn the_embedded_image_is_kept_and_answers_as_a_new_one() {
    let folder = tempfile::tempdir().unwrap();
    let cache = folder.path().to_string_lossy();
    // The last one asks for a text, which lies beside the image.
    for expression in [
        "3 + 4",
        "1000 factorial printString size",
        "(Object lookupSelector: #yourself) sourceCode",
        "[ nil foo ] on: MessageNotUnderstood do: [ :error | error messageText ]",
    ] {
        let new = eval("off", expression);
        assert_eq!(new.code, Some(0), "{new:?}");
        for _ in 0..3 {
            let kept = eval(&cache, expression);
            assert_eq!((kept.code, kept.stdout), (new.code, new.stdout.clone()));
        }
    }
    assert_eq!(files(folder.path(), ".image").len(), 1);
    assert_eq!(files(folder.path(), ".changes").len(), 1);
}

#[test]
fn a_kept_image_that_was_cut_or_overwritten_is_built_again() {
    let folder = tempfile::tempdir().unwrap();
    let cache = folder.path().to_string_lossy();
    assert_eq!(eval(&cache, "3 + 4").stdout, "7\n");
    let image = files(folder.path(), ".image").remove(0);
    let whole = fs::read(&image).unwrap();
    // Its certificate must not hide it, so there has to be one.
    let certificates = folder.path().join("certificates");
    assert_eventually("a certificate", || {
        assert_eq!(eval(&cache, "3 + 4").stdout, "7\n");
        (!files(&certificates, ".certificate").is_empty()).then_some(())
    });
    let cut = whole[..whole.len() / 2].to_vec();
    let mut zeroed = whole.clone();
    zeroed[4096..whole.len() / 2].fill(0);
    for damaged in [Vec::new(), cut, zeroed] {
        fs::write(&image, damaged).unwrap();
        let ended = eval(&cache, "3 + 4");
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(0), "7\n"));
        assert!(fs::read(&image).unwrap() == whole, "it was not built again");
    }
}

#[test]
fn programs_that_start_at_once_leave_one_whole_image() {
    let folder = tempfile::tempdir().unwrap();
    let cache = folder.path().to_string_lossy();
    let here = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let environment = [("IMPRINT_CACHE", &*cache)];
    let started: Vec<_> = (0..6)
        .map(|_| start("master", here, &["eval", "3 + 4"], &environment))
        .collect();
    for running in started {
        let ended = running.wait();
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(0), "7\n"));
    }
    assert_eq!(files(folder.path(), ".image").len(), 1);
    assert_eq!(files(folder.path(), ".part").len(), 0);
    assert_eq!(eval(&cache, "3 + 4").stdout, "7\n");
}

#[test]
fn without_a_folder_that_can_be_written_everything_works_and_nothing_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a file");
    fs::write(&file, "no folder").unwrap();
    let ended = eval(&file.join("below").to_string_lossy(), "3 + 4");
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(0), "7\n"));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    let home = folder.path().to_string_lossy();
    let environment = [("HOME", &*home), ("XDG_CACHE_HOME", &*home)];
    let ended = start("master", folder.path(), &["eval", "3 + 4"], &environment).wait();
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(0), "7\n"));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn an_image_that_was_checked_once_runs_as_before() {
    let folder = tempfile::tempdir().unwrap();
    let cache = folder.path().join("cache").to_string_lossy().into_owned();
    let image = folder.path().join("full.image");
    let path = image.to_string_lossy();
    assert_eq!(run("off", &["build", "-o", &path]).code, Some(0));
    let words = ["run", &*path, "eval", "(Smalltalk at: #Object) name size"];
    let certificates = folder.path().join("cache/certificates");
    assert_eventually("a certificate", || {
        assert_eq!(run(&cache, &words).stdout, "6\n");
        (!files(&certificates, ".certificate").is_empty()).then_some(())
    });
    for _ in 0..2 {
        assert_eq!(run(&cache, &words).stdout, "6\n");
    }
    let tests = run(
        &cache,
        &["run", &path, "eval", "Smalltalk garbageCollect. 42"],
    );
    assert_eq!(tests.stdout, "42\n", "{tests:?}");
}
