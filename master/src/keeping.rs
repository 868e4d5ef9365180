//! What a user wants kept beside what the tests reach: matched against the full image, which alone
//! knows what there is, and told to the slave by id.

use std::path::PathBuf;

use anyhow::{Context, Result, anyhow};
use clap::Args;
use imprint_image::PristineImage;
use imprint_loader::Project;
use imprint_shrink::{KeepPattern, Kept, Margin, keep_pragmas, resolve};
use imprint_slave::keeping::{KEEP_OPTION, MARGIN_OPTION, id_of};
use imprint_vm::extract::{Extractor, ImageIndex};
use imprint_vm::install::Names;

/// The options of a shrink that keep more than what was reached.
#[derive(Args, Debug, Default)]
pub struct Keep {
    /// Keep a class, a method, what a variable holds, or all that match: 'Foo', 'Foo>>bar:', 'Foo class>>new',
    /// 'Foo>>Variable', 'Foo*'.
    #[arg(long, value_name = "PATTERN")]
    pub keep: Vec<String>,
    /// Keep all of a package.
    #[arg(long, value_name = "NAME")]
    pub keep_package: Vec<String>,
    /// Keep what a file lists, a pattern a line: the pruned.log of a slim image, for example.
    #[arg(long, value_name = "FILE")]
    pub keep_from: Vec<PathBuf>,
    /// How much more to keep: none, branches or class.
    #[arg(long, value_name = "MARGIN")]
    pub margin: Option<String>,
}

type Patterns = Vec<(String, KeepPattern)>;

/// The options of a slave's plan that keep what the user, the project and its pragmas ask for.
///
/// # Errors
/// A text that is no pattern, a pattern that matches nothing, a file that cannot be read.
pub fn plan_options(keep: &Keep, project: &Project, image: &[u8]) -> Result<Vec<(String, String)>> {
    let patterns = patterns(keep, project)?;
    let margin: Margin = keep
        .margin
        .as_deref()
        .unwrap_or(Margin::None.name())
        .parse()?;
    let pristine = PristineImage::from_bytes(image)
        .map_err(|problem| anyhow!("cannot read the full image: {problem}"))?;
    let index = ImageIndex::new(pristine.heap(), Names::scan(pristine.heap()));
    let extractor = Extractor::new(pristine.heap(), &index);
    let mut kept = resolve(&extractor, &patterns)?;
    kept.extend(keep_pragmas(&extractor));
    let mut options: Vec<_> = kept.iter().filter_map(keep_option).collect();
    options.push((MARGIN_OPTION.to_string(), margin.name().to_string()));
    Ok(options)
}

/// `keep`, and the id with the reason behind it. A class side is known by the id of its metaclass.
fn keep_option(kept: &Kept) -> Option<(String, String)> {
    let id = id_of(&kept.placed);
    (id != 0).then(|| (KEEP_OPTION.to_string(), format!("{id} {}", kept.because)))
}

fn patterns(keep: &Keep, project: &Project) -> Result<Patterns> {
    let mut patterns = Patterns::new();
    for text in keep.keep.iter().chain(&project.keep) {
        patterns.push((text.clone(), KeepPattern::parse(text)?));
    }
    for name in keep.keep_package.iter().chain(&project.keep_packages) {
        patterns.push((name.clone(), KeepPattern::package(name)?));
    }
    for file in &keep.keep_from {
        let text = std::fs::read_to_string(file)
            .with_context(|| format!("cannot read {}", file.display()))?;
        let is_pattern = |line: &&str| !line.is_empty() && !line.starts_with('#');
        let lines = text.lines().map(str::trim).filter(is_pattern);
        for line in lines {
            let pattern = KeepPattern::parse(line).with_context(|| file.display().to_string())?;
            patterns.push((line.to_string(), pattern));
        }
    }
    Ok(patterns)
}
