//! `master build [PATH] -o IMAGE`: sources to an image file.

use anyhow::Context;
use imprint_image::{CompactOptions, ImageInfo, write_beside_and_rename, write_compact};
use imprint_report::{byte_size, count, duration, print};
use imprint_slave::command_line::ImageFormat;
use imprint_slave::ending::code;
use imprint_vm::CommandLine;

use crate::command_line::{Build, Failure};
use crate::full_image::LiveImage;
use crate::project::LoadedSources;

/// Builds and writes.
///
/// # Errors
/// Sources that do not compile, files that cannot be written.
pub fn build(build: &Build) -> Result<u8, Failure> {
    let sources = match &build.path {
        Some(folder) => LoadedSources::project(folder)?,
        None => LoadedSources::kernel(|_| build.with_kernel_tests)?,
    };
    let sources = sources.without(&build.without)?;
    let mut image = LiveImage::build(&sources, CommandLine::default())?;
    if build.format == ImageFormat::Compact {
        image.vm.collect(imprint_heap::Collection::Full);
        let (bytes, _) = write_compact(&image.vm.heap, &CompactOptions::default())
            .map_err(|problem| problem.of(&build.output))
            .context("cannot write the image")?;
        write_beside_and_rename(&build.output, &bytes).context("cannot write the image")?;
        image.write_texts(&build.output)?;
    } else {
        image.write(&build.output)?;
    }
    let heap = &image.vm.heap;
    let info = ImageInfo::of(heap, "", &[]);
    let row = format!(
        "full image    {} classes   {} methods   {} objects    {}   built in {}   {}",
        count(info.classes as u64),
        count(info.methods as u64),
        count(info.objects as u64),
        byte_size(heap.usage().old_bytes as u64),
        duration(image.built_in.unwrap_or_default()),
        build.output.display()
    );
    print(&row);
    Ok(code::DONE)
}
