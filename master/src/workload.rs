//! What is to be run of a project or an image: the full image as bytes, and the plan.

use std::path::Path;
use std::time::Duration;

use anyhow::Result;
use imprint_vm::CommandLine;
use imprint_wire::message::{Plan, TestName};

use crate::full_image::LiveImage;
use crate::project::LoadedSources;
use crate::serving::image_tests;
use crate::testing::{self, Test};
use crate::withholding::Never;

/// A full image, and what is run of it.
pub struct Workload {
    /// The image, as a file would hold it.
    pub bytes: Vec<u8>,
    /// The texts of its methods.
    pub texts: Vec<u8>,
    /// Its entry expression, and all its tests.
    pub plan: Plan,
    /// How long a test may take.
    pub timeout: Duration,
}

impl Workload {
    /// Builds the image of a project's folder, opens an image file, or takes the embedded kernel
    /// alone; `wants` is asked of each test. What is never to leave
    /// the full image is taken out first.
    ///
    /// # Errors
    /// Sources that cannot be loaded, a file that is no image.
    pub fn prepare(
        path: Option<&Path>,
        never: &Never,
        seconds: Option<f64>,
        wants: impl Fn(&Test) -> bool,
    ) -> Result<Workload> {
        let sources = match path {
            Some(path) if path.is_dir() => LoadedSources::project(path)?,
            Some(path) => return Workload::of_file(path, never, seconds, wants),
            None => LoadedSources::kernel(|_| false)?,
        };
        let mut image = LiveImage::build(&sources, CommandLine::default())?;
        never.withhold(&mut image)?;
        let (bytes, texts) = (image.pristine_bytes()?, image.texts());
        let tests = match path {
            Some(_) => testing::project_tests(&mut image, &sources)?,
            None => Vec::new(),
        };
        Ok(Workload {
            bytes,
            texts,
            plan: Plan {
                tests: tests.iter().filter(|test| wants(test)).map(name).collect(),
                entry: sources.spec.entry.clone().unwrap_or_default(),
                options: Vec::new(),
            },
            timeout: testing::timeout(seconds, &sources),
        })
    }

    fn of_file(
        path: &Path,
        never: &Never,
        seconds: Option<f64>,
        wants: impl Fn(&Test) -> bool,
    ) -> Result<Workload> {
        let mut image = LiveImage::open(path, CommandLine::default())?;
        never.withhold(&mut image)?;
        let (bytes, texts) = (image.pristine_bytes()?, image.texts());
        let tests = image_tests(&mut image)?;
        Ok(Workload {
            bytes,
            texts,
            plan: Plan {
                tests: tests.iter().filter(|test| wants(test)).map(name).collect(),
                ..Plan::default()
            },
            timeout: testing::timeout(seconds, &LoadedSources::default()),
        })
    }
}

fn name(test: &Test) -> TestName {
    TestName {
        class: test.class.as_str().into(),
        selector: test.selector.as_str().into(),
    }
}
