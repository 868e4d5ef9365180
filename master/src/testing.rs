//! Finds the tests of packages in a full image and runs them one by one.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use imprint_bootstrap::PackageSet;
use imprint_loader::{ClassDefinition, Selection};
use imprint_report::{TestCase, TestOutcome, TestRun};
use imprint_slave::interrupts;
use imprint_slave::outcome_text::{ended, outcome_of};
use imprint_slave::session::limits_of;
use imprint_vm::{Outcome, RunLimits};

use crate::full_image::LiveImage;
use crate::project::LoadedSources;

/// A test may take this long where neither the command line nor the project says otherwise.
pub const TIMEOUT_DEFAULT: Duration = Duration::from_secs(30);

/// How long a test may take: as was said in seconds, else as the project says.
pub fn timeout(seconds: Option<f64>, sources: &LoadedSources) -> Duration {
    seconds
        .or(sources.spec.testing.default_timeout_seconds)
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .unwrap_or(TIMEOUT_DEFAULT)
}

/// One test.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Test {
    /// Category of its class.
    pub category: String,
    /// The class.
    pub class: String,
    /// The selector.
    pub selector: String,
}

/// The names and categories of the test classes in packages, as a selection picks them.
pub fn test_classes(
    set: &PackageSet,
    picks: impl Fn(&ClassDefinition) -> bool,
) -> Vec<&ClassDefinition> {
    let all: Vec<&ClassDefinition> = set
        .packages
        .iter()
        .flat_map(|package| &package.classes)
        .collect();
    let inherits = |class: &ClassDefinition| {
        let mut superclass = class.superclass.as_deref();
        for _ in 0..all.len() {
            match superclass {
                Some("TestCase") => return true,
                Some(name) => {
                    superclass = all
                        .iter()
                        .find(|c| c.name == name)
                        .and_then(|c| c.superclass.as_deref())
                }
                None => return false,
            }
        }
        false
    };
    all.iter()
        .copied()
        .filter(|class| picks(class) && inherits(class))
        .collect()
}

/// Whether a project's testing specification takes a class in.
pub fn is_selected(include: &Selection, exclude: &Selection, class: &ClassDefinition) -> bool {
    let category = class.category();
    let held = |selection: &Selection| selection.holds(&class.name, &category, &class.package);
    (include.is_empty() || held(include)) && !held(exclude)
}

/// The tests that a project says are its own, in the image that was built of it.
///
/// # Errors
/// Where a class cannot say which tests it has.
pub fn project_tests(image: &mut LiveImage, sources: &LoadedSources) -> Result<Vec<Test>> {
    let spec = &sources.spec.testing;
    let classes = test_classes(&sources.set, |class| {
        let is_own =
            sources.own_packages.is_empty() || sources.own_packages.contains(&class.package);
        is_own && is_selected(&spec.include, &spec.exclude, class)
    });
    let classes: Vec<(String, String)> = classes
        .iter()
        .map(|class| (class.name.clone(), class.category()))
        .collect();
    tests_of(image, &classes)
}

/// The tests of classes, as the image itself lists them.
///
/// # Errors
/// Where a class cannot say which tests it has.
pub fn tests_of(image: &mut LiveImage, classes: &[(String, String)]) -> Result<Vec<Test>> {
    let mut tests = Vec::new();
    for (class, category) in classes {
        match image.evaluate(
            &format!("{class} imprintTestSelectors"),
            RunLimits::default(),
        )? {
            Outcome::Returned(selectors) => {
                let heap = &image.vm.heap;
                let count = heap.indexable_size(selectors);
                let text = |index| heap.string_text(heap.slot(selectors, index));
                tests.extend((0..count).filter_map(text).map(|selector| Test {
                    category: category.clone(),
                    class: class.clone(),
                    selector,
                }));
            }
            other => bail!("{class} cannot list its tests: {other:?}"),
        }
    }
    Ok(tests)
}

/// Runs tests in the image; `on_done` hears of each as it ends.
///
/// # Errors
/// Where a test cannot even be started.
pub fn run_tests(
    image: &mut LiveImage,
    tests: &[Test],
    timeout: Duration,
    mut on_done: impl FnMut(&TestCase),
) -> Result<TestRun> {
    let mut run = TestRun {
        name: "tests".to_string(),
        cases: Vec::with_capacity(tests.len()),
    };
    for (index, test) in tests.iter().enumerate() {
        let start = Instant::now();
        let outcome = run_test(image, test, timeout)?;
        image.end_late_process()?;
        if interrupts::is_wished() {
            break;
        }
        let case = TestCase {
            category: test.category.clone(),
            class: test.class.clone(),
            selector: test.selector.clone(),
            seconds: start.elapsed().as_secs_f64(),
            outcome,
        };
        on_done(&case);
        run.cases.push(case);
        let next = tests.get(index + 1);
        if next.is_none_or(|next| next.class != test.class) {
            image.evaluate(&format!("{} imprintFinish", test.class), limits_of(timeout))?;
            image.end_late_process()?;
        }
    }
    Ok(run)
}

fn run_test(image: &mut LiveImage, test: &Test, timeout: Duration) -> Result<TestOutcome> {
    let expression = format!("{} imprintRun: #{}", test.class, test.selector);
    Ok(match image.evaluate(&expression, limits_of(timeout))? {
        Outcome::Returned(text) => {
            let text = image.vm.heap.string_text(text).unwrap_or_default();
            outcome_of(&text, &mut |activation| image.source_line(activation))
        }
        Outcome::TimedOut => TestOutcome::TimedOut(timeout.as_secs_f64()),
        other => ended(&other, &image.vm.names),
    })
}
