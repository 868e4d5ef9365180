//! `master test PATH-OR-PACKAGES`: the tests of a project, or of the embedded kernel.

use std::path::Path;

use anyhow::{Context, anyhow};
use imprint_image::write_beside_and_rename;
use imprint_report::{Audience, Screen, TestRun, junit_xml};
use imprint_slave::ending::code;
use imprint_slave::interrupts;
use imprint_vm::CommandLine;

use crate::command_line::{Failure, Test};
use crate::full_image::LiveImage;
use crate::project::LoadedSources;
use crate::testing::{self, TIMEOUT_DEFAULT};

/// Runs tests.
///
/// # Errors
/// Where nothing can be loaded or no test is found.
pub fn test(test: &Test) -> Result<u8, Failure> {
    let sources = sources_of(test)?;
    let mut image = LiveImage::build(&sources, CommandLine::default())?;
    let tests = testing::project_tests(&mut image, &sources)?;
    if tests.is_empty() {
        let what = test.what.join(" ");
        return Err(Failure {
            code: code::USAGE,
            error: anyhow!("no test found in {what}"),
        });
    }
    let timeout = testing::timeout(test.timeout, &sources);
    let screen = Screen::of_process(if test.json {
        Audience::Machine
    } else {
        Audience::Person
    });
    let phase = screen.phase("tests", tests.len() as u64);
    let run = testing::run_tests(&mut image, &tests, timeout, |_| phase.advance(1))?;
    drop(phase);
    if interrupts::is_wished() {
        eprintln!(
            "master: the run stopped at test {} of {}",
            run.cases.len() + 1,
            tests.len()
        );
        return Ok(code::INTERRUPTED);
    }
    if let Some(path) = &test.junit {
        write_beside_and_rename(path, junit_xml(&run).as_bytes())
            .context("cannot write the JUnit file")?;
    }
    Ok(show(&run, &screen, test.json))
}

/// Runs the tests of packages in an image that is open.
///
/// # Errors
/// Where no test is found.
pub fn test_image(image: &mut LiveImage, packages: &[&str]) -> Result<u8, Failure> {
    let mut classes = Vec::new();
    for package in packages {
        let expression = format!(
            "String streamContents: [ :s | ((Smalltalk organization packageNamed: #'{package}' ifAbsent: [ nil ]) \
             ifNil: [ #() ] ifNotNil: [ :p | p definedClasses ]) \
             do: [ :c | (c inheritsFrom: TestCase) ifTrue: [ s nextPutAll: c name; space ] ] ]"
        );
        let outcome = image.evaluate(&expression, imprint_vm::RunLimits::default())?;
        if let imprint_vm::Outcome::Returned(text) = outcome {
            let names = image.vm.heap.string_text(text).unwrap_or_default();
            classes.extend(
                names
                    .split_whitespace()
                    .map(|name| (name.to_string(), (*package).to_string())),
            );
        }
    }
    let tests = testing::tests_of(image, &classes)?;
    if tests.is_empty() {
        let what = packages.join(" ");
        return Err(Failure {
            code: code::USAGE,
            error: anyhow!("no test found in {what}"),
        });
    }
    let screen = Screen::of_process(Audience::Person);
    let run = testing::run_tests(image, &tests, TIMEOUT_DEFAULT, |_| {})?;
    Ok(show(&run, &screen, false))
}

fn sources_of(test: &Test) -> Result<LoadedSources, Failure> {
    match test.what.as_slice() {
        [path] if Path::new(path).is_dir() => Ok(LoadedSources::project(Path::new(path))?),
        packages => {
            let sources =
                LoadedSources::kernel(|name| packages.iter().any(|package| package == name))?;
            let has = |name: &String| {
                sources
                    .set
                    .packages
                    .iter()
                    .any(|package| &package.name == name)
            };
            match packages.iter().find(|name| !has(name)) {
                Some(missing) => Err(Failure {
                    code: code::USAGE,
                    error: anyhow!(
                        "{missing} is neither a folder nor a package of the embedded kernel"
                    ),
                }),
                None => Ok(LoadedSources {
                    own_packages: packages.to_vec(),
                    ..sources
                }),
            }
        }
    }
}

fn show(run: &TestRun, screen: &Screen, json: bool) -> u8 {
    if json {
        screen.document(&serde_json::to_string_pretty(run).unwrap_or_default());
    } else {
        let details = run.details();
        if !details.is_empty() {
            screen.row(&details);
        }
        screen.row(&run.counts().summary());
    }
    if run.counts().failed == 0 {
        code::DONE
    } else {
        code::FAILED
    }
}
