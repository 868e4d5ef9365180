//! What slaves may run, of an image that is served: its entry expression, all its tests, what is kept.

use anyhow::Result;
use imprint_loader::Project;
use imprint_slave::exercise::TEST_CLASS_OPTION;
use imprint_vm::{Outcome, RunLimits};
use imprint_wire::message::{Plan, TestName};
use tracing::warn;

use crate::full_image::LiveImage;
use crate::keeping::{Keep, plan_options};
use crate::testing::{Test, tests_of};

/// Where an image has no such class it has no tests.
const TEST_CLASS: &str = "TestCase";

/// The test classes of an image, each with its package, a line each.
const TEST_CLASSES: &str = "String streamContents: [ :stream |
    TestCase allSubclasses do: [ :each |
        stream nextPutAll: each name; space; nextPutAll: each package name; lf ] ]";

/// What slaves of an image may run; `bytes` is the image as it is served.
///
/// # Errors
/// Where the project wants something kept that is not there.
pub fn plan_of(image: &mut LiveImage, project: &Project, bytes: &[u8]) -> Result<Plan> {
    let classes = test_classes(image).unwrap_or_else(|error| {
        warn!("the image cannot list its tests: {error:#}");
        Vec::new()
    });
    let tests = tests_of(image, &classes)?;
    let mut options = plan_options(&Keep::default(), project, bytes)?;
    options.extend(
        classes
            .into_iter()
            .map(|(class, package)| (TEST_CLASS_OPTION.to_string(), format!("{class} {package}"))),
    );
    Ok(Plan {
        tests: tests
            .into_iter()
            .map(|test| TestName {
                class: test.class.into(),
                selector: test.selector.into(),
            })
            .collect(),
        entry: project.entry.clone().unwrap_or_default(),
        options,
    })
}

/// All tests of an image, each with its package as category.
///
/// # Errors
/// Where the image cannot list its tests.
pub fn image_tests(image: &mut LiveImage) -> Result<Vec<Test>> {
    let classes = test_classes(image)?;
    tests_of(image, &classes)
}

fn test_classes(image: &mut LiveImage) -> Result<Vec<(String, String)>> {
    let has_tests = image.vm.names.class_object(&image.vm.heap, TEST_CLASS);
    if has_tests.is_none() {
        return Ok(Vec::new());
    }
    let outcome = image.evaluate(TEST_CLASSES, RunLimits::default())?;
    let Outcome::Returned(text) = outcome else {
        anyhow::bail!("it ended with {outcome:?}")
    };
    let text = image.vm.heap.string_text(text).unwrap_or_default();
    let mut classes: Vec<(String, String)> = text
        .lines()
        .filter_map(|line| line.split_once(' '))
        .map(|(class, package)| (class.to_string(), package.to_string()))
        .collect();
    classes.sort();
    Ok(classes)
}
