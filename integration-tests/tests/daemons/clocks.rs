//! A clock of the computer that jumps by hours: neither daemon relies on it for what it waits for.

use std::fs;
use std::path::Path;
use std::process::Command;

use imprint_integration_tests::programs::{free_port, start};

use crate::serving::{await_health, full_image};

/// Stands before the C library's clock: each second look at the time of day is two hours late or early. The
/// first jump leaves a file behind, so that a test sees that there was one.
const JUMPING_CLOCK: &str = r#"
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

int clock_gettime(clockid_t id, struct timespec *now)
{
    static int (*real)(clockid_t, struct timespec *);
    static int looks;
    if (!real)
        real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
    int result = real(id, now);
    if (id == CLOCK_REALTIME && ++looks % 2 == 0) {
        now->tv_sec += looks % 4 == 0 ? 7200 : -7200;
        FILE *seen = looks == 2 ? fopen(getenv("JUMPED"), "w") : 0;
        if (seen)
            fclose(seen);
    }
    return result;
}
"#;

/// Makes a library of the clock.
fn library(folder: &Path) -> String {
    let source = folder.join("clock.c");
    let library = folder.join("clock.so");
    fs::write(&source, JUMPING_CLOCK).unwrap();
    let made = Command::new("cc")
        .args(["-shared", "-fPIC", "-o"])
        .args([&library, &source])
        .arg("-ldl")
        .status();
    assert!(made.unwrap().success());
    library.display().to_string()
}

#[test]
fn a_clock_that_jumps_changes_neither_a_run_nor_its_image() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    full_image(path);
    let library = library(path);
    let expression = "(Delay forMilliseconds: 200) wait. 100 factorial printString size";
    let image = |name: &str, jumps: bool| {
        let seen = |who: &str| path.join(format!("{who}-{name}")).display().to_string();
        let (of_master, of_slave) = (seen("master"), seen("slave"));
        let environment = |seen: &str| match jumps {
            true => vec![
                ("LD_PRELOAD".to_string(), library.clone()),
                ("JUMPED".to_string(), seen.to_string()),
            ],
            false => Vec::new(),
        };
        let begin = |program: &str, arguments: &[&str], seen: &str| {
            let environment = environment(seen);
            let pairs: Vec<(&str, &str)> = environment
                .iter()
                .map(|(name, value)| (name.as_str(), value.as_str()))
                .collect();
            start(program, path, arguments, &pairs)
        };
        let url = format!("http://127.0.0.1:{}", free_port().unwrap());
        let admin = free_port().unwrap();
        let address = format!("127.0.0.1:{admin}");
        let serve = ["serve", "full.image", "--listen", &url, "--admin", &address];
        let _master = begin("master", &serve, &of_master);
        await_health(admin);
        let run = [
            "run",
            "--master",
            &url,
            "--eval",
            expression,
            "--snapshot",
            name,
        ];
        let ended = begin("slave", &run, &of_slave).wait();
        assert_eq!(ended.code, Some(0), "{ended:?}");
        assert!(!ended.stderr.contains("lost the master"), "{ended:?}");
        let has_jumped = |seen: &String| Path::new(seen).exists();
        assert_eq!([has_jumped(&of_master), has_jumped(&of_slave)], [jumps; 2]);
        fs::read(path.join(name)).unwrap()
    };
    let plain = image("plain.image", false);
    assert!(image("jumping.image", true) == plain, "the images differ");
}
